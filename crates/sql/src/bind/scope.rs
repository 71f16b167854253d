//! Names in scope: columns with their qualifiers, and how a written path finds one.
//!
//! A path is looked up as Flink does: first its longest prefix as a table name or alias and the
//! next part as a column of it, else its first part as a column; what is left goes down fields of
//! ROWs.

use argus_base::nearest::nearest;
use argus_base::{Field, LogicalType, TypeRoot};
use argus_plan::graph::WindowProperty;
use argus_plan::{Expression, ExpressionKind, NodeId, Span, Window};

use super::code;
use crate::diagnostic::Diagnostic;

/// Rows of a node with the names by which the query knows their columns.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// Where the rows come from.
    pub node: NodeId,
    /// One a column of the node's output, in order.
    pub columns: Vec<Column>,
    /// The window that columns with a property belong to.
    pub window: Option<Window>,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// The table's alias, or its full name where it has none; empty for none.
    pub qualifier: Vec<String>,
    /// Case-sensitive.
    pub name: String,
    /// Time attributes say so.
    pub logical_type: LogicalType,
    /// What of the relation's window it is.
    pub property: Option<WindowProperty>,
}

impl Relation {
    /// Names and types of its columns.
    pub fn fields(&self) -> Vec<Field> {
        self.columns.iter().map(|c| Field::new(&c.name, c.logical_type.clone())).collect()
    }

    /// The same rows under another name, and with other column names where some are given.
    pub fn renamed(
        mut self,
        alias: &str,
        names: &[String],
        span: Span,
    ) -> Result<Relation, Diagnostic> {
        if !names.is_empty() && names.len() != self.columns.len() {
            let message = format!(
                "'{alias}' is given {} column names, but its query has {} columns",
                names.len(),
                self.columns.len()
            );
            return Err(Diagnostic::wrong(code::SINK_SCHEMA, span, message));
        }
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.qualifier = vec![alias.to_owned()];
            if let Some(name) = names.get(i) {
                column.name.clone_from(name);
            }
        }
        Ok(self)
    }
}

impl Column {
    /// A column that nobody can qualify.
    pub fn new(name: impl Into<String>, logical_type: LogicalType) -> Column {
        Column { qualifier: Vec::new(), name: name.into(), logical_type, property: None }
    }

    /// Whether the written qualifier means this column's table.
    fn is_qualified_by(&self, qualifier: &[&str]) -> bool {
        let own = &self.qualifier;
        let Some(start) = own.len().checked_sub(qualifier.len()) else { return false };
        own[start..].iter().map(String::as_str).eq(qualifier.iter().copied())
    }
}

/// What a path means among some columns.
pub(super) fn resolve(
    columns: &[Column],
    path: &[&str],
    span: Span,
) -> Result<Expression, Diagnostic> {
    let (index, rest) = find(columns, path, span)?;
    let mut expression = Expression::column(index, columns[index].logical_type.clone());
    expression.span = span;
    for name in rest {
        expression = field(expression, name, span)?;
    }
    Ok(expression)
}

/// The columns that `qualifier.*` means.
pub(super) fn qualified(columns: &[Column], qualifier: &[&str]) -> Vec<usize> {
    let all = columns.iter().enumerate();
    all.filter(|(_, column)| column.is_qualified_by(qualifier)).map(|(i, _)| i).collect()
}

/// A field of a ROW by its name.
pub(super) fn field(row: Expression, name: &str, span: Span) -> Result<Expression, Diagnostic> {
    let TypeRoot::Row(fields) = &row.logical_type.root else {
        let message = format!("'{name}' is no field of a value of type {}", row.logical_type);
        return Err(Diagnostic::wrong(code::UNKNOWN_COLUMN, span, message));
    };
    let Some(index) = fields.iter().position(|field| field.name == name) else {
        let message = format!("field '{name}' not found in {}", row.logical_type);
        let names = fields.iter().map(|field| field.name.as_str());
        return Err(unknown(span, message, name, names));
    };
    let of_field = &fields[index].logical_type;
    let logical_type = of_field.with_nullable(of_field.nullable || row.logical_type.nullable);
    let kind = ExpressionKind::Field { input: Box::new(row), index };
    Ok(Expression { kind, logical_type, span })
}

fn find<'p>(
    columns: &[Column],
    path: &'p [&'p str],
    span: Span,
) -> Result<(usize, &'p [&'p str]), Diagnostic> {
    for n_qualifier in (1..path.len()).rev() {
        let (qualifier, rest) = path.split_at(n_qualifier);
        if qualified(columns, qualifier).is_empty() {
            continue;
        }
        let of_table =
            |column: &Column| column.is_qualified_by(qualifier) && column.name == rest[0];
        if let Some(index) = only(columns, rest[0], span, of_table)? {
            return Ok((index, &rest[1..]));
        }
    }
    if let Some(index) = only(columns, path[0], span, |column| column.name == path[0])? {
        return Ok((index, &path[1..]));
    }
    let qualifier = &path[..path.len() - 1];
    let message = match qualifier {
        [] => format!("column '{}' not found in any table", path[0]),
        [table, ..] if qualified(columns, qualifier).is_empty() => {
            format!("table '{table}' not found, and no column has that name")
        }
        _ => format!("column '{}' not found in table '{}'", path.join("."), qualifier.join(".")),
    };
    let wanted =
        if qualified(columns, qualifier).is_empty() { path[0] } else { path[path.len() - 1] };
    Err(unknown(span, message, wanted, columns.iter().map(|column| column.name.as_str())))
}

fn only(
    columns: &[Column],
    name: &str,
    span: Span,
    is_meant: impl Fn(&Column) -> bool,
) -> Result<Option<usize>, Diagnostic> {
    let mut found = columns.iter().enumerate().filter(|(_, column)| is_meant(column));
    let first = found.next();
    if found.next().is_some() {
        let message = format!("column '{name}' is ambiguous");
        let help = "qualify it with the table's name or alias";
        return Err(Diagnostic::wrong(code::AMBIGUOUS_COLUMN, span, message).help(help));
    }
    Ok(first.map(|(index, _)| index))
}

fn unknown<'a>(
    span: Span,
    message: String,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let diagnostic = Diagnostic::wrong(code::UNKNOWN_COLUMN, span, message);
    match nearest(name, candidates) {
        Some(near) => diagnostic.help(format!("did you mean '{near}'?")),
        None => diagnostic,
    }
}
