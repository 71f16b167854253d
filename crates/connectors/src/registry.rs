//! The one list of connectors: what the planner asks about them and what the engine opens.
//!
//! A connector is an entry of four functions; nothing else in the workspace knows more than one
//! of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use argus_base::connector::{
    ConnectorCatalog, ConnectorContext, ConnectorFactory, ConnectorSpec, DeliveryPlan, FormatSpec,
    FormatUse, Projection, ScanSpec, SinkSet, SinkTable, TableDescriptor,
};
use argus_base::option::{OptionError, OptionSpec};
use argus_base::sink::Sink;
use argus_base::source::Source;
use argus_base::{Error, Field, Result};

use crate::format::{self, FormatContext};
use crate::table_options::{
    FormatOptions, SINK_OPTIONS, SOURCE_OPTIONS, TableOptions, format_names, known,
};
use crate::{blackhole, datagen, delivery, filesystem, jdbc, kafka, print};

type SourceFn = fn(&TableDescriptor, &ScanSpec, &ConnectorContext) -> Result<Arc<dyn Source>>;
type SinkFn = fn(&TableDescriptor, &[usize], &ConnectorContext) -> Result<Arc<dyn Sink>>;
type SinksFn = fn(&[SinkTable<'_>], &ConnectorContext) -> Result<SinkSet>;

/// How a connector opens the tables that a job writes.
enum SinkOpener {
    /// Each by itself; their rows become visible as they are written.
    Each(SinkFn),
    /// All of a job together, since some of them are committed together.
    Together(SinksFn),
}

/// A connector: its declaration, its check of a table, and what opens one.
struct Entry {
    spec: fn() -> ConnectorSpec,
    check: fn(&TableDescriptor) -> std::result::Result<(), OptionError>,
    source: Option<SourceFn>,
    sink: Option<SinkOpener>,
}

const ENTRIES: &[Entry] = &[
    Entry {
        spec: blackhole::spec,
        check: blackhole::check,
        source: None,
        sink: Some(SinkOpener::Each(blackhole::sink)),
    },
    Entry { spec: datagen::spec, check: datagen::check, source: Some(datagen::source), sink: None },
    Entry {
        spec: filesystem::spec,
        check: filesystem::check,
        source: Some(filesystem::source),
        sink: Some(SinkOpener::Together(filesystem::sinks)),
    },
    Entry {
        spec: jdbc::spec,
        check: jdbc::check,
        source: None,
        sink: Some(SinkOpener::Together(jdbc::sinks)),
    },
    Entry {
        spec: kafka::spec,
        check: kafka::check,
        source: Some(kafka::source),
        sink: Some(SinkOpener::Together(kafka::sinks)),
    },
    Entry {
        spec: print::spec,
        check: print::check,
        source: None,
        sink: Some(SinkOpener::Each(print::sink)),
    },
];

/// Every connector and format, as the planner and the engine see them.
pub struct Connectors {
    /// In the order of `ENTRIES`.
    specs: Vec<ConnectorSpec>,
}

/// Every declaration there is, from which the reference of options is written.
pub struct Declarations {
    /// All connectors.
    pub connectors: Vec<ConnectorSpec>,
    /// All formats.
    pub formats: Vec<&'static FormatSpec>,
    /// Options every source takes.
    pub source_options: &'static [OptionSpec],
    /// Options every sink takes.
    pub sink_options: &'static [OptionSpec],
}

/// Every declaration there is.
pub fn all() -> Declarations {
    Declarations {
        connectors: Connectors::new().specs,
        formats: format::formats().iter().map(|format| &format.spec).collect(),
        source_options: SOURCE_OPTIONS,
        sink_options: SINK_OPTIONS,
    }
}

impl Connectors {
    /// The registry.
    pub fn new() -> Connectors {
        Connectors { specs: ENTRIES.iter().map(|entry| (entry.spec)()).collect() }
    }

    fn find(&self, identifier: &str) -> Option<(&ConnectorSpec, &'static Entry)> {
        let position = self.specs.iter().position(|spec| spec.identifier == identifier)?;
        Some((&self.specs[position], &ENTRIES[position]))
    }

    fn unknown_connector(&self, identifier: &str) -> OptionError {
        let (key, value) = ("connector".to_owned(), identifier.to_owned());
        let known = known(identifier, &self.connector_names());
        if NOT_YET.contains(&identifier) {
            let problem = format!("the connector '{identifier}' does not run yet; {known}");
            return OptionError::NotYet { key, problem };
        }
        OptionError::BadValue { key, value, problem: format!("unknown connector; {known}") }
    }

    fn find_for(
        &self,
        table: &TableDescriptor,
    ) -> std::result::Result<(&ConnectorSpec, &'static Entry), OptionError> {
        let Some(identifier) = table.options.get("connector") else {
            let help = format!("Where the table is: one of {}.", self.connector_names().join(", "));
            return Err(OptionError::Missing { key: "connector".to_owned(), help });
        };
        self.find(identifier).ok_or_else(|| self.unknown_connector(identifier))
    }
}

/// Connectors of Flink's own project that are not here yet.
const NOT_YET: &[&str] = &[
    "upsert-kafka",
    "kinesis",
    "firehose",
    "dynamodb",
    "elasticsearch-6",
    "elasticsearch-7",
    "opensearch",
    "hbase-2.2",
    "mongodb",
];

impl Default for Connectors {
    fn default() -> Connectors {
        Connectors::new()
    }
}

impl ConnectorCatalog for Connectors {
    fn connector(&self, identifier: &str) -> Option<&ConnectorSpec> {
        self.find(identifier).map(|(spec, _)| spec)
    }

    fn connector_names(&self) -> Vec<&'static str> {
        self.specs.iter().map(|spec| spec.identifier).collect()
    }

    fn format(&self, identifier: &str) -> Option<&FormatSpec> {
        format::lookup(identifier).map(|format| &format.spec)
    }

    fn format_names(&self) -> Vec<&'static str> {
        format_names()
    }

    fn check_table(&self, table: &TableDescriptor) -> std::result::Result<(), OptionError> {
        let (spec, entry) = self.find_for(table)?;
        let options = TableOptions::check(table, spec)?;
        if spec.format == FormatUse::Body
            && let Some(body) = &options.body
        {
            let schema: Vec<Field> = body_fields(table);
            (body.format.spec.check_schema)(&schema).map_err(|why| {
                let identifier = body.format.spec.identifier;
                OptionError::Conflict(format!("format '{identifier}' cannot hold the table: {why}"))
            })?;
            check_together(body, &schema)?;
        }
        (entry.check)(table)
    }

    fn is_bounded(&self, table: &TableDescriptor, settings: &BTreeMap<String, String>) -> bool {
        is_bounded(table, settings)
    }

    fn is_same_on_replay(
        &self,
        table: &TableDescriptor,
        column: usize,
        settings: &BTreeMap<String, String>,
    ) -> bool {
        let is_made_up = table.options.get("connector").is_some_and(|name| name == "datagen");
        !is_made_up || datagen::is_same_on_replay(table, column, settings)
    }

    fn delivery(
        &self,
        sink: &SinkTable<'_>,
        settings: &BTreeMap<String, String>,
        takes_checkpoints: bool,
    ) -> DeliveryPlan {
        delivery::delivery(sink, settings, takes_checkpoints)
    }
}

/// Options of a format that exclude each other are found by making a decoder of them.
fn check_together(body: &FormatOptions, schema: &[Field]) -> std::result::Result<(), OptionError> {
    let projection = Projection::all(schema.len());
    let context =
        FormatContext { schema, projection: &projection, options: &body.options, time_zone: "UTC" };
    let made = (body.format.decoder)(&context);
    made.map(drop).map_err(|error| OptionError::Conflict(error.to_string()))
}

/// What each source will say of itself when it is opened, known from the options alone.
fn is_bounded(table: &TableDescriptor, settings: &BTreeMap<String, String>) -> bool {
    let option = |key: &str| table.options.get(key).map(String::as_str);
    let text = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
    match option("connector") {
        Some("kafka") => {
            option("scan.bounded.mode").is_some_and(|mode| !mode.eq_ignore_ascii_case("unbounded"))
        }
        Some("filesystem") => option("source.monitor-interval").is_none(),
        Some("datagen") => {
            let is_sequence = |(key, value): (&String, &String)| {
                key.starts_with("fields.")
                    && key.ends_with(".kind")
                    && value.eq_ignore_ascii_case("sequence")
            };
            let set =
                settings.get("argus.datagen.number-of-rows").filter(|value| !value.is_empty());
            let has_count = match set {
                Some(count) => count.trim() != "0",
                None => text(option("number-of-rows")),
            };
            has_count || table.options.iter().any(is_sequence)
        }
        _ => true,
    }
}

/// The physical columns that a body holds: those the table is not partitioned by.
pub(crate) fn body_fields(table: &TableDescriptor) -> Vec<Field> {
    let columns = table.physical.iter();
    columns.filter(|field| !table.partition_keys.contains(&field.name)).cloned().collect()
}

impl ConnectorFactory for Connectors {
    fn source(
        &self,
        table: &TableDescriptor,
        scan: &ScanSpec,
        context: &ConnectorContext,
    ) -> Result<Arc<dyn Source>> {
        let (spec, entry) = self.find_for(table).map_err(|error| unchecked(table, &error))?;
        let Some(source) = entry.source else {
            return Err(cannot(table, spec.identifier, "be read"));
        };
        source(table, scan, context).map_err(|error| in_table(error, table))
    }

    fn sinks(&self, tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
        let mut opened: Vec<Option<Arc<dyn Sink>>> = vec![None; tables.len()];
        let mut committers = Vec::new();
        for (positions, opener) in self.by_connector(tables)? {
            let own: Vec<SinkTable<'_>> = positions.iter().map(|&index| tables[index]).collect();
            let set = match opener {
                SinkOpener::Each(open) => open_each(*open, &own, context)?,
                SinkOpener::Together(open) => open(&own, context)?,
            };
            for (sink, &position) in set.sinks.into_iter().zip(&positions) {
                opened[position] = Some(sink);
            }
            committers.extend(set.committers.into_iter().map(|mut committer| {
                committer.sinks.iter_mut().for_each(|sink| *sink = positions[*sink]);
                committer
            }));
        }
        let sinks = opened.into_iter().map(|sink| {
            sink.ok_or_else(|| Error::bug("a connector opened fewer tables than it was asked for"))
        });
        Ok(SinkSet { sinks: sinks.collect::<Result<_>>()?, committers })
    }
}

impl Connectors {
    /// Positions of the tables of each connector, in order of first appearance.
    fn by_connector(
        &self,
        tables: &[SinkTable<'_>],
    ) -> Result<Vec<(Vec<usize>, &'static SinkOpener)>> {
        let mut groups: Vec<(&str, Vec<usize>, &'static SinkOpener)> = Vec::new();
        for (position, SinkTable { table, .. }) in tables.iter().enumerate() {
            let (spec, entry) = self.find_for(table).map_err(|error| unchecked(table, &error))?;
            let Some(opener) = &entry.sink else {
                return Err(cannot(table, spec.identifier, "be written to"));
            };
            match groups.iter_mut().find(|(identifier, ..)| *identifier == spec.identifier) {
                Some((_, positions, _)) => positions.push(position),
                None => groups.push((spec.identifier, vec![position], opener)),
            }
        }
        Ok(groups.into_iter().map(|(_, positions, opener)| (positions, opener)).collect())
    }
}

/// Opens tables one by one, none of which needs a committer.
pub(crate) fn open_each(
    open: SinkFn,
    tables: &[SinkTable<'_>],
    context: &ConnectorContext,
) -> Result<SinkSet> {
    let sinks = tables.iter().map(|SinkTable { table, metadata, .. }| {
        open(table, metadata, context).map_err(|error| in_table(error, table))
    });
    Ok(SinkSet { sinks: sinks.collect::<Result<_>>()?, committers: Vec::new() })
}

fn in_table(error: Error, table: &TableDescriptor) -> Error {
    error.context(format!("open the table '{}'", table.name))
}

fn cannot(table: &TableDescriptor, identifier: &str, what: &str) -> Error {
    let name = &table.name;
    Error::user(
        "AR3001",
        format!("the table '{name}' of the connector '{identifier}' cannot {what}"),
    )
}

/// An option error in a table that should have been checked before.
pub(crate) fn unchecked(table: &TableDescriptor, error: &OptionError) -> Error {
    Error::user("AR3002", format!("table '{}': {error}", table.name))
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
