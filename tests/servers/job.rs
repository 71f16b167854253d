//! `argus run` of a shipped script, watched through its metrics server.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use argus_base::Env;

use super::{PATIENCE, PAUSE, wait_until};

/// A signal must end a job within this time.
const MOST_STOPPING: Duration = Duration::from_secs(15);

/// A process that runs a script of the pipeline; killed when dropped.
pub struct Job {
    child: Child,
    folder: tempfile::TempDir,
    /// Of the metrics server, once the job runs.
    address: String,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Done {
    /// `None` when a signal killed it.
    pub exit_code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// What it said.
    pub stderr: String,
    /// How long it took, from when it was waited for.
    pub waited: Duration,
}

impl Job {
    /// Starts `pipelines/streampulse/SCRIPT` with these variables and nothing else of ours in the
    /// environment.
    pub fn start(script: &str, variables: &BTreeMap<String, String>, arguments: &[&str]) -> Job {
        let folder = tempfile::tempdir().unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/streampulse").join(script);
        let kept = ["PATH", "HOME", "TMPDIR"].into_iter();
        let kept = kept.filter_map(|name| Some((name, std::env::var_os(name)?)));
        let child = Command::new(env!("CARGO_BIN_EXE_argus"))
            .arg("run")
            .arg(path)
            .args(["--metrics", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .envs(kept)
            .env("ARGUS_LOG", "info")
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Job { child, folder, address: String::new() }
    }

    /// Waits until it says that it runs; the line comes back.
    pub fn wait_running(&mut self) -> String {
        let mut found = None;
        let stderr = self.folder.path().join("stderr");
        let is_running = || {
            let said = self.stderr();
            let line = said.lines().find(|line| line.starts_with("argus: running "));
            found = line.map(str::to_owned);
            let has_ended = self.child.try_wait().unwrap().is_some();
            assert!(found.is_some() || !has_ended, "it ended:\n{said}");
            found.is_some()
        };
        let describe = || std::fs::read_to_string(&stderr).unwrap();
        wait_until("argus: running", is_running, describe);
        let line = found.unwrap();
        self.address = line.rsplit('=').next().unwrap().to_owned();
        line
    }

    /// What it has said.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// Its resident memory; `None` when it has ended.
    pub fn resident_kib(&mut self) -> Option<u64> {
        if self.child.try_wait().unwrap().is_some() {
            return None;
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Whether `/readyz` says that it can do its work now.
    pub fn is_ready(&self) -> bool {
        let page = self.get("/readyz");
        let is_ready = page.starts_with("HTTP/1.1 200 ");
        assert!(is_ready || page.starts_with("HTTP/1.1 503 "), "{page}");
        is_ready
    }

    /// The sum of a metric over everything that has all of these labels.
    pub fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        self.series(name)
            .iter()
            .filter(|(key, _)| labels.iter().all(|l| key.contains(l)))
            .map(|(_, value)| value)
            .sum()
    }

    /// The sum of a metric; `None` when nobody answers any more.
    pub fn try_metric(&self, name: &str) -> Option<f64> {
        let page = self.try_get("/metrics").ok()?;
        Some(series(&page, name).map(|(_, value)| value).sum())
    }

    /// Labels and value of everything of a metric.
    pub fn series(&self, name: &str) -> Vec<(String, f64)> {
        series(&self.get("/metrics"), name).collect()
    }

    /// Messages that have been read, decoded or skipped.
    pub fn n_read(&self) -> usize {
        let read = self.metric("argus_source_records_total", &[]);
        let skipped = self.metric("argus_source_skipped_total", &[]);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let n_read = (read + skipped) as usize;
        n_read
    }

    /// Waits until that many messages have been read.
    pub fn wait_read(&self, n_messages: usize) {
        let describe = || format!("{} of {n_messages} read\n{}", self.n_read(), self.stderr());
        wait_until("messages read", || self.n_read() >= n_messages, describe);
        assert_eq!(self.n_read(), n_messages, "{}", self.stderr());
    }

    /// Waits until that many partitions hold no watermark back. The gauges are a few milliseconds
    /// behind the rows.
    pub fn wait_idle(&self, n_partitions: usize) {
        Env::system().sleep(Duration::from_millis(100));
        let n_idle = || self.series("argus_source_idle").iter().filter(|(_, v)| *v > 0.0).count();
        let describe = || format!("{} of {n_partitions} idle\n{}", n_idle(), self.stderr());
        wait_until("partitions idle", || n_idle() >= n_partitions, describe);
    }

    /// Waits until `/readyz` says so.
    pub fn wait_ready(&self, wanted: bool) {
        wait_until("readiness", || self.is_ready() == wanted, || self.stderr());
    }

    /// Sends SIGTERM, after which it must end well and in time.
    pub fn stop(mut self) -> Done {
        self.signal("TERM");
        let done = self.wait();
        assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
        assert!(done.waited < MOST_STOPPING, "{:?}", done.waited);
        done
    }

    /// How it ended, if it has.
    pub fn end(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Kills it, unless it has ended by itself.
    pub fn kill(&mut self) {
        if self.end().is_none() {
            self.child.kill().unwrap();
        }
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> Done {
        let env = Env::system();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(env.elapsed() < PATIENCE, "no end:\n{}", self.stderr());
            env.sleep(PAUSE);
        };
        let stderr = self.stderr();
        assert!(!stderr.contains("panicked"), "{stderr}");
        let (exit_code, signal) = (status.code(), status.signal());
        Done { exit_code, signal, stderr, waited: env.elapsed() }
    }

    fn get(&self, path: &str) -> String {
        let page = self.try_get(path);
        page.unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.stderr()))
    }

    fn try_get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }
}

/// Labels and value of everything of a metric on a page.
fn series<'a>(page: &'a str, name: &'a str) -> impl Iterator<Item = (String, f64)> + 'a {
    page.lines().filter_map(move |line| {
        let (labels, value) = line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once("} ")?;
        Some((labels.to_owned(), value.parse().unwrap()))
    })
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            // It may have ended in between.
            let _ended = self.child.kill();
            let _status = self.child.wait();
        }
    }
}
