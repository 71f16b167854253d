//! A real S3 server for tests, started by `services/s3`. It is stopped when the test process
//! ends, however it ends: a small shell waits for the end of a pipe that we hold.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// One running server.
pub struct Server {
    variables: BTreeMap<String, String>,
    _guardian: Child,
}

/// The server that the tests of a file share.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::start)
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../services/s3")
}

impl Server {
    /// Starts a server and waits until it answers.
    pub fn start() -> Server {
        let variables = run(&["start"]);
        let dir = variables["ARGUS_S3_DIR"].clone();
        let stop =
            format!("cat >/dev/null; '{}' stop --dir '{dir}'; rm -rf '{dir}'", script().display());
        let mut guardian = Command::new("setsid");
        guardian.args(["bash", "-c", &stop]).stdin(Stdio::piped()).stdout(Stdio::null());
        let guardian = guardian.stderr(Stdio::null()).spawn().expect("start the guardian");
        Server { variables, _guardian: guardian }
    }

    /// A variable that the script printed, without `ARGUS_S3_` in front.
    pub fn variable(&self, name: &str) -> &str {
        &self.variables[&format!("ARGUS_S3_{name}")]
    }

    /// Kills the server as an outage would.
    pub fn kill(&self) {
        run(&["kill", "--dir", self.variable("DIR")]);
    }

    /// Brings it back with the same data and port.
    pub fn come_back(&self) {
        run(&["start", "--dir", self.variable("DIR")]);
    }

    /// The settings of a job that uses it.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let settings = [
            ("s3.endpoint", self.variable("ENDPOINT")),
            ("s3.access-key", self.variable("ACCESS_KEY")),
            ("s3.secret-key", self.variable("SECRET_KEY")),
        ];
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }
}

/// Runs the script; what it printed as `export NAME=value`.
fn run(arguments: &[&str]) -> BTreeMap<String, String> {
    let output = Command::new(script()).args(arguments).output().expect("run services/s3");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "services/s3 {arguments:?}: {errors}");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let exports = printed.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    exports.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
