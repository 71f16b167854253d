//! A world: its clock, its chance, the systems in it, and what becomes of each call to them.
//!
//! Everything runs on one thread. A call may let other workers take steps before it happens, so
//! that whatever can come between two calls of a worker does. Locks are held for the moment of a
//! change only, never while somebody else takes a step.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argus_base::commit::CommitRecord;
use argus_base::fault::{FaultPoint, Faults, Moment};
use argus_base::{Error, Result};
use argus_state::epoch_log::EpochLog;

use crate::climate::Climate;
use crate::crew::{Crash, Crew, WorkerId};
use crate::dice::Dice;
use crate::scenario::{CommitPoint, JOB};
use crate::system::broker::Broker;
use crate::system::database::Database;
use crate::system::folder::Folder;
use crate::system::store::Store;
use crate::system::transactions;
use crate::time::Time;
use crate::trace::Trace;

/// Longest time after which a call still arrives that its caller has given up.
const MAX_LATE: Duration = Duration::from_secs(20);
/// Most steps that others take while a worker stands still in a call.
const MAX_STALL_STEPS: u64 = 600;

/// A system outside of the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum System {
    /// The checkpoint store.
    Store,
    /// The Kafka clusters.
    Broker,
    /// The database.
    Database,
    /// The folder of files.
    Folder,
}

impl System {
    /// All of them.
    pub const ALL: [System; 4] = [System::Store, System::Broker, System::Database, System::Folder];
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    Reads,
    /// It changes something, at once or not at all.
    Writes,
    /// It may also arrive after its caller has given up.
    WritesLate,
}

/// A call of a worker to a system.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Who calls.
    pub worker: WorkerId,
    /// Whom.
    pub system: System,
    /// What it asks for.
    pub name: &'a str,
    /// What it may change.
    pub effect: Effect,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Refused,
    AnswerLost,
    Late(Duration),
}

/// A call on its way.
type Late = Box<dyn FnOnce(&World) + Send>;

/// The world of one seed.
pub struct World {
    /// Its clock.
    pub time: Time,
    /// The checkpoint store.
    pub store: Mutex<Store>,
    /// Kafka clusters by bootstrap servers.
    pub brokers: Mutex<BTreeMap<String, Broker>>,
    /// The database.
    pub database: Mutex<Database>,
    /// Folders of files by path.
    pub folders: Mutex<BTreeMap<String, Folder>>,
    dice: Mutex<Dice>,
    climate: Mutex<Climate>,
    trace: Mutex<Trace>,
    crew: Mutex<Crew>,
    late: Mutex<BTreeMap<(Duration, u64), Late>>,
    /// Until when systems are away.
    away: Mutex<BTreeMap<System, Duration>>,
    findings: Mutex<Vec<String>>,
    commit_point: Mutex<CommitPoint>,
}

/// Takes a lock that nobody holds for longer than a moment.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// An empty world.
    pub fn new(dice: Dice, climate: Climate, is_traced: bool) -> Arc<World> {
        Arc::new(World {
            time: Time::default(),
            store: Mutex::default(),
            brokers: Mutex::default(),
            database: Mutex::default(),
            folders: Mutex::default(),
            dice: Mutex::new(dice),
            climate: Mutex::new(climate),
            trace: Mutex::new(Trace::new(is_traced)),
            crew: Mutex::default(),
            late: Mutex::default(),
            away: Mutex::default(),
            findings: Mutex::default(),
            commit_point: Mutex::new(CommitPoint::Store),
        })
    }

    /// Says where the job's checkpoints are committed.
    pub fn set_commit_point(&self, commit_point: CommitPoint) {
        *lock(&self.commit_point) = commit_point;
    }

    /// Everything ends: workers and calls on their way know the world, and it must not outlive
    /// them.
    pub fn close(&self) {
        let jobs = self.crew().dismiss();
        drop(jobs);
        let late = std::mem::take(&mut *lock(&self.late));
        drop(late);
    }

    /// What the commit point has.
    pub fn committed(&self) -> Option<CommitRecord> {
        match &*lock(&self.commit_point) {
            CommitPoint::Store => {
                let store = lock(&self.store).folder(JOB);
                let takeover = EpochLog::look(store.as_ref()).ok().flatten();
                takeover.and_then(|takeover| takeover.committed)
            }
            CommitPoint::Cluster(servers) => {
                let brokers = lock(&self.brokers);
                let broker = brokers.get(servers);
                broker.and_then(|broker| transactions::record_of(broker, JOB))
            }
        }
    }

    /// A follower is about to apply epochs up to a record: the commit point must have it.
    pub fn check_follower(&self, name: &str, record: &CommitRecord) {
        let committed = self.committed();
        let is_covered = committed.as_ref().is_some_and(|committed| {
            committed.incarnation == record.incarnation && committed.checkpoint >= record.checkpoint
        });
        // What another life has committed since says nothing of this one.
        let is_other = committed.as_ref().is_some_and(|c| c.incarnation != record.incarnation);
        if !is_covered && !is_other {
            let (found, checkpoint) = (committed.map(|c| c.checkpoint.0), record.checkpoint.0);
            self.find(format!("{name} applies epoch {checkpoint}, committed is {found:?}"));
        }
    }

    /// Draws.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut lock(&self.dice))
    }

    /// Draws whether something happens that is so frequent in this climate.
    pub fn happens(&self, rate: impl FnOnce(&Climate) -> u64) -> bool {
        let rate = {
            let climate = lock(&self.climate);
            if self.time.passed() < climate.until { rate(&climate) } else { 0 }
        };
        self.draw(|dice| dice.chance(rate))
    }

    /// When nothing goes wrong any more.
    pub fn calm_from(&self) -> Duration {
        lock(&self.climate).until
    }

    /// Who works.
    pub fn crew(&self) -> MutexGuard<'_, Crew> {
        lock(&self.crew)
    }

    /// Notes an event.
    pub fn note(&self, event: &str) {
        lock(&self.trace).note(self.time.passed(), event);
    }

    /// The events so far: their hash, and the last ones as text.
    pub fn events(&self) -> (u64, String) {
        let trace = lock(&self.trace);
        (trace.hash(), trace.last())
    }

    /// Something is wrong that must never be.
    pub fn find(&self, finding: String) {
        self.note(&format!("FOUND {finding}"));
        lock(&self.findings).push(finding);
    }

    /// What was found wrong first.
    pub fn finding(&self) -> Option<String> {
        lock(&self.findings).first().cloned()
    }

    /// A system is away for some time.
    pub fn take_away(&self, system: System, time: Duration) {
        let until = self.time.passed() + time;
        self.note(&format!("{system:?} is away for {time:?}"));
        lock(&self.away).insert(system, until);
    }

    /// Whether a system is away.
    pub fn is_away(&self, system: System) -> bool {
        lock(&self.away).get(&system).is_some_and(|until| self.time.passed() < *until)
    }

    /// Lets time pass; what arrives until then does.
    pub fn advance(&self, time: Duration) {
        let until = self.time.passed() + time;
        loop {
            let due = {
                let mut late = lock(&self.late);
                match late.first_key_value() {
                    Some(((at, _), _)) if *at <= until => late.pop_first(),
                    _ => None,
                }
            };
            let Some(((at, _), arrive)) = due else { break };
            self.time.advance_to(at);
            arrive(self);
        }
        self.time.advance_to(until);
    }

    /// A worker sleeps while the others go on.
    pub fn sleep(self: &Arc<World>, worker: WorkerId, time: Duration) {
        let until = self.time.passed() + time;
        while self.time.passed() < until {
            let n_steps = self.draw(|dice| dice.below(4));
            self.let_others_step(worker, n_steps);
            let left = until.saturating_sub(self.time.passed());
            self.advance(left.min(Duration::from_millis(5)));
        }
        self.die_if_doomed(worker);
    }

    /// A worker comes to a call: it may die, or stand still while others go on.
    fn come_to(self: &Arc<World>, worker: WorkerId, what: &str) {
        self.die_if_doomed(worker);
        if self.happens(|climate| climate.crash_in_call) {
            self.crash(&format!("{worker} dies before {what}"));
        }
        if self.happens(|climate| climate.stall) {
            let n_steps = self.draw(|dice| dice.between(1, MAX_STALL_STEPS));
            self.note(&format!("{worker} stands still before {what}, {n_steps} steps of others"));
            self.let_others_step(worker, n_steps);
            self.die_if_doomed(worker);
        }
    }

    fn let_others_step(self: &Arc<World>, worker: WorkerId, n_steps: u64) {
        for _ in 0..n_steps {
            let step_time = self.draw(|dice| dice.below(400));
            self.advance(Duration::from_micros(step_time));
            if !self.step_another(worker) {
                // Nobody is there: time passes all the same.
                self.advance(Duration::from_millis(1));
            }
        }
    }

    /// Makes a call: its fate is drawn, and `perform` is what it does where it is done.
    pub fn call<T: 'static>(
        self: &Arc<World>,
        call: Call<'_>,
        perform: impl FnOnce(&World) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.come_to(call.worker, call.name);
        let result = match self.fate(&call) {
            Fate::Done => perform(self),
            Fate::Refused => Err(refused(&call)),
            Fate::AnswerLost => {
                self.note(&format!("{}: the answer to {} is lost", call.worker, call.name));
                drop(perform(self));
                Err(refused(&call))
            }
            Fate::Late(time) => {
                self.note(&format!("{}: {} arrives {time:?} late", call.worker, call.name));
                let name = format!("late {} of {}", call.name, call.worker);
                self.arrive_later(time, name, perform);
                Err(refused(&call))
            }
        };
        let changes = call.effect != Effect::Reads;
        if changes && self.happens(|climate| climate.crash_in_call) {
            self.crash(&format!("{} dies after {}", call.worker, call.name));
        }
        result
    }

    fn arrive_later<T>(
        &self,
        time: Duration,
        name: String,
        perform: impl FnOnce(&World) -> Result<T> + Send + 'static,
    ) {
        let mut late = lock(&self.late);
        let number = late.len() as u64;
        let mut key = (self.time.passed() + time, number);
        while late.contains_key(&key) {
            key.1 += 1;
        }
        let arrive = move |world: &World| {
            let came = if perform(world).is_ok() { "arrives" } else { "is refused" };
            world.note(&format!("{name} {came}"));
        };
        late.insert(key, Box::new(arrive));
    }

    fn fate(&self, call: &Call<'_>) -> Fate {
        if self.is_away(call.system) || self.happens(|climate| climate.refused) {
            return Fate::Refused;
        }
        if call.effect == Effect::Reads {
            return Fate::Done;
        }
        if self.happens(|climate| climate.answer_lost) {
            return Fate::AnswerLost;
        }
        if call.effect == Effect::WritesLate && self.happens(|climate| climate.late) {
            let least = Duration::from_millis(1);
            return Fate::Late(self.draw(|dice| dice.time(least, MAX_LATE)));
        }
        Fate::Done
    }

    /// The worker that steps now dies here: nothing of it happens any more.
    pub fn crash(&self, event: &str) -> ! {
        self.note(event);
        resume_unwind(Box::new(Crash));
    }

    fn die_if_doomed(&self, worker: WorkerId) {
        let is_doomed = self.crew().is_doomed(worker);
        if is_doomed {
            self.crash(&format!("{worker} was killed meanwhile"));
        }
    }
}

/// The error of a call that may be made again.
fn refused(call: &Call<'_>) -> Error {
    let message = format!("the simulated {:?} did not answer {}", call.system, call.name);
    Error::transient("AR5101", message)
}

/// Fault points as one worker comes to them.
pub struct WorkerFaults {
    /// Where it is.
    pub world: Arc<World>,
    /// Whose they are.
    pub worker: WorkerId,
}

impl Faults for WorkerFaults {
    fn reach(&self, point: FaultPoint, moment: Moment) {
        let (world, worker) = (&self.world, self.worker);
        world.die_if_doomed(worker);
        if world.happens(|climate| climate.crash_at_point) {
            world.crash(&format!("{worker} dies {moment:?} {}", point.name()));
        }
    }
}
