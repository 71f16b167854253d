//! A broker inside the process, for demonstrations without a server.
//!
//! It is librdkafka's mock cluster, and speaks enough of the protocol for this connector's
//! sources and sinks. It is no broker to keep data in or to prove anything with:
//!
//! - a partition keeps at most 5 MiB or 100,000 messages and silently drops the oldest, so a
//!   producer must not run further ahead of its consumer;
//! - rows of open and aborted transactions are shown to everybody;
//! - nothing is on disk, and there is no authentication.

use argus_base::{Error, Result};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::errors;

/// Messages that a partition keeps; older ones are dropped.
pub const MAX_PARTITION_MESSAGES: usize = 100_000;
/// Bytes that a partition keeps; older messages are dropped.
pub const MAX_PARTITION_BYTES: usize = 5 << 20;

/// A broker in this process, on a free port of the loopback interface. It ends when dropped.
pub struct MockBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl MockBroker {
    /// Starts it.
    pub fn start() -> Result<MockBroker> {
        let cluster = MockCluster::new(1).map_err(|error| failed("start", &error))?;
        Ok(MockBroker { cluster })
    }

    /// The value for `properties.bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Creates a topic.
    pub fn create_topic(&self, name: &str, n_partitions: i32) -> Result<()> {
        let created = self.cluster.create_topic(name, n_partitions, 1);
        created.map_err(|error| failed("create a topic", &error))
    }
}

fn failed(doing: &str, error: &rdkafka::error::KafkaError) -> Error {
    let message = format!("the broker inside the process failed: {error}");
    Error::transient(errors::UNREACHABLE, message).context(doing)
}
