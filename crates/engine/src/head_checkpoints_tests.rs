//! A head whose reader knows all positions at once, but announces its splits one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_base::connector::OnError;
use argus_base::id::SubtaskIndex;
use argus_base::logical_type::arrow_schema;
use argus_base::metrics::Registry;
use argus_base::source::{SourceBatch, SplitLabel, SplitStatus};
use argus_base::time::Watermark;
use argus_base::{Element, Env, Field, TimeKind, TypeRoot};
use argus_plan::Expression;
use argus_state::manifest::{SplitWatermark, SubtaskState};
use arrow_array::{ArrayRef, RecordBatch, TimestampMillisecondArray};

use super::*;
use crate::expression::{CompiledExpression, ProjectionSet};
use crate::source_head::{EventTimeTracker, IdlePolicy, Instruments, SourceHead, SourceHeadParts};
use crate::watermark::WatermarkMerge;

/// Gives what it was made of, in order; is ready from the first poll on.
struct Scripted {
    n_splits: i32,
    polls: VecDeque<SourcePoll>,
    is_ready: bool,
}

impl SourceReader for Scripted {
    fn poll(&mut self, _max_rows: usize, _preferred: &[SplitIndex]) -> Result<SourcePoll> {
        self.is_ready = true;
        Ok(self.polls.pop_front().unwrap_or(SourcePoll::Empty))
    }

    fn split_status(&self, _split: SplitIndex) -> SplitStatus {
        SplitStatus::Unread { lag_records: 1 }
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn positions(&self) -> Vec<SplitPosition> {
        let n_known = if self.is_ready { self.n_splits } else { 0 };
        let position = |n: i32| SplitPosition { split: n.to_string(), position: "7".to_owned() };
        (0..n_known).map(position).collect()
    }

    fn checkpoint_completed(&mut self, _positions: &[SplitPosition]) {}
}

fn label(partition: i32) -> SplitLabel {
    SplitLabel { topic: "t".to_owned(), partition }
}

fn added(split: usize) -> SourcePoll {
    let partition = i32::try_from(split).unwrap();
    SourcePoll::SplitAdded { split: SplitIndex(split), label: label(partition) }
}

fn fields() -> Vec<Field> {
    let rowtime = TypeRoot::Timestamp { precision: 3, kind: TimeKind::Rowtime };
    vec![Field::new("ts", rowtime.not_null())]
}

fn row(split: usize, millis: i64) -> SourcePoll {
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![millis]));
    let records = RecordBatch::try_new(arrow_schema(&fields()), vec![times]).unwrap();
    SourcePoll::Batch(SourceBatch { split: SplitIndex(split), records, n_bytes: 0 })
}

/// Of a reader that gives those, with as many splits.
fn head(
    polls: Vec<SourcePoll>,
    n_splits: i32,
    per_split: bool,
    orders: &Arc<Orders>,
) -> SourceHead {
    let rowtime = || Expression::column(0, fields()[0].logical_type.clone());
    let event_time = EventTimeTracker {
        rowtime: 0,
        expression: CompiledExpression::compile(&rowtime(), "UTC").unwrap(),
        closing: Vec::new(),
        emit_interval: Duration::ZERO,
        is_exact: false,
        per_split,
        n_readers: 1,
        merge: WatermarkMerge::default(),
        sent: (Watermark::MIN, Duration::ZERO),
        restored: BTreeMap::new(),
    };
    let parts = SourceHeadParts {
        projection: ProjectionSet::compile(&[rowtime()], "UTC").unwrap(),
        schema: arrow_schema(&fields()),
        event_time: Some(event_time),
        idle_policy: IdlePolicy::default(),
        on_error: OnError::Fail,
        env: Env::system(),
        instruments: Instruments::new(Registry::default(), "job", "t"),
        checkpoints: Some(HeadCheckpoints::new(Arc::clone(orders))),
    };
    let reader = Scripted { n_splits, polls: polls.into(), is_ready: false };
    SourceHead::new(Box::new(reader), parts)
}

fn watermark(split: Option<i32>, millis: i64) -> SplitWatermark {
    SplitWatermark { split: split.map(label), watermark: Watermark(millis) }
}

fn restored(split_watermarks: Vec<SplitWatermark>) -> SubtaskState {
    let watermark = split_watermarks.iter().map(|entry| entry.watermark).min();
    SubtaskState { watermark, split_watermarks, ..SubtaskState::default() }
}

/// Polls until the barrier has come; the state that it has, and the batches before it.
fn state_at_barrier(head: &mut SourceHead) -> (SubtaskState, usize) {
    let mut n_batches = 0;
    for _ in 0..20 {
        match head.poll().unwrap() {
            Some(Element::Barrier(_)) => return (head.state(), n_batches),
            Some(Element::Batch(_)) => n_batches += 1,
            _ => {}
        }
    }
    panic!("no barrier came");
}

#[test]
fn a_barrier_right_after_a_restart_has_the_watermarks_of_all_splits() {
    let orders = Arc::<Orders>::default();
    orders.complete(CheckpointId(4));
    orders.send_barrier(CheckpointId(5), BarrierKind::Periodic);
    let polls = vec![
        added(0),
        added(1),
        SourcePoll::SplitFinished(SplitIndex(1)),
        added(2),
        row(0, 150),
        row(2, 350),
    ];
    let mut head = head(polls, 3, true, &orders);
    let former = [watermark(Some(0), 100), watermark(Some(1), 200), watermark(Some(2), 300)];
    head.restore(&[restored(former.to_vec())], SubtaskIndex(0));
    let (state, _) = state_at_barrier(&mut head);
    assert_eq!(state.positions.len(), 3);
    let of_last = state.split_watermarks.iter().find(|entry| entry.split == Some(label(2)));
    assert_eq!(of_last, Some(&former[2]));
    assert_eq!(state.split_watermarks.len(), 3);
}

#[test]
fn the_first_barrier_of_a_job_comes_before_its_rows_and_after_its_splits() {
    let orders = Arc::<Orders>::default();
    orders.send_barrier(CheckpointId(1), BarrierKind::Periodic);
    let polls = vec![added(0), SourcePoll::SplitFinished(SplitIndex(0)), added(1), row(1, 150)];
    let mut head = head(polls, 2, true, &orders);
    let (state, n_batches) = state_at_barrier(&mut head);
    assert_eq!((state.positions.len(), n_batches), (2, 0));
    assert_eq!(state.split_watermarks, [watermark(Some(0), Watermark::MAX.0)]);
    assert!(!matches!(head.poll().unwrap(), Some(Element::Batch(_))));
    orders.complete(CheckpointId(1));
    let elements = std::iter::repeat_with(|| head.poll().unwrap());
    assert!(elements.take(5).any(|element| matches!(element, Some(Element::Batch(_)))));
}

#[test]
fn one_watermark_over_all_splits_stays_while_nothing_is_read() {
    let orders = Arc::<Orders>::default();
    orders.complete(CheckpointId(4));
    orders.send_barrier(CheckpointId(5), BarrierKind::Periodic);
    let mut head = head(Vec::new(), 0, false, &orders);
    head.restore(&[restored(vec![watermark(None, 100)])], SubtaskIndex(0));
    let (state, _) = state_at_barrier(&mut head);
    assert_eq!(state.split_watermarks, [watermark(None, 100)]);
}
