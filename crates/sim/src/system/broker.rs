//! A Kafka cluster: partitions, transactions, producers that fence each other, and the offsets of
//! groups, which commit and abort with a transaction.
//!
//! What readers see ends before the first record of a transaction that is open, and has no record
//! of one that was aborted.

use std::collections::BTreeMap;

use argus_base::{Error, ErrorKind, Result};

/// Code of the error of a producer that has been fenced.
pub const FENCED: &str = "AR3306";

/// A cluster.
#[derive(Default)]
pub struct Broker {
    topics: BTreeMap<String, Vec<Partition>>,
    /// By transactional id.
    producers: BTreeMap<String, Producer>,
    transactions: Vec<Transaction>,
    /// By group: what its last committed offset says.
    groups: BTreeMap<String, Offsets>,
    /// Every commit of a group's offset, in order.
    pub commits: Vec<(String, Offsets)>,
}

/// A committed offset and what was written beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// The offset.
    pub offset: u64,
    /// The text beside it.
    pub metadata: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its key, where it has one.
    pub key: Option<Vec<u8>>,
    /// Its body.
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Partition {
    log: Vec<Entry>,
}

struct Entry {
    message: Message,
    /// Position in `transactions`.
    transaction: Option<usize>,
}

#[derive(Default)]
struct Producer {
    epoch: u64,
    open: Option<usize>,
    /// The last batch that each writer of this epoch sent: one that comes again is known.
    sequences: BTreeMap<String, u64>,
}

struct Transaction {
    state: State,
    offsets: Option<(String, Offsets)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Committed,
    Aborted,
}

/// A transaction of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionId(usize);

/// A producer as its client knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its transactional id.
    pub id: String,
    epoch: u64,
}

/// Messages on their way.
#[derive(Clone, Debug)]
pub struct Produced {
    /// Where they go.
    pub topic: String,
    /// Who sends them.
    pub writer: String,
    /// Which of the writer's batches it is, from 1.
    pub sequence: u64,
    /// The messages with their partitions.
    pub messages: Vec<(usize, Message)>,
}

/// What a reader gets.
pub struct Fetched {
    /// Messages in order.
    pub messages: Vec<Message>,
    /// Where to go on.
    pub next: u64,
    /// Whether that is the end of what can be read now.
    pub is_end: bool,
}

impl Broker {
    /// Makes a topic where none is.
    pub fn create(&mut self, topic: &str, n_partitions: usize) {
        let partitions = self.topics.entry(topic.to_owned()).or_default();
        while partitions.len() < n_partitions {
            partitions.push(Partition::default());
        }
    }

    /// Number of partitions.
    pub fn n_partitions(&self, topic: &str) -> usize {
        self.topics.get(topic).map_or(0, Vec::len)
    }

    /// Writes outside of all transactions.
    pub fn append(&mut self, topic: &str, partition: usize, message: Message) {
        let entry = Entry { message, transaction: None };
        self.partition(topic, partition).log.push(entry);
    }

    /// The first offset that cannot be read now.
    pub fn end(&self, topic: &str, partition: usize) -> u64 {
        let log = &self.topics[topic][partition].log;
        let is_open = |entry: &Entry| {
            entry.transaction.is_some_and(|t| self.transactions[t].state == State::Open)
        };
        log.iter().position(is_open).unwrap_or(log.len()) as u64
    }

    /// Reads what is committed.
    pub fn read(&self, topic: &str, partition: usize, from: u64, max: usize) -> Fetched {
        let end = self.end(topic, partition);
        let log = &self.topics[topic][partition].log;
        let mut fetched = Fetched { messages: Vec::new(), next: from, is_end: false };
        while fetched.next < end && fetched.messages.len() < max {
            let entry = &log[usize::try_from(fetched.next).unwrap_or(usize::MAX)];
            fetched.next += 1;
            let is_aborted = entry
                .transaction
                .is_some_and(|transaction| self.transactions[transaction].state == State::Aborted);
            if !is_aborted {
                fetched.messages.push(entry.message.clone());
            }
        }
        fetched.is_end = fetched.next >= end;
        fetched
    }

    /// Everything that is committed in a topic, by partition.
    pub fn committed(&self, topic: &str) -> Vec<Vec<Message>> {
        let all = |partition| self.read(topic, partition, 0, usize::MAX).messages;
        (0..self.n_partitions(topic)).map(all).collect()
    }

    /// Fences all earlier producers of that id; the transaction of the last one is aborted.
    pub fn initialize(&mut self, id: &str) -> Session {
        let producer = self.producers.entry(id.to_owned()).or_default();
        producer.epoch += 1;
        producer.sequences.clear();
        let epoch = producer.epoch;
        if let Some(open) = producer.open.take() {
            self.transactions[open].state = State::Aborted;
        }
        Session { id: id.to_owned(), epoch }
    }

    /// Writes into the producer's transaction, which begins with its first message.
    pub fn produce(&mut self, session: &Session, produced: Produced) -> Result<()> {
        let Produced { topic, writer, sequence, messages } = produced;
        let producer = self.producer(session)?;
        let last = producer.sequences.entry(writer).or_default();
        if sequence <= *last {
            return Ok(());
        }
        *last = sequence;
        let transaction = self.open(session)?;
        for (partition, message) in messages {
            let entry = Entry { message, transaction: Some(transaction) };
            self.partition(&topic, partition).log.push(entry);
        }
        Ok(())
    }

    /// Puts an offset into the producer's transaction.
    pub fn add_offsets(&mut self, session: &Session, group: &str, offsets: Offsets) -> Result<()> {
        let transaction = self.open(session)?;
        self.transactions[transaction].offsets = Some((group.to_owned(), offsets));
        Ok(())
    }

    /// The transaction that the producer has open.
    pub fn under_way(&self, session: &Session) -> Option<TransactionId> {
        self.producers.get(&session.id)?.open.map(TransactionId)
    }

    /// Ends the producer's transaction; one that has been ended stays as it is. A request that
    /// comes late ends none but its own, as brokers promise since KIP-890.
    pub fn commit(&mut self, session: &Session, which: Option<TransactionId>) -> Result<()> {
        let producer = self.producer(session)?;
        let Some(open) = producer.open.filter(|open| which == Some(TransactionId(*open))) else {
            return Ok(());
        };
        producer.open = None;
        let transaction = &mut self.transactions[open];
        transaction.state = State::Committed;
        if let Some((group, offsets)) = transaction.offsets.take() {
            self.commits.push((group.clone(), offsets.clone()));
            self.groups.insert(group, offsets);
        }
        Ok(())
    }

    /// Takes the producer's transaction back.
    pub fn abort(&mut self, session: &Session) -> Result<()> {
        let Some(open) = self.producer(session)?.open.take() else { return Ok(()) };
        self.transactions[open].state = State::Aborted;
        Ok(())
    }

    /// What a group has committed last.
    pub fn offsets(&self, group: &str) -> Option<&Offsets> {
        self.groups.get(group)
    }

    fn partition(&mut self, topic: &str, partition: usize) -> &mut Partition {
        &mut self.topics.get_mut(topic).expect("the topic was created")[partition]
    }

    fn open(&mut self, session: &Session) -> Result<usize> {
        let n_transactions = self.transactions.len();
        let producer = self.producer(session)?;
        let open = *producer.open.get_or_insert(n_transactions);
        if open == n_transactions {
            self.transactions.push(Transaction { state: State::Open, offsets: None });
        }
        Ok(open)
    }

    fn producer(&mut self, session: &Session) -> Result<&mut Producer> {
        let producer = self.producers.entry(session.id.clone()).or_default();
        if producer.epoch == session.epoch {
            return Ok(producer);
        }
        let message = format!("the producer '{}' has been fenced", session.id);
        Err(Error::new(ErrorKind::Fenced, FENCED, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sequence: u64, body: &str) -> Produced {
        let message = Message { key: None, body: body.as_bytes().to_vec() };
        let (topic, writer) = ("t".to_owned(), "w".to_owned());
        Produced { topic, writer, sequence, messages: vec![(0, message)] }
    }

    fn bodies(broker: &Broker) -> String {
        let messages = &broker.committed("t")[0];
        let texts = messages.iter().map(|message| String::from_utf8(message.body.clone()));
        texts.map(|text| text.expect("a text")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn readers_see_what_is_committed_in_order() {
        let mut broker = Broker::default();
        broker.create("t", 1);
        let (one, two) = (broker.initialize("one"), broker.initialize("two"));
        broker.produce(&one, message(1, "a")).unwrap();
        broker.produce(&two, message(1, "b")).unwrap();
        broker.produce(&two, message(1, "b")).unwrap();
        broker.commit(&two, broker.under_way(&two)).unwrap();
        assert_eq!(bodies(&broker), "", "the open transaction comes first");
        broker.abort(&one).unwrap();
        assert_eq!(bodies(&broker), "b");
    }

    #[test]
    fn a_fenced_producer_writes_nothing_and_commits_nothing() {
        let mut broker = Broker::default();
        broker.create("t", 1);
        let old = broker.initialize("p");
        broker.produce(&old, message(1, "a")).unwrap();
        let offsets = Offsets { offset: 1, metadata: String::new() };
        broker.add_offsets(&old, "g", offsets.clone()).unwrap();
        let new = broker.initialize("p");
        assert_eq!(broker.commit(&old, None).unwrap_err().kind(), ErrorKind::Fenced);
        broker.add_offsets(&new, "g", offsets.clone()).unwrap();
        assert_eq!(broker.offsets("g"), None);
        let transaction = broker.under_way(&new);
        broker.commit(&new, transaction).unwrap();
        broker.commit(&new, transaction).unwrap();
        assert_eq!((broker.offsets("g"), bodies(&broker).as_str()), (Some(&offsets), ""));
        broker.produce(&new, message(1, "b")).unwrap();
        broker.commit(&new, transaction).unwrap();
        assert_eq!(bodies(&broker), "", "a late commit ends its own transaction only");
    }
}
