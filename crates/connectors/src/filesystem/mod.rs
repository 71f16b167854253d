//! `filesystem`: files in a folder as a table, hive-style partitions included.
//!
//! Reading and writing happen on one I/O thread a subtask. What a reader sees of a folder is what
//! its listing found; what a writer wrote is seen by nobody before the end of the input.

mod fetch;
mod glob;
mod layout;
mod listing;
mod part_file;
mod partition;
mod path;
mod sink;
mod source;

use std::sync::Arc;

use argus_base::connector::{
    ConnectorContext, ConnectorSpec, FormatUse, MetadataSpec, ScanSpec, SinkMode, SinkSet,
    SinkTable, TableDescriptor,
};
use argus_base::option::{OptionError, OptionKind, OptionSpec};
use argus_base::sink::Sink;
use argus_base::source::Source;
use argus_base::{Result, TypeRoot};

use crate::registry::unchecked;
use crate::table_options::TableOptions;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "path",
        OptionKind::Text,
        "A file, a folder, or for reading a pattern with *, ? and [ ]; plain or as file:// URI.",
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
    OptionSpec::new("sink.partition-commit.*", OptionKind::Text, "Not supported yet."),
    OptionSpec::new("partition.time-extractor.*", OptionKind::Text, "Not supported yet."),
];

const AUTO_COMPACTION: &str = "auto-compaction";
/// Options of Flink that would change what is written, so that ignoring them would be wrong.
const UNSUPPORTED: [&str; 3] =
    ["compaction.file-size", "sink.partition-commit.", "partition.time-extractor."];

/// The declaration.
pub fn spec() -> ConnectorSpec {
    let readable =
        |key, root: TypeRoot| MetadataSpec { key, logical_type: root.not_null(), writable: false };
    ConnectorSpec {
        identifier: "filesystem",
        source: true,
        sink: Some(SinkMode::Append),
        format: FormatUse::Body,
        options: OPTIONS,
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
    if options.bool(AUTO_COMPACTION) {
        return Err(OptionError::Conflict(format!("'{AUTO_COMPACTION}' is not supported yet")));
    }
    for key in table.options.keys() {
        if UNSUPPORTED.iter().any(|prefix| key.starts_with(prefix)) {
            return Err(OptionError::Conflict(format!("'{key}' is not supported yet")));
        }
    }
    let path = options.text("path").unwrap_or_default();
    path::local(path).map_err(|problem| OptionError::BadValue {
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
    crate::registry::open_each(sink, tables, context)
}

fn sink(
    table: &TableDescriptor,
    _metadata: &[usize],
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>> {
    let options = TableOptions::check(table, &spec()).map_err(|error| unchecked(table, &error))?;
    sink::open(table, context, &options)
}

/// Codes of this connector's errors.
mod code {
    /// A path is not there, or cannot be listed or read.
    pub const CANNOT_READ: &str = "AR3401";
    /// A record of a file cannot be decoded.
    pub const BAD_RECORD: &str = "AR3402";
    /// A file cannot be written: rights, space, or what lies in its place.
    pub const CANNOT_WRITE: &str = "AR3403";
    /// A row cannot be encoded.
    pub const BAD_ROW: &str = "AR3404";
    /// A partition's name is no value of its column.
    pub const BAD_PARTITION: &str = "AR3405";
}

#[cfg(test)]
#[path = "filesystem_tests.rs"]
mod tests;
