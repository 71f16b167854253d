//! One running server. It is stopped when the test process ends, however it ends: a small shell
//! waits for the end of a pipe that we hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server started by `services/NAME`.
pub struct Instance {
    script: PathBuf,
    folder: String,
    variables: BTreeMap<String, String>,
    _guardian: Child,
}

impl Instance {
    /// Starts a server and waits until it answers.
    pub fn start(name: &str, arguments: &[&str]) -> Instance {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("services").join(name);
        let variables = run(&script, &[&["start"], arguments].concat());
        let folder = variables[&format!("ARGUS_{}_DIR", name.to_uppercase())].clone();
        let stop = format!("cat; '{}' stop --dir '{folder}'; rm -rf '{folder}'", script.display());
        let guardian = Command::new("setsid")
            .args(["bash", "-c", &stop])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start the guardian");
        Instance { script, folder, variables, _guardian: guardian }
    }

    /// A variable that the script printed.
    pub fn variable(&self, name: &str) -> &str {
        &self.variables[name]
    }

    /// Kills it as an outage would.
    pub fn kill(&self) {
        run(&self.script, &["kill", "--dir", &self.folder]);
    }

    /// Ends it in an orderly way, as an upgrade would.
    pub fn stop(&self) {
        run(&self.script, &["stop", "--dir", &self.folder]);
    }

    /// Brings it back with the same data and ports.
    pub fn come_back(&self) {
        run(&self.script, &["start", "--dir", &self.folder]);
    }
}

/// Runs the script; its `export` lines come back.
fn run(script: &Path, arguments: &[&str]) -> BTreeMap<String, String> {
    let output = Command::new(script).args(arguments).output().expect("run a service's script");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{} {arguments:?}: {reason}{text}", script.display());
    let exports = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    exports.map(|(name, value)| (name.to_owned(), value.replace('\\', ""))).collect()
}
