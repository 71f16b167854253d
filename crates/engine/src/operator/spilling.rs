//! What spilling a window's state and a group's keys have in common: how runs are cut, and when
//! they are merged.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::slice;

use argus_state::snapshot::Section;
use argus_state::spill::Pass;

use super::state_memory::StateMemory;
use super::window_state::MAX_ROWS;

/// Bytes of state of which rows of a run are made at once, about: this part of the share.
const PIECE_PART: u64 = 16;
/// Within these bounds.
const PIECE_BYTES: RangeInclusive<u64> = 256 << 10..=8 << 20;

/// Bytes of state that a compaction merges with each batch, about: this part of the share.
const STEP_PART: u64 = 8;
/// Within these bounds.
const STEP_BYTES: RangeInclusive<u64> = 1 << 20..=16 << 20;

/// Passes of one level that there may be before they are merged.
const MAX_PASSES: usize = 8;

/// Rows of a run that are made at once, where a key takes as many bytes.
pub(super) fn piece_rows(memory: Option<&StateMemory>, n_key_bytes: usize) -> usize {
    let n_bytes = part_of_share(memory, PIECE_PART, PIECE_BYTES);
    let n_rows = usize::try_from(n_bytes).unwrap_or(usize::MAX) / n_key_bytes.max(1);
    n_rows.clamp(1, MAX_ROWS)
}

/// Bytes of state that a compaction merges at once.
pub(super) fn step_bytes(memory: Option<&StateMemory>) -> u64 {
    part_of_share(memory, STEP_PART, STEP_BYTES)
}

fn part_of_share(memory: Option<&StateMemory>, part: u64, bounds: RangeInclusive<u64>) -> u64 {
    let (least, most) = bounds.into_inner();
    memory.map_or(most, |memory| (memory.max_bytes() / part).clamp(least, most))
}

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

/// Ranges of a part's key groups in which these sections of it are restored: each takes half of the
/// share at most, or is one key group.
pub(super) fn ranges_to_restore<'a>(
    memory: Option<&StateMemory>,
    groups: &Range<u16>,
    sections: impl Iterator<Item = &'a Section>,
) -> VecDeque<Range<u16>> {
    let sizes = sections.map(|of| of.segment.size(of.section, groups.clone()));
    let n_bytes: u64 = sizes.map(|(n_rows, n_bytes)| in_memory(n_rows, n_bytes)).sum();
    let n_ranges = memory.map_or(1, |memory| n_bytes.div_ceil((memory.max_bytes() / 2).max(1)));
    cut(slice::from_ref(groups), n_ranges)
}

/// Bytes that rows take in memory, about: those of the columns, and the table that finds keys.
pub(super) fn in_memory(n_rows: u64, n_row_bytes: u64) -> u64 {
    n_row_bytes + n_rows * 2 * size_of::<u64>() as u64
}
