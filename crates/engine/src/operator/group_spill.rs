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
//! Many runs of one level are merged into one of the next, range by range of key groups, a range
//! with each batch. Nothing says in a run that a key was forgotten: its last row there is older
//! than the one that was, so it has expired too.

use std::collections::VecDeque;
use std::ops::Range;

use argus_base::key_group::key_hash;
use argus_base::{Error, ErrorKind, Result};
use argus_state::key_codec::EncodedKeys;
use argus_state::snapshot::Run;
use argus_state::sorted_run::{SortedRun, SortedRunWriter, Wanted};
use argus_state::spill::{Pass, StateContext};

use super::group_aggregate::GroupAggregator;
use super::group_store::{KeyedStore, UNDATED};
use super::window_compaction::{RANGE_BYTES, is_merged, last_due};
use super::window_spill::{PIECE_BYTES, cut};
use super::window_state::{MAX_ROWS, StateLayout};

/// Keys on disk, and what is known of them in memory.
#[derive(Default)]
pub(super) struct SpilledKeys {
    /// Oldest first.
    runs: Vec<SortedRun>,
    compaction: Option<Compaction>,
    /// Stands for the time of keys of which nobody knew it at the start.
    undated: Option<i64>,
}

/// Runs that are being merged.
struct Compaction {
    /// The newest of the passes.
    last: Pass,
    /// Not merged yet.
    ranges: VecDeque<Range<u16>>,
    writer: SortedRunWriter,
}

impl SpilledKeys {
    /// The greatest level of a run.
    #[cfg(test)]
    pub fn max_level(&self) -> u8 {
        self.runs.iter().map(|run| run.pass.level).max().unwrap_or(0)
    }

    /// Bytes held in memory.
    pub fn n_bytes(&self) -> usize {
        let runs: usize = self.runs.iter().map(SortedRun::n_bytes).sum();
        runs + self.compaction.as_ref().map_or(0, |compaction| compaction.writer.n_bytes())
    }

    /// All files, oldest first.
    pub fn files(&self) -> Vec<Run> {
        self.runs.iter().flat_map(SortedRun::files).map(|file| file.run.clone()).collect()
    }

    /// Brings the keys of those rows into memory that are new there and lie in a run; `is_new`
    /// says which rows, once a key, and then which of them were not found.
    pub fn take_back(
        &mut self,
        (store, layout): (&mut KeyedStore, &StateLayout),
        (keys, slots): (&EncodedKeys, &[u32]),
        is_new: &mut [bool],
        now: i64,
    ) -> Result<()> {
        let undated = *self.undated.get_or_insert(now);
        if self.runs.is_empty() {
            return Ok(());
        }
        let key_of = |row: u32| keys.key(row as usize);
        let rows = (0_u32..).zip(&*is_new).filter(|(_, is_new)| **is_new);
        let mut wanted: Vec<Wanted> = rows.map(|(row, _)| (key_hash(key_of(row)), row)).collect();
        wanted.sort_unstable();
        for run in self.runs.iter().rev() {
            run.look_up(&wanted, key_of, |batch, of_rows| {
                let all: Vec<u32> = (0..).take(of_rows.len()).collect();
                let slots: Vec<u32> = of_rows.iter().map(|row| slots[*row as usize]).collect();
                store.fill(layout, batch, &all, &slots)?;
                store.date(&slots, undated);
                of_rows.iter().for_each(|row| is_new[*row as usize] = false);
                Ok(())
            })?;
            wanted.retain(|(_, row)| is_new[*row as usize]);
        }
        Ok(())
    }

    /// Adds a run, newer than all others.
    fn push(&mut self, run: SortedRun) {
        self.runs.push(run);
    }

    /// Begins to merge runs, if there are too many of a level.
    fn begin_compaction(&mut self, context: &StateContext) {
        let due = last_due(self.runs.iter().map(|run| run.pass).collect());
        let Some(last) = due.filter(|_| self.compaction.is_none()) else { return };
        let inputs = self.runs.iter().filter(|run| is_merged(run.pass, last));
        let (mut groups, mut n_bytes, mut n_rows) = (Vec::new(), 0, 0);
        for run in inputs {
            n_rows += run.n_rows();
            for file in run.files() {
                groups.push(file.groups.clone());
                n_bytes += file.n_bytes;
            }
        }
        let ranges = cut(&groups, n_bytes.div_ceil(RANGE_BYTES));
        let n_keys = usize::try_from(n_rows).unwrap_or(usize::MAX);
        let writer = SortedRunWriter::new(context, Pass::next(last.level + 1), n_keys);
        self.compaction = Some(Compaction { last, ranges, writer });
    }
}

impl KeyedStore {
    /// Gives slots of which nobody knows when they got their last row that time.
    fn date(&mut self, slots: &[u32], time: i64) {
        for slot in slots {
            if let Some(updated) = self.updated.get_mut(*slot as usize)
                && *updated == UNDATED
            {
                *updated = time;
            }
        }
    }

    /// Writes those slots, which are in order of the hashes of their keys.
    fn write(
        &self,
        layout: &StateLayout,
        slots: &[u32],
        writer: &mut SortedRunWriter,
    ) -> Result<()> {
        let n_key_bytes = self.n_bytes().div_ceil(self.keys.len().max(1)).max(1);
        for slots in slots.chunks((PIECE_BYTES / n_key_bytes).clamp(1, MAX_ROWS)) {
            writer.add(&self.rows(layout, slots)?, (slots.len() * n_key_bytes) as u64)?;
        }
        Ok(())
    }
}

impl GroupAggregator {
    /// Makes sure that there is room for `n_rows` more keys.
    pub(super) fn make_room(&mut self, n_rows: usize) -> Result<()> {
        let n_more = self.store.keys.n_bytes_to_grow(n_rows);
        let must_spill = self.memory.as_ref().is_some_and(|memory| memory.must_spill(n_more));
        if must_spill { self.spill() } else { Ok(()) }
    }

    /// Writes all keys in memory to a run.
    pub(super) fn spill(&mut self) -> Result<()> {
        if self.store.keys.is_empty() {
            return Ok(());
        }
        match self.write_run() {
            Ok(run) => self.forget(run),
            Err(error) => self.bear(error),
        }
    }

    /// What cannot be written stays where it is.
    fn bear(&mut self, error: Error) -> Result<()> {
        if error.kind() != ErrorKind::Transient {
            return Err(error);
        }
        if let Some(memory) = &mut self.memory {
            memory.has_failed(&error);
        }
        Ok(())
    }

    fn write_run(&self) -> Result<SortedRun> {
        let context = &self.options.context;
        let mut writer = SortedRunWriter::new(context, Pass::next(0), self.store.keys.len());
        self.store.write(&self.layout, &self.store.keys.by_hash(), &mut writer)?;
        writer.finish()
    }

    /// Drops what is in memory: it lies in that run.
    fn forget(&mut self, run: SortedRun) -> Result<()> {
        self.spilled.push(run);
        self.store = self.empty_store(self.options.context.is_tracked)?;
        self.turns = Vec::new();
        self.begins_chain = true;
        if let Some(memory) = &mut self.memory {
            memory.has_spilled();
        }
        self.spilled.begin_compaction(&self.options.context);
        self.count_memory()
    }

    /// Goes on with a compaction that is under way.
    pub(super) fn compact(&mut self, now: i64) -> Result<()> {
        let Some(mut compaction) = self.spilled.compaction.take() else { return Ok(()) };
        let done = match self.compact_range(&mut compaction, now) {
            Ok(true) => {
                self.spilled.compaction = Some(compaction);
                Ok(())
            }
            Ok(false) => self.end_compaction(compaction),
            Err(error) => Err(error),
        };
        done.or_else(|error| self.bear(error))
    }

    /// Merges and writes the next range; `false` where there is none.
    fn compact_range(&self, compaction: &mut Compaction, now: i64) -> Result<bool> {
        let Compaction { last, ranges, writer } = compaction;
        let Some(groups) = ranges.pop_front() else { return Ok(false) };
        let mut merged = self.empty_store(false)?;
        for run in self.spilled.runs.iter().rev().filter(|run| is_merged(run.pass, *last)) {
            for file in run.files() {
                let groups = groups.start.max(file.groups.start)..groups.end.min(file.groups.end);
                if groups.is_empty() {
                    continue;
                }
                for rows in file.open()?.read_state(file.section, groups) {
                    merged.insert_new(&self.layout, &rows?, &mut Vec::new())?;
                }
            }
        }
        let mut slots = merged.keys.by_hash();
        if let Some(ttl) = self.ttl {
            slots.retain(|slot| !merged.is_expired(*slot, now, ttl));
        }
        merged.write(&self.layout, &slots, writer)?;
        Ok(true)
    }

    /// Puts what was written in the place of what it was merged from.
    fn end_compaction(&mut self, compaction: Compaction) -> Result<()> {
        let Compaction { last, writer, .. } = compaction;
        let written = writer.finish()?;
        let runs = &mut self.spilled.runs;
        // The inputs lie together: older runs have greater levels, newer ones greater numbers.
        let place = runs.iter().position(|run| is_merged(run.pass, last)).unwrap_or(runs.len());
        runs.retain(|run| !is_merged(run.pass, last));
        if written.n_rows() > 0 {
            runs.insert(place, written);
        }
        self.spilled.begin_compaction(&self.options.context);
        Ok(())
    }
}
