//! The epoch log under lost answers, failing stores and workers that sleep at any step.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex};

use argus_base::commit::Incarnation;
use argus_base::env::splitmix64;
use argus_base::id::CheckpointId;

use super::*;
use crate::storage::{MemoryStorage, ObjectInfo};

fn commit_of(checkpoint: u64, worker: u64) -> CommitRecord {
    CommitRecord {
        incarnation: Incarnation::new(1),
        checkpoint: CheckpointId(checkpoint),
        manifest_hash: format!("{worker:032x}"),
    }
}

fn memory() -> Arc<MemoryStorage> {
    Arc::new(MemoryStorage::default())
}

fn take_over(storage: &Arc<MemoryStorage>, token: u64) -> (EpochLog, Takeover) {
    EpochLog::take_over(storage.clone(), token).unwrap()
}

fn assert_fenced(result: Result<()>, generation: u64) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Fenced, "AR5105"));
    assert!(error.to_string().ends_with(&format!("(generation {generation})")), "{error}");
}

#[test]
fn a_damaged_log_is_taken_over_by_those_who_give_it_up() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
    let (mut log, _) = EpochLog::take_over(storage.clone(), 1).unwrap();
    log.commit(&commit_of(4, 1)).unwrap();
    let given_up =
        |token| EpochLog::take_over_damaged(storage.clone(), token, Generation(0)).unwrap();
    // A whole one says what it says.
    assert_eq!(
        given_up(2).1,
        Takeover { generation: Generation(2), committed: Some(commit_of(4, 1)) }
    );
    storage.put(&record::path(3), b"rubbish").unwrap();
    let error = EpochLog::take_over(storage.clone(), 3).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let nothing = |generation| Takeover { generation: Generation(generation), committed: None };
    assert_eq!(given_up(3).1, nothing(3));
    for number in 1..=4 {
        storage.put(&record::path(number), b"").unwrap();
    }
    let (log, found) = given_up(4);
    assert_eq!(found, nothing(5));
    log.check().unwrap();
    let lost: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
    let known = EpochLog::take_over_damaged(lost, 5, Generation(7)).unwrap();
    assert_eq!(known.1, nothing(8));
}

#[test]
fn a_takeover_fences_those_before() {
    let storage = memory();
    assert_eq!(EpochLog::look(storage.as_ref()).unwrap(), None);
    let (mut first, found) = take_over(&storage, 1);
    assert_eq!(found, Takeover { generation: Generation(1), committed: None });
    first.commit(&commit_of(1, 1)).unwrap();
    first.commit(&commit_of(2, 1)).unwrap();
    first.check().unwrap();
    let (mut second, found) = take_over(&storage, 2);
    let committed = Some(commit_of(2, 1));
    assert_eq!(found, Takeover { generation: Generation(2), committed });
    assert_fenced(first.check(), 2);
    assert_fenced(first.commit(&commit_of(3, 1)), 2);
    assert_fenced(first.commit(&commit_of(2, 1)), 2);
    second.commit(&commit_of(4, 2)).unwrap();
    second.commit(&commit_of(4, 2)).unwrap();
    let committed = Some(commit_of(4, 2));
    let found = EpochLog::look(storage.as_ref()).unwrap().unwrap();
    assert_eq!(found, Takeover { generation: Generation(2), committed });
}

#[test]
fn old_records_are_deleted_and_their_numbers_stay_taken() {
    let storage = memory();
    let (mut sleeper, _) = take_over(&storage, 1);
    sleeper.commit(&commit_of(1, 1)).unwrap();
    let (mut other, _) = take_over(&storage, 2);
    for checkpoint in 2..40 {
        other.commit(&commit_of(checkpoint, 2)).unwrap();
    }
    assert_eq!(numbers(storage.as_ref()).unwrap(), (34..42).collect::<Vec<_>>());
    // Its number 3 is free, but it is not the last one.
    assert_fenced(sleeper.commit(&commit_of(2, 1)), 2);
    assert_fenced(sleeper.check(), 2);
    other.check().unwrap();
    other.commit(&commit_of(40, 2)).unwrap();
    assert_eq!(numbers(storage.as_ref()).unwrap(), (35..43).collect::<Vec<_>>());
    assert_eq!(take_over(&storage, 3).1.committed, Some(commit_of(40, 2)));
}

#[test]
fn a_torn_record_is_named() {
    let storage = memory();
    take_over(&storage, 1);
    storage.put(&record::path(1), b"argus-epoch 1 ").unwrap();
    let error = EpochLog::take_over(storage, 2).err().unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "AR5108"));
    assert!(error.to_string().contains("epoch/00000000000000000001"), "{error}");
}

#[test]
fn a_store_that_is_emptied_meanwhile_is_noticed() {
    let storage = memory();
    let (mut log, _) = take_over(&storage, 1);
    log.commit(&commit_of(1, 1)).unwrap();
    for object in storage.list("").unwrap() {
        storage.delete(&object.path).unwrap();
    }
    for result in [log.check(), log.commit(&commit_of(2, 1)), log.commit(&commit_of(2, 1))] {
        assert_eq!(result.unwrap_err().code(), "AR5110");
    }
}

/// Workers as threads that take turns at each call of the store, in an order drawn from a seed.
struct World {
    storage: MemoryStorage,
    turns: Mutex<Turns>,
    changed: Condvar,
}

struct Turns {
    random: u64,
    /// Workers that have not ended.
    running: Vec<usize>,
    /// Whose turn it is.
    current: usize,
}

impl Turns {
    fn draw(&mut self, below: u64) -> u64 {
        self.random = splitmix64(self.random);
        self.random % below
    }

    fn pass_on(&mut self) {
        if !self.running.is_empty() {
            let next = self.draw(self.running.len() as u64);
            self.current = self.running[usize::try_from(next).unwrap()];
        }
    }
}

impl World {
    fn new(seed: u64, n_workers: usize) -> World {
        let running = (0..n_workers).collect();
        let mut turns = Turns { random: splitmix64(seed), running, current: 0 };
        turns.pass_on();
        World { storage: MemoryStorage::default(), turns: turns.into(), changed: Condvar::new() }
    }

    /// Waits for the turn of a worker, does a step, and passes the turn on. The step is given a
    /// random number.
    fn turn<T>(&self, worker: usize, step: impl FnOnce(u64) -> T) -> T {
        let is_other = |turns: &mut Turns| turns.current != worker;
        let turns = self.turns.lock().unwrap();
        let mut turns = self.changed.wait_while(turns, is_other).unwrap();
        let random = turns.draw(u64::MAX);
        let done = step(random);
        turns.pass_on();
        self.changed.notify_all();
        done
    }

    fn end(&self, worker: usize) {
        let is_other = |turns: &mut Turns| turns.current != worker;
        let turns = self.turns.lock().unwrap();
        let mut turns = self.changed.wait_while(turns, is_other).unwrap();
        turns.running.retain(|running| *running != worker);
        turns.pass_on();
        self.changed.notify_all();
    }
}

/// The store as one worker sees it: calls fail before they reach it, or their answer is lost.
struct Flaky {
    world: Arc<World>,
    worker: usize,
    /// Of 100 calls so many fail.
    failures: u64,
}

impl Flaky {
    /// The call is given a random number.
    fn call<T>(&self, call: impl FnOnce(&MemoryStorage, u64) -> Result<T>) -> Result<T> {
        let failed = |when| Err(Error::transient("AR5101", format!("failed {when} the call")));
        self.world.turn(self.worker, |random| {
            if random % 100 < self.failures {
                return failed("before");
            }
            let done = call(&self.world.storage, random / 10_000)?;
            if random / 100 % 100 < self.failures { failed("after") } else { Ok(done) }
        })
    }
}

impl Storage for Flaky {
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.call(|storage, _| storage.put(path, bytes))
    }
    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        self.call(|storage, random| {
            let is_put = storage.put_if_absent(path, bytes)?;
            // A client that repeats a request whose answer was lost says that it is there already.
            Ok(is_put && !random.is_multiple_of(4))
        })
    }
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.call(|storage, _| storage.get(path))
    }
    fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        self.call(|storage, _| storage.get_range(path, range))
    }
    fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        self.call(|storage, _| storage.list(prefix))
    }
    fn delete(&self, path: &str) -> Result<()> {
        self.call(|storage, _| storage.delete(path))
    }
}

/// What workers were told, in the order of time.
#[derive(Clone, Debug)]
enum Told {
    TookOver(Takeover),
    Committed(Generation, CommitRecord),
}

/// A worker that takes over, commits until it is fenced, and does so again a few times.
fn work(world: &Arc<World>, worker: usize, failures: u64, told: &Mutex<Vec<Told>>) {
    let storage = Arc::new(Flaky { world: world.clone(), worker, failures });
    for life in 0..4_u64 {
        let token = worker as u64 * 100 + life;
        let Some((mut log, found)) = retry(|| EpochLog::take_over(storage.clone(), token)) else {
            continue;
        };
        told.lock().unwrap().push(Told::TookOver(found.clone()));
        let last = found.committed.as_ref().map_or(0, |committed| committed.checkpoint.0);
        for checkpoint in last + 1..last + 30 {
            let record = commit_of(checkpoint, token);
            match retry(|| log.commit(&record).map(Ok).or_else(is_fenced)) {
                Some(Ok(())) => {}
                Some(Err(())) => break,
                // The outcome is unknown, and the worker goes on with the next one.
                None => continue,
            }
            told.lock().unwrap().push(Told::Committed(found.generation, record));
        }
    }
    world.end(worker);
}

fn is_fenced(error: Error) -> Result<std::result::Result<(), ()>> {
    if error.kind() == ErrorKind::Fenced { Ok(Err(())) } else { Err(error) }
}

/// A few attempts; only transient errors may come.
fn retry<T>(mut attempt: impl FnMut() -> Result<T>) -> Option<T> {
    for _ in 0..3 {
        match attempt() {
            Ok(done) => return Some(done),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Transient, "{error}"),
        }
    }
    None
}

/// There is one lineage: of each checkpoint at most one is told committed, and a takeover knows
/// all that any worker before it was or will be told.
fn check_lineage(told: &[Told]) {
    let mut by_checkpoint: BTreeMap<CheckpointId, CommitRecord> = BTreeMap::new();
    let mut generations = std::collections::BTreeSet::new();
    let mut takeovers = Vec::new();
    let mut commits = Vec::new();
    let mut saw = |record: &CommitRecord| {
        let one = by_checkpoint.entry(record.checkpoint).or_insert_with(|| record.clone());
        assert_eq!(one, record, "two lineages");
    };
    for event in told {
        match event {
            Told::TookOver(takeover) => {
                assert!(generations.insert(takeover.generation), "a generation was used twice");
                takeover.committed.iter().for_each(&mut saw);
                takeovers.push(takeover);
            }
            Told::Committed(generation, record) => {
                saw(record);
                commits.push((*generation, record));
            }
        }
    }
    for (generation, record) in commits {
        for takeover in takeovers.iter().filter(|takeover| takeover.generation > generation) {
            let known = takeover.committed.as_ref().map(|committed| committed.checkpoint);
            assert!(known >= Some(record.checkpoint), "{takeover:?} does not know of {record:?}");
        }
    }
}

#[test]
fn of_any_workers_one_lineage_comes() {
    let mut n_commits = 0;
    for seed in 0..150 {
        let n_workers = 2 + usize::try_from(seed % 3).unwrap();
        let failures = [0, 3, 15][usize::try_from(seed / 3 % 3).unwrap()];
        let world = Arc::new(World::new(seed, n_workers));
        let told = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for worker in 0..n_workers {
                let (world, told) = (&world, &told);
                scope.spawn(move || work(world, worker, failures, told));
            }
        });
        let told = told.into_inner().unwrap();
        n_commits += told.iter().filter(|event| matches!(event, Told::Committed(..))).count();
        let checked = std::panic::catch_unwind(|| check_lineage(&told));
        assert!(checked.is_ok(), "seed {seed}: {told:#?}");
    }
    assert!(n_commits > 1_000, "{n_commits} commits");
}
