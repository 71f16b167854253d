//! A bare window TVF: every row once per window it lies in, at once, with the window's bounds
//! appended. Late rows pass, rows without a time are dropped; both as in Flink's
//! `WindowTableFunctionOperator`.

use std::sync::Arc;

use argus_base::Result;
use argus_base::batch::{Batch, MAX_BATCH_ROWS};
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
    /// Rows of a batch still to be emitted, with the windows they lie in.
    pending: Option<Pending>,
}

struct Pending {
    batch: Batch,
    rows: Vec<u32>,
    ends: Vec<i64>,
    emitted: usize,
}

impl WindowTable {
    /// Appends the windows to rows; `schema` is the input's columns and the three of the window.
    pub fn new(window: Window, schema: SchemaRef) -> Result<WindowTable> {
        let time_line = TimeLine::of_window(&window)?;
        Ok(WindowTable { window, time_line, schema, pending: None })
    }

    fn assign(&mut self, batch: Batch, context: &EvaluationContext) -> Pending {
        let column = self.window.time.column().map(|column| batch.records.column(column).clone());
        let times = column.as_ref().map(|column| column.as_primitive::<TimestampMillisecondType>());
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        for row in 0..batch.n_rows() {
            let time = match times {
                Some(times) if times.is_null(row) => continue,
                Some(times) => times.value(row),
                None => context.now.0,
            };
            let (first, step, last) = self.window.ends_of(self.time_line.local(time));
            let mut end = first;
            while end <= last {
                rows.push(u32::try_from(row).expect("a batch has less than 2^32 rows"));
                ends.push(end);
                end = end.saturating_add(step);
            }
        }
        Pending { batch, rows, ends, emitted: 0 }
    }

    fn piece(&self, pending: &mut Pending) -> Result<Batch> {
        let until = pending.rows.len().min(pending.emitted + MAX_BATCH_ROWS);
        let rows = UInt32Array::from(pending.rows[pending.emitted..until].to_vec());
        let ends = &pending.ends[pending.emitted..until];
        let input = pending.batch.records.columns().iter();
        let take = |column: &ArrayRef| arrow_select::take::take(column, &rows, None);
        let mut columns = input.map(take).collect::<std::result::Result<Vec<_>, _>>()?;
        let starts = ends.iter().map(|end| self.window.window_start(*end));
        columns.push(Arc::new(TimestampMillisecondArray::from_iter_values(starts)));
        columns.push(Arc::new(TimestampMillisecondArray::from(ends.to_vec())));
        let times = ends.iter().map(|end| self.time_line.instant_of(end - 1));
        let times = TimestampMillisecondArray::from_iter_values(times);
        let time_type = self.schema.field(columns.len()).data_type().clone();
        columns.push(Arc::new(times.with_data_type(time_type)));
        let n_rows = rows.len();
        let kinds = pending.batch.kinds.as_ref();
        let kinds =
            kinds.map(|kinds| rows.values().iter().map(|row| kinds[*row as usize]).collect());
        pending.emitted = until;
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
        self.pending = Some(self.assign(batch, context));
        self.resume(output)
    }

    fn resume(&mut self, output: &mut Output) -> Result<Emission> {
        let Some(mut pending) = self.pending.take() else { return Ok(Emission::Done) };
        output.push(self.piece(&mut pending)?);
        if pending.emitted == pending.rows.len() {
            return Ok(Emission::Done);
        }
        self.pending = Some(pending);
        Ok(Emission::More)
    }
}
