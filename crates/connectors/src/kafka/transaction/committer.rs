//! The commit point of a job: ends a checkpoint's transaction together with its record.

use std::sync::{Arc, Mutex, PoisonError};

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Owner};
use argus_base::{Error, Result};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::producer::Producer;

use super::cluster::{ATTEMPT, Cluster};
use super::pair::TransactionPair;
use super::record::RecordPlace;
use super::turns::Slot;
use crate::kafka::delivery::KafkaProducer;
use crate::kafka::errors;

/// The producers of the last `open`, for the writers that are made after it.
pub type SharedPair = Arc<Mutex<Option<Arc<TransactionPair>>>>;

/// Commits the transactions that the writers fill.
pub struct PrimaryCommitter {
    cluster: Cluster,
    name: String,
    place: RecordPlace,
    shared: SharedPair,
    session: Option<Session>,
}

struct Session {
    pair: Arc<TransactionPair>,
    group: ConsumerGroupMetadata,
    under_way: Option<UnderWay>,
}

/// A commit that has begun.
struct UnderWay {
    slot: Slot,
    commit: Commit,
}

/// The steps of a commit; each may be made again.
pub struct Commit {
    /// What is committed.
    pub record: CommitRecord,
    has_offsets: bool,
}

impl Commit {
    /// A commit of which no step is made.
    pub fn new(record: &CommitRecord) -> Commit {
        Commit { record: record.clone(), has_offsets: false }
    }

    /// Makes the steps that are left.
    pub fn advance(
        &mut self,
        producer: &KafkaProducer,
        place: &RecordPlace,
        group: &ConsumerGroupMetadata,
    ) -> Result<()> {
        let failed = |error| errors::of_transaction(&error, "commit a Kafka transaction");
        if !self.has_offsets {
            let offsets = place.offsets(&self.record)?;
            let sent = producer.send_offsets_to_transaction(&offsets, group, ATTEMPT);
            sent.map_err(failed)?;
            self.has_offsets = true;
        }
        producer.commit_transaction(ATTEMPT).map_err(failed)
    }
}

impl PrimaryCommitter {
    /// A committer that is not open. Its writers find their producers in `shared`.
    pub fn new(cluster: Cluster, shared: SharedPair) -> PrimaryCommitter {
        let (name, place) = (cluster.name(), cluster.record_place());
        PrimaryCommitter { cluster, name, place, shared, session: None }
    }

    fn share(&self, pair: Option<Arc<TransactionPair>>) {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = pair;
    }
}

impl Session {
    fn advance(&mut self, place: &RecordPlace) -> Result<()> {
        let Some(UnderWay { slot, commit }) = &mut self.under_way else { return Ok(()) };
        commit.advance(self.pair.producer(*slot), place, &self.group)?;
        self.pair.release(*slot);
        self.under_way = None;
        Ok(())
    }
}

impl Committer for PrimaryCommitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, _owner: &Owner) -> Result<Option<CommitRecord>> {
        self.session = None;
        self.share(None);
        let reached = self.cluster.reach()?;
        let producers = self.cluster.producers(&reached)?;
        let (record, group) = self.cluster.read_record(&reached.connection)?;
        let pair = Arc::new(TransactionPair::new(producers, reached.topics, reached.connection));
        self.share(Some(Arc::clone(&pair)));
        self.session = Some(Session { pair, group, under_way: None });
        Ok(record)
    }

    fn commit(&mut self, record: &CommitRecord, _outputs: &[EpochOutput]) -> Result<()> {
        let session = self.session.as_mut();
        let session = session.ok_or_else(|| Error::bug("a commit before its committer is open"))?;
        // One that an earlier call has begun is ended first: it may have been made already.
        let begun = session.under_way.as_ref().map(|begun| begun.commit.record.clone());
        session.advance(&self.place)?;
        if begun.as_ref() == Some(record) {
            return Ok(());
        }
        let slot = session.pair.seal(record.checkpoint)?;
        session.under_way = Some(UnderWay { slot, commit: Commit::new(record) });
        session.advance(&self.place)
    }
}
