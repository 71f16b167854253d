//! The epoch log: who owns the store, and which checkpoint was committed last.
//!
//! Records have consecutive numbers and are put if absent, so of two workers that want to write
//! the next one exactly one succeeds, and the other learns who. A start writes a *takeover* with
//! the next generation, which fences all before it: whatever they try to commit finds its number
//! taken. A commit that reached the log before the takeover is seen by it and counts.
//!
//! ```text
//! 1 takeover g1 · 2 commit g1 c1 · 3 commit g1 c2 · 4 takeover g2 (c2) · 5 commit g2 c4
//!                                   worker g1 wants 4: taken ─▶ Fenced
//! ```
//! A record repeats the last commit, so the last record tells everything; older ones are deleted,
//! but for the last 8. That leaves room at old numbers, where a worker that slept through many
//! records could put one; therefore a record counts only if none with a greater number is there
//! *after* it was put. A put whose answer was lost is known by the token in the record.

mod record;

use std::sync::Arc;

use argus_base::commit::{CommitRecord, Generation};
use argus_base::{Error, ErrorKind, Result};

use self::record::{FOLDER, Record, RecordKind};
use crate::storage::Storage;

/// Records that stay.
const N_KEPT: usize = 8;
/// Rounds after which the store counts as too busy: in each, others have written a record.
const MAX_ROUNDS: usize = 64;

/// The code of the error that means: another worker owns the store now.
pub const TAKEN_OVER: &str = "AR5105";

/// The log as one worker sees it.
pub struct EpochLog {
    storage: Arc<dyn Storage>,
    /// The last record, which is the worker's own.
    last: Record,
}

/// What a takeover found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// The worker's own turn.
    pub generation: Generation,
    /// What was committed last in the log, by whichever worker.
    pub committed: Option<CommitRecord>,
}

/// What became of a put.
enum Put {
    /// The record is the last one.
    Last,
    /// Its number has another record of the same worker, which did not learn of it then.
    TakenByUs(Record),
    /// Another worker has had the last word.
    TakenByOther,
}

impl EpochLog {
    /// Takes the store over. `token` tells this worker's records from all others', so that a put
    /// whose answer was lost is known again.
    pub fn take_over(storage: Arc<dyn Storage>, token: u64) -> Result<(EpochLog, Takeover)> {
        EpochLog::take_over_after(storage, token, |storage| {
            Ok(last_record(storage)?.map_or_else(Before::default, Before::of))
        })
    }

    /// The same where the user has given up what the log says. Damaged records are passed over, and
    /// then nothing counts as committed. The generation is greater than any that a record tells of,
    /// and than `known`.
    pub fn take_over_damaged(
        storage: Arc<dyn Storage>,
        token: u64,
        known: Generation,
    ) -> Result<(EpochLog, Takeover)> {
        EpochLog::take_over_after(storage, token, |storage| {
            let before = before_damage(storage)?;
            Ok(Before { generation: before.generation.max(known.0), ..before })
        })
    }

    fn take_over_after(
        storage: Arc<dyn Storage>,
        token: u64,
        find: impl Fn(&dyn Storage) -> Result<Before>,
    ) -> Result<(EpochLog, Takeover)> {
        for _ in 0..MAX_ROUNDS {
            let before = find(storage.as_ref())?;
            let record = Record {
                number: before.number + 1,
                kind: RecordKind::Takeover,
                generation: Generation(before.generation + 1),
                token,
                committed: before.committed,
            };
            if let Put::Last = put(storage.as_ref(), &record)? {
                let takeover = Takeover::of(&record);
                return Ok((EpochLog { storage, last: record }, takeover));
            }
        }
        Err(too_busy())
    }

    /// Looks at the log without taking it: who took it over last, and what was committed.
    pub fn look(storage: &dyn Storage) -> Result<Option<Takeover>> {
        Ok(last_record(storage)?.as_ref().map(Takeover::of))
    }

    /// Commits a checkpoint. One attempt, which may be made again; `Fenced` where another worker
    /// has taken over. After any error the commit may have been made all the same: then the next
    /// takeover finds it.
    pub fn commit(&mut self, record: &CommitRecord) -> Result<()> {
        if self.last.committed.as_ref() == Some(record) {
            return self.check();
        }
        for _ in 0..MAX_ROUNDS {
            let next = Record {
                number: self.last.number + 1,
                kind: RecordKind::Commit,
                committed: Some(record.clone()),
                ..self.last
            };
            match put(self.storage.as_ref(), &next)? {
                Put::Last => {
                    self.last = next;
                    return Ok(());
                }
                Put::TakenByUs(earlier) => self.last = earlier,
                Put::TakenByOther => self.check()?,
            }
        }
        Err(too_busy())
    }

    /// Makes sure that nobody has taken over, where commits are made elsewhere.
    pub fn check(&self) -> Result<()> {
        match last_record(self.storage.as_ref())? {
            Some(last) if last.is_by_writer_of(&self.last) => Ok(()),
            Some(last) => Err(fenced(Some(last))),
            None => Err(emptied(self.last.number)),
        }
    }
}

/// What a takeover goes on from.
#[derive(Default)]
struct Before {
    number: u64,
    generation: u64,
    committed: Option<CommitRecord>,
}

impl Before {
    fn of(last: Record) -> Before {
        let Record { number, generation, committed, .. } = last;
        Before { number, generation: generation.0, committed }
    }
}

/// The last record if it can be read; else its number, and a generation that is not below its own:
/// no record is of a generation beyond that of the record before by more than one.
fn before_damage(storage: &dyn Storage) -> Result<Before> {
    let mut numbers = numbers(storage)?;
    let Some(last) = numbers.last().copied() else { return Ok(Before::default()) };
    while let Some(number) = numbers.pop() {
        let Some(bytes) = storage.get(&record::path(number))? else { continue };
        match Record::decode(number, &bytes) {
            Ok(found) if number == last => return Ok(Before::of(found)),
            Ok(found) => {
                let generation = found.generation.0 + (last - number);
                return Ok(Before { number: last, generation, committed: None });
            }
            Err(_) => {}
        }
    }
    Ok(Before { number: last, generation: last, committed: None })
}

impl Takeover {
    fn of(last: &Record) -> Takeover {
        Takeover { generation: last.generation, committed: last.committed.clone() }
    }
}

/// Puts a record, and looks whether it has become the last one.
fn put(storage: &dyn Storage, record: &Record) -> Result<Put> {
    let path = record::path(record.number);
    if !storage.put_if_absent(&path, &record.encode())? {
        // Where it is gone again, others have written many records meanwhile.
        let Some(bytes) = storage.get(&path)? else { return Ok(Put::TakenByOther) };
        let found = Record::decode(record.number, &bytes)?;
        if !found.is_by_writer_of(record) {
            return Ok(Put::TakenByOther);
        }
        if found != *record {
            return Ok(Put::TakenByUs(found));
        }
    }
    let numbers = numbers(storage)?;
    let at = numbers.partition_point(|number| *number < record.number);
    if at + 1 < numbers.len() {
        return Ok(Put::TakenByOther);
    }
    let follows = record.number == 1 || numbers[..at].last() == Some(&(record.number - 1));
    if !follows || numbers.get(at) != Some(&record.number) {
        return Err(emptied(record.number));
    }
    delete_old(storage, &numbers);
    Ok(Put::Last)
}

/// What cannot be deleted now is deleted after one of the next records.
fn delete_old(storage: &dyn Storage, numbers: &[u64]) {
    for number in &numbers[..numbers.len().saturating_sub(N_KEPT)] {
        let _later = storage.delete(&record::path(*number));
    }
}

/// The numbers of all records, ascending.
fn numbers(storage: &dyn Storage) -> Result<Vec<u64>> {
    let objects = storage.list(FOLDER)?;
    Ok(objects.iter().filter_map(|object| record::number_of(&object.path)).collect())
}

fn last_record(storage: &dyn Storage) -> Result<Option<Record>> {
    for _ in 0..MAX_ROUNDS {
        let Some(last) = numbers(storage)?.pop() else { return Ok(None) };
        // Between the two calls others may have written many records, and deleted this one.
        if let Some(bytes) = storage.get(&record::path(last))? {
            return Record::decode(last, &bytes).map(Some);
        }
    }
    Err(too_busy())
}

fn fenced(by: Option<Record>) -> Error {
    let by = by.map_or(String::new(), |by| format!(" (generation {})", by.generation.0));
    let message = format!("another worker of the job has taken the checkpoint store over{by}");
    Error::new(ErrorKind::Fenced, TAKEN_OVER, message)
}

fn emptied(number: u64) -> Error {
    let message = format!(
        "the epoch log has lost its records up to {number}: something else deletes files of the \
         checkpoint store"
    );
    Error::user("AR5110", message)
}

fn too_busy() -> Error {
    Error::transient("AR5101", "other workers of the job write to the epoch log all the time")
}

#[cfg(test)]
mod epoch_log_tests;
