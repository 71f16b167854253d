//! A run of a job that reads events: its script, its topic, its database, its folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::events::{Expected, N_PARTITIONS, SOURCE};
use super::lives::Life;
use super::sinks::{Place, Sinks};
use super::tally::Tally;
use crate::servers::job::Job;
use crate::servers::postgres::{PASSWORD, USER};
use crate::servers::world;

/// Starts a life of a job.
pub fn start(script: &Path, variables: &mut BTreeMap<String, String>, life: &Life) -> Job {
    if !life.fault.is_empty() {
        variables.insert("ARGUS_FAULT".to_owned(), life.fault.clone());
    }
    let parallelism = life.parallelism.to_string();
    Job::start(script.to_str().unwrap(), variables, &["--parallelism", &parallelism])
}

/// A job that reads events, with a topic, a database and a folder of its own.
pub struct Run {
    name: &'static str,
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Run {
    /// A run that has not begun. The name is the job's, its topic's and its database's.
    pub fn new(name: &'static str, sinks: &[Sinks]) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let server = &world().server;
        world().broker.create_topic(name, N_PARTITIONS);
        server.create_database(name);
        sinks.iter().for_each(|sinks| (sinks.prepare)(name));
        let database = format!(
            "'connector' = 'jdbc', 'url' = 'jdbc:postgresql://{}:{}/{name}', 'username' = \
             '{USER}', 'password' = '${{PASSWORD}}'",
            server.variable("HOST"),
            server.variable("PORT"),
        );
        let tables: String = sinks.iter().map(|sinks| sinks.tables).collect();
        let inserts: String = sinks.iter().map(|sinks| sinks.inserts).collect();
        let script = format!("{SOURCE}{tables}\nEXECUTE STATEMENT SET BEGIN{inserts}END;\n");
        let script = script.replace("${DATABASE}", &database);
        std::fs::write(folder.path().join("job.sql"), script).unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let variables = BTreeMap::from([
            ("NAME".to_owned(), name.to_owned()),
            ("CHECKPOINTS".to_owned(), path("checkpoints")),
            ("FILES".to_owned(), path("files")),
            ("KAFKA".to_owned(), world().broker.variable("BOOTSTRAP").to_owned()),
            ("PASSWORD".to_owned(), PASSWORD.to_owned()),
        ]);
        Run { name, folder, variables }
    }

    /// Gives a variable of the script another value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Adds statements in front of the script.
    pub fn prepend(&self, statements: &str) {
        let script = std::fs::read_to_string(self.script()).unwrap();
        std::fs::write(self.script(), format!("{statements}{script}")).unwrap();
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("job.sql")
    }

    /// Starts a life.
    pub fn start(&self, life: &Life) -> Job {
        start(&self.script(), &mut self.variables.clone(), life)
    }

    /// Starts a last life, which reads all there is and is stopped.
    pub fn finish(&self, expected: &Expected) {
        let mut job = self.start(&Life::quiet());
        job.wait_running();
        expected.wait_read(&job);
        job.stop();
    }

    /// Compares what all these sinks have with what they must have.
    pub fn compare(&self, sinks: &[Sinks], expected: &Expected, tally: &mut Tally) {
        let place = Place { name: self.name, files: Path::new(&self.variables["FILES"]) };
        for sinks in sinks {
            (sinks.compare)(&place, expected, tally);
        }
    }
}
