//! Grouped queries: GROUP BY and DISTINCT as an aggregation over windows, with a projection below
//! it that makes its keys and arguments columns.

use argus_base::Field;
use argus_plan::graph::{WindowAggregate, WindowProperty, WindowSource};
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
    /// SELECT DISTINCT is a grouping by every column.
    pub fn distinct(&mut self, input: Relation, span: Span) -> Result<Relation, Diagnostic> {
        let columns = input.columns.iter().enumerate();
        let keys: Vec<Expression> =
            columns.map(|(i, column)| Expression::column(i, column.logical_type.clone())).collect();
        let names = input.columns.iter().map(|column| column.name.clone());
        let items = names.zip(keys.iter().cloned()).collect();
        let list = SelectList { items, having: None, aggregates: Vec::new() };
        self.grouped(&input, None, keys, list, span)
    }

    pub fn grouped(
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
                state_name: String::new(),
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
