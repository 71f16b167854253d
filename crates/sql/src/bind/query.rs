//! Queries as a whole: WITH, UNION ALL, views, and what may follow a query.

use argus_base::{Field, LogicalType, TimeKind};
use argus_plan::{Expression, NodeId, Operator, Span};
use sqlparser::ast::{self, Query, SetExpr, SetOperator, SetQuantifier, Spanned};

use super::expression::ExpressionBinder;
use super::plan::Plan;
use super::scope::{Column, Relation};
use super::{Context, cast, code};
use crate::catalog::View;
use crate::diagnostic::Diagnostic;
use crate::script::hint::Hints;
use crate::script::span_of;

/// Binds the queries of one job into one plan.
pub(super) struct Binder<'a> {
    /// What it reads besides the queries.
    pub context: &'a Context<'a>,
    /// What it builds.
    pub plan: Plan,
    /// Hints of the statement or view being bound.
    pub hints: &'a Hints,
    /// Names of WITH, the innermost last.
    pub common_tables: Vec<(String, Relation)>,
    /// Views being bound, the innermost last.
    views: Vec<String>,
}

impl<'a> Binder<'a> {
    /// An empty plan.
    pub fn new(context: &'a Context<'a>, hints: &'a Hints) -> Binder<'a> {
        let plan = Plan::default();
        Binder { context, plan, hints, common_tables: Vec::new(), views: Vec::new() }
    }

    /// The bytes of a part of a statement.
    pub fn span(&self, part: &impl Spanned) -> Span {
        span_of(part.span())
    }

    /// A query with everything around its body.
    pub fn query(&mut self, query: &Query) -> Result<Relation, Diagnostic> {
        self.refuse_clauses(query)?;
        let n_outer = self.common_tables.len();
        if let Some(with) = &query.with {
            for table in &with.cte_tables {
                self.common_table(with, table)?;
            }
        }
        let relation = self.set_expression(&query.body)?;
        self.common_tables.truncate(n_outer);
        self.refuse_order(query, &relation)?;
        Ok(relation)
    }

    /// The rows of a view, its own column names given.
    pub fn view(&mut self, view: &'a View) -> Result<Relation, Diagnostic> {
        if self.views.contains(&view.name) {
            let message = format!("the view '{}' reads itself", view.name);
            let span = self.span(view.query.as_ref());
            return Err(Diagnostic::wrong(code::UNKNOWN_TABLE, span, message));
        }
        self.views.push(view.name.clone());
        let outer_tables = std::mem::take(&mut self.common_tables);
        let outer_hints = std::mem::replace(&mut self.hints, &view.hints);
        let relation = self.query(&view.query);
        self.hints = outer_hints;
        self.common_tables = outer_tables;
        self.views.pop();
        let names = view.columns.clone().unwrap_or_default();
        let mut relation = relation?.renamed(&view.name, &names, self.span(view.query.as_ref()))?;
        make_unique(&mut relation.columns);
        Ok(relation)
    }

    fn common_table(&mut self, with: &ast::With, table: &ast::Cte) -> Result<(), Diagnostic> {
        let span = span_of(table.alias.name.span);
        if with.recursive {
            let message = "WITH RECURSIVE is not Flink SQL";
            return Err(Diagnostic::wrong(code::NOT_FLINK, span, message));
        }
        let relation = self.query(&table.query)?;
        let names: Vec<String> =
            table.alias.columns.iter().map(|column| column.name.value.clone()).collect();
        let name = table.alias.name.value.clone();
        let relation = relation.renamed(&name, &names, span)?;
        self.common_tables.push((name, relation));
        Ok(())
    }

    fn set_expression(&mut self, body: &SetExpr) -> Result<Relation, Diagnostic> {
        let span = self.span(body);
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::Values(values) => self.values(values, span),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let left = self.set_expression(left)?;
                let right = self.set_expression(right)?;
                let operation = format!("{op} {set_quantifier}");
                let combined = self.union(left, right, operation.trim(), span)?;
                match (op, set_quantifier) {
                    (SetOperator::Union, SetQuantifier::All) => return Ok(combined),
                    (SetOperator::Union, SetQuantifier::None | SetQuantifier::Distinct) => {
                        return self.distinct(combined, None, span);
                    }
                    _ => {}
                }
                let message = format!("{} does not run yet", operation.trim());
                let help = "UNION and UNION ALL do";
                Err(Diagnostic::unsupported(code::SET_OPERATION, span, message).help(help))
            }
            SetExpr::Table(table) => {
                let parts = [table.schema_name.clone(), table.table_name.clone()];
                let path: Vec<String> = parts.into_iter().flatten().collect();
                self.named_table(&path, span, None)
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                let message = "a statement that changes a table is no query";
                Err(Diagnostic::wrong(code::NOT_FLINK, span, message))
            }
        }
    }

    /// Both inputs' rows, their columns cast to common types. Names are the left's.
    fn union(
        &mut self,
        left: Relation,
        right: Relation,
        operation: &str,
        span: Span,
    ) -> Result<Relation, Diagnostic> {
        if left.columns.len() != right.columns.len() {
            let message = format!(
                "column count mismatch in {operation}: {} and {}",
                left.columns.len(),
                right.columns.len()
            );
            return Err(Diagnostic::wrong(code::SINK_SCHEMA, span, message));
        }
        let is_one_window = left.window == right.window;
        let mut columns = Vec::new();
        for (index, (a, b)) in left.columns.iter().zip(&right.columns).enumerate() {
            let Some(logical_type) = union_type(&a.logical_type, &b.logical_type) else {
                let message = format!(
                    "type mismatch in column {} of {operation}: {} and {}",
                    index + 1,
                    a.logical_type,
                    b.logical_type
                );
                return Err(Diagnostic::wrong(code::SINK_SCHEMA, span, message));
            };
            let property = a.property.filter(|_| is_one_window && a.property == b.property);
            columns.push(Column { property, ..Column::new(&a.name, logical_type) });
        }
        let window = left.window.clone().filter(|_| is_one_window);
        let mut inputs = self.union_inputs(left, &columns);
        inputs.extend(self.union_inputs(right, &columns));
        let output = columns.iter().map(|c| Field::new(&c.name, c.logical_type.clone())).collect();
        let node = self.plan.add(Operator::Union, &inputs, output);
        Ok(Relation { node, columns, window })
    }

    /// The relation as inputs of a union with these columns; the inputs of a union are its own.
    fn union_inputs(&mut self, relation: Relation, columns: &[Column]) -> Vec<NodeId> {
        let casts = relation.columns.iter().zip(columns).enumerate().map(|(index, (from, to))| {
            let column = Expression::column(index, from.logical_type.clone());
            let mut value = cast::implicit(column, &to.logical_type.root);
            value.logical_type = to.logical_type.clone();
            (from.name.clone(), value)
        });
        let casts: Vec<(String, Expression)> = casts.collect();
        let node = self.plan.add_calc(relation.node, None, casts);
        match &self.plan.nodes[node.0].operator {
            Operator::Union => self.plan.nodes[node.0].inputs.iter().map(|e| e.from).collect(),
            _ => vec![node],
        }
    }

    fn refuse_clauses(&self, query: &Query) -> Result<(), Diagnostic> {
        let is_foreign = !query.locks.is_empty()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        if is_foreign {
            let message = "this clause at the end of a query is not Flink SQL";
            return Err(Diagnostic::wrong(code::NOT_FLINK, self.span(query), message));
        }
        Ok(())
    }

    /// ORDER BY, LIMIT, OFFSET and FETCH.
    fn refuse_order(&mut self, query: &Query, relation: &Relation) -> Result<(), Diagnostic> {
        let has_limit = query.limit_clause.is_some() || query.fetch.is_some();
        for limit in limits(query) {
            let is_number = matches!(limit, ast::Expr::Value(value)
                if matches!(value.value, ast::Value::Number(..)));
            if !is_number {
                let message = "LIMIT, OFFSET and FETCH take a number";
                return Err(Diagnostic::wrong(code::NOT_FLINK, self.span(limit), message));
            }
        }
        let Some(order) = &query.order_by else {
            if !has_limit {
                return Ok(());
            }
            let message = "LIMIT, OFFSET and FETCH do not run yet";
            let help = "stop the job, or bound its sources";
            let span = self.span(query);
            return Err(Diagnostic::unsupported(code::SORT, span, message).help(help));
        };
        let span = self.span(order);
        if !has_limit && !self.is_by_time(query, order, relation)? {
            let message = "sorting a stream by a column that is no time attribute is impossible";
            let help = "leave ORDER BY out, or order first by the rowtime column, ascending";
            return Err(Diagnostic::wrong(code::NOT_STREAMING, span, message).help(help));
        }
        let message = "ORDER BY does not run yet";
        let help = "leave it out; window results leave in order of window_end";
        Err(Diagnostic::unsupported(code::SORT, span, message).help(help))
    }

    /// Whether the first thing to order by is a time attribute, of the output or of what is
    /// selected from.
    fn is_by_time(
        &mut self,
        query: &Query,
        order: &ast::OrderBy,
        relation: &Relation,
    ) -> Result<bool, Diagnostic> {
        let ast::OrderByKind::Expressions(expressions) = &order.kind else { return Ok(false) };
        let Some(first) = expressions.first() else { return Ok(false) };
        let bind = |binder: &Self, relation: &Relation| {
            ExpressionBinder::new(binder, &relation.columns, "ORDER BY").bind(&first.expr)
        };
        let bound = match (bind(self, relation), query.body.as_ref()) {
            (Err(_), SetExpr::Select(select)) => {
                let input = self.from(&select.from)?;
                bind(self, &input)?
            }
            (bound, _) => bound?,
        };
        let is_time = bound.logical_type.root.time_kind() != TimeKind::Regular;
        Ok(is_time && first.options.asc != Some(false))
    }
}

/// The numbers of LIMIT, OFFSET and FETCH.
fn limits(query: &Query) -> Vec<&ast::Expr> {
    let mut limits = Vec::new();
    match &query.limit_clause {
        Some(ast::LimitClause::LimitOffset { limit, offset, .. }) => {
            limits.extend(limit);
            limits.extend(offset.as_ref().map(|offset| &offset.value));
        }
        Some(ast::LimitClause::OffsetCommaLimit { offset, limit }) => {
            limits.extend([offset, limit]);
        }
        None => {}
    }
    limits.extend(query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref()));
    limits
}

/// A time attribute stays one where both are the same.
fn union_type(left: &LogicalType, right: &LogicalType) -> Option<LogicalType> {
    let nullable = left.nullable || right.nullable;
    if left.root == right.root {
        return Some(left.with_nullable(nullable));
    }
    let common = cast::common_type(&[left, right])?;
    Some(common.materialized().with_nullable(nullable))
}

/// Gives repeated names a number behind them, as Flink does at the end of a query: `a`, `a0`.
pub(super) fn make_unique(columns: &mut [Column]) {
    for index in 1..columns.len() {
        let (before, rest) = columns.split_at_mut(index);
        let is_taken = |name: &str| before.iter().any(|column| column.name == name);
        let original = rest[0].name.clone();
        let mut attempt = 0;
        while is_taken(&rest[0].name) {
            rest[0].name = format!("{original}{attempt}");
            attempt += 1;
        }
    }
}
