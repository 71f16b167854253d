//! Manifests: what a checkpoint is made of. Immutable once written.
//!
//! The file is a line `argus-manifest 1 <XXH3-64 of the rest>` and JSON (`form`). Its XXH3-128
//! stands in the commit record, so a manifest that is not the committed one is never taken for it.

mod form;

use std::collections::BTreeSet;

use argus_base::Result;
use argus_base::commit::{Generation, Incarnation};
use argus_base::id::{CheckpointId, OperatorId, SubtaskIndex};
use argus_base::source::{SplitLabel, SplitPosition};
use argus_base::time::{ProcessingTime, Watermark};
use xxhash_rust::xxh3::xxh3_128;

use crate::SliceKey;
use crate::framed::Frame;
use crate::segment::{SectionId, SegmentRef};

/// One checkpoint or savepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// `pipeline.name`.
    pub job: String,
    /// Version of the engine that wrote it.
    pub engine: String,
    /// The life of the job.
    pub incarnation: Incarnation,
    /// Who wrote it.
    pub generation: Generation,
    /// Its number.
    pub checkpoint: CheckpointId,
    /// When the barrier was sent.
    pub created_at: ProcessingTime,
    /// Key groups; fixed for the life of the state.
    pub max_parallelism: u16,
    /// What every operator had at the barrier, in order of the job graph.
    pub operators: Vec<OperatorState>,
    /// Epochs whose outputs followers have not applied when it was written, its own included, in
    /// order.
    pub staged: Vec<StagedOutput>,
}

/// An operator at a barrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorState {
    /// Its fingerprint.
    pub operator: OperatorId,
    /// How EXPLAIN calls it, and its table where it has one.
    pub name: String,
    /// Its subtasks, by index.
    pub subtasks: Vec<SubtaskState>,
}

/// A subtask at a barrier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubtaskState {
    /// Merged watermark of its inputs; of a source, the last one sent.
    pub watermark: Option<Watermark>,
    /// In-band clock.
    pub clock: Option<ProcessingTime>,
    /// Next record of each split, of a source.
    pub positions: Vec<SplitPosition>,
    /// Watermark of each split, of a source that keeps one per split; else one without label.
    pub split_watermarks: Vec<SplitWatermark>,
    /// Keyed state.
    pub keyed: Option<KeyedState>,
}

/// How far the event time of a split has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitWatermark {
    /// The split; `None` for a source with one watermark over all.
    pub split: Option<SplitLabel>,
    /// Its watermark.
    pub watermark: Watermark,
}

/// Where the keyed state of a subtask lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyedState {
    /// Scalars of the operator by name, such as how far its windows have fired.
    pub scalars: Vec<(String, i64)>,
    /// Slices that live; rows of any other are dead. Empty for state without slices.
    pub live: Vec<SliceKey>,
    /// Rows spilled to disk. Of state in slices each is to be merged with all others and with the
    /// chain. Of state without they are older than the chain and come oldest first: of a key the
    /// newest row counts.
    pub runs: Vec<SectionRef>,
    /// What was dirty at each barrier, oldest first: of a key in a slice the newest row counts.
    pub chain: Vec<SectionRef>,
    /// Keys over all slices, and their bytes in memory, for people.
    pub n_keys: u64,
    /// Bytes in memory.
    pub n_bytes: u64,
}

/// A section of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionRef {
    /// The file.
    pub segment: SegmentRef,
    /// The part of it.
    pub section: SectionId,
}

/// What a writer staged for one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedOutput {
    /// The sink.
    pub sink: OperatorId,
    /// The writer.
    pub subtask: SubtaskIndex,
    /// The epoch.
    pub checkpoint: CheckpointId,
    /// What it left.
    pub content: StagedContent,
}

/// What a writer left to its committer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StagedContent {
    /// Its own note.
    Note(String),
    /// Rows in a segment.
    Rows(SectionRef),
}

const FRAME: Frame = Frame { name: "argus-manifest", version: 1, code: "AR5107" };

impl Manifest {
    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        FRAME.encode(&form::Manifest::of(self))
    }

    /// Reads the file; `Corrupt` where it is torn, changed, or of a later format.
    pub fn decode(bytes: &[u8]) -> Result<Manifest> {
        let form: form::Manifest = FRAME.decode("the manifest", bytes)?;
        let senseless = "makes no sense: a name or a place in it means nothing";
        form.read().ok_or_else(|| FRAME.broken("the manifest", senseless))
    }

    /// XXH3-128 of the file, as commit records name it.
    pub fn hash(bytes: &[u8]) -> String {
        format!("{:032x}", xxh3_128(bytes))
    }

    /// Every segment it refers to, once each, in order of path.
    pub fn segments(&self) -> Vec<&SegmentRef> {
        let subtasks = self.operators.iter().flat_map(|operator| &operator.subtasks);
        let keyed = subtasks.filter_map(|subtask| subtask.keyed.as_ref());
        let state = keyed.flat_map(|keyed| keyed.runs.iter().chain(&keyed.chain));
        let staged = self.staged.iter().filter_map(|output| match &output.content {
            StagedContent::Rows(section) => Some(section),
            StagedContent::Note(_) => None,
        });
        let segments: BTreeSet<&SegmentRef> =
            state.chain(staged).map(|section| &section.segment).collect();
        segments.into_iter().collect()
    }

    /// Path of a checkpoint's manifest. Two workers may both write a checkpoint of one number
    /// before the slower learns that it has been fenced: the hash keeps them apart.
    pub fn path(checkpoint: CheckpointId, hash: &str) -> String {
        format!("manifest/{:020}-{hash}", checkpoint.0)
    }
}

#[cfg(test)]
mod manifest_tests;
