//! Sealing and restoring a window aggregation.
//!
//! A slice never comes back once it was removed: it is removed only after the last window that
//! holds it has fired, `has_fired` never turns false again, and rows of a slice whose last window
//! has fired are late (or, of a CUMULATE slice that has fired, are added to the next one). So the
//! list of living slices tells which rows are alive.
//!
//! The running merge of CUMULATE is a slice of its own, from the beginning of time to the end of
//! the longest window it grows to.

use std::collections::BTreeSet;

use argus_base::{Error, Result};
use argus_plan::WindowKind;
use argus_plan::graph::WindowSource;
use argus_state::SliceKey;
use argus_state::dirty::Turns;
use argus_state::snapshot::{RestoredPart, RestoredState, Run, Sealed, is_too_long};
use argus_state::spill::SliceRun;
use arrow_array::RecordBatch;

use super::spilling::{in_memory, ranges_to_restore};
use super::window_aggregate::{WindowAggregator, get_slice};
use super::window_state::{rows_by_slice, slice_bytes};

/// Scalar: event or processing time up to which windows have fired. How far the windows of one
/// advance of time have come is not state: at a barrier all of them have left.
const PROGRESS: &str = "progress";

/// Start of the running merge of CUMULATE, which no slice of rows has.
pub(super) const CUMULATED_START: i64 = i64::MIN;

impl WindowAggregator {
    /// What changed since the last seal, and the part of the rest whose turn it is.
    pub(super) fn seal_state(&mut self) -> Result<Sealed> {
        if self.firing.is_some() {
            return Err(Error::bug("a barrier overtook a window on its way out"));
        }
        let turns = self.turns();
        let mut sealed = Sealed {
            scalars: vec![(PROGRESS.to_owned(), self.progress)],
            n_turns: turns.n,
            ..Sealed::default()
        };
        let cumulated = self.cumulated.as_mut().map(|(end, slice)| {
            let start = CUMULATED_START;
            (SliceKey { end: *end, start }, slice)
        });
        let slices = self.store.iter_mut().map(|(key, slice)| (*key, slice));
        for (key, slice) in slices.chain(cumulated) {
            let n_keys = slice.keys.len();
            let slots = slice.dirty.take(turns, n_keys);
            sealed.rows.extend(self.layout.rows(key, slice, &slots)?);
            sealed.live.push(key);
            slice.runs.iter().for_each(|run| add_run(&mut sealed.runs, &run.run));
            sealed.n_keys += n_keys as u64;
            sealed.n_bytes += slice_bytes(slice) as u64;
        }
        Ok(sealed)
    }

    /// Which slots are sealed besides those that changed.
    fn turns(&mut self) -> Turns {
        if std::mem::take(&mut self.begins_chain) || !self.context.is_tracked {
            return self.rotation.all();
        }
        let (mut n_dirty, mut n_slots) = (0, 0);
        let cumulated = self.cumulated.iter().map(|(_, slice)| slice);
        for slice in self.store.iter().map(|(_, slice)| slice).chain(cumulated) {
            n_dirty += slice.dirty.n_dirty();
            n_slots += slice.keys.len() as u64;
        }
        self.rotation.advance(n_dirty, n_slots)
    }

    /// Takes over what former subtasks had. Nothing of it is dirty: the chain it came from stays
    /// until every slot has had its turn to be sealed again.
    ///
    /// Chains of several subtasks do not make one: a section that several of them share has rows
    /// of all, and is older than some and newer than others. Then the next seal begins anew.
    pub(super) fn restore_state(&mut self, state: RestoredState) -> Result<()> {
        self.layout.allows_loss = state.allows_loss;
        for part in &state.parts {
            // Equal in all parts: every sender broadcasts its watermarks and ticks, and a barrier
            // is aligned, so all subtasks had seen the same ones before it.
            self.progress = self.progress.max(part.scalar(PROGRESS).unwrap_or(i64::MIN));
            self.restore_runs(part)?;
            self.restore_chain(part)?;
        }
        if self.is_cumulate() {
            let cumulated = self.cumulated_key();
            self.cumulated = cumulated.and_then(|key| Some((key.end, self.store.remove(key)?)));
        }
        let n_keys = self.store.iter().map(|(_, slice)| slice.keys.len()).sum();
        let n_rows = state.parts.iter().map(RestoredPart::n_chained_rows).sum();
        // Rows with other aggregates must not be found again.
        if state.parts.len() > 1 || state.allows_loss || is_too_long(n_rows, n_keys) {
            self.begins_chain = true;
            self.make_room_to_seal()?;
        }
        Ok(())
    }

    fn is_cumulate(&self) -> bool {
        let window = &self.spec.aggregate.window;
        let is_assigned = matches!(window, WindowSource::Assign(_));
        is_assigned && matches!(window.window().kind, WindowKind::Cumulate { .. })
    }

    fn cumulated_key(&self) -> Option<SliceKey> {
        let mut keys = self.store.iter().map(|(key, _)| *key);
        keys.find(|key| key.start == CUMULATED_START)
    }

    /// Takes over runs, of which nobody says which slices they hold: all that live may need them.
    /// They are read where they lie when a window fires.
    fn restore_runs(&mut self, part: &RestoredPart) -> Result<()> {
        for stored in &part.runs {
            let (section, groups) = (stored.section, part.groups.clone());
            let (n_rows, n_bytes) = stored.segment.size(section, groups.clone());
            let n_bytes = in_memory(n_rows, n_bytes);
            for key in &part.live {
                let (run, groups) = (Run::Stored(stored.clone()), groups.clone());
                let slice = get_slice(&mut self.store, *key, &self.spec)?;
                slice.runs.push(SliceRun { run, section, groups, n_bytes, pass: None });
            }
        }
        Ok(())
    }

    /// Takes over a chain, by ranges of key groups where it may not fit into memory as a whole:
    /// between two ranges, and only there, the keys in memory are complete and can be spilled.
    fn restore_chain(&mut self, part: &RestoredPart) -> Result<()> {
        let live: BTreeSet<SliceKey> = part.live.iter().copied().collect();
        let memory = self.memory.as_ref();
        for groups in ranges_to_restore(memory, &part.groups, part.chain.iter()) {
            for section in part.chain.iter().rev() {
                for rows in section.rows(groups.clone()) {
                    self.restore_rows(&rows?, &live)?;
                }
            }
            self.recount();
            self.make_room_for_others()?;
        }
        Ok(())
    }

    /// Adds the rows of living slices whose keys no newer row has brought. Keys of other parts are
    /// others, so those that are there came from this one.
    fn restore_rows(&mut self, rows: &RecordBatch, live: &BTreeSet<SliceKey>) -> Result<()> {
        self.layout.check(&rows.schema())?;
        for (key, indices) in rows_by_slice(rows)? {
            if live.contains(&key) {
                let slice = get_slice(&mut self.store, key, &self.spec)?;
                self.layout.insert_new(slice, rows, &indices)?;
            }
        }
        Ok(())
    }
}

/// Adds a run, unless it is there already: slices share runs.
fn add_run(runs: &mut Vec<Run>, run: &Run) {
    let is_same = |known: &Run| match (known, run) {
        (Run::Spilled(known), Run::Spilled(run)) => known.path == run.path,
        (Run::Stored(known), Run::Stored(run)) => known.reference() == run.reference(),
        _ => false,
    };
    if !runs.iter().any(is_same) {
        runs.push(run.clone());
    }
}
