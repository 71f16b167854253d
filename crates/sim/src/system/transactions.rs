//! The commit point of a job that writes to Kafka: two producers that alternate, filled by all
//! writers and committed together with the record. Whose turn it is decides the real connector's
//! own code.

use std::sync::{Arc, Mutex};

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Incarnation, Owner};
use argus_base::id::CheckpointId;
use argus_base::{Error, ErrorKind, Result};
use argus_connectors::kafka::turns::{Epoch, Need, Slot, Turn, Turns};

use super::broker::{Broker, Offsets, Produced, Session, TransactionId};
use crate::crew::WorkerId;
use crate::world::{Call, Effect, System, World, lock};

/// A cluster as one worker reaches it.
#[derive(Clone)]
pub struct Cluster {
    /// Where it is.
    pub world: Arc<World>,
    /// Whose calls they are.
    pub worker: WorkerId,
    /// `properties.bootstrap.servers`.
    pub servers: String,
    /// What transactional ids begin with.
    pub prefix: String,
}

impl Cluster {
    /// Makes a call.
    pub fn call<T: 'static>(
        &self,
        name: &str,
        effect: Effect,
        perform: impl FnOnce(&mut Broker) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let servers = self.servers.clone();
        let call = Call { worker: self.worker, system: System::Broker, name, effect };
        self.world.call(call, move |world| {
            let mut brokers = lock(&world.brokers);
            perform(brokers.entry(servers).or_default())
        })
    }

    /// A producer whose former selves are fenced.
    pub fn initialize(&self, number: usize) -> Result<Session> {
        let id = format!("{}-{number}", self.prefix);
        let name = format!("init {id}");
        self.call(&name, Effect::Writes, move |broker| Ok(broker.initialize(&id)))
    }

    /// The transaction that a client has open: it knows without a call.
    fn under_way(&self, session: &Session) -> Option<TransactionId> {
        lock(&self.world.brokers).get(&self.servers)?.under_way(session)
    }

    /// The record of the last commit.
    pub fn read_record(&self) -> Result<Option<CommitRecord>> {
        let prefix = self.prefix.clone();
        self.call("read the record", Effect::Reads, move |broker| Ok(record_of(broker, &prefix)))
    }
}

/// The record of the last commit with that prefix.
pub fn record_of(broker: &Broker, prefix: &str) -> Option<CommitRecord> {
    let metadata = &broker.offsets(&group(prefix))?.metadata;
    let mut parts = metadata.split(',');
    let incarnation = Incarnation::parse(parts.next()?)?;
    let checkpoint = CheckpointId(parts.next()?.parse().ok()?);
    Some(CommitRecord { incarnation, checkpoint, manifest_hash: parts.next()?.to_owned() })
}

fn group(prefix: &str) -> String {
    format!("argus.{prefix}")
}

/// The steps of a commit, each of which may be made again.
pub struct Commit {
    /// What is committed.
    pub record: CommitRecord,
    has_offsets: bool,
}

impl Commit {
    /// Of which no step is made.
    pub fn new(record: &CommitRecord) -> Commit {
        Commit { record: record.clone(), has_offsets: false }
    }

    /// Makes the steps that are left.
    pub fn advance(&mut self, cluster: &Cluster, session: &Session) -> Result<()> {
        if !self.has_offsets {
            let CommitRecord { incarnation, checkpoint, manifest_hash } = &self.record;
            let metadata = format!("{incarnation},{},{manifest_hash}", checkpoint.0);
            let offsets = Offsets { offset: checkpoint.0, metadata };
            let (session, group) = (session.clone(), group(&cluster.prefix));
            cluster.call("add offsets", Effect::Writes, move |broker| {
                broker.add_offsets(&session, &group, offsets)
            })?;
            self.has_offsets = true;
        }
        let name = format!("commit of checkpoint {}", self.record.checkpoint.0);
        let which = cluster.under_way(session);
        let session = session.clone();
        cluster.call(&name, Effect::WritesLate, move |broker| broker.commit(&session, which))
    }
}

/// Two producers, each with at most one transaction under way.
pub struct Pair {
    cluster: Cluster,
    sessions: [Session; 2],
    turns: Mutex<Turns>,
}

impl Pair {
    /// Where rows of an epoch go; `None` where they wait.
    pub fn take(&self, epoch: Epoch, need: Need) -> Result<Option<Slot>> {
        match lock(&self.turns).take(epoch, need) {
            Turn::Wait => Ok(None),
            Turn::Take { slot, .. } => Ok(Some(slot)),
            Turn::Apart => Err(apart()),
        }
    }

    /// Ends an epoch of a writer.
    pub fn end(&self, epoch: Epoch, checkpoint: CheckpointId) -> Result<()> {
        let is_together = lock(&self.turns).end(epoch, checkpoint);
        if is_together { Ok(()) } else { Err(apart()) }
    }

    /// Sends messages into a slot's transaction; one attempt.
    pub fn produce(&self, slot: Slot, produced: &Produced) -> Result<()> {
        let (session, produced) = (self.sessions[slot].clone(), produced.clone());
        let name = format!("produce {} of {}", produced.sequence, produced.writer);
        self.cluster.call(&name, Effect::Writes, move |broker| broker.produce(&session, produced))
    }

    /// Where it is.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}

fn apart() -> Error {
    let message = "rows of one commit lie in two transactions";
    Error::new(ErrorKind::Transient, "AR3307", message)
}

/// The producers of the last `open`, for the writers that are made after it.
pub type SharedPair = Arc<Mutex<Option<Arc<Pair>>>>;

/// Commits what the writers have filled.
pub struct PrimaryCommitter {
    cluster: Cluster,
    shared: SharedPair,
    pair: Option<Arc<Pair>>,
    under_way: Option<(Slot, Commit)>,
}

impl PrimaryCommitter {
    /// Not open.
    pub fn new(cluster: Cluster, shared: SharedPair) -> PrimaryCommitter {
        PrimaryCommitter { cluster, shared, pair: None, under_way: None }
    }

    fn advance(&mut self, pair: &Pair) -> Result<()> {
        let Some((slot, commit)) = &mut self.under_way else { return Ok(()) };
        commit.advance(&self.cluster, &pair.sessions[*slot])?;
        lock(&pair.turns).release(*slot);
        self.under_way = None;
        Ok(())
    }
}

impl Committer for PrimaryCommitter {
    fn name(&self) -> &str {
        &self.cluster.servers
    }

    fn open(&mut self, _owner: &Owner) -> Result<Option<CommitRecord>> {
        self.under_way = None;
        let sessions = [self.cluster.initialize(0)?, self.cluster.initialize(1)?];
        let record = self.cluster.read_record()?;
        let (cluster, turns) = (self.cluster.clone(), Mutex::new(Turns::new()));
        let pair = Arc::new(Pair { cluster, sessions, turns });
        *lock(&self.shared) = Some(Arc::clone(&pair));
        self.pair = Some(pair);
        Ok(record)
    }

    fn commit(&mut self, record: &CommitRecord, _outputs: &[EpochOutput]) -> Result<()> {
        let closed = || Error::bug("a commit before its committer is open");
        let pair = Arc::clone(self.pair.as_ref().ok_or_else(closed)?);
        let begun = self.under_way.as_ref().map(|(_, commit)| commit.record.clone());
        self.advance(&pair)?;
        if begun.as_ref() == Some(record) {
            return Ok(());
        }
        let turn = lock(&pair.turns).seal(record.checkpoint);
        let Turn::Take { slot, .. } = turn else { return Err(apart()) };
        self.under_way = Some((slot, Commit::new(record)));
        self.advance(&pair)
    }
}
