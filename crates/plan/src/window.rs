//! Windows of the TVFs and the slices they are made of.
//!
//! A window is `[start, end)` in milliseconds of its own time line: the instant for a TIMESTAMP
//! column, the wall clock of the session zone for TIMESTAMP_LTZ. A slice is the largest interval
//! that no window of the kind cuts: rows are accumulated by slice, a window is a run of slices.
//!
//! | kind | slice | windows that hold slice [a, a + slice) |
//! |---|---|---|
//! | TUMBLE(size) | size | [a, a + size) |
//! | HOP(slide, size) | slide | the size / slide windows that end at a + slide, a + 2 slide … |
//! | CUMULATE(step, size) | step | from the base that holds a, ending at a + step … base + size |
//!
//! Source of the semantics: Flink's slicing window operators (`SliceAssigners`).

/// What kind of windows, sizes in milliseconds. Built by [`WindowKind::tumble`] and its like, so
/// sizes are positive and multiples where they must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowKind {
    /// One window after the other.
    Tumble {
        /// Length.
        size: i64,
    },
    /// Overlapping windows, one every `slide`.
    Hop {
        /// Distance of starts; divides `size` wherever rows are aggregated.
        slide: i64,
        /// Length.
        size: i64,
    },
    /// Windows that grow by `step` from a common start until `size`.
    Cumulate {
        /// Growth; divides `size`.
        step: i64,
        /// Greatest length.
        size: i64,
    },
}

/// Windows over a time attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Kind and sizes.
    pub kind: WindowKind,
    /// Shift of all starts, in milliseconds; its absolute value is below the size.
    pub offset: i64,
    /// What time the windows are cut on.
    pub time: WindowTime,
}

/// The time line of windows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WindowTime {
    /// Event time of a TIMESTAMP column: instants read as they are.
    Event {
        /// Position of the time attribute in the input.
        column: usize,
    },
    /// Event time of a TIMESTAMP_LTZ column: wall clock of the zone.
    EventLocal {
        /// Position of the time attribute in the input.
        column: usize,
        /// IANA name of the session zone.
        zone: String,
    },
    /// Processing time: wall clock of the zone, from the in-band ticks.
    Processing {
        /// IANA name of the session zone.
        zone: String,
    },
}

impl WindowTime {
    /// Position of the event-time column.
    pub fn column(&self) -> Option<usize> {
        match self {
            WindowTime::Event { column } | WindowTime::EventLocal { column, .. } => Some(*column),
            WindowTime::Processing { .. } => None,
        }
    }

    /// The zone whose wall clock cuts the windows, where one does.
    pub fn zone(&self) -> Option<&str> {
        match self {
            WindowTime::Event { .. } => None,
            WindowTime::EventLocal { zone, .. } | WindowTime::Processing { zone } => Some(zone),
        }
    }
}

impl WindowKind {
    /// TUMBLE.
    pub fn tumble(size: i64) -> Result<WindowKind, String> {
        positive("size", size)?;
        Ok(WindowKind::Tumble { size })
    }

    /// HOP.
    pub fn hop(slide: i64, size: i64) -> Result<WindowKind, String> {
        positive("slide", slide)?;
        positive("size", size)?;
        if size % slide != 0 {
            return Err(format!(
                "HOP table function based aggregate requires size must be an integral multiple of \
                 slide, but got size {size} ms and slide {slide} ms"
            ));
        }
        Ok(WindowKind::Hop { slide, size })
    }

    /// HOP as a table of its own: a bare TVF has no slices, so any size will do.
    pub fn hop_table(slide: i64, size: i64) -> Result<WindowKind, String> {
        positive("slide", slide)?;
        positive("size", size)?;
        Ok(WindowKind::Hop { slide, size })
    }

    /// CUMULATE.
    pub fn cumulate(step: i64, size: i64) -> Result<WindowKind, String> {
        positive("step", step)?;
        positive("size", size)?;
        if size % step != 0 {
            return Err(format!(
                "CUMULATE table function based aggregate requires maxSize must be an integral \
                 multiple of step, but got maxSize {size} ms and step {step} ms"
            ));
        }
        Ok(WindowKind::Cumulate { step, size })
    }

    /// Length of the windows; of the longest for CUMULATE.
    pub fn size(self) -> i64 {
        match self {
            WindowKind::Tumble { size }
            | WindowKind::Hop { size, .. }
            | WindowKind::Cumulate { size, .. } => size,
        }
    }

    /// Length of the slices.
    pub fn slice(self) -> i64 {
        match self {
            WindowKind::Tumble { size } => size,
            WindowKind::Hop { slide, .. } => slide,
            WindowKind::Cumulate { step, .. } => step,
        }
    }
}

fn positive(what: &str, value: i64) -> Result<(), String> {
    if value > 0 {
        Ok(())
    } else {
        Err(format!("the window {what} must be positive, but is {value} ms"))
    }
}

impl Window {
    /// End of the slice that holds `time`, in milliseconds of the windows' time line. Saturates at
    /// the ends of the time line.
    pub fn slice_end(&self, time: i64) -> i64 {
        slice_end(time, self.kind.slice(), self.offset)
    }

    /// End of the last window that holds the slice ending at `slice_end`: after it fired, a row of
    /// the slice is late.
    pub fn last_window_end(&self, slice_end: i64) -> i64 {
        match self.kind {
            WindowKind::Tumble { .. } => slice_end,
            WindowKind::Hop { slide, size } => slice_end.saturating_add(size - slide),
            WindowKind::Cumulate { step, size } => {
                let start = slice_end.saturating_sub(step);
                self.cumulate_base(start).saturating_add(size)
            }
        }
    }

    /// Ends of the windows that hold the slice, ascending, as first, step and last (inclusive).
    pub fn window_ends(&self, slice_end: i64) -> (i64, i64, i64) {
        (slice_end, self.kind.slice(), self.last_window_end(slice_end))
    }

    /// Ends of the windows that hold `time`, ascending, as first, step and last (inclusive); none
    /// where first is above last. Unlike slices this holds for every size of HOP.
    pub fn ends_of(&self, time: i64) -> (i64, i64, i64) {
        let WindowKind::Hop { slide, size } = self.kind else {
            return self.window_ends(self.slice_end(time));
        };
        let last_start = self.slice_end(time).saturating_sub(slide);
        let last_end = last_start.saturating_add(size);
        // Ends are above `time` and not further below the last one than whole slides.
        let n_before = (last_end.saturating_sub(time) - 1).div_euclid(slide);
        (last_end.saturating_sub(n_before * slide), slide, last_end)
    }

    /// Start of the window that ends at `window_end`.
    pub fn window_start(&self, window_end: i64) -> i64 {
        match self.kind {
            WindowKind::Tumble { size } | WindowKind::Hop { size, .. } => {
                window_end.saturating_sub(size)
            }
            WindowKind::Cumulate { .. } => self.cumulate_base(window_end.saturating_sub(1)),
        }
    }

    /// Start of the longest CUMULATE window that holds `time`.
    fn cumulate_base(&self, time: i64) -> i64 {
        let size = self.kind.size();
        slice_end(time, size, self.offset).saturating_sub(size)
    }
}

fn slice_end(time: i64, slice: i64, offset: i64) -> i64 {
    let since_start = time.wrapping_sub(offset).rem_euclid(slice);
    time.saturating_sub(since_start).saturating_add(slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kind: WindowKind, offset: i64) -> Window {
        Window { kind, offset, time: WindowTime::Event { column: 0 } }
    }

    #[test]
    fn tumble_slices_are_windows() {
        let tumble = window(WindowKind::tumble(10).unwrap(), 0);
        assert_eq!(tumble.slice_end(0), 10);
        assert_eq!(tumble.slice_end(9), 10);
        assert_eq!(tumble.slice_end(-1), 0);
        assert_eq!(tumble.last_window_end(10), 10);
        assert_eq!(tumble.window_start(10), 0);
    }

    #[test]
    fn offsets_of_the_docs() {
        // 00:00:04 with a size of 10 minutes and an offset of -4 minutes lies in [23:56, 00:06).
        let minutes = 60_000;
        let tumble = window(WindowKind::tumble(10 * minutes).unwrap(), -4 * minutes);
        let end = tumble.slice_end(4_000);
        assert_eq!((tumble.window_start(end), end), (-4 * minutes, 6 * minutes));
    }

    #[test]
    fn hop_slices_live_until_their_last_window() {
        let hop = window(WindowKind::hop(5, 15).unwrap(), 0);
        let end = hop.slice_end(7);
        assert_eq!(hop.window_ends(end), (10, 5, 20));
        assert_eq!(hop.window_start(20), 5);
    }

    #[test]
    fn cumulate_windows_share_their_start() {
        let cumulate = window(WindowKind::cumulate(5, 15).unwrap(), 0);
        let end = cumulate.slice_end(7);
        assert_eq!(cumulate.window_ends(end), (10, 5, 15));
        assert_eq!(cumulate.window_start(10), 0);
        assert_eq!(cumulate.window_start(15), 0);
        assert_eq!(cumulate.last_window_end(15), 15);
        assert_eq!(cumulate.window_start(20), 15);
    }

    #[test]
    fn windows_of_a_time() {
        let hop = window(WindowKind::hop_table(4, 10).unwrap(), 0);
        assert_eq!(hop.ends_of(7), (10, 4, 14));
        assert_eq!(hop.ends_of(9), (10, 4, 18));
        assert_eq!(hop.ends_of(10), (14, 4, 18));
        let gaps = window(WindowKind::hop_table(10, 4).unwrap(), 0);
        assert_eq!(gaps.ends_of(13), (14, 10, 14));
        let (first, _, last) = gaps.ends_of(17);
        assert!(first > last);
        let tumble = window(WindowKind::tumble(10).unwrap(), 0);
        assert_eq!(tumble.ends_of(7), (10, 10, 10));
    }

    #[test]
    fn multiples_are_asked_for() {
        assert!(WindowKind::hop(4, 15).is_err());
        assert!(WindowKind::cumulate(4, 15).is_err());
        assert!(WindowKind::tumble(0).is_err());
    }
}
