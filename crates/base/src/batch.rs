//! A batch of changelog rows: columns, and a row kind each where not all rows are inserts.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

use crate::RowKind;

/// Greatest number of rows an operator puts into one batch.
pub const MAX_BATCH_ROWS: usize = 8192;

/// Rows in Arrow columns. Cloning is cheap: columns are shared.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The columns; its row count is the batch's.
    pub records: RecordBatch,
    /// One kind a row, or `None` where every row is an insert.
    pub kinds: Option<Arc<[RowKind]>>,
}

impl Batch {
    /// A batch of inserts.
    pub fn inserts(records: RecordBatch) -> Batch {
        Batch { records, kinds: None }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.records.num_rows()
    }

    /// The kind of the row at `index`, which must be below `n_rows`.
    pub fn kind(&self, index: usize) -> RowKind {
        self.kinds.as_ref().map_or(RowKind::Insert, |kinds| kinds[index])
    }

    /// Bytes of the values: what the rows would take if they were copied together. Shared buffers
    /// behind texts count only for the texts that are there.
    pub fn n_bytes(&self) -> usize {
        self.records.columns().iter().map(|column| value_bytes(column.as_ref())).sum()
    }

    /// `length` rows from `start`, without copying columns.
    pub fn slice(&self, start: usize, length: usize) -> Batch {
        Batch {
            records: self.records.slice(start, length),
            kinds: self.kinds.as_ref().map(|kinds| Arc::from(&kinds[start..start + length])),
        }
    }
}

/// Size of a text or binary view; longer values lie elsewhere.
const VIEW_BYTES: usize = 16;
/// Longest value that lies in its view.
const INLINE_BYTES: usize = 12;

fn value_bytes(array: &dyn Array) -> usize {
    let n_rows = array.len();
    match array.data_type() {
        DataType::Null => 0,
        DataType::Boolean => n_rows.div_ceil(8),
        DataType::Utf8View => n_rows * VIEW_BYTES + outside(array.as_string_view().views()),
        DataType::BinaryView => n_rows * VIEW_BYTES + outside(array.as_binary_view().views()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|c| value_bytes(c)).sum(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            n_rows * size_of::<i32>() + part_bytes(list.values().as_ref(), list.value_offsets())
        }
        DataType::Map(..) => {
            let map = array.as_map();
            n_rows * size_of::<i32>() + part_bytes(map.entries(), map.value_offsets())
        }
        other => n_rows * other.primitive_width().unwrap_or(0),
    }
}

/// Bytes of the elements that a list's offsets speak of.
fn part_bytes(elements: &dyn Array, offsets: &[i32]) -> usize {
    let bounds = offsets.first().zip(offsets.last());
    let (start, end) = bounds.map_or((0, 0), |(first, last)| (*first, *last));
    let (start, end) = (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0));
    value_bytes(elements.slice(start, end - start).as_ref())
}

/// Bytes of the values that do not lie in their views. A view begins with its length.
fn outside(views: &[u128]) -> usize {
    let length = |view: &u128| (view & u128::from(u32::MAX)) as usize;
    views.iter().map(length).filter(|length| *length > INLINE_BYTES).sum()
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, StringViewArray};

    use super::*;

    #[test]
    fn bytes_are_those_of_the_rows_that_are_there() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let texts: ArrayRef =
            Arc::new(StringViewArray::from(vec!["short", "a text of 22 characters", ""]));
        let records = RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap();
        let batch = Batch::inserts(records);
        assert_eq!(batch.n_bytes(), 3 * 8 + 3 * 16 + 23);
        assert_eq!(batch.slice(0, 1).n_bytes(), 8 + 16);
    }
}
