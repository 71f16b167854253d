//! The statements of Flink SQL as parsed: names not yet looked up, types already bound.

use std::sync::Arc;

use argus_base::LogicalType;
use argus_plan::Span;
use sqlparser::ast;

use crate::Diagnostic;
use crate::catalog::OptionValue;
use crate::script::Source;
use crate::script::hint::{Hint, Hints};

/// A statement and where it stands.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it says.
    pub kind: StatementKind,
    /// From its first to its last token.
    pub span: Span,
}

/// What a statement says.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// CREATE TABLE.
    CreateTable(Box<CreateTable>),
    /// CREATE VIEW.
    CreateView(Box<CreateView>),
    /// DROP TABLE or DROP VIEW.
    Drop(Drop),
    /// `SET 'key' = 'value'`.
    Set(Setting),
    /// `SET` alone: lists the settings.
    ShowSettings,
    /// `RESET 'key'`, or `RESET` for all.
    Reset(Option<String>),
    /// `USE CATALOG c`, `USE db`.
    Use(Use),
    /// INSERT INTO.
    Insert(Box<Insert>),
    /// `EXECUTE STATEMENT SET BEGIN … END`.
    StatementSet(Vec<Insert>),
    /// `BEGIN STATEMENT SET`.
    BeginStatementSet,
    /// `END` of the statement set.
    EndStatementSet,
    /// SELECT, VALUES or WITH.
    Query(Query),
    /// EXPLAIN.
    Explain(Explain),
    /// DESCRIBE.
    Describe(Path),
    /// SHOW of a list of names.
    Show(Show),
    /// `SHOW COLUMNS FROM t`.
    ShowColumns {
        /// The table or view.
        path: Path,
        /// Which columns.
        like: Option<NamePattern>,
    },
    /// `SHOW CREATE TABLE t`, `SHOW CREATE VIEW v`.
    ShowCreate {
        /// Whether VIEW was written.
        is_view: bool,
        /// Which.
        path: Path,
    },
    /// Flink runs it, this engine does not yet: refused when it is reached.
    Unsupported(Diagnostic),
}

/// `[catalog.][database.]name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Catalog, where written.
    pub catalog: Option<String>,
    /// Database, where written.
    pub database: Option<String>,
    /// The object.
    pub name: String,
    /// The whole path.
    pub span: Span,
}

/// A name and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Case-sensitive.
    pub value: String,
    /// Back-ticks included.
    pub span: Span,
}

/// A query with its hints.
#[derive(Clone, Debug)]
pub struct Query {
    /// As parsed.
    pub query: Box<ast::Query>,
    /// The hints of the whole statement.
    pub hints: Arc<Hints>,
    /// From its first to its last token.
    pub span: Span,
}

/// `SET 'key' = 'value'`.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Case-sensitive.
    pub key: String,
    /// Where the key was written.
    pub key_span: Span,
    /// What it is set to.
    pub value: OptionValue,
}

/// `USE CATALOG c`, `USE [c.]db`.
#[derive(Clone, Debug)]
pub struct Use {
    /// Whether a catalog is named, not a database.
    pub is_catalog: bool,
    /// Which.
    pub path: Path,
}

/// CREATE TABLE.
#[derive(Clone, Debug)]
pub struct CreateTable {
    /// The new table.
    pub path: Path,
    /// CREATE TEMPORARY.
    pub is_temporary: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// In order.
    pub columns: Vec<ColumnDefinition>,
    /// WATERMARK.
    pub watermark: Option<WatermarkDefinition>,
    /// PRIMARY KEY.
    pub primary_key: Option<KeyDefinition>,
    /// COMMENT.
    pub comment: Option<String>,
    /// DISTRIBUTED, in Flink's spelling.
    pub distribution: Option<String>,
    /// PARTITIONED BY.
    pub partition_keys: Vec<Name>,
    /// WITH, in order.
    pub options: Vec<Setting>,
    /// LIKE.
    pub like: Option<Like>,
    /// AS: the table is made of a query.
    pub query: Option<Query>,
}

/// A column of CREATE TABLE.
#[derive(Clone, Debug)]
pub struct ColumnDefinition {
    /// Its name.
    pub name: Name,
    /// Where its values come from.
    pub kind: ColumnDefinitionKind,
    /// COMMENT.
    pub comment: Option<String>,
}

/// Where a column's values come from.
#[derive(Clone, Debug)]
pub enum ColumnDefinitionKind {
    /// Stored.
    Physical(LogicalType),
    /// `METADATA [FROM 'key'] [VIRTUAL]`.
    Metadata {
        /// Declared type.
        logical_type: LogicalType,
        /// FROM.
        key: Option<String>,
        /// VIRTUAL.
        is_virtual: bool,
    },
    /// `AS expression`.
    Computed {
        /// As parsed.
        expression: Box<ast::Expr>,
        /// In Flink's spelling, variables as written.
        text: String,
    },
    /// Only a name, as CREATE TABLE … AS allows.
    NameOnly,
}

/// `WATERMARK FOR column AS expression`.
#[derive(Clone, Debug)]
pub struct WatermarkDefinition {
    /// The rowtime column.
    pub column: Name,
    /// As parsed.
    pub expression: ast::Expr,
    /// In Flink's spelling, variables as written.
    pub text: String,
    /// The whole clause.
    pub span: Span,
}

/// `[CONSTRAINT name] PRIMARY KEY (columns) NOT ENFORCED`.
#[derive(Clone, Debug)]
pub struct KeyDefinition {
    /// CONSTRAINT.
    pub name: Option<String>,
    /// In order.
    pub columns: Vec<Name>,
    /// The whole clause.
    pub span: Span,
}

/// `LIKE table (options)`.
#[derive(Clone, Debug)]
pub struct Like {
    /// The table that is taken from.
    pub source: Path,
    /// In order.
    pub options: Vec<LikeOption>,
}

/// `INCLUDING ALL`, `OVERWRITING OPTIONS` and their like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LikeOption {
    /// What is done.
    pub strategy: LikeStrategy,
    /// With what.
    pub feature: LikeFeature,
    /// As written.
    pub span: Span,
}

/// What LIKE does with a feature of the source table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikeStrategy {
    /// Taken; a duplicate is an error.
    Including,
    /// Left out.
    Excluding,
    /// Taken; what the new table declares goes before.
    Overwriting,
}

/// A feature of a table for LIKE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Flink's words")]
pub enum LikeFeature {
    All,
    Constraints,
    Distribution,
    Generated,
    Metadata,
    Options,
    Partitions,
    Watermarks,
}

/// CREATE VIEW.
#[derive(Clone, Debug)]
pub struct CreateView {
    /// The new view.
    pub path: Path,
    /// CREATE TEMPORARY.
    pub is_temporary: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Column names, where written.
    pub columns: Option<Vec<Name>>,
    /// COMMENT.
    pub comment: Option<String>,
    /// AS.
    pub query: Query,
    /// The query as written.
    pub text: String,
    /// The script it was written in.
    pub source: Source,
}

/// DROP TABLE, DROP VIEW.
#[derive(Clone, Debug)]
pub struct Drop {
    /// Whether VIEW was written.
    pub is_view: bool,
    /// DROP TEMPORARY.
    pub is_temporary: bool,
    /// IF EXISTS.
    pub if_exists: bool,
    /// Which.
    pub path: Path,
}

/// `INSERT INTO table [hints] [PARTITION (…)] [(columns)] query`.
#[derive(Clone, Debug)]
pub struct Insert {
    /// The sink.
    pub table: Path,
    /// The same as a name of the tree.
    pub table_name: ast::ObjectName,
    /// Hints of the sink and of the query.
    pub hints: Arc<Hints>,
    /// PARTITION: columns with constants.
    pub partition: Vec<(Name, ast::Expr)>,
    /// The written columns, where listed.
    pub columns: Option<Vec<Name>>,
    /// What is written.
    pub query: Query,
    /// The statement.
    pub span: Span,
}

impl Insert {
    /// The hints of the sink table.
    pub fn table_hints(&self) -> impl Iterator<Item = &Hint> {
        self.hints.of_table(&self.table_name)
    }
}

/// EXPLAIN.
#[derive(Clone, Debug)]
pub struct Explain {
    /// One INSERT, a statement set, or a query.
    pub target: ExplainTarget,
}

/// What EXPLAIN explains.
#[derive(Clone, Debug)]
pub enum ExplainTarget {
    /// INSERT statements of one job.
    Inserts(Vec<Insert>),
    /// A query.
    Query(Query),
}

/// SHOW of a list of names.
#[derive(Clone, Debug)]
pub struct Show {
    /// What is listed.
    pub what: Shown,
    /// FROM or IN: the catalog or database.
    pub from: Option<Path>,
    /// `[NOT] LIKE 'pattern'` (SQL's `%` and `_`).
    pub like: Option<NamePattern>,
}

/// `[NOT] LIKE 'pattern'` or `[NOT] ILIKE 'pattern'`.
#[derive(Clone, Debug)]
pub struct NamePattern {
    /// NOT.
    pub is_not: bool,
    /// ILIKE: case does not matter.
    pub ignores_case: bool,
    /// With `%` and `_`.
    pub pattern: String,
}

/// What SHOW lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Flink's words")]
pub enum Shown {
    Tables,
    Views,
    Databases,
    Catalogs,
    CurrentDatabase,
    CurrentCatalog,
}
