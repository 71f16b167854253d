//! Writes tables of the database: early and by key, or staged with the checkpoint, each under the
//! fence of its owner.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Owner, Prepared};
use argus_base::connector::{ConnectorContext, SinkCommitter, SinkSet, SinkTable};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{Delivery, Flushed, Sink, SinkStatus, SinkWriter};
use argus_base::{Batch, Error, ErrorKind, Result};
use serde_json::Value;

use super::database::{Claim, Database, Row};
use super::table::{RowEncoder, Table};
use crate::crew::WorkerId;
use crate::world::{Call, Effect, System, World, lock};

/// Batches that wait for a writer.
const MAX_QUEUED: usize = 4;
/// The setting that has a table with a key staged.
const GUARANTEE: &str = "argus.jdbc.delivery-guarantee";

/// Opens the tables that a job writes.
pub fn open(
    (world, worker): (&Arc<World>, WorkerId),
    tables: &[SinkTable<'_>],
    context: &ConnectorContext,
) -> Result<SinkSet> {
    let (mut sinks, mut committers) = (Vec::<Arc<dyn Sink>>::new(), Vec::new());
    for (index, SinkTable { table, unstable_key, .. }) in tables.iter().enumerate() {
        let table = Table::new(table)?;
        let exactly_once = context.settings.get(GUARANTEE).is_some_and(|g| g == "exactly-once");
        let has_key = !table.descriptor.primary_key.is_empty() && unstable_key.is_none();
        let is_staged = exactly_once || !has_key;
        let place = Arc::new(Place {
            name: table.option("table-name")?.to_owned(),
            world: Arc::clone(world),
            worker,
            table,
            context: context.clone(),
            claim: Mutex::default(),
        });
        sinks.push(Arc::new(JdbcSink { place: Arc::clone(&place), is_staged }));
        let committer = Box::new(JdbcCommitter { place });
        committers.push(SinkCommitter { sinks: vec![index], committer, is_commit_point: false });
    }
    Ok(SinkSet { sinks, committers })
}

/// A table as one worker reaches it.
struct Place {
    name: String,
    world: Arc<World>,
    worker: WorkerId,
    table: Table,
    context: ConnectorContext,
    /// Whose it is, once its committer is open.
    claim: Mutex<Option<Claim>>,
}

impl Place {
    fn call<T: 'static>(
        &self,
        name: &str,
        effect: Effect,
        perform: impl FnOnce(&mut Database) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let name = format!("{name} {}", self.name);
        let call = Call { worker: self.worker, system: System::Database, name: &name, effect };
        self.world.call(call, move |world| perform(&mut lock(&world.database)))
    }

    fn claim(&self) -> Result<Claim> {
        let claim = lock(&self.claim).clone();
        claim.ok_or_else(|| Error::bug("a table is used before its committer is open"))
    }

    fn rows(&self, encoder: &mut RowEncoder, batch: &Batch) -> Result<Vec<Row>> {
        if batch.kinds.is_some() {
            return Err(Error::bug("the simulated database takes inserts only"));
        }
        let descriptor = &self.table.descriptor;
        let key_names: Vec<&str> = descriptor
            .primary_key
            .iter()
            .map(|at| descriptor.physical[*at].name.as_str())
            .collect();
        let row = |text: String| {
            let value: Value = serde_json::from_str(&text).unwrap_or_default();
            let key = key_names.iter().map(|name| value[name].to_string());
            let key = key.collect::<Vec<_>>().join(",");
            ((!key_names.is_empty()).then_some(key), text)
        };
        Ok(encoder.encode(batch)?.into_iter().map(row).collect())
    }
}

struct JdbcSink {
    place: Arc<Place>,
    is_staged: bool,
}

impl Sink for JdbcSink {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn delivery(&self) -> Delivery {
        if self.is_staged { Delivery::Staged } else { Delivery::Idempotent }
    }

    fn writer(&self, _subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(EarlyWriter {
            encoder: self.place.table.encoder(&self.place.context)?,
            claim: self.place.claim()?,
            place: Arc::clone(&self.place),
            commands: VecDeque::new(),
            flushed: VecDeque::new(),
            next_try: Duration::ZERO,
            is_ended: false,
        }))
    }
}

enum Command {
    Write(Vec<Row>),
    Flush(CheckpointId),
}

/// Writes rows at once.
struct EarlyWriter {
    place: Arc<Place>,
    claim: Claim,
    encoder: RowEncoder,
    commands: VecDeque<Command>,
    flushed: VecDeque<Flushed>,
    next_try: Duration,
    is_ended: bool,
}

impl EarlyWriter {
    /// Takes one step; false where nothing can be done now.
    fn work(&mut self) -> Result<bool> {
        if self.place.world.time.passed() < self.next_try {
            return Ok(false);
        }
        match self.commands.front() {
            None => return Ok(false),
            Some(Command::Flush(checkpoint)) => {
                let checkpoint = *checkpoint;
                self.flushed.push_back(Flushed { checkpoint, prepared: Vec::new() });
            }
            Some(Command::Write(rows)) => {
                let (claim, rows) = (self.claim.clone(), rows.clone());
                let write = move |database: &mut Database| database.write(&claim, &rows);
                match self.place.call("write to", Effect::Writes, write) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::Transient => {
                        let pause = self.place.world.draw(|dice| dice.between(1, 300));
                        let now = self.place.world.time.passed();
                        self.next_try = now + Duration::from_millis(pause);
                        return Ok(false);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        self.commands.pop_front();
        Ok(true)
    }
}

impl SinkWriter for EarlyWriter {
    fn poll(&mut self) -> Result<SinkStatus> {
        let n_steps = self.place.world.draw(|dice| dice.below(3));
        for _ in 0..n_steps {
            if !self.work()? {
                break;
            }
        }
        if self.is_ended {
            let is_done = self.commands.is_empty();
            return Ok(if is_done { SinkStatus::Drained } else { SinkStatus::Blocked });
        }
        let is_full = self.commands.len() >= MAX_QUEUED;
        Ok(if is_full { SinkStatus::Blocked } else { SinkStatus::Ready })
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let rows = self.place.rows(&mut self.encoder, &batch)?;
        self.commands.push_back(Command::Write(rows));
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.place.world.time.passed() >= self.next_try
    }

    fn flush(&mut self, checkpoint: CheckpointId) -> Result<()> {
        self.commands.push_back(Command::Flush(checkpoint));
        Ok(())
    }

    fn flushed(&mut self) -> Option<Flushed> {
        self.flushed.pop_front()
    }

    fn end_input(&mut self) -> Result<()> {
        self.is_ended = true;
        Ok(())
    }
}

struct JdbcCommitter {
    place: Arc<Place>,
}

impl Committer for JdbcCommitter {
    fn name(&self) -> &str {
        &self.place.name
    }

    fn open(&mut self, owner: &Owner) -> Result<Option<CommitRecord>> {
        let claim = Claim { owner: owner.clone(), table: self.place.name.clone() };
        let raised = claim.clone();
        let found = self.place.call("open", Effect::Writes, move |db| db.open(&raised))?;
        *lock(&self.place.claim) = Some(claim);
        Ok(found)
    }

    fn commit(&mut self, record: &CommitRecord, outputs: &[EpochOutput]) -> Result<()> {
        let claim = self.place.claim()?;
        if claim.owner.incarnation != record.incarnation {
            return Err(Error::bug("an epoch of another incarnation"));
        }
        let asked = claim.clone();
        let last =
            self.place.call("last epoch of", Effect::Reads, move |db| db.last_epoch(&asked))?;
        if last >= record.checkpoint.0 {
            return Ok(());
        }
        let mut missing: Vec<&EpochOutput> =
            outputs.iter().filter(|output| output.checkpoint.0 > last).collect();
        missing.sort_by_key(|output| output.checkpoint);
        let mut encoder = self.place.table.encoder(&self.place.context)?;
        let mut rows = Vec::new();
        for output in missing {
            let Prepared::Rows(staged) = &output.prepared else {
                return Err(Error::bug("a table was given a note"));
            };
            for batch in staged.read()? {
                rows.extend(self.place.rows(&mut encoder, &batch?)?);
            }
        }
        let epochs = (last, record.checkpoint.0);
        self.place.world.check_follower(&self.place.name, record);
        self.place.call("apply to", Effect::Writes, move |db| db.apply(&claim, &rows, epochs))
    }
}
