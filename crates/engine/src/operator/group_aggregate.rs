//! Aggregates rows by key without a window: every row brings its key's result up to date.
//!
//! The first row of a key emits +I, any later one −U with the result before and +U with the
//! result after it; nothing where both are equal. So does Flink's `GroupAggFunction`, also this:
//! where keys are forgotten, results that did not change are emitted again, for those who forget
//! as well.
//!
//! Rows of one key in a batch are accumulated one after the other, since each has a result; rows
//! of different keys together. A *round* is the first row of each key, then the second of each that
//! has one, and so on.
//!
//! A key that got no row for the time to live is as if it had never been, from that moment on;
//! what it took is freed some time later, in sweeps that look at a part of all slots each.
//!
//! Every row asks for its key's result at once, so the state stays in memory: where the limit of
//! the memory cannot be kept the job ends, and says so, before the system kills it.

use std::collections::VecDeque;
use std::sync::Arc;

use argus_base::batch::{Batch, MAX_BATCH_ROWS};
use argus_base::time::ProcessingTime;
use argus_base::{Error, LogicalType, Result, RowKind};
use argus_plan::graph::GroupAggregate;
use argus_state::key_codec::EncodedKeys;
use argus_state::snapshot::{RestoredState, Sealed};
use argus_state::spill::{MemoryShare, StateContext};
use argus_state::{DirtySlots, KeyCodec, Rotation, SlotTable};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, UInt32Array};
use arrow_schema::SchemaRef;

use super::group_changes::{Changes, Results, Round};
use super::window_aggregate::Accumulators;
use super::window_state::StateLayout;
use super::{Emission, Operator, Output};
use crate::aggregate::{Rows, Slots, accumulator};
use crate::expression::EvaluationContext;

/// As many sweeps look at every slot once.
const SWEEP_PARTS: usize = 64;
/// Fewer slots are not worth a sweep of their own.
const MIN_SWEEP: usize = 1024;
/// Least time from one sweep to the next, in milliseconds.
const MIN_SWEEP_INTERVAL_MS: i64 = 100;

/// Time of the last row of a key of which nobody knows it.
pub(super) const UNDATED: i64 = i64::MAX;

/// What is given with the plan.
pub struct GroupOptions {
    /// Types of the input.
    pub input: Vec<LogicalType>,
    /// Of the output.
    pub schema: SchemaRef,
    /// Whether users need the result before each update.
    pub sends_before: bool,
    /// What the state is kept by.
    pub context: StateContext,
}

/// The operator.
pub struct GroupAggregator {
    plan: GroupAggregate,
    options: GroupOptions,
    codec: KeyCodec,
    /// Of the results, to tell whether they are equal.
    result_codec: KeyCodec,
    /// In milliseconds.
    pub(super) ttl: Option<i64>,
    pub(super) store: KeyedStore,
    /// Rows of the batch at hand, by slot; all zero between batches.
    turns: Vec<u32>,
    pending: VecDeque<Batch>,
    keys: EncodedKeys,
    memory: Option<MemoryShare>,
    pub(super) layout: StateLayout,
    pub(super) rotation: Rotation,
    /// Whether the next seal is to hold all of the state.
    pub(super) begins_chain: bool,
}

/// Keys and what is kept of them, in columns over the keys' slots. Slots without a key are empty.
pub(super) struct KeyedStore {
    pub keys: SlotTable,
    pub values: Accumulators,
    /// When each key got its last row, in milliseconds; empty where keys are kept for ever.
    pub updated: Vec<i64>,
    pub dirty: DirtySlots,
    /// Keys taken out since the last seal, where that is kept track of.
    pub removed: Vec<Box<[u8]>>,
    is_tracked: bool,
    /// Where the next sweep begins, and when.
    sweep: (usize, i64),
}

impl GroupAggregator {
    /// The operator of a plan.
    pub fn new(plan: &GroupAggregate, options: GroupOptions) -> Result<GroupAggregator> {
        let key_types = plan.keys.iter().map(|key| options.input[*key].to_arrow()).collect();
        let results = plan.aggregates.iter().map(|call| call.result.to_arrow()).collect();
        let values = plan
            .aggregates
            .iter()
            .map(|call| accumulator(call, call.argument.map(|index| &options.input[index])))
            .collect::<Result<Accumulators>>()?;
        let ttl = plan.ttl.map(|ttl| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let keys = options.schema.fields()[..plan.keys.len()].to_vec();
        let layout = super::group_state::layout(&plan.aggregates, &values, keys, ttl.is_some())?;
        let memory = options.context.memory.clone().map(MemoryShare::kept);
        let is_tracked = options.context.is_tracked;
        Ok(GroupAggregator {
            plan: plan.clone(),
            codec: KeyCodec::new(key_types),
            result_codec: KeyCodec::new(results),
            ttl,
            store: KeyedStore::new(values, is_tracked),
            turns: Vec::new(),
            pending: VecDeque::new(),
            keys: EncodedKeys::default(),
            memory,
            layout,
            rotation: Rotation::default(),
            begins_chain: false,
            options,
        })
    }

    /// What the batch changes, in its order.
    fn changes(&mut self, batch: &Batch, now: i64) -> Result<Changes> {
        let (slots, is_first) = self.find(batch, now)?;
        let rounds = self.rounds(&slots);
        let mut results = Results::new(self.plan.aggregates.len());
        let first_round = rounds.first().map_or(&[][..], |round| &round.rows);
        let known: Vec<u32> =
            first_round.iter().copied().filter(|row| !is_first[*row as usize]).collect();
        let known_slots: Vec<u32> = known.iter().map(|row| slots[*row as usize]).collect();
        results.push(&known, self.read(&known_slots)?);
        for round in &rounds {
            self.accumulate(batch, round)?;
            results.push(&round.rows, self.read(&round.slots)?);
        }
        if self.ttl.is_none() {
            results.encode(&self.result_codec);
        }
        Ok(Changes::new(&rounds, &is_first, results, self.options.sends_before))
    }

    /// The slot of each row, and whether its key is new or has been forgotten.
    fn find(&mut self, batch: &Batch, now: i64) -> Result<(Vec<u32>, Vec<bool>)> {
        let columns = batch.records.columns();
        let keys: Vec<ArrayRef> = self.plan.keys.iter().map(|key| columns[*key].clone()).collect();
        self.codec.encode(&keys, batch.n_rows(), &mut self.keys);
        let (mut slots, mut is_first) = (Vec::new(), Vec::with_capacity(batch.n_rows()));
        self.store.keys.find_or_insert_all(&self.keys, &mut slots, |_, is_new| {
            is_first.push(is_new);
        });
        self.store.make_room(self.ttl.is_some());
        if let Some(ttl) = self.ttl {
            for (slot, is_first) in slots.iter().zip(&mut is_first) {
                if !*is_first && self.store.is_expired(*slot, now, ttl) {
                    self.store.clear(&[*slot]);
                    *is_first = true;
                }
                self.store.updated[*slot as usize] = now;
            }
        }
        self.store.mark(&slots);
        Ok((slots, is_first))
    }

    /// The rows of a batch by how many of their key come before them.
    fn rounds(&mut self, slots: &[u32]) -> Vec<Round> {
        self.turns.resize(self.store.keys.n_slots(), 0);
        let mut rounds: Vec<Round> = Vec::new();
        for (row, slot) in (0_u32..).zip(slots) {
            let turn = &mut self.turns[*slot as usize];
            if *turn as usize == rounds.len() {
                rounds.push(Round::default());
            }
            rounds[*turn as usize].push(row, *slot);
            *turn += 1;
        }
        slots.iter().for_each(|slot| self.turns[*slot as usize] = 0);
        rounds
    }

    fn accumulate(&mut self, batch: &Batch, round: &Round) -> Result<()> {
        let columns = batch.records.columns();
        for (call, accumulator) in self.plan.aggregates.iter().zip(&mut self.store.values) {
            let argument = call.argument.map(|i| rows_of(&columns[i], &round.rows)).transpose()?;
            let filter = call.filter.map(|i| rows_of(&columns[i], &round.rows)).transpose()?;
            let filter = filter.as_ref().map(|array| array.as_boolean());
            accumulator.update(&round.slots, &Rows::new(argument.as_ref(), filter))?;
        }
        Ok(())
    }

    fn read(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        self.store.values.iter().map(|values| values.read(&Slots::List(slots))).collect()
    }

    fn emit(&mut self, batch: &Batch, changes: &Changes) -> Result<()> {
        let n_rows = changes.kinds.len();
        let columns = batch.records.columns();
        let indices = UInt32Array::from(changes.rows.clone());
        let keys = self.plan.keys.iter();
        let keys = keys.map(|key| Ok(arrow_select::take::take(&columns[*key], &indices, None)?));
        let mut all = keys.collect::<Result<Vec<ArrayRef>>>()?;
        all.extend(changes.columns()?);
        let records = super::record_batch(&self.options.schema, all, n_rows)?;
        let is_append = changes.kinds.iter().all(|kind| *kind == RowKind::Insert);
        let kinds = (!is_append).then(|| Arc::from(changes.kinds.as_slice()));
        let whole = Batch { records, kinds };
        for start in (0..n_rows).step_by(MAX_BATCH_ROWS) {
            self.pending.push_back(whole.slice(start, MAX_BATCH_ROWS.min(n_rows - start)));
        }
        Ok(())
    }

    /// Tells what the state takes; an error where that is too much.
    pub(super) fn count_memory(&mut self) -> Result<()> {
        let Some(memory) = &mut self.memory else { return Ok(()) };
        memory.set(self.store.n_bytes() as u64);
        if !memory.is_exceeded() {
            return Ok(());
        }
        let mib = |n_bytes: u64| n_bytes.div_ceil(1 << 20);
        let message = format!(
            "the keys of a GROUP BY without a window take {} MiB in this subtask, of {} MiB that \
             argus.state.memory-limit leaves it, and are not spilled: raise the limit, or let keys \
             be forgotten by table.exec.state.ttl",
            mib(memory.n_bytes()),
            mib(memory.max_bytes())
        );
        Err(Error::user("AR5303", message))
    }
}

/// Those rows of a column.
fn rows_of(column: &ArrayRef, rows: &[u32]) -> Result<ArrayRef> {
    match rows {
        _ if rows.len() == column.len() => Ok(column.clone()),
        [row] => Ok(column.slice(*row as usize, 1)),
        _ => Ok(arrow_select::take::take(column, &UInt32Array::from(rows.to_vec()), None)?),
    }
}

impl KeyedStore {
    fn new(values: Accumulators, is_tracked: bool) -> KeyedStore {
        KeyedStore {
            keys: SlotTable::default(),
            values,
            updated: Vec::new(),
            dirty: DirtySlots::default(),
            removed: Vec::new(),
            is_tracked,
            sweep: (0, i64::MIN),
        }
    }

    /// Makes room for all slots.
    pub fn make_room(&mut self, is_dated: bool) {
        let n_slots = self.keys.n_slots();
        self.values.iter_mut().for_each(|values| values.resize(n_slots));
        if is_dated {
            self.updated.resize(n_slots, UNDATED);
        }
    }

    /// Bytes held, about.
    pub fn n_bytes(&self) -> usize {
        let values: usize = self.values.iter().map(|values| values.n_bytes()).sum();
        let updated = size_of_val(self.updated.as_slice());
        let removed: usize =
            self.removed.iter().map(|key| key.len() + size_of::<Box<[u8]>>()).sum();
        self.keys.n_bytes() + values + updated + self.dirty.n_bytes() + removed
    }

    fn mark(&mut self, slots: &[u32]) {
        if self.is_tracked {
            self.dirty.mark(slots, self.keys.n_slots());
        }
    }

    fn is_expired(&self, slot: u32, now: i64, ttl: i64) -> bool {
        self.updated[slot as usize].saturating_add(ttl) <= now
    }

    fn clear(&mut self, slots: &[u32]) {
        self.values.iter_mut().for_each(|values| values.clear(slots));
    }

    /// Looks at a part of all slots, where it is time to, and frees those whose keys have expired.
    fn sweep(&mut self, now: i64, ttl: i64) {
        let (start, due) = self.sweep;
        if now < due {
            return;
        }
        let n_slots = self.keys.n_slots();
        let until = n_slots.min(start + MIN_SWEEP.max(n_slots / SWEEP_PARTS));
        let mut expired = Vec::new();
        for (slot, updated) in (start..until).zip(&mut self.updated[start..until]) {
            let slot = u32::try_from(slot).expect("slots are 32-bit");
            if *updated == UNDATED {
                *updated = now;
            } else if updated.saturating_add(ttl) <= now && self.keys.is_used(slot) {
                expired.push(slot);
            }
        }
        self.remove(&expired);
        let parts = i64::try_from(2 * SWEEP_PARTS).unwrap_or(i64::MAX);
        let due = now.saturating_add((ttl / parts).max(MIN_SWEEP_INTERVAL_MS));
        self.sweep = (if until == n_slots { 0 } else { until }, due);
    }

    /// Frees slots.
    fn remove(&mut self, slots: &[u32]) {
        self.clear(slots);
        for slot in slots {
            if self.is_tracked {
                self.removed.push(self.keys.key(*slot).into());
            }
            self.keys.remove(*slot);
        }
    }
}

impl Operator for GroupAggregator {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        context: &EvaluationContext,
        output: &mut Output,
    ) -> Result<Emission> {
        let has_changes = batch.kinds.as_ref();
        if has_changes.is_some_and(|kinds| kinds.iter().any(|kind| *kind != RowKind::Insert)) {
            return Err(Error::bug("an aggregation of rows that change"));
        }
        let changes = self.changes(&batch, context.now.0)?;
        self.emit(&batch, &changes)?;
        self.count_memory()?;
        self.resume(output)
    }

    fn tick(&mut self, now: ProcessingTime, _output: &mut Output) -> Result<Emission> {
        if let Some(ttl) = self.ttl {
            self.store.sweep(now.0, ttl);
            self.count_memory()?;
        }
        Ok(Emission::Done)
    }

    fn resume(&mut self, output: &mut Output) -> Result<Emission> {
        if let Some(batch) = self.pending.pop_front() {
            output.push(batch);
        }
        Ok(if self.pending.is_empty() { Emission::Done } else { Emission::More })
    }

    fn seal(&mut self) -> Result<Option<Sealed>> {
        if !self.pending.is_empty() {
            return Err(Error::bug("a barrier overtook the changes of a batch"));
        }
        self.seal_state(self.options.context.is_tracked).map(Some)
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        self.restore_state(&state)
    }

    fn n_keys(&self) -> usize {
        self.store.keys.len()
    }
}
