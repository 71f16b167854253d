//! The two transactional producers of a job on one cluster, shared by its writers and its
//! committer. What one of them takes is committed together; see [`turns`](super::turns).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argus_base::id::CheckpointId;
use argus_base::{Error, ErrorKind, Result};
use rdkafka::producer::{Producer, PurgeConfig};

use super::turns::{Epoch, Need, Slot, Turn, Turns};
use crate::kafka::connection::Connection;
use crate::kafka::delivery::KafkaProducer;
use crate::kafka::errors;
use crate::kafka::topics::Topics;
use crate::kafka::writer::serve_events;

/// How long the end of a job waits for the brokers to abort what is not committed; where they do
/// not answer in time, the next start or the transaction's timeout does it.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Two producers, each with at most one transaction under way.
pub struct TransactionPair {
    producers: [Arc<KafkaProducer>; 2],
    turns: Mutex<Turns>,
    /// What is known of the topics.
    pub topics: Topics,
    /// What is known of the brokers.
    pub connection: Arc<Connection>,
}

impl TransactionPair {
    /// Producers whose transactions are initialized.
    pub fn new(
        producers: [Arc<KafkaProducer>; 2],
        topics: Topics,
        connection: Arc<Connection>,
    ) -> TransactionPair {
        TransactionPair { producers, turns: Mutex::new(Turns::new()), topics, connection }
    }

    /// The producer of a slot.
    pub fn producer(&self, slot: Slot) -> &Arc<KafkaProducer> {
        &self.producers[slot]
    }

    /// Where rows of an epoch go, its transaction begun; `None` where they wait.
    pub fn take(&self, epoch: Epoch, need: Need) -> Result<Option<Slot>> {
        let mut turns = self.turns();
        match turns.take(epoch, need) {
            Turn::Wait => Ok(None),
            Turn::Take { slot, begins } => {
                self.begin_if(begins, slot, &mut turns)?;
                Ok(Some(slot))
            }
            Turn::Apart => Err(apart(ErrorKind::Transient)),
        }
    }

    /// Ends an epoch of a writer, all of whose rows have been taken.
    pub fn end(&self, epoch: Epoch, checkpoint: CheckpointId) -> Result<()> {
        let is_together = self.turns().end(epoch, checkpoint);
        if is_together { Ok(()) } else { Err(apart(ErrorKind::Transient)) }
    }

    /// The slot that a checkpoint's commit ends; nothing more goes there.
    pub fn seal(&self, checkpoint: CheckpointId) -> Result<Slot> {
        let mut turns = self.turns();
        match turns.seal(checkpoint) {
            Turn::Take { slot, begins } => {
                self.begin_if(begins, slot, &mut turns)?;
                Ok(slot)
            }
            Turn::Wait | Turn::Apart => Err(apart(ErrorKind::Lost)),
        }
    }

    /// The commit of a slot is over.
    pub fn release(&self, slot: Slot) {
        self.turns().release(slot);
    }

    /// Serves deliveries, errors and statistics of both.
    pub fn poll(&self) {
        self.producers.iter().for_each(|producer| serve_events(producer));
    }

    fn begin_if(&self, begins: bool, slot: Slot, turns: &mut Turns) -> Result<()> {
        if !begins {
            return Ok(());
        }
        let begun = self.producers[slot].begin_transaction();
        begun.map_err(|error| {
            turns.release(slot);
            errors::of_transaction(&error, "begin a transaction")
        })
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is not committed is taken back, so that readers need not wait for its timeout.
impl Drop for TransactionPair {
    fn drop(&mut self) {
        let open: Vec<Slot> = self.turns().open_slots().collect();
        for slot in open {
            let producer = &self.producers[slot];
            if let Err(error) = abort(producer, ABORT_TIMEOUT) {
                tracing::debug!(%error, "kafka transaction not aborted");
            }
        }
    }
}

/// Takes back what a producer has sent since its transaction began.
pub fn abort(producer: &KafkaProducer, timeout: Duration) -> Result<()> {
    // What is under way has to arrive, or numbers would be missing. All come back as deliveries,
    // which somebody has to take.
    producer.purge(PurgeConfig::default().queue());
    let aborted = producer.flush(timeout).and_then(|()| producer.abort_transaction(timeout));
    aborted.map_err(|error| errors::of_transaction(&error, "abort a transaction"))
}

fn apart(kind: ErrorKind) -> Error {
    let message = "a checkpoint failed after so many rows that those before it and those behind \
                   it are in two Kafka transactions, which cannot be committed together";
    Error::new(kind, errors::APART, message)
}
