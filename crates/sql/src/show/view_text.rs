//! The query of a view as Flink keeps it: names in full, `*` written out, one clause a line.
//!
//! Queries over one table, view, sub-query or window are printed so; any other, which no view can
//! run yet, as written.

use sqlparser::ast::{self, Expr, SetExpr};

use super::create::quoted;
use super::unparse::Printer;
use crate::catalog::{DEFAULT_CATALOG, DEFAULT_DATABASE, View};

/// Columns that a window adds.
const WINDOW_COLUMNS: [&str; 3] = ["window_start", "window_end", "window_time"];

/// The text of a view's query; `columns_of` are the columns of a table or view.
pub(super) fn view_text(view: &View, columns_of: &dyn Fn(&str) -> Option<Vec<String>>) -> String {
    let mut writer = Writer { source: &view.source, columns_of, common: Vec::new(), n_unnamed: 0 };
    match writer.query(&view.query) {
        Some(printed) => printed.text,
        None => view.text.clone(),
    }
}

struct Writer<'a> {
    source: &'a str,
    columns_of: &'a dyn Fn(&str) -> Option<Vec<String>>,
    /// Names and columns of WITH.
    common: Vec<(String, Vec<String>)>,
    /// Windows without an alias so far.
    n_unnamed: usize,
}

/// A query or relation with the names of its columns.
struct Printed {
    text: String,
    columns: Vec<String>,
}

/// What stands in FROM.
struct Relation {
    text: String,
    alias: String,
    columns: Vec<String>,
}

impl Writer<'_> {
    fn query(&mut self, query: &ast::Query) -> Option<Printed> {
        if query.order_by.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
            return None;
        }
        let with = match &query.with {
            Some(with) => self.common_table(with)?,
            None => String::new(),
        };
        let body = self.body(&query.body)?;
        Some(Printed { text: with + &body.text, columns: body.columns })
    }

    fn common_table(&mut self, with: &ast::With) -> Option<String> {
        let [table] = with.cte_tables.as_slice() else { return None };
        if !table.alias.columns.is_empty() {
            return None;
        }
        let printed = self.query(&table.query)?;
        let name = &table.alias.name.value;
        self.common.push((name.clone(), printed.columns));
        Some(format!("WITH {} AS ({}) ", quoted(name), printed.text))
    }

    fn body(&mut self, body: &SetExpr) -> Option<Printed> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, op: ast::SetOperator::Union, set_quantifier, right } => {
                let all = if *set_quantifier == ast::SetQuantifier::All { " ALL" } else { "" };
                let (left, right) = (self.body(left)?, self.body(right)?);
                let text = format!("{}\nUNION{all}\n{}", left.text, right.text);
                Some(Printed { text, columns: left.columns })
            }
            SetExpr::Values(values) => self.values(values),
            _ => None,
        }
    }

    fn values(&self, values: &ast::Values) -> Option<Printed> {
        let printer = Printer::new(self.source, None);
        let rows = values.rows.iter().map(|row| format!("ROW({})", printer.list(row)));
        let text = format!("VALUES {}", rows.collect::<Vec<String>>().join(",\n"));
        let n_columns = values.rows.first().map_or(0, |row| row.content.len());
        let columns = (0..n_columns).map(unnamed).collect();
        (!printer.is_unknown.get()).then_some(Printed { text, columns })
    }

    fn select(&mut self, select: &ast::Select) -> Option<Printed> {
        let is_plain = select.named_window.is_empty()
            && select.qualify.is_none()
            && !matches!(select.distinct, Some(ast::Distinct::On(_)));
        if !is_plain {
            return None;
        }
        let from = match select.from.as_slice() {
            [] => None,
            [table] if table.joins.is_empty() => Some(self.relation(&table.relation)?),
            _ => return None,
        };
        let alias = from.as_ref().map(|relation| relation.alias.as_str());
        let printer = Printer::new(self.source, alias);
        let (items, columns) = items(&printer, select, from.as_ref())?;
        let distinct = if select.distinct.is_some() { "DISTINCT " } else { "" };
        let mut text = format!("SELECT {distinct}{}", items.join(", "));
        if let Some(relation) = &from {
            text += &format!("\nFROM {} AS {}", relation.text, quoted(&relation.alias));
        }
        if let Some(condition) = &select.selection {
            text += &format!("\nWHERE {}", printer.plain(condition));
        }
        match &select.group_by {
            ast::GroupByExpr::Expressions(keys, _) if keys.is_empty() => {}
            ast::GroupByExpr::Expressions(keys, _) => {
                text += &format!("\nGROUP BY {}", printer.list(keys));
            }
            ast::GroupByExpr::All(_) => return None,
        }
        if let Some(condition) = &select.having {
            text += &format!("\nHAVING {}", printer.plain(condition));
        }
        (!printer.is_unknown.get()).then_some(Printed { text, columns })
    }

    fn relation(&mut self, factor: &ast::TableFactor) -> Option<Relation> {
        match factor {
            ast::TableFactor::Table { name, alias, args, version, .. } => {
                let part = name.0.last()?.as_ident()?;
                if version.is_some() || !is_plain_alias(alias.as_ref()) {
                    return None;
                }
                if let Some(arguments) = args {
                    return self.window(&part.value, &arguments.args, alias.as_ref());
                }
                let mut relation = self.named(&part.value)?;
                if let Some(alias) = alias {
                    relation.alias.clone_from(&alias.name.value);
                }
                Some(relation)
            }
            ast::TableFactor::Derived { lateral: false, subquery, alias: Some(alias), .. } => {
                let inner = self.query(subquery)?;
                let is_plain = is_plain_alias(Some(alias));
                is_plain.then(|| Relation {
                    text: format!("({})", inner.text),
                    alias: alias.name.value.clone(),
                    columns: inner.columns,
                })
            }
            ast::TableFactor::TableFunction { expr: Expr::Function(function), alias } => {
                let ast::FunctionArguments::List(list) = &function.args else { return None };
                let name = &function.name.0.last()?.as_ident()?.value;
                self.window(name, &list.args, alias.as_ref())
            }
            _ => None,
        }
    }

    /// A common table, or an object of the catalog by its full name.
    fn named(&self, name: &str) -> Option<Relation> {
        let alias = name.to_owned();
        if let Some((_, columns)) = self.common.iter().rev().find(|(known, _)| known == name) {
            return Some(Relation { text: quoted(name), alias, columns: columns.clone() });
        }
        let columns = (self.columns_of)(name)?;
        let text = [DEFAULT_CATALOG, DEFAULT_DATABASE, name].map(quoted).join(".");
        Some(Relation { text, alias, columns })
    }

    /// `TUMBLE(TABLE t, DESCRIPTOR(ts), …)` with arguments by position.
    fn window(
        &mut self,
        name: &str,
        arguments: &[ast::FunctionArg],
        alias: Option<&ast::TableAlias>,
    ) -> Option<Relation> {
        let positional = arguments.iter().map(|argument| match argument {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        });
        let positional: Vec<&Expr> = positional.collect::<Option<_>>()?;
        let [table, time, sizes @ ..] = positional.as_slice() else { return None };
        let table = self.named(&table_argument(table)?)?;
        let all: Vec<String> = table
            .columns
            .iter()
            .map(|c| format!("{}.{}", quoted(&table.alias), quoted(c)))
            .collect();
        let inner =
            format!("SELECT {}\nFROM {} AS {}", all.join(", "), table.text, quoted(&table.alias));
        let printer = Printer::new(self.source, None);
        let time = printer.plain(time).replacen("`DESCRIPTOR`", "DESCRIPTOR", 1);
        let sizes: String = sizes.iter().map(|size| format!(", {}", printer.plain(size))).collect();
        let text = format!("TABLE({}(({inner}), {time}{sizes}))", name.to_uppercase());
        if printer.is_unknown.get() || !is_plain_alias(alias) {
            return None;
        }
        let alias = match alias {
            Some(alias) => alias.name.value.clone(),
            None => {
                self.n_unnamed += 1;
                unnamed(self.n_unnamed - 1)
            }
        };
        let mut columns = table.columns;
        columns.extend(WINDOW_COLUMNS.map(str::to_owned));
        Some(Relation { text, alias, columns })
    }
}

/// The name of the table in `TABLE t`.
fn table_argument(argument: &Expr) -> Option<String> {
    let Expr::Function(function) = argument else { return None };
    let ast::FunctionArguments::List(list) = &function.args else { return None };
    match (list.args.as_slice(), &function.over) {
        ([ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(Expr::Identifier(name)))], None) => {
            Some(name.value.clone())
        }
        _ => None,
    }
}

fn is_plain_alias(alias: Option<&ast::TableAlias>) -> bool {
    alias.is_none_or(|alias| alias.columns.is_empty())
}

/// The select list, printed, and the names of its columns.
fn items(
    printer: &Printer<'_>,
    select: &ast::Select,
    from: Option<&Relation>,
) -> Option<(Vec<String>, Vec<String>)> {
    let (mut items, mut names) = (Vec::new(), Vec::new());
    for item in &select.projection {
        match item {
            ast::SelectItem::UnnamedExpr(expression) => {
                names.push(last_name(expression).unwrap_or_else(|| unnamed(items.len())));
                items.push(printer.plain(expression));
            }
            ast::SelectItem::ExprWithAlias { expr, alias } => {
                names.push(alias.value.clone());
                items.push(format!("{} AS {}", printer.plain(expr), printer.name(alias)));
            }
            ast::SelectItem::Wildcard(_) | ast::SelectItem::QualifiedWildcard(..) => {
                let relation = from?;
                let alias = quoted(&relation.alias);
                let columns = relation.columns.iter();
                items.extend(columns.map(|column| format!("{alias}.{}", quoted(column))));
                names.extend(relation.columns.iter().cloned());
            }
            ast::SelectItem::ExprWithAliases { .. } => return None,
        }
    }
    Some((items, names))
}

fn last_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()),
        _ => None,
    }
}

/// Flink's name of what has none.
fn unnamed(index: usize) -> String {
    format!("EXPR${index}")
}

#[cfg(test)]
#[path = "view_text_tests.rs"]
mod tests;
