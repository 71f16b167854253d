//! The head of a fragment that reads a table: polls the reader, computes the table's columns,
//! and keeps event time.
//!
//! Lateness is strict per record: before a row that lies in a slice which the running watermark
//! has closed, the batch is cut and the watermark sent, so that operators, which judge by in-band
//! watermarks only, see the row after it. Where no row of a batch can be late the batch stays
//! whole.
//!
//! A split is idle when it has been read to its end for the idle timeout. That clock stands still
//! while rows wait in the split, while its server is away, and while the sinks hold the fragment
//! up, since `poll` is not called then.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use argus_base::batch::{Batch, MAX_BATCH_ROWS};
use argus_base::connector::OnError;
use argus_base::id::{SplitIndex, SubtaskIndex};
use argus_base::metrics::{Counter, Gauge, Registry};
use argus_base::source::{SourceBatch, SourcePoll, SourceReader, SplitLabel, SplitStatus};
use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{Element, Env, Error, Result};
use argus_state::manifest::{SplitWatermark, SubtaskState};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;

use crate::checkpoint::BarrierKind;
use crate::expression::{CompiledExpression, EvaluationContext, ProjectionSet};
use crate::head_checkpoints::HeadCheckpoints;
use crate::metrics;
use crate::operator::record_batch;
use crate::operator::slicing::{least_and_greatest, millis, null_rowtime};
use crate::time_line::TimeLine;
use crate::watermark::WatermarkMerge;

/// Least wall-clock time between two looks at the state of all splits.
const STATUS_INTERVAL: Duration = Duration::from_millis(5);
/// Least wall-clock time between two ticks while no rows come.
const TICK_INTERVAL: Duration = Duration::from_millis(10);

/// A source's reader with everything that happens before its rows are in-band.
pub(crate) struct SourceHead {
    reader: Box<dyn SourceReader>,
    projection: ProjectionSet,
    schema: SchemaRef,
    event_time: Option<EventTimeTracker>,
    idleness: Idleness,
    on_error: OnError,
    splits: Vec<SplitLabel>,
    ready: VecDeque<Element>,
    env: Env,
    now: ProcessingTime,
    last_tick: Duration,
    /// Whether it has said what its splits come to.
    has_settled: bool,
    is_ended: bool,
    instruments: Instruments,
    checkpoints: Option<HeadCheckpoints>,
}

/// What a head is made of, besides its reader.
pub(crate) struct SourceHeadParts {
    pub projection: ProjectionSet,
    pub schema: SchemaRef,
    pub event_time: Option<EventTimeTracker>,
    pub idle_policy: IdlePolicy,
    /// What a row without event time does.
    pub on_error: OnError,
    pub env: Env,
    pub instruments: Instruments,
    /// In a job that takes checkpoints.
    pub checkpoints: Option<HeadCheckpoints>,
}

/// The watermark of a source and the windows that it closes.
pub(crate) struct EventTimeTracker {
    /// Column of the event time in the source's output.
    pub rowtime: usize,
    /// Over the source's output.
    pub expression: CompiledExpression,
    /// Windows whose lateness the rows decide.
    pub closing: Vec<ClosingWindow>,
    /// Least wall-clock time between watermarks that close nothing.
    pub emit_interval: Duration,
    /// Every row is to see the watermark of the rows before it: the job asks CURRENT_WATERMARK.
    pub is_exact: bool,
    /// One watermark a split, or one for all.
    pub per_split: bool,
    /// Readers of the source, this one among them.
    pub n_readers: usize,
    /// Watermarks of the splits.
    pub merge: WatermarkMerge,
    /// The last one sent, and when.
    pub sent: (Watermark, Duration),
    /// Watermarks of a former life, by split; `None` for a source with one over all.
    pub restored: BTreeMap<Option<SplitLabel>, Watermark>,
}

/// A window kind that judges the lateness of a source's rows.
pub(crate) struct ClosingWindow {
    pub window: argus_plan::Window,
    pub time_line: TimeLine,
}

/// When splits no longer hold the watermark back.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdlePolicy {
    /// After this long at its end.
    pub timeout: Option<Duration>,
    /// At once at its end.
    pub when_caught_up: bool,
    /// When all have been idle for this long the watermark follows the clock.
    pub advance_after: Option<Duration>,
    /// Whether a reader that has started without any split is idle. A bounded one is not: it ends.
    pub without_splits: bool,
    /// Whether ticks are sent while no rows come.
    pub needs_ticks: bool,
}

/// How long splits have been at their end.
#[derive(Debug)]
struct Idleness {
    policy: IdlePolicy,
    /// How long each tracked split has been at its end.
    at_end_for: Vec<Duration>,
    all_idle_for: Duration,
    /// Whether `Idle` was sent, and no `Active` since.
    is_told: bool,
    /// When the splits were last looked at; `None` after a pause.
    looked_at: Option<Duration>,
}

/// The metrics of a source.
pub(crate) struct Instruments {
    pub registry: Registry,
    pub job: String,
    pub source: String,
    splits: Vec<SplitInstruments>,
    event_time_lag: Gauge,
}

struct SplitInstruments {
    records: Counter,
    bytes: Counter,
    lag: Gauge,
    watermark: Gauge,
    idle: Gauge,
}

impl Instruments {
    pub(crate) fn new(registry: Registry, job: &str, source: &str) -> Instruments {
        let labels = [("job", job), ("source", source)];
        let event_time_lag = registry.gauge(&metrics::SOURCE_EVENT_TIME_LAG, &labels);
        let (job, source) = (job.to_owned(), source.to_owned());
        Instruments { registry, job, source, splits: Vec::new(), event_time_lag }
    }

    fn add_split(&mut self, label: &SplitLabel) {
        let partition = label.partition.to_string();
        let labels = self.labels(label, &partition);
        self.splits.push(SplitInstruments {
            records: self.registry.counter(&metrics::SOURCE_RECORDS, &labels),
            bytes: self.registry.counter(&metrics::SOURCE_BYTES, &labels),
            lag: self.registry.gauge(&metrics::SOURCE_LAG, &labels),
            watermark: self.registry.gauge(&metrics::SOURCE_WATERMARK, &labels),
            idle: self.registry.gauge(&metrics::SOURCE_IDLE, &labels),
        });
    }

    fn labels<'a>(
        &'a self,
        label: &'a SplitLabel,
        partition: &'a str,
    ) -> [(&'static str, &'a str); 4] {
        let (job, source) = (self.job.as_str(), self.source.as_str());
        [("job", job), ("source", source), ("topic", &label.topic), ("partition", partition)]
    }

    /// Rare enough to look the counter up.
    fn skip_without_rowtime(&self, label: &SplitLabel, n_rows: u64) {
        let partition = label.partition.to_string();
        let [job, source, topic, partition] = self.labels(label, &partition);
        let labels = [job, source, topic, partition, ("reason", "decode")];
        self.registry.counter(&metrics::SOURCE_SKIPPED, &labels).add(n_rows);
    }
}

impl SourceHead {
    pub(crate) fn new(reader: Box<dyn SourceReader>, parts: SourceHeadParts) -> SourceHead {
        SourceHead {
            reader,
            projection: parts.projection,
            schema: parts.schema,
            event_time: parts.event_time,
            idleness: Idleness {
                policy: parts.idle_policy,
                at_end_for: Vec::new(),
                all_idle_for: Duration::ZERO,
                is_told: false,
                looked_at: None,
            },
            on_error: parts.on_error,
            splits: Vec::new(),
            ready: VecDeque::new(),
            env: parts.env,
            now: ProcessingTime(i64::MIN),
            last_tick: Duration::ZERO,
            has_settled: false,
            is_ended: false,
            instruments: parts.instruments,
            checkpoints: parts.checkpoints,
        }
    }

    /// Takes over the event time of a former life: a row that was late then stays late.
    pub(crate) fn restore(&mut self, former: &[SubtaskState], own: SubtaskIndex) {
        let Some(event_time) = &mut self.event_time else { return };
        event_time.restore(former, own);
        let sent = event_time.sent.0;
        if sent > Watermark::MIN {
            self.ready.push_back(Element::Watermark(sent));
        }
    }

    /// Whether start positions are known and every server is reachable.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ended || self.reader.is_ready()
    }

    /// The fragment could not be stepped: the time until the next poll is nobody's idleness.
    pub(crate) fn pause(&mut self) {
        self.idleness.looked_at = None;
    }

    /// The next element, where there is one.
    pub(crate) fn poll(&mut self) -> Result<Option<Element>> {
        if let Some(element) = self.ready.pop_front() {
            return Ok(Some(element));
        }
        if self.is_ended {
            return Ok(None);
        }
        if self.follow_orders() {
            return Ok(self.ready.pop_front());
        }
        let preferred = self.event_time.as_ref().map(EventTimeTracker::slowest_first);
        let polled = self.poll_reader(&preferred.unwrap_or_default())?;
        if self.checkpoints.is_none() && self.has_all_splits(&polled) {
            self.settle();
        }
        match polled {
            SourcePoll::Batch(batch) => self.take_batch(batch)?,
            SourcePoll::SplitAdded { split, label } => self.add_split(split, label)?,
            SourcePoll::SplitFinished(split) => self.finish_split(split),
            SourcePoll::End => self.end(),
            SourcePoll::Empty => {}
        }
        self.look_at_splits();
        Ok(self.ready.pop_front())
    }

    /// Ends the source where it stands: what its rows could still have changed never fires.
    pub(crate) fn stop(&mut self) {
        if !self.is_ended {
            self.is_ended = true;
            self.ready.push_back(Element::End);
        }
    }

    fn add_split(&mut self, split: SplitIndex, label: SplitLabel) -> Result<()> {
        if split.0 != self.splits.len() {
            return Err(Error::bug(format!("split {} was announced out of order", split.0)));
        }
        self.instruments.add_split(&label);
        self.splits.push(label);
        self.idleness.tell_active(&mut self.ready);
        let per_split = self.event_time.as_ref().is_none_or(|event_time| event_time.per_split);
        if per_split || split.0 == 0 {
            self.idleness.at_end_for.push(Duration::ZERO);
            if let Some(event_time) = &mut self.event_time {
                event_time.add_input(&self.splits[split.0]);
            }
        }
        Ok(())
    }

    fn finish_split(&mut self, split: SplitIndex) {
        let Some(event_time) = self.event_time.as_mut().filter(|tracker| tracker.per_split) else {
            return;
        };
        event_time.merge.finish(split.0);
        if self.has_settled {
            event_time.merge.settle();
            self.send_watermark();
        }
    }

    /// The source has come to its end. With checkpoints the head goes on sending barriers, until
    /// the one that ends the job.
    fn end(&mut self) {
        match &mut self.checkpoints {
            Some(checkpoints) => {
                if checkpoints.exhaust() {
                    self.ready.push_back(Element::Watermark(Watermark::MAX));
                }
            }
            None => {
                self.is_ended = true;
                self.ready.push_back(Element::Watermark(Watermark::MAX));
                self.ready.push_back(Element::End);
            }
        }
    }

    /// Polls the reader, unless rows have to wait until the start positions are on record.
    fn poll_reader(&mut self, preferred: &[SplitIndex]) -> Result<SourcePoll> {
        match &mut self.checkpoints {
            Some(checkpoints) => checkpoints.poll(self.reader.as_mut(), preferred),
            None => self.reader.poll(MAX_BATCH_ROWS, preferred),
        }
    }

    /// Does what the coordinator has asked for; true when that made an element.
    fn follow_orders(&mut self) -> bool {
        let Some(checkpoints) = &mut self.checkpoints else { return false };
        match checkpoints.next_order(self.reader.as_mut()) {
            None => false,
            Some((checkpoint, kind)) => {
                let drains = kind == BarrierKind::Drain && !checkpoints.is_exhausted();
                self.settle();
                if drains {
                    self.ready.push_back(Element::Watermark(Watermark::MAX));
                }
                self.ready.push_back(Element::Barrier(checkpoint));
                if kind != BarrierKind::Periodic {
                    self.is_ended = true;
                    self.ready.push_back(Element::End);
                }
                true
            }
        }
    }

    /// Whether the reader has named the splits that it had at the start.
    fn has_all_splits(&self, polled: &SourcePoll) -> bool {
        match polled {
            SourcePoll::SplitAdded { .. } | SourcePoll::SplitFinished(_) => false,
            SourcePoll::Empty => self.reader.is_ready(),
            SourcePoll::Batch(_) | SourcePoll::End => true,
        }
    }

    /// Says, before the first barrier, what its splits come to: restored ones may bring nothing
    /// more, some have ended, and a reader without any holds nobody back.
    fn settle(&mut self) {
        if std::mem::replace(&mut self.has_settled, true) {
            return;
        }
        if let Some(event_time) = &mut self.event_time {
            event_time.merge.settle();
        }
        self.send_due_watermark();
        if self.idleness.policy.without_splits && self.splits.is_empty() {
            self.idleness.tell_idle(&mut self.ready);
        }
    }

    /// Where the source stands, as the barrier that was just sent has it.
    pub(crate) fn state(&self) -> SubtaskState {
        let positions = match &self.checkpoints {
            Some(checkpoints) => checkpoints.positions_at_barrier(),
            None => Vec::new(),
        };
        let (mut watermark, mut split_watermarks) = (None, Vec::new());
        if let Some(event_time) = &self.event_time {
            watermark = Some(event_time.sent.0);
            split_watermarks = event_time.split_watermarks(&self.splits);
        }
        let clock = (self.now.0 > i64::MIN).then_some(self.now);
        SubtaskState { watermark, clock, positions, split_watermarks, keyed: None }
    }

    fn take_batch(&mut self, batch: SourceBatch) -> Result<()> {
        let split = batch.split;
        let n_rows = batch.records.num_rows();
        let instruments = self.instruments.splits.get(split.0);
        let instruments =
            instruments.ok_or_else(|| Error::bug("a batch came before its split was announced"))?;
        instruments.bytes.add(batch.n_bytes);
        self.tick(self.env.now());
        if n_rows == 0 {
            return Ok(());
        }
        let watermark =
            self.event_time.as_ref().map_or(Watermark::MIN, |tracker| tracker.merge.merged());
        let context = EvaluationContext { now: self.now, watermark };
        let columns = self.projection.evaluate(batch.records.columns(), n_rows, &context)?;
        let records = record_batch(&self.schema, columns, n_rows)?;
        let records = self.with_rowtime(split, records)?;
        self.instruments.splits[split.0].records.add(records.num_rows() as u64);
        if records.num_rows() == 0 {
            return Ok(());
        }
        match &mut self.event_time {
            None => self.ready.push_back(Element::Batch(Batch::inserts(records))),
            Some(event_time) => {
                let input = if event_time.per_split { split.0 } else { 0 };
                self.idleness.tell_active(&mut self.ready);
                event_time.take(input, Batch::inserts(records), &context, &mut self.ready)?;
                self.idleness.at_end_for[input] = Duration::ZERO;
                self.idleness.all_idle_for = Duration::ZERO;
                self.send_due_watermark();
            }
        }
        Ok(())
    }

    /// The rows that have an event time, where they need one.
    fn with_rowtime(&self, split: SplitIndex, records: RecordBatch) -> Result<RecordBatch> {
        let Some(event_time) = &self.event_time else { return Ok(records) };
        let times = records.column(event_time.rowtime);
        let Some(nulls) = times.nulls().filter(|nulls| nulls.null_count() > 0) else {
            return Ok(records);
        };
        let (source, label) = (&self.instruments.source, &self.splits[split.0]);
        match self.on_error {
            OnError::Fail => {
                let SplitLabel { topic, partition } = label;
                let doing = format!("read {source}, topic {topic}, partition {partition}");
                Err(null_rowtime("rowtime").context(doing))
            }
            OnError::Skip => {
                self.instruments.skip_without_rowtime(label, nulls.null_count() as u64);
                let is_there = BooleanArray::new(nulls.inner().clone(), None);
                Ok(filter_record_batch(&records, &is_there)?)
            }
        }
    }

    fn tick(&mut self, now: ProcessingTime) {
        if now > self.now {
            self.now = now;
            self.last_tick = self.env.elapsed();
            self.ready.push_back(Element::Tick(now));
        }
    }

    /// Sends the watermark if a window waits for it or the interval has passed.
    fn send_due_watermark(&mut self) {
        let elapsed = self.env.elapsed();
        let is_due = |tracker: &mut EventTimeTracker| {
            let (sent, at) = tracker.sent;
            let merged = tracker.merge.merged();
            merged > sent
                && (elapsed.saturating_sub(at) >= tracker.emit_interval
                    || tracker.closes_window(sent, merged))
        };
        if self.event_time.as_mut().is_some_and(is_due) {
            self.send_watermark();
        }
    }

    fn send_watermark(&mut self) {
        let elapsed = self.env.elapsed();
        let Some(event_time) = &mut self.event_time else { return };
        let merged = event_time.merge.merged();
        if merged > event_time.sent.0 {
            event_time.sent = (merged, elapsed);
            self.ready.push_back(Element::Watermark(merged));
        }
    }

    /// Moves the idle clocks on and tells what they did to the watermark.
    fn look_at_splits(&mut self) {
        let elapsed = self.env.elapsed();
        if self.idleness.policy.needs_ticks
            && elapsed.saturating_sub(self.last_tick) >= TICK_INTERVAL
        {
            self.tick(self.env.now());
        }
        let since = self.idleness.looked_at.map(|at| elapsed.saturating_sub(at));
        if since.is_some_and(|since| since < STATUS_INTERVAL) {
            return;
        }
        self.idleness.looked_at = Some(elapsed);
        self.show_lag();
        if self.is_ended {
            return;
        }
        self.find_idle(since.unwrap_or_default());
        self.send_due_watermark();
    }

    fn find_idle(&mut self, since: Duration) {
        let Some(event_time) = &mut self.event_time else { return };
        let may_stay_without = self.idleness.policy.without_splits;
        if may_stay_without && event_time.merge.is_empty() && self.reader.is_ready() {
            // A reader without splits holds nobody back, once it is known that it has none.
            self.idleness.tell_idle(&mut self.ready);
        }
        let was_idle = event_time.merge.is_idle();
        for input in 0..self.idleness.at_end_for.len() {
            let is_at_end = if event_time.per_split {
                self.reader.split_status(SplitIndex(input)) == SplitStatus::CaughtUp
            } else {
                let all = (0..self.splits.len()).map(SplitIndex);
                all.into_iter()
                    .all(|split| self.reader.split_status(split) == SplitStatus::CaughtUp)
            };
            if !is_at_end {
                continue;
            }
            let at_end_for = &mut self.idleness.at_end_for[input];
            *at_end_for += since;
            let timed_out =
                self.idleness.policy.timeout.is_some_and(|timeout| *at_end_for >= timeout);
            if timed_out || self.idleness.policy.when_caught_up {
                event_time.merge.idle(input);
            }
        }
        if event_time.merge.is_idle() {
            self.go_on_idle(was_idle, since);
        }
    }

    /// All splits are idle.
    fn go_on_idle(&mut self, was_idle: bool, since: Duration) {
        self.send_watermark();
        self.idleness.tell_idle(&mut self.ready);
        self.idleness.all_idle_for += since;
        let Some(event_time) = &mut self.event_time else { return };
        let merged = event_time.merge.merged();
        let follows = self
            .idleness
            .policy
            .advance_after
            .is_some_and(|after| self.idleness.all_idle_for >= after);
        if follows && merged > Watermark::MIN && was_idle {
            let step = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
            let first = self.idleness.all_idle_for.saturating_sub(since);
            let is_first = self.idleness.policy.advance_after.is_some_and(|after| first < after);
            // The first step makes up for the time waited.
            let waited = i64::try_from(first.as_millis()).unwrap_or(i64::MAX);
            let step = if is_first { step.saturating_add(waited) } else { step };
            event_time.merge.advance_to(Watermark(merged.0.saturating_add(step)));
        }
    }

    fn show_lag(&mut self) {
        let seconds = |millis: i64| Duration::from_millis(millis.unsigned_abs()).as_secs_f64();
        for (split, instruments) in self.instruments.splits.iter().enumerate() {
            match self.reader.split_status(SplitIndex(split)) {
                SplitStatus::CaughtUp => instruments.lag.set(0.0),
                #[allow(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
                SplitStatus::Unread { lag_records } => instruments.lag.set(lag_records as f64),
                SplitStatus::Unreachable => {}
            }
            let Some(event_time) = &self.event_time else { continue };
            let input = if event_time.per_split { split } else { 0 };
            instruments.idle.set(if event_time.merge.is_input_idle(input) { 1.0 } else { 0.0 });
            let watermark = event_time.merge.of_input(input);
            if watermark > Watermark::MIN && watermark < Watermark::MAX {
                instruments.watermark.set(seconds(watermark.0).copysign(watermark.0 as f64));
            }
        }
        if let Some(event_time) = &self.event_time {
            let merged = event_time.merge.merged();
            if merged > Watermark::MIN && merged < Watermark::MAX {
                let lag = self.env.now().0.saturating_sub(merged.0);
                self.instruments.event_time_lag.set(seconds(lag.max(0)));
            }
        }
    }
}

impl Idleness {
    fn tell_idle(&mut self, ready: &mut VecDeque<Element>) {
        if !std::mem::replace(&mut self.is_told, true) {
            ready.push_back(Element::Idle);
        }
    }

    fn tell_active(&mut self, ready: &mut VecDeque<Element>) {
        if std::mem::take(&mut self.is_told) {
            ready.push_back(Element::Active);
        }
    }
}

impl EventTimeTracker {
    /// A further split, which goes on where it was.
    fn add_input(&mut self, label: &SplitLabel) {
        let key = if self.per_split { Some(label.clone()) } else { None };
        self.merge.add_input_at(self.restored.get(&key).copied().unwrap_or(Watermark::MIN));
    }

    fn split_watermarks(&self, splits: &[SplitLabel]) -> Vec<SplitWatermark> {
        if !self.per_split && self.merge.is_empty() {
            // Nothing has been read since: the next split goes on where the last one was.
            let restored = self.restored.get(&None);
            let entry =
                |watermark: &Watermark| SplitWatermark { split: None, watermark: *watermark };
            return restored.map(entry).into_iter().collect();
        }
        let inputs = (0..self.merge.len()).map(|input| {
            let split = if self.per_split { splits.get(input).cloned() } else { None };
            SplitWatermark { split, watermark: self.merge.of_input(input) }
        });
        let known = inputs.filter(|entry| entry.watermark > Watermark::MIN);
        known.collect()
    }

    /// With the readers of before each goes on as it was. Others know their splits; a reader that
    /// has one watermark over whatever it reads takes the least of them all.
    fn restore(&mut self, former: &[SubtaskState], own: SubtaskIndex) {
        for entry in former.iter().flat_map(|state| &state.split_watermarks) {
            let known = self.restored.entry(entry.split.clone()).or_insert(entry.watermark);
            *known = (*known).min(entry.watermark);
        }
        let same = former.get(own.0).filter(|_| former.len() == self.n_readers);
        if let Some(same) = same {
            for entry in &same.split_watermarks {
                self.restored.insert(entry.split.clone(), entry.watermark);
            }
            let sent = same.watermark.unwrap_or(Watermark::MIN);
            self.merge.advance_to(sent);
            self.sent.0 = sent;
        }
    }

    /// Splits in ascending order of watermark.
    fn slowest_first(&self) -> Vec<SplitIndex> {
        if !self.per_split || self.merge.len() < 2 {
            return Vec::new();
        }
        let mut splits: Vec<SplitIndex> = (0..self.merge.len()).map(SplitIndex).collect();
        splits.sort_by_key(|split| self.merge.of_input(split.0));
        splits
    }

    /// Puts the rows of a batch into `ready`, cut before each row that would otherwise overtake
    /// the watermark that makes it late.
    fn take(
        &mut self,
        input: usize,
        batch: Batch,
        context: &EvaluationContext,
        ready: &mut VecDeque<Element>,
    ) -> Result<()> {
        let n_rows = batch.n_rows();
        let watermarks = self.expression.evaluate(batch.records.columns(), n_rows, context)?;
        let watermarks = Watermarks::new(&watermarks)?;
        let times = millis(batch.records.column(self.rowtime), "rowtime")?.values();
        self.merge.activity(input);
        let mut after = self.merge.clone();
        after.watermark(input, Watermark(watermarks.greatest()));
        let can_be_late = least_and_greatest(times)
            .is_some_and(|(least, _)| self.is_closed(least, after.merged()));
        if !can_be_late && !self.is_exact {
            self.merge = after;
            ready.push_back(Element::Batch(batch));
            return Ok(());
        }
        let times = times.to_vec();
        let mut from = 0;
        for (row, time) in times.iter().enumerate() {
            let merged = self.merge.merged();
            if merged > self.sent.0 && (self.is_exact || self.is_closed(*time, merged)) {
                if row > from {
                    ready.push_back(Element::Batch(batch.slice(from, row - from)));
                }
                ready.push_back(Element::Watermark(merged));
                self.sent.0 = merged;
                from = row;
            }
            if let Some(watermark) = watermarks.get(row) {
                self.merge.watermark(input, Watermark(watermark));
            }
        }
        ready.push_back(Element::Batch(batch.slice(from, n_rows - from)));
        Ok(())
    }

    /// Whether a row of that time lies in a slice that the watermark has closed.
    fn is_closed(&mut self, time: i64, watermark: Watermark) -> bool {
        self.closing.iter_mut().any(|closing| {
            let end = closing.window.slice_end(closing.time_line.local(time));
            closing.time_line.fire_time(end) <= watermark.0
        })
    }

    /// Whether a window may fire between two watermarks.
    fn closes_window(&mut self, from: Watermark, to: Watermark) -> bool {
        self.closing.iter_mut().any(|closing| {
            let end = closing.window.slice_end(closing.time_line.local(from.0).saturating_add(1));
            from == Watermark::MIN || closing.time_line.fire_time(end) <= to.0
        })
    }
}

/// The watermark expression's value of each row; NULL makes no promise.
struct Watermarks<'a>(&'a arrow_array::PrimitiveArray<TimestampMillisecondType>);

impl<'a> Watermarks<'a> {
    fn new(column: &'a ArrayRef) -> Result<Watermarks<'a>> {
        let millis = column.as_primitive_opt::<TimestampMillisecondType>();
        let message = || Error::bug(format!("the watermark has the type {}", column.data_type()));
        Ok(Watermarks(millis.ok_or_else(message)?))
    }

    fn get(&self, row: usize) -> Option<i64> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }

    fn greatest(&self) -> i64 {
        if self.0.null_count() == 0 {
            return least_and_greatest(self.0.values()).map_or(i64::MIN, |(_, greatest)| greatest);
        }
        (0..self.0.len()).filter_map(|row| self.get(row)).max().unwrap_or(i64::MIN)
    }
}
