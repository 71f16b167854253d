//! Where reading begins and ends: `scan.startup.mode`, `scan.bounded.mode` and their options.

use std::collections::BTreeMap;

/// An offset: the position of a record in its partition, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset(pub i64);

/// Offsets that a script gives by partition.
pub type OffsetsByPartition = BTreeMap<i32, Offset>;

/// Where reading begins at a fresh start. Partitions found later begin at their beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartupMode {
    /// At the group's committed offsets; the reset policy decides where there is none.
    GroupOffsets,
    /// At the beginning.
    Earliest,
    /// At the end.
    Latest,
    /// At the first record of that time or later, in milliseconds since 1970.
    Timestamp(i64),
    /// At these offsets; the group's committed offsets where a partition is not listed.
    SpecificOffsets(OffsetsByPartition),
}

/// Where reading ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundedMode {
    /// Never.
    Unbounded,
    /// At the end as it was at the start.
    Latest,
    /// At the group's committed offsets.
    GroupOffsets,
    /// Before the first record of that time or later, in milliseconds since 1970.
    Timestamp(i64),
    /// Before these offsets; a partition that is not listed has no end.
    SpecificOffsets(OffsetsByPartition),
}

/// `properties.auto.offset.reset`: what happens where no offset is committed or the offset is
/// gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// Go on at the beginning.
    Earliest,
    /// Go on at the end.
    Latest,
    /// It is an error.
    None,
}

impl StartupMode {
    /// What happens when an offset is no longer there, as Flink decides it: the property counts
    /// only for group offsets.
    pub fn reset(&self, property: Option<OffsetReset>) -> OffsetReset {
        match self {
            StartupMode::GroupOffsets => property.unwrap_or(OffsetReset::None),
            StartupMode::Earliest | StartupMode::SpecificOffsets(_) => OffsetReset::Earliest,
            StartupMode::Latest | StartupMode::Timestamp(_) => OffsetReset::Latest,
        }
    }
}

/// Reads `partition:0,offset:42;partition:1,offset:300`.
pub fn parse_specific_offsets(text: &str) -> Result<OffsetsByPartition, String> {
    let mut offsets = OffsetsByPartition::new();
    for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (partition, offset) = parse_pair(pair).ok_or_else(|| {
            format!("expected 'partition:0,offset:42;partition:1,offset:300', found '{pair}'")
        })?;
        if offsets.insert(partition, offset).is_some() {
            return Err(format!("partition {partition} is given twice"));
        }
    }
    if offsets.is_empty() {
        return Err("expected 'partition:0,offset:42;…', found nothing".into());
    }
    Ok(offsets)
}

fn parse_pair(pair: &str) -> Option<(i32, Offset)> {
    let (partition, offset) = pair.split_once(',')?;
    let partition = partition.trim().strip_prefix("partition:")?.trim().parse().ok()?;
    let offset: i64 = offset.trim().strip_prefix("offset:")?.trim().parse().ok()?;
    (partition >= 0 && offset >= 0).then_some((partition, Offset(offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specific_offsets() {
        let expected = OffsetsByPartition::from([(0, Offset(42)), (1, Offset(300))]);
        assert_eq!(
            parse_specific_offsets("partition:0,offset:42;partition:1,offset:300"),
            Ok(expected.clone())
        );
        assert_eq!(
            parse_specific_offsets(" partition: 1, offset: 300 ; partition:0,offset:42; "),
            Ok(expected)
        );
        for bad in ["", "partition:0", "offset:1,partition:0", "partition:-1,offset:0", "0:1"] {
            assert!(parse_specific_offsets(bad).is_err(), "{bad}");
        }
        let twice = parse_specific_offsets("partition:0,offset:1;partition:0,offset:2");
        assert_eq!(twice, Err("partition 0 is given twice".into()));
    }

    #[test]
    fn the_reset_property_counts_for_group_offsets_only() {
        let latest = Some(OffsetReset::Latest);
        assert_eq!(StartupMode::GroupOffsets.reset(None), OffsetReset::None);
        assert_eq!(StartupMode::GroupOffsets.reset(latest), OffsetReset::Latest);
        assert_eq!(StartupMode::Earliest.reset(latest), OffsetReset::Earliest);
        assert_eq!(StartupMode::Timestamp(5).reset(None), OffsetReset::Latest);
    }
}
