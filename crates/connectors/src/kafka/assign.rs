//! Which subtask reads which partition: Flink's own rule, so that a job which moves between the
//! two has the same spread.

use argus_base::id::SubtaskIndex;

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// Topic.
    pub topic: String,
    /// Partition, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// The subtask, of `parallelism` of them, that reads this partition: those of one topic go
    /// round the subtasks, beginning at one that the topic's name chooses.
    pub fn owner(&self, parallelism: usize) -> SubtaskIndex {
        let start = java_string_hash(&self.topic).wrapping_mul(31) & i32::MAX;
        let start = usize::try_from(start).unwrap_or(0) % parallelism;
        let partition = usize::try_from(self.partition).unwrap_or(0);
        SubtaskIndex((start + partition) % parallelism)
    }

    /// The name of the split in a checkpoint: `topic/partition`. A topic has no `/`.
    pub fn split_name(&self) -> String {
        format!("{}/{}", self.topic, self.partition)
    }

    /// The partition of such a name.
    pub fn of_split_name(name: &str) -> Option<TopicPartition> {
        let (topic, partition) = name.rsplit_once('/')?;
        Some(TopicPartition { topic: topic.to_owned(), partition: partition.parse().ok()? })
    }
}

/// Java's `String.hashCode`.
fn java_string_hash(text: &str) -> i32 {
    let units = text.encode_utf16().map(i32::from);
    units.fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_javas() {
        for (text, expected) in [("", 0), ("a", 97), ("hello", 99_162_322), ("Aa", 2112)] {
            assert_eq!(java_string_hash(text), expected, "{text}");
        }
        assert_eq!(java_string_hash("BB"), java_string_hash("Aa"));
    }

    #[test]
    fn each_partition_has_one_owner_and_the_spread_is_even() {
        let mut counts = [0; 3];
        for partition in 0..9 {
            let split = TopicPartition { topic: "content-downloads".into(), partition };
            counts[split.owner(3).0] += 1;
            assert_eq!(split.owner(1), SubtaskIndex(0));
            assert_eq!(TopicPartition::of_split_name(&split.split_name()), Some(split));
        }
        assert_eq!(counts, [3, 3, 3]);
    }
}
