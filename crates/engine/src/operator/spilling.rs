//! What spilling a window's state and a group's keys have in common: how runs are cut, and when
//! they are merged.

use std::collections::VecDeque;
use std::ops::Range;

use argus_state::spill::Pass;

/// Rows of a run are made in pieces of about as many bytes of state.
pub(super) const PIECE_BYTES: usize = 8 << 20;

/// Bytes of state that a compaction merges with each batch, about.
pub(super) const STEP_BYTES: u64 = 16 << 20;

/// Passes of one level that there may be before they are merged.
const MAX_PASSES: usize = 8;

/// Whether a pass is of the level of the last one that is merged, and not newer.
pub(super) fn is_merged(pass: Pass, last: Pass) -> bool {
    pass.level == last.level && pass.number <= last.number
}

/// The newest pass of the lowest level of which there are too many.
pub(super) fn last_due(mut passes: Vec<Pass>) -> Option<Pass> {
    passes.sort_unstable();
    passes.dedup();
    let of_level = passes.chunk_by(|one, other| one.level == other.level);
    of_level.filter(|passes| passes.len() >= MAX_PASSES).find_map(|passes| passes.last().copied())
}

/// Cuts the key groups that any of the ranges has into `n_ranges` of about the same size.
pub(super) fn cut(ranges: &[Range<u16>], n_ranges: u64) -> VecDeque<Range<u16>> {
    let some = || ranges.iter().filter(|range| !range.is_empty());
    let (Some(start), Some(end)) =
        (some().map(|range| range.start).min(), some().map(|range| range.end).max())
    else {
        return VecDeque::new();
    };
    let n_groups = u64::from(end - start);
    let n_ranges = n_ranges.clamp(1, n_groups);
    let edge = |n: u64| start + u16::try_from(n * n_groups / n_ranges).expect("at most n_groups");
    (0..n_ranges).map(|n| edge(n)..edge(n + 1)).collect()
}

/// Bytes that rows take in memory, about: those of the columns, and the table that finds keys.
pub(super) fn in_memory(n_rows: u64, n_row_bytes: u64) -> u64 {
    n_row_bytes + n_rows * 2 * size_of::<u64>() as u64
}
