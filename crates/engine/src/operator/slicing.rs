//! Cuts batches into slices: which rows belong to which slice of which windows.
//!
//! Most batches lie within one slice, which is found from the least and greatest time alone;
//! the others are cut row by row with the last slice remembered.

use argus_base::batch::Batch;
use argus_base::time::ProcessingTime;
use argus_base::{Error, Result};
use argus_plan::graph::WindowSource;
use argus_state::SliceKey;
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray, UInt32Array};
use arrow_schema::{DataType, TimeUnit};

use crate::time_line::TimeLine;

/// Assigns rows to slices.
pub struct Slicer {
    source: WindowSource,
    /// Where the windows lie; also says when they fire.
    pub time_line: TimeLine,
}

/// The rows of a batch that belong to one slice.
#[derive(Debug)]
pub enum Selection {
    /// All of them.
    All,
    /// These, ascending.
    Rows(UInt32Array),
}

impl Selection {
    /// Number of rows selected of a batch of `n_rows`.
    pub fn n_rows(&self, n_rows: usize) -> usize {
        match self {
            Selection::All => n_rows,
            Selection::Rows(rows) => rows.len(),
        }
    }

    /// The selected rows of a column.
    pub fn take(&self, column: &ArrayRef) -> Result<ArrayRef> {
        match self {
            Selection::All => Ok(column.clone()),
            Selection::Rows(rows) => Ok(arrow_select::take::take(column, rows, None)?),
        }
    }
}

impl Slicer {
    /// A slicer for the windows of an aggregation.
    pub fn new(source: WindowSource) -> Result<Slicer> {
        let time_line = TimeLine::of_window(source.window())?;
        Ok(Slicer { source, time_line })
    }

    /// The windows.
    pub fn window(&self) -> &argus_plan::Window {
        self.source.window()
    }

    /// Whether the windows came with the rows instead of being assigned here.
    pub fn is_attached(&self) -> bool {
        matches!(self.source, WindowSource::Attached { .. })
    }

    /// The slices of a batch with their rows, in order of first appearance.
    pub fn slices(
        &mut self,
        batch: &Batch,
        now: ProcessingTime,
    ) -> Result<Vec<(SliceKey, Selection)>> {
        match &self.source {
            WindowSource::Attached { start, end, .. } => {
                let start = millis(batch.records.column(*start), "window_start")?;
                let end = millis(batch.records.column(*end), "window_end")?;
                let key = |row: usize| SliceKey { end: end.value(row), start: start.value(row) };
                Ok(group_rows(batch.n_rows(), key))
            }
            WindowSource::Assign(window) => match window.time.column() {
                None => {
                    let time = self.time_line.local(now.0);
                    Ok(vec![(slice_key(window, time), Selection::All)])
                }
                Some(column) => {
                    let times = millis(batch.records.column(column), "rowtime")?;
                    Ok(assign(window, &mut self.time_line, times))
                }
            },
        }
    }
}

fn assign(
    window: &argus_plan::Window,
    time_line: &mut TimeLine,
    times: &PrimitiveArray<TimestampMillisecondType>,
) -> Vec<(SliceKey, Selection)> {
    let values = times.values();
    let Some((least, greatest)) = least_and_greatest(values) else { return Vec::new() };
    let first = slice_key(window, time_line.local(least));
    let last = slice_key(window, time_line.local(greatest));
    // On a zone's clock the two may meet in one slice although an hour between them does not.
    let is_short = greatest.saturating_sub(least) < window.kind.slice();
    if first == last && is_short {
        return vec![(first, Selection::All)];
    }
    let mut cached = (first, i64::MAX, i64::MIN);
    group_rows(values.len(), |row| {
        let time = time_line.local(values[row]);
        let (key, from, until) = cached;
        if from <= time && time < until {
            return key;
        }
        let key = slice_key(window, time);
        cached = (key, key.end.saturating_sub(window.kind.slice()), key.end);
        key
    })
}

fn slice_key(window: &argus_plan::Window, time: i64) -> SliceKey {
    let end = window.slice_end(time);
    SliceKey { end, start: end.saturating_sub(window.kind.slice()) }
}

pub(crate) fn least_and_greatest(values: &[i64]) -> Option<(i64, i64)> {
    let first = *values.first()?;
    let bounds = (first, first);
    Some(values.iter().fold(bounds, |(least, most), value| (least.min(*value), most.max(*value))))
}

fn group_rows(n_rows: usize, mut key: impl FnMut(usize) -> SliceKey) -> Vec<(SliceKey, Selection)> {
    let mut groups: Vec<(SliceKey, Vec<u32>)> = Vec::new();
    let mut last = 0;
    for row in 0..n_rows {
        let row_key = key(row);
        let is_last = groups.get(last).is_some_and(|(known, _)| *known == row_key);
        if !is_last {
            last = groups.iter().position(|(known, _)| *known == row_key).unwrap_or_else(|| {
                groups.push((row_key, Vec::new()));
                groups.len() - 1
            });
        }
        groups[last].1.push(u32::try_from(row).expect("a batch has less than 2^32 rows"));
    }
    let is_one = groups.len() == 1;
    let select =
        |rows| if is_one { Selection::All } else { Selection::Rows(UInt32Array::from(rows)) };
    groups.into_iter().map(|(key, rows)| (key, select(rows))).collect()
}

/// A TIMESTAMP column in milliseconds without NULLs, as every time attribute is.
pub(crate) fn millis<'a>(
    column: &'a ArrayRef,
    what: &str,
) -> Result<&'a PrimitiveArray<TimestampMillisecondType>> {
    if !matches!(column.data_type(), DataType::Timestamp(TimeUnit::Millisecond, _)) {
        let found = column.data_type();
        return Err(Error::bug(format!("the {what} column has the type {found}")));
    }
    if column.null_count() > 0 {
        return Err(null_rowtime(what));
    }
    Ok(column.as_primitive::<TimestampMillisecondType>())
}

/// What Flink says of a NULL time attribute.
pub(crate) fn null_rowtime(what: &str) -> Error {
    let message = format!(
        "the {what} of a row is NULL; a time attribute must not be. Filter such rows out before, \
         or give them a time with COALESCE in the computed column"
    );
    Error::data("AR4002", message)
}

const _: () = assert!(size_of::<<TimestampMillisecondType as ArrowPrimitiveType>::Native>() == 8);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use argus_plan::window::{Window, WindowKind, WindowTime};
    use arrow_array::{RecordBatch, TimestampMillisecondArray};

    use super::*;

    fn check(kind: WindowKind, times: &[i64], expected: &str) {
        let column: ArrayRef = Arc::new(TimestampMillisecondArray::from(times.to_vec()));
        let records = RecordBatch::try_from_iter([("t", column)]).unwrap();
        let time = WindowTime::Event { column: 0 };
        let window = Window { kind, offset: 0, time };
        let mut slicer = Slicer::new(WindowSource::Assign(window)).unwrap();
        let slices = slicer.slices(&Batch::inserts(records), ProcessingTime(0)).unwrap();
        let shown: Vec<String> = slices
            .iter()
            .map(|(key, selection)| match selection {
                Selection::All => format!("{}:all", key.end),
                Selection::Rows(rows) => format!("{}:{:?}", key.end, rows.values().to_vec()),
            })
            .collect();
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn batches_are_cut_at_slices() {
        check(WindowKind::tumble(10).unwrap(), &[1, 9, 3], "10:all");
        check(WindowKind::tumble(10).unwrap(), &[1, 10, 3, 25, 11], "10:[0, 2] 20:[1, 4] 30:[3]");
        check(WindowKind::hop(5, 10).unwrap(), &[1, 9], "5:[0] 10:[1]");
        check(WindowKind::tumble(10).unwrap(), &[], "");
        let ends = format!("{}:[0] {}:[1]", i64::MIN + 10, i64::MAX);
        check(WindowKind::tumble(10).unwrap(), &[i64::MIN, i64::MAX], &ends);
    }
}
