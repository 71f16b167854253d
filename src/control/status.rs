//! What a worker tells of its job: gathered from the job, its metrics and its last checkpoint.
//!
//! The names of the fields are stable; see the user guide.

use std::collections::BTreeMap;

use argus_base::Env;
use argus_base::metrics::Registry;
use argus_base::time::ProcessingTime;
use argus_engine::job::JobControl;
use argus_engine::metrics as names;
use argus_engine::{CheckpointFacts, Completed};
use argus_plan::setting::CheckpointSettings;
use argus_plan::{JobGraph, Operator, explain};
use serde::{Deserialize, Serialize};

use crate::output::{instant, millis};

/// How a job is getting on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// `pipeline.name`.
    pub job: String,
    /// `starting`, `running`, `waiting` (for a server, or to be restarted) or `stopping`.
    pub state: String,
    /// Whether every source has its positions and every sink is connected.
    pub ready: bool,
    /// The worker's process.
    pub pid: u32,
    /// Its version.
    pub engine: String,
    /// When the job was started in it.
    pub running_since: String,
    /// The same as a duration.
    pub uptime_ms: u64,
    /// Slots.
    pub parallelism: usize,
    /// Whose turn it is at the checkpoint store.
    pub generation: Option<u64>,
    /// The life of the job.
    pub incarnation: Option<String>,
    /// The checkpoint from which the job went on.
    pub restored_checkpoint: Option<u64>,
    /// Restarts in the process.
    pub restarts: u64,
    /// The failure before the last of them.
    pub last_failure: Option<String>,
    /// `None` for a job that takes none.
    pub checkpoints: Option<Checkpoints>,
    /// Tables that are read.
    pub sources: Vec<SourceStatus>,
    /// Operators in order of the plan.
    pub operators: Vec<OperatorStatus>,
    /// Rows dropped because their windows had fired, in all.
    pub late_records: u64,
}

/// Checkpoints of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// Where they go; `None`: memory.
    pub dir: Option<String>,
    /// From one to the next.
    pub interval_ms: u64,
    /// Committed by this worker.
    pub completed: u64,
    /// Failed in this worker.
    pub failed: u64,
    /// The last one of this worker.
    pub last: Option<LastCheckpoint>,
}

/// A checkpoint that was committed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastCheckpoint {
    /// Its number.
    pub checkpoint: u64,
    /// When it was committed.
    pub completed_at: String,
    /// How long ago.
    pub age_ms: u64,
    /// From the barrier to the commit.
    pub duration_ms: u64,
    /// Of that, writing state.
    pub upload_ms: u64,
    /// Of that, manifest and commit.
    pub commit_ms: u64,
    /// Bytes written for it.
    pub delta_bytes: u64,
    /// Bytes of everything it refers to.
    pub full_bytes: u64,
}

/// A table that is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The table.
    pub source: String,
    /// Clock minus watermark.
    pub event_time_lag_ms: Option<u64>,
    /// Its splits now.
    pub splits: Vec<SplitStatus>,
    /// Next record of each split, at the last checkpoint.
    pub positions: Vec<Position>,
}

/// A split of a source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitStatus {
    /// Topic, or whatever holds the split.
    pub topic: String,
    /// Its number there.
    pub partition: String,
    /// Rows read since the worker started.
    pub records: u64,
    /// Records not read yet, where it is known.
    pub lag_records: Option<u64>,
    /// How far its event time has come.
    pub watermark: Option<String>,
    /// Whether it holds no watermark back.
    pub idle: bool,
}

/// Where a source stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The split as the connector calls it.
    pub split: String,
    /// Its next record.
    pub position: String,
}

/// An operator, over its subtasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatorStatus {
    /// Its id.
    pub operator: String,
    /// What EXPLAIN calls it.
    pub name: String,
    /// Subtasks.
    pub parallelism: usize,
    /// Rows taken since the worker started.
    pub records_in: u64,
    /// Rows emitted.
    pub records_out: u64,
    /// Rows dropped as late.
    pub late_records: u64,
    /// Keys over all live windows; `None` where it keeps none.
    pub state_keys: Option<u64>,
    /// Memory of its state at the last checkpoint.
    pub state_bytes: Option<u64>,
}

/// What is told of: a job, its metrics and what was planned.
pub struct Subject {
    env: Env,
    metrics: Registry,
    job: String,
    parallelism: usize,
    checkpoints: Option<CheckpointSettings>,
    operators: Vec<Planned>,
    started_at: ProcessingTime,
}

/// An operator as it was planned.
struct Planned {
    id: String,
    name: String,
    parallelism: usize,
    /// The table it reads.
    source: Option<String>,
}

impl Subject {
    /// A job that starts now.
    pub fn new(env: &Env, graph: &JobGraph, metrics: &Registry) -> Subject {
        let planned = |node: &argus_plan::Node| Planned {
            id: node.id.to_string(),
            name: explain::title(&node.operator),
            parallelism: node.parallelism,
            source: match &node.operator {
                Operator::Source(source) => Some(source.table.name.clone()),
                _ => None,
            },
        };
        Subject {
            env: env.clone(),
            metrics: metrics.clone(),
            job: graph.settings.name.clone(),
            parallelism: graph.settings.parallelism,
            checkpoints: graph.settings.checkpoints.clone(),
            operators: graph.nodes.iter().map(planned).collect(),
            started_at: env.now(),
        }
    }

    /// How it is getting on.
    pub fn status(&self, control: &JobControl, is_stopping: bool) -> Status {
        let told = control.status();
        let facts = &told.checkpoints;
        let ready = control.is_ready();
        let has_run = self.metrics.sum(names::CHECKPOINTS.name, &[]) > 0.0 || told.n_restarts > 0;
        let state = match (is_stopping, ready, has_run) {
            (true, _, _) => "stopping",
            (false, true, _) => "running",
            (false, false, true) => "waiting",
            (false, false, false) => "starting",
        };
        let operators: Vec<OperatorStatus> =
            self.operators.iter().map(|planned| self.operator(planned)).collect();
        Status {
            job: self.job.clone(),
            state: state.to_owned(),
            ready,
            pid: std::process::id(),
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            running_since: instant(self.started_at.0),
            uptime_ms: millis_between(self.started_at, self.env.now()),
            parallelism: self.parallelism,
            generation: facts.owner.as_ref().map(|owner| owner.generation.0),
            incarnation: facts.owner.as_ref().map(|owner| owner.incarnation.to_string()),
            restored_checkpoint: facts.restored.map(|checkpoint| checkpoint.0),
            restarts: told.n_restarts,
            last_failure: told.last_failure.clone(),
            checkpoints: self.checkpoints.as_ref().map(|settings| self.taken(settings, facts)),
            sources: self.sources(facts),
            late_records: operators.iter().map(|operator| operator.late_records).sum(),
            operators,
        }
    }

    fn taken(&self, settings: &CheckpointSettings, facts: &CheckpointFacts) -> Checkpoints {
        Checkpoints {
            dir: settings.dir.as_deref().map(explain::without_login),
            interval_ms: millis(settings.interval),
            completed: whole(self.metrics.sum(names::CHECKPOINTS.name, &[])),
            failed: whole(self.metrics.sum(names::FAILED_CHECKPOINTS.name, &[])),
            last: facts.last.map(|last| self.last(last)),
        }
    }

    fn last(&self, last: Completed) -> LastCheckpoint {
        LastCheckpoint {
            checkpoint: last.checkpoint.0,
            completed_at: instant(last.at.0),
            age_ms: millis_between(last.at, self.env.now()),
            duration_ms: millis(last.whole),
            upload_ms: millis(last.upload),
            commit_ms: millis(last.commit),
            delta_bytes: last.n_delta,
            full_bytes: last.n_full,
        }
    }

    fn operator(&self, planned: &Planned) -> OperatorStatus {
        let own = [("operator", planned.id.as_str())];
        let count = |name: &str| whole(self.metrics.sum(name, &own));
        let gauge = |name: &str| {
            let values = self.metrics.values(name);
            let mut own = values.iter().filter(|(labels, _)| {
                labels.get("operator").is_some_and(|operator| *operator == planned.id)
            });
            own.next().map(|_| count(name))
        };
        OperatorStatus {
            operator: planned.id.clone(),
            name: planned.name.clone(),
            parallelism: planned.parallelism,
            records_in: count(names::RECORDS_IN.name),
            records_out: count(names::RECORDS_OUT.name),
            late_records: count(names::LATE.name),
            state_keys: gauge(names::STATE_KEYS.name),
            state_bytes: gauge(names::STATE_BYTES.name),
        }
    }

    /// The tables that are read, once each, in order of the plan.
    fn sources(&self, facts: &CheckpointFacts) -> Vec<SourceStatus> {
        let mut sources: Vec<SourceStatus> = Vec::new();
        for planned in &self.operators {
            let Some(table) = &planned.source else { continue };
            let positions = positions(facts, &planned.id);
            match sources.iter_mut().find(|source| source.source == *table) {
                Some(known) => known.positions.extend(positions),
                None => sources.push(SourceStatus { positions, ..self.source(table) }),
            }
        }
        sources
    }

    fn source(&self, table: &str) -> SourceStatus {
        let mut splits: BTreeMap<(String, String), SplitStatus> = BTreeMap::new();
        for (name, of_split) in SPLIT_METRICS {
            for (labels, value) in self.metrics.values(name) {
                let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
                if label("source") == table {
                    let (topic, partition) = (label("topic"), label("partition"));
                    let split = splits.entry((topic.clone(), partition.clone())).or_default();
                    (split.topic, split.partition) = (topic, partition);
                    of_split(split, value);
                }
            }
        }
        let lags = self.metrics.values(names::SOURCE_EVENT_TIME_LAG.name);
        let is_own = |labels: &BTreeMap<String, String>| {
            labels.get("source").is_some_and(|source| source == table)
        };
        let lag = lags.iter().find(|(labels, _)| is_own(labels)).map(|(_, lag)| whole(lag * 1e3));
        SourceStatus {
            source: table.to_owned(),
            event_time_lag_ms: lag,
            splits: splits.into_values().collect(),
            positions: Vec::new(),
        }
    }
}

/// A metric of a split by name, and where its value goes.
type SplitMetric = (&'static str, fn(&mut SplitStatus, f64));

const SPLIT_METRICS: [SplitMetric; 4] = [
    (names::SOURCE_RECORDS.name, |split, value| split.records = whole(value)),
    (names::SOURCE_LAG.name, |split, value| split.lag_records = Some(whole(value))),
    (names::SOURCE_WATERMARK.name, |split, value| {
        #[allow(clippy::cast_possible_truncation, reason = "years that fit into milliseconds")]
        let millis = (value * 1e3).round() as i64;
        split.watermark = Some(instant(millis));
    }),
    (names::SOURCE_IDLE.name, |split, value| split.idle = value > 0.0),
];

fn positions(facts: &CheckpointFacts, operator: &str) -> Vec<Position> {
    let operators = facts.manifest.iter().flat_map(|manifest| &manifest.operators);
    let own = operators.filter(|state| state.operator.to_string() == operator);
    let positions = own.flat_map(|state| &state.subtasks).flat_map(|subtask| &subtask.positions);
    let position = |at: &argus_base::source::SplitPosition| Position {
        split: at.split.clone(),
        position: at.position.clone(),
    };
    positions.map(position).collect()
}

fn millis_between(from: ProcessingTime, to: ProcessingTime) -> u64 {
    to.0.saturating_sub(from.0).max(0).unsigned_abs()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters are whole numbers from 0"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}
