//! Spilling an aggregation without a window, and taking back what was spilled.
//!
//! When the keys outgrow what they may take of the memory, all of them are written to a run, which
//! is ordered by the hashes of its keys, and forgotten. So what seals wrote before is dead as a
//! whole, and the next seal begins a chain. A row whose key is not in memory is looked for in the
//! runs, the newest first, and what is found comes back into memory: what is there counts, and of
//! the runs the newest that has the key.
//!
//! ```text
//! run 1: a b c d    run 2: b e    memory: a f      a counts in memory, b in run 2, c in run 1
//! ```
//! Many runs of one level are merged into one of the next; all are, where finding their keys takes
//! much memory. A merge goes on range by range of hashes, a range with each batch. Nothing says in
//! a run that a key was forgotten: its last row there is older than the one that was, and so it is
//! forgotten too, in this life by its time to live and in later ones by [`Dates`].

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use argus_base::key_group::key_hash;
use argus_base::{Error, Result};
use argus_state::key_codec::EncodedKeys;
use argus_state::snapshot::Run;
use argus_state::sorted_run::{SortedRun, SortedRunWriter, Wanted};
use argus_state::spill::Pass;

use super::group_aggregate::GroupAggregator;
use super::group_store::{Dates, KeyedStore, UNDATED};
use super::spilling::{is_merged, last_due, piece_rows, step_bytes};
use super::state_memory::StateMemory;
use super::window_state::StateLayout;

/// All runs are merged where finding their keys takes this part of the share.
const MUCH_PART: u64 = 4;
/// What finding the keys of one run may take of all that the state takes.
const MOST_PART: u64 = 2;
/// After as many batches in a row that were spilled each, somebody should know.
const MANY_SPILLS: u32 = 16;

/// Keys on disk, and what is known of them in memory.
#[derive(Default)]
pub(super) struct SpilledKeys {
    /// Oldest first.
    runs: Vec<KeyRun>,
    compaction: Option<Compaction>,
    /// Batches before this one that were spilled each.
    n_in_a_row: u32,
}

struct KeyRun {
    run: SortedRun,
    /// When the last row of any of its keys came.
    updated: i64,
}

/// Runs that are being merged. What comes meanwhile comes behind them.
struct Compaction {
    inputs: Range<usize>,
    /// Hashes that are not merged yet.
    ranges: VecDeque<RangeInclusive<u64>>,
    writer: KeyRunWriter,
}

struct KeyRunWriter {
    writer: SortedRunWriter,
    updated: i64,
}

/// Rows of a batch by their keys.
pub(super) struct KeyedRows<'a> {
    pub keys: &'a EncodedKeys,
    /// Slot of each row's key.
    pub slots: &'a [u32],
}

impl SpilledKeys {
    /// The greatest level of a run.
    #[cfg(test)]
    pub fn max_level(&self) -> u8 {
        self.runs.iter().map(|run| run.run.pass.level).max().unwrap_or(0)
    }

    /// Bytes held in memory.
    pub fn n_bytes(&self) -> usize {
        self.runs.iter().map(|run| run.run.n_bytes()).sum()
    }

    /// All files, oldest first.
    pub fn files(&self) -> Vec<Run> {
        let files = self.runs.iter().flat_map(|run| run.run.files());
        files.map(|file| Run::Spilled(Arc::clone(file))).collect()
    }

    /// Brings the keys of those rows into memory that are new there and lie in a run; `is_new`
    /// says which rows, once a key, and then which of them were not found.
    pub fn take_back(
        &self,
        store: &mut KeyedStore,
        (layout, dates): (&StateLayout, Dates),
        rows: &KeyedRows<'_>,
        is_new: &mut [bool],
    ) -> Result<()> {
        if self.runs.is_empty() {
            return Ok(());
        }
        let key_of = |row: u32| rows.keys.key(row as usize);
        let new = (0_u32..).zip(&*is_new).filter(|(_, is_new)| **is_new);
        let wanted = |number: u32| Wanted { hash: key_hash(key_of(number)), number };
        let mut wanted: Vec<Wanted> = new.map(|(row, _)| wanted(row)).collect();
        wanted.sort_unstable();
        for run in self.runs.iter().rev() {
            run.run.look_up(&wanted, key_of, |batch, of_rows| {
                let all: Vec<u32> = (0..).take(of_rows.len()).collect();
                let slots: Vec<u32> = of_rows.iter().map(|row| rows.slots[*row as usize]).collect();
                store.fill(layout, dates, batch, (&all, &slots))?;
                of_rows.iter().for_each(|row| is_new[*row as usize] = false);
                Ok(())
            })?;
            wanted.retain(|wanted| is_new[wanted.number as usize]);
        }
        Ok(())
    }

    /// Drops runs whose keys are all forgotten.
    pub fn forget(&mut self, dates: Dates) {
        if self.compaction.is_none() {
            self.runs.retain(|run| run.updated > dates.forgotten);
        }
    }

    /// The runs that should become one.
    fn due(&self, max_bytes: u64) -> Option<Range<usize>> {
        let n_bytes = self.n_bytes() as u64;
        let most = self.runs.iter().map(|run| run.run.n_bytes() as u64).max()?;
        // Each merge of all is worth its while: they were written anew by half since the last one.
        if n_bytes > max_bytes / MUCH_PART && n_bytes - most > most / 2 {
            return Some(0..self.runs.len());
        }
        let last = last_due(self.runs.iter().map(|run| run.run.pass).collect())?;
        // They lie together: older runs have greater levels, newer ones greater numbers.
        let is_input = |run: &KeyRun| is_merged(run.run.pass, last);
        let start = self.runs.iter().position(is_input)?;
        Some(start..start + self.runs.iter().filter(|run| is_input(run)).count())
    }
}

impl KeyRunWriter {
    fn new(writer: SortedRunWriter) -> KeyRunWriter {
        KeyRunWriter { writer, updated: i64::MIN }
    }

    /// Adds all keys of a store, which come behind those before.
    fn add(
        &mut self,
        layout: &StateLayout,
        store: &KeyedStore,
        memory: Option<&StateMemory>,
    ) -> Result<()> {
        let n_key_bytes = store.n_bytes().div_ceil(store.keys.len().max(1)).max(1);
        let n_rows = piece_rows(memory, n_key_bytes);
        for slots in store.keys.by_hash().chunks(n_rows) {
            let n_bytes = (slots.len() * n_key_bytes) as u64;
            self.writer.add(&store.rows(layout, slots)?, n_bytes)?;
            let updated = |slot: &u32| store.updated.get(*slot as usize).copied();
            let updated = slots.iter().map(|slot| updated(slot).unwrap_or(UNDATED)).max();
            self.updated = self.updated.max(updated.unwrap_or(i64::MIN));
        }
        Ok(())
    }

    fn finish(self) -> Result<KeyRun> {
        Ok(KeyRun { run: self.writer.finish()?, updated: self.updated })
    }
}

impl GroupAggregator {
    /// Makes sure that there is room for the keys of a batch.
    pub(super) fn make_room_for_batch(&mut self, n_rows: usize) -> Result<()> {
        let n_runs = self.spilled.runs.len();
        self.make_room(n_rows)?;
        let has_spilled = self.spilled.runs.len() > n_runs;
        let n_in_a_row = if has_spilled { self.spilled.n_in_a_row + 1 } else { 0 };
        self.spilled.n_in_a_row = n_in_a_row;
        if n_in_a_row == MANY_SPILLS {
            let operator = self.options.context.operator;
            tracing::warn!(
                %operator,
                "the keys of each batch take all of the memory that argus.state.memory-limit \
                 leaves the operator, and are spilled with each"
            );
        }
        Ok(())
    }

    /// Makes sure that there is room for `n_rows` more keys.
    pub(super) fn make_room(&mut self, n_rows: usize) -> Result<()> {
        let n_more = self.store.keys.n_bytes_to_grow(n_rows);
        let must_spill = self.memory.as_ref().is_some_and(|memory| memory.must_spill(n_more));
        if !must_spill {
            return Ok(());
        }
        self.check_spilled()?;
        self.spill()
    }

    /// Spills what is too much to be sealed at once, where all of it would be.
    pub(super) fn make_room_to_seal(&mut self) -> Result<()> {
        let is_much = self.memory.as_ref().is_some_and(|memory| memory.is_much());
        if self.begins_chain && is_much { self.spill() } else { Ok(()) }
    }

    /// Writes all keys in memory to a run.
    fn spill(&mut self) -> Result<()> {
        if self.store.keys.is_empty() {
            return Ok(());
        }
        match self.write_run() {
            Ok(run) => self.forget(run),
            Err(error) => StateMemory::bear(self.memory.as_mut(), error),
        }
    }

    fn write_run(&self) -> Result<KeyRun> {
        let mut writer = self.run_writer(0);
        writer.add(&self.layout, &self.store, self.memory.as_ref())?;
        writer.finish()
    }

    fn run_writer(&self, level: u8) -> KeyRunWriter {
        KeyRunWriter::new(SortedRunWriter::new(&self.options.context, Pass::next(level)))
    }

    /// Drops what is in memory: it lies in that run.
    fn forget(&mut self, run: KeyRun) -> Result<()> {
        self.spilled.runs.push(run);
        self.store = self.empty_store(self.options.context.is_tracked)?;
        self.turns = Vec::new();
        self.begins_chain = true;
        if let Some(memory) = &mut self.memory {
            memory.has_spilled();
        }
        self.begin_compaction();
        self.count_memory();
        Ok(())
    }

    /// Makes sure that there is more to spill than what finding the keys of one run takes.
    fn check_spilled(&self) -> Result<()> {
        let Some(memory) = &self.memory else { return Ok(()) };
        let most = self.spilled.runs.iter().map(|run| run.run.n_bytes() as u64).max();
        let most = most.unwrap_or(0);
        if most <= memory.n_bytes() / MOST_PART {
            return Ok(());
        }
        let kib = |n_bytes: u64| n_bytes.div_ceil(1 << 10);
        let message = format!(
            "to find the keys of a GROUP BY without a window on disk takes {} KiB of memory in \
             this subtask, more than half of the {} KiB that argus.state.memory-limit leaves it: \
             raise the limit, or let keys be forgotten by table.exec.state.ttl",
            kib(most),
            kib(memory.n_bytes())
        );
        Err(Error::user("AR5303", message))
    }

    /// Begins to merge runs, if that is due.
    fn begin_compaction(&mut self) {
        let max_bytes = self.memory.as_ref().map_or(u64::MAX, |memory| memory.max_bytes());
        let due = self.spilled.due(max_bytes).filter(|_| self.spilled.compaction.is_none());
        let Some(inputs) = due else { return };
        let runs = &self.spilled.runs[inputs.clone()];
        let n_bytes: u64 = runs.iter().map(|run| run.run.n_row_bytes()).sum();
        let ranges = cut_hashes(
            runs.iter().filter_map(|run| run.run.hashes()),
            n_bytes.div_ceil(step_bytes(self.memory.as_ref())),
        );
        let level = runs.iter().map(|run| run.run.pass.level).max().unwrap_or(0);
        let writer = self.run_writer(level.saturating_add(1));
        self.spilled.compaction = Some(Compaction { inputs, ranges, writer });
    }

    /// Goes on with a compaction that is under way.
    pub(super) fn compact(&mut self) -> Result<()> {
        let Some(mut compaction) = self.spilled.compaction.take() else { return Ok(()) };
        let done = match self.compact_range(&mut compaction) {
            Ok(true) => {
                self.spilled.compaction = Some(compaction);
                return Ok(());
            }
            Ok(false) => self.end_compaction(compaction),
            Err(error) => Err(error),
        };
        done.or_else(|error| StateMemory::bear(self.memory.as_mut(), error))
    }

    /// Merges and writes the next range; `false` where there is none.
    fn compact_range(&self, compaction: &mut Compaction) -> Result<bool> {
        let Compaction { inputs, ranges, writer } = compaction;
        let Some(hashes) = ranges.pop_front() else { return Ok(false) };
        let mut merged = self.empty_store(false)?;
        let mut gone = Vec::new();
        for run in self.spilled.runs[inputs.clone()].iter().rev() {
            run.run.read(&hashes, |rows| {
                merged.insert_new(&self.layout, self.dates, rows, &mut gone)
            })?;
        }
        gone.into_iter().for_each(|slot| merged.keys.remove(slot));
        writer.add(&self.layout, &merged, self.memory.as_ref())?;
        Ok(true)
    }

    /// Puts what was written in the place of what it was merged from.
    fn end_compaction(&mut self, compaction: Compaction) -> Result<()> {
        let Compaction { inputs, writer, .. } = compaction;
        let written = writer.finish()?;
        let written = written.run.hashes().is_some().then_some(written);
        self.spilled.runs.splice(inputs, written);
        self.begin_compaction();
        Ok(())
    }
}

/// Cuts what lies between the least and the greatest of all hashes into `n_ranges` of the same
/// size.
fn cut_hashes(
    hashes: impl Iterator<Item = RangeInclusive<u64>>,
    n_ranges: u64,
) -> VecDeque<RangeInclusive<u64>> {
    let all =
        hashes.reduce(|one, other| *one.start().min(other.start())..=*one.end().max(other.end()));
    let Some((first, last)) = all.map(RangeInclusive::into_inner) else { return VecDeque::new() };
    let width = ((last - first) / n_ranges.max(1)).max(1);
    let mut ranges = VecDeque::new();
    let mut start = first;
    while last - start >= width {
        ranges.push_back(start..=start + (width - 1));
        start += width;
    }
    ranges.push_back(start..=last);
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_hashes_lie_side_by_side() {
        for (all, n_ranges) in
            [(0..=u64::MAX, 7), (5..=5, 3), (10..=19, 4), (u64::MAX - 3..=u64::MAX, 9)]
        {
            let ranges = cut_hashes([all.clone()].into_iter(), n_ranges);
            assert_eq!(
                (ranges[0].start(), ranges[ranges.len() - 1].end()),
                (all.start(), all.end())
            );
            for (one, next) in ranges.iter().zip(ranges.iter().skip(1)) {
                assert_eq!(one.end() + 1, *next.start());
            }
            assert!(ranges.len() as u64 <= n_ranges + 2, "{ranges:?}");
        }
        assert!(cut_hashes([].into_iter(), 3).is_empty());
    }
}
