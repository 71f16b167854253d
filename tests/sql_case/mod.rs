//! One SQL case: its script, what Flink answered, and how the two are compared.

#![allow(dead_code, reason = "each test file uses its part")]

mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use argus_base::Env;

/// A case may take so long before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A script and what has to come out.
pub struct Case {
    /// `window/hop-by-key`.
    pub name: String,
    script: PathBuf,
    expected: Expected,
}

enum Expected {
    /// Exit code 0 and these lines.
    Rows(Vec<String>),
    /// This exit code.
    ExitCode(i32),
}

/// Every case below a folder, in order of name.
pub fn cases(root: &Path) -> Vec<Case> {
    let mut scripts = Vec::new();
    find_scripts(root, &mut scripts);
    scripts.sort();
    scripts.into_iter().map(|script| Case::read(root, script)).collect()
}

/// Reason by case, of a list of cases that are different.
pub fn listed(path: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed = lines.map(|line| line.split_once(": ").expect("AREA/CASE: REASON"));
    parsed.map(|(name, reason)| (name.to_owned(), reason.to_owned())).collect()
}

fn find_scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find_scripts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
}

impl Case {
    fn read(root: &Path, script: PathBuf) -> Case {
        let name = script.strip_prefix(root).unwrap().with_extension("");
        let name = name.to_str().unwrap().to_owned();
        let refused = std::fs::read_to_string(script.with_extension("error"));
        let expected = if name.starts_with("later/") {
            Expected::ExitCode(3)
        } else if name.starts_with("error/runtime/") {
            Expected::ExitCode(1)
        } else if name.starts_with("error/plan/") {
            Expected::ExitCode(2)
        } else if let Ok(reason) = refused {
            Expected::ExitCode(if reason.starts_with("failed") { 1 } else { 2 })
        } else {
            let lines = std::fs::read_to_string(script.with_extension("jsonl"));
            let lines = lines.unwrap_or_else(|_| panic!("{name} was never recorded"));
            Expected::Rows(lines.lines().map(str::to_owned).collect())
        };
        Case { name, script, expected }
    }

    /// Runs the case and says in one line what is wrong.
    pub fn run(&self, parallelism: usize) -> Result<(), String> {
        let out = tempfile::tempdir().unwrap();
        let output = self.execute(parallelism, out.path())?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        let exit_code = output.status.code();
        let said = stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default();
        if stderr.contains("panicked") {
            return Err(format!("panicked: {said}"));
        }
        match &self.expected {
            Expected::ExitCode(wanted) if exit_code == Some(*wanted) => Ok(()),
            Expected::ExitCode(wanted) => {
                Err(format!("exit code {exit_code:?} instead of {wanted}: {said}"))
            }
            Expected::Rows(_) if exit_code != Some(0) => {
                Err(format!("exit code {exit_code:?}: {said}"))
            }
            Expected::Rows(_) => {
                let text = String::from_utf8(output.stdout).map_err(|_| "no UTF-8".to_owned())?;
                self.compare(text, out.path())
            }
        }
    }

    /// Compares what was printed with the rows of the case, `${OUT}` being that folder.
    pub fn compare(&self, printed: String, out: &Path) -> Result<(), String> {
        let printed = printed.replace(self.folder().to_str().unwrap(), "${CASE}");
        let printed = printed.replace(out.to_str().unwrap(), "${OUT}");
        rows::compare(self.rows().unwrap_or_default(), printed.lines())
    }

    /// The rows that the case is to print; `None` where it is to fail.
    pub fn rows(&self) -> Option<&[String]> {
        match &self.expected {
            Expected::Rows(lines) => Some(lines),
            Expected::ExitCode(_) => None,
        }
    }

    /// The text of the script.
    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.script).unwrap()
    }

    /// `${CASE}`.
    pub fn folder(&self) -> PathBuf {
        self.script.parent().unwrap().canonicalize().unwrap()
    }

    fn execute(&self, parallelism: usize, out: &Path) -> Result<Output, String> {
        let folder = self.folder();
        let (stdout, stderr) = (out.with_extension("stdout"), out.with_extension("stderr"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_argus"))
            .args(["run", "--output", "json", "--parallelism", &parallelism.to_string()])
            .arg(&self.script)
            .envs([("CASE", folder.as_path()), ("OUT", out)])
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&stdout).unwrap())
            .stderr(std::fs::File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        let env = Env::system();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if env.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            env.sleep(Duration::from_millis(2));
        };
        let take = |path: &Path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::remove_file(path).unwrap();
            bytes
        };
        let (stdout, stderr) = (take(&stdout), take(&stderr));
        let status = status.ok_or("no end within 60 s")?;
        Ok(Output { status, stdout, stderr })
    }
}
