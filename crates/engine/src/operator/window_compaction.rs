//! Compaction: runs of a slice that many passes have written are merged into runs of one pass.
//!
//! A key that is updated again and again is in every run between two of which the state was
//! spilled, so without compaction a long window would take as much of the disk as its input. As
//! soon as [`MAX_PASSES`] passes of one level have written runs of a slice they become one of the
//! next level. So there are at most so many copies of a key on each of a few levels, and each copy
//! is written once a level.
//!
//! A pass over a slice goes on range by range of key groups, one with each batch that comes in. If
//! the slice fires meanwhile what was done is dropped; if nothing can be written it is tried again
//! after the next spilling.

use argus_base::{Error, ErrorKind, Result};
use argus_state::slice_store::Slice;
use argus_state::spill::{Pass, RunWriter, SliceRun};
use argus_state::{KeyTable, SliceKey};

use super::window_aggregate::{Accumulators, WindowAggregator};
use super::window_spill::RangedWindow;

/// Passes of one level that may have written runs of a slice.
const MAX_PASSES: usize = 8;

/// Bytes of state that are merged with a batch, about; a key group at least.
pub(super) const RANGE_BYTES: u64 = 16 << 20;

/// A slice whose runs are being merged.
pub(crate) struct Compaction {
    key: SliceKey,
    /// The newest of the passes that are merged.
    last: Pass,
    window: RangedWindow,
    writer: RunWriter,
}

impl WindowAggregator {
    /// Begins to merge runs of a slice that has too many, if one has.
    pub(super) fn begin_compaction(&mut self) -> Result<()> {
        if self.compaction.is_some() {
            return Ok(());
        }
        let due =
            self.slices().find_map(|(key, slice)| Some((key, last_due(passes_of(&slice.runs))?)));
        let Some((key, last)) = due else { return Ok(()) };
        let Some(slice) = self.slice(key) else { return Ok(()) };
        let inputs = slice.runs.iter().filter(|run| is_input(run, last));
        let inputs: Vec<SliceRun> = inputs.cloned().collect();
        let nothing = KeyTable::default().grouped(self.context.max_parallelism);
        let mut window = RangedWindow::new(self.spec.accumulators()?);
        window.add(key, nothing, 0, &inputs);
        window.cut(RANGE_BYTES);
        let writer = RunWriter::new(&self.context, Pass::next(last.level + 1));
        self.compaction = Some(Compaction { key, last, window, writer });
        Ok(())
    }

    /// Goes on with a compaction that is under way.
    pub(super) fn compact(&mut self) -> Result<()> {
        let Some(mut compaction) = self.compaction.take() else { return Ok(()) };
        if self.slice(compaction.key).is_none() {
            return self.begin_compaction();
        }
        let done = match self.compact_range(&mut compaction) {
            Ok(true) => {
                self.compaction = Some(compaction);
                return Ok(());
            }
            Ok(false) => self.end_compaction(compaction),
            Err(error) => Err(error),
        };
        match done {
            Err(error) if error.kind() == ErrorKind::Transient => {
                if let Some(memory) = &mut self.memory {
                    memory.has_failed(&error);
                }
                Ok(())
            }
            done => done,
        }
    }

    /// Merges and writes the next range; `false` where there is none.
    fn compact_range(&mut self, compaction: &mut Compaction) -> Result<bool> {
        let Compaction { key, window, writer, .. } = compaction;
        if !self.merge_next(window)? {
            return Ok(false);
        }
        let merged = std::mem::replace(&mut window.merged, Slice::new(Accumulators::new()));
        self.write_slice(*key, &merged, writer)?;
        Ok(true)
    }

    /// Puts what was written in the place of what it was merged from.
    fn end_compaction(&mut self, compaction: Compaction) -> Result<()> {
        let Compaction { key, last, writer, .. } = compaction;
        let written = writer.finish()?.into_iter().map(|(_, run)| run);
        let slice = self.slice_mut(key).ok_or_else(|| Error::bug("a slice vanished"))?;
        // The inputs lie together: older runs have greater levels, newer ones greater numbers.
        let place = slice.runs.iter().position(|run| is_input(run, last));
        let place = place.unwrap_or(slice.runs.len());
        slice.runs.retain(|run| !is_input(run, last));
        slice.runs.splice(place..place, written);
        self.begin_compaction()
    }
}

/// Whether a run is merged.
fn is_input(run: &SliceRun, last: Pass) -> bool {
    run.pass.is_some_and(|pass| is_merged(pass, last))
}

fn passes_of(runs: &[SliceRun]) -> Vec<Pass> {
    runs.iter().filter_map(|run| run.pass).collect()
}

/// Whether a pass is of the level of the last one that is merged, and not newer.
pub(super) fn is_merged(pass: Pass, last: Pass) -> bool {
    pass.level == last.level && pass.number <= last.number
}

/// The newest pass of the lowest level of which there are too many.
pub(super) fn last_due(mut passes: Vec<Pass>) -> Option<Pass> {
    passes.sort_unstable();
    passes.dedup();
    let of_level = passes.chunk_by(|one, other| one.level == other.level);
    of_level.filter(|passes| passes.len() >= MAX_PASSES).find_map(|passes| passes.last().copied())
}
