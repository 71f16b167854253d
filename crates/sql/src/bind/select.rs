//! SELECT: WHERE, grouping, HAVING, the select list, DISTINCT.

use std::time::Duration;

use argus_base::TypeRoot;
use argus_base::duration::parse_duration;
use argus_plan::{Expression, ExpressionKind, Span};
use sqlparser::ast::{self, Expr, GroupByExpr, Select, SelectItem};

use super::aggregate::{Aggregates, BoundAggregate};
use super::code;
use super::expression::ExpressionBinder;
use super::from::name_path;
use super::grouping::Grouped;
use super::query::Binder;
use super::scope::{self, Column, Relation};
use crate::diagnostic::Diagnostic;
use crate::script::hint::{Hint, HintArgument};
use crate::script::span_of;

/// Hints that Flink 2.2 knows behind SELECT.
const SELECT_HINTS: &[&str] =
    &["STATE_TTL", "LOOKUP", "BROADCAST", "SHUFFLE_HASH", "SHUFFLE_MERGE", "NEST_LOOP"];

/// A select list and HAVING, bound over the input with the aggregates behind it.
pub(super) struct SelectList {
    /// The output columns.
    pub items: Vec<(String, Expression)>,
    /// HAVING.
    pub having: Option<Expression>,
    /// In the order of the columns that stand for them.
    pub aggregates: Vec<BoundAggregate>,
}

impl Binder<'_> {
    /// One SELECT without what stands around it.
    pub fn select(&mut self, select: &Select) -> Result<Relation, Diagnostic> {
        self.check_hints(select)?;
        self.refuse_select(select)?;
        self.refuse_without_from(select)?;
        let input = self.from(&select.from)?;
        let filter = match &select.selection {
            None => None,
            Some(condition) => {
                let mut binder = ExpressionBinder::new(self, &input.columns, "WHERE");
                Some(binder.condition(condition, "WHERE")?)
            }
        };
        let ttl = self.state_ttl(select, &input)?;
        let keys = self.group_keys(select, &input)?;
        let list = self.select_list(select, &input)?;
        let is_grouped = keys.is_some() || !list.aggregates.is_empty() || list.having.is_some();
        let relation = if is_grouped {
            let span = span_of(select.select_token.0.span);
            let grouped = Grouped { keys: keys.unwrap_or_default(), list, ttl };
            self.grouped(&input, filter, grouped, span)?
        } else {
            self.projected(&input, filter, list.items)
        };
        match &select.distinct {
            None | Some(ast::Distinct::All) => Ok(relation),
            Some(_) => self.distinct(relation, ttl, span_of(select.select_token.0.span)),
        }
    }

    /// Hints behind SELECT say how Flink runs joins, which nothing that runs here heeds, and how
    /// long state is kept.
    fn check_hints(&self, select: &Select) -> Result<(), Diagnostic> {
        let is_known = |name: &str| SELECT_HINTS.contains(&name);
        match self.hints.of_select(select).find(|hint| !is_known(&hint.name)) {
            None => Ok(()),
            Some(hint) => {
                let message = format!("no hint behind SELECT is called {}", hint.name);
                Err(Diagnostic::wrong(code::NOT_FLINK, hint.span, message))
            }
        }
    }

    /// What STATE_TTL says about the state over the input, or else the job; `None` is for ever.
    /// Of several hints the first counts, of several pairs in it the last.
    fn state_ttl(&self, select: &Select, input: &Relation) -> Result<Option<Duration>, Diagnostic> {
        let mut ttl = None;
        for hint in self.hints.of_select(select).filter(|hint| hint.name == "STATE_TTL") {
            let mut of_hint = None;
            for argument in &hint.arguments {
                of_hint = Some(ttl_argument(argument, hint, input)?);
            }
            ttl = ttl.or(of_hint);
        }
        let ttl = ttl.or(self.context.settings.state_ttl);
        Ok(ttl.filter(|ttl| !ttl.is_zero()))
    }

    fn refuse_select(&self, select: &Select) -> Result<(), Diagnostic> {
        let span = span_of(select.select_token.0.span);
        let is_foreign = select.top.is_some()
            || select.into.is_some()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || select.value_table_mode.is_some()
            || select.exclude.is_some()
            || matches!(select.distinct, Some(ast::Distinct::On(_)))
            || select.projection.is_empty();
        if is_foreign {
            let message = "a clause of this SELECT is not Flink SQL";
            return Err(Diagnostic::wrong(code::NOT_FLINK, span, message));
        }
        if select.qualify.is_some() || !select.named_window.is_empty() {
            let message = "WINDOW and QUALIFY do not run yet";
            return Err(Diagnostic::unsupported(code::OVER, span, message));
        }
        Ok(())
    }

    fn refuse_without_from(&self, select: &Select) -> Result<(), Diagnostic> {
        let is_grouped =
            !matches!(&select.group_by, GroupByExpr::Expressions(e, _) if e.is_empty());
        if select.from.is_empty() && (select.selection.is_some() || is_grouped) {
            let message = "WHERE and GROUP BY need a FROM";
            let span = span_of(select.select_token.0.span);
            return Err(Diagnostic::wrong(code::NOT_FLINK, span, message));
        }
        Ok(())
    }

    /// The expressions of GROUP BY, equal ones once; `None` without the clause.
    fn group_keys(
        &self,
        select: &Select,
        input: &Relation,
    ) -> Result<Option<Vec<Expression>>, Diagnostic> {
        let GroupByExpr::Expressions(expressions, modifiers) = &select.group_by else {
            let span = self.span(&select.group_by);
            return Err(Diagnostic::wrong(code::NOT_FLINK, span, "GROUP BY ALL is not Flink SQL"));
        };
        if expressions.is_empty() {
            return Ok(None);
        }
        let is_set =
            |e: &&Expr| matches!(e, Expr::GroupingSets(_) | Expr::Rollup(_) | Expr::Cube(_));
        if let Some(set) = expressions.iter().find(is_set) {
            let message = "GROUPING SETS, ROLLUP and CUBE do not run yet";
            let help = "write one query a set and connect them with UNION ALL";
            let span = self.span(set);
            return Err(Diagnostic::unsupported(code::GROUP_AGGREGATION, span, message).help(help));
        }
        if !modifiers.is_empty() {
            let span = self.span(&select.group_by);
            let message = "this form of GROUP BY is not Flink SQL";
            return Err(Diagnostic::wrong(code::NOT_FLINK, span, message));
        }
        let mut keys: Vec<Expression> = Vec::new();
        for expression in expressions {
            let parts = match expression {
                Expr::Tuple(parts) => parts.as_slice(),
                other => std::slice::from_ref(other),
            };
            for part in parts {
                let mut binder = ExpressionBinder::new(self, &input.columns, "GROUP BY");
                let key = binder.bind_typed(part)?;
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        Ok(Some(keys))
    }

    fn select_list(&self, select: &Select, input: &Relation) -> Result<SelectList, Diagnostic> {
        let collected = Aggregates::Collected(Vec::new());
        let mut binder = ExpressionBinder::with(self, &input.columns, collected);
        let mut items = Vec::new();
        for item in &select.projection {
            select_item(&mut binder, item, &mut items)?;
        }
        let having = select.having.as_ref();
        let having = having.map(|having| binder.condition(having, "HAVING")).transpose()?;
        let Aggregates::Collected(aggregates) = binder.aggregates else {
            unreachable!("binding leaves the list where it found it");
        };
        Ok(SelectList { items, having, aggregates })
    }

    /// A view's columns must not be named alike, as far as its query names them itself.
    pub fn check_view_names(&self, query: &ast::Query) -> Result<(), Diagnostic> {
        let ast::SetExpr::Select(select) = query.body.as_ref() else { return Ok(()) };
        let mut names: Vec<String> = Vec::new();
        for item in &select.projection {
            let name = match item {
                SelectItem::UnnamedExpr(expression) => implied_name(expression),
                SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
                _ => None,
            };
            let Some(name) = name else { continue };
            if names.contains(&name) {
                let message = format!("a column with the same name '{name}' has been defined");
                return Err(Diagnostic::wrong(code::DECLARATION, self.span(item), message));
            }
            names.push(name);
        }
        Ok(())
    }

    /// A projection; plain columns keep what they are.
    pub fn projected(
        &mut self,
        input: &Relation,
        filter: Option<Expression>,
        items: Vec<(String, Expression)>,
    ) -> Relation {
        let columns = items.iter().map(|(name, item)| {
            let property = match item.kind {
                ExpressionKind::Column(index) => input.columns[index].property,
                _ => None,
            };
            Column { property, ..Column::new(name, item.logical_type.clone()) }
        });
        let columns = columns.collect();
        let node = self.plan.add_calc(input.node, filter, items);
        Relation { node, columns, window: input.window.clone() }
    }
}

/// `'table' = '1 d'`, where the table is the one that is selected from.
fn ttl_argument(
    argument: &HintArgument,
    hint: &Hint,
    input: &Relation,
) -> Result<Duration, Diagnostic> {
    let wrong = |span, message| Err(Diagnostic::wrong(code::NOT_FLINK, span, message));
    let HintArgument::Pair { key, key_span, value } = argument else {
        return wrong(hint.span, "STATE_TTL takes pairs: 'table' = '1 d'".to_owned());
    };
    let path: Vec<&str> = key.split('.').collect();
    if scope::qualified(&input.columns, &path).is_empty() {
        let message = format!("STATE_TTL names '{key}', which is no table or alias in FROM");
        return wrong(*key_span, message);
    }
    parse_duration(&value.value)
        .or_else(|why| wrong(value.span, format!("the value of STATE_TTL is no duration: {why}")))
}

fn select_item(
    binder: &mut ExpressionBinder<'_, '_>,
    item: &SelectItem,
    items: &mut Vec<(String, Expression)>,
) -> Result<(), Diagnostic> {
    let span = binder.span(item);
    match item {
        SelectItem::UnnamedExpr(expression) => {
            let name = implied_name(expression).unwrap_or_else(|| format!("EXPR${}", items.len()));
            items.push((name, binder.bind_typed(expression)?));
        }
        SelectItem::ExprWithAlias { expr, alias } => {
            items.push((alias.value.clone(), binder.bind_typed(expr)?));
        }
        SelectItem::Wildcard(options) if is_plain(options) => {
            for index in 0..binder.columns.len() {
                items.push(star_column(binder.columns, index, span)?);
            }
        }
        SelectItem::QualifiedWildcard(kind, options) if is_plain(options) => {
            let ast::SelectItemQualifiedWildcardKind::ObjectName(name) = kind else {
                return Err(binder.not_flink("this form of .*", span));
            };
            qualified_star(binder, &name_path(name), span, items)?;
        }
        _ => return Err(binder.not_flink("this item of SELECT", span)),
    }
    Ok(())
}

fn is_plain(options: &ast::WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none()
}

/// A column that `*` stands for; it is found by name, so repeated names are ambiguous.
fn star_column(
    columns: &[Column],
    index: usize,
    span: Span,
) -> Result<(String, Expression), Diagnostic> {
    let column = &columns[index];
    let is_same =
        |other: &&Column| other.name == column.name && other.qualifier == column.qualifier;
    if columns.iter().filter(is_same).count() > 1 {
        let message = format!("column '{}' is ambiguous", column.name);
        return Err(Diagnostic::wrong(code::AMBIGUOUS_COLUMN, span, message));
    }
    let mut expression = Expression::column(index, column.logical_type.clone());
    expression.span = span;
    Ok((column.name.clone(), expression))
}

/// `table.*`, or all fields of a ROW: `row_column.*`.
fn qualified_star(
    binder: &ExpressionBinder<'_, '_>,
    path: &[String],
    span: Span,
    items: &mut Vec<(String, Expression)>,
) -> Result<(), Diagnostic> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let of_table = scope::qualified(binder.columns, &path);
    if !of_table.is_empty() {
        for index in of_table {
            items.push(star_column(binder.columns, index, span)?);
        }
        return Ok(());
    }
    let row = scope::resolve(binder.columns, &path, span)?;
    let TypeRoot::Row(fields) = row.logical_type.root.clone() else {
        let message = format!("'{}' is neither a table nor a ROW", path.join("."));
        return Err(Diagnostic::wrong(code::UNKNOWN_TABLE, span, message));
    };
    for field in fields {
        items.push((field.name.clone(), scope::field(row.clone(), &field.name, span)?));
    }
    Ok(())
}

/// The name an expression gives its column when no alias does.
fn implied_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(path) => path.last().map(|name| name.value.clone()),
        _ => None,
    }
}
