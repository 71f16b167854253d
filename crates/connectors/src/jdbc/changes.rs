//! Batches of changelog rows as what a database is to do: one change a key, in order of key.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use argus_base::{Batch, Field, Result, RowKind};
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Schema};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;

use crate::row_text::write_value;

/// Bytes of values that one statement carries at most, unless a single row has more.
const MAX_STATEMENT_BYTES: usize = 16 << 20;
/// Rows of one statement.
const MAX_STATEMENT_ROWS: usize = 8192;

/// What to do, in any order: no two rows have one key.
pub struct Changes {
    /// Rows to insert, or by key to update.
    pub upserts: RecordBatch,
    /// Rows to delete by key.
    pub deletes: RecordBatch,
    /// Changelog rows all this stands for.
    pub n_rows: usize,
}

impl Changes {
    /// Without a key: all rows are inserts, in their order. With one: of each key the last row
    /// counts, and keys are in one order for all writers, so that no two wait for each other.
    /// `batches` is not empty.
    pub fn of(batches: &[Batch], fields: &[Field], key: &[usize]) -> Result<Changes> {
        let records = concat(batches)?;
        let schema = records.schema();
        let n_rows = records.num_rows();
        if key.is_empty() {
            let deletes = RecordBatch::new_empty(schema);
            return Ok(Changes { upserts: records, deletes, n_rows });
        }
        let kinds = batches.iter().flat_map(|batch| (0..batch.n_rows()).map(|i| batch.kind(i)));
        let mut last: BTreeMap<String, (usize, bool)> = BTreeMap::new();
        for (row, kind) in kinds.enumerate() {
            // +U follows, or it does not pass a condition that the old row passed; of the rows of
            // a key the last counts.
            let is_delete = matches!(kind, RowKind::Delete | RowKind::UpdateBefore);
            last.insert(key_text(&records, fields, key, row), (row, is_delete));
        }
        let of_kind = |wanted: bool| {
            let rows = last.values().filter(|(_, is_delete)| *is_delete == wanted);
            rows.map(|(row, _)| *row as u64).collect::<UInt64Array>()
        };
        Ok(Changes {
            upserts: take_record_batch(&records, &of_kind(false))?,
            deletes: take_record_batch(&records, &of_kind(true))?,
            n_rows,
        })
    }
}

/// All rows. Batches may differ in what they say of NULLs, which is for the database to judge.
fn concat(batches: &[Batch]) -> Result<RecordBatch> {
    let schema = batches[0].records.schema();
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let records = batches
        .iter()
        .map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.records.columns().to_vec()));
    let records = records.collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(concat_batches(&schema, &records)?)
}

/// A text that two rows share where they share the key.
fn key_text(records: &RecordBatch, fields: &[Field], key: &[usize], row: usize) -> String {
    let mut text = String::new();
    for &column in key {
        let before = text.len();
        write_value(&mut text, &fields[column].logical_type, records.column(column), row);
        let length = text.len() - before;
        // The length behind each value tells ("a", "bc") from ("ab", "c").
        text.push_str(&format!("\u{1f}{length}\u{1e}"));
    }
    text
}

/// The rows in parts that a statement can carry.
pub fn statements(rows: &RecordBatch) -> Vec<RecordBatch> {
    ranges(rows).into_iter().map(|range| rows.slice(range.start, range.len())).collect()
}

fn ranges(rows: &RecordBatch) -> Vec<Range<usize>> {
    let bytes = row_bytes(rows);
    let mut ranges = Vec::new();
    let (mut start, mut n_bytes) = (0, 0);
    for (row, row_bytes) in bytes.iter().enumerate() {
        let is_full = row - start >= MAX_STATEMENT_ROWS
            || (row > start && n_bytes + row_bytes > MAX_STATEMENT_BYTES);
        if is_full {
            ranges.push(start..row);
            (start, n_bytes) = (row, 0);
        }
        n_bytes += row_bytes;
    }
    if start < bytes.len() {
        ranges.push(start..bytes.len());
    }
    ranges
}

/// About how many bytes the values of each row have.
fn row_bytes(rows: &RecordBatch) -> Vec<usize> {
    let mut bytes = vec![8 * rows.num_columns(); rows.num_rows()];
    for column in rows.columns() {
        // The length of a view is in its low half.
        let views = match column.data_type() {
            DataType::Utf8View => column.as_string_view().views(),
            DataType::BinaryView => column.as_binary_view().views(),
            _ => continue,
        };
        for (sum, view) in bytes.iter_mut().zip(views.iter()) {
            *sum += usize::try_from(view & 0xffff_ffff).unwrap_or(0);
        }
    }
    bytes
}

/// About how many bytes the values of all rows have.
pub fn n_bytes(rows: &RecordBatch) -> u64 {
    row_bytes(rows).into_iter().sum::<usize>() as u64
}

#[cfg(test)]
mod tests {
    use argus_base::TypeRoot;
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, Int32Array, StringViewArray};

    use super::*;

    fn fields() -> Vec<Field> {
        vec![
            Field::new("k", TypeRoot::STRING.nullable()),
            Field::new("v", TypeRoot::Int.nullable()),
        ]
    }

    fn batch(rows: &[(RowKind, &str, i32)]) -> Batch {
        let keys: ArrayRef =
            Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row.1)));
        let values: ArrayRef = Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.2)));
        let records = RecordBatch::try_from_iter([("k", keys), ("v", values)]).unwrap();
        Batch { records, kinds: Some(rows.iter().map(|row| row.0).collect()) }
    }

    fn values(records: &RecordBatch) -> Vec<i32> {
        records.column(1).as_primitive::<Int32Type>().values().to_vec()
    }

    #[test]
    fn the_last_row_of_a_key_counts_and_keys_are_in_order() {
        use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
        let first = batch(&[(Insert, "b", 1), (Insert, "a", 2), (Insert, "c", 3)]);
        let second = batch(&[
            (UpdateBefore, "b", 1),
            (UpdateAfter, "b", 4),
            (Delete, "c", 3),
            (Delete, "a", 2),
            (Insert, "a", 5),
            (UpdateBefore, "d", 6),
        ]);
        let changes = Changes::of(&[first, second], &fields(), &[0]).unwrap();
        assert_eq!(values(&changes.upserts), [5, 4]);
        assert_eq!(values(&changes.deletes), [3, 6]);
        assert_eq!(changes.n_rows, 9);
    }

    #[test]
    fn without_a_key_every_row_is_kept() {
        let rows = batch(&[(RowKind::Insert, "a", 1), (RowKind::Insert, "a", 1)]);
        let changes = Changes::of(&[rows], &fields(), &[]).unwrap();
        assert_eq!(values(&changes.upserts), [1, 1]);
    }

    #[test]
    fn statements_are_bounded_by_bytes() {
        let long = "x".repeat(MAX_STATEMENT_BYTES / 2);
        let rows = vec![(RowKind::Insert, long.as_str(), 1); 3];
        let parts = statements(&batch(&rows).records);
        let sizes: Vec<usize> = parts.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [1, 1, 1]);
        assert_eq!(statements(&batch(&rows[..0]).records).len(), 0);
    }
}
