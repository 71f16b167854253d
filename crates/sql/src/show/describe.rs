//! DESCRIBE.

use argus_base::{Field, LogicalType, TimeKind, TypeRoot};

use super::{Cell, Rows};
use crate::catalog::{Column, ColumnKind, Table};

/// The columns of a table, as Flink lists them: a `comment` column stands there only where some
/// column has one.
pub fn describe_table(table: &Table) -> Rows {
    let has_comments = table.columns.iter().any(|column| column.comment.is_some());
    let row = |column: &Column| {
        let watermark = table.watermark.as_ref().filter(|mark| mark.column == column.name);
        let mut row = plain_row(&column.name, &column.logical_type);
        row.extend([
            Cell::text(key(table, &column.name)),
            Cell::text(extras(&column.kind)),
            Cell::text(watermark.map(|mark| mark.text.clone())),
        ]);
        if has_comments {
            row.push(Cell::text(column.comment.clone()));
        }
        row
    };
    Rows { columns: columns(has_comments), rows: table.columns.iter().map(row).collect() }
}

/// The columns of a view.
pub fn describe_fields(fields: &[Field]) -> Rows {
    let row = |field: &Field| {
        let mut row = plain_row(&field.name, &field.logical_type);
        row.extend([Cell::Null, Cell::Null, Cell::Null]);
        row
    };
    Rows { columns: columns(false), rows: fields.iter().map(row).collect() }
}

fn columns(has_comments: bool) -> Vec<Field> {
    let names = ["name", "type", "null", "key", "extras", "watermark", "comment"];
    let names = if has_comments { &names[..] } else { &names[..6] };
    let root = |name: &str| if name == "null" { TypeRoot::Boolean } else { TypeRoot::STRING };
    names.iter().map(|name| Field::new(*name, root(name).nullable())).collect()
}

fn plain_row(name: &str, logical_type: &LogicalType) -> Vec<Cell> {
    let attribute = match logical_type.root.time_kind() {
        TimeKind::Regular => "",
        TimeKind::Rowtime => " *ROWTIME*",
        TimeKind::Proctime => " *PROCTIME*",
    };
    vec![
        Cell::Text(name.to_owned()),
        Cell::Text(format!("{}{attribute}", root_text(&logical_type.root))),
        Cell::Boolean(logical_type.nullable),
    ]
}

/// Intervals are printed with the unit that Flink's planner keeps them in.
fn root_text(root: &TypeRoot) -> String {
    match root {
        TypeRoot::IntervalYearMonth => "INTERVAL MONTH".to_owned(),
        TypeRoot::IntervalDayTime => "INTERVAL SECOND(3)".to_owned(),
        other => other.to_string(),
    }
}

/// `PRI(a, b)` for each column of the primary key.
fn key(table: &Table, name: &str) -> Option<String> {
    let key = table.primary_key.as_ref()?;
    let is_key = key.columns.iter().any(|column| column == name);
    is_key.then(|| format!("PRI({})", key.columns.join(", ")))
}

fn extras(kind: &ColumnKind) -> Option<String> {
    match kind {
        ColumnKind::Physical => None,
        ColumnKind::Metadata { key, is_virtual } => Some(metadata(key.as_deref(), *is_virtual)),
        ColumnKind::Computed { text, .. } => Some(format!("AS {text}")),
    }
}

/// `METADATA [FROM 'key'] [VIRTUAL]`.
pub(super) fn metadata(key: Option<&str>, is_virtual: bool) -> String {
    let from = key.map_or(String::new(), |key| format!(" FROM '{}'", key.replace('\'', "''")));
    format!("METADATA{from}{}", if is_virtual { " VIRTUAL" } else { "" })
}
