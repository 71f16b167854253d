//! A real PostgreSQL server for tests, started by `services/postgres`. It is stopped when the
//! test process ends, however it ends: a small shell waits for the end of a pipe that we hold.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use postgres::{Client, Config, SimpleQueryMessage};
use postgres_openssl::MakeTlsConnector;

/// One running server.
pub struct Server {
    variables: BTreeMap<String, String>,
    _guardian: Child,
}

/// The server that the tests of a file share: with TLS, and passwords that it asks for.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| Server::start(&["--tls", "--auth", "scram-sha-256"]))
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../services/postgres")
}

impl Server {
    /// Starts a server and waits until it answers.
    pub fn start(arguments: &[&str]) -> Server {
        let variables = run(&[&["start"], arguments].concat());
        let dir = variables["ARGUS_POSTGRES_DIR"].clone();
        let stop =
            format!("cat >/dev/null; '{}' stop --dir '{dir}'; rm -rf '{dir}'", script().display());
        let mut guardian = Command::new("setsid");
        guardian.args(["bash", "-c", &stop]).stdin(Stdio::piped()).stdout(Stdio::null());
        let guardian = guardian.stderr(Stdio::null()).spawn().expect("start the guardian");
        Server { variables, _guardian: guardian }
    }

    /// A variable that the script printed, without `ARGUS_POSTGRES_` in front.
    pub fn variable(&self, name: &str) -> &str {
        &self.variables[&format!("ARGUS_POSTGRES_{name}")]
    }

    /// Ends the server in an orderly way, as an upgrade would.
    pub fn stop(&self) {
        run(&["stop", "--dir", self.variable("DIR")]);
    }

    /// Kills the server as an outage would.
    pub fn kill(&self) {
        run(&["kill", "--dir", self.variable("DIR")]);
    }

    /// Brings it back with the same data and port.
    pub fn come_back(&self) {
        run(&["start", "--dir", self.variable("DIR")]);
    }

    /// The superuser's URL, with `parameters` behind the question mark.
    pub fn url(&self, database: &str, parameters: &str) -> String {
        let (host, port) = (self.variable("HOST"), self.variable("PORT"));
        format!("jdbc:postgresql://{host}:{port}/{database}?{parameters}")
    }

    /// A superuser's connection.
    pub fn client(&self) -> Client {
        self.client_of("postgres")
    }

    /// A superuser's connection to a database.
    pub fn client_of(&self, database: &str) -> Client {
        let mut tls = SslConnector::builder(SslMethod::tls()).expect("openssl");
        tls.set_verify(SslVerifyMode::NONE);
        let mut config: Config = self.variable("URL").parse().expect("the script's URL");
        config.dbname(database);
        config.connect(MakeTlsConnector::new(tls.build())).expect("connect")
    }

    /// Runs statements.
    pub fn run(&self, sql: &str) {
        self.client().batch_execute(sql).expect(sql);
    }

    /// The rows of a query, their values separated by `|`, NULL as `-`.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        self.rows_of("postgres", sql)
    }

    /// The rows of a query in a database.
    pub fn rows_of(&self, database: &str, sql: &str) -> Vec<String> {
        let messages = self.client_of(database).simple_query(sql).expect(sql);
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let text = |row: &postgres::SimpleQueryRow| {
            let values = (0..row.len()).map(|i| row.get(i).unwrap_or("-"));
            values.collect::<Vec<_>>().join("|")
        };
        rows.map(text).collect()
    }
}

fn run(arguments: &[&str]) -> BTreeMap<String, String> {
    let output = Command::new(script()).args(arguments).output().expect("run services/postgres");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "services/postgres {arguments:?}: {reason}{text}");
    let exports = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    exports.map(|(name, value)| (name.to_owned(), value.replace('\\', ""))).collect()
}
