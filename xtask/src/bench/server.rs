//! The servers of a benchmark, started by the scripts in `services` and stopped when dropped.

use std::collections::BTreeMap;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, ensure};

use crate::tree;

/// A running server.
pub struct Server {
    name: &'static str,
    variables: BTreeMap<String, String>,
}

impl Server {
    /// Starts `services/NAME`.
    pub fn start(name: &'static str, arguments: &[&str]) -> Result<Server> {
        eprintln!("bench: starting {name}");
        let output = script(name, &[&["start"], arguments].concat(), &BTreeMap::new())?;
        let text = String::from_utf8(output.stdout)?;
        let exports = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        let variables =
            exports.map(|(name, value)| (name.to_owned(), value.replace('\\', ""))).collect();
        Ok(Server { name, variables })
    }

    /// A variable that the script printed, without `ARGUS_NAME_`.
    pub fn variable(&self, name: &str) -> Result<&str> {
        let full = format!("ARGUS_{}_{name}", self.name.to_uppercase());
        self.variables.get(&full).map(String::as_str).context(full)
    }

    /// Runs another command of the script.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        Ok(String::from_utf8(script(self.name, arguments, &self.variables)?.stdout)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped = self.command(&["stop"]).and_then(|_| {
            let folder = self.variable("DIR")?;
            Ok(std::fs::remove_dir_all(folder)?)
        });
        if let Err(error) = stopped {
            eprintln!("bench: {} was not stopped: {error:#}", self.name);
        }
    }
}

fn script(name: &str, arguments: &[&str], variables: &BTreeMap<String, String>) -> Result<Output> {
    let output = Command::new(tree::root().join("services").join(name))
        .args(arguments)
        .envs(variables)
        .output()
        .with_context(|| format!("run services/{name}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "services/{name} {arguments:?}: {said}");
    Ok(output)
}

/// A broker.
pub struct Kafka(Server);

impl Kafka {
    /// Starts one.
    pub fn start() -> Result<Kafka> {
        Ok(Kafka(Server::start("kafka", &[])?))
    }

    /// Kafka's own consumer of committed messages, which prints as many as come from now on.
    pub fn consumer(&self, topic: &str, n_messages: usize) -> Result<Child> {
        let n_messages = n_messages.to_string();
        let consumer = Command::new(tree::root().join("services/kafka"))
            .args(["tool", "org.apache.kafka.tools.consumer.ConsoleConsumer"])
            .args(["--bootstrap-server", self.bootstrap()?, "--topic", topic])
            .args(["--isolation-level", "read_committed", "--max-messages", &n_messages])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        consumer.context("run Kafka's consumer")
    }

    /// Its address.
    pub fn bootstrap(&self) -> Result<&str> {
        self.0.variable("BOOTSTRAP")
    }
}

/// A database server with StreamPulse's tables in `streampulse`.
pub struct Postgres(Server);

impl Postgres {
    /// Starts one.
    pub fn start() -> Result<Postgres> {
        let postgres = Postgres(Server::start("postgres", &[])?);
        postgres.psql(&["-c", "CREATE DATABASE streampulse"])?;
        let tables = tree::root().join("pipelines/streampulse/postgres.sql");
        let tables = tables.to_str().context("the folder's name is not UTF-8")?;
        postgres.psql(&["-c", "\\connect streampulse", "-f", tables])?;
        Ok(postgres)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> Result<&str> {
        self.0.variable("PORT")
    }

    /// Runs `psql`.
    pub fn psql(&self, arguments: &[&str]) -> Result<String> {
        self.0.command(&[&["psql", "-q", "-v", "ON_ERROR_STOP=1"], arguments].concat())
    }
}
