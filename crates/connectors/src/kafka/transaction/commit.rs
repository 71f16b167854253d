//! The steps of one commit: the record goes into the transaction, then the transaction ends. Each
//! step may be made again, and goes on where the last attempt left it.
//!
//! librdkafka does not keep to the time limit of the first step while the brokers are away, so a
//! thread of its own makes it, and attempts wait for that thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};

use argus_base::commit::CommitRecord;
use argus_base::task::{TaskKind, spawn};
use argus_base::{Error, Result};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::Producer;

use super::cluster::ATTEMPT;
use super::record::RecordPlace;
use crate::kafka::delivery::KafkaProducer;
use crate::kafka::errors;

/// A commit that has begun.
pub struct Commit {
    /// What is committed.
    pub record: CommitRecord,
    step: Step,
}

enum Step {
    /// The record is not in the transaction yet.
    Begun,
    /// It is being put there.
    Recording(Receiver<KafkaResult<()>>),
    /// It is there.
    Recorded,
}

impl Commit {
    /// A commit of which no step is made.
    pub fn new(record: &CommitRecord) -> Commit {
        Commit { record: record.clone(), step: Step::Begun }
    }

    /// Makes the steps that are left; one attempt.
    pub fn advance(
        &mut self,
        producer: &Arc<KafkaProducer>,
        place: &RecordPlace,
        group: &Arc<ConsumerGroupMetadata>,
    ) -> Result<()> {
        if let Step::Begun = self.step {
            self.step = Step::Recording(self.send_record(producer, place, group)?);
        }
        if let Step::Recording(answer) = &self.step {
            match answer.recv_timeout(ATTEMPT) {
                Ok(Ok(())) => self.step = Step::Recorded,
                Ok(Err(error)) => {
                    self.step = Step::Begun;
                    return Err(failed(&error));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let message = "commit a Kafka transaction: the brokers do not answer";
                    return Err(Error::transient(errors::COMMIT, message));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::bug("the thread of a commit ended without an answer"));
                }
            }
        }
        producer.commit_transaction(ATTEMPT).map_err(|error| failed(&error))
    }

    fn send_record(
        &self,
        producer: &Arc<KafkaProducer>,
        place: &RecordPlace,
        group: &Arc<ConsumerGroupMetadata>,
    ) -> Result<Receiver<KafkaResult<()>>> {
        let offsets = place.offsets(&self.record)?;
        let (producer, group) = (Arc::clone(producer), Arc::clone(group));
        let (answer, answered) = sync_channel(1);
        // Nobody joins the thread: it ends with its answer, which nobody may wait for any more.
        drop(spawn(TaskKind::Io, "kafka-commit", move || {
            let sent = producer.send_offsets_to_transaction(&offsets, &group, ATTEMPT);
            drop(answer.send(sent));
            Ok(())
        })?);
        Ok(answered)
    }
}

fn failed(error: &KafkaError) -> Error {
    errors::of_transaction(error, "commit a Kafka transaction")
}
