//! Writes files: rows go into hidden files, one an epoch and writer or more, which the committer
//! makes visible.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Owner, Prepared};
use argus_base::connector::{ConnectorContext, SinkCommitter, SinkSet, SinkTable};
use argus_base::fault::FaultPoint;
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{Delivery, Flushed, Sink, SinkStatus, SinkWriter};
use argus_base::{Batch, Error, ErrorKind, Result};

use super::folder::{Folder, FolderMarker};
use super::table::{RowEncoder, Table};
use crate::crew::WorkerId;
use crate::world::{Call, Effect, System, World, lock};

/// Code of the error of an owner that has been fenced.
const FENCED: &str = "AR3404";

/// Opens the folders that a job writes.
pub fn open(
    (world, worker): (&Arc<World>, WorkerId),
    tables: &[SinkTable<'_>],
    context: &ConnectorContext,
) -> Result<SinkSet> {
    let (mut sinks, mut committers) = (Vec::<Arc<dyn Sink>>::new(), Vec::new());
    for (index, SinkTable { table, .. }) in tables.iter().enumerate() {
        let table = Table::new(table)?;
        let place = Arc::new(Place {
            path: table.option("path")?.to_owned(),
            world: Arc::clone(world),
            worker,
            table,
            context: context.clone(),
            prefix: Mutex::default(),
        });
        sinks.push(Arc::new(FileSink { place: Arc::clone(&place) }));
        let committer = Box::new(FileCommitter { place, owner: None, left_behind: Vec::new() });
        committers.push(SinkCommitter { sinks: vec![index], committer, is_commit_point: false });
    }
    Ok(SinkSet { sinks, committers })
}

/// A folder as one worker reaches it.
struct Place {
    path: String,
    world: Arc<World>,
    worker: WorkerId,
    table: Table,
    context: ConnectorContext,
    /// What the names of its files begin with, once its committer is open.
    prefix: Mutex<Option<String>>,
}

impl Place {
    fn call<T: 'static>(
        &self,
        name: &str,
        effect: Effect,
        perform: impl FnOnce(&mut Folder) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.path.clone();
        let call = Call { worker: self.worker, system: System::Folder, name, effect };
        self.world.call(call, move |world| {
            let mut folders = lock(&world.folders);
            perform(folders.entry(path).or_default())
        })
    }
}

struct FileSink {
    place: Arc<Place>,
}

impl Sink for FileSink {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn delivery(&self) -> Delivery {
        Delivery::TwoPhase
    }

    fn writer(&self, subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let prefix = lock(&self.place.prefix).clone();
        let prefix = prefix.ok_or_else(|| Error::bug("a writer before its committer is open"))?;
        Ok(Box::new(FileWriter {
            encoder: self.place.table.encoder(&self.place.context)?,
            max_lines: self.place.world.draw(|dice| dice.pick(&[2, 20, 1_000])),
            place: Arc::clone(&self.place),
            prefix: format!("{prefix}-{}", subtask.0),
            number: 0,
            lines: Vec::new(),
            complete: Vec::new(),
            commands: VecDeque::new(),
            flushed: VecDeque::new(),
            next_try: Duration::ZERO,
            is_ended: false,
        }))
    }
}

enum Command {
    Write(Vec<String>),
    Flush(CheckpointId),
}

struct FileWriter {
    place: Arc<Place>,
    encoder: RowEncoder,
    /// What the names of its files begin with.
    prefix: String,
    number: u64,
    max_lines: usize,
    /// Lines of the file that is being written.
    lines: Vec<String>,
    /// Names of the epoch's complete files.
    complete: Vec<String>,
    commands: VecDeque<Command>,
    flushed: VecDeque<Flushed>,
    next_try: Duration,
    is_ended: bool,
}

impl FileWriter {
    fn work(&mut self) -> Result<bool> {
        if self.place.world.time.passed() < self.next_try {
            return Ok(false);
        }
        let must_end = match self.commands.front() {
            Some(Command::Flush(_)) => !self.lines.is_empty(),
            _ => self.lines.len() >= self.max_lines,
        };
        if must_end {
            return self.end_file();
        }
        match self.commands.pop_front() {
            None => return Ok(false),
            Some(Command::Write(lines)) => self.lines.extend(lines),
            Some(Command::Flush(checkpoint)) => {
                let names = std::mem::take(&mut self.complete);
                let prepared = names.into_iter().map(Prepared::Note).collect();
                self.flushed.push_back(Flushed { checkpoint, prepared });
            }
        }
        Ok(true)
    }

    /// Makes the file durable under a hidden name.
    fn end_file(&mut self) -> Result<bool> {
        let name = format!("{}-{}", self.prefix, self.number);
        let (at, lines) = (name.clone(), self.lines.clone());
        let write = move |folder: &mut Folder| {
            folder.hidden.insert(at, lines);
            Ok(())
        };
        match self.place.call(&format!("write {name}"), Effect::Writes, write) {
            Ok(()) => {
                self.number += 1;
                self.lines.clear();
                self.complete.push(name);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Transient => {
                let now = self.place.world.time.passed();
                let pause = self.place.world.draw(|dice| dice.between(1, 200));
                self.next_try = now + Duration::from_millis(pause);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

impl SinkWriter for FileWriter {
    fn poll(&mut self) -> Result<SinkStatus> {
        let n_steps = self.place.world.draw(|dice| dice.below(4));
        for _ in 0..n_steps {
            if !self.work()? {
                break;
            }
        }
        if self.is_ended {
            let is_done = self.commands.is_empty();
            return Ok(if is_done { SinkStatus::Drained } else { SinkStatus::Blocked });
        }
        Ok(if self.commands.len() >= 4 { SinkStatus::Blocked } else { SinkStatus::Ready })
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let lines = self.encoder.encode(&batch)?;
        self.commands.push_back(Command::Write(lines));
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

struct FileCommitter {
    place: Arc<Place>,
    owner: Option<Owner>,
    /// Complete files that former runs left.
    left_behind: Vec<String>,
}

impl FileCommitter {
    fn fenced(&self, owner: &Owner) -> Error {
        let generation = owner.generation.0;
        let message = format!("{} was taken over from generation {generation}", self.place.path);
        Error::new(ErrorKind::Fenced, FENCED, message)
    }

    fn marker(&self) -> Result<Option<FolderMarker>> {
        self.place.call("read the marker", Effect::Reads, |folder| Ok(folder.marker.clone()))
    }

    fn set_marker(&self, marker: FolderMarker) -> Result<()> {
        self.place.call("write the marker", Effect::Writes, move |folder| {
            folder.marker = Some(marker);
            Ok(())
        })
    }

    /// Makes a hidden file visible; one that is stays so.
    fn publish(&self, name: &str) -> Result<()> {
        let (world, path) = (Arc::clone(&self.place.world), self.place.path.clone());
        let name = name.to_owned();
        self.place.call(&format!("publish {name}"), Effect::Writes, move |folder| {
            match folder.hidden.remove(&name) {
                Some(lines) => drop(folder.visible.insert(name, lines)),
                None if folder.visible.contains_key(&name) => {}
                None => world.find(format!("{path}: the file {name} is gone")),
            }
            Ok(())
        })
    }
}

impl Committer for FileCommitter {
    fn name(&self) -> &str {
        &self.place.path
    }

    fn open(&mut self, owner: &Owner) -> Result<Option<CommitRecord>> {
        let found = self.marker()?;
        let is_own = |found: &&FolderMarker| found.incarnation == owner.incarnation;
        let own = found.as_ref().filter(is_own);
        if own.is_some_and(|own| own.generation > owner.generation) {
            return Err(self.fenced(owner));
        }
        self.set_marker(FolderMarker {
            incarnation: owner.incarnation.clone(),
            generation: owner.generation,
            checkpoint: own.map_or(CheckpointId(0), |own| own.checkpoint),
        })?;
        let hidden = self.place.call("list hidden files", Effect::Reads, |folder| {
            Ok(folder.hidden.keys().cloned().collect::<Vec<_>>())
        })?;
        self.left_behind = hidden;
        let prefix = format!("{}-{}", owner.incarnation, owner.generation.0);
        *lock(&self.place.prefix) = Some(prefix);
        self.owner = Some(owner.clone());
        let found = found.filter(|found| found.checkpoint.0 > 0);
        Ok(found.map(|found| CommitRecord {
            incarnation: found.incarnation,
            checkpoint: found.checkpoint,
            manifest_hash: String::new(),
        }))
    }

    fn commit(&mut self, record: &CommitRecord, outputs: &[EpochOutput]) -> Result<()> {
        let closed = || Error::bug("a folder's committer is not open");
        let owner = self.owner.clone().ok_or_else(closed)?;
        let found = self.marker()?;
        let is_own = |found: &FolderMarker| {
            found.incarnation == owner.incarnation && found.generation == owner.generation
        };
        let Some(before) = found.filter(is_own) else { return Err(self.fenced(&owner)) };
        self.place.world.check_follower(&self.place.path, record);
        let env = &self.place.context.env;
        let mut n_files = 0;
        for output in outputs.iter().filter(|output| output.checkpoint > before.checkpoint) {
            let Prepared::Note(name) = &output.prepared else {
                return Err(Error::bug("a folder was given rows"));
            };
            env.step(FaultPoint::Publish, || self.publish(name))?;
            n_files += 1;
        }
        if n_files > 0 {
            let checkpoint = before.checkpoint.max(record.checkpoint);
            self.set_marker(FolderMarker { checkpoint, ..before })?;
        }
        // What is hidden of former runs, and not published by now, is nobody's.
        for name in std::mem::take(&mut self.left_behind) {
            self.place.call("remove a file", Effect::Writes, move |folder| {
                folder.hidden.remove(&name);
                Ok(())
            })?;
        }
        Ok(())
    }
}
