//! Sealing and restoring an aggregation without a window.
//!
//! Its keys lie in one slice, [`SliceKey::KEYED`], that lives for ever. Rows are those of
//! `window_state`; where keys are forgotten, a column [`UPDATED`] behind the aggregates' says when
//! each got its last row. A key that was taken out leaves a row that says so: older rows of it are
//! dead. So are rows of keys that were forgotten when the seal was made.

use argus_base::Result;
use argus_plan::AggregateCall;
use argus_state::SliceKey;
use argus_state::dirty::Turns;
use argus_state::rows::deleted_rows;
use argus_state::snapshot::{RestoredPart, RestoredState, Sealed, is_too_long};
use arrow_array::{BinaryArray, RecordBatch};
use arrow_schema::{DataType, Field, FieldRef};

use super::group_aggregate::GroupAggregator;
use super::group_store::{Dates, KeyedStore};
use super::spilling::ranges_to_restore;
use super::window_aggregate::Accumulators;
use super::window_state::{MAX_ROWS, StateLayout, UPDATED};

/// Scalar: keys whose last row came then or before are forgotten, in milliseconds.
const FORGOTTEN: &str = "forgotten";
/// Scalar: stands for the time of keys of which nobody knows it.
const UNDATED: &str = "undated";

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
    pub(super) fn seal_state(&mut self) -> Result<Sealed> {
        // Where nobody has kept track of what earlier seals wrote, they are of no use either.
        self.begins_chain |= !self.options.context.is_tracked;
        self.make_room_to_seal()?;
        let turns = self.turns();
        let scalars = self.scalars();
        let store = &mut self.store;
        let mut slots = store.dirty.take(turns, store.keys.n_slots());
        slots.retain(|slot| store.keys.is_used(*slot));
        let mut sealed = Sealed {
            n_turns: turns.n,
            scalars,
            live: vec![SliceKey::KEYED],
            n_keys: store.keys.len() as u64,
            n_bytes: store.n_bytes() as u64,
            runs: self.spilled.files(),
            ..Sealed::default()
        };
        for slots in slots.chunks(MAX_ROWS) {
            sealed.rows.push(self.store.rows(&self.layout, slots)?);
        }
        sealed.rows.extend(self.take_removed()?);
        Ok(sealed)
    }

    /// Which slots are sealed besides those that changed.
    fn turns(&mut self) -> Turns {
        let KeyedStore { dirty, keys, .. } = &self.store;
        match std::mem::take(&mut self.begins_chain) {
            true => self.rotation.all(),
            false => self.rotation.advance(dirty.n_dirty(), keys.n_slots() as u64),
        }
    }

    /// What restores know of keys that they find.
    fn scalars(&self) -> Vec<(String, i64)> {
        let Dates { forgotten, undated } = self.dates;
        let forgotten = (forgotten > i64::MIN).then_some((FORGOTTEN, forgotten));
        let undated = undated.filter(|_| self.ttl.is_some()).map(|undated| (UNDATED, undated));
        let scalars = forgotten.into_iter().chain(undated);
        scalars.map(|(name, value)| (name.to_owned(), value)).collect()
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
    /// until every slot has had its turn to be sealed again. What had been spilled is read as well,
    /// and spilled anew where it does not fit: then the next seal begins a chain.
    pub(super) fn restore_state(&mut self, state: &RestoredState) -> Result<()> {
        self.layout.allows_loss = state.allows_loss;
        for part in &state.parts {
            self.restore_part(part)?;
        }
        let n_rows = state.parts.iter().map(RestoredPart::n_chained_rows).sum();
        let has_runs = state.parts.iter().any(|part| !part.runs.is_empty());
        // Rows with other aggregates must not be found again.
        self.begins_chain |=
            state.allows_loss || has_runs || is_too_long(n_rows, self.store.keys.len());
        Ok(())
    }

    /// Range by range of key groups: between two ranges, and only there, the keys in memory are
    /// complete and can be spilled. Keys of other parts are others.
    fn restore_part(&mut self, part: &RestoredPart) -> Result<()> {
        if !part.live.contains(&SliceKey::KEYED) {
            return Ok(());
        }
        // The chain was begun when the last run had been written.
        let newest_first = || part.chain.iter().rev().chain(part.runs.iter().rev());
        let dates = self.dates_of(part);
        for groups in ranges_to_restore(self.memory.as_ref(), &part.groups, newest_first()) {
            // Keys of which the newest row says that they are gone hold a slot until all is read.
            let mut gone = Vec::new();
            for section in newest_first() {
                for rows in section.rows(groups.clone()) {
                    let rows = rows?;
                    self.layout.check(&rows.schema())?;
                    self.store.insert_new(&self.layout, dates, &rows, &mut gone)?;
                }
            }
            gone.into_iter().for_each(|slot| self.store.keys.remove(slot));
            self.count_memory();
            self.make_room(0)?;
        }
        Ok(())
    }

    /// What a former subtask knew of its keys, of which this one takes note for its own seals.
    /// Equal in all parts but for moments.
    fn dates_of(&mut self, part: &RestoredPart) -> Dates {
        let undated = part.scalar(UNDATED).filter(|_| self.ttl.is_some());
        let dates = Dates { forgotten: part.scalar(FORGOTTEN).unwrap_or(i64::MIN), undated };
        self.dates.forgotten = self.dates.forgotten.max(dates.forgotten);
        self.dates.undated = self.dates.undated.into_iter().chain(undated).min();
        dates
    }
}
