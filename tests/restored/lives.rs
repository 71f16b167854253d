//! Plans a script once for each life and runs its jobs, each life from where the one before was
//! ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::{CheckpointContext, ConnectorContext};
use argus_base::id::CheckpointId;
use argus_base::metrics::Registry;
use argus_base::{Env, Error, Result};
use argus_connectors::registry::Connectors;
use argus_engine::StartOptions;
use argus_engine::job::{self, JobEnd, JobHandle, JobParts};
use argus_plan::JobGraph;
use argus_plan::setting::CheckpointSettings;
use argus_sql::diagnostic::Diagnostic;
use argus_sql::session::{Session, SessionOptions, Step};
use argus_state::manifest::Manifest;
use argus_state::storage::{MemoryStorage, Storage};

use super::kill_switch::KillSwitch;
use super::printed::{batch_lines, row_lines};
use super::world::{World, show_collected};

/// Slots of the lives.
const PARALLELISMS: [usize; 3] = [1, 3, 2];
/// A life may take so long before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_micros(200);
/// Barriers follow each other at once.
const INTERVAL: Duration = Duration::from_millis(1);
const TIMEOUT: Duration = Duration::from_secs(60);

/// A script to run.
pub struct Script<'a> {
    /// Its text.
    pub text: &'a str,
    /// Values of `${CASE}` and `${OUT}`.
    pub folder: &'a Path,
    pub out: &'a Path,
    /// Decides when lives end and how many rows lie between two barriers.
    pub seed: u64,
}

/// What came of a script.
#[derive(Default)]
pub struct Outcome {
    /// What it printed.
    pub lines: Vec<String>,
    /// Jobs.
    pub n_jobs: usize,
    /// Lives that went on from a checkpoint.
    pub n_restores: usize,
    /// Those of them that found keyed state in it.
    pub n_with_state: usize,
}

/// Runs a script to its end.
pub fn run(script: &Script<'_>) -> std::result::Result<Outcome, String> {
    let mut plans = Vec::new();
    for parallelism in PARALLELISMS {
        plans.push(plan(script, parallelism)?.into_iter());
    }
    let mut outcome = Outcome::default();
    while let Some(steps) = next_of_each(&mut plans) {
        match steps.into_iter().map(graph_of).collect::<std::result::Result<Vec<_>, _>>() {
            Err(lines) => outcome.lines.extend(lines),
            Ok(graphs) => JobLives::new(script, graphs)
                .run(&mut outcome)
                .map_err(|error| format!("failed: {error}"))?,
        }
    }
    Ok(outcome)
}

/// The next step of each plan.
fn next_of_each(plans: &mut [std::vec::IntoIter<Step>]) -> Option<Vec<Step>> {
    plans.iter_mut().map(Iterator::next).collect()
}

/// The graph of a job, or the lines of a step that is none.
fn graph_of(step: Step) -> std::result::Result<JobGraph, Vec<String>> {
    match step {
        Step::Rows(rows) => Err(row_lines(&rows)),
        Step::Job(job) => Ok(job.graph),
    }
}

fn plan(script: &Script<'_>, parallelism: usize) -> std::result::Result<Vec<Step>, String> {
    let connectors = Connectors::new();
    let variable = |name: &str| {
        let path = match name {
            "CASE" => script.folder,
            "OUT" => script.out,
            _ => return None,
        };
        path.to_str().map(str::to_owned)
    };
    let keys = ["parallelism.default", "table.exec.resource.default-parallelism"];
    let settings = keys.map(|key| (key.to_owned(), parallelism.to_string()));
    let options = SessionOptions {
        connectors: &connectors,
        variables: &variable,
        settings: settings.into(),
        overrides: BTreeMap::new(),
        time_zone: "UTC".to_owned(),
        job_name: "case".to_owned(),
    };
    let refused = |wrong: Diagnostic| format!("refused: {}", wrong.message);
    let mut session = Session::new(options).map_err(refused)?;
    session.run_script(script.text).map_err(refused)
}

/// The lives of one job.
struct JobLives {
    graphs: Vec<JobGraph>,
    world: Arc<World>,
    storage: Arc<dyn Storage>,
    random: u64,
}

impl JobLives {
    fn new(script: &Script<'_>, graphs: Vec<JobGraph>) -> JobLives {
        let n_rows = 1 + usize::try_from(script.seed % 2).unwrap_or_default();
        let (world, storage) = (Arc::new(World::new(n_rows)), Arc::new(MemoryStorage::default()));
        JobLives { graphs, world, storage, random: script.seed / 2 }
    }

    fn run(mut self, outcome: &mut Outcome) -> Result<()> {
        outcome.n_jobs += 1;
        let graphs = std::mem::take(&mut self.graphs);
        let n_lives = graphs.len();
        let mut fields = None;
        for (life, mut graph) in graphs.into_iter().enumerate() {
            fields = show_collected(&mut graph);
            let has_next = life + 1 < n_lives;
            // The first checkpoint is taken before the first row.
            let least = if life == 0 { 2 } else { 1 };
            let n_commits = if has_next { least + self.random % 3 } else { 0 };
            self.random /= 3;
            if !self.live(graph, n_commits, outcome)? {
                break;
            }
        }
        let fields = fields.unwrap_or_default();
        for batch in self.world.shown() {
            outcome.lines.extend(batch_lines(&fields, &batch));
        }
        Ok(())
    }

    /// Runs a life; true where it was ended before its time.
    fn live(&self, mut graph: JobGraph, n_commits: u64, outcome: &mut Outcome) -> Result<bool> {
        graph.settings.checkpoints = Some(CheckpointSettings {
            interval: INTERVAL,
            timeout: TIMEOUT,
            min_pause: Duration::ZERO,
            tolerable_failures: 0,
            n_retained: 1,
            dir: None,
            savepoint_dir: None,
            savepoint_interval: None,
        });
        let switch = Arc::new(KillSwitch::after(n_commits));
        let switched: Arc<KillSwitch> = Arc::clone(&switch);
        let parts = JobParts {
            factory: self.world.clone(),
            context: context(&graph, Env::system().with_faults(switched)),
            collect: None,
            start: StartOptions::default(),
            storage: Some(Arc::clone(&self.storage)),
        };
        if let Some(manifest) = self.last_manifest()? {
            outcome.n_restores += 1;
            let subtasks = manifest.operators.iter().flat_map(|operator| &operator.subtasks);
            let n_keys =
                subtasks.filter_map(|state| state.keyed.as_ref()).map(|keyed| keyed.n_keys);
            outcome.n_with_state += usize::from(n_keys.sum::<u64>() > 0);
        }
        wait(job::start(&graph, parts)?, &switch)
    }

    /// What the next life goes on from.
    fn last_manifest(&self) -> Result<Option<Manifest>> {
        let Some(last) = self.storage.list("manifest/")?.pop() else { return Ok(None) };
        let bytes = self.storage.get(&last.path)?;
        let manifest = Manifest::decode(&bytes.ok_or_else(|| Error::bug("a manifest is gone"))?)?;
        assert!(manifest.checkpoint > CheckpointId(0));
        Ok(Some(manifest))
    }
}

/// Waits for the end of a life; true where the switch has ended it.
fn wait(handle: JobHandle, switch: &KillSwitch) -> Result<bool> {
    let env = Env::system();
    while !handle.is_finished() && !switch.is_reached() {
        if env.elapsed() > PATIENCE {
            return Err(Error::bug(format!("no end within {PATIENCE:?}")));
        }
        env.sleep(PAUSE);
    }
    if !switch.is_reached() {
        return Ok(handle.wait()? != JobEnd::Finished);
    }
    handle.abort();
    switch.aborted();
    handle.wait().map(|_| true)
}

fn context(graph: &JobGraph, env: Env) -> ConnectorContext {
    let settings = &graph.settings;
    ConnectorContext {
        env,
        job_name: settings.name.clone(),
        time_zone: settings.time_zone.clone(),
        connect_timeout: settings.connect_timeout,
        on_source_error: settings.on_error,
        on_sink_error: settings.on_error,
        settings: settings.written.clone(),
        metrics: Registry::default(),
        checkpoints: Some(CheckpointContext { interval: INTERVAL, timeout: TIMEOUT }),
        is_restart: false,
    }
}
