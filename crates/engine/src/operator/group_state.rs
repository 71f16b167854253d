//! Sealing and restoring an aggregation without a window.
//!
//! Its keys lie in one slice, [`SliceKey::KEYED`], that lives for ever. Rows are those of
//! `window_state`; where keys are forgotten, a column [`UPDATED`] behind the aggregates' says when
//! each got its last row. A key that was taken out leaves a row that says so: older rows of it are
//! dead.

use argus_base::{Error, Result};
use argus_plan::AggregateCall;
use argus_state::SliceKey;
use argus_state::rows::{KeyColumns, deleted_rows, slice_rows};
use argus_state::snapshot::{RestoredPart, RestoredState, Sealed, is_too_long};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, BinaryArray, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, FieldRef};
use std::sync::Arc;

use super::group_aggregate::{GroupAggregator, KeyedStore, UNDATED};
use super::window_aggregate::Accumulators;
use super::window_state::{MAX_ROWS, StateLayout, UPDATED, partials};

/// How the state is laid out in rows.
pub(super) fn layout(
    calls: &[AggregateCall],
    values: &Accumulators,
    keys: Vec<FieldRef>,
    is_dated: bool,
) -> Result<StateLayout> {
    let updated = is_dated.then(|| Field::new(UPDATED, DataType::Int64, true));
    StateLayout::of(calls, values, keys, updated.into_iter().collect())
}

impl GroupAggregator {
    /// What changed since the last seal, and the part of the rest whose turn it is.
    pub(super) fn seal_state(&mut self, is_tracked: bool) -> Result<Sealed> {
        let store = &mut self.store;
        let n_slots = store.keys.n_slots();
        // Where nobody has kept track of what earlier seals wrote, they are of no use either.
        let turns = match std::mem::take(&mut self.begins_chain) || !is_tracked {
            true => self.rotation.all(),
            false => self.rotation.advance(store.dirty.n_dirty(), n_slots as u64),
        };
        let mut slots = store.dirty.take(turns, n_slots);
        slots.retain(|slot| store.keys.is_used(*slot));
        let mut sealed = Sealed {
            n_turns: turns.n,
            live: vec![SliceKey::KEYED],
            n_keys: store.keys.len() as u64,
            n_bytes: store.n_bytes() as u64,
            ..Sealed::default()
        };
        for slots in slots.chunks(MAX_ROWS) {
            sealed.rows.push(rows(&self.layout, &self.store, slots)?);
        }
        sealed.rows.extend(self.take_removed()?);
        Ok(sealed)
    }

    /// Rows of the keys that were taken out and did not come back.
    fn take_removed(&mut self) -> Result<Vec<RecordBatch>> {
        let mut removed = std::mem::take(&mut self.store.removed);
        removed.sort_unstable();
        removed.dedup();
        removed.retain(|key| self.store.keys.find(key).is_none());
        let rows = |keys: &[Box<[u8]>]| {
            let keys = BinaryArray::from_iter_values(keys);
            deleted_rows(&self.layout.schema, SliceKey::KEYED, keys)
        };
        removed.chunks(MAX_ROWS).map(rows).collect()
    }

    /// Takes over what former subtasks had. Nothing of it is dirty: the chains it came from stay
    /// until every slot has had its turn to be sealed again.
    pub(super) fn restore_state(&mut self, state: &RestoredState) -> Result<()> {
        self.layout.allows_loss = state.allows_loss;
        for part in &state.parts {
            self.restore_part(part)?;
        }
        let n_rows = state.parts.iter().map(RestoredPart::n_chained_rows).sum();
        // Rows with other aggregates must not be found again.
        self.begins_chain = state.allows_loss || is_too_long(n_rows, self.store.keys.len());
        Ok(())
    }

    fn restore_part(&mut self, part: &RestoredPart) -> Result<()> {
        if !part.runs.is_empty() {
            return Err(Error::bug("an aggregation without a window never spills"));
        }
        if !part.live.contains(&SliceKey::KEYED) {
            return Ok(());
        }
        // Keys of which the newest row says that they are gone hold a slot until all is read.
        let mut gone = Vec::new();
        for section in part.chain.iter().rev() {
            for rows in section.rows(part.groups.clone()) {
                self.restore_rows(&rows?, &mut gone)?;
                self.count_memory()?;
            }
        }
        gone.into_iter().for_each(|slot| self.store.keys.remove(slot));
        self.count_memory()
    }

    /// Adds the rows whose keys no newer row has brought. Keys of other parts are others, so those
    /// that are there came from this one.
    fn restore_rows(&mut self, batch: &RecordBatch, gone: &mut Vec<u32>) -> Result<()> {
        self.layout.check(&batch.schema())?;
        let columns = KeyColumns::of(batch)?;
        let (mut fresh, mut slots) = (Vec::new(), Vec::new());
        for row in 0..batch.num_rows() {
            if columns.slice(row) != SliceKey::KEYED {
                continue;
            }
            let (slot, is_new) = self.store.keys.find_or_insert(columns.keys.value(row));
            if is_new && columns.deleted.value(row) {
                gone.push(slot);
            } else if is_new {
                fresh.push(u32::try_from(row).expect("rows of a batch are 32-bit"));
                slots.push(slot);
            }
        }
        self.store.make_room(self.ttl.is_some());
        let n_slots = self.store.keys.n_slots();
        self.layout.merge_rows(&mut self.store.values, batch, &fresh, (&slots, n_slots))?;
        let updated = batch.column_by_name(UPDATED).and_then(|c| c.as_primitive_opt::<Int64Type>());
        if let (Some(updated), true) = (updated, self.ttl.is_some()) {
            for (row, slot) in fresh.iter().zip(&slots) {
                let row = *row as usize;
                let known = updated.is_valid(row).then(|| updated.value(row));
                self.store.updated[*slot as usize] = known.unwrap_or(UNDATED);
            }
        }
        Ok(())
    }
}

fn rows(layout: &StateLayout, store: &KeyedStore, slots: &[u32]) -> Result<RecordBatch> {
    let mut columns = partials(&store.values, slots)?;
    if !store.updated.is_empty() {
        let updated = slots.iter().map(|slot| store.updated[*slot as usize]);
        let known = updated.map(|updated| (updated != UNDATED).then_some(updated));
        columns.push(Arc::new(known.collect::<Int64Array>()));
    }
    slice_rows(&layout.schema, SliceKey::KEYED, store.keys.keys(slots), columns)
}
