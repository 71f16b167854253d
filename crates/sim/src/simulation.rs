//! One seed of one scenario, from an empty world to everything visible.
//!
//! ```text
//! trouble: input comes, workers die, stand still, are doubled, systems fail
//!    └─ until a time ─▶ calm: one worker has to make everything visible ─▶ it is ended ─▶ judged
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::{CheckpointContext, ConnectorContext};
use argus_base::metrics::Registry;
use argus_base::{Env, Error, ErrorKind, Result};
use argus_connectors::registry::Connectors;
use argus_engine::stepped::SteppedJob;
use argus_engine::{JobEnd, JobParts, StartOptions, StopKind};
use argus_plan::JobGraph;
use argus_sql::session::{Session, SessionOptions, Step};
use argus_state::epoch_log::TAKEN_OVER;

use crate::climate::Climate;
use crate::crew::WorkerId;
use crate::dice::Dice;
use crate::expectation::Verdict;
use crate::factory::Factory;
use crate::savepoints::Savepoints;
use crate::scenario::{Case, JOB, Scenario};
use crate::system::store::WorkerStorage;
use crate::time::WorkerClock;
use crate::world::{System, WorkerFaults, World, lock};

/// Everything must be visible as long after the trouble has ended.
const PATIENCE: Duration = Duration::from_secs(400);
/// Of several workers all but one must have ended as long after the trouble.
const RIVALRY: Duration = Duration::from_secs(200);
/// Turns after which a run counts as endless.
const MAX_TURNS: u64 = 400_000;
/// Most workers that live at once.
const MAX_ALIVE: usize = 3;

/// A run that was clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Of everything that happened.
    pub hash: u64,
    /// Workers that were started.
    pub n_workers: u64,
    /// Steps taken.
    pub n_turns: u64,
    /// Time on the world's clock.
    pub passed: Duration,
}

/// A run that was not.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its scenario.
    pub scenario: &'static str,
    /// Its seed.
    pub seed: u64,
    /// What is wrong.
    pub reason: String,
    /// The last events.
    pub events: String,
}

/// Runs a seed.
pub fn run(
    scenario: &'static dyn Scenario,
    seed: u64,
    is_traced: bool,
) -> std::result::Result<Facts, Box<Failure>> {
    let mut dice = Dice::new(seed);
    let case = scenario.case(&mut dice);
    let climate = Climate::roll(&mut dice, case.trouble);
    let world = World::new(dice, climate, is_traced);
    let mut simulation = Simulation::new(Arc::clone(&world), case);
    let reason = simulation.run_to_end();
    let (hash, events) = world.events();
    let n_workers = world.crew().n_hired();
    let facts = Facts { hash, n_workers, n_turns: simulation.n_turns, passed: world.time.passed() };
    world.close();
    match reason {
        None => Ok(facts),
        Some(reason) => Err(Box::new(Failure { scenario: scenario.name(), seed, reason, events })),
    }
}

struct Simulation {
    world: Arc<World>,
    case: Case,
    /// By parallelism.
    graphs: BTreeMap<usize, JobGraph>,
    n_fed: usize,
    /// Longest time that a step takes.
    pace: Duration,
    /// When the next worker starts, where none lives.
    next_start: Duration,
    /// Who was asked to end.
    stopping: Vec<WorkerId>,
    is_calm: bool,
    /// Everything was visible, and a worker was asked to end, perhaps in vain.
    has_asked_to_end: bool,
    phase: Phase,
    savepoints: Savepoints,
    n_turns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Until everything is visible.
    Working,
    /// The worker was asked to end; where it fails instead, another one goes on.
    Ending,
    /// It has.
    Ended,
}

impl Simulation {
    fn new(world: Arc<World>, case: Case) -> Simulation {
        world.set_commit_point(case.commit_point.clone());
        for topic in &case.topics {
            let mut brokers = lock(&world.brokers);
            let broker = brokers.entry(topic.servers.clone()).or_default();
            broker.create(&topic.name, topic.n_partitions);
        }
        let pace = world.draw(|dice| dice.pick(&[200, 1_000, 5_000]));
        Simulation {
            savepoints: Savepoints::new(Arc::clone(&world), case.savepoints),
            world,
            case,
            graphs: BTreeMap::new(),
            n_fed: 0,
            pace: Duration::from_micros(pace),
            next_start: Duration::ZERO,
            stopping: Vec::new(),
            is_calm: false,
            has_asked_to_end: false,
            phase: Phase::Working,
            n_turns: 0,
        }
    }

    /// `None` where the run was clean, else what is wrong.
    fn run_to_end(&mut self) -> Option<String> {
        loop {
            self.n_turns += 1;
            if let Err(error) = self.turn() {
                return Some(format!("the simulation failed: {error}"));
            }
            if let Some(finding) = self.world.finding() {
                return Some(finding);
            }
            let is_time = self.n_turns.is_multiple_of(if self.is_calm { 64 } else { 1_024 });
            let is_late = self.is_too_late();
            if self.phase == Phase::Ended || is_time || is_late {
                match self.judge() {
                    Verdict::Wrong(reason) => return Some(reason),
                    Verdict::Complete if self.phase == Phase::Ended => return None,
                    Verdict::Complete => self.end(),
                    Verdict::Incomplete(missing) if self.phase == Phase::Ended => {
                        return Some(format!("the job has ended, and this is missing: {missing}"));
                    }
                    Verdict::Incomplete(missing) if is_late => {
                        return Some(format!("this is still missing: {missing}"));
                    }
                    Verdict::Incomplete(_) if self.has_asked_to_end => self.end(),
                    Verdict::Incomplete(_) => {}
                }
            }
            if is_late {
                return Some("the job does not end".to_owned());
            }
        }
    }

    fn is_too_late(&self) -> bool {
        let limit = self.world.calm_from() + PATIENCE;
        self.world.time.passed() > limit || self.n_turns > MAX_TURNS
    }

    fn judge(&self) -> Verdict {
        let mut missing = None;
        let has_more = self.has_asked_to_end && !self.case.expected_after_end.is_empty();
        let now = if has_more { &self.case.expected_after_end } else { &self.case.expected };
        for expected in now {
            match expected.judge(&self.world) {
                Verdict::Complete => {}
                Verdict::Incomplete(what) => missing = missing.or(Some(what)),
                wrong @ Verdict::Wrong(_) => return wrong,
            }
        }
        missing.map_or(Verdict::Complete, Verdict::Incomplete)
    }

    /// Everything is visible: the job is to end, if it does not by itself.
    fn end(&mut self) {
        let alive = self.world.crew().alive();
        let (Some(kind), [worker]) = (self.case.end, alive.as_slice()) else { return };
        // Of one that was asked before, that counts: the next one is asked.
        if self.stopping.contains(worker) {
            return;
        }
        if self.phase == Phase::Working && self.is_calm && self.n_fed == self.case.feeds.len() {
            self.phase = Phase::Ending;
            self.has_asked_to_end = true;
            self.ask_to_stop(*worker, kind);
        }
    }

    fn ask_to_stop(&mut self, worker: WorkerId, kind: StopKind) {
        self.world.note(&format!("{worker} is asked to end, {kind:?}"));
        self.world.crew().with(worker, |job| job.control().stop(kind));
        self.stopping.push(worker);
    }

    fn turn(&mut self) -> Result<()> {
        self.feed();
        if self.world.time.passed() < self.world.calm_from() {
            self.make_trouble()?;
        } else if !self.is_calm {
            self.is_calm = true;
            self.world.note("everything is calm");
            self.world.crew().wake_all();
        }
        self.savepoints.follow();
        self.follow_ends();
        self.start_if_none_lives()?;
        self.check_rivals();
        let has_stepped = self.world.step_one();
        self.let_time_pass(has_stepped);
        Ok(())
    }

    fn feed(&mut self) {
        let now = self.world.time.passed();
        while let Some(feed) = self.case.feeds.get(self.n_fed).filter(|feed| feed.at <= now) {
            let mut brokers = lock(&self.world.brokers);
            let broker = brokers.entry(feed.servers.clone()).or_default();
            broker.append(&feed.topic, feed.partition, feed.message.clone());
            self.n_fed += 1;
        }
    }

    fn make_trouble(&mut self) -> Result<()> {
        let world = Arc::clone(&self.world);
        let some_time = |most: u64| {
            let most = Duration::from_millis(most);
            world.draw(|dice| dice.time(Duration::from_millis(10), most))
        };
        if world.happens(|climate| climate.outage) {
            let system = world.draw(|dice| dice.pick(&System::ALL));
            let left = world.calm_from().saturating_sub(world.time.passed());
            world.take_away(system, some_time(5_000).min(left));
        }
        if world.happens(|climate| climate.clock_jump) {
            let jump = world.draw(|dice| dice.pick(&[-3_600_000, -5_000, 0, 5_000, 3_600_000]));
            world.note(&format!("the wall clock is {jump} ms off"));
            world.time.set_wall_offset(jump);
        }
        let alive = world.crew().alive();
        let Some(worker) = (!alive.is_empty()).then(|| world.draw(|dice| dice.pick(&alive))) else {
            return Ok(());
        };
        if world.happens(|climate| climate.kill) {
            world.note(&format!("{worker} is killed"));
            let dead = world.crew().kill(worker);
            drop(dead);
            return Ok(());
        }
        if world.happens(|climate| climate.pause) {
            let time = some_time(20_000);
            world.note(&format!("{worker} stands still for {time:?}"));
            let until = world.time.passed() + time;
            world.crew().pause(worker, until);
        }
        if world.happens(|climate| climate.stop) {
            self.ask_to_stop(worker, StopKind::Keep);
        }
        if self.savepoints.trouble(worker)? {
            self.stopping.push(worker);
        }
        if alive.len() < MAX_ALIVE && world.happens(|climate| climate.second_worker) {
            self.start()?;
        }
        Ok(())
    }

    /// Workers that have ended by themselves may have done so only for good reasons.
    fn follow_ends(&mut self) {
        let ended = self.world.crew().take_ended();
        for (worker, result) in ended {
            let was_asked = self.stopping.contains(&worker);
            match result {
                Ok(end) => {
                    self.world.note(&format!("{worker} has ended: {end:?}"));
                    let is_right = match end {
                        JobEnd::Stopped | JobEnd::Drained => was_asked,
                        JobEnd::Finished => self.case.end.is_none(),
                    };
                    if !is_right {
                        self.world.find(format!("{worker} ended for no reason: {end:?}"));
                    }
                    let is_last = end == JobEnd::Finished || self.phase == Phase::Ending;
                    if is_last {
                        self.phase = Phase::Ended;
                    }
                }
                Err(error) => {
                    self.judge_failure(worker, &error, was_asked);
                    if self.phase == Phase::Ending {
                        // It was no longer the owner: the job is another worker's to end.
                        self.phase = Phase::Working;
                    }
                }
            }
            self.next_start = self.world.time.passed() + self.some_seconds();
        }
    }

    fn judge_failure(&self, worker: WorkerId, error: &Error, was_asked: bool) {
        let code = error.code();
        self.world.note(&format!("{worker} has failed: {code} {error}"));
        let may_be = match error.kind() {
            ErrorKind::Fenced => code == TAKEN_OVER || was_asked,
            ErrorKind::Transient => !self.is_calm || was_asked,
            ErrorKind::Lost
            | ErrorKind::Data
            | ErrorKind::User
            | ErrorKind::Corrupt
            | ErrorKind::Bug => false,
        };
        if !may_be {
            self.world.find(format!("{worker} has failed: {code} {error}"));
        }
    }

    fn some_seconds(&self) -> Duration {
        let most = self.world.draw(|dice| dice.pick(&[0, 100, 3_000]));
        self.world.draw(|dice| dice.time(Duration::ZERO, Duration::from_millis(most)))
    }

    fn start_if_none_lives(&mut self) -> Result<()> {
        let is_due = self.world.time.passed() >= self.next_start && self.phase == Phase::Working;
        if is_due && self.world.crew().alive().is_empty() {
            self.start()?;
            // Where it dies at once the next one takes its time.
            self.next_start = self.world.time.passed() + self.some_seconds();
        }
        Ok(())
    }

    fn start(&mut self) -> Result<()> {
        let parallelism = self.world.draw(|dice| dice.pick(&self.case.parallelisms));
        let graph = self.graph(parallelism)?;
        let from_savepoint = self.savepoints.choose();
        let worker = self.world.crew().hire();
        self.world.note(&format!("{worker} starts with parallelism {parallelism}"));
        let world = &self.world;
        let clock = WorkerClock { world: Arc::clone(world), worker };
        let faults = WorkerFaults { world: Arc::clone(world), worker };
        let env = Env::new(Arc::new(clock), world.draw(Dice::bits)).with_faults(Arc::new(faults));
        let storage = WorkerStorage { world: Arc::clone(world), worker, folder: JOB.to_owned() };
        let parts = JobParts {
            factory: Arc::new(Factory { world: Arc::clone(world), worker }),
            context: context(&graph, env),
            collect: None,
            start: StartOptions { from_savepoint, ..StartOptions::default() },
            storage: Some(Arc::new(storage)),
        };
        let job = SteppedJob::new(&graph, parts);
        self.world.crew().seat(worker, job);
        Ok(())
    }

    fn graph(&mut self, parallelism: usize) -> Result<JobGraph> {
        if let Some(graph) = self.graphs.get(&parallelism) {
            return Ok(graph.clone());
        }
        let graph = plan(&self.case, parallelism)?;
        self.graphs.insert(parallelism, graph.clone());
        Ok(graph)
    }

    /// Long after the trouble one worker is left.
    fn check_rivals(&self) {
        let is_late = self.world.time.passed() > self.world.calm_from() + RIVALRY;
        if !is_late {
            return;
        }
        let alive = self.world.crew().alive();
        if alive.len() > 1 {
            self.world.find(format!("{alive:?} all live"));
        }
    }

    /// A step takes some time. Where nobody has anything to do, more of it passes.
    fn let_time_pass(&self, has_stepped: bool) {
        let pace = self.world.draw(|dice| dice.time(Duration::ZERO, self.pace));
        self.world.advance(pace);
        let n_idle = self.world.crew().n_idle;
        if n_idle >= 12 || !has_stepped {
            let level = u32::try_from(n_idle / 12).unwrap_or(6).min(6);
            let most = Duration::from_millis(1 << level);
            let jump = self.world.draw(|dice| dice.time(Duration::ZERO, most));
            self.world.advance(jump);
        }
    }
}

/// Plans the only job of a script.
fn plan(case: &Case, parallelism: usize) -> Result<JobGraph> {
    let (script, connectors) = (case.script.as_str(), Connectors::new());
    let parallelism = ("parallelism.default".to_owned(), parallelism.to_string());
    let options = SessionOptions {
        connectors: &connectors,
        variables: &|name| case.variables.get(name).cloned(),
        settings: [parallelism].into(),
        overrides: BTreeMap::new(),
        time_zone: "UTC".to_owned(),
        job_name: JOB.to_owned(),
    };
    let refused = |error: argus_sql::Diagnostic| Error::bug(error.render("script", script, false));
    let mut session = Session::new(options).map_err(refused)?;
    let steps = session.run_script(script).map_err(refused)?;
    let jobs = steps.into_iter().filter_map(|step| match step {
        Step::Job(job) => Some(job.graph),
        Step::Rows(_) => None,
    });
    jobs.last().ok_or_else(|| Error::bug("the script has no job"))
}

fn context(graph: &JobGraph, env: Env) -> ConnectorContext {
    let settings = &graph.settings;
    let checkpoints = settings.checkpoints.as_ref();
    ConnectorContext {
        env,
        job_name: settings.name.clone(),
        time_zone: settings.time_zone.clone(),
        connect_timeout: settings.connect_timeout,
        on_source_error: settings.on_error,
        on_sink_error: settings.on_error,
        settings: settings.written.clone(),
        metrics: Registry::default(),
        checkpoints: checkpoints.map(|checkpoints| CheckpointContext {
            interval: checkpoints.interval,
            timeout: checkpoints.timeout,
        }),
        is_restart: false,
    }
}
