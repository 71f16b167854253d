//! StreamPulse on the shared servers: a topic and a database of its own, and its two scripts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::job::Job;
use super::kafka::Message;
use super::postgres::{PASSWORD, USER};
use super::{World, world};

/// One run of the pipeline, however often it is started.
#[derive(Clone)]
pub struct Pipeline {
    /// Topic and database are called so.
    pub name: String,
    variables: BTreeMap<String, String>,
    /// Where its checkpoints go.
    _checkpoints: Arc<tempfile::TempDir>,
}

impl Pipeline {
    /// With a database, and a topic of that many partitions, if any.
    pub fn new(name: &str, n_partitions: i32) -> Pipeline {
        let World { broker, server } = world();
        if n_partitions > 0 {
            broker.create_topic(name, n_partitions);
        }
        server.create_database(name);
        let checkpoints = tempfile::tempdir().unwrap();
        let variables = [
            ("FLINK_CHECKPOINT_DIR", checkpoints.path().to_str().unwrap()),
            ("KAFKA_BOOTSTRAP_SERVERS", broker.variable("BOOTSTRAP")),
            ("KAFKA_TOPIC", name),
            ("KAFKA_GROUP_ID", name),
            ("PG_HOST", server.variable("HOST")),
            ("PG_PORT", server.variable("PORT")),
            ("PG_DATABASE", name),
            ("PG_USER", USER),
            ("PG_PASSWORD", PASSWORD),
            ("IDLE_TIMEOUT_SECONDS", "1"),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let variables = variables.into_iter().map(own).collect();
        Pipeline { name: name.to_owned(), variables, _checkpoints: Arc::new(checkpoints) }
    }

    /// Gives a variable another value.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Pipeline {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Starts `job.sql`.
    pub fn start_job(&self, arguments: &[&str]) -> Job {
        Job::start("job.sql", &self.variables, arguments)
    }

    /// Starts `job.sql` and waits until it runs.
    pub fn job(&self) -> Job {
        let mut job = self.start_job(&[]);
        job.wait_running();
        job
    }

    /// Starts `generate.sql`.
    pub fn generator(&self) -> Job {
        Job::start("generate.sql", &self.variables, &[])
    }

    /// Sends messages to the topic.
    pub fn send<'a>(&self, messages: impl IntoIterator<Item = &'a Message>) {
        world().broker.send(&self.name, messages);
    }
}

/// The recorded run: 2,742 messages in five phases for four partitions.
pub fn fixture() -> Vec<Message> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/streampulse/tests/fixtures");
    let text = std::fs::read_to_string(path.join("messages.jsonl")).unwrap();
    let messages = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |name: &str| line[name].as_i64().unwrap();
        Message {
            phase: u32::try_from(number("phase")).unwrap(),
            partition: i32::try_from(number("partition")).unwrap(),
            key: line["key"].as_str().map(|key| key.as_bytes().to_vec()),
            value: line["value"].as_str().map(|value| STANDARD.decode(value).unwrap()),
        }
    });
    messages.collect()
}

/// The same form as the fixture's, for `check.py`.
pub fn to_lines(messages: &[Message]) -> String {
    let lines = messages.iter().map(|message| {
        let value = message.value.as_ref().map(|value| STANDARD.encode(value));
        let (phase, partition) = (message.phase, message.partition);
        let line = serde_json::json!({"phase": phase, "partition": partition, "value": value});
        format!("{line}\n")
    });
    lines.collect()
}
