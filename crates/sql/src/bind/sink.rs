//! INSERT INTO: the query's columns become those of the sink, by position.

use std::collections::BTreeMap;

use argus_base::connector::{DeliveryPlan, SinkMode, TableDescriptor};
use argus_base::{Field, LogicalType, TimeKind, TypeRoot};
use argus_plan::function::implicit_cast_allowed;
use argus_plan::graph::{LengthPolicy, NotNullPolicy, SinkOperator};
use argus_plan::{Expression, NodeId, Operator, Span};

use super::expression::ExpressionBinder;
use super::query::Binder;
use super::scope::{Column, Relation};
use super::{cast, code};
use crate::catalog::{ColumnKind, DEFAULT_CATALOG, DEFAULT_DATABASE, Object, Table};
use crate::diagnostic::Diagnostic;
use crate::statement::{Insert, Name};

/// A column that INSERT writes.
struct SinkColumn {
    name: String,
    logical_type: LogicalType,
    /// Position in the sink's input: physical columns, then written metadata columns.
    place: usize,
    /// Type in which the connector takes it.
    written: TypeRoot,
}

impl<'a> Binder<'a> {
    /// One INSERT statement.
    pub fn insert(&mut self, insert: &'a Insert) -> Result<NodeId, Diagnostic> {
        self.hints = &insert.hints;
        let span = insert.table.span;
        let path = &insert.table;
        let parts = [path.catalog.clone(), path.database.clone(), Some(path.name.clone())];
        let path: Vec<String> = parts.into_iter().flatten().collect();
        let Object::Table(table) = self.object(&path, span)? else {
            let message = format!("'{}' is a view and cannot be written to", insert.table.name);
            return Err(Diagnostic::wrong(code::UNKNOWN_TABLE, span, message));
        };
        let options = self.table_hints(&insert.table_name)?.unwrap_or_default();
        let (descriptor, metadata, columns) = self.sink_table(table, options, span)?;
        let query = self.query(&insert.query.query)?;
        self.check_rowtimes(insert, &query)?;
        let values = self.sink_values(insert, table, &query, &columns)?;

        let mut input = vec![None; columns.len()];
        let mut not_null_columns = Vec::new();
        for (column, value) in columns.iter().zip(values) {
            if !column.logical_type.nullable && value.logical_type.nullable {
                not_null_columns.push(column.place);
            }
            let value = cast::implicit(value, &column.logical_type.root);
            let value = cast::implicit(value, &column.written);
            input[column.place] = Some((column.name.clone(), value));
        }
        not_null_columns.sort_unstable();
        let input = input.into_iter().flatten().collect();
        let node = self.plan.add_calc(query.node, None, input);
        let mode = self.sink_mode(&descriptor, span)?;
        self.check_changes(&descriptor, mode, node, span)?;
        let operator = SinkOperator {
            table: descriptor,
            mode,
            unstable_key: None,
            delivery: DeliveryPlan::default(),
            metadata,
            not_null: self.not_null_policy(),
            not_null_columns,
            length: self.length_policy(),
        };
        Ok(self.plan.add(Operator::Sink(Box::new(operator)), &[node], Vec::new()))
    }

    /// The sink as its connector sees it, the metadata columns that are written, and the columns
    /// that INSERT writes, in declared order.
    fn sink_table(
        &self,
        table: &Table,
        options: BTreeMap<String, String>,
        span: Span,
    ) -> Result<(TableDescriptor, Vec<usize>, Vec<SinkColumn>), Diagnostic> {
        let descriptor = self.descriptor(table, options, span)?;
        self.sink_mode(&descriptor, span)?;
        let n_physical = descriptor.physical.len();
        let mut metadata = Vec::new();
        let mut columns = Vec::new();
        let (mut next_physical, mut next_metadata) = (0, 0);
        for column in &table.columns {
            let logical_type = column.logical_type.materialized();
            let (place, written) = match &column.kind {
                ColumnKind::Physical => {
                    next_physical += 1;
                    (next_physical - 1, logical_type.root.clone())
                }
                ColumnKind::Metadata { is_virtual, .. } => {
                    next_metadata += 1;
                    if *is_virtual {
                        continue;
                    }
                    let offered = &descriptor.metadata[next_metadata - 1];
                    self.check_writable(&descriptor, &offered.key, span)?;
                    metadata.push(next_metadata - 1);
                    (n_physical + metadata.len() - 1, offered.logical_type.root.clone())
                }
                ColumnKind::Computed { .. } => continue,
            };
            let name = column.name.clone();
            columns.push(SinkColumn { name, logical_type, place, written });
        }
        Ok((descriptor, metadata, columns))
    }

    /// Which changes the table's connector takes.
    fn sink_mode(&self, table: &TableDescriptor, span: Span) -> Result<SinkMode, Diagnostic> {
        let identifier = table.options.get("connector").map_or("", String::as_str);
        let connector = self.context.connectors.connector(identifier);
        connector.and_then(|connector| connector.sink).ok_or_else(|| {
            let message = format!(
                "the table '{}' cannot be written to: the connector '{identifier}' is only a \
                 source",
                table.name
            );
            Diagnostic::wrong(code::TABLE_OPTIONS, span, message)
        })
    }

    fn check_writable(
        &self,
        descriptor: &TableDescriptor,
        key: &str,
        span: Span,
    ) -> Result<(), Diagnostic> {
        let identifier = descriptor.options.get("connector").map_or("", String::as_str);
        let connector = self.context.connectors.connector(identifier);
        let offered = connector.and_then(|c| c.metadata.iter().find(|spec| spec.key == key));
        if offered.is_some_and(|spec| spec.writable) {
            return Ok(());
        }
        let message = format!(
            "metadata '{key}' of table '{}' cannot be written; declare its column VIRTUAL",
            descriptor.name
        );
        Err(Diagnostic::wrong(code::SINK_SCHEMA, span, message))
    }

    /// A sink takes at most one event time.
    fn check_rowtimes(&self, insert: &Insert, query: &Relation) -> Result<(), Diagnostic> {
        let is_rowtime =
            |column: &&Column| column.logical_type.root.time_kind() == TimeKind::Rowtime;
        let rowtimes: Vec<&str> =
            query.columns.iter().filter(is_rowtime).map(|column| column.name.as_str()).collect();
        let inserter = self.context.settings.written.get("table.exec.sink.rowtime-inserter");
        let is_off = inserter.is_some_and(|word| word.eq_ignore_ascii_case("DISABLED"));
        if rowtimes.len() < 2 || is_off {
            return Ok(());
        }
        let message = format!(
            "the query contains more than one rowtime attribute column [{}] for writing into '{}'",
            rowtimes.join(", "),
            insert.table.name
        );
        let help = "cast all but one: CAST(column AS TIMESTAMP(3)) or TIMESTAMP_LTZ(3)";
        Err(Diagnostic::wrong(code::SINK_SCHEMA, insert.query.span, message).help(help))
    }

    /// One value a column of the sink, over the query's columns.
    fn sink_values(
        &self,
        insert: &Insert,
        table: &Table,
        query: &Relation,
        columns: &[SinkColumn],
    ) -> Result<Vec<Expression>, Diagnostic> {
        let partition = self.partition_values(insert, columns)?;
        let is_constant = |column: &SinkColumn| partition.iter().any(|(n, _)| *n == column.name);
        let targets: Vec<usize> = match &insert.columns {
            None => (0..columns.len()).filter(|&i| !is_constant(&columns[i])).collect(),
            Some(names) => listed(names, columns, table)?,
        };
        check_types(insert, query, columns, &targets)?;
        let mut values = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            if let Some((_, value)) = partition.iter().find(|(name, _)| *name == column.name) {
                values.push(value.clone());
                continue;
            }
            values.push(match targets.iter().position(|&target| target == index) {
                Some(place) => Expression::column(place, query.columns[place].logical_type.clone()),
                None if column.logical_type.nullable => {
                    Expression::null(column.logical_type.root.clone())
                }
                None => {
                    let message = format!(
                        "column '{}' has no default value and does not allow NULLs",
                        column.name
                    );
                    return Err(Diagnostic::wrong(code::SINK_SCHEMA, insert.span, message));
                }
            });
        }
        Ok(values)
    }

    /// The constants of PARTITION (column = value).
    fn partition_values(
        &self,
        insert: &Insert,
        columns: &[SinkColumn],
    ) -> Result<Vec<(String, Expression)>, Diagnostic> {
        let mut values = Vec::new();
        for (name, value) in &insert.partition {
            let Some(column) = columns.iter().find(|column| column.name == name.value) else {
                return Err(no_such_column(name, columns));
            };
            let value = ExpressionBinder::new(self, &[], "PARTITION").bind(value)?;
            let span = value.span;
            let to = column.logical_type.with_nullable(true);
            values.push((name.value.clone(), cast::explicit(value, to, false, span)?));
        }
        Ok(values)
    }

    fn not_null_policy(&self) -> NotNullPolicy {
        match self.context.settings.options.word("table.exec.sink.not-null-enforcer") {
            Some("DROP") => NotNullPolicy::Drop,
            _ => NotNullPolicy::Error,
        }
    }

    fn length_policy(&self) -> LengthPolicy {
        match self.context.settings.options.word("table.exec.sink.type-length-enforcer") {
            Some("TRIM_PAD") => LengthPolicy::TrimPad,
            Some("ERROR") => LengthPolicy::Error,
            _ => LengthPolicy::Ignore,
        }
    }
}

/// Positions of the listed columns.
fn listed(names: &[Name], columns: &[SinkColumn], table: &Table) -> Result<Vec<usize>, Diagnostic> {
    let mut targets = Vec::new();
    for name in names {
        let Some(target) = columns.iter().position(|column| column.name == name.value) else {
            let is_declared = table.columns.iter().any(|column| column.name == name.value);
            if is_declared {
                let message = format!("column '{}' is computed and cannot be written", name.value);
                return Err(Diagnostic::wrong(code::SINK_SCHEMA, name.span, message));
            }
            return Err(no_such_column(name, columns));
        };
        if targets.contains(&target) {
            let message = format!("column '{}' is listed more than once", name.value);
            return Err(Diagnostic::wrong(code::SINK_SCHEMA, name.span, message));
        }
        targets.push(target);
    }
    Ok(targets)
}

fn no_such_column(name: &Name, columns: &[SinkColumn]) -> Diagnostic {
    let message = format!("the sink has no column '{}'", name.value);
    let diagnostic = Diagnostic::wrong(code::UNKNOWN_COLUMN, name.span, message);
    let names = columns.iter().map(|column| column.name.as_str());
    match argus_base::nearest::nearest(&name.value, names) {
        Some(near) => diagnostic.help(format!("did you mean '{near}'?")),
        None => diagnostic,
    }
}

/// Whether the query's columns fit the sink's, with Flink's message where they do not.
fn check_types(
    insert: &Insert,
    query: &Relation,
    columns: &[SinkColumn],
    targets: &[usize],
) -> Result<(), Diagnostic> {
    let cause = if query.columns.len() == targets.len() {
        let pairs = query.columns.iter().zip(targets).enumerate();
        let misfit = pairs.into_iter().find(|(_, (from, target))| {
            !implicit_cast_allowed(&from.logical_type, &columns[**target].logical_type)
        });
        let Some((position, (_, target))) = misfit else { return Ok(()) };
        let name = &columns[*target].name;
        format!("Incompatible types for sink column '{name}' at position {position}.")
    } else {
        "Different number of columns.".to_owned()
    };
    let from: Vec<Field> = query.fields();
    let to = targets.iter().map(|&target| &columns[target]);
    let to: Vec<Field> = to.map(|c| Field::new(&c.name, c.logical_type.clone())).collect();
    let message = format!(
        "Column types of query result and sink for '{DEFAULT_CATALOG}.{DEFAULT_DATABASE}.{}' do \
         not match.\nCause: {cause}\n\nQuery schema: {}\nSink schema:  {}",
        insert.table.name,
        schema(&from),
        schema(&to)
    );
    Err(Diagnostic::wrong(code::SINK_SCHEMA, insert.query.span, message))
}

fn schema(fields: &[Field]) -> String {
    let shown = fields.iter().map(|field| {
        let logical_type: LogicalType = field.logical_type.with_nullable(true);
        format!("{}: {logical_type}", field.name)
    });
    format!("[{}]", shown.collect::<Vec<String>>().join(", "))
}
