//! Grouped queries: GROUP BY and DISTINCT as an aggregation, by window where GROUP BY names one,
//! with a projection below it that makes its keys and arguments columns.

use std::time::Duration;

use argus_base::Field;
use argus_plan::graph::{GroupAggregate, WindowAggregate, WindowProperty, WindowSource};
use argus_plan::window::{WindowKind, WindowTime};
use argus_plan::{
    AggregateCall, AggregateFunction, Expression, ExpressionKind, Operator, Span, Window,
};

use super::aggregate::{BoundAggregate, over_groups};
use super::code;
use super::query::Binder;
use super::scope::{Column, Relation};
use super::select::SelectList;
use crate::diagnostic::Diagnostic;

/// A grouped query, bound over its input.
pub(super) struct Grouped {
    /// GROUP BY.
    pub keys: Vec<Expression>,
    /// What is computed of the groups.
    pub list: SelectList,
    /// How long a group without new rows is kept; `None` for ever. Not of windows.
    pub ttl: Option<Duration>,
}

/// The window that GROUP BY names.
struct WindowGrouping {
    window: Window,
    start: Expression,
    end: Expression,
    /// Which window columns are grouped by; start and end are among them.
    properties: Vec<(WindowProperty, Expression)>,
}

/// The output of an aggregation.
struct Groups {
    relation: Relation,
    /// Where the keys and then the aggregates stand in the output.
    places: Vec<usize>,
}

impl Binder<'_> {
    /// SELECT DISTINCT is a grouping by every column.
    pub fn distinct(
        &mut self,
        input: Relation,
        ttl: Option<Duration>,
        span: Span,
    ) -> Result<Relation, Diagnostic> {
        if self.is_distinct(input.node) {
            return Ok(input);
        }
        let columns = input.columns.iter().enumerate();
        let keys: Vec<Expression> =
            columns.map(|(i, column)| Expression::column(i, column.logical_type.clone())).collect();
        let names = input.columns.iter().map(|column| column.name.clone());
        let items = names.zip(keys.iter().cloned()).collect();
        let list = SelectList { items, having: None, aggregates: Vec::new() };
        self.grouped(&input, None, Grouped { keys, list, ttl }, span)
    }

    /// A query with GROUP BY, HAVING or aggregates.
    pub fn grouped(
        &mut self,
        input: &Relation,
        filter: Option<Expression>,
        Grouped { keys, list, ttl }: Grouped,
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
        self.refuse_updates("an aggregation", input.node, span)?;
        let groups = match window_grouping(input, &keys) {
            Some(window) => {
                self.check_aggregates(input, &window, &list.aggregates, span)?;
                self.window_aggregate(input, filter, (&keys, &window), list.aggregates)
            }
            None => self.group_aggregate(input, filter, (&keys, ttl), list.aggregates),
        };
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
        grouping: &WindowGrouping,
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

    /// The aggregation by window and, below it, the projection that makes its keys and arguments
    /// columns.
    fn window_aggregate(
        &mut self,
        input: &Relation,
        filter: Option<Expression>,
        (group_by, grouping): (&[Expression], &WindowGrouping),
        bound: Vec<BoundAggregate>,
    ) -> Groups {
        let mut below = Projection::default();
        let is_property =
            |key: &Expression| grouping.properties.iter().any(|(_, column)| column == key);
        let plain = group_by.iter().filter(|key| !is_property(key));
        let keys: Vec<usize> = plain.map(|key| below.add(key.clone(), input)).collect();
        let aggregates = below.calls(bound, input);
        let start = below.add(grouping.start.clone(), input);
        let end = below.add(grouping.end.clone(), input);
        let window =
            Window { time: on_column(&grouping.window.time, end), ..grouping.window.clone() };
        let mut columns = group_columns(&keys, &aggregates, &below);
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
        let places = group_places(group_by, grouping, n_aggregates);
        Groups { relation: Relation { node, columns, window }, places }
    }

    /// The same without a window.
    fn group_aggregate(
        &mut self,
        input: &Relation,
        filter: Option<Expression>,
        (group_by, ttl): (&[Expression], Option<Duration>),
        bound: Vec<BoundAggregate>,
    ) -> Groups {
        let mut below = Projection::default();
        let keys: Vec<usize> = group_by.iter().map(|key| below.add(key.clone(), input)).collect();
        let aggregates = below.calls(bound, input);
        let columns = group_columns(&keys, &aggregates, &below);
        let projection = self.plan.add_calc(input.node, filter, below.items);
        let output = columns.iter().map(|c| Field::new(&c.name, c.logical_type.clone())).collect();
        let operator = Operator::GroupAggregate(GroupAggregate { keys, aggregates, ttl });
        let node = self.plan.add(operator, &[projection], output);
        let places = (0..columns.len()).collect();
        Groups { relation: Relation { node, columns, window: None }, places }
    }
}

/// The output columns of keys and aggregates.
fn group_columns(keys: &[usize], aggregates: &[AggregateCall], below: &Projection) -> Vec<Column> {
    let keys = keys.iter().map(|&key| &below.items[key]);
    let keys = keys.map(|(name, key)| Column::new(name, key.logical_type.materialized()));
    keys.chain(aggregates.iter().map(|a| Column::new(&a.name, a.result.clone()))).collect()
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

    /// The aggregates over columns of the projection.
    fn calls(&mut self, bound: Vec<BoundAggregate>, input: &Relation) -> Vec<AggregateCall> {
        let call = |(index, aggregate): (usize, BoundAggregate)| AggregateCall {
            function: aggregate.function,
            argument: aggregate.argument.map(|argument| self.add(argument, input)),
            is_distinct: aggregate.is_distinct,
            filter: aggregate.filter.map(|filter| self.add(filter, input)),
            result: aggregate.result,
            name: format!("aggregate{index}"),
            state_name: String::new(),
        };
        bound.into_iter().enumerate().map(call).collect()
    }
}

/// The window that GROUP BY names by its start and end; without both it groups by plain columns.
fn window_grouping(input: &Relation, keys: &[Expression]) -> Option<WindowGrouping> {
    let mut properties: Vec<(WindowProperty, Expression)> = Vec::new();
    for key in keys {
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
    let (start, end) = (column(WindowProperty::Start)?, column(WindowProperty::End)?);
    let window = input.window.clone()?;
    Some(WindowGrouping { window, start, end, properties })
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
fn group_places(
    group_by: &[Expression],
    grouping: &WindowGrouping,
    n_aggregates: usize,
) -> Vec<usize> {
    let property = |key: &Expression| grouping.properties.iter().position(|(_, c)| c == key);
    let n_plain = group_by.iter().filter(|key| property(key).is_none()).count();
    let mut next_plain = 0;
    let mut places: Vec<usize> = Vec::new();
    for key in group_by {
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
