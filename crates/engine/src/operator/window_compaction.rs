//! Compaction: runs of a slice that many passes have written are merged into runs of one pass.
//!
//! A key that is updated again and again is in every run between two of which the state was
//! spilled, so without compaction a long window would take as much of the disk as its input. As
//! soon as some passes of one level have written runs of a slice they become one of the
//! next level. So there are at most so many copies of a key on each of a few levels, and each copy
//! is written once a level.
//!
//! A pass over a slice goes on range by range of key groups, one with each batch that comes in. If
//! the slice fires meanwhile what was done is dropped; if nothing can be written it is tried again
//! after the next spilling.

use argus_base::{Error, Result};
use argus_state::slice_store::Slice;
use argus_state::spill::{Pass, RunWriter, SliceRun};
use argus_state::{KeyTable, SliceKey};

use super::spilling::{is_merged, last_due, step_bytes};
use super::state_memory::StateMemory;
use super::window_aggregate::{Accumulators, WindowAggregator};
use super::window_spill::RangedWindow;

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
        window.cut(step_bytes(self.memory.as_ref()));
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
        done.or_else(|error| StateMemory::bear(self.memory.as_mut(), error))
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
