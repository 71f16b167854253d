//! Declared tables: CREATE TABLE's expressions, and scans.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_base::connector::{MetadataColumn, Projection, ScanSpec, TableDescriptor};
use argus_base::duration::parse_duration;
use argus_base::option::OptionError;
use argus_base::{Field, LogicalType, TimeKind, TypeRoot};
use argus_plan::function::explicit_cast_allowed;
use argus_plan::graph::{SourceOperator, WatermarkSpec};
use argus_plan::{Expression, ExpressionKind, JobSettings, Operator, Span};
use sqlparser::ast::Expr;

use super::expression::{COMPUTED, ExpressionBinder};
use super::query::Binder;
use super::scope::{Column, Relation};
use super::{Context, cast, code};
use crate::catalog::{self, ColumnKind, Table};
use crate::diagnostic::Diagnostic;
use crate::option_error::table_option_error;
use crate::script::hint::Hints;

/// Greatest precision of a time attribute.
const MAX_ROWTIME_PRECISION: u8 = 3;

/// See [`super::bind_table`].
pub(super) fn bind_declaration(context: &Context<'_>, table: &mut Table) -> Result<(), Diagnostic> {
    let hints = Hints::default();
    let binder = Binder::new(context, &hints);
    let plain = plain_columns(table);
    for column in &mut table.columns {
        if let ColumnKind::Computed { expression, .. } = &column.kind {
            column.logical_type = binder.computed(expression, &plain)?.logical_type;
        }
    }
    let Some(watermark) = &table.watermark else { return Ok(()) };
    let position = table.columns.iter().position(|column| column.name == watermark.column);
    let Some(position) = position else {
        let message = format!(
            "the rowtime attribute '{}' is not defined in the schema of the table",
            watermark.column
        );
        return Err(Diagnostic::wrong(code::DECLARATION, table.span, message));
    };
    let logical_type = &table.columns[position].logical_type;
    table.columns[position].logical_type = rowtime(logical_type).ok_or_else(|| {
        let message = format!(
            "the rowtime column must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p) with p from 0 to \
             3, but '{}' is {logical_type}",
            watermark.column
        );
        Diagnostic::wrong(code::DECLARATION, table.span, message)
    })?;
    let columns = table.columns.iter().map(|c| Column::new(&c.name, c.logical_type.clone()));
    let columns: Vec<Column> = columns.collect();
    binder.watermark(&watermark.expression, &columns).map(|_| ())
}

/// The columns that computed ones may read: physical and metadata.
fn plain_columns(table: &Table) -> Vec<Column> {
    let is_plain = |c: &&catalog::Column| !matches!(c.kind, ColumnKind::Computed { .. });
    let plain = table.columns.iter().filter(is_plain);
    plain.map(|c| Column::new(&c.name, c.logical_type.materialized())).collect()
}

fn rowtime(logical_type: &LogicalType) -> Option<LogicalType> {
    let kind = TimeKind::Rowtime;
    let root = match logical_type.root {
        TypeRoot::Timestamp { precision, .. } if precision <= MAX_ROWTIME_PRECISION => {
            TypeRoot::Timestamp { precision, kind }
        }
        TypeRoot::TimestampLtz { precision, .. } if precision <= MAX_ROWTIME_PRECISION => {
            TypeRoot::TimestampLtz { precision, kind }
        }
        _ => return None,
    };
    Some(LogicalType { root, nullable: logical_type.nullable })
}

impl Binder<'_> {
    fn computed(&self, expression: &Expr, plain: &[Column]) -> Result<Expression, Diagnostic> {
        ExpressionBinder::new(self, plain, COMPUTED).bind_typed(expression)
    }

    /// The watermark expression over a table's columns, as TIMESTAMP(3) or TIMESTAMP_LTZ(3).
    fn watermark(&self, expression: &Expr, columns: &[Column]) -> Result<Expression, Diagnostic> {
        let bound = ExpressionBinder::new(self, columns, "WATERMARK").bind(expression)?;
        let root = match bound.logical_type.root {
            TypeRoot::Timestamp { precision: 0..=3, .. } => TypeRoot::timestamp(3),
            TypeRoot::TimestampLtz { precision: 0..=3, .. } => TypeRoot::timestamp_ltz(3),
            _ => {
                let message = format!(
                    "the watermark must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p) with p from 0 \
                     to 3, but is {}",
                    bound.logical_type
                );
                return Err(Diagnostic::wrong(code::DECLARATION, bound.span, message));
            }
        };
        Ok(cast::implicit(bound, &root))
    }

    /// A scan of every column; what nobody reads is taken away later.
    pub fn scan(
        &mut self,
        table: &Table,
        hints: BTreeMap<String, String>,
        span: Span,
    ) -> Result<Relation, Diagnostic> {
        let descriptor = self.descriptor(table, hints, span)?;
        self.check_readable(&descriptor, span)?;
        let columns: Vec<Column> =
            table.columns.iter().map(|c| Column::new(&c.name, c.logical_type.clone())).collect();
        let projection = self.scan_projection(table, &descriptor)?;
        let watermark = self.watermark_spec(table, &columns, &descriptor.options, span)?;
        let scan = ScanSpec {
            physical: Projection::all(descriptor.physical.len()),
            metadata: (0..descriptor.metadata.len()).collect(),
        };
        let output = columns.iter().map(|c| Field::new(&c.name, c.logical_type.clone())).collect();
        let source = SourceOperator { table: descriptor, scan, projection, watermark };
        let node = self.plan.add(Operator::Source(Box::new(source)), &[], output);
        Ok(Relation { node, columns, window: None })
    }

    /// The table as its connector sees it, every option checked.
    pub fn descriptor(
        &self,
        table: &Table,
        hints: BTreeMap<String, String>,
        span: Span,
    ) -> Result<TableDescriptor, Diagnostic> {
        let mut options: BTreeMap<String, String> =
            table.options.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect();
        options.extend(hints);
        if let Some(overrides) = self.context.overrides.get(&table.name) {
            options.extend(overrides.clone());
        }
        let physical: Vec<Field> = table
            .columns
            .iter()
            .filter(|column| matches!(column.kind, ColumnKind::Physical))
            .map(|column| Field::new(&column.name, column.logical_type.materialized()))
            .collect();
        let keys = table.primary_key.as_ref().map_or(&[][..], |key| &key.columns);
        let place = |name: &String| physical.iter().position(|field| field.name == *name);
        let primary_key = keys.iter().filter_map(place).collect();
        let mut descriptor = TableDescriptor {
            name: table.name.clone(),
            options,
            metadata: Vec::new(),
            primary_key,
            physical,
            partition_keys: table.partition_keys.clone(),
        };
        let declared_metadata = table.columns.iter().filter_map(|column| match &column.kind {
            ColumnKind::Metadata { key, .. } => Some((column, key.as_ref())),
            _ => None,
        });
        let option_error = |error| table_option_error(table, &error, span);
        let identifier = descriptor.options.get("connector").map_or("", String::as_str);
        if self.context.connectors.connector(identifier).is_none() {
            self.context.connectors.check_table(&descriptor).map_err(option_error)?;
        }
        for (column, key) in declared_metadata {
            let key = key.unwrap_or(&column.name);
            descriptor.metadata.push(self.metadata_column(&descriptor, column, key, span)?);
        }
        self.context.connectors.check_table(&descriptor).map_err(option_error)?;
        check_parallelism(&descriptor, self.context.settings).map_err(option_error)?;
        Ok(descriptor)
    }

    fn metadata_column(
        &self,
        descriptor: &TableDescriptor,
        column: &catalog::Column,
        key: &str,
        span: Span,
    ) -> Result<MetadataColumn, Diagnostic> {
        let wrong = |message: String| Diagnostic::wrong(code::DECLARATION, span, message);
        let identifier = descriptor.options.get("connector").map_or("", String::as_str);
        let Some(connector) = self.context.connectors.connector(identifier) else {
            return Err(wrong(format!("there is no connector '{identifier}'")));
        };
        let Some(spec) = connector.metadata.iter().find(|spec| spec.key == key) else {
            let known: Vec<&str> = connector.metadata.iter().map(|spec| spec.key).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(wrong(format!(
                "invalid metadata key '{key}' in column '{}' of table '{}'; the connector \
                 '{identifier}' has these: {known}",
                column.name, descriptor.name
            )));
        };
        if !explicit_cast_allowed(&spec.logical_type, &column.logical_type) {
            return Err(wrong(format!(
                "invalid type of metadata column '{}' of table '{}': it is declared as {}, but \
                 '{key}' is {}",
                column.name, descriptor.name, column.logical_type, spec.logical_type
            )));
        }
        let (key, logical_type) = (key.to_owned(), spec.logical_type.clone());
        Ok(MetadataColumn { key, logical_type })
    }

    fn check_readable(&self, descriptor: &TableDescriptor, span: Span) -> Result<(), Diagnostic> {
        let identifier = descriptor.options.get("connector").map_or("", String::as_str);
        let is_source = self.context.connectors.connector(identifier).is_some_and(|c| c.source);
        if is_source {
            return Ok(());
        }
        let message = format!(
            "the table '{}' cannot be read: the connector '{identifier}' is only a sink",
            descriptor.name
        );
        Err(Diagnostic::wrong(code::TABLE_OPTIONS, span, message))
    }

    /// The declared columns over the produced ones: all physical, then all metadata columns.
    fn scan_projection(
        &self,
        table: &Table,
        descriptor: &TableDescriptor,
    ) -> Result<Vec<Expression>, Diagnostic> {
        let n_physical = descriptor.physical.len();
        let (mut next_physical, mut next_metadata) = (0, 0);
        let mut plain_values = Vec::new();
        for column in &table.columns {
            match column.kind {
                ColumnKind::Physical => {
                    let logical_type = column.logical_type.clone();
                    plain_values.push(Expression::column(next_physical, logical_type));
                    next_physical += 1;
                }
                ColumnKind::Metadata { .. } => {
                    let produced = descriptor.metadata[next_metadata].logical_type.clone();
                    let value = Expression::column(n_physical + next_metadata, produced);
                    plain_values.push(metadata_value(value, &column.logical_type));
                    next_metadata += 1;
                }
                ColumnKind::Computed { .. } => {}
            }
        }
        let plain = plain_columns(table);
        let mut values = plain_values.clone().into_iter();
        let mut projection = Vec::new();
        for column in &table.columns {
            let ColumnKind::Computed { expression, .. } = &column.kind else {
                projection.push(values.next().expect("one value a physical or metadata column"));
                continue;
            };
            let mut value = self.computed(expression, &plain)?;
            value.substitute(&plain_values);
            value.logical_type = column.logical_type.clone();
            projection.push(value);
        }
        Ok(projection)
    }

    fn watermark_spec(
        &self,
        table: &Table,
        columns: &[Column],
        options: &BTreeMap<String, String>,
        span: Span,
    ) -> Result<Option<WatermarkSpec>, Diagnostic> {
        let Some(watermark) = &table.watermark else { return Ok(None) };
        let expression = self.watermark(&watermark.expression, columns)?;
        let position = columns.iter().position(|column| column.name == watermark.column);
        let Some(rowtime) = position else {
            let message = format!("the table '{}' has no rowtime column", table.name);
            return Err(Diagnostic::wrong(code::DECLARATION, span, message));
        };
        let settings = self.context.settings;
        let idle = options.get("scan.watermark.idle-timeout");
        let idle = idle.and_then(|text| parse_duration(text).ok());
        let on_event = options.get("scan.watermark.emit.strategy");
        let on_event = on_event.is_some_and(|word| word.eq_ignore_ascii_case("on-event"));
        Ok(Some(WatermarkSpec {
            rowtime,
            expression,
            idle_timeout: idle.or(settings.idle_timeout).filter(|timeout| !timeout.is_zero()),
            emit_interval: if on_event { Duration::ZERO } else { settings.watermark_interval },
            closing: Vec::new(),
        }))
    }
}

/// An operator has no more subtasks than there are key groups; each of them is a thread.
fn check_parallelism(table: &TableDescriptor, settings: &JobSettings) -> Result<(), OptionError> {
    let max = settings.max_parallelism;
    for key in ["scan.parallelism", "sink.parallelism"] {
        let Some(value) = table.options.get(key) else { continue };
        let is_above = value.trim().parse::<u64>().is_ok_and(|number| number > u64::from(max));
        if is_above {
            return Err(OptionError::BadValue {
                key: key.to_owned(),
                value: value.clone(),
                problem: format!("is above pipeline.max-parallelism, {max}"),
            });
        }
    }
    Ok(())
}

/// A metadata value in the declared type of its column.
fn metadata_value(value: Expression, declared: &LogicalType) -> Expression {
    let mut converted = cast::implicit(value, &declared.root);
    let is_same_value = matches!(converted.kind, ExpressionKind::Column(_));
    converted.logical_type = match is_same_value {
        true => declared.clone(),
        false => declared.with_nullable(declared.nullable),
    };
    converted
}
