//! Spilling a window aggregation, and firing what was spilled.
//!
//! When the state outgrows what it may take of the memory, everything in memory is written to runs
//! and forgotten, so that what seals wrote before is dead as a whole and the next seal begins a
//! chain. A key may then be in several runs and in memory again; its aggregates are the merge.
//!
//! ```text
//! slice [0,10)   run 1: a b c    run 2: b d    memory: a e
//!                └──── key groups 0..8 ────┘  merge ─▶ emit ─▶ drop, then 8..16 …
//! ```
//! The slices of a CUMULATE window stay beside each other once anything of it is spilled, instead
//! of being added to the running merge, until the longest window has fired.
//!
//! Runs of a slice are merged with each other when they are many; see `window_compaction`.

use std::collections::VecDeque;
use std::ops::Range;

use argus_base::{Error, Result};
use argus_state::SliceKey;
use argus_state::key_table::GroupedSlots;
use argus_state::slice_store::Slice;
use argus_state::spill::{Pass, RunWriter, SliceRun};
use arrow_array::RecordBatch;

use super::spilling::{cut, piece_rows};
use super::state_memory::StateMemory;
use super::window_aggregate::{Accumulators, WindowAggregator};
use super::window_restore::CUMULATED_START;
use super::window_state::{rows_by_slice, slice_bytes};

/// Bytes that a range of a window may take while it is merged, where the memory has no limit but
/// state was restored that had been spilled.
const RANGE_BYTES: u64 = 256 << 20;

/// A window that is merged range by range of key groups.
pub(crate) struct RangedWindow {
    sources: Vec<Source>,
    /// Runs of the sources, once each, in order.
    runs: Vec<SliceRun>,
    /// Key groups of anything in there.
    groups: Vec<Range<u16>>,
    /// Bytes that all of it takes in memory, about.
    n_bytes: u64,
    /// Not merged yet.
    ranges: VecDeque<Range<u16>>,
    /// What is merged and on its way out.
    pub merged: Slice<Accumulators>,
}

/// A slice of a window, and its slots in memory.
struct Source {
    key: SliceKey,
    slots: GroupedSlots,
}

impl RangedWindow {
    pub fn new(empty: Accumulators) -> RangedWindow {
        RangedWindow {
            sources: Vec::new(),
            runs: Vec::new(),
            groups: Vec::new(),
            n_bytes: 0,
            ranges: VecDeque::new(),
            merged: Slice::new(empty),
        }
    }

    /// Adds a slice: its slots in memory, which take `n_bytes`, and its runs.
    pub fn add(&mut self, key: SliceKey, slots: GroupedSlots, n_bytes: u64, runs: &[SliceRun]) {
        self.groups.push(slots.groups());
        self.n_bytes += n_bytes;
        for run in runs {
            self.groups.push(run.groups.clone());
            self.n_bytes += run.n_bytes;
            if !self.runs.iter().any(|known| known.is_same(run)) {
                self.runs.push(run.clone());
            }
        }
        self.sources.push(Source { key, slots });
    }

    /// Cuts it into ranges of about as many bytes each.
    pub fn cut(&mut self, n_bytes: u64) {
        self.ranges = cut(&self.groups, self.n_bytes.div_ceil(n_bytes.max(1)));
    }
}

impl WindowAggregator {
    /// Makes sure that a slice has room for `n_rows` more keys.
    pub(super) fn make_room(&mut self, key: SliceKey, n_rows: usize) -> Result<()> {
        let Some(memory) = &self.memory else { return Ok(()) };
        let n_more = self.store.get(key).map_or(0, |slice| slice.keys.n_bytes_to_grow(n_rows));
        if memory.must_spill(n_more) { self.spill() } else { Ok(()) }
    }

    /// Spills where others have filled the memory meanwhile.
    pub(super) fn make_room_for_others(&mut self) -> Result<()> {
        let must_spill = self.memory.as_ref().is_some_and(|memory| memory.must_spill(0));
        if must_spill { self.spill() } else { Ok(()) }
    }

    /// Spills what is too much to be sealed at once, since what is sealed is a copy.
    pub(super) fn make_room_to_seal(&mut self) -> Result<()> {
        let is_much = self.memory.as_ref().is_some_and(|memory| memory.is_much());
        if is_much { self.spill() } else { Ok(()) }
    }

    /// Whether the merge of some slices fits beside them.
    pub(super) fn has_room_to_merge(&self, slices: &[SliceKey]) -> bool {
        let Some(memory) = &self.memory else { return true };
        let sizes = slices.iter().filter_map(|key| self.store.get(*key)).map(slice_bytes);
        !memory.is_full(sizes.sum::<usize>() as u64)
    }

    /// Makes room for the running merge with those slices; `false` where that took spilling.
    pub(super) fn make_room_to_absorb(&mut self, slices: &[SliceKey]) -> Result<bool> {
        if self.has_room_to_merge(slices) {
            return Ok(true);
        }
        self.spill()?;
        Ok(!self.is_spilled(slices))
    }

    /// Whether anything of a window was spilled.
    pub(super) fn is_spilled(&self, slices: &[SliceKey]) -> bool {
        let mut of_window = slices.iter().filter_map(|key| self.store.get(*key));
        let is_cumulated_spilled = self.cumulated.iter().any(|(_, slice)| !slice.runs.is_empty());
        is_cumulated_spilled || of_window.any(|slice| !slice.runs.is_empty())
    }

    /// Counts anew what the state takes.
    pub(super) fn recount(&mut self) {
        let Some(memory) = &mut self.memory else { return };
        let cumulated = self.cumulated.iter().map(|(_, slice)| slice);
        let slices = self.store.iter().map(|(_, slice)| slice).chain(cumulated);
        let firing = self.firing.as_ref().map_or(0, |firing| firing.n_bytes());
        memory.set((slices.map(slice_bytes).sum::<usize>() + firing) as u64);
    }

    /// Writes everything in memory to runs.
    pub(super) fn spill(&mut self) -> Result<()> {
        if self.slices().all(|(_, slice)| slice.keys.is_empty()) {
            return Ok(());
        }
        match self.write_runs() {
            Ok(runs) => self.forget(runs),
            Err(error) => StateMemory::bear(self.memory.as_mut(), error),
        }
    }

    fn write_runs(&self) -> Result<Vec<(SliceKey, SliceRun)>> {
        let mut writer = RunWriter::new(&self.context, Pass::next(0));
        for (key, slice) in self.slices() {
            self.write_slice(key, slice, &mut writer)?;
        }
        writer.finish()
    }

    /// Writes what a slice has in memory.
    pub(super) fn write_slice(
        &self,
        key: SliceKey,
        slice: &Slice<Accumulators>,
        writer: &mut RunWriter,
    ) -> Result<()> {
        if slice.keys.is_empty() {
            return Ok(());
        }
        let n_key_bytes = slice_bytes(slice).div_ceil(slice.keys.len());
        let n_rows = piece_rows(self.memory.as_ref(), n_key_bytes);
        let slots = slice.keys.grouped(self.context.max_parallelism);
        for slots in slots.all().chunks(n_rows) {
            for rows in self.layout.rows(key, slice, slots)? {
                writer.add(key, &rows, (rows.num_rows() * n_key_bytes) as u64)?;
            }
        }
        Ok(())
    }

    /// Drops what is in memory: it lies in those runs.
    fn forget(&mut self, runs: Vec<(SliceKey, SliceRun)>) -> Result<()> {
        let cumulated = self.cumulated.as_mut().map(|(_, slice)| slice);
        for slice in self.store.iter_mut().map(|(_, slice)| slice).chain(cumulated) {
            let runs = std::mem::take(&mut slice.runs);
            *slice = Slice { runs, ..Slice::new(self.spec.accumulators()?) };
        }
        for (key, run) in runs {
            let slice =
                self.slice_mut(key).ok_or_else(|| Error::bug("a spilled slice vanished"))?;
            slice.runs.push(run);
        }
        self.begins_chain = true;
        if let Some(memory) = &mut self.memory {
            memory.has_spilled();
        }
        self.recount();
        self.begin_compaction()
    }

    /// A window of those slices, and of the running merge, to be merged by ranges.
    pub(super) fn ranged(&self, slices: Vec<SliceKey>) -> Result<Box<RangedWindow>> {
        let mut window = RangedWindow::new(self.spec.accumulators()?);
        let cumulated = self.cumulated_slice().into_iter();
        let slices = slices.iter().filter_map(|key| Some((*key, self.store.get(*key)?)));
        for (key, slice) in cumulated.chain(slices) {
            let slots = slice.keys.grouped(self.context.max_parallelism);
            window.add(key, slots, slice_bytes(slice) as u64, &slice.runs);
        }
        let n_bytes = self.memory.as_ref().map(|memory| memory.range_bytes());
        window.cut(n_bytes.unwrap_or(RANGE_BYTES));
        Ok(Box::new(window))
    }

    /// Merges the next range of a window in the place of the last one; `false` where there is none.
    pub(super) fn merge_next(&mut self, window: &mut RangedWindow) -> Result<bool> {
        let Some(groups) = window.ranges.pop_front() else { return Ok(false) };
        let mut merged = Slice::new(self.spec.accumulators()?);
        for run in &window.runs {
            let groups = groups.start.max(run.groups.start)..groups.end.min(run.groups.end);
            if groups.is_empty() {
                continue;
            }
            for rows in run.open()?.read_state(run.section, groups) {
                self.merge_run(window, &rows?, &mut merged)?;
            }
        }
        for source in &window.sources {
            let Some(slice) = self.slice(source.key) else { continue };
            for rows in self.layout.rows(source.key, slice, source.slots.of(groups.clone()))? {
                let all: Vec<u32> = (0_u32..).take(rows.num_rows()).collect();
                self.layout.merge(&mut merged, &rows, &all)?;
            }
        }
        window.merged = merged;
        Ok(true)
    }

    fn merge_run(
        &self,
        window: &RangedWindow,
        rows: &RecordBatch,
        merged: &mut Slice<Accumulators>,
    ) -> Result<()> {
        self.layout.check(&rows.schema())?;
        for (key, indices) in rows_by_slice(rows)? {
            if window.sources.iter().any(|source| source.key == key) {
                self.layout.merge(merged, rows, &indices)?;
            }
        }
        Ok(())
    }

    /// All slices, the running merge among them.
    pub(super) fn slices(&self) -> impl Iterator<Item = (SliceKey, &Slice<Accumulators>)> {
        let slices = self.store.iter().map(|(key, slice)| (*key, slice));
        slices.chain(self.cumulated_slice())
    }

    pub(super) fn slice(&self, key: SliceKey) -> Option<&Slice<Accumulators>> {
        let cumulated = self.cumulated_slice().filter(|(known, _)| *known == key);
        cumulated.map_or_else(|| self.store.get(key), |(_, slice)| Some(slice))
    }

    pub(super) fn slice_mut(&mut self, key: SliceKey) -> Option<&mut Slice<Accumulators>> {
        match &mut self.cumulated {
            Some((end, slice)) if key.start == CUMULATED_START && key.end == *end => Some(slice),
            _ => self.store.get_mut(key),
        }
    }

    fn cumulated_slice(&self) -> Option<(SliceKey, &Slice<Accumulators>)> {
        let (end, slice) = self.cumulated.as_ref()?;
        Some((SliceKey { end: *end, start: CUMULATED_START }, slice))
    }
}
