//! Firing: which window is next, what it is made of, and how its groups leave piece by piece.
//!
//! What lies in memory is merged at once. A window of which anything was spilled, or whose merge
//! would not fit into the memory that the state may take, is merged and emitted range by range of
//! key groups; see `window_spill`.

use std::sync::Arc;

use argus_base::batch::{Batch, MAX_BATCH_ROWS};
use argus_base::{Error, Result};
use argus_plan::WindowKind;
use argus_plan::graph::WindowProperty;
use argus_state::SliceKey;
use argus_state::slice_store::Slice;
use arrow_array::{ArrayRef, TimestampMillisecondArray};
use arrow_schema::DataType;

use super::window_aggregate::{Accumulators, WindowAggregator};
use super::window_spill::RangedWindow;
use super::window_state::slice_bytes;
use super::{Emission, Output};
use crate::aggregate::Slots;

/// A window on its way out.
pub(crate) struct Firing {
    start: i64,
    end: i64,
    contents: Contents,
    /// Groups emitted so far, of those that are merged.
    position: usize,
}

/// What a firing window reads.
enum Contents {
    /// A slice of its own.
    Own(Slice<Accumulators>),
    /// The running merge of a CUMULATE window.
    Cumulated,
    /// Slices of which parts were spilled.
    Ranges(Box<RangedWindow>),
}

impl Firing {
    /// Bytes held besides the slices that live.
    pub fn n_bytes(&self) -> usize {
        match &self.contents {
            Contents::Own(slice) => slice_bytes(slice),
            Contents::Cumulated => 0,
            Contents::Ranges(window) => slice_bytes(&window.merged),
        }
    }
}

impl WindowAggregator {
    /// Emits a piece of the window on its way out, or of the next one that the progress closed.
    pub(super) fn fire(&mut self, output: &mut Output) -> Result<Emission> {
        let firing = match self.firing.take() {
            Some(firing) => Some(firing),
            None => self.next_firing()?,
        };
        let Some(firing) = firing else { return Ok(Emission::Done) };
        let window = SliceKey { end: firing.end, start: firing.start };
        self.firing = self.piece(firing, output)?;
        match &self.firing {
            None => self.finish_window(window),
            Some(Firing { position: 0, .. }) => self.recount(),
            Some(_) => {}
        }
        Ok(Emission::More)
    }

    /// Takes the next window that the progress has closed.
    fn next_firing(&mut self) -> Result<Option<Firing>> {
        let Some(key) = self.next_window() else { return Ok(None) };
        if !self.has_fired(key.end) {
            return Ok(None);
        }
        self.last_fired_end = key.end;
        let slices = self.slices_of(key);
        let contents = match self.slicer.window().kind {
            _ if self.is_spilled(&slices) => Contents::Ranges(self.ranged(slices)?),
            WindowKind::Cumulate { .. } if !self.slicer.is_attached() => {
                if self.absorb(key.end, &slices)? {
                    Contents::Cumulated
                } else {
                    Contents::Ranges(self.ranged(self.slices_of(key))?)
                }
            }
            WindowKind::Hop { .. } if !self.slicer.is_attached() => {
                if self.has_room_to_merge(&slices) {
                    Contents::Own(self.merged(&slices)?)
                } else {
                    Contents::Ranges(self.ranged(slices)?)
                }
            }
            _ => {
                let slice = self.store.remove(key);
                Contents::Own(slice.ok_or_else(|| Error::bug("a window fires without its slice"))?)
            }
        };
        Ok(Some(Firing { start: key.start, end: key.end, contents, position: 0 }))
    }

    /// Start and end of the first window that has rows and has not fired.
    fn next_window(&self) -> Option<SliceKey> {
        let first = self.store.first();
        if self.slicer.is_attached() {
            return first;
        }
        let window = self.slicer.window();
        let slice = window.kind.slice();
        let after_last = self.last_fired_end.saturating_add(slice);
        let end = match window.kind {
            WindowKind::Tumble { .. } => first?.end,
            WindowKind::Hop { .. } => first?.end.max(after_last),
            WindowKind::Cumulate { .. } => {
                let grown = self.cumulated.as_ref().map(|_| after_last);
                let fresh = first.map(|key| key.end.max(after_last));
                grown.into_iter().chain(fresh).min()?
            }
        };
        Some(SliceKey { end, start: window.window_start(end) })
    }

    /// The slices that a window is made of; of CUMULATE those besides the running merge.
    fn slices_of(&self, window: SliceKey) -> Vec<SliceKey> {
        match self.slicer.window().kind {
            WindowKind::Tumble { .. } => vec![window],
            _ if self.slicer.is_attached() => vec![window],
            WindowKind::Hop { .. } | WindowKind::Cumulate { .. } => {
                self.store.ending_in(window.start, window.end)
            }
        }
    }

    /// The merge of some slices, which stay.
    fn merged(&mut self, slices: &[SliceKey]) -> Result<Slice<Accumulators>> {
        let mut merged = Slice::new(self.spec.accumulators()?);
        for key in slices {
            if let Some(slice) = self.store.get(*key) {
                merge(&mut merged, slice, &mut self.scratch.groups)?;
            }
        }
        Ok(merged)
    }

    /// Adds slices to the running merge of the CUMULATE window that ends at `end`. `false` where
    /// there was no room: then something has been spilled.
    fn absorb(&mut self, end: i64, slices: &[SliceKey]) -> Result<bool> {
        if !self.make_room_to_absorb(slices)? {
            return Ok(false);
        }
        let last_end = self.last_end(end);
        let is_same = self.cumulated.as_ref().is_some_and(|(known, _)| *known == last_end);
        if !is_same {
            self.cumulated = Some((last_end, Slice::new(self.spec.accumulators()?)));
        }
        for key in slices {
            let (Some(slice), Some((_, merged))) = (self.store.remove(*key), &mut self.cumulated)
            else {
                continue;
            };
            merge(merged, &slice, &mut self.scratch.groups)?;
            if self.context.is_tracked {
                merged.dirty.mark(&self.scratch.groups, merged.keys.len());
            }
        }
        self.recount();
        Ok(true)
    }

    /// End of the longest CUMULATE window that the one ending at `end` grows to.
    fn last_end(&self, end: i64) -> i64 {
        let window = self.slicer.window();
        window.window_start(end).saturating_add(window.kind.size())
    }

    /// Drops what no window needs any more after one that has left.
    fn finish_window(&mut self, window: SliceKey) {
        let end = window.end;
        let is_last = self.cumulated.as_ref().is_some_and(|(last_end, _)| *last_end == end);
        if is_last {
            self.cumulated = None;
        }
        for key in self.expired_after(window) {
            self.store.remove(key);
        }
        self.recount();
    }

    /// The slices whose last window was that one, or one before.
    fn expired_after(&self, window: SliceKey) -> Vec<SliceKey> {
        let until = match self.slicer.window().kind {
            _ if self.slicer.is_attached() => return vec![window],
            WindowKind::Tumble { .. } => return vec![window],
            WindowKind::Hop { slide, size } => window.end.saturating_sub(size - slide),
            WindowKind::Cumulate { .. } if self.last_end(window.end) == window.end => window.end,
            WindowKind::Cumulate { .. } => return Vec::new(),
        };
        let mut slices = self.store.ending_in(i64::MIN, until);
        // On a zone's clock a window may fire before one that ends earlier: then the slice stays
        // until that has fired too.
        slices.retain(|key| self.has_fired(self.slicer.window().last_window_end(key.end)));
        slices
    }

    /// Emits a piece of a window; `None` when it has left.
    fn piece(&mut self, mut firing: Firing, output: &mut Output) -> Result<Option<Firing>> {
        if let Contents::Ranges(window) = &mut firing.contents
            && firing.position == window.merged.keys.len()
        {
            firing.position = 0;
            let has_more = self.merge_next(window)?;
            return Ok(has_more.then_some(firing));
        }
        let (contents, is_all) = match (&firing.contents, &self.cumulated) {
            (Contents::Own(slice), _) | (Contents::Cumulated, Some((_, slice))) => (slice, true),
            (Contents::Ranges(window), _) => (&window.merged, false),
            (Contents::Cumulated, None) => {
                return Err(Error::bug("a CUMULATE window lost its rows"));
            }
        };
        let until = contents.keys.len().min(firing.position + MAX_BATCH_ROWS);
        let range = firing.position..until;
        let keys = range.clone().map(|slot| contents.keys.key(slot));
        let mut columns = self.spec.codec.decode(keys)?;
        for accumulator in &contents.values {
            columns.push(accumulator.read(&Slots::Range(range.clone()))?);
        }
        let is_over = is_all && until == contents.keys.len();
        let n_rows = range.len();
        for property in &self.spec.aggregate.properties {
            columns.push(self.property(*property, &firing, n_rows, columns.len()));
        }
        output.push(Batch::inserts(super::record_batch(&self.schema, columns, n_rows)?));
        firing.position = until;
        Ok((!is_over).then_some(firing))
    }

    fn property(
        &self,
        property: WindowProperty,
        firing: &Firing,
        n_rows: usize,
        position: usize,
    ) -> ArrayRef {
        let value = match property {
            WindowProperty::Start => firing.start,
            WindowProperty::End => firing.end,
            WindowProperty::Time => self.slicer.time_line.instant_of(firing.end - 1),
        };
        let data_type: DataType = self.schema.field(position).data_type().clone();
        Arc::new(TimestampMillisecondArray::from(vec![value; n_rows]).with_data_type(data_type))
    }
}

fn merge(
    into: &mut Slice<Accumulators>,
    from: &Slice<Accumulators>,
    groups: &mut Vec<u32>,
) -> Result<()> {
    let keys = (0..from.keys.len()).map(|slot| from.keys.key(slot));
    into.keys.find_or_insert_all(keys, groups);
    for (target, source) in into.values.iter_mut().zip(&from.values) {
        target.resize(into.keys.len());
        target.merge(groups, &source.partial(&Slots::Range(0..from.keys.len()))?)?;
    }
    Ok(())
}
