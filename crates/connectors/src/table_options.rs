//! A table's options taken apart: the connector's own, the general ones of every source or sink,
//! and those of its formats with their prefixes taken off.

use std::collections::BTreeMap;

use argus_base::connector::{ConnectorSpec, FormatUse, TableDescriptor};
use argus_base::nearest::nearest;
use argus_base::option::{OptionError, OptionKind, OptionSpec, Options};

use crate::format::{self, Format};

const POSITIVE: OptionKind = OptionKind::Int { min: 1, max: i32::MAX as i64 };

/// Options every source takes.
pub const SOURCE_OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "scan.watermark.emit.strategy",
        OptionKind::Enum(&["on-periodic", "on-event"]),
        "When watermarks are sent: with each row, or at most once an interval.",
    )
    .default("on-periodic"),
    OptionSpec::new(
        "scan.watermark.idle-timeout",
        OptionKind::Duration,
        "How long a split may be silent before it no longer holds the watermark back; \
         never where it is not written.",
    ),
    OptionSpec::new(
        "scan.watermark.alignment.group",
        OptionKind::Text,
        "Name of the group of sources whose watermarks are kept together.",
    ),
    OptionSpec::new(
        "scan.watermark.alignment.max-drift",
        OptionKind::Duration,
        "How far the watermark of a source may run ahead of its group.",
    ),
    OptionSpec::new(
        "scan.watermark.alignment.update-interval",
        OptionKind::Duration,
        "How often the group is compared.",
    )
    .default("1 s"),
    OptionSpec::new(
        "scan.parallelism",
        POSITIVE,
        "Number of readers; the job's where not written.",
    ),
];

/// Options every sink takes.
pub const SINK_OPTIONS: &[OptionSpec] = &[OptionSpec::new(
    "sink.parallelism",
    POSITIVE,
    "Number of writers; the job's input's where not written.",
)];

/// A table's options, every one checked.
pub struct TableOptions {
    /// The connector's own.
    pub connector: Options,
    /// [`SOURCE_OPTIONS`] and [`SINK_OPTIONS`], as far as the connector is one.
    pub general: Options,
    /// Format of the body, where the connector has one.
    pub body: Option<FormatOptions>,
    /// Format of the key, where the connector takes one and it is written.
    pub key: Option<FormatOptions>,
}

/// A format a table names, with its options.
#[derive(Clone)]
pub struct FormatOptions {
    /// The format.
    pub format: &'static Format,
    /// Its options without the prefix.
    pub options: Options,
}

/// Where a format is named and what its options begin with.
struct FormatSlot {
    format: &'static Format,
    prefix: String,
    is_key: bool,
    written: BTreeMap<String, String>,
}

impl TableOptions {
    /// `scan.parallelism`.
    pub fn scan_parallelism(&self) -> Option<usize> {
        self.general.int("scan.parallelism").and_then(|number| usize::try_from(number).ok())
    }

    /// `sink.parallelism`.
    pub fn sink_parallelism(&self) -> Option<usize> {
        self.general.int("sink.parallelism").and_then(|number| usize::try_from(number).ok())
    }

    /// Takes the options of a table of that connector apart and checks each of them.
    pub fn check(
        table: &TableDescriptor,
        spec: &ConnectorSpec,
    ) -> Result<TableOptions, OptionError> {
        let mut slots = format_slots(&table.options, spec.format)?;
        let general_specs = general_specs(spec);
        let mut own = BTreeMap::new();
        let mut general = BTreeMap::new();
        for (key, value) in &table.options {
            if key == "connector" || is_format_key(key, spec.format) {
                continue;
            }
            let slot = slots.iter_mut().find(|slot| key.starts_with(&slot.prefix));
            if spec.options.iter().any(|option| option.matches(key)) {
                own.insert(key.clone(), value.clone());
            } else if let Some(slot) = slot {
                slot.written.insert(key[slot.prefix.len()..].to_owned(), value.clone());
            } else if general_specs.iter().any(|option| option.matches(key)) {
                general.insert(key.clone(), value.clone());
            } else {
                return Err(unknown(key, spec, &general_specs, &slots));
            }
        }
        let connector = Options::check(spec.options.iter().copied(), &own)?;
        let general = Options::check(general_specs, &general)?;
        let (mut body, mut key) = (None, None);
        for slot in slots {
            let is_key = slot.is_key;
            let place = if is_key { &mut key } else { &mut body };
            *place = Some(slot.check()?);
        }
        Ok(TableOptions { connector, general, body, key })
    }
}

impl FormatSlot {
    fn check(self) -> Result<FormatOptions, OptionError> {
        let specs = self.format.spec.options.iter().copied();
        let options = Options::check(specs, &self.written)
            .map_err(|error| with_prefix(error, &self.prefix))?;
        Ok(FormatOptions { format: self.format, options })
    }
}

fn with_prefix(error: OptionError, prefix: &str) -> OptionError {
    let full = |name: String| format!("{prefix}{name}");
    match error {
        OptionError::Unknown { key, nearest } => {
            OptionError::Unknown { key: full(key), nearest: nearest.map(full) }
        }
        OptionError::BadValue { key, value, problem } => {
            OptionError::BadValue { key: full(key), value, problem }
        }
        OptionError::Missing { key, help } => OptionError::Missing { key: full(key), help },
        OptionError::NotYet { key, problem } => OptionError::NotYet { key: full(key), problem },
        conflict @ OptionError::Conflict(_) => conflict,
    }
}

fn is_format_key(key: &str, format_use: FormatUse) -> bool {
    match format_use {
        FormatUse::None => false,
        FormatUse::Body => key == "format",
        FormatUse::KeyAndValue => matches!(key, "format" | "value.format" | "key.format"),
    }
}

fn format_slots(
    written: &BTreeMap<String, String>,
    format_use: FormatUse,
) -> Result<Vec<FormatSlot>, OptionError> {
    let keys: &[(&str, &str, bool)] = match format_use {
        FormatUse::None => return Ok(Vec::new()),
        FormatUse::Body => &[("format", "", false)],
        FormatUse::KeyAndValue => &[
            ("format", "", false),
            ("value.format", "value.", false),
            ("key.format", "key.", true),
        ],
    };
    if format_use == FormatUse::KeyAndValue
        && written.contains_key("format")
        && written.contains_key("value.format")
    {
        let both = "options 'format' and 'value.format' mean the same: write one of them";
        return Err(OptionError::Conflict(both.to_owned()));
    }
    let mut slots = Vec::new();
    for &(key, before, is_key) in keys {
        let Some(identifier) = written.get(key) else { continue };
        let format = format::lookup(identifier).ok_or_else(|| unknown_format(key, identifier))?;
        let prefix = format!("{before}{identifier}.");
        slots.push(FormatSlot { format, prefix, is_key, written: BTreeMap::new() });
    }
    if slots.iter().all(|slot| slot.is_key) {
        let help = format!("How the rows are written: one of {}.", format_names().join(", "));
        return Err(OptionError::Missing { key: "format".to_owned(), help });
    }
    Ok(slots)
}

/// Identifiers of all formats.
pub fn format_names() -> Vec<&'static str> {
    format::formats().iter().map(|format| format.spec.identifier).collect()
}

/// Formats of Flink that are not here yet.
const FORMATS_NOT_YET: &[&str] = &[
    "avro-confluent",
    "debezium-json",
    "debezium-avro-confluent",
    "canal-json",
    "maxwell-json",
    "ogg-json",
    "parquet",
    "orc",
    "protobuf",
];

fn unknown_format(key: &str, identifier: &str) -> OptionError {
    let known = known(identifier, &format_names());
    if FORMATS_NOT_YET.contains(&identifier) {
        let problem = format!("the format '{identifier}' does not run yet; {known}");
        return OptionError::NotYet { key: key.to_owned(), problem };
    }
    let problem = format!("unknown format; {known}");
    OptionError::BadValue { key: key.to_owned(), value: identifier.to_owned(), problem }
}

/// `did you mean 'x'?` or else `known are x, y, z`.
pub fn known(name: &str, names: &[&'static str]) -> String {
    nearest(name, names.iter().copied()).map_or_else(
        || format!("known are {}", names.join(", ")),
        |near| format!("did you mean '{near}'?"),
    )
}

/// The general options that a connector takes as a source, a sink, or both.
pub fn general_specs(spec: &ConnectorSpec) -> Vec<OptionSpec> {
    let source = if spec.source { SOURCE_OPTIONS } else { &[] };
    let sink = if spec.sink.is_some() { SINK_OPTIONS } else { &[] };
    source.iter().chain(sink).copied().collect()
}

fn unknown(
    key: &str,
    spec: &ConnectorSpec,
    general: &[OptionSpec],
    slots: &[FormatSlot],
) -> OptionError {
    let own = spec.options.iter().chain(general).map(|option| option.name.to_owned());
    let of_formats = slots.iter().flat_map(|slot| {
        let options = slot.format.spec.options.iter();
        options.map(move |option| format!("{}{}", slot.prefix, option.name))
    });
    let format_keys = ["format", "value.format", "key.format"].into_iter();
    let format_keys = format_keys.filter(|key| is_format_key(key, spec.format)).map(str::to_owned);
    let names: Vec<String> = own.chain(of_formats).chain(format_keys).collect();
    let near = nearest(key, names.iter().map(String::as_str));
    OptionError::Unknown { key: key.to_owned(), nearest: near.map(str::to_owned) }
}
