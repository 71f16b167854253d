//! The commit point of a job: ends a checkpoint's transaction together with its record.

use std::sync::{Arc, Mutex, PoisonError};

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Owner};
use argus_base::{Error, Result};
use rdkafka::consumer::ConsumerGroupMetadata;

use super::cluster::Cluster;
use super::commit::Commit;
use super::pair::TransactionPair;
use super::record::RecordPlace;
use super::turns::Slot;

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
    group: Arc<ConsumerGroupMetadata>,
    under_way: Option<UnderWay>,
}

/// A commit that has begun.
struct UnderWay {
    slot: Slot,
    commit: Commit,
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

    fn open(&mut self, owner: &Owner) -> Result<Option<CommitRecord>> {
        self.session = None;
        self.share(None);
        let cluster = &self.cluster;
        let (reached, producers, record, group) = cluster.attempt(|| {
            let reached = cluster.reach()?;
            let producers = cluster.producers(&reached)?;
            let (record, group) = cluster.read_record(&reached.connection, &owner.incarnation)?;
            Ok((reached, producers, record, group))
        })?;
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
