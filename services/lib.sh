# The common part of the service scripts; sourced, not run.
#
# A script sets `name`, `version`, `revision` (raised when its do_install changes) and `options` (help text), defines
# do_install and do_start, and calls `main "$@"`. Here are: installing once, ports, processes and the commands.
#   $pkg   what is installed of this service and version, shared by all instances
#   $dir   the folder of one instance: data/ logs/ run/ (ports, process ids, options, environment)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
services_home=${ARGUS_SERVICES_HOME:-$HOME/.cache/argus-services}
tmp_root=${TMPDIR:-/tmp}

die() { echo "$(basename "$0"): $*" >&2; exit 1; }

# ---- installing ----

# need COMMAND PACKAGE: fails with the Debian package that brings the command
need() { command -v "$1" >/dev/null || die "needs the command '$1': apt-get install $2"; }

# quietly COMMAND...: its output is shown only when it fails
quietly() {
  local log; log=$(mktemp "$tmp_root/argus-install.XXXXXX")
  if ! "$@" >"$log" 2>&1; then
    echo "$(basename "$0"): failed: $*" >&2; tail -n 40 "$log" >&2; rm -f "$log"; return 1
  fi
  rm -f "$log"
}

# maven_jars POM FOLDER: the jars a pom names, with what they need at run time
maven_jars() {
  need mvn maven; need java default-jdk-headless
  quietly mvn -q -B -f "$here/poms/$1" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$2"
}

# Installs once, also when several processes ask for it at the same time. A broken attempt leaves no .done and is redone.
install_once() {
  [ ! -e "$pkg/.done" ] || return 0
  mkdir -p "$services_home"
  ( # no '||' behind this: it would switch off 'set -e' inside
    exec 8>"$services_home/.$(basename "$pkg").lock"; flock 8
    [ ! -e "$pkg/.done" ] || exit 0
    rm -rf "$pkg"; mkdir -p "$pkg"
    do_install 8>&-
    touch "$pkg/.done"
  )
}

# ---- ports ----

# port_used PORT: something on this machine holds the TCP port, listening or not
port_used() { grep -qiE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") " /proc/net/tcp /proc/net/tcp6 2>/dev/null; }

# A free port below the kernel's own range. It is reserved for five minutes, so that two starts at once do not get the same.
free_port() {
  local claims="$tmp_root/argus-ports-$(id -u)" port try
  mkdir -p "$claims"
  find "$claims" -type f -mmin +5 -delete 2>/dev/null || true
  for try in {1..2000}; do
    port=$((15000 + (RANDOM * 32768 + RANDOM) % 17000))
    ! port_used "$port" || continue
    if (set -o noclobber; : >"$claims/$port") 2>/dev/null; then echo "$port"; return; fi
  done
  die "no free port"
}
# port_for NAME [WISH]: the port saved for this instance, else the wished one, else a free one
port_for() {
  local file="$dir/run/port.$1"
  if [ -n "${2:-}" ]; then echo "$2" >"$file"; elif [ ! -s "$file" ]; then free_port >"$file"; fi
  cat "$file"
}

# ---- processes ----

# The start time of a process, which tells a reused process id apart.
ticks() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
alive() { # alive PROCESS: the process of that name runs
  local id start; read -r id start 2>/dev/null <"$dir/run/$1.pid" || return 1
  [ -n "$start" ] && [ "$(ticks "$id")" = "$start" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$id/status" 2>/dev/null
}
pid_of() { cut -d' ' -f1 "$dir/run/$1.pid"; }
# launch PROCESS COMMAND...: in the background in its own session, output to logs/PROCESS.log; nothing when it runs already
launch() {
  local process=$1; shift
  ! alive "$process" || return 0
  setsid "$@" </dev/null >>"$dir/logs/$process.log" 2>&1 8>&- &
  local id=$!
  echo "$id $(ticks "$id" || true)" >"$dir/run/$process.pid"
  disown "$id" 2>/dev/null || true
}
# wait_for PROCESS SECONDS COMMAND...: until the command succeeds; fails at once when the process ends
wait_for() {
  local process=$1 end=$((SECONDS + $2)) fault=''; shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$process" || fault="ended"
    [ $SECONDS -lt $end ] || fault="does not answer"
    if [ -n "$fault" ]; then
      echo "$(basename "$0"): $process $fault; the last lines of $dir/logs/$process.log:" >&2
      tail -n 25 "$dir/logs/$process.log" >&2
      halt KILL; exit 1
    fi
    sleep 0.1
  done
}
# halt TERM|INT|KILL [PROCESS...]: ends processes of this instance (all without names), the last started first
halt() {
  local signal=$1 process tenths; shift
  [ $# -gt 0 ] || set -- $(ls -t "$dir/run/" 2>/dev/null | sed -n 's/\.pid$//p')
  for process; do
    if alive "$process"; then
      kill -s "$signal" "$(pid_of "$process")" 2>/dev/null || true
      tenths=0
      while alive "$process"; do
        tenths=$((tenths + 1))
        [ $tenths != 300 ] || kill -s KILL "$(pid_of "$process")" 2>/dev/null || true
        [ $tenths -lt 350 ] || die "cannot end $process (process $(pid_of "$process"))"
        sleep 0.1
      done
    fi
    rm -f "$dir/run/$process.pid"
  done
}

# Options that make a short-lived Java server start faster.
java_quick=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto)

# ---- the commands ----

# give NAME VALUE: an environment variable of the instance; all are printed when it answers
give() { printf 'export %s=%q\n' "$1" "$2" >>"$dir/run/env.new"; }

start_now() {
  rm -f "$dir/run/env.new"
  give "$dirvar" "$dir"
  do_start "$@"
  mv "$dir/run/env.new" "$dir/run/env"; cat "$dir/run/env"
}

main() {
  local upper; upper=$(tr a-z A-Z <<<"$name")
  dirvar="ARGUS_${upper}_DIR"
  pkg=$services_home/$name-$version-r$revision
  local command=${1:-help}; shift || true
  case $command in
    install) install_once; return ;;
    start|stop|kill|restart|env|logs) ;;
    help|--help) usage; return ;;
    *) if declare -F "command_$command" >/dev/null; then install_once; "command_$command" "$@"; return; fi
       usage >&2; exit 2 ;;
  esac
  dir=''; local args=() only=()
  while [ $# -gt 0 ]; do
    case $1 in
      --dir) [ $# -gt 1 ] || die "--dir needs a folder"; dir=$2; shift 2 ;;
      --only) [ $# -gt 1 ] || die "--only needs a process name"; only+=("$2"); shift 2 ;;
      *) args+=("$1"); shift ;;
    esac
  done
  if [ "$command" = start ]; then
    install_once
    [ -n "$dir" ] || dir=$(mktemp -d "$tmp_root/argus-$name.XXXXXX")
    mkdir -p "$dir"/{data,logs,run}; dir=$(cd "$dir" && pwd)
    # A folder used before keeps its options unless new ones are given.
    if [ ${#args[@]} = 0 ] && [ -s "$dir/run/args" ]; then mapfile -t args <"$dir/run/args"; fi
    printf '%s\n' "${args[@]}" | sed '/^$/d' >"$dir/run/args"
    start_now "${args[@]}"
    return
  fi
  [ ${#args[@]} = 0 ] || die "unknown argument: ${args[0]}"
  [ -n "$dir" ] || dir=${!dirvar:-}
  [ -n "$dir" ] || die "which instance? give --dir or set $dirvar"
  [ -d "$dir/run" ] || { [ "$command" = stop ] && return; die "no instance in $dir"; }
  dir=$(cd "$dir" && pwd)
  case $command in
    stop) halt "${stop_signal:-TERM}" "${only[@]}" ;;
    kill) halt KILL "${only[@]}" ;;
    restart) halt "${stop_signal:-TERM}" "${only[@]}"; mapfile -t args <"$dir/run/args"; start_now "${args[@]}" ;;
    env) cat "$dir/run/env" ;;
    logs) tail -n 50 "$dir"/logs/*.log ;;
  esac
}

usage() {
  cat <<U
usage: $(basename "$0") install | start [--dir D] [options] | stop | kill | restart | env | logs  [--dir D]
  install  gets what is missing (start does it too)
  start    starts the server, waits until it answers and prints 'export NAME=value' lines. Without --dir: a new temporary
           folder. With a folder used before: the same data, ports and options.
  stop     ends it in an orderly way. kill: SIGKILL, for tests of outages; 'start --dir D' brings it back. restart: both.
  The other commands find the instance by --dir or by \$$dirvar, which start prints. --only P: one process of several.
$options
U
}
