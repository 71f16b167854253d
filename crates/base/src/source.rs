//! The source seam: splits, readers, and fetched batches of rows.
//!
//! A [`Source`] makes one [`SourceReader`] per subtask. A slot polls its reader, which never
//! blocks: sockets and files are served by the connector's own threads behind a bounded queue.
//! Inside a connector there is a second seam: a fetcher hands one byte buffer with offsets per
//! fetched batch to a format's decoder, so either side can be replaced by a faster one.

use arrow_array::RecordBatch;

use crate::Result;
use crate::id::{SplitIndex, SubtaskIndex};

/// A table opened for reading.
pub trait Source: Send + Sync {
    /// Greatest useful number of readers; `None` where any number is.
    fn max_parallelism(&self) -> Option<usize>;

    /// Whether the source ends by itself.
    fn is_bounded(&self) -> bool;

    /// Whether every split keeps a watermark of its own, merged by minimum, as Kafka's partitions
    /// do. Otherwise a reader has one watermark over whatever it reads, as for files.
    fn watermark_per_split(&self) -> bool {
        false
    }

    /// A reader for one of `parallelism` subtasks; each split belongs to exactly one of them.
    /// `positions` are what the readers of a checkpoint said, of all subtasks together, or empty
    /// at a fresh start.
    fn reader(
        &self,
        subtask: SubtaskIndex,
        parallelism: usize,
        positions: &[SplitPosition],
    ) -> Result<Box<dyn SourceReader>>;
}

/// Reads the splits of one subtask. Owned by one slot; every call returns within 500 µs.
pub trait SourceReader: Send {
    /// Takes what is ready: at most about `max_rows` rows of one split. Splits earlier in
    /// `preferred` (those with the lowest watermarks) are served first where there is a choice.
    fn poll(&mut self, max_rows: usize, preferred: &[SplitIndex]) -> Result<SourcePoll>;

    /// State of a split that the reader has announced, as far as is known without asking a server.
    fn split_status(&self, split: SplitIndex) -> SplitStatus;

    /// Whether start positions are known and every server is reachable.
    fn is_ready(&self) -> bool;

    /// Positions after the last polled batch, of every split of this reader.
    fn positions(&self) -> Vec<SplitPosition>;

    /// Tells what a completed checkpoint holds, so that it can be published for monitoring.
    fn checkpoint_completed(&mut self, positions: &[SplitPosition]);
}

/// What a poll found.
#[derive(Debug)]
pub enum SourcePoll {
    /// Rows of one split.
    Batch(SourceBatch),
    /// The reader has a new split. Comes before its first batch; splits are numbered in order.
    SplitAdded {
        /// Its number.
        split: SplitIndex,
        /// Its name in metrics and messages, such as topic and partition.
        label: SplitLabel,
    },
    /// The split has ended; it no longer counts for watermarks.
    SplitFinished(SplitIndex),
    /// Nothing is ready now.
    Empty,
    /// All splits have ended and none will come.
    End,
}

/// Rows of one split, in its order.
#[derive(Debug)]
pub struct SourceBatch {
    /// Where they come from.
    pub split: SplitIndex,
    /// Columns as [`ScanSpec::output`](crate::connector::ScanSpec::output) says. May have no rows
    /// when every fetched record was skipped.
    pub records: RecordBatch,
    /// Bytes fetched for them, before decoding.
    pub n_bytes: u64,
}

/// How a split is named to people.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SplitLabel {
    /// Topic, or the file or generator's name.
    pub topic: String,
    /// Partition, or 0.
    pub partition: i32,
}

/// What is known of a split without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitStatus {
    /// Everything written so far has been polled.
    CaughtUp,
    /// Records wait to be polled. `lag_records` is 0 where the count is unknown.
    Unread {
        /// Records between the position and the end.
        lag_records: u64,
    },
    /// Its server is away: nothing is known.
    Unreachable,
}

/// A split and where to go on in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitPosition {
    /// Connector's own name of the split; stable over restarts.
    pub split: String,
    /// Connector's own encoding of the next record.
    pub position: String,
}
