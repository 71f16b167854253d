//! What stands in FROM: tables, views, sub-queries, window TVFs, and what does not run yet.

use std::collections::BTreeMap;

use argus_base::nearest::nearest;
use argus_plan::Span;
use sqlparser::ast::{self, ObjectName, TableAlias, TableFactor, TableWithJoins};

use super::code;
use super::query::Binder;
use super::scope::Relation;
use crate::catalog::{DEFAULT_CATALOG, DEFAULT_DATABASE, Object};
use crate::diagnostic::Diagnostic;
use crate::script::span_of;

impl<'a> Binder<'a> {
    /// The FROM clause; a single row without columns of use where there is none.
    pub fn from(&mut self, from: &[TableWithJoins]) -> Result<Relation, Diagnostic> {
        let [only] = from else {
            if from.is_empty() {
                return Ok(self.one_row());
            }
            for item in from {
                self.table_with_joins(item)?;
            }
            return Err(join_unsupported(self.span(&from[1])));
        };
        self.table_with_joins(only)
    }

    fn table_with_joins(&mut self, item: &TableWithJoins) -> Result<Relation, Diagnostic> {
        let relation = self.table_factor(&item.relation)?;
        let Some(first) = item.joins.first() else { return Ok(relation) };
        for join in &item.joins {
            self.table_factor(&join.relation)?;
        }
        Err(join_unsupported(self.span(first)))
    }

    fn table_factor(&mut self, factor: &TableFactor) -> Result<Relation, Diagnostic> {
        let span = self.span(factor);
        match factor {
            TableFactor::Table { name, alias, args, version, sample, .. } => {
                if version.is_some() {
                    return Err(join_unsupported(span));
                }
                if sample.is_some() {
                    let message = "TABLESAMPLE does not run on streams";
                    return Err(Diagnostic::wrong(code::NOT_STREAMING, span, message));
                }
                let relation = match args {
                    Some(arguments) => self.table_function(name, &arguments.args, span)?,
                    None => self.table(name)?,
                };
                self.aliased(relation, alias.as_ref())
            }
            TableFactor::TableFunction { expr: ast::Expr::Function(function), alias } => {
                let ast::FunctionArguments::List(list) = &function.args else {
                    let message = format!("the table function {} needs arguments", function.name);
                    return Err(Diagnostic::wrong(code::WINDOW, span, message));
                };
                let relation = self.table_function(&function.name, &list.args, span)?;
                self.aliased(relation, alias.as_ref())
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let mut relation = self.query(subquery)?;
                for column in &mut relation.columns {
                    column.qualifier.clear();
                }
                self.aliased(relation, alias.as_ref())
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let relation = self.table_with_joins(table_with_joins)?;
                self.aliased(relation, alias.as_ref())
            }
            TableFactor::MatchRecognize { .. } => {
                let message = "MATCH_RECOGNIZE does not run yet";
                Err(Diagnostic::unsupported(code::MATCH_RECOGNIZE, span, message))
            }
            TableFactor::UNNEST { .. }
            | TableFactor::Derived { .. }
            | TableFactor::Function { .. } => Err(unnest_unsupported(span)),
            other => {
                let message = format!("this in FROM is not Flink SQL: {other}");
                Err(Diagnostic::wrong(code::NOT_FLINK, span, message))
            }
        }
    }

    fn aliased(
        &self,
        relation: Relation,
        alias: Option<&TableAlias>,
    ) -> Result<Relation, Diagnostic> {
        let Some(alias) = alias else { return Ok(relation) };
        let names: Vec<String> =
            alias.columns.iter().map(|column| column.name.value.clone()).collect();
        relation.renamed(&alias.name.value, &names, span_of(alias.name.span))
    }

    /// A table by its name as written, with the OPTIONS hints behind it.
    pub fn table(&mut self, name: &ObjectName) -> Result<Relation, Diagnostic> {
        let span = self.span(name);
        let path = name_path(name);
        let options = self.table_hints(name)?;
        self.named_table(&path, span, options)
    }

    /// A common table, view or declared table.
    pub fn named_table(
        &mut self,
        path: &[String],
        span: Span,
        options: Option<BTreeMap<String, String>>,
    ) -> Result<Relation, Diagnostic> {
        if let [name] = path
            && let Some((_, relation)) = self.common_tables.iter().rev().find(|(n, _)| n == name)
        {
            return Ok(relation.clone());
        }
        let object = self.object(path, span)?;
        let mut relation = match object {
            Object::Table(table) => self.scan(table, options.unwrap_or_default(), span)?,
            Object::View(view) => {
                if options.is_some() {
                    let message =
                        format!("OPTIONS belong to tables, and '{}' is a view", view.name);
                    return Err(Diagnostic::wrong(code::TABLE_OPTIONS, span, message));
                }
                self.view(view)?
            }
        };
        let name = object.name();
        let qualifier: Vec<String> =
            [DEFAULT_CATALOG, DEFAULT_DATABASE, name].map(str::to_owned).to_vec();
        for column in &mut relation.columns {
            column.qualifier.clone_from(&qualifier);
        }
        Ok(relation)
    }

    /// The catalog's object of that name.
    pub fn object(&self, path: &[String], span: Span) -> Result<&'a Object, Diagnostic> {
        let defaults = [DEFAULT_CATALOG, DEFAULT_DATABASE];
        let qualifier = &path[..path.len().saturating_sub(1)];
        let is_default = qualifier.len() <= 2
            && qualifier.iter().eq(defaults[2 - qualifier.len().min(2)..].iter());
        let name = path.last().map_or("", String::as_str);
        let found = self.context.catalog.get(name).filter(|_| is_default);
        found.ok_or_else(|| {
            let message = format!("object '{}' not found", path.join("."));
            let diagnostic = Diagnostic::wrong(code::UNKNOWN_TABLE, span, message);
            match nearest(name, self.context.catalog.names()) {
                Some(near) => diagnostic.help(format!("did you mean '{near}'?")),
                None => diagnostic,
            }
        })
    }

    /// The options of the OPTIONS hints behind a table's name; `None` without such a hint.
    pub fn table_hints(
        &self,
        name: &ObjectName,
    ) -> Result<Option<BTreeMap<String, String>>, Diagnostic> {
        let mut options: Option<BTreeMap<String, String>> = None;
        for hint in self.hints.of_table(name) {
            if hint.name != "OPTIONS" {
                let message = format!("the hint {} is unknown behind a table", hint.name);
                return Err(Diagnostic::wrong(code::TABLE_OPTIONS, hint.span, message));
            }
            if !self.context.settings.options.bool("table.dynamic-table-options.enabled") {
                let message = "OPTIONS hints are switched off";
                let help = "SET 'table.dynamic-table-options.enabled' = 'true'";
                return Err(Diagnostic::wrong(code::TABLE_OPTIONS, hint.span, message).help(help));
            }
            let options = options.get_or_insert_default();
            for (key, _, value) in hint.pairs() {
                options.insert(key.to_owned(), value.value.clone());
            }
        }
        Ok(options)
    }
}

/// The parts of a written name.
pub(super) fn name_path(name: &ObjectName) -> Vec<String> {
    let part = |part: &ast::ObjectNamePart| match part.as_ident() {
        Some(ident) => ident.value.clone(),
        None => part.to_string(),
    };
    name.0.iter().map(part).collect()
}

/// UNNEST and LATERAL.
pub(super) fn unnest_unsupported(span: Span) -> Diagnostic {
    let message = "UNNEST and LATERAL do not run yet";
    let help = "read elements one by one: array_column[1]";
    Diagnostic::unsupported(code::JOIN, span, message).help(help)
}

fn join_unsupported(span: Span) -> Diagnostic {
    let message = "joins do not run yet";
    let help = "put both sides into one stream with UNION ALL and aggregate them by key and window";
    Diagnostic::unsupported(code::JOIN, span, message).help(help)
}
