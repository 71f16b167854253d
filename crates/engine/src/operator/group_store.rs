//! Keys and what is kept of them in memory, in columns over the keys' slots.

use std::sync::Arc;

use argus_base::Result;
use argus_state::rows::{KeyColumns, slice_rows};
use argus_state::{DirtySlots, SliceKey, SlotTable};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, Int64Array, RecordBatch};

use super::window_aggregate::Accumulators;
use super::window_state::{StateLayout, UPDATED, partials};

/// As many sweeps look at every slot once.
const SWEEP_PARTS: usize = 64;
/// Fewer slots are not worth a sweep of their own.
const MIN_SWEEP: usize = 1024;
/// Least time from one sweep to the next, in milliseconds.
const MIN_SWEEP_INTERVAL_MS: i64 = 100;

/// Time of the last row of a key of which nobody knows it.
pub(super) const UNDATED: i64 = i64::MAX;

/// What is known of keys beside their rows, where they are forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    /// Keys whose last row came then or before are forgotten, whatever may still be found of them.
    pub forgotten: i64,
    /// Stands for the time of keys of which nobody knows it: when it was first asked for.
    pub undated: Option<i64>,
}

impl Default for Dates {
    fn default() -> Dates {
        Dates { forgotten: i64::MIN, undated: None }
    }
}

impl Dates {
    /// It is that time, and keys live as long as that.
    pub fn pass(&mut self, now: i64, ttl: i64) {
        self.undated.get_or_insert(now);
        self.forgotten = self.forgotten.max(now.saturating_sub(ttl));
    }

    /// The time of a key, of which a row of state or a slot says that time.
    fn of(&self, updated: Option<i64>) -> i64 {
        let known = updated.filter(|updated| *updated != UNDATED);
        known.or(self.undated).unwrap_or(UNDATED)
    }

    /// Whether a key of that time is forgotten.
    fn is_forgotten(&self, updated: Option<i64>) -> bool {
        self.of(updated) <= self.forgotten
    }
}

/// The keys in memory. Slots without a key are empty.
pub(super) struct KeyedStore {
    pub keys: SlotTable,
    pub values: Accumulators,
    /// When each key got its last row, in milliseconds; empty where keys are kept for ever.
    pub updated: Vec<i64>,
    pub dirty: DirtySlots,
    /// Keys taken out since the last seal, where that is kept track of.
    pub removed: Vec<Box<[u8]>>,
    is_tracked: bool,
    is_dated: bool,
    /// Where the next sweep begins, and when.
    sweep: (usize, i64),
}

impl KeyedStore {
    /// Holds no key. `is_tracked` says whether seals are to come, `is_dated` whether keys are
    /// forgotten.
    pub fn new(values: Accumulators, is_tracked: bool, is_dated: bool) -> KeyedStore {
        KeyedStore {
            keys: SlotTable::default(),
            values,
            updated: Vec::new(),
            dirty: DirtySlots::default(),
            removed: Vec::new(),
            is_tracked,
            is_dated,
            sweep: (0, i64::MIN),
        }
    }

    /// Makes room for all slots.
    pub fn make_room(&mut self) {
        let n_slots = self.keys.n_slots();
        self.values.iter_mut().for_each(|values| values.resize(n_slots));
        if self.is_dated {
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

    pub fn mark(&mut self, slots: &[u32]) {
        if self.is_tracked {
            self.dirty.mark(slots, self.keys.n_slots());
        }
    }

    /// Whether the key of a slot is forgotten; false where keys are kept for ever.
    pub fn is_forgotten(&self, slot: u32, dates: Dates) -> bool {
        let updated = self.updated.get(slot as usize);
        updated.is_some_and(|updated| dates.is_forgotten(Some(*updated)))
    }

    /// Empties slots, whose keys stay.
    pub fn clear(&mut self, slots: &[u32]) {
        self.values.iter_mut().for_each(|values| values.clear(slots));
    }

    /// Looks at a part of all slots, where it is time to, and frees those whose keys are forgotten.
    pub fn sweep(&mut self, now: i64, ttl: i64, dates: Dates) {
        let (start, due) = self.sweep;
        if now < due {
            return;
        }
        let n_slots = self.keys.n_slots();
        let until = n_slots.min(start + MIN_SWEEP.max(n_slots / SWEEP_PARTS));
        let mut expired = Vec::new();
        for (slot, updated) in (start..until).zip(&mut self.updated[start..until]) {
            let slot = u32::try_from(slot).expect("slots are 32-bit");
            *updated = dates.of(Some(*updated));
            if dates.is_forgotten(Some(*updated)) && self.keys.is_used(slot) {
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

    /// The rows of state of those slots.
    pub fn rows(&self, layout: &StateLayout, slots: &[u32]) -> Result<RecordBatch> {
        let mut columns = partials(&self.values, slots)?;
        if self.is_dated {
            let updated = slots.iter().map(|slot| self.updated[*slot as usize]);
            let known = updated.map(|updated| (updated != UNDATED).then_some(updated));
            columns.push(Arc::new(known.collect::<Int64Array>()));
        }
        slice_rows(&layout.schema, SliceKey::KEYED, self.keys.keys(slots), columns)
    }

    /// Adds rows of state whose keys are not there: of a key that is, a newer row came before.
    /// Where the newest says that its key is gone, or was forgotten, the slot is in `gone`; it is
    /// to be freed when all rows that the key may have are through.
    pub fn insert_new(
        &mut self,
        layout: &StateLayout,
        dates: Dates,
        batch: &RecordBatch,
        gone: &mut Vec<u32>,
    ) -> Result<()> {
        let columns = KeyColumns::of(batch)?;
        let updated = updated(batch);
        let is_gone =
            |row: usize| columns.deleted.value(row) || dates.is_forgotten(updated_at(updated, row));
        let (mut fresh, mut slots) = (Vec::new(), Vec::new());
        for row in 0..batch.num_rows() {
            if columns.slice(row) != SliceKey::KEYED {
                continue;
            }
            let (slot, is_new) = self.keys.find_or_insert(columns.keys.value(row));
            if is_new && is_gone(row) {
                gone.push(slot);
            } else if is_new {
                fresh.push(u32::try_from(row).expect("rows of a batch are 32-bit"));
                slots.push(slot);
            }
        }
        self.make_room();
        self.fill(layout, dates, batch, (&fresh, &slots))
    }

    /// Puts row `rows[i]` of a batch into the slot `slots[i]`, which is empty.
    pub fn fill(
        &mut self,
        layout: &StateLayout,
        dates: Dates,
        batch: &RecordBatch,
        (rows, slots): (&[u32], &[u32]),
    ) -> Result<()> {
        layout.merge_rows(&mut self.values, batch, rows, (slots, self.keys.n_slots()))?;
        if !self.is_dated {
            return Ok(());
        }
        let updated = updated(batch);
        for (row, slot) in rows.iter().zip(slots) {
            self.updated[*slot as usize] = dates.of(updated_at(updated, *row as usize));
        }
        Ok(())
    }
}

fn updated(batch: &RecordBatch) -> Option<&Int64Array> {
    batch.column_by_name(UPDATED)?.as_primitive_opt::<Int64Type>()
}

fn updated_at(updated: Option<&Int64Array>, row: usize) -> Option<i64> {
    updated.filter(|updated| updated.is_valid(row)).map(|updated| updated.value(row))
}
