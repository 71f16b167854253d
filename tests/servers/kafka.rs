//! A real Kafka broker: topics are made, written and read as any other client would.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::PATIENCE;
use super::instance::Instance;

/// One running broker.
pub struct Broker(pub Instance);

/// A message for a partition, or from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Sent when all before it has been read and its partitions are idle; from 1.
    pub phase: u32,
    /// The partition.
    pub partition: i32,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

impl Broker {
    /// Starts a broker with all its listeners.
    pub fn start() -> Broker {
        Broker(Instance::start("kafka", &["--secure"]))
    }

    /// An address or folder that the script printed, without `ARGUS_KAFKA_`.
    pub fn variable(&self, name: &str) -> &str {
        self.0.variable(&format!("ARGUS_KAFKA_{name}"))
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.variable("BOOTSTRAP"));
        config
    }

    /// Creates a topic.
    pub fn create_topic(&self, name: &str, n_partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let topic = NewTopic::new(name, n_partitions, TopicReplication::Fixed(1));
        let made = block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap();
        assert!(made[0].is_ok(), "{made:?}");
    }

    /// Deletes a topic.
    pub fn delete_topic(&self, name: &str) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let gone = block_on(admin.delete_topics(&[name], &AdminOptions::new())).unwrap();
        assert!(gone[0].is_ok(), "{gone:?}");
    }

    /// Writes messages in this order and waits until they are there.
    pub fn send<'a>(&self, topic: &str, messages: impl IntoIterator<Item = &'a Message>) {
        let sender = self.sender(topic);
        messages.into_iter().for_each(|message| sender.send(message));
        sender.flush();
    }

    /// Writes messages one by one.
    pub fn sender(&self, topic: &str) -> Sender {
        let producer = self.config().set("enable.idempotence", "true").create().unwrap();
        Sender { producer, topic: topic.to_owned() }
    }

    /// Number of messages that have ever been in a topic.
    pub fn n_messages(&self, topic: &str) -> usize {
        let ends = self.ends(&self.config().create().unwrap(), topic);
        usize::try_from(ends.iter().sum::<i64>()).unwrap()
    }

    /// Every message of a topic, each partition in order.
    pub fn read(&self, topic: &str) -> Vec<Message> {
        let mut config = self.config();
        config.set("group.id", "reader").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let n_messages: i64 = self.ends(&consumer, topic).iter().sum();
        let mut list = TopicPartitionList::new();
        for partition in 0..self.ends(&consumer, topic).len() {
            let partition = i32::try_from(partition).unwrap();
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let mut messages = Vec::new();
        while messages.len() < usize::try_from(n_messages).unwrap() {
            let message = consumer.poll(PATIENCE).expect("a message in time").unwrap();
            messages.push(own(&message));
        }
        messages.sort_by_key(|message| message.partition);
        messages
    }

    /// What a reader of committed messages sees of a topic, each partition in order. Nobody may
    /// have a transaction open that it would have to wait for.
    pub fn read_committed(&self, topic: &str) -> Vec<Message> {
        let mut config = self.config();
        config.set("group.id", "reader").set("enable.auto.commit", "false");
        let uncommitted: BaseConsumer =
            config.clone().set("isolation.level", "read_uncommitted").create().unwrap();
        config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.create().unwrap();
        let ends = self.ends(&consumer, topic);
        assert_eq!(ends, self.ends(&uncommitted, topic), "{topic}: a transaction is open");
        let mut list = TopicPartitionList::new();
        for partition in 0..ends.len() {
            let partition = i32::try_from(partition).unwrap();
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut messages, mut ended) = (Vec::new(), BTreeSet::new());
        while ended.len() < ends.len() {
            match consumer.poll(PATIENCE).expect("a message in time") {
                Ok(message) => {
                    messages.push(own(&message));
                }
                Err(KafkaError::PartitionEOF(partition)) => {
                    ended.insert(partition);
                }
                Err(error) => panic!("{topic}: {error}"),
            }
        }
        messages.sort_by_key(|message| message.partition);
        messages
    }

    /// End offset of each partition.
    fn ends(&self, consumer: &BaseConsumer, topic: &str) -> Vec<i64> {
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let partitions = metadata.topics()[0].partitions().iter();
        let mut partitions: Vec<i32> = partitions.map(|partition| partition.id()).collect();
        partitions.sort_unstable();
        let end = |partition| consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap().1;
        partitions.into_iter().map(end).collect()
    }
}

fn own(message: &BorrowedMessage<'_>) -> Message {
    Message {
        phase: 1,
        partition: message.partition(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
    }
}

/// Writes messages to a topic.
pub struct Sender {
    producer: BaseProducer,
    topic: String,
}

impl Sender {
    /// Writes a message behind those before.
    pub fn send(&self, message: &Message) {
        let mut record = BaseRecord::to(&self.topic).partition(message.partition);
        record.key = message.key.as_deref();
        record.payload = message.value.as_deref();
        let mut record: Option<BaseRecord<'_, [u8], [u8]>> = Some(record);
        while let Some(next) = record.take() {
            if let Err((_, back)) = self.producer.send(next) {
                self.producer.poll(Duration::from_millis(10));
                record = Some(back);
            }
        }
    }

    /// Waits until all of them are there.
    pub fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }
}

/// Waits for a future that another thread completes.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Unpark>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}
