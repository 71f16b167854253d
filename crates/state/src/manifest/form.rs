//! The JSON of a manifest: types of its own, so that the format stays what it is when the engine's
//! types change. Unknown fields are refused: they would be state that is silently dropped.
//!
//! Hashes and ids that are hashes are hexadecimal digits; all other numbers are JSON numbers of up
//! to 64 bits. Segments stand in one list; sections name them by their place in it.

use std::collections::HashMap;

use argus_base::commit::{Generation, Incarnation};
use argus_base::id::{CheckpointId, OperatorId, SubtaskIndex};
use argus_base::source::{SplitLabel, SplitPosition};
use argus_base::time::{ProcessingTime, Watermark};
use serde::{Deserialize, Serialize};

use super::{KeyedState, SectionRef, SplitWatermark, StagedContent, StagedOutput, SubtaskState};
use crate::SliceKey;
use crate::framed::hex;
use crate::segment::{SectionId, SegmentRef};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    engine: String,
    job: String,
    incarnation: String,
    generation: u64,
    checkpoint: u64,
    created_at: i64,
    max_parallelism: u16,
    segments: Vec<Segment>,
    operators: Vec<Operator>,
    staged: Vec<Staged>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Segment {
    path: String,
    n_bytes: u64,
    #[serde(with = "hex")]
    checksum: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operator {
    #[serde(with = "hex")]
    operator: u64,
    name: String,
    subtasks: Vec<Subtask>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subtask {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watermark: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    positions: Vec<Position>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    split_watermarks: Vec<SplitTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyed: Option<Keyed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    split: String,
    position: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitTime {
    /// Topic and partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    split: Option<(String, i32)>,
    watermark: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyed {
    scalars: Vec<(String, i64)>,
    /// End and start of each slice.
    live: Vec<(i64, i64)>,
    runs: Vec<Section>,
    chain: Vec<Section>,
    n_keys: u64,
    n_bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// Place in the list of segments.
    segment: usize,
    #[serde(with = "hex")]
    operator: u64,
    subtask: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Staged {
    #[serde(with = "hex")]
    sink: u64,
    subtask: usize,
    checkpoint: u64,
    content: Content,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Note(String),
    Rows(Section),
}

/// Place of each segment in the list.
type Places<'a> = HashMap<&'a SegmentRef, usize>;

impl Manifest {
    pub fn of(manifest: &super::Manifest) -> Manifest {
        let segments = manifest.segments();
        let places: Places<'_> = segments.iter().zip(0..).map(|(s, place)| (*s, place)).collect();
        Manifest {
            engine: manifest.engine.clone(),
            job: manifest.job.clone(),
            incarnation: manifest.incarnation.as_str().to_owned(),
            generation: manifest.generation.0,
            checkpoint: manifest.checkpoint.0,
            created_at: manifest.created_at.0,
            max_parallelism: manifest.max_parallelism,
            segments: segments.iter().map(|segment| Segment::of(segment)).collect(),
            operators: manifest.operators.iter().map(|op| Operator::of(op, &places)).collect(),
            staged: manifest.staged.iter().map(|output| Staged::of(output, &places)).collect(),
        }
    }

    /// `None` where a name or a place means nothing.
    pub fn read(self) -> Option<super::Manifest> {
        let segments: Vec<SegmentRef> = self.segments.into_iter().map(Segment::read).collect();
        let operators = self.operators.into_iter().map(|operator| operator.read(&segments));
        let staged = self.staged.into_iter().map(|output| output.read(&segments));
        Some(super::Manifest {
            job: self.job,
            engine: self.engine,
            incarnation: Incarnation::parse(&self.incarnation)?,
            generation: Generation(self.generation),
            checkpoint: CheckpointId(self.checkpoint),
            created_at: ProcessingTime(self.created_at),
            max_parallelism: self.max_parallelism,
            operators: operators.collect::<Option<_>>()?,
            staged: staged.collect::<Option<_>>()?,
        })
    }
}

impl Segment {
    fn of(segment: &SegmentRef) -> Segment {
        let SegmentRef { path, n_bytes, checksum } = segment.clone();
        Segment { path, n_bytes, checksum }
    }

    fn read(self) -> SegmentRef {
        SegmentRef { path: self.path, n_bytes: self.n_bytes, checksum: self.checksum }
    }
}

impl Operator {
    fn of(state: &super::OperatorState, places: &Places<'_>) -> Operator {
        Operator {
            operator: state.operator.0,
            name: state.name.clone(),
            subtasks: state.subtasks.iter().map(|subtask| Subtask::of(subtask, places)).collect(),
        }
    }

    fn read(self, segments: &[SegmentRef]) -> Option<super::OperatorState> {
        let subtasks = self.subtasks.into_iter().map(|subtask| subtask.read(segments));
        Some(super::OperatorState {
            operator: OperatorId(self.operator),
            name: self.name,
            subtasks: subtasks.collect::<Option<_>>()?,
        })
    }
}

impl Subtask {
    fn of(state: &SubtaskState, places: &Places<'_>) -> Subtask {
        let position = |at: &SplitPosition| Position {
            split: at.split.clone(),
            position: at.position.clone(),
        };
        let split_time = |time: &SplitWatermark| SplitTime {
            split: time.split.as_ref().map(|split| (split.topic.clone(), split.partition)),
            watermark: time.watermark.0,
        };
        Subtask {
            watermark: state.watermark.map(|watermark| watermark.0),
            clock: state.clock.map(|clock| clock.0),
            positions: state.positions.iter().map(position).collect(),
            split_watermarks: state.split_watermarks.iter().map(split_time).collect(),
            keyed: state.keyed.as_ref().map(|keyed| Keyed::of(keyed, places)),
        }
    }

    fn read(self, segments: &[SegmentRef]) -> Option<SubtaskState> {
        let position = |at: Position| SplitPosition { split: at.split, position: at.position };
        let split_watermark = |time: SplitTime| SplitWatermark {
            split: time.split.map(|(topic, partition)| SplitLabel { topic, partition }),
            watermark: Watermark(time.watermark),
        };
        let keyed = match self.keyed {
            Some(keyed) => Some(keyed.read(segments)?),
            None => None,
        };
        Some(SubtaskState {
            watermark: self.watermark.map(Watermark),
            clock: self.clock.map(ProcessingTime),
            positions: self.positions.into_iter().map(position).collect(),
            split_watermarks: self.split_watermarks.into_iter().map(split_watermark).collect(),
            keyed,
        })
    }
}

impl Keyed {
    fn of(state: &KeyedState, places: &Places<'_>) -> Keyed {
        let sections = |refs: &[SectionRef]| refs.iter().map(|r| Section::of(r, places)).collect();
        Keyed {
            scalars: state.scalars.clone(),
            live: state.live.iter().map(|slice| (slice.end, slice.start)).collect(),
            runs: sections(&state.runs),
            chain: sections(&state.chain),
            n_keys: state.n_keys,
            n_bytes: state.n_bytes,
        }
    }

    fn read(self, segments: &[SegmentRef]) -> Option<KeyedState> {
        let refs = |sections: Vec<Section>| -> Option<Vec<SectionRef>> {
            sections.into_iter().map(|section| section.read(segments)).collect()
        };
        Some(KeyedState {
            scalars: self.scalars,
            live: self.live.into_iter().map(|(end, start)| SliceKey { end, start }).collect(),
            runs: refs(self.runs)?,
            chain: refs(self.chain)?,
            n_keys: self.n_keys,
            n_bytes: self.n_bytes,
        })
    }
}

impl Section {
    fn of(section: &SectionRef, places: &Places<'_>) -> Section {
        Section {
            segment: places[&section.segment],
            operator: section.section.operator.0,
            subtask: section.section.subtask.0,
        }
    }

    fn read(self, segments: &[SegmentRef]) -> Option<SectionRef> {
        let (operator, subtask) = (OperatorId(self.operator), SubtaskIndex(self.subtask));
        let segment = segments.get(self.segment)?.clone();
        Some(SectionRef { segment, section: SectionId { operator, subtask } })
    }
}

impl Staged {
    fn of(output: &StagedOutput, places: &Places<'_>) -> Staged {
        Staged {
            sink: output.sink.0,
            subtask: output.subtask.0,
            checkpoint: output.checkpoint.0,
            content: match &output.content {
                StagedContent::Note(note) => Content::Note(note.clone()),
                StagedContent::Rows(section) => Content::Rows(Section::of(section, places)),
            },
        }
    }

    fn read(self, segments: &[SegmentRef]) -> Option<StagedOutput> {
        Some(StagedOutput {
            sink: OperatorId(self.sink),
            subtask: SubtaskIndex(self.subtask),
            checkpoint: CheckpointId(self.checkpoint),
            content: match self.content {
                Content::Note(note) => StagedContent::Note(note),
                Content::Rows(section) => StagedContent::Rows(section.read(segments)?),
            },
        })
    }
}
