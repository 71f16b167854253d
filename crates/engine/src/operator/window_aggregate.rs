//! Aggregates rows by key and window; also the second step, which merges what local steps
//! pre-aggregated.
//!
//! Rows are accumulated by slice. When the watermark reaches a window's last millisecond the
//! window fires: a TUMBLE window is its slice; a HOP window is merged from its slices; a CUMULATE
//! window is the running merge of its slices so far. Every key of the window leaves once, in
//! pieces of at most [`MAX_BATCH_ROWS`].
//!
//! A row is late when the last window that holds its slice has fired: it is dropped and counted.
//! A row whose slice has fired, but not the last window that holds it, counts only in the windows
//! not fired yet.

use argus_base::batch::Batch;
use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{LogicalType, Result};
use argus_plan::WindowKind;
use argus_plan::graph::{WindowAggregate, WindowSource};
use argus_state::key_codec::EncodedKeys;
use argus_state::slice_store::Slice;
use argus_state::snapshot::{RestoredState, Sealed};
use argus_state::spill::StateContext;
use argus_state::{KeyCodec, Rotation, SliceKey, SliceStore};
use arrow_array::BooleanArray;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::SchemaRef;

use super::slicing::{Selection, Slicer};
use super::state_memory::StateMemory;
use super::window_compaction::Compaction;
use super::window_firing::Firing;
use super::window_state::{StateLayout, slice_bytes};
use super::{Emission, Operator, Output};
use crate::aggregate::{Accumulator, Rows, accumulator};
use crate::expression::EvaluationContext;

/// The accumulators of one slice.
pub(crate) type Accumulators = Vec<Box<dyn Accumulator>>;

/// What both steps and the single step know of the aggregation.
pub(crate) struct Spec {
    pub aggregate: WindowAggregate,
    /// Types of the input of the single or local step.
    pub input: Vec<LogicalType>,
    pub codec: KeyCodec,
}

impl Spec {
    pub(crate) fn new(aggregate: &WindowAggregate, input: Vec<LogicalType>) -> Spec {
        let key_types = aggregate.keys.iter().map(|key| input[*key].to_arrow()).collect();
        Spec { aggregate: aggregate.clone(), input, codec: KeyCodec::new(key_types) }
    }

    pub(crate) fn accumulators(&self) -> Result<Accumulators> {
        let calls = self.aggregate.aggregates.iter();
        calls.map(|call| accumulator(call, call.argument.map(|index| &self.input[index]))).collect()
    }

    /// Adds the selected rows of a batch to a slice.
    pub(crate) fn accumulate(
        &self,
        slice: &mut Slice<Accumulators>,
        batch: &Batch,
        selection: &Selection,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let columns = batch.records.columns();
        let keys = self.aggregate.keys.iter().map(|key| selection.take(&columns[*key]));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let n_rows = selection.n_rows(batch.n_rows());
        self.codec.encode(&keys, n_rows, &mut scratch.keys);
        slice.keys.find_or_insert_all(scratch.keys.iter(), &mut scratch.groups);
        for (call, accumulator) in self.aggregate.aggregates.iter().zip(&mut slice.values) {
            accumulator.resize(slice.keys.len());
            let argument =
                call.argument.map(|index| selection.take(&columns[index])).transpose()?;
            let filter = call.filter.map(|index| selection.take(&columns[index])).transpose()?;
            let filter: Option<&BooleanArray> = filter.as_ref().map(|array| array.as_boolean());
            accumulator.update(&scratch.groups, &Rows::new(argument.as_ref(), filter))?;
        }
        Ok(())
    }
}

/// Buffers that live from batch to batch.
#[derive(Default)]
pub(crate) struct Scratch {
    pub keys: EncodedKeys,
    pub groups: Vec<u32>,
}

/// The operator.
pub struct WindowAggregator {
    pub(super) spec: Spec,
    /// What the input is: rows, or the partial form of local steps.
    is_global: bool,
    /// Number of columns of each call's partial form.
    partial_widths: Vec<usize>,
    pub(super) slicer: Slicer,
    pub(super) schema: SchemaRef,
    pub(super) store: SliceStore<Accumulators>,
    /// The merge of the CUMULATE slices that have fired, and the end of the longest window it
    /// grows to.
    pub(super) cumulated: Option<(i64, Slice<Accumulators>)>,
    /// Event time, or processing time, up to which windows have fired or are about to.
    pub(super) progress: i64,
    /// End of the last window considered at the current progress.
    pub(super) last_fired_end: i64,
    pub(super) firing: Option<Firing>,
    pub(super) scratch: Scratch,
    n_late: u64,
    pub(super) context: StateContext,
    pub(super) layout: StateLayout,
    pub(super) rotation: Rotation,
    /// Whether the next seal has everything in memory, and what earlier ones had is dead.
    pub(super) begins_chain: bool,
    /// What the state may take of a limited memory.
    pub(super) memory: Option<StateMemory>,
    /// Runs of a slice on their way to become fewer.
    pub(super) compaction: Option<Compaction>,
}

impl WindowAggregator {
    /// The single step (`is_global` false) or the second of two; `input` are the types of the
    /// rows that the single or the local step reads, `schema` is the output's.
    pub fn new(
        aggregate: &WindowAggregate,
        input: Vec<LogicalType>,
        schema: SchemaRef,
        is_global: bool,
        context: StateContext,
    ) -> Result<WindowAggregator> {
        let spec = Spec::new(aggregate, input);
        let layout = StateLayout::new(&spec, &schema)?;
        let memory = context.memory.clone().map(StateMemory::new);
        let widths = spec.accumulators()?.iter().map(|a| a.partial_types().len()).collect();
        let slicer = Slicer::new(aggregate.window.clone())?;
        Ok(WindowAggregator {
            spec,
            is_global,
            partial_widths: widths,
            slicer,
            schema,
            store: SliceStore::default(),
            cumulated: None,
            progress: i64::MIN,
            last_fired_end: i64::MIN,
            firing: None,
            scratch: Scratch::default(),
            n_late: 0,
            context,
            layout,
            rotation: Rotation::default(),
            begins_chain: false,
            memory,
            compaction: None,
        })
    }

    /// The slice that rows of a slice are added to now; `None` when they are late.
    fn live_slice(&self, slice: SliceKey) -> Option<SliceKey> {
        if self.slicer.is_attached() {
            return (!self.has_fired(slice.end)).then_some(slice);
        }
        let window = self.slicer.window();
        if self.has_fired(window.last_window_end(slice.end)) {
            return None;
        }
        let is_merged = matches!(window.kind, WindowKind::Cumulate { .. });
        if !is_merged || !self.has_fired(slice.end) {
            return Some(slice);
        }
        let step = window.kind.slice();
        let mut end = slice.end;
        while self.has_fired(end) {
            end = end.saturating_add(step);
        }
        Some(SliceKey { end, start: end.saturating_sub(step) })
    }

    pub(super) fn has_fired(&self, end: i64) -> bool {
        self.slicer.time_line.fire_time(end) <= self.progress
    }

    fn process_rows(&mut self, batch: &Batch, now: ProcessingTime) -> Result<()> {
        for (key, selection) in self.slicer.slices(batch, now)? {
            let Some(key) = self.live_slice(key) else {
                self.n_late += selection.n_rows(batch.n_rows()) as u64;
                continue;
            };
            self.make_room(key, selection.n_rows(batch.n_rows()))?;
            let slice = get_slice(&mut self.store, key, &self.spec)?;
            let n_bytes_before = slice_bytes(slice);
            self.spec.accumulate(slice, batch, &selection, &mut self.scratch)?;
            self.note_change(key, n_bytes_before);
        }
        Ok(())
    }

    /// Takes note that the groups in `scratch` of a slice have changed.
    fn note_change(&mut self, key: SliceKey, n_bytes_before: usize) {
        let Some(slice) = self.store.get_mut(key) else { return };
        if self.context.is_tracked {
            slice.dirty.mark(&self.scratch.groups, slice.keys.len());
        }
        if let Some(memory) = &mut self.memory {
            memory.change(n_bytes_before, slice_bytes(slice));
        }
    }

    /// Merges rows of the partial form: keys, slice end, slice start, rows, accumulators.
    fn process_partials(&mut self, batch: &Batch) -> Result<()> {
        let n_keys = self.spec.aggregate.keys.len();
        let columns = batch.records.columns();
        let ends = columns[n_keys].as_primitive::<Int64Type>().values();
        let starts = columns[n_keys + 1].as_primitive::<Int64Type>().values();
        let counts = columns[n_keys + 2].as_primitive::<Int64Type>().values();
        // A local step emits slice by slice: equal slices lie together.
        let mut from = 0;
        while from < batch.n_rows() {
            let key = SliceKey { end: ends[from], start: starts[from] };
            let same = (from..batch.n_rows())
                .take_while(|row| ends[*row] == key.end && starts[*row] == key.start);
            let length = same.count();
            match self.live_slice(key) {
                None => {
                    let n_rows: i64 = counts[from..from + length].iter().sum();
                    self.n_late += n_rows.cast_unsigned();
                }
                Some(key) => self.merge_partials(key, &batch.slice(from, length))?,
            }
            from += length;
        }
        Ok(())
    }

    fn merge_partials(&mut self, key: SliceKey, batch: &Batch) -> Result<()> {
        let n_keys = self.spec.aggregate.keys.len();
        let columns = batch.records.columns();
        self.make_room(key, batch.n_rows())?;
        let slice = get_slice(&mut self.store, key, &self.spec)?;
        let n_bytes_before = slice_bytes(slice);
        self.spec.codec.encode(&columns[..n_keys], batch.n_rows(), &mut self.scratch.keys);
        slice.keys.find_or_insert_all(self.scratch.keys.iter(), &mut self.scratch.groups);
        let mut from = n_keys + 3;
        for (accumulator, width) in slice.values.iter_mut().zip(&self.partial_widths) {
            accumulator.resize(slice.keys.len());
            accumulator.merge(&self.scratch.groups, &columns[from..from + width])?;
            from += width;
        }
        self.note_change(key, n_bytes_before);
        Ok(())
    }

    /// Time has come to `progress`: fires what it closes.
    fn advance(&mut self, progress: i64, output: &mut Output) -> Result<Emission> {
        self.make_room_for_others()?;
        if progress <= self.progress {
            return Ok(Emission::Done);
        }
        self.last_fired_end = self.last_end_fired_by(self.progress);
        self.progress = progress;
        self.resume(output)
    }

    /// The last window end that had fired at `progress`, whether or not the window held rows.
    fn last_end_fired_by(&mut self, progress: i64) -> i64 {
        if progress == i64::MIN || self.slicer.is_attached() {
            return i64::MIN;
        }
        let local = self.slicer.time_line.local(progress).saturating_add(1);
        let slice = self.slicer.window().kind.slice();
        let mut end = self.slicer.window().slice_end(local).saturating_sub(slice);
        // On a zone's clock the timer of an end may lie an hour beside it.
        while self.slicer.time_line.fire_time(end.saturating_add(slice)) <= progress {
            let next = end.saturating_add(slice);
            if next == end {
                break;
            }
            end = next;
        }
        while self.slicer.time_line.fire_time(end) > progress {
            end = end.saturating_sub(slice);
        }
        end
    }
}

impl Operator for WindowAggregator {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        context: &EvaluationContext,
        _output: &mut Output,
    ) -> Result<Emission> {
        if self.is_global {
            self.process_partials(&batch)?;
        } else {
            self.process_rows(&batch, context.now)?;
        }
        self.compact()?;
        Ok(Emission::Done)
    }

    fn watermark(&mut self, watermark: Watermark, output: &mut Output) -> Result<Emission> {
        if is_processing_time(&self.spec.aggregate.window) {
            return Ok(Emission::Done);
        }
        self.advance(watermark.0, output)
    }

    fn tick(&mut self, now: ProcessingTime, output: &mut Output) -> Result<Emission> {
        if !is_processing_time(&self.spec.aggregate.window) {
            self.make_room_for_others()?;
            return Ok(Emission::Done);
        }
        self.advance(now.0, output)
    }

    fn resume(&mut self, output: &mut Output) -> Result<Emission> {
        self.fire(output)
    }

    fn seal(&mut self) -> Result<Option<Sealed>> {
        self.seal_state().map(Some)
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        self.restore_state(state)
    }

    fn n_late(&self) -> u64 {
        self.n_late
    }

    fn n_keys(&self) -> usize {
        self.store.n_keys() + self.cumulated.as_ref().map_or(0, |(_, slice)| slice.keys.len())
    }
}

pub(crate) fn is_processing_time(source: &WindowSource) -> bool {
    source.window().time.column().is_none()
}

pub(crate) fn get_slice<'a>(
    store: &'a mut SliceStore<Accumulators>,
    key: SliceKey,
    spec: &Spec,
) -> Result<&'a mut Slice<Accumulators>> {
    if store.get(key).is_none() {
        let accumulators = spec.accumulators()?;
        store.get_or_insert(key, || accumulators);
    }
    Ok(store.get_or_insert(key, Vec::new))
}
