//! How a partition is told to be complete: by an empty file in its folder.
//!
//! Process time decides: a partition is complete `delay` after its first file became visible, and
//! with the last epoch of an input that has come to its end. Another file in it makes it incomplete
//! again, and it is told once more.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_base::option::{OptionError, OptionKind, OptionSpec, Options};
use argus_base::time::ProcessingTime;

/// Which files tell it; partitions are told only where this is written.
const KIND: &str = "sink.partition-commit.policy.kind";
const TRIGGER: &str = "sink.partition-commit.trigger";
const NAME: &str = "sink.partition-commit.success-file.name";
const DELAY: &str = "sink.partition-commit.delay";
const UNUSED: &str = "Accepted; used by the trigger partition-time, which does not run yet.";

/// The options.
pub const OPTIONS: [OptionSpec; 11] = [
    OptionSpec::new(
        KIND,
        OptionKind::Text,
        "success-file: an empty file in a partition's folder tells that it is complete; where not \
         written, nothing does.",
    ),
    OptionSpec::new(
        TRIGGER,
        OptionKind::Enum(&["process-time", "partition-time"]),
        "When a partition is complete: the delay after its first file. partition-time does not \
         run yet.",
    )
    .default("process-time"),
    OptionSpec::new(
        DELAY,
        OptionKind::Duration,
        "Time from a partition's first visible file to its completion; looked at with each \
         checkpoint. The end of the input ends it.",
    )
    .default("0 s"),
    OptionSpec::new(NAME, OptionKind::Text, "Name of the file.").default("_SUCCESS"),
    OptionSpec::new("sink.partition-commit.policy.class", OptionKind::Text, "Not supported yet."),
    OptionSpec::new(
        "sink.partition-commit.policy.class.parameters",
        OptionKind::Text,
        "Not supported yet.",
    ),
    OptionSpec::new("sink.partition-commit.watermark-time-zone", OptionKind::Text, UNUSED)
        .default("UTC"),
    OptionSpec::new("partition.time-extractor.kind", OptionKind::Text, UNUSED).default("default"),
    OptionSpec::new("partition.time-extractor.class", OptionKind::Text, UNUSED),
    OptionSpec::new("partition.time-extractor.timestamp-pattern", OptionKind::Text, UNUSED),
    OptionSpec::new("partition.time-extractor.timestamp-formatter", OptionKind::Text, UNUSED)
        .default("yyyy-MM-dd HH:mm:ss"),
];

/// When partitions are complete, and how that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionPolicy {
    /// Name of the file.
    pub success_name: String,
    /// From the first visible file on.
    delay: Duration,
}

/// Partitions that are not complete: folder, and when its first file became visible, in
/// milliseconds since 1970.
pub type Waiting = BTreeMap<String, i64>;

impl PartitionPolicy {
    /// The policy of a table; `None` where nothing tells that a partition is complete.
    pub fn of(options: &Options) -> Result<Option<PartitionPolicy>, OptionError> {
        let Some(kinds) = options.text(KIND) else { return Ok(None) };
        for kind in kinds.split(',').map(str::trim) {
            check_kind(kind)?;
        }
        if options.word(TRIGGER) == Some("partition-time") {
            let problem = "the trigger 'partition-time' does not run yet; 'process-time' does";
            return Err(not_yet(TRIGGER, problem));
        }
        let success_name = options.text(NAME).unwrap_or_default().to_owned();
        if success_name.is_empty() || success_name.contains('/') {
            let problem = "expected the name of a file".to_owned();
            return Err(OptionError::BadValue {
                key: NAME.to_owned(),
                value: success_name,
                problem,
            });
        }
        let delay = options.duration(DELAY).unwrap_or_default();
        Ok(Some(PartitionPolicy { success_name, delay }))
    }

    /// Takes the partitions out that are complete.
    pub fn take_complete(&self, waiting: &mut Waiting, now: ProcessingTime) -> Vec<String> {
        let delay = i64::try_from(self.delay.as_millis()).unwrap_or(i64::MAX);
        let is_complete = |begun: i64| now.0 >= begun.saturating_add(delay);
        let complete: Vec<String> = waiting
            .iter()
            .filter(|(_, begun)| is_complete(**begun))
            .map(|(folder, _)| folder.clone())
            .collect();
        waiting.retain(|_, begun| !is_complete(*begun));
        complete
    }
}

fn check_kind(kind: &str) -> Result<(), OptionError> {
    let bad = |problem: &str| OptionError::BadValue {
        key: KIND.to_owned(),
        value: kind.to_owned(),
        problem: problem.to_owned(),
    };
    match kind.to_ascii_lowercase().as_str() {
        "success-file" => Ok(()),
        "metastore" => Err(bad("only a table of Hive has a metastore; expected success-file")),
        "custom" => Err(not_yet(KIND, "the policy 'custom' does not run yet; 'success-file' does")),
        _ => Err(bad("expected success-file")),
    }
}

fn not_yet(key: &str, problem: &str) -> OptionError {
    OptionError::NotYet { key: key.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(written: &[(&str, &str)]) -> Result<Option<PartitionPolicy>, OptionError> {
        let written = written.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        PartitionPolicy::of(&Options::check(OPTIONS, &written.collect()).unwrap())
    }

    #[test]
    fn partitions_are_complete_after_the_delay() {
        assert_eq!(policy(&[(DELAY, "1 h")]), Ok(None));
        let policy = policy(&[(KIND, "success-file"), (DELAY, "10 ms")]).unwrap().unwrap();
        assert_eq!(policy.success_name, "_SUCCESS");
        let mut waiting = Waiting::from([("a=1".to_owned(), 100), ("a=2".to_owned(), 101)]);
        assert_eq!(policy.take_complete(&mut waiting, ProcessingTime(109)), [""; 0]);
        assert_eq!(policy.take_complete(&mut waiting, ProcessingTime(110)), ["a=1"]);
        assert_eq!(waiting.keys().collect::<Vec<_>>(), ["a=2"]);
    }

    #[test]
    fn other_policies_are_refused() {
        let refused = |written: &[(&str, &str)]| policy(written).unwrap_err();
        let metastore = refused(&[(KIND, "metastore,success-file")]);
        assert!(matches!(metastore, OptionError::BadValue { .. }), "{metastore}");
        let custom = refused(&[(KIND, "success-file, custom")]);
        assert!(matches!(custom, OptionError::NotYet { .. }), "{custom}");
        let by_time = refused(&[(KIND, "success-file"), (TRIGGER, "partition-time")]);
        assert!(matches!(by_time, OptionError::NotYet { .. }), "{by_time}");
        assert!(policy(&[(KIND, "success-file"), (NAME, "a/b")]).is_err());
    }
}
