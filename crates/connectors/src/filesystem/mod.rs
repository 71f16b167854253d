//! `filesystem`: files in a folder as a table, hive-style partitions included.
//!
//! Reading and writing happen on one I/O thread a subtask. What a reader sees of a folder is what
//! its listing found; what a writer wrote is seen by nobody before its epoch is committed, or in
//! a job without checkpoints, before the end of the input.

mod commit_marker;
mod committer;
mod fetch;
mod glob;
mod hidden;
mod layout;
mod listing;
mod local;
mod part_file;
mod partition;
mod partition_commit;
mod path;
mod patience;
mod place;
mod prepared;
mod s3;
mod sink;
mod source;
mod writer;

use std::sync::Arc;

use argus_base::connector::{
    ConnectorContext, ConnectorSpec, FormatUse, MetadataSpec, ScanSpec, SinkMode, SinkSet,
    SinkTable, TableDescriptor,
};
use argus_base::option::{OptionError, OptionKind, OptionSpec};
use argus_base::source::Source;
use argus_base::{Result, TypeRoot};

use crate::registry::unchecked;
use crate::table_options::TableOptions;
use partition_commit::PartitionPolicy;

const OWN_OPTIONS: [OptionSpec; 11] = [
    OptionSpec::new(
        "path",
        OptionKind::Text,
        "A file, a folder, or for reading a pattern with *, ? and [ ]; plain or as file:// URI. \
         For writing also s3://bucket/path.",
    )
    .required(),
    OptionSpec::new(
        "partition.default-name",
        OptionKind::Text,
        "Name of the partition of rows whose partition column is NULL or empty.",
    )
    .default("__DEFAULT_PARTITION__"),
    OptionSpec::new(
        "source.monitor-interval",
        OptionKind::Duration,
        "How often to look for new files; where not written, the table ends with the files that \
         are there.",
    ),
    OptionSpec::new(
        "source.path.regex-pattern",
        OptionKind::Text,
        "Regular expression: of the files below `path`, those whose whole absolute path matches.",
    ),
    OptionSpec::new(
        "source.report-statistics",
        OptionKind::Enum(&["all", "none"]),
        "Accepted and not used.",
    )
    .default("none"),
    OptionSpec::new(
        "sink.rolling-policy.file-size",
        OptionKind::MemorySize,
        "A file that has reached this size is followed by another.",
    )
    .default("128 mb"),
    OptionSpec::new(
        "sink.rolling-policy.rollover-interval",
        OptionKind::Duration,
        "A file that has been open for this long is followed by another.",
    )
    .default("30 min"),
    OptionSpec::new(
        "sink.rolling-policy.check-interval",
        OptionKind::Duration,
        "Accepted; a file's age is looked at with each batch.",
    )
    .default("1 min"),
    OptionSpec::new(AUTO_COMPACTION, OptionKind::Bool, "Not supported yet.").default("false"),
    OptionSpec::new("compaction.file-size", OptionKind::MemorySize, "Not supported yet."),
    OptionSpec::new("sink.shuffle-by-partition.enable", OptionKind::Bool, "Accepted and not used.")
        .default("false"),
];

/// All of them.
const OPTIONS: [OptionSpec; 22] = {
    let mut all = [OWN_OPTIONS[0]; 22];
    let mut i = 0;
    while i < 11 {
        all[i] = OWN_OPTIONS[i];
        all[11 + i] = partition_commit::OPTIONS[i];
        i += 1;
    }
    all
};

const AUTO_COMPACTION: &str = "auto-compaction";
const COMPACTED_SIZE: &str = "compaction.file-size";

/// The declaration.
pub fn spec() -> ConnectorSpec {
    let readable =
        |key, root: TypeRoot| MetadataSpec { key, logical_type: root.not_null(), writable: false };
    ConnectorSpec {
        identifier: "filesystem",
        source: true,
        sink: Some(SinkMode::Append),
        format: FormatUse::Body,
        options: &OPTIONS,
        metadata: vec![
            readable("file.path", TypeRoot::STRING),
            readable("file.name", TypeRoot::STRING),
            readable("file.size", TypeRoot::BigInt),
            readable("file.modification-time", TypeRoot::timestamp_ltz(3)),
        ],
    }
}

/// Checks the path, the pattern and the partition columns; looks at no file.
pub fn check(table: &TableDescriptor) -> std::result::Result<(), OptionError> {
    let options = TableOptions::check(table, &spec())?.connector;
    let compacts = [AUTO_COMPACTION, COMPACTED_SIZE];
    let is_asked = options.bool(AUTO_COMPACTION) || options.is_written(COMPACTED_SIZE);
    if let Some(key) = compacts.iter().find(|key| is_asked && options.is_written(key)) {
        let problem = "files are not compacted yet".to_owned();
        return Err(OptionError::NotYet { key: (*key).to_owned(), problem });
    }
    PartitionPolicy::of(&options)?;
    let path = options.text("path").unwrap_or_default();
    path::Location::parse(path).map_err(|problem| OptionError::BadValue {
        key: "path".to_owned(),
        value: path.to_owned(),
        problem,
    })?;
    if let Some(pattern) = options.text("source.path.regex-pattern") {
        listing::whole_match(pattern).map_err(|problem| OptionError::BadValue {
            key: "source.path.regex-pattern".to_owned(),
            value: pattern.to_owned(),
            problem,
        })?;
    }
    layout::check_partition_columns(table).map_err(OptionError::Conflict)
}

/// Opens a table for reading. A bounded one is listed here, so that its readers agree.
pub fn source(
    table: &TableDescriptor,
    scan: &ScanSpec,
    context: &ConnectorContext,
) -> Result<Arc<dyn Source>> {
    let options = TableOptions::check(table, &spec()).map_err(|error| unchecked(table, &error))?;
    source::open(table, scan, context, &options)
}

/// Opens the tables that a job writes.
pub fn sinks(tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
    sink::open_all(tables, context)
}

/// Codes of this connector's errors.
mod code {
    /// A path is not there, or cannot be listed or read.
    pub const CANNOT_READ: &str = "AR3401";
    /// A record of a file cannot be decoded.
    pub const BAD_RECORD: &str = "AR3402";
    /// A file cannot be written: rights, or what lies in its place.
    pub const CANNOT_WRITE: &str = "AR3403";
    /// A row cannot be encoded.
    pub const BAD_ROW: &str = "AR3404";
    /// A partition's name is no value of its column.
    pub const BAD_PARTITION: &str = "AR3405";
    /// A file of a committed checkpoint is nowhere.
    pub const LOST_FILE: &str = "AR3406";
    /// The file that says what is committed cannot be read.
    pub const BAD_MARKER: &str = "AR3407";
    /// Another run of the job has taken the folder over.
    pub const FENCED: &str = "AR3408";
    /// A disk is full or fails, or the server of a bucket does not answer.
    pub const AWAY: &str = "AR3409";
    /// The server of a bucket refuses.
    pub const REFUSED: &str = "AR3410";
}

#[cfg(test)]
mod commit_tests;
#[cfg(test)]
#[path = "filesystem_tests.rs"]
mod tests;
