//! The jobs that are simulated: for each, a script, its input, and what must come of it.

pub mod ends;
pub mod filter;
pub mod idle;
pub mod latest;
mod payments;
pub mod savepoints;
mod sinks;
pub mod streampulse;
mod streampulse_model;
mod window_model;
pub mod windows;

use std::collections::BTreeMap;
use std::time::Duration;

use argus_engine::StopKind;

use crate::dice::Dice;
use crate::expectation::Expectation;
use crate::savepoints::SavepointUse;
use crate::system::broker::Message;

/// A kind of job.
pub trait Scenario: Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// The job of one seed.
    fn case(&self, dice: &mut Dice) -> Case;
}

/// One job with its world.
pub struct Case {
    /// SQL.
    pub script: String,
    /// Values of its `${NAME}`.
    pub variables: BTreeMap<String, String>,
    /// Topics with their clusters and partitions.
    pub topics: Vec<Topic>,
    /// Input in order of time.
    pub feeds: Vec<Feed>,
    /// What must be visible before the job is ended.
    pub expected: Vec<Box<dyn Expectation>>,
    /// What must be visible after that, where it is more: a drained job fires every window.
    pub expected_after_end: Vec<Box<dyn Expectation>>,
    /// The job runs with one of these, another one at each start.
    pub parallelisms: Vec<usize>,
    /// Where its checkpoints are committed.
    pub commit_point: CommitPoint,
    /// What is done with savepoints.
    pub savepoints: SavepointUse,
    /// How the job is ended once everything is visible; `None`: it ends by itself.
    pub end: Option<StopKind>,
    /// How long things go wrong.
    pub trouble: Duration,
}

/// A topic.
pub struct Topic {
    /// Its cluster.
    pub servers: String,
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub n_partitions: usize,
}

/// A message that arrives.
pub struct Feed {
    /// When.
    pub at: Duration,
    /// At which cluster.
    pub servers: String,
    /// In which topic.
    pub topic: String,
    /// In which partition.
    pub partition: usize,
    /// What.
    pub message: Message,
}

/// Where checkpoints are committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitPoint {
    /// In the job's group of that cluster.
    Cluster(String),
    /// In the epoch log of the store.
    Store,
}

/// The cluster that most jobs know.
pub const MAIN: &str = "main:9092";

/// The name of every job.
pub const JOB: &str = "simulated";

/// Every scenario.
pub fn all() -> &'static [&'static dyn Scenario] {
    &[
        &filter::Filter,
        &windows::AllWindows,
        &ends::Ends,
        &idle::Idle,
        &latest::LastRows,
        &savepoints::Savepoints,
        &streampulse::StreamPulse,
    ]
}

/// The general settings of a job, drawn.
fn settings(dice: &mut Dice) -> String {
    let interval = dice.pick(&["100 ms", "300 ms", "1 s", "3 s"]);
    let retained = dice.between(1, 3);
    let timeout = dice.pick(&["2 s", "10 s", "10 min"]);
    format!(
        "SET 'pipeline.name' = '{JOB}';\n\
         SET 'execution.checkpointing.interval' = '{interval}';\n\
         SET 'execution.checkpointing.timeout' = '{timeout}';\n\
         SET 'execution.checkpointing.tolerable-failed-checkpoints' = '1000';\n\
         SET 'execution.checkpointing.num-retained' = '{retained}';\n\
         SET 'table.local-time-zone' = 'UTC';\n"
    )
}

/// The options of a topic in the main cluster.
fn kafka(topic: &str, more: &str) -> String {
    format!(
        "'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{MAIN}', \
         'format' = 'json'{more}"
    )
}

/// What a source reads from.
const FROM_EARLIEST: &str =
    ", 'scan.startup.mode' = 'earliest-offset', 'properties.group.id' = 'readers'";

/// Times of so many messages, ascending.
fn times(dice: &mut Dice, n: usize, until: Duration) -> Vec<Duration> {
    // All at once at the beginning, or spread.
    let until = if dice.chance(20_000) { Duration::ZERO } else { until };
    let mut times: Vec<Duration> = (0..n).map(|_| dice.time(Duration::ZERO, until)).collect();
    times.sort_unstable();
    times
}
