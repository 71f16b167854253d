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
//! Keys beyond the limit of the memory lie on disk; see `group_spill`.

use std::collections::VecDeque;
use std::sync::Arc;

use argus_base::batch::{Batch, MAX_BATCH_ROWS};
use argus_base::time::ProcessingTime;
use argus_base::{Error, LogicalType, Result, RowKind};
use argus_plan::AggregateCall;
use argus_plan::graph::GroupAggregate;
use argus_state::key_codec::EncodedKeys;
use argus_state::snapshot::{RestoredState, Sealed};
use argus_state::spill::StateContext;
use argus_state::{KeyCodec, Rotation};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, UInt32Array};
use arrow_schema::SchemaRef;

use super::group_changes::{Changes, Results, Round};
use super::group_spill::{KeyedRows, SpilledKeys};
use super::group_store::{Dates, KeyedStore};
use super::state_memory::StateMemory;
use super::window_aggregate::Accumulators;
use super::window_state::StateLayout;
use super::{Emission, Operator, Output};
use crate::aggregate::{Rows, Slots, accumulator};
use crate::expression::EvaluationContext;

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
    pub(super) options: GroupOptions,
    codec: KeyCodec,
    /// Of the results, to tell whether they are equal.
    result_codec: KeyCodec,
    /// In milliseconds.
    pub(super) ttl: Option<i64>,
    pub(super) store: KeyedStore,
    /// Rows of the batch at hand, by slot; all zero between batches.
    pub(super) turns: Vec<u32>,
    pending: VecDeque<Batch>,
    keys: EncodedKeys,
    pub(super) memory: Option<StateMemory>,
    pub(super) spilled: SpilledKeys,
    pub(super) dates: Dates,
    pub(super) layout: StateLayout,
    pub(super) rotation: Rotation,
    /// Whether the next seal is to hold all of the state.
    pub(super) begins_chain: bool,
}

impl GroupAggregator {
    /// The operator of a plan.
    pub fn new(plan: &GroupAggregate, options: GroupOptions) -> Result<GroupAggregator> {
        let key_types = plan.keys.iter().map(|key| options.input[*key].to_arrow()).collect();
        let results = plan.aggregates.iter().map(|call| call.result.to_arrow()).collect();
        let values = accumulators(plan, &options)?;
        let ttl = plan.ttl.map(|ttl| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let keys = options.schema.fields()[..plan.keys.len()].to_vec();
        let layout = super::group_state::layout(&plan.aggregates, &values, keys, ttl.is_some())?;
        let memory = options.context.memory.clone().map(StateMemory::new);
        let is_tracked = options.context.is_tracked;
        Ok(GroupAggregator {
            plan: plan.clone(),
            codec: KeyCodec::new(key_types),
            result_codec: KeyCodec::new(results),
            ttl,
            store: KeyedStore::new(values, is_tracked, ttl.is_some()),
            turns: Vec::new(),
            pending: VecDeque::new(),
            keys: EncodedKeys::default(),
            memory,
            spilled: SpilledKeys::default(),
            dates: Dates::default(),
            layout,
            rotation: Rotation::default(),
            begins_chain: false,
            options,
        })
    }

    /// A store without keys.
    pub(super) fn empty_store(&self, is_tracked: bool) -> Result<KeyedStore> {
        let values = accumulators(&self.plan, &self.options)?;
        Ok(KeyedStore::new(values, is_tracked, self.ttl.is_some()))
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
        self.store.make_room();
        let rows = KeyedRows { keys: &self.keys, slots: &slots };
        let of_state = (&self.layout, self.dates);
        self.spilled.take_back(&mut self.store, of_state, &rows, &mut is_first)?;
        if self.ttl.is_some() {
            for (slot, is_first) in slots.iter().zip(&mut is_first) {
                if !*is_first && self.store.is_forgotten(*slot, self.dates) {
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

    /// Tells what the state takes.
    pub(super) fn count_memory(&mut self) {
        let Some(memory) = &mut self.memory else { return };
        let turns = size_of_val(self.turns.as_slice());
        memory.set((self.store.n_bytes() + turns + self.spilled.n_bytes()) as u64);
    }

    /// It is that time.
    fn pass(&mut self, now: i64) {
        if let Some(ttl) = self.ttl {
            self.dates.pass(now, ttl);
        }
    }
}

/// Empty accumulators of a plan.
fn accumulators(plan: &GroupAggregate, options: &GroupOptions) -> Result<Accumulators> {
    let of_call =
        |call: &AggregateCall| accumulator(call, call.argument.map(|index| &options.input[index]));
    plan.aggregates.iter().map(of_call).collect()
}

/// Those rows of a column.
fn rows_of(column: &ArrayRef, rows: &[u32]) -> Result<ArrayRef> {
    match rows {
        _ if rows.len() == column.len() => Ok(column.clone()),
        [row] => Ok(column.slice(*row as usize, 1)),
        _ => Ok(arrow_select::take::take(column, &UInt32Array::from(rows.to_vec()), None)?),
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
        self.pass(context.now.0);
        self.make_room_for_batch(batch.n_rows())?;
        let changes = self.changes(&batch, context.now.0)?;
        self.emit(&batch, &changes)?;
        self.compact()?;
        self.count_memory();
        self.resume(output)
    }

    fn tick(&mut self, now: ProcessingTime, _output: &mut Output) -> Result<Emission> {
        self.pass(now.0);
        if let Some(ttl) = self.ttl {
            self.store.sweep(now.0, ttl, self.dates);
            self.spilled.forget(self.dates);
        }
        self.compact()?;
        self.count_memory();
        // Others may have filled the memory meanwhile.
        self.make_room(0)?;
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
        self.seal_state().map(Some)
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        self.restore_state(&state)
    }

    fn n_keys(&self) -> usize {
        self.store.keys.len()
    }
}
