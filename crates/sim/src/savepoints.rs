//! Savepoints of a world: asked for at any time, and begun from by later workers. They lie in a
//! real folder, which does not fail; that the job dies over one is trouble enough.

use std::sync::Arc;

use argus_base::{Error, Result};
use argus_engine::stepped::SteppedJob;
use argus_engine::{PendingSavepoint, StopKind};
use tempfile::TempDir;

use crate::crew::WorkerId;
use crate::world::World;

/// How often one is asked for, and how often one is begun from, in a hundred thousand.
const ASKED: u64 = 400;
const BEGUN_FROM: u64 = 60_000;

/// How a job's savepoints are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavepointUse {
    /// There are none.
    None,
    /// The job is stopped with one and begins from it while nothing has been committed since: as
    /// if it had gone on, whatever its sinks are.
    Resume,
    /// Also taken while it runs, and begun from at any later time: the job writes again what it
    /// wrote since. For sinks with a key.
    GoBack,
}

/// The savepoints of one world.
pub struct Savepoints {
    world: Arc<World>,
    usage: SavepointUse,
    /// Made with the first one.
    folder: Option<TempDir>,
    pending: Vec<(WorkerId, PendingSavepoint)>,
    taken: Vec<Taken>,
}

struct Taken {
    place: String,
    checkpoint: u64,
}

impl Savepoints {
    /// None has been taken.
    pub fn new(world: Arc<World>, usage: SavepointUse) -> Savepoints {
        Savepoints { world, usage, folder: None, pending: Vec::new(), taken: Vec::new() }
    }

    /// Asks a worker for one where it is time. True where it is to end with it.
    pub fn trouble(&mut self, worker: WorkerId) -> Result<bool> {
        if self.usage == SavepointUse::None || !self.world.draw(|dice| dice.chance(ASKED)) {
            return Ok(false);
        }
        let stops =
            self.usage == SavepointUse::Resume || self.world.draw(|dice| dice.chance(50_000));
        let dir = Some(self.folder()?);
        let ask = |job: &SteppedJob| match stops {
            true => job.control().stop_with_savepoint(StopKind::Keep, dir),
            false => job.control().savepoint(dir),
        };
        let Some(pending) = self.world.crew().with(worker, ask) else { return Ok(false) };
        self.world.note(&format!("{worker} is asked for a savepoint, to end with it: {stops}"));
        self.pending.push((worker, pending));
        Ok(stops)
    }

    fn folder(&mut self) -> Result<String> {
        if self.folder.is_none() {
            let made = TempDir::new().map_err(|error| Error::bug(error.to_string()))?;
            self.folder = Some(made);
        }
        let path = self.folder.as_ref().map(TempDir::path).unwrap_or_else(|| "".as_ref());
        Ok(path.to_string_lossy().into_owned())
    }

    /// Takes answers in.
    pub fn follow(&mut self) {
        let (world, taken) = (&self.world, &mut self.taken);
        self.pending.retain(|(worker, pending)| {
            let Some(answer) = pending.poll() else { return true };
            // Its name ends with the checkpoint's number and a hash.
            let number = |place: &String| place.rsplit('-').nth(1).and_then(|n| n.parse().ok());
            match answer {
                Ok(place) => match number(&place) {
                    Some(checkpoint) => {
                        world.note(&format!("{worker} took a savepoint of {checkpoint}"));
                        taken.push(Taken { place, checkpoint });
                    }
                    None => world.find(format!("{place} has no number")),
                },
                Err(_) => world.note(&format!("{worker} took no savepoint")),
            }
            false
        });
    }

    /// What the next worker begins from, where it is not the last checkpoint.
    pub fn choose(&self) -> Option<String> {
        let committed = self.world.committed().map(|record| record.checkpoint.0);
        let nobody_else = self.world.crew().alive().is_empty();
        let may_be = |taken: &&Taken| match self.usage {
            SavepointUse::None => false,
            SavepointUse::Resume => nobody_else && committed == Some(taken.checkpoint),
            SavepointUse::GoBack => self.world.time.passed() < self.world.calm_from(),
        };
        let candidates: Vec<&Taken> = self.taken.iter().filter(may_be).collect();
        if candidates.is_empty() || !self.world.draw(|dice| dice.chance(BEGUN_FROM)) {
            return None;
        }
        let chosen = self.world.draw(|dice| dice.pick(&candidates));
        self.world
            .note(&format!("the next one begins from the savepoint of {}", chosen.checkpoint));
        Some(chosen.place.clone())
    }
}
