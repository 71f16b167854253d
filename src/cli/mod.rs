//! The command line: what can be typed, and what is made of it.

pub mod worker;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use argus_engine::StartOptions;
use clap::{Args, Parser, Subcommand};

use crate::output::OutputForm;
use worker::{SavepointArguments, StateArguments, StatusArguments, StopArguments};

const EXAMPLES: &str = "\
Examples:
  argus run job.sql                                  run a script; a SELECT prints its rows
  argus run job.sql --set pipeline.name=downloads    the same with another setting
  argus run job.sql --table orders.path=/tmp/orders  the same with another option of a table
  argus run job.sql --parallelism 2 --metrics 9249   two slots; metrics on 127.0.0.1:9249
  argus run job.sql --dir /var/lib/argus             with checkpoints; run again, it goes on
  argus status job --dir /var/lib/argus              how it is getting on
  argus stop job --dir /var/lib/argus                end it with a last checkpoint
  argus state show /var/lib/argus/job                what its checkpoints hold
  argus explain job.sql                              what each statement would run
  argus demo                                         a whole pipeline, nothing to install
  argus options                                      every setting and option

Exit codes: 0 finished, or stopped; 1 failed while running; 2 wrong script or arguments;
3 a construct that Argus does not run yet; 4 another worker has taken the job over;
5 the committed checkpoint cannot be read.

Environment: ${NAME} and ${NAME:default} in a script are variables of the environment.
ARGUS_LOG=info shows what happens inside (error, warn, info, debug; default: warn).
ARGUS_CHECKPOINT_DIR is the --dir of stop, savepoint and status. ARGUS_FAULT=POINT:before|after:N
kills a worker there, for tests; --fault-points lists the points.";

/// Runs Flink SQL jobs on one machine.
#[derive(Debug, Parser)]
#[command(name = "argus", version, after_help = EXAMPLES)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// List the points at which ARGUS_FAULT can kill a worker
    #[arg(long)]
    pub fault_points: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a script: bounded inputs end it, a SELECT prints one row a line
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArguments),
    /// Ends a running job with a last checkpoint, and waits until its worker has ended
    #[command(after_help = worker::STOP_EXAMPLES)]
    Stop(StopArguments),
    /// Takes a savepoint of a running job, and prints where it lies
    #[command(after_help = worker::SAVEPOINT_EXAMPLES)]
    Savepoint(SavepointArguments),
    /// Tells how a running job is getting on
    #[command(after_help = worker::STATUS_EXAMPLES)]
    Status(StatusArguments),
    /// Looks at stored state
    State(StateArguments),
    /// Shows the plan of every query and INSERT of a script without running it
    Explain(ExplainArguments),
    /// Shows the StreamPulse pipeline at work: generator, broker, job and database in one process
    Demo(DemoArguments),
    /// Lists every setting, and every option of every connector and format
    Options(OptionsArguments),
}

const RUN_EXAMPLES: &str = "\
Examples:
  argus run job.sql --table downloads.scan.startup.mode=latest-offset
  argus run job.sql --set table.local-time-zone=UTC --set argus.source.on-error=skip
  argus run query.sql --output json | jq .row
  argus run job.sql --dir /var/lib/argus                      checkpoints to /var/lib/argus/job
  argus run job.sql --dir /var/lib/argus --parallelism 4      goes on there with four slots
  argus run job.sql --dir /var/lib/argus --fresh              forgets them, begins anew
  argus run job.sql --dir /var/lib/argus --from-savepoint /backups/savepoint-job-41-5f0c21d3
  argus run job.sql --dir /var/lib/argus --allow-state-loss 3f2a91c07be4d815

--set and --table go before what the script says. SIGINT and SIGTERM end the job cleanly, with a
last checkpoint where it takes any; a second signal ends it at once. A SELECT takes no
checkpoints.";

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub script: ScriptArguments,
    /// Serve /metrics, /healthz and /readyz there; a bare port is on 127.0.0.1, port 0 any free one
    #[arg(long, value_name = "HOST:PORT", value_parser = metrics_address)]
    pub metrics: Option<SocketAddr>,
    /// How rows are printed; default: table on a terminal, else json
    #[arg(long, value_name = "FORM")]
    pub output: Option<OutputForm>,
    /// Take checkpoints, into DIR/JOB: short for --set execution.checkpointing.dir=DIR
    #[arg(long, value_name = "DIR")]
    pub dir: Option<String>,
    /// Where the job can be reached by stop, savepoint and status; default: DIR/JOB/control.sock
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    #[command(flatten)]
    pub start: StartArguments,
}

/// How a job with checkpoints begins.
#[derive(Debug, Default, Args)]
pub struct StartArguments {
    /// Forget the checkpoints of the job and begin anew at its start positions
    #[arg(long, conflicts_with_all = ["from_savepoint", "accept_duplicates", "allow_state_loss"])]
    pub fresh: bool,
    /// Begin from a savepoint instead of the job's own checkpoints
    #[arg(long, value_name = "PATH", conflicts_with = "accept_duplicates")]
    pub from_savepoint: Option<String>,
    /// Where the committed checkpoint cannot be read, take an older one: rows may come twice
    #[arg(long)]
    pub accept_duplicates: bool,
    /// An operator, by id or name, that the script no longer has and whose state may be dropped
    #[arg(long, value_name = "OPERATOR")]
    pub allow_state_loss: Vec<String>,
}

impl StartArguments {
    /// The first of them that was given, as it is typed.
    pub fn given(&self) -> Option<&'static str> {
        let all = [
            (self.fresh, "--fresh"),
            (self.from_savepoint.is_some(), "--from-savepoint"),
            (self.accept_duplicates, "--accept-duplicates"),
            (!self.allow_state_loss.is_empty(), "--allow-state-loss"),
        ];
        all.into_iter().find(|(is_given, _)| *is_given).map(|(_, name)| name)
    }

    /// As the engine takes them.
    pub fn options(&self) -> StartOptions {
        StartOptions {
            fresh: self.fresh,
            from_savepoint: self.from_savepoint.clone(),
            accept_duplicates: self.accept_duplicates,
            allow_state_loss: self.allow_state_loss.clone(),
        }
    }
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    #[command(flatten)]
    pub script: ScriptArguments,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Where the SQLite file goes; default: a folder of its own below the temporary folder
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// Minutes of downloads; each takes a second
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(2..=1_000))]
    pub minutes: u64,
}

/// Arguments of `options`.
#[derive(Debug, Args)]
pub struct OptionsArguments {
    /// As Markdown, for the reference page
    #[arg(long)]
    pub markdown: bool,
}

/// A script and what goes before it.
#[derive(Debug, Default, Args)]
pub struct ScriptArguments {
    /// The script
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A setting that goes before the script's SET
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
    /// An option of a table that goes before its WITH
    #[arg(long = "table", value_name = "NAME.OPTION=VALUE", value_parser = table_option)]
    pub tables: Vec<TableOption>,
    /// Number of slots
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=32_768))]
    pub parallelism: Option<u16>,
}

/// `NAME.OPTION=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOption {
    /// The table.
    pub table: String,
    /// The key in its WITH clause.
    pub option: String,
    /// The value.
    pub value: String,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("expected KEY=VALUE, such as pipeline.name=orders".to_owned()),
    }
}

/// The table's name ends at the first point; a name with a point in it is written in back-ticks.
fn table_option(text: &str) -> Result<TableOption, String> {
    let expected = || "expected NAME.OPTION=VALUE, such as orders.path=/tmp/orders".to_owned();
    let (table, rest) = match text.strip_prefix('`').and_then(|text| text.split_once('`')) {
        Some((quoted, rest)) => (quoted, rest.strip_prefix('.').ok_or_else(expected)?),
        None => text.split_once('.').ok_or_else(expected)?,
    };
    let (option, value) = rest.split_once('=').ok_or_else(expected)?;
    if table.is_empty() || table.contains('=') || option.is_empty() {
        return Err(expected());
    }
    let (table, option) = (table.to_owned(), option.to_owned());
    Ok(TableOption { table, option, value: value.to_owned() })
}

/// `HOST:PORT`, `:PORT` or `PORT`.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let full = match text.strip_prefix(':').unwrap_or(text) {
        port if port.bytes().all(|byte| byte.is_ascii_digit()) => format!("127.0.0.1:{port}"),
        _ => text.to_owned(),
    };
    let addresses = full.to_socket_addrs();
    let first = addresses.map_err(|error| format!("expected HOST:PORT: {error}"))?.next();
    first.ok_or_else(|| format!("the host of '{text}' has no address"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_of_tables() {
        let parsed = |text| table_option(text).map(|t| (t.table, t.option, t.value));
        let owned = |t: &str, o: &str, v: &str| Ok((t.into(), o.into(), v.into()));
        assert_eq!(parsed("t.path=/a=b"), owned("t", "path", "/a=b"));
        assert_eq!(parsed("t.scan.startup.mode="), owned("t", "scan.startup.mode", ""));
        assert_eq!(parsed("`a.b`.path=x"), owned("a.b", "path", "x"));
        for wrong in ["", "t", "t.path", "path=x.y", ".path=x", "t.=x"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn settings() {
        assert_eq!(setting("a.b=c=d"), Ok(("a.b".into(), "c=d".into())));
        assert!(setting("a").is_err());
        assert!(setting("=b").is_err());
    }

    #[test]
    fn addresses() {
        let shown = |text| metrics_address(text).map(|address| address.to_string());
        assert_eq!(shown("9249"), Ok("127.0.0.1:9249".to_owned()));
        assert_eq!(shown(":0"), Ok("127.0.0.1:0".to_owned()));
        assert_eq!(shown("0.0.0.0:1"), Ok("0.0.0.0:1".to_owned()));
        assert!(shown("localhost").is_err());
        assert!(shown("127.0.0.1:99999").is_err());
    }
}
