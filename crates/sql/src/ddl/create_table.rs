//! CREATE TABLE: the definition, merged with the table of LIKE, as a table of the catalog.

use argus_base::TypeRoot;

use super::{already_there, check_path, like};
use crate::Diagnostic;
use crate::bind::{self, Context};
use crate::catalog::{Column, ColumnKind, PrimaryKey, Table, Watermark};
use crate::statement::{ColumnDefinition, ColumnDefinitionKind, CreateTable, KeyDefinition, Name};

/// The table that a statement declares; `None` where IF NOT EXISTS finds one.
pub fn create_table(
    context: &Context<'_>,
    create: &CreateTable,
) -> Result<Option<Table>, Diagnostic> {
    check_path(&create.path)?;
    if context.catalog.contains(&create.path.name, create.is_temporary) {
        return if create.if_not_exists { Ok(None) } else { Err(already_there(&create.path)) };
    }
    if let Some(query) = &create.query {
        let message = "CREATE TABLE … AS is not supported yet";
        let help = "write CREATE TABLE with its columns, then INSERT INTO it";
        return Err(Diagnostic::unsupported("AR2001", query.span, message).help(help));
    }
    check_repeated_columns(create)?;
    let mut table = declared(create)?;
    if let Some(clause) = &create.like {
        table = like::merge(table, clause, context.catalog, create)?;
    }
    check_names(&table, create)?;
    if table.columns.is_empty() {
        let message = format!("the table '{}' has no columns", table.name);
        return Err(Diagnostic::wrong("AR1109", table.span, message));
    }
    make_key_not_null(&mut table);
    bind::bind_table(context, &mut table)?;
    Ok(Some(table))
}

/// What the statement itself says, LIKE left aside.
fn declared(create: &CreateTable) -> Result<Table, Diagnostic> {
    let columns: Result<Vec<Column>, Diagnostic> = create.columns.iter().map(column).collect();
    let watermark = create.watermark.as_ref().map(|watermark| Watermark {
        column: watermark.column.value.clone(),
        expression: watermark.expression.clone(),
        text: watermark.text.clone(),
    });
    let primary_key = create.primary_key.as_ref().map(|key| PrimaryKey {
        name: key.name.clone(),
        columns: key.columns.iter().map(|column| column.value.clone()).collect(),
    });
    let options = create.options.iter();
    Ok(Table {
        name: create.path.name.clone(),
        columns: columns?,
        watermark,
        primary_key,
        distribution: create.distribution.clone(),
        partition_keys: create.partition_keys.iter().map(|key| key.value.clone()).collect(),
        comment: create.comment.clone(),
        options: options.map(|option| (option.key.clone(), option.value.clone())).collect(),
        span: create.path.span,
    })
}

fn column(definition: &ColumnDefinition) -> Result<Column, Diagnostic> {
    let (logical_type, kind) = match &definition.kind {
        ColumnDefinitionKind::Physical(logical_type) => {
            (logical_type.clone(), ColumnKind::Physical)
        }
        ColumnDefinitionKind::Metadata { logical_type, key, is_virtual } => {
            let kind = ColumnKind::Metadata { key: key.clone(), is_virtual: *is_virtual };
            (logical_type.clone(), kind)
        }
        // The binder finds the type.
        ColumnDefinitionKind::Computed { expression, text } => {
            let kind = ColumnKind::Computed { expression: expression.clone(), text: text.clone() };
            (TypeRoot::Null.nullable(), kind)
        }
        ColumnDefinitionKind::NameOnly => {
            let name = &definition.name;
            let message = format!("the column '{}' has no type", name.value);
            return Err(Diagnostic::wrong("AR1109", name.span, message));
        }
    };
    let comment = definition.comment.clone();
    Ok(Column { name: definition.name.value.clone(), logical_type, kind, comment })
}

fn check_repeated_columns(create: &CreateTable) -> Result<(), Diagnostic> {
    for (index, definition) in create.columns.iter().enumerate() {
        let earlier = &create.columns[..index];
        if earlier.iter().any(|other| other.name.value == definition.name.value) {
            let name = &definition.name;
            let message = format!("the column '{}' is declared twice", name.value);
            return Err(Diagnostic::wrong("AR1109", name.span, message));
        }
    }
    Ok(())
}

fn make_key_not_null(table: &mut Table) {
    let Some(key) = &table.primary_key else { return };
    for column in &mut table.columns {
        column.logical_type.nullable &= !key.columns.contains(&column.name);
    }
}

/// Names of keys and partitions.
fn check_names(table: &Table, create: &CreateTable) -> Result<(), Diagnostic> {
    if let Some(key) = &create.primary_key {
        check_key(table, key)?;
    }
    for (index, key) in create.partition_keys.iter().enumerate() {
        let is_column = table.columns.iter().any(|column| column.name == key.value);
        if !is_column {
            let message = format!("the partition column '{}' is no column of the table", key.value);
            return Err(Diagnostic::wrong("AR1109", key.span, message));
        }
        check_repeat(&create.partition_keys[..index], key)?;
    }
    Ok(())
}

fn check_key(table: &Table, key: &KeyDefinition) -> Result<(), Diagnostic> {
    for (index, name) in key.columns.iter().enumerate() {
        let column = table.columns.iter().find(|column| column.name == name.value);
        let problem = match column.map(|column| &column.kind) {
            Some(ColumnKind::Physical) => None,
            Some(_) => Some("is not a physical column"),
            None => Some("is no column of the table"),
        };
        if let Some(problem) = problem {
            let message = format!("the primary key column '{}' {problem}", name.value);
            return Err(Diagnostic::wrong("AR1109", name.span, message));
        }
        check_repeat(&key.columns[..index], name)?;
    }
    Ok(())
}

fn check_repeat(earlier: &[Name], name: &Name) -> Result<(), Diagnostic> {
    if earlier.iter().all(|other| other.value != name.value) {
        return Ok(());
    }
    let message = format!("the column '{}' is named twice", name.value);
    Err(Diagnostic::wrong("AR1109", name.span, message))
}
