//! What a checkpoint holds of one partition: `42`, or `42/100` where reading ends before 100.
//!
//! A reader that has begun and has no partitions says so with a split of its own, so that a
//! restored job knows that it is no fresh start: partitions found later begin at their beginning.

use std::collections::BTreeMap;

use argus_base::source::SplitPosition;
use argus_base::{Error, ErrorKind, Result};

use super::assign::TopicPartition;
use super::startup::Offset;

/// Where reading goes on and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Next record.
    pub start: Offset,
    /// First record that is not read; `None` never ends.
    pub stop: Option<Offset>,
}

impl Range {
    /// The position as a checkpoint keeps it.
    pub fn encode(&self, split: &TopicPartition) -> SplitPosition {
        let position = match self.stop {
            None => self.start.0.to_string(),
            Some(stop) => format!("{}/{}", self.start.0, stop.0),
        };
        SplitPosition { split: split.split_name(), position }
    }

    fn decode(text: &str) -> Option<Range> {
        let (start, stop) = match text.split_once('/') {
            None => (text, None),
            Some((start, stop)) => (start, Some(Offset(stop.parse().ok()?))),
        };
        Some(Range { start: Offset(start.parse().ok()?), stop })
    }
}

/// The split of a reader without partitions; no topic has that name.
pub fn nothing_to_read() -> SplitPosition {
    SplitPosition { split: "*".to_owned(), position: "0".to_owned() }
}

/// The next records, as a group's offsets have them.
pub fn next_records(positions: &[SplitPosition]) -> Vec<(TopicPartition, Offset)> {
    let next = positions.iter().filter_map(|SplitPosition { split, position }| {
        Some((TopicPartition::of_split_name(split)?, Range::decode(position)?.start))
    });
    next.collect()
}

/// Restored ranges by the name of the split.
pub type RestoredRanges = BTreeMap<String, Range>;

/// Reads the positions of a checkpoint.
pub fn decode_all(positions: &[SplitPosition]) -> Result<RestoredRanges> {
    let mut ranges = RestoredRanges::new();
    for SplitPosition { split, position } in positions {
        let range = Range::decode(position).ok_or_else(|| {
            let message = format!("'{position}' is no position of the Kafka partition {split}");
            Error::new(ErrorKind::Corrupt, "AR3313", message)
        })?;
        ranges.insert(split.clone(), range);
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_a_round_trip() {
        let split = TopicPartition { topic: "a".into(), partition: 3 };
        let range_of_42 = Range { start: Offset(42), stop: None };
        for stop in [None, Some(Offset(100))] {
            let range = Range { start: Offset(42), stop };
            let encoded = range.encode(&split);
            assert_eq!(encoded.split, "a/3");
            let decoded = decode_all(&[encoded]).expect("just encoded");
            assert_eq!(decoded.get("a/3"), Some(&range));
        }
        assert_eq!(decode_all(&[nothing_to_read()]).expect("readable").len(), 1);
        let next = next_records(&[nothing_to_read(), range_of_42.encode(&split)]);
        assert_eq!(next, [(split, Offset(42))]);
        let bad = SplitPosition { split: "a/0".into(), position: "x".into() };
        assert_eq!(decode_all(&[bad]).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
