//! SELECT: WHERE, grouping, HAVING, the select list, DISTINCT.

use argus_base::{Field, TypeRoot};
use argus_plan::graph::{WindowAggregate, WindowProperty, WindowSource};
use argus_plan::window::{WindowKind, WindowTime};
use argus_plan::{
    AggregateCall, AggregateFunction, Expression, ExpressionKind, Operator, Span, Window,
};
use sqlparser::ast::{self, Expr, GroupByExpr, Select, SelectItem};

use super::aggregate::{Aggregates, BoundAggregate, over_groups};
use super::code;
use super::expression::ExpressionBinder;
use super::from::name_path;
use super::query::Binder;
use super::scope::{self, Column, Relation};
use crate::diagnostic::Diagnostic;
use crate::script::span_of;

/// A select list and HAVING, bound over the input with the aggregates behind it.
struct SelectList {
    items: Vec<(String, Expression)>,
    having: Option<Expression>,
    aggregates: Vec<BoundAggregate>,
}

/// What a grouped query becomes: an aggregation over a projection.
struct Grouping {
    /// All of GROUP BY, window columns included, over the input.
    keys: Vec<Expression>,
    window: Window,
    start: Expression,
    end: Expression,
    /// Which window columns are grouped by; start and end always are.
    properties: Vec<(WindowProperty, Expression)>,
}

impl Binder<'_> {
    /// One SELECT without what stands around it.
    pub fn select(&mut self, select: &Select) -> Result<Relation, Diagnostic> {
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
        let keys = self.group_keys(select, &input)?;
        let list = self.select_list(select, &input)?;
        let is_grouped = keys.is_some() || !list.aggregates.is_empty() || list.having.is_some();
        let relation = if is_grouped {
            let span = span_of(select.select_token.0.span);
            self.grouped(&input, filter, keys.unwrap_or_default(), list, span)?
        } else {
            self.projected(&input, filter, list.items)
        };
        match &select.distinct {
            None | Some(ast::Distinct::All) => Ok(relation),
            Some(_) => self.distinct(relation, span_of(select.select_token.0.span)),
        }
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
    fn projected(
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

    /// SELECT DISTINCT is a grouping by every column.
    fn distinct(&mut self, input: Relation, span: Span) -> Result<Relation, Diagnostic> {
        let columns = input.columns.iter().enumerate();
        let keys: Vec<Expression> =
            columns.map(|(i, column)| Expression::column(i, column.logical_type.clone())).collect();
        let names = input.columns.iter().map(|column| column.name.clone());
        let items = names.zip(keys.iter().cloned()).collect();
        let list = SelectList { items, having: None, aggregates: Vec::new() };
        self.grouped(&input, None, keys, list, span)
    }

    fn grouped(
        &mut self,
        input: &Relation,
        filter: Option<Expression>,
        keys: Vec<Expression>,
        list: SelectList,
        span: Span,
    ) -> Result<Relation, Diagnostic> {
        let n_input = input.columns.len();
        let ungrouped = |span: Span| {
            let message = "the expression is neither grouped by nor inside an aggregate";
            Diagnostic::wrong(code::NOT_GROUPED, span, message)
        };
        let mut items = Vec::new();
        for (name, item) in list.items {
            items.push((name, over_groups(&item, &keys, n_input).map_err(ungrouped)?));
        }
        let having = list.having.map(|having| over_groups(&having, &keys, n_input));
        let having = having.transpose().map_err(ungrouped)?;
        let grouping = window_grouping(input, keys, span)?;
        self.check_aggregates(input, &grouping, &list.aggregates, span)?;
        let groups = self.window_aggregate(input, filter, &grouping, list.aggregates);
        let place = |index: usize| groups.places[index];
        for (_, item) in &mut items {
            item.map_columns(&|index| ExpressionKind::Column(place(index)));
            if let ExpressionKind::Column(index) = item.kind {
                item.logical_type = groups.relation.columns[index].logical_type.clone();
            }
        }
        let having = having.map(|mut having| {
            having.map_columns(&|index| ExpressionKind::Column(place(index)));
            having
        });
        Ok(self.projected(&groups.relation, having, items))
    }

    /// What Flink's windows cannot aggregate.
    fn check_aggregates(
        &self,
        input: &Relation,
        grouping: &Grouping,
        aggregates: &[BoundAggregate],
        span: Span,
    ) -> Result<(), Diagnostic> {
        let wrong = |message: String| Err(Diagnostic::wrong(code::WINDOW, span, message));
        if let WindowKind::Hop { slide, size } = grouping.window.kind
            && let Err(why) = WindowKind::hop(slide, size)
        {
            return wrong(why);
        }
        let is_assigned =
            self.plan.is_below(input.node, |operator| matches!(operator, Operator::WindowTable(_)));
        if !is_assigned || matches!(grouping.window.kind, WindowKind::Tumble { .. }) {
            return Ok(());
        }
        for aggregate in aggregates {
            let name = aggregate.function.name();
            match aggregate.function {
                AggregateFunction::FirstValue | AggregateFunction::LastValue => {
                    return wrong(format!("{name} cannot be merged over HOP and CUMULATE windows"));
                }
                AggregateFunction::Sum
                    if aggregate.is_distinct
                        && matches!(grouping.window.kind, WindowKind::Hop { .. }) =>
                {
                    return wrong("SUM(DISTINCT …) cannot be merged over HOP windows".to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The aggregation and, below it, the projection that makes its keys and arguments columns.
    fn window_aggregate(
        &mut self,
        input: &Relation,
        filter: Option<Expression>,
        grouping: &Grouping,
        bound: Vec<BoundAggregate>,
    ) -> Groups {
        let mut below = Projection::default();
        let is_property =
            |key: &Expression| grouping.properties.iter().any(|(_, column)| column == key);
        let plain = grouping.keys.iter().filter(|key| !is_property(key));
        let keys: Vec<usize> = plain.map(|key| below.add(key.clone(), input)).collect();
        let mut aggregates = Vec::new();
        for (index, aggregate) in bound.into_iter().enumerate() {
            let argument = aggregate.argument.map(|argument| below.add(argument, input));
            let filter = aggregate.filter.map(|filter| below.add(filter, input));
            aggregates.push(AggregateCall {
                function: aggregate.function,
                argument,
                is_distinct: aggregate.is_distinct,
                filter,
                result: aggregate.result,
                name: format!("aggregate{index}"),
            });
        }
        let start = below.add(grouping.start.clone(), input);
        let end = below.add(grouping.end.clone(), input);
        let window =
            Window { time: on_column(&grouping.window.time, end), ..grouping.window.clone() };

        let mut columns: Vec<Column> = keys
            .iter()
            .map(|&key| &below.items[key])
            .map(|(name, key)| Column::new(name, key.logical_type.materialized()))
            .collect();
        columns.extend(aggregates.iter().map(|a| Column::new(&a.name, a.result.clone())));
        for (property, column) in &grouping.properties {
            let name = property_name(*property);
            let named = Column::new(name, column.logical_type.clone());
            columns.push(Column { property: Some(*property), ..named });
        }
        let n_aggregates = aggregates.len();
        let operator = WindowAggregate {
            keys,
            window: WindowSource::Attached { start, end, window },
            aggregates,
            properties: grouping.properties.iter().map(|(property, _)| *property).collect(),
        };
        let projection = self.plan.add_calc(input.node, filter, below.items);
        let output = columns.iter().map(|c| Field::new(&c.name, c.logical_type.clone())).collect();
        let node = self.plan.add(Operator::WindowAggregate(operator), &[projection], output);
        let window = Some(grouping.window.clone());
        let places = group_places(grouping, n_aggregates);
        Groups { relation: Relation { node, columns, window }, places }
    }
}

/// The output of an aggregation.
struct Groups {
    relation: Relation,
    /// Where the keys and then the aggregates stand in the output.
    places: Vec<usize>,
}

/// The projection below an aggregation; equal expressions are one column.
#[derive(Default)]
struct Projection {
    items: Vec<(String, Expression)>,
}

impl Projection {
    fn add(&mut self, expression: Expression, input: &Relation) -> usize {
        if let Some(index) = self.items.iter().position(|(_, known)| *known == expression) {
            return index;
        }
        let name = match expression.kind {
            ExpressionKind::Column(index) => input.columns[index].name.clone(),
            _ => format!("expression{}", self.items.len()),
        };
        self.items.push((name, expression));
        self.items.len() - 1
    }
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

/// The window that GROUP BY names by its start and end.
fn window_grouping(
    input: &Relation,
    keys: Vec<Expression>,
    span: Span,
) -> Result<Grouping, Diagnostic> {
    let mut properties: Vec<(WindowProperty, Expression)> = Vec::new();
    for key in &keys {
        let ExpressionKind::Column(index) = key.kind else { continue };
        if let Some(property) = input.columns[index].property
            && !properties.iter().any(|(known, _)| *known == property)
        {
            properties.push((property, key.clone()));
        }
    }
    let column = |wanted: WindowProperty| {
        properties.iter().find(|(property, _)| *property == wanted).map(|(_, key)| key.clone())
    };
    let bounds = (column(WindowProperty::Start), column(WindowProperty::End));
    let ((Some(start), Some(end)), Some(window)) = (bounds.clone(), input.window.clone()) else {
        let message = "aggregation without a window does not run yet";
        let help = match bounds {
            (Some(_), None) => "add window_end to GROUP BY: only both bounds make it a window",
            (None, Some(_)) => "add window_start to GROUP BY: only both bounds make it a window",
            _ => {
                "aggregate over a window: FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' \
                 MINUTE)) GROUP BY window_start, window_end"
            }
        };
        return Err(Diagnostic::unsupported(code::GROUP_AGGREGATION, span, message).help(help));
    };
    Ok(Grouping { keys, window, start, end, properties })
}

/// The time line of windows that stand in columns: it needs no time column of its own, so it
/// names the column of the end.
fn on_column(time: &WindowTime, column: usize) -> WindowTime {
    match time {
        WindowTime::Event { .. } => WindowTime::Event { column },
        WindowTime::EventLocal { zone, .. } => {
            WindowTime::EventLocal { column, zone: zone.clone() }
        }
        WindowTime::Processing { zone } => WindowTime::Processing { zone: zone.clone() },
    }
}

/// Where GROUP BY's keys and then the aggregates stand in the aggregation's output, which has the
/// plain keys, the aggregates, and the window columns.
fn group_places(grouping: &Grouping, n_aggregates: usize) -> Vec<usize> {
    let property = |key: &Expression| grouping.properties.iter().position(|(_, c)| c == key);
    let n_plain = grouping.keys.iter().filter(|key| property(key).is_none()).count();
    let mut next_plain = 0;
    let mut places: Vec<usize> = Vec::new();
    for key in &grouping.keys {
        places.push(match property(key) {
            Some(index) => n_plain + n_aggregates + index,
            None => {
                next_plain += 1;
                next_plain - 1
            }
        });
    }
    places.extend(n_plain..n_plain + n_aggregates);
    places
}

/// Name of a window's column.
pub(super) fn property_name(property: WindowProperty) -> &'static str {
    match property {
        WindowProperty::Start => "window_start",
        WindowProperty::End => "window_end",
        WindowProperty::Time => "window_time",
    }
}
