//! What a checkpoint holds of one partition: `42`, or `42/100` where reading ends before 100.

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
        for stop in [None, Some(Offset(100))] {
            let range = Range { start: Offset(42), stop };
            let encoded = range.encode(&split);
            assert_eq!(encoded.split, "a/3");
            let decoded = decode_all(&[encoded]).expect("just encoded");
            assert_eq!(decoded.get("a/3"), Some(&range));
        }
        let bad = SplitPosition { split: "a/0".into(), position: "x".into() };
        assert_eq!(decode_all(&[bad]).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
