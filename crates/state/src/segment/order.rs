//! The order of rows in a section: by key group, then slice, then as they were added.

use std::ops::Range;

use argus_base::key_group::{key_group, key_hash};
use argus_base::{Error, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayAccessor, RecordBatch};
use arrow_schema::DataType;

/// The rows of a batch in order.
pub(super) struct Order {
    /// Row numbers.
    pub rows: Vec<u32>,
    /// Key group of each row number.
    pub groups: Vec<u16>,
}

/// Sorts the rows of a batch that begins with the columns of state: a counting sort by group, then
/// each group by slice, for which nothing has to be moved where rows come slice by slice.
pub(super) fn order(batch: &RecordBatch, max_parallelism: u16) -> Result<Order> {
    let groups = groups(batch, max_parallelism)?;
    let mut ends = vec![0_u32; usize::from(max_parallelism)];
    for group in &groups {
        ends[usize::from(*group)] += 1;
    }
    let mut start = 0;
    for end in &mut ends {
        let n_rows = *end;
        *end = start;
        start += n_rows;
    }
    let mut rows = vec![0_u32; groups.len()];
    for (row, group) in (0_u32..).zip(&groups) {
        let at = &mut ends[usize::from(*group)];
        rows[*at as usize] = row;
        *at += 1;
    }
    sort_by_slice(batch, &ends, &mut rows)?;
    Ok(Order { rows, groups })
}

/// Sorts each group, whose rows end at its place in `ends`, by slice.
fn sort_by_slice(batch: &RecordBatch, ends: &[u32], rows: &mut [u32]) -> Result<()> {
    let [slice_end, slice_start] = ["slice_end", "slice_start"].map(|name| {
        let column = batch.column_by_name(name);
        column.and_then(|column| column.as_primitive_opt::<Int64Type>())
    });
    let (Some(slice_end), Some(slice_start)) = (slice_end, slice_start) else {
        return Err(Error::bug("rows of state without BIGINT columns slice_end and slice_start"));
    };
    let slice_of =
        |row: &u32| (slice_end.values()[*row as usize], slice_start.values()[*row as usize]);
    let mut start = 0;
    for end in ends {
        rows[start..*end as usize].sort_by_key(slice_of);
        start = *end as usize;
    }
    Ok(())
}

/// Key group of each row.
fn groups(batch: &RecordBatch, max_parallelism: u16) -> Result<Vec<u16>> {
    let keys = keys(batch)?;
    Ok(match keys.data_type() {
        DataType::Binary => groups_of(keys.as_binary::<i32>(), max_parallelism),
        _ => groups_of(keys.as_binary_view(), max_parallelism),
    })
}

/// The first row of a range that is not before what is looked for.
pub(crate) fn first_row(
    mut rows: Range<usize>,
    mut is_before: impl FnMut(usize) -> Result<bool>,
) -> Result<usize> {
    while !rows.is_empty() {
        let middle = usize::midpoint(rows.start, rows.end);
        rows = if is_before(middle)? { middle + 1..rows.end } else { rows.start..middle };
    }
    Ok(rows.start)
}

/// Key group of one row.
pub(super) fn group_at(batch: &RecordBatch, row: usize, max_parallelism: u16) -> Result<u16> {
    Ok(key_group(hash_at(batch, row)?, max_parallelism).0)
}

/// Hash of the key of one row.
pub(super) fn hash_at(batch: &RecordBatch, row: usize) -> Result<u64> {
    let keys = keys(batch)?;
    Ok(key_hash(match keys.data_type() {
        DataType::Binary => keys.as_binary::<i32>().value(row),
        _ => keys.as_binary_view().value(row),
    }))
}

fn keys(batch: &RecordBatch) -> Result<&dyn Array> {
    let keys = batch.column_by_name("key").filter(|column| column.null_count() == 0);
    let keys =
        keys.filter(|column| matches!(column.data_type(), DataType::Binary | DataType::BinaryView));
    Ok(keys.ok_or_else(|| Error::bug("rows of state without a BINARY column key"))?.as_ref())
}

fn groups_of<'a>(keys: impl ArrayAccessor<Item = &'a [u8]>, max_parallelism: u16) -> Vec<u16> {
    let group = |row| key_group(key_hash(keys.value(row)), max_parallelism).0;
    (0..keys.len()).map(group).collect()
}
