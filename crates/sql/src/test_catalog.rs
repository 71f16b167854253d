//! For tests of binding and rewriting: a script's CREATE statements as a catalog, made-up
//! connectors, and job graphs or errors as text.

use std::collections::BTreeMap;

use argus_base::TypeRoot;
use argus_base::connector::{
    ConnectorCatalog, ConnectorSpec, FormatSpec, FormatUse, MetadataSpec, SinkMode, TableDescriptor,
};
use argus_base::option::OptionError;
use argus_plan::explain::explain;
use argus_plan::{JobGraph, JobSettings};

use crate::bind::{self, Context};
use crate::catalog::{self, Catalog, ColumnKind, Object, PrimaryKey, Table, View, Watermark};
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::parse::parse_script;
use crate::statement::{ColumnDefinitionKind, CreateTable, CreateView, StatementKind};

/// Connectors `file` (source and append sink), `log` (source with metadata, sink by key) and
/// `out` (sink only).
pub(crate) struct Connectors(Vec<ConnectorSpec>);

impl Connectors {
    pub(crate) fn new() -> Connectors {
        let spec = |identifier, source, sink| ConnectorSpec {
            identifier,
            source,
            sink,
            format: FormatUse::None,
            options: &[],
            metadata: vec![
                MetadataSpec {
                    key: "timestamp",
                    logical_type: TypeRoot::timestamp_ltz(3).not_null(),
                    writable: true,
                },
                MetadataSpec {
                    key: "offset",
                    logical_type: TypeRoot::BigInt.not_null(),
                    writable: false,
                },
            ],
        };
        Connectors(vec![
            spec("file", true, Some(SinkMode::Append)),
            spec("log", true, Some(SinkMode::UpsertByKey)),
            spec("out", false, Some(SinkMode::Retract)),
        ])
    }
}

impl ConnectorCatalog for Connectors {
    fn connector(&self, identifier: &str) -> Option<&ConnectorSpec> {
        self.0.iter().find(|spec| spec.identifier == identifier)
    }

    fn connector_names(&self) -> Vec<&'static str> {
        self.0.iter().map(|spec| spec.identifier).collect()
    }

    fn format(&self, _identifier: &str) -> Option<&FormatSpec> {
        None
    }

    fn format_names(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn check_table(&self, table: &TableDescriptor) -> Result<(), OptionError> {
        if !table.options.contains_key("connector") {
            let (key, help) = ("connector".to_owned(), "Where.".to_owned());
            return Err(OptionError::Missing { key, help });
        }
        let known = [
            "connector",
            "note",
            "scan.parallelism",
            "sink.parallelism",
            "scan.watermark.emit.strategy",
        ];
        let unknown = table.options.keys().find(|key| !known.contains(&key.as_str()));
        match unknown {
            Some(key) => Err(OptionError::Unknown { key: key.clone(), nearest: None }),
            None => Ok(()),
        }
    }

    fn is_bounded(&self, table: &TableDescriptor, _settings: &BTreeMap<String, String>) -> bool {
        table.options.get("note").is_none_or(|note| note != "endless")
    }
}

/// Runs a script: the plan of its last query, or of all its INSERT statements; or what is wrong
/// with it.
pub(crate) fn plan(script: &str) -> String {
    match graph(script) {
        Ok(graph) => explain(&graph),
        Err(error) => print_error(script, &error),
    }
}

pub(crate) fn print_error(script: &str, error: &Diagnostic) -> String {
    let kind = match error.kind {
        DiagnosticKind::Wrong => "wrong",
        DiagnosticKind::Unsupported => "unsupported",
    };
    let span = error.span.unwrap_or_default();
    let at = script.get(span.start as usize..span.end as usize).unwrap_or("");
    let help = error.help.as_ref().map_or_else(String::new, |help| format!("\nhelp: {help}"));
    format!("{kind} {}: {}\nat: {at}{help}", error.code, error.message)
}

/// The job graph of a script.
pub(crate) fn graph(script: &str) -> Result<JobGraph, Diagnostic> {
    let connectors = Connectors::new();
    let mut catalog = Catalog::default();
    let mut written = BTreeMap::new();
    let mut inserts = Vec::new();
    let mut result = None;
    let overrides = BTreeMap::new();
    for statement in parse_script(&script.into(), &|_| None)? {
        let settings = JobSettings::check(&written, "job", "UTC").expect("tests set good options");
        let context = Context {
            catalog: &catalog,
            connectors: &connectors,
            settings: &settings,
            overrides: &overrides,
        };
        match statement.kind {
            StatementKind::CreateTable(create) => {
                let mut table = declared(*create);
                bind::bind_table(&context, &mut table)?;
                catalog.put(Object::Table(Box::new(table)), false);
            }
            StatementKind::CreateView(create) => {
                let view = view(*create);
                bind::view_columns(&context, &view)?;
                catalog.put(Object::View(view), false);
            }
            StatementKind::Set(setting) => {
                written.insert(setting.key, setting.value.value);
            }
            StatementKind::Query(query) => result = Some(bind::bind_select(&context, &query)?),
            StatementKind::Insert(insert) => {
                inserts.push(*insert);
                result = Some(bind::bind_inserts(&context, &inserts)?);
            }
            StatementKind::StatementSet(all) => {
                inserts.extend(all);
                result = Some(bind::bind_inserts(&context, &inserts)?);
            }
            StatementKind::Unsupported(error) => return Err(error),
            other => panic!("no such statement in these tests: {other:?}"),
        }
    }
    Ok(result.expect("the script ends in a query or INSERT"))
}

fn declared(create: CreateTable) -> Table {
    let keys = create.primary_key.as_ref().map_or(&[][..], |key| &key.columns);
    let is_key = |name: &str| keys.iter().any(|key| key.value == name);
    let columns = create.columns.into_iter().map(|column| {
        let (mut logical_type, kind) = match column.kind {
            ColumnDefinitionKind::Physical(logical_type) => (logical_type, ColumnKind::Physical),
            ColumnDefinitionKind::Metadata { logical_type, key, is_virtual } => {
                (logical_type, ColumnKind::Metadata { key, is_virtual })
            }
            ColumnDefinitionKind::Computed { expression, text } => {
                (TypeRoot::Null.nullable(), ColumnKind::Computed { expression, text })
            }
            ColumnDefinitionKind::NameOnly => panic!("only CREATE TABLE AS has such columns"),
        };
        logical_type.nullable &= !is_key(&column.name.value);
        catalog::Column { name: column.name.value, logical_type, kind, comment: column.comment }
    });
    let watermark = create.watermark.map(|watermark| Watermark {
        column: watermark.column.value,
        expression: watermark.expression,
        text: watermark.text,
    });
    let primary_key = create.primary_key.as_ref().map(|key| PrimaryKey {
        name: key.name.clone(),
        columns: key.columns.iter().map(|column| column.value.clone()).collect(),
    });
    Table {
        name: create.path.name,
        columns: columns.collect(),
        watermark,
        primary_key,
        distribution: None,
        partition_keys: create.partition_keys.into_iter().map(|key| key.value).collect(),
        comment: None,
        options: create.options.into_iter().map(|option| (option.key, option.value)).collect(),
        span: create.path.span,
    }
}

fn view(create: CreateView) -> View {
    View {
        name: create.path.name,
        columns: create.columns.map(|all| all.into_iter().map(|name| name.value).collect()),
        query: create.query.query,
        hints: create.query.hints,
        text: create.text,
        source: create.source,
        comment: create.comment,
    }
}
