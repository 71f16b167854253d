//! Our own engine: built for release, started, watched through its metrics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::http;
use super::measure::{Figures, Span, measure};
use super::page::Page;
use crate::tree;

/// How long a job may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long anything that is waited for may take.
const LONG_PATIENCE: Duration = Duration::from_secs(600);

/// The release binary.
pub struct Argus {
    binary: PathBuf,
}

/// Variables of a script.
pub type Variables = BTreeMap<&'static str, String>;

impl Argus {
    /// Where cargo puts it.
    pub fn release() -> Argus {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = target.unwrap_or_else(|| tree::root().join("target"));
        Argus { binary: target.join("release/argus") }
    }

    /// Builds it.
    pub fn build(&self) -> Result<()> {
        let built = Command::new("cargo")
            .args(["build", "--release", "--quiet", "--bin", "argus"])
            .current_dir(tree::root())
            .status()
            .context("run cargo build")?;
        ensure!(built.success(), "the release build failed");
        Ok(())
    }

    /// Runs a script to its end; what it printed comes back.
    pub fn run(&self, script: &str, variables: &Variables, more: &[&str]) -> Result<String> {
        let output = self.command(script, variables).args(more).output().context("run argus")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{script}: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts a job and waits until it runs.
    pub fn start(&self, script: &str, variables: &Variables) -> Result<Running> {
        let said = std::env::temp_dir().join(format!("argus-bench-{}.log", std::process::id()));
        let child = self
            .command(script, variables)
            .args(["--metrics", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&said)?)
            .spawn()?;
        let mut running = Running { child, address: String::new() };
        running.wait_running(&said)?;
        Ok(running)
    }

    /// Measures a job that reads this many rows.
    pub fn measure(
        &self,
        script: &str,
        variables: &Variables,
        n_rows: u64,
        span: &Span,
    ) -> Result<Figures> {
        let running = self.start(script, variables)?;
        measure(running.process_id(), n_rows, span, || running.n_read())
    }

    /// What runs a script.
    pub fn command(&self, script: &str, variables: &Variables) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("run").arg(tree::root().join(script)).envs(variables).stdin(Stdio::null());
        command
    }
}

/// A running job; killed when dropped.
pub struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn wait_running(&mut self, said: &Path) -> Result<()> {
        let begun = Instant::now();
        loop {
            let text = std::fs::read_to_string(said)?;
            let line = text.lines().find(|line| line.starts_with("argus: running "));
            if let Some((_, address)) = line.and_then(|line| line.rsplit_once('=')) {
                self.address = address.to_owned();
                return Ok(());
            }
            let has_ended = self.child.try_wait()?.is_some();
            ensure!(!has_ended && begun.elapsed() < PATIENCE, "the job does not run:\n{text}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The id of the process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Rows read so far.
    pub fn n_read(&self) -> Result<f64> {
        Ok(self.page()?.sum("argus_source_records_total"))
    }

    /// What its metrics say now.
    pub fn page(&self) -> Result<Page> {
        Ok(Page(http::get(&self.address, "/metrics")?))
    }

    /// Waits until the metrics say so.
    pub fn wait(&self, what: &str, is_so: impl Fn(&Page) -> bool) -> Result<Page> {
        let begun = Instant::now();
        loop {
            let page = self.page()?;
            if is_so(&page) {
                return Ok(page);
            }
            ensure!(begun.elapsed() < LONG_PATIENCE, "not in time: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it with SIGTERM, after a last checkpoint.
    pub fn stop(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &id]).status()?;
        ensure!(sent.success(), "the job had ended before");
        let status = self.child.wait()?;
        ensure!(status.success(), "the job did not end well: {status}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
