//! Administrative requests: creating topics, and what brokers and topics are set to.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use argus_base::Result;
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicResult,
};
use rdkafka::client::ClientContext;
use rdkafka::error::KafkaResult;

use super::connection::{self, Connection};
use super::errors;

/// How long the brokers may take to create topics.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long they may take to tell a limit; where they do not know the request, as the broker
/// inside the process, all of it passes.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long they may take to tell who they are.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// A client for such requests; each of them blocks.
pub struct Admin {
    client: AdminClient<AdminContext>,
}

impl Admin {
    /// Makes a client.
    pub fn new(config: &ClientConfig, connection: &Arc<Connection>) -> Result<Admin> {
        let context = AdminContext { connection: Arc::clone(connection) };
        let made = config.create_with_context(context);
        Ok(Admin { client: made.map_err(|error| errors::bad_settings(&error, config))? })
    }

    /// Creates topics.
    pub fn create(&self, topics: &[NewTopic<'_>]) -> KafkaResult<Vec<TopicResult>> {
        block_on(self.client.create_topics(topics, &timeout(CREATE_TIMEOUT)))
    }

    /// The settings of topics, of those that tell. Where the brokers do not say, for want of
    /// rights or age, nothing is known.
    pub fn describe_topics(&self, topics: &[String]) -> Vec<ConfigResource> {
        self.describe(topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect())
    }

    /// A setting of some broker, where it tells.
    pub fn broker_setting(&self, name: &str) -> Option<String> {
        let metadata = self.client.inner().fetch_metadata(None, METADATA_TIMEOUT).ok()?;
        let broker = metadata.brokers().first()?.id();
        let described = self.describe(vec![ResourceSpecifier::Broker(broker)]);
        described.first()?.get(name)?.value.clone()
    }

    /// What the cluster calls itself, where it tells.
    pub fn cluster_id(&self) -> Option<String> {
        self.client.inner().fetch_cluster_id(METADATA_TIMEOUT)
    }

    fn describe(&self, resources: Vec<ResourceSpecifier<'_>>) -> Vec<ConfigResource> {
        let described =
            block_on(self.client.describe_configs(&resources, &timeout(DESCRIBE_TIMEOUT)));
        described.unwrap_or_default().into_iter().flatten().collect()
    }
}

fn timeout(timeout: Duration) -> AdminOptions {
    let options = AdminOptions::new().request_timeout(Some(timeout));
    options.operation_timeout(Some(timeout))
}

struct AdminContext {
    connection: Arc<Connection>,
}

impl ClientContext for AdminContext {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        connection::log(level, facility, message);
    }

    fn stats(&self, _statistics: rdkafka::Statistics) {}

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        self.connection.on_error(&error, reason);
    }
}

/// Waits for a future on this thread. rdkafka answers administrative requests by futures that
/// its own thread completes.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Unpark>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
