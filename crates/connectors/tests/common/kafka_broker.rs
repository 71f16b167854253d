//! A real Kafka broker for tests, started by `services/kafka`. It is stopped when the test
//! process ends, however it ends: a small shell waits for the end of a pipe that we hold.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

/// One running broker.
pub struct Broker {
    variables: BTreeMap<String, String>,
    _guardian: Child,
}

/// The broker that the tests of a file share, with all its secure listeners.
pub fn shared() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(|| Broker::start(&["--secure"]))
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../services/kafka")
}

impl Broker {
    /// Starts a broker and waits until it answers.
    pub fn start(arguments: &[&str]) -> Broker {
        let variables = run(&[&["start"], arguments].concat());
        let dir = variables["ARGUS_KAFKA_DIR"].clone();
        let stop =
            format!("cat >/dev/null; '{}' stop --dir '{dir}'; rm -rf '{dir}'", script().display());
        let mut guardian = Command::new("setsid");
        guardian.args(["bash", "-c", &stop]).stdin(Stdio::piped()).stdout(Stdio::null());
        let guardian = guardian.stderr(Stdio::null()).spawn().expect("start the guardian");
        Broker { variables, _guardian: guardian }
    }

    /// A variable that the script printed, without `ARGUS_KAFKA_` in front.
    pub fn variable(&self, name: &str) -> &str {
        &self.variables[&format!("ARGUS_KAFKA_{name}")]
    }

    /// The listener without security.
    pub fn bootstrap(&self) -> &str {
        self.variable("BOOTSTRAP")
    }

    /// Kills the broker as an outage would.
    pub fn kill(&self) {
        run(&["kill", "--dir", self.variable("DIR")]);
    }

    /// Brings it back with the same data and ports.
    pub fn come_back(&self) {
        run(&["start", "--dir", self.variable("DIR")]);
    }

    /// Aborts the transactions that hang, as the page of AR3324 says, and returns how many did. A
    /// broker that is killed between the decision of a transaction and its markers forgets the
    /// markers when it comes back (Kafka 4.1 to 4.3).
    pub fn end_hanging(&self) -> usize {
        let tool = |arguments: &[&str]| {
            let class = "org.apache.kafka.tools.TransactionsCommand";
            let common = ["tool", class, "--bootstrap-server", self.bootstrap()];
            let output = Command::new(script()).args([&common, arguments].concat()).output();
            let output = output.expect("run services/kafka");
            let reason = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{arguments:?}: {reason}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let found = tool(&["find-hanging", "--broker-id", "1", "--max-transaction-timeout", "0"]);
        let mut lines: Vec<&str> = found.lines().skip(1).collect();
        // Nobody begins before the group's offsets are decided.
        lines.sort_by_key(|line| line.starts_with("__consumer_offsets"));
        for line in &lines {
            let cells: Vec<&str> = line.split_whitespace().collect();
            let [topic, partition, .., start_offset, _, _] = cells[..] else {
                panic!("find-hanging said {line}");
            };
            let place = ["--topic", topic, "--partition", partition];
            tool(&[&["abort"][..], &place, &["--start-offset", start_offset]].concat());
        }
        lines.len()
    }

    /// A client configuration.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        config
    }

    /// Creates a topic with settings `name=value`.
    pub fn create_topic(&self, name: &str, n_partitions: i32, settings: &[&str]) {
        let mut topic = NewTopic::new(name, n_partitions, TopicReplication::Fixed(1));
        for setting in settings {
            let (name, value) = setting.split_once('=').expect("name=value");
            topic = topic.set(name, value);
        }
        let made = block_on(self.admin().create_topics([&topic], &AdminOptions::new()));
        assert!(made.expect("create a topic")[0].is_ok(), "{name}");
    }

    /// Gives a topic more partitions.
    pub fn grow_topic(&self, name: &str, n_partitions: usize) {
        let partitions = NewPartitions::new(name, n_partitions);
        let made = block_on(self.admin().create_partitions([&partitions], &AdminOptions::new()));
        assert!(made.expect("add partitions")[0].is_ok(), "{name}");
    }

    /// Deletes a topic.
    pub fn delete_topic(&self, name: &str) {
        let gone = block_on(self.admin().delete_topics(&[name], &AdminOptions::new()));
        assert!(gone.expect("delete a topic")[0].is_ok(), "{name}");
    }

    /// Deletes the records of a partition before an offset, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let mut list = rdkafka::TopicPartitionList::new();
        let offset = rdkafka::Offset::Offset(before);
        list.add_partition_offset(topic, partition, offset).expect("add");
        block_on(self.admin().delete_records(&list, &AdminOptions::new())).expect("delete records");
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().expect("make an admin client")
    }

    /// Writes values to a partition, the time of value `i` being `i + 1` seconds, and waits until
    /// they are there.
    pub fn produce(&self, topic: &str, partition: i32, values: &[String]) {
        let producer: BaseProducer = self.config().create().expect("make a producer");
        send_all(&producer, topic, partition, values);
        producer.flush(Duration::from_secs(30)).expect("deliver");
    }

    /// A producer of transactions.
    pub fn transactional(&self, id: &str) -> BaseProducer {
        let mut config = self.config();
        let producer: BaseProducer =
            config.set("transactional.id", id).create().expect("make a producer");
        producer.init_transactions(Duration::from_secs(30)).expect("init transactions");
        producer
    }

    /// Number of records that anybody can see in a partition, markers not counted.
    pub fn read_plain(&self, topic: &str, n_wanted: usize) -> Vec<PlainMessage> {
        use rdkafka::message::{Headers, Message};
        let mut config = self.config();
        config.set("group.id", "plain-reader").set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer = config.create().expect("make a consumer");
        let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10));
        let mut list = rdkafka::TopicPartitionList::new();
        for partition in metadata.expect("metadata").topics()[0].partitions() {
            let beginning = rdkafka::Offset::Beginning;
            list.add_partition_offset(topic, partition.id(), beginning).expect("add");
        }
        consumer.assign(&list).expect("assign");
        let mut messages = Vec::new();
        let mut n_waits = 0;
        while messages.len() < n_wanted && n_waits < 300 {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else {
                n_waits += 1;
                continue;
            };
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let headers = message.headers().map(|headers| {
                let pairs = headers.iter().map(|h| (h.key.to_owned(), h.value.map(text)));
                pairs.collect()
            });
            messages.push(PlainMessage {
                partition: message.partition(),
                key: message.key().map(text),
                value: message.payload().map(text),
                millis: message.timestamp().to_millis(),
                headers: headers.unwrap_or_default(),
            });
        }
        messages
    }
}

/// A message as it stands in Kafka.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlainMessage {
    pub partition: i32,
    pub key: Option<String>,
    pub value: Option<String>,
    pub millis: Option<i64>,
    pub headers: Vec<(String, Option<String>)>,
}

/// Puts values into a producer, serving it meanwhile.
pub fn send_all(producer: &BaseProducer, topic: &str, partition: i32, values: &[String]) {
    for (i, value) in values.iter().enumerate() {
        let millis = (i64::try_from(i).expect("small") + 1) * 1000;
        let record: BaseRecord<'_, str, str> =
            BaseRecord::to(topic).partition(partition).payload(value.as_str()).timestamp(millis);
        let mut record = Some(record);
        while let Some(next) = record.take() {
            if let Err((_, back)) = producer.send(next) {
                producer.poll(Duration::from_millis(10));
                record = Some(back);
            }
        }
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

/// Runs the script; its `export` lines come back.
fn run(arguments: &[&str]) -> BTreeMap<String, String> {
    let output = Command::new(script()).args(arguments).output().expect("run services/kafka");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "services/kafka {arguments:?}: {reason}{text}");
    let exports = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    exports.map(|(name, value)| (name.to_owned(), value.replace('\\', ""))).collect()
}
