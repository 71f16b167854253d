//! Turns start and end modes into offsets: every partition begins and ends at a known record
//! before the first one is fetched.

use std::collections::BTreeMap;

use argus_base::Error;

use super::assign::TopicPartition;
use super::errors;
use super::lookup::{Lookup, OffsetQuery, Offsets, Stop};
use super::options::SourceOptions;
use super::position::{Range, RestoredRanges};
use super::startup::{BoundedMode, Offset, OffsetReset, OffsetsByPartition, StartupMode};

/// A partition with where to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSplit {
    /// Which partition.
    pub split: TopicPartition,
    /// What is read of it.
    pub range: Range,
    /// Behind its last readable record when this was planned.
    pub end: Offset,
}

/// Plans the partitions of a fresh start.
pub fn fresh(
    lookup: &Lookup<'_>,
    options: &SourceOptions,
    partitions: &[TopicPartition],
) -> Result<Vec<PlannedSplit>, Stop> {
    let ends = lookup.offsets(partitions, OffsetQuery::End)?;
    let starts = starts(lookup, options, partitions, &ends)?;
    let stops = stops(lookup, options, partitions, &ends)?;
    let plan = partitions.iter().map(|split| {
        let end = known(&ends, split);
        let range = Range { start: known(&starts, split), stop: stops.get(split).copied() };
        PlannedSplit { split: split.clone(), range, end }
    });
    Ok(plan.collect())
}

/// Plans the partitions of a restored job: those of the checkpoint go on, those that were added
/// since begin at their beginning.
pub fn restored(
    lookup: &Lookup<'_>,
    options: &SourceOptions,
    partitions: &[TopicPartition],
    ranges: &RestoredRanges,
) -> Result<Vec<PlannedSplit>, Stop> {
    let ends = lookup.offsets(partitions, OffsetQuery::End)?;
    let is_known = |split: &&TopicPartition| ranges.contains_key(&split.split_name());
    let added: Vec<TopicPartition> =
        partitions.iter().filter(|split| !is_known(split)).cloned().collect();
    let mut plan = self::added(lookup, options, &added)?;
    let known_before: Vec<TopicPartition> = partitions.iter().filter(is_known).cloned().collect();
    let beginnings = lookup.offsets(&known_before, OffsetQuery::Beginning)?;
    for split in &known_before {
        let range = ranges[&split.split_name()];
        let is_over = range.stop.is_some_and(|stop| range.start >= stop);
        // Most lie before the last stable offset, which is known already.
        if !is_over && !(known(&beginnings, split)..=known(&ends, split)).contains(&range.start) {
            check_is_there(lookup, split, range.start, known(&beginnings, split))?;
        }
        plan.push(PlannedSplit { split: split.clone(), range, end: known(&ends, split) });
    }
    plan.sort_by(|a, b| a.split.cmp(&b.split));
    Ok(plan)
}

/// Refuses to go on at an offset that is gone.
fn check_is_there(
    lookup: &Lookup<'_>,
    split: &TopicPartition,
    start: Offset,
    beginning: Offset,
) -> Result<(), Stop> {
    let end = lookup.high_watermark(split)?;
    if (beginning..=end).contains(&start) {
        return Ok(());
    }
    let TopicPartition { topic, partition } = split;
    let (start, beginning, end) = (start.0, beginning.0, end.0);
    let message = format!(
        "the checkpoint goes on at offset {start} of topic '{topic}' partition {partition}, but \
         the brokers have only {beginning} to {end} (the next to be written)"
    );
    Err(Error::user(errors::LOST_OFFSET, message).into())
}

/// Plans partitions that were added to a running job.
pub fn added(
    lookup: &Lookup<'_>,
    options: &SourceOptions,
    partitions: &[TopicPartition],
) -> Result<Vec<PlannedSplit>, Stop> {
    let starts = lookup.offsets(partitions, OffsetQuery::Beginning)?;
    let ends = lookup.offsets(partitions, OffsetQuery::End)?;
    let stops = stops(lookup, options, partitions, &ends)?;
    let plan = partitions.iter().map(|split| {
        let range = Range { start: known(&starts, split), stop: stops.get(split).copied() };
        PlannedSplit { split: split.clone(), range, end: known(&ends, split) }
    });
    Ok(plan.collect())
}

fn known(offsets: &Offsets, split: &TopicPartition) -> Offset {
    offsets.get(split).copied().flatten().unwrap_or(Offset(0))
}

fn starts(
    lookup: &Lookup<'_>,
    options: &SourceOptions,
    partitions: &[TopicPartition],
    ends: &Offsets,
) -> Result<Offsets, Stop> {
    match &options.startup {
        StartupMode::Earliest => lookup.offsets(partitions, OffsetQuery::Beginning),
        StartupMode::Latest => Ok(ends.clone()),
        StartupMode::Timestamp(millis) => {
            lookup.offsets(partitions, OffsetQuery::Timestamp(*millis))
        }
        StartupMode::GroupOffsets => from_group(lookup, options, partitions, Offsets::new()),
        StartupMode::SpecificOffsets(given) => {
            from_group(lookup, options, partitions, by_partition(partitions, given))
        }
    }
}

fn by_partition(partitions: &[TopicPartition], given: &OffsetsByPartition) -> Offsets {
    let listed = partitions.iter().filter_map(|split| {
        given.get(&split.partition).map(|offset| (split.clone(), Some(*offset)))
    });
    listed.collect()
}

/// `given` first, then the group's offsets, then what the reset policy says.
fn from_group(
    lookup: &Lookup<'_>,
    options: &SourceOptions,
    partitions: &[TopicPartition],
    given: Offsets,
) -> Result<Offsets, Stop> {
    let mut starts = given;
    let open = missing(partitions, &starts);
    starts.extend(lookup.committed(&open)?);
    let open = missing(partitions, &starts);
    let Some(first) = open.first() else { return Ok(starts) };
    let query = match options.reset {
        OffsetReset::Earliest => OffsetQuery::Beginning,
        OffsetReset::Latest => OffsetQuery::End,
        OffsetReset::None => return Err(no_offset(options, first).into()),
    };
    starts.extend(lookup.offsets(&open, query)?);
    Ok(starts)
}

fn missing(partitions: &[TopicPartition], offsets: &Offsets) -> Vec<TopicPartition> {
    let has_offset = |split: &&TopicPartition| offsets.get(split).copied().flatten().is_some();
    partitions.iter().filter(|split| !has_offset(split)).cloned().collect()
}

fn no_offset(options: &SourceOptions, split: &TopicPartition) -> Error {
    let group = options.group_id.as_deref().unwrap_or("argus-…");
    let TopicPartition { topic, partition } = split;
    let message = format!(
        "the group '{group}' has no committed offset for topic '{topic}' partition {partition}; \
         write 'properties.auto.offset.reset' = 'earliest' or 'latest', or another \
         'scan.startup.mode'"
    );
    Error::user(errors::NO_OFFSET, message)
}

fn stops(
    lookup: &Lookup<'_>,
    options: &SourceOptions,
    partitions: &[TopicPartition],
    ends: &Offsets,
) -> Result<BTreeMap<TopicPartition, Offset>, Stop> {
    let stops = match &options.bounded {
        BoundedMode::Unbounded => Offsets::new(),
        BoundedMode::Latest => ends.clone(),
        BoundedMode::GroupOffsets => group_stops(lookup, options, partitions)?,
        BoundedMode::Timestamp(millis) => {
            lookup.offsets(partitions, OffsetQuery::Timestamp(*millis))?
        }
        BoundedMode::SpecificOffsets(given) => by_partition(partitions, given),
    };
    Ok(stops.into_iter().filter_map(|(split, offset)| Some((split, offset?))).collect())
}

fn group_stops(
    lookup: &Lookup<'_>,
    options: &SourceOptions,
    partitions: &[TopicPartition],
) -> Result<Offsets, Stop> {
    let stops = lookup.committed(partitions)?;
    match missing(partitions, &stops).first() {
        Some(split) => Err(no_offset(options, split).into()),
        None => Ok(stops),
    }
}
