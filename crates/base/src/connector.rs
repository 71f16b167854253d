//! What a connector or format tells the planner about itself, and what the planner tells it
//! about a table. The planner knows connectors only through these declarations.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::commit::Committer;
use crate::option::{OptionError, OptionSpec};
use crate::sink::Sink;
use crate::source::Source;
use crate::{Env, Field, LogicalType, Result};

/// A connector's declaration.
#[derive(Clone, Debug)]
pub struct ConnectorSpec {
    /// Value of the `connector` option.
    pub identifier: &'static str,
    /// Can be read from.
    pub source: bool,
    /// What a sink of it takes; `None` where it is no sink.
    pub sink: Option<SinkMode>,
    /// Whether it reads or writes bodies through a format (`format`, `value.format`).
    pub format: FormatUse,
    /// Options besides `connector`, the format's and the general scan options.
    pub options: &'static [OptionSpec],
    /// Readable and writable metadata columns.
    pub metadata: Vec<MetadataSpec>,
}

/// How a connector uses formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatUse {
    /// Not at all.
    None,
    /// `format` for the body.
    Body,
    /// `format` or `value.format` for the body, `key.format` for the key.
    KeyAndValue,
}

/// What changelog a sink takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkMode {
    /// Inserts only.
    Append,
    /// Inserts only, or updates by the table's primary key where it has one.
    UpsertByKey,
    /// Every row kind.
    Retract,
}

/// A metadata column a connector offers.
#[derive(Clone, Debug)]
pub struct MetadataSpec {
    /// Name in `METADATA FROM`.
    pub key: &'static str,
    /// Type before the column's own CAST.
    pub logical_type: LogicalType,
    /// Whether a sink can write it.
    pub writable: bool,
}

/// A format's declaration.
#[derive(Clone, Debug)]
pub struct FormatSpec {
    /// Value of the `format` option; its options are `<identifier>.<name>`.
    pub identifier: &'static str,
    /// Options without the identifier in front.
    pub options: &'static [OptionSpec],
    /// Checks that a schema can be read and written; says which column cannot.
    pub check_schema: fn(&[Field]) -> std::result::Result<(), String>,
}

/// The declarations the planner may use. Implemented by the connectors' registry.
pub trait ConnectorCatalog {
    /// The connector of that identifier.
    fn connector(&self, identifier: &str) -> Option<&ConnectorSpec>;
    /// Identifiers of all connectors, for hints.
    fn connector_names(&self) -> Vec<&'static str>;
    /// The format of that identifier.
    fn format(&self, identifier: &str) -> Option<&FormatSpec>;
    /// Identifiers of all formats, for hints.
    fn format_names(&self) -> Vec<&'static str>;
    /// Checks every option of a table, those of its formats and the general scan and sink
    /// options included, and whatever one table's options must satisfy together.
    fn check_table(&self, table: &TableDescriptor) -> std::result::Result<(), OptionError>;
    /// Whether reading a checked table ends by itself, under these settings of the job.
    fn is_bounded(&self, _table: &TableDescriptor, _settings: &BTreeMap<String, String>) -> bool {
        true
    }
    /// Whether a column of a checked table has the same values when its rows are read again after
    /// a failure, under these settings of the job. `column` is a position in `physical`.
    fn is_same_on_replay(
        &self,
        _table: &TableDescriptor,
        _column: usize,
        _settings: &BTreeMap<String, String>,
    ) -> bool {
        true
    }
    /// How the rows written to a checked table become visible, under these settings of a job that
    /// takes checkpoints or does not.
    fn delivery(
        &self,
        _sink: &SinkTable<'_>,
        _settings: &BTreeMap<String, String>,
        _takes_checkpoints: bool,
    ) -> DeliveryPlan {
        DeliveryPlan::default()
    }
}

/// How the rows of a sink become visible, as EXPLAIN tells it. What happens is decided when the
/// sink is opened, by [`crate::sink::Sink::delivery`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryPlan {
    /// For people, without secrets; empty where there is nothing to tell.
    pub text: String,
    /// Whether the system commits checkpoints itself, and so can be the job's commit point.
    pub commits_checkpoints: bool,
}

/// A table as a connector sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDescriptor {
    /// Name without catalog and database.
    pub name: String,
    /// The WITH options after hints and overrides, variables substituted. Secrets are in clear:
    /// never print it.
    pub options: BTreeMap<String, String>,
    /// Physical columns in declared order; formats see only these.
    pub physical: Vec<Field>,
    /// Metadata columns in declared order, typed as the connector offers them.
    pub metadata: Vec<MetadataColumn>,
    /// Positions in `physical`; empty without a primary key.
    pub primary_key: Vec<usize>,
    /// Names of the PARTITIONED BY columns.
    pub partition_keys: Vec<String>,
}

/// One metadata column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataColumn {
    /// Name in `METADATA FROM`.
    pub key: String,
    /// Type as the connector offers it; the planner casts to the declared one.
    pub logical_type: LogicalType,
}

/// Which part of a row is wanted: positions in the full schema, in output order, and below a ROW
/// the wanted part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Projection(pub Vec<ProjectedField>);

/// One wanted field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProjectedField {
    /// Position in the full ROW.
    pub index: usize,
    /// The wanted part of a ROW-typed field; `None` takes the field whole.
    pub nested: Option<Projection>,
}

impl Projection {
    /// Everything, in declared order.
    pub fn all(n_fields: usize) -> Projection {
        Projection((0..n_fields).map(|index| ProjectedField { index, nested: None }).collect())
    }

    /// The fields that remain of `fields`, ROWs pruned.
    ///
    /// Panics when a position is out of range or a nested projection stands at no ROW: the
    /// planner built it from the same fields.
    pub fn apply(&self, fields: &[Field]) -> Vec<Field> {
        self.0.iter().map(|wanted| wanted.apply(&fields[wanted.index])).collect()
    }
}

impl ProjectedField {
    fn apply(&self, field: &Field) -> Field {
        let Some(nested) = &self.nested else { return field.clone() };
        let crate::TypeRoot::Row(inner) = &field.logical_type.root else {
            panic!("nested projection of the column '{}', which is no ROW", field.name);
        };
        let pruned = crate::TypeRoot::Row(nested.apply(inner));
        let logical_type = LogicalType { root: pruned, nullable: field.logical_type.nullable };
        Field::new(&field.name, logical_type)
    }
}

/// What a job reads of a table: the columns a source must produce, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScanSpec {
    /// Wanted part of the physical columns; these come first in the produced batch.
    pub physical: Projection,
    /// Positions in `TableDescriptor::metadata`; these follow.
    pub metadata: Vec<usize>,
}

impl ScanSpec {
    /// The columns of the batches the source produces.
    pub fn output(&self, table: &TableDescriptor) -> Vec<Field> {
        let mut fields = self.physical.apply(&table.physical);
        for &index in &self.metadata {
            let column = &table.metadata[index];
            fields.push(Field::new(&column.key, column.logical_type.clone()));
        }
        fields
    }
}

/// What to do about a record that cannot be decoded or that a sink refuses for its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnError {
    /// Stop the job, naming the record.
    #[default]
    Fail,
    /// Skip and count it.
    Skip,
}

/// What every connector gets of the job around it.
#[derive(Clone)]
pub struct ConnectorContext {
    /// Time and randomness.
    pub env: Env,
    /// `pipeline.name`.
    pub job_name: String,
    /// Session time zone of `table.local-time-zone`, an IANA name.
    pub time_zone: String,
    /// How long to wait for a server at the start before giving up.
    pub connect_timeout: std::time::Duration,
    /// Policy of sources.
    pub on_source_error: OnError,
    /// Policy of sinks.
    pub on_sink_error: OnError,
    /// Job-level `argus.*` settings that connectors read, such as `argus.datagen.seed`.
    pub settings: BTreeMap<String, String>,
    /// Where the job's metrics are registered.
    pub metrics: crate::metrics::Registry,
    /// How the job takes checkpoints; `None` where it takes none.
    pub checkpoints: Option<CheckpointContext>,
    /// Whether the job has run in this process before: what its script says was right then.
    pub is_restart: bool,
}

/// What connectors get to know of a job's checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointContext {
    /// Time from one barrier to the next.
    pub interval: std::time::Duration,
    /// How long a checkpoint may take.
    pub timeout: std::time::Duration,
}

/// A table that a job writes.
#[derive(Clone, Copy, Debug)]
pub struct SinkTable<'a> {
    /// The table.
    pub table: &'a TableDescriptor,
    /// The written metadata columns, positions in `TableDescriptor::metadata`, which follow the
    /// physical columns in each batch.
    pub metadata: &'a [usize],
    /// Why the rows that come again after a failure may have other primary keys than before, for
    /// people; `None` where they have the same, or the table has no primary key.
    pub unstable_key: Option<&'a str>,
}

/// The tables that a job writes, opened.
pub struct SinkSet {
    /// In the order in which they were asked for.
    pub sinks: Vec<Arc<dyn Sink>>,
    /// What makes their epochs visible: of every sink that is not `AtLeastOnce`, exactly one.
    pub committers: Vec<SinkCommitter>,
}

/// A committer and the sinks whose epochs it commits.
pub struct SinkCommitter {
    /// Positions among the sinks of the set; `EpochOutput::sink` is a position in this list.
    pub sinks: Vec<usize>,
    /// The committer.
    pub committer: Box<dyn Committer>,
    /// Whether it is the job's commit point. At most one of a set is.
    pub is_commit_point: bool,
}

/// Makes running sources and sinks. Implemented by the connectors' registry, called by the
/// engine with tables that `check_table` has accepted.
pub trait ConnectorFactory: Send + Sync {
    /// Opens a table for reading. Does not wait for servers; its readers do.
    fn source(
        &self,
        table: &TableDescriptor,
        scan: &ScanSpec,
        context: &ConnectorContext,
    ) -> Result<Arc<dyn Source>>;

    /// Opens all tables that a job writes. Does not wait for servers: the committers and writers
    /// do.
    fn sinks(&self, tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet>;
}
