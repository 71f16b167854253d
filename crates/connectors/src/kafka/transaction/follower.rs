//! A cluster that follows: writes the rows that checkpoints keep for it, in one transaction for
//! each call, with a record of its own that says which epochs it has.
//!
//! ```text
//! open ──▶ idle ──rows──▶ writing ──record──▶ ending ──▶ idle
//!           ▲               │ failed: abort     │ no answer: the next call goes on here
//!           └───────────────┘                   │ lost: opened anew, the record tells
//! ```

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Incarnation, Owner, Prepared};
use argus_base::{Env, Error, ErrorKind, Result};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::producer::Producer;

use super::cluster::{ATTEMPT, Cluster, Reached};
use super::commit::Commit;
use super::pair::abort;
use super::record::RecordPlace;
use crate::kafka::delivery::KafkaProducer;
use crate::kafka::errors;
use crate::kafka::send::{Lane, RowSender};
use crate::kafka::table::{RowEncoder, WrittenTable};

/// Writes staged rows.
pub struct FollowerCommitter {
    cluster: Cluster,
    name: String,
    place: RecordPlace,
    /// One for each table.
    encoders: Vec<RowEncoder>,
    session: Option<Session>,
}

/// What taking the cluster over brought.
struct Session {
    reached: Reached,
    producer: Arc<KafkaProducer>,
    group: Arc<ConsumerGroupMetadata>,
    /// What the cluster has.
    committed: Option<CommitRecord>,
    /// A commit that has begun.
    under_way: Option<Commit>,
}

impl FollowerCommitter {
    /// A committer that is not open.
    pub fn new(cluster: Cluster) -> Result<FollowerCommitter> {
        let (name, place) = (cluster.name(), cluster.record_place());
        let encoders = cluster.tables.iter().map(WrittenTable::encoder);
        let encoders = encoders.collect::<Result<_>>()?;
        Ok(FollowerCommitter { name, place, encoders, cluster, session: None })
    }

    fn open_session(&self, incarnation: &Incarnation) -> Result<Session> {
        let cluster = &self.cluster;
        cluster.attempt(|| {
            let reached = cluster.reach()?;
            let [producer] = cluster.producers(&reached)?;
            let (committed, group) = cluster.read_record(&reached.connection, incarnation)?;
            Ok(Session { reached, producer, group, committed, under_way: None })
        })
    }

    fn attempt(
        &mut self,
        session: &mut Session,
        record: &CommitRecord,
        outputs: &[EpochOutput],
    ) -> Result<()> {
        session.end(&self.place)?;
        if session.committed.as_ref().is_some_and(|committed| covers(committed, record)) {
            return Ok(());
        }
        let begun = session.producer.begin_transaction();
        begun.map_err(|error| errors::of_transaction(&error, "begin a transaction"))?;
        for output in session.missing(record, outputs) {
            self.write(session, output)?;
        }
        session.under_way = Some(Commit::new(record));
        session.end(&self.place)
    }

    fn write(&mut self, session: &Session, output: &EpochOutput) -> Result<()> {
        let Prepared::Rows(rows) = &output.prepared else {
            return Err(Error::bug("a Kafka cluster that follows was left a note"));
        };
        let table = self.cluster.tables.get(output.sink);
        let (Some(table), Some(encoder)) = (table, self.encoders.get_mut(output.sink)) else {
            return Err(Error::bug(format!("the cluster has no sink {}", output.sink)));
        };
        let env = &table.context.env;
        let mut sender = RowSender::new(table, output.subtask, true);
        let patience = Patience::new(env);
        let deliveries = Arc::clone(sender.deliveries());
        let wait = |time| {
            session.producer.poll(time);
            deliveries.take_error().map_or(Ok(()), Err)?;
            patience.check(deliveries.n_done())
        };
        let topics = &session.reached.topics;
        let lane = Lane { producer: &session.producer, topics, wait: &wait };
        for batch in rows.read()? {
            let outgoing = encoder.encode(&batch?)?;
            sender.send(&outgoing, env.elapsed(), lane)?;
        }
        sender.drain(&wait)
    }
}

impl Committer for FollowerCommitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, owner: &Owner) -> Result<Option<CommitRecord>> {
        self.session = None;
        let session = self.session.insert(self.open_session(&owner.incarnation)?);
        Ok(session.committed.clone())
    }

    fn commit(&mut self, record: &CommitRecord, outputs: &[EpochOutput]) -> Result<()> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.open_session(&record.incarnation)?,
        };
        let Err(error) = self.attempt(&mut session, record, outputs) else {
            self.session = Some(session);
            return Ok(());
        };
        let is_fenced = error.code() == errors::FENCED;
        let is_lost = error.code() == errors::LOST_TRANSACTION;
        let may_go_on = match session.under_way {
            Some(_) => !is_lost,
            None => !is_lost && abort(&session.producer, ATTEMPT).is_ok(),
        };
        // Whoever has been fenced must not take the cluster back; other sessions are opened anew.
        if is_fenced || may_go_on {
            self.session = Some(session);
        }
        // The rows are kept: a transaction that is lost is made again.
        Err(if is_lost { Error::transient(errors::COMMIT, error.to_string()) } else { error })
    }
}

impl Session {
    /// Ends the transaction whose commit has begun, if there is one.
    fn end(&mut self, place: &RecordPlace) -> Result<()> {
        if let Some(commit) = &mut self.under_way {
            commit.advance(&self.producer, place, &self.group)?;
            self.committed = self.under_way.take().map(|commit| commit.record);
        }
        Ok(())
    }

    /// Outputs of epochs that the cluster does not have, oldest first.
    fn missing<'a>(
        &self,
        record: &CommitRecord,
        outputs: &'a [EpochOutput],
    ) -> Vec<&'a EpochOutput> {
        let same_life = self.committed.as_ref().filter(|had| had.incarnation == record.incarnation);
        let had = same_life.map(|had| had.checkpoint);
        let missing = outputs.iter().filter(|output| Some(output.checkpoint) > had);
        let mut missing: Vec<&EpochOutput> = missing.collect();
        missing.sort_by_key(|output| output.checkpoint);
        missing
    }
}

/// Whether what is committed includes the record's epoch.
fn covers(committed: &CommitRecord, record: &CommitRecord) -> bool {
    committed.incarnation == record.incarnation && committed.checkpoint >= record.checkpoint
}

/// Ends an attempt during which nothing moves.
struct Patience<'a> {
    env: &'a Env,
    /// Messages delivered when there was the last progress, and when that was.
    progress: Cell<(u64, Duration)>,
}

impl Patience<'_> {
    fn new(env: &Env) -> Patience<'_> {
        Patience { env, progress: Cell::new((0, env.elapsed())) }
    }

    fn check(&self, n_done: u64) -> Result<()> {
        let (before, since) = self.progress.get();
        let now = self.env.elapsed();
        if n_done > before {
            self.progress.set((n_done, now));
        } else if now.saturating_sub(since) >= ATTEMPT {
            let message = "the Kafka brokers have acknowledged no message for 5 s";
            return Err(Error::new(ErrorKind::Transient, errors::COMMIT, message));
        }
        Ok(())
    }
}
