//! A bare window TVF: every row once per window it lies in, at once, with the window's bounds
//! appended. Late rows pass, rows without a time are dropped; both as in Flink's
//! `WindowTableFunctionOperator`.

use std::sync::Arc;

use argus_base::Result;
use argus_base::batch::{Batch, MAX_BATCH_ROWS};
use argus_base::time::ProcessingTime;
use argus_plan::Window;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, TimestampMillisecondArray, UInt32Array};
use arrow_schema::SchemaRef;

use super::{Emission, Operator, Output};
use crate::expression::EvaluationContext;
use crate::time_line::TimeLine;

/// Assigns windows to rows.
pub struct WindowTable {
    window: Window,
    time_line: TimeLine,
    /// Output: the input's columns, start, end, time.
    schema: SchemaRef,
    /// A batch of which not every row has left with all its windows.
    pending: Option<Pending>,
}

struct Pending {
    batch: Batch,
    /// The time of every row, for windows of processing time.
    now: ProcessingTime,
    /// The first row of which not every window has left.
    row: usize,
    /// End of that row's next window, where some of them have left.
    end: Option<i64>,
}

impl WindowTable {
    /// Appends the windows to rows; `schema` is the input's columns and the three of the window.
    pub fn new(window: Window, schema: SchemaRef) -> Result<WindowTable> {
        let time_line = TimeLine::of_window(&window)?;
        Ok(WindowTable { window, time_line, schema, pending: None })
    }

    /// The next rows, by position, and the end of the window with which each leaves. A row lies in
    /// any number of windows, so no more than one piece is assigned at a time.
    fn assign(&mut self, pending: &mut Pending) -> (Vec<u32>, Vec<i64>) {
        let column = self.window.time.column().map(|column| pending.batch.records.column(column));
        let times = column.map(|column| column.as_primitive::<TimestampMillisecondType>());
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        for row in pending.row..pending.batch.n_rows() {
            pending.row = row;
            let time = match times {
                Some(times) if times.is_null(row) => continue,
                Some(times) => times.value(row),
                None => pending.now.0,
            };
            let (first, step, last) = self.window.ends_of(self.time_line.local(time));
            let mut next = Some(pending.end.take().unwrap_or(first));
            while let Some(end) = next.filter(|end| *end <= last) {
                if rows.len() == MAX_BATCH_ROWS {
                    pending.end = Some(end);
                    return (rows, ends);
                }
                rows.push(u32::try_from(row).expect("a batch has less than 2^32 rows"));
                ends.push(end);
                next = end.checked_add(step);
            }
        }
        pending.row = pending.batch.n_rows();
        (rows, ends)
    }

    fn piece(&mut self, pending: &mut Pending) -> Result<Batch> {
        let (rows, ends) = self.assign(pending);
        let rows = UInt32Array::from(rows);
        let input = pending.batch.records.columns().iter();
        let take = |column: &ArrayRef| arrow_select::take::take(column, &rows, None);
        let mut columns = input.map(take).collect::<std::result::Result<Vec<_>, _>>()?;
        let starts = ends.iter().map(|end| self.window.window_start(*end));
        columns.push(Arc::new(TimestampMillisecondArray::from_iter_values(starts)));
        let times = ends.iter().map(|end| self.time_line.instant_of(end - 1));
        let times = TimestampMillisecondArray::from_iter_values(times);
        columns.push(Arc::new(TimestampMillisecondArray::from(ends)));
        let time_type = self.schema.field(columns.len()).data_type().clone();
        columns.push(Arc::new(times.with_data_type(time_type)));
        let n_rows = rows.len();
        let kinds = pending.batch.kinds.as_ref();
        let kinds =
            kinds.map(|kinds| rows.values().iter().map(|row| kinds[*row as usize]).collect());
        Ok(Batch { records: super::record_batch(&self.schema, columns, n_rows)?, kinds })
    }
}

impl Operator for WindowTable {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        context: &EvaluationContext,
        output: &mut Output,
    ) -> Result<Emission> {
        self.pending = Some(Pending { batch, now: context.now, row: 0, end: None });
        self.resume(output)
    }

    fn resume(&mut self, output: &mut Output) -> Result<Emission> {
        let Some(mut pending) = self.pending.take() else { return Ok(Emission::Done) };
        output.push(self.piece(&mut pending)?);
        if pending.row == pending.batch.n_rows() {
            return Ok(Emission::Done);
        }
        self.pending = Some(pending);
        Ok(Emission::More)
    }
}

#[cfg(test)]
mod tests {
    use argus_base::logical_type::arrow_schema;
    use argus_base::time::Watermark;
    use argus_base::{Field, TypeRoot};
    use argus_plan::window::{WindowKind, WindowTime};
    use arrow_array::RecordBatch;

    use super::*;

    /// The rows and window ends that leave, by batch.
    fn emitted(kind: WindowKind, times: Vec<Option<i64>>) -> Vec<Vec<(i64, i64)>> {
        let rowtime = TypeRoot::timestamp(3).nullable();
        let names = ["t", "window_start", "window_end", "window_time"];
        let schema = arrow_schema(&names.map(|name| Field::new(name, rowtime.clone())));
        let time = WindowTime::Event { column: 0 };
        let window = Window { kind, offset: 0, time };
        let mut operator = WindowTable::new(window, schema).unwrap();
        let column: ArrayRef = Arc::new(TimestampMillisecondArray::from(times));
        let batch = Batch::inserts(RecordBatch::try_from_iter([("t", column)]).unwrap());
        let context = EvaluationContext { now: ProcessingTime(0), watermark: Watermark::MIN };
        let mut output = Output::default();
        let mut emission = operator.process(0, batch, &context, &mut output).unwrap();
        while emission == Emission::More {
            emission = operator.resume(&mut output).unwrap();
        }
        let pairs = |batch: &Batch| {
            let column =
                |i: usize| batch.records.column(i).as_primitive::<TimestampMillisecondType>();
            let (times, ends) = (column(0).values().iter(), column(2).values().iter());
            times.copied().zip(ends.copied()).collect()
        };
        output.batches.iter().map(pairs).collect()
    }

    #[test]
    fn rows_leave_once_per_window_and_not_without_a_time() {
        let kind = WindowKind::hop_table(5, 10).unwrap();
        let expected = [vec![(1, 5), (1, 10), (7, 10), (7, 15)]];
        assert_eq!(emitted(kind, vec![Some(1), None, Some(7), None]), expected);
        assert_eq!(emitted(kind, vec![None]), [[]; 0]);
    }

    #[test]
    fn many_windows_leave_in_pieces() {
        let kind = WindowKind::hop_table(1, 10_000).unwrap();
        let batches = emitted(kind, vec![Some(0), Some(5)]);
        assert!(batches.iter().all(|rows| rows.len() <= MAX_BATCH_ROWS));
        let of = |time: i64| (time + 1..=time + 10_000).map(move |end| (time, end));
        let expected: Vec<(i64, i64)> = of(0).chain(of(5)).collect();
        assert_eq!(batches.concat(), expected);
    }

    #[test]
    fn the_end_of_the_time_line_is_the_end_of_its_last_window() {
        let kind = WindowKind::tumble(10).unwrap();
        assert_eq!(emitted(kind, vec![Some(i64::MAX)]), [[(i64::MAX, i64::MAX)]]);
    }
}
