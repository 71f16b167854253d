//! A batch of changelog rows: columns, and a row kind each where not all rows are inserts.

use std::sync::Arc;

use arrow_array::RecordBatch;

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

    /// `length` rows from `start`, without copying columns.
    pub fn slice(&self, start: usize, length: usize) -> Batch {
        Batch {
            records: self.records.slice(start, length),
            kinds: self.kinds.as_ref().map(|kinds| Arc::from(&kinds[start..start + length])),
        }
    }
}
