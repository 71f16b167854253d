//! What is found, as the JSON document of `argus state show --json`. The names of the fields are
//! stable; see the user guide.

use serde::Serialize;

/// Of a checkpoint: the last commit names it.
pub const COMMITTED: &str = "committed";
/// A later one was committed.
pub const SUPERSEDED: &str = "superseded";
/// None at or above it was committed, as far as the epoch log knows.
pub const UNCOMMITTED: &str = "uncommitted";
/// It stands by itself.
pub const SAVEPOINT: &str = "savepoint";

/// Of a file: all of it was read, and is what was written.
pub const OK: &str = "ok";
/// It is not.
pub const DAMAGED: &str = "damaged";

/// Everything below a place.
#[derive(Debug, Default, Serialize)]
pub struct Document {
    /// What was asked for.
    pub place: String,
    /// `job`, or `savepoint` where there is no epoch log.
    pub kind: String,
    /// What the epoch log says.
    pub epoch_log: Option<EpochLog>,
    /// Every checkpoint, ascending.
    pub checkpoints: Vec<Checkpoint>,
    /// The checkpoint that the table and the rows show.
    pub shown: Option<u64>,
    /// Rows of its state, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<serde_json::Value>>,
}

/// Who owns the job, and what was committed last.
#[derive(Debug, Default, Serialize)]
pub struct EpochLog {
    /// `ok` or `damaged`.
    pub state: String,
    /// Why it is damaged.
    pub reason: Option<String>,
    /// The owner's turn.
    pub generation: Option<u64>,
    /// The last commit.
    pub committed: Option<Committed>,
}

/// A commit.
#[derive(Debug, Serialize)]
pub struct Committed {
    /// The checkpoint.
    pub checkpoint: u64,
    /// The life of the job.
    pub incarnation: String,
    /// XXH3-128 of the manifest.
    pub manifest_hash: String,
}

/// A checkpoint or savepoint.
#[derive(Debug, Default, Serialize)]
pub struct Checkpoint {
    /// Its number.
    pub checkpoint: u64,
    /// Its manifest.
    pub path: String,
    /// `ok` or `damaged`: manifest and segments.
    pub state: String,
    /// Why it is damaged.
    pub reason: Option<String>,
    /// `committed`, `superseded`, `uncommitted` or `savepoint`.
    pub commit: String,
    /// What the manifest says, where it can be read.
    #[serde(flatten)]
    pub contents: Option<Contents>,
}

/// What a manifest says.
#[derive(Debug, Serialize)]
pub struct Contents {
    /// The job.
    pub job: String,
    /// Version that wrote it.
    pub engine: String,
    /// When its barrier was sent.
    pub created_at: String,
    /// The life of the job.
    pub incarnation: String,
    /// Who wrote it.
    pub generation: u64,
    /// Key groups.
    pub max_parallelism: u16,
    /// Bytes of its segments.
    pub bytes: u64,
    /// Its files.
    pub segments: Vec<Segment>,
    /// Operators in order of the plan.
    pub operators: Vec<Operator>,
    /// Output that waits to be applied.
    pub staged: Vec<Staged>,
}

/// A file of a checkpoint.
#[derive(Debug, Serialize)]
pub struct Segment {
    /// Its path below the place.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// `ok` or `damaged`.
    pub state: String,
    /// Why it is damaged.
    pub reason: Option<String>,
}

/// An operator, over its subtasks.
#[derive(Debug, Serialize)]
pub struct Operator {
    /// Its id.
    pub operator: String,
    /// What EXPLAIN calls it.
    pub name: String,
    /// Its subtasks.
    pub parallelism: usize,
    /// Keys over all slices; `None` where it keeps none.
    pub keys: Option<u64>,
    /// Memory of its state.
    pub state_bytes: Option<u64>,
    /// Slices that live, over all subtasks.
    pub slices: Option<usize>,
    /// Least watermark of its subtasks; `end` where nothing follows.
    pub watermark: Option<String>,
    /// Next record of each split.
    pub positions: Vec<Position>,
    /// Watermark of each split.
    pub split_watermarks: Vec<SplitWatermark>,
    /// Paths of the segments that hold its state.
    pub segments: Vec<String>,
}

/// Where a source goes on.
#[derive(Debug, Serialize)]
pub struct Position {
    /// The split as the connector calls it.
    pub split: String,
    /// Its next record.
    pub position: String,
}

/// How far a split's event time has come.
#[derive(Debug, Serialize)]
pub struct SplitWatermark {
    /// The topic; `None` for one watermark over all splits.
    pub topic: Option<String>,
    /// The partition.
    pub partition: Option<i32>,
    /// Its watermark.
    pub watermark: Option<String>,
}

/// What a sink's writer left for its committer.
#[derive(Debug, Serialize)]
pub struct Staged {
    /// The sink.
    pub operator: String,
    /// What EXPLAIN calls it.
    pub name: String,
    /// The writer.
    pub subtask: usize,
    /// The epoch.
    pub checkpoint: u64,
    /// `rows` in a segment, or a `note` of the connector's own.
    pub what: String,
}
