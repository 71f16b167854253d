//! SHOW CREATE TABLE and SHOW CREATE VIEW, in Flink's layout.
//!
//! Values of options are printed as written, so a variable stays `${…}`.

use argus_base::logical_type::MAX_LENGTH;
use argus_base::{LogicalType, TypeRoot};

use super::describe::metadata;
use super::view_text;
use crate::catalog::{Column, ColumnKind, DEFAULT_CATALOG, DEFAULT_DATABASE, Table, View};

/// The statement that makes a table.
pub fn show_create_table(table: &Table, is_temporary: bool) -> String {
    let mut items: Vec<String> = table.columns.iter().map(column).collect();
    if let Some(watermark) = &table.watermark {
        items.push(format!("WATERMARK FOR {} AS {}", quoted(&watermark.column), watermark.text));
    }
    if let Some(key) = &table.primary_key {
        let name = key.name.clone().unwrap_or_else(|| format!("PK_{}", key.columns.join("_")));
        let columns = quoted_list(&key.columns);
        items.push(format!("CONSTRAINT {} PRIMARY KEY ({columns}) NOT ENFORCED", quoted(&name)));
    }
    let mut out =
        format!("{} (\n  {}\n)\n", head("TABLE", &table.name, is_temporary), items.join(",\n  "));
    if let Some(comment) = &table.comment {
        out += &format!("COMMENT {}\n", text(comment));
    }
    if let Some(distribution) = &table.distribution {
        out += &format!("{distribution}\n");
    }
    if !table.partition_keys.is_empty() {
        out += &format!("PARTITIONED BY ({})\n", quoted_list(&table.partition_keys));
    }
    if !table.options.is_empty() {
        let options = table.options.iter();
        let options =
            options.map(|(key, value)| format!("  {} = {}", text(key), text(&value.written)));
        out += &format!("WITH (\n{}\n)\n", options.collect::<Vec<String>>().join(",\n"));
    }
    out
}

/// The statement that makes a view with these columns; `columns_of` are those of an object.
pub fn show_create_view(
    view: &View,
    columns: &[String],
    is_temporary: bool,
    columns_of: &dyn Fn(&str) -> Option<Vec<String>>,
) -> String {
    let columns: Vec<String> = columns.iter().map(|name| format!("  {}", quoted(name))).collect();
    let mut out =
        format!("{} (\n{}\n)\n", head("VIEW", &view.name, is_temporary), columns.join(",\n"));
    if let Some(comment) = &view.comment {
        out += &format!("COMMENT {}\n", text(comment));
    }
    out + &format!("AS {}\n", view_text::view_text(view, columns_of))
}

fn head(what: &str, name: &str, is_temporary: bool) -> String {
    let temporary = if is_temporary { "TEMPORARY " } else { "" };
    let path = [DEFAULT_CATALOG, DEFAULT_DATABASE, name].map(quoted).join(".");
    format!("CREATE {temporary}{what} {path}")
}

fn column(column: &Column) -> String {
    let name = quoted(&column.name);
    let declared = serializable(&column.logical_type.materialized());
    let comment =
        column.comment.as_ref().map_or(String::new(), |c| format!(" COMMENT {}", text(c)));
    match &column.kind {
        ColumnKind::Physical => format!("{name} {declared}{comment}"),
        ColumnKind::Metadata { key, is_virtual } => {
            format!("{name} {declared} {}{comment}", metadata(key.as_deref(), *is_virtual))
        }
        ColumnKind::Computed { text, .. } => format!("{name} AS {text}{comment}"),
    }
}

/// Flink's serializable spelling: lengths written out, TIMESTAMP_LTZ in full.
fn serializable(logical_type: &LogicalType) -> String {
    let root = match &logical_type.root {
        TypeRoot::VarChar(length) => format!("VARCHAR({length})"),
        TypeRoot::VarBinary(MAX_LENGTH) => format!("VARBINARY({MAX_LENGTH})"),
        TypeRoot::TimestampLtz { precision, .. } => {
            format!("TIMESTAMP({precision}) WITH LOCAL TIME ZONE")
        }
        TypeRoot::Array(element) => format!("ARRAY<{}>", serializable(element)),
        TypeRoot::Multiset(element) => format!("MULTISET<{}>", serializable(element)),
        TypeRoot::Map(key, value) => format!("MAP<{}, {}>", serializable(key), serializable(value)),
        TypeRoot::Row(fields) => {
            let fields = fields.iter();
            let fields =
                fields.map(|f| format!("{} {}", quoted(&f.name), serializable(&f.logical_type)));
            format!("ROW<{}>", fields.collect::<Vec<String>>().join(", "))
        }
        other => other.to_string(),
    };
    if logical_type.nullable { root } else { format!("{root} NOT NULL") }
}

/// A name between back-ticks.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<String>>().join(", ")
}

/// A text between single quotes.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
