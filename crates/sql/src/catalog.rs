//! The tables and views of a session.

use std::collections::BTreeMap;
use std::sync::Arc;

use argus_base::LogicalType;
use argus_plan::Span;
use sqlparser::ast;

use crate::script::hint::Hints;

/// Name of the catalog every object lives in.
pub const DEFAULT_CATALOG: &str = "default_catalog";
/// Name of the database every object lives in.
pub const DEFAULT_DATABASE: &str = "default_database";

/// All objects of a session. TEMPORARY objects shadow permanent ones of the same name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    permanent: BTreeMap<String, Object>,
    temporary: BTreeMap<String, Object>,
}

/// A table or view.
#[derive(Clone, Debug)]
pub enum Object {
    /// Made by CREATE TABLE.
    Table(Box<Table>),
    /// Made by CREATE VIEW.
    View(View),
}

/// A declared table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Name without catalog and database.
    pub name: String,
    /// In declared order, every kind.
    pub columns: Vec<Column>,
    /// The WATERMARK clause.
    pub watermark: Option<Watermark>,
    /// PRIMARY KEY … NOT ENFORCED.
    pub primary_key: Option<PrimaryKey>,
    /// DISTRIBUTED …, in Flink's spelling.
    pub distribution: Option<String>,
    /// PARTITIONED BY.
    pub partition_keys: Vec<String>,
    /// COMMENT.
    pub comment: Option<String>,
    /// WITH, in order of key.
    pub options: BTreeMap<String, OptionValue>,
    /// Where its name was written.
    pub span: Span,
}

/// One column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Case-sensitive.
    pub name: String,
    /// Declared type; for computed columns the bound one. A rowtime column's type says so.
    pub logical_type: LogicalType,
    /// Where its values come from.
    pub kind: ColumnKind,
    /// COMMENT.
    pub comment: Option<String>,
}

/// Where a column's values come from.
#[derive(Clone, Debug)]
pub enum ColumnKind {
    /// Stored: part of the body or key.
    Physical,
    /// Of the connector.
    Metadata {
        /// Name the connector knows; the column's name where FROM was not written.
        key: Option<String>,
        /// Not written back.
        is_virtual: bool,
    },
    /// Computed from the other columns.
    Computed {
        /// As parsed.
        expression: Box<ast::Expr>,
        /// As written, before substitution.
        text: String,
    },
}

/// The WATERMARK clause.
#[derive(Clone, Debug)]
pub struct Watermark {
    /// The rowtime column.
    pub column: String,
    /// As parsed.
    pub expression: ast::Expr,
    /// As written, before substitution.
    pub text: String,
}

/// PRIMARY KEY … NOT ENFORCED.
#[derive(Clone, Debug)]
pub struct PrimaryKey {
    /// CONSTRAINT name; Flink makes `PK_…` where none was written.
    pub name: Option<String>,
    /// Columns in order.
    pub columns: Vec<String>,
}

/// The value of a WITH option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionValue {
    /// Variables substituted: may hold a secret.
    pub value: String,
    /// As written, to be printed.
    pub written: String,
    /// The key as written, to be printed.
    pub written_key: String,
    /// Where the key was written.
    pub key_span: Span,
    /// Where the value was written.
    pub span: Span,
}

/// A declared view.
#[derive(Clone, Debug)]
pub struct View {
    /// Name without catalog and database.
    pub name: String,
    /// Column names, where the statement lists them.
    pub columns: Option<Vec<String>>,
    /// As parsed.
    pub query: Box<ast::Query>,
    /// The hints in the query.
    pub hints: Arc<Hints>,
    /// The query as written, before substitution.
    pub text: String,
    /// The script it was written in, before substitution.
    pub source: Arc<str>,
    /// COMMENT.
    pub comment: Option<String>,
}

impl Object {
    /// Name without catalog and database.
    pub fn name(&self) -> &str {
        match self {
            Object::Table(table) => &table.name,
            Object::View(view) => &view.name,
        }
    }
}

impl Catalog {
    /// The object a name means now.
    pub fn get(&self, name: &str) -> Option<&Object> {
        self.temporary.get(name).or_else(|| self.permanent.get(name))
    }

    /// Whether the object a name means now is a temporary one.
    pub fn is_temporary(&self, name: &str) -> bool {
        self.temporary.contains_key(name)
    }

    /// Whether an object of that name and permanence exists.
    pub fn contains(&self, name: &str, is_temporary: bool) -> bool {
        self.side(is_temporary).contains_key(name)
    }

    /// Adds an object, replacing one of the same name and permanence.
    pub fn put(&mut self, object: Object, is_temporary: bool) {
        let name = object.name().to_owned();
        let side = if is_temporary { &mut self.temporary } else { &mut self.permanent };
        side.insert(name, object);
    }

    /// Takes an object away.
    pub fn remove(&mut self, name: &str, is_temporary: bool) -> Option<Object> {
        let side = if is_temporary { &mut self.temporary } else { &mut self.permanent };
        side.remove(name)
    }

    /// Names of all visible objects, in order.
    pub fn names(&self) -> Vec<&str> {
        let all = self.permanent.keys().chain(self.temporary.keys());
        let mut names: Vec<&str> = all.map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn side(&self, is_temporary: bool) -> &BTreeMap<String, Object> {
        if is_temporary { &self.temporary } else { &self.permanent }
    }
}
