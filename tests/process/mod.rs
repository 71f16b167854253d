//! Starts the binary, to its end or to be watched.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use argus_base::Env;

/// A process that does not end within this time hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that has ended.
#[derive(Debug)]
pub struct Done {
    /// `None` when a signal killed it.
    pub exit_code: Option<i32>,
    /// What it printed, as far as it was not read before.
    pub stdout: String,
    /// What it said, as far as it was not read before.
    pub stderr: String,
}

/// Runs `argus` with these arguments.
pub fn argus(arguments: &[&str]) -> Done {
    argus_in(Path::new("."), arguments)
}

/// Runs `argus` with these arguments in a folder.
pub fn argus_in(folder: &Path, arguments: &[&str]) -> Done {
    let output = command(arguments).current_dir(folder).output().unwrap();
    Done {
        exit_code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a script `script.sql` of this text with further arguments.
pub fn run_script(text: &str, arguments: &[&str]) -> Done {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script.sql"), text).unwrap();
    argus_in(folder.path(), &[&["run", "script.sql"], arguments].concat())
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_argus"));
    command.args(arguments).env("TZ", "UTC").env_remove("ARGUS_LOG");
    command.env_remove("ARGUS_CHECKPOINT_DIR").env_remove("ARGUS_FAULT").stdin(Stdio::null());
    command
}

/// A process that runs a script; killed when dropped.
pub struct Running {
    child: Child,
    stdout: Option<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    /// Of a script of its own: goes with it.
    #[allow(dead_code, reason = "kept, not read")]
    folder: Option<tempfile::TempDir>,
}

impl Running {
    /// Starts a script `script.sql` of this text.
    pub fn start(text: &str, arguments: &[&str]) -> Running {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("script.sql"), text).unwrap();
        let mut running = Running::start_in(folder.path(), arguments);
        running.folder = Some(folder);
        running
    }

    /// Starts the `script.sql` of a folder.
    pub fn start_in(folder: &Path, arguments: &[&str]) -> Running {
        let mut child = command(&[&["run", "script.sql"], arguments].concat())
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Running { child, stdout, stderr, folder: None }
    }

    /// What it prints.
    pub fn stdout(&mut self) -> &mut ChildStdout {
        self.stdout.as_mut().unwrap()
    }

    /// Reads no more of what it prints.
    pub fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Waits until it says a line that begins so, and returns the line.
    pub fn wait_for(&mut self, beginning: &str) -> String {
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let n_read = self.stderr.read_line(&mut line).unwrap();
            assert!(n_read > 0, "it ended without saying '{beginning}', but:\n{said}");
            if line.starts_with(beginning) {
                return line.trim_end().to_owned();
            }
            said.push_str(&line);
        }
    }

    /// Sends a signal: `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> Done {
        let env = Env::system();
        let exit_code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            if env.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                panic!("no end within {PATIENCE:?}");
            }
            env.sleep(Duration::from_millis(5));
        };
        let (mut stdout, mut stderr) = (String::new(), String::new());
        if let Some(pipe) = &mut self.stdout {
            pipe.read_to_string(&mut stdout).unwrap();
        }
        self.stderr.read_to_string(&mut stderr).unwrap();
        Done { exit_code, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            // It may have ended in between.
            let _ended = self.child.kill();
            let _status = self.child.wait();
        }
    }
}
