//! Replay: whether the rows that a sink gets again after a failure have the keys that they had
//! before it. Only then is a row written under its key without effect when it is written again.
//!
//! A job that goes on from a checkpoint reads the same rows again, and computes again what it
//! wrote since. For each node this finds what may differ then: the rows that there are, or the
//! values of a column. Nothing here says that rows come in the same order, or as often.
//!
//! | operator | rows differ where | columns differ where |
//! |---|---|---|
//! | source | never | the connector says so |
//! | Calc | the condition does | the expression does |
//! | window TVF | the time does | so do the bounds of the windows |
//! | window aggregation | a key or the time does | values: their input does |
//! | other aggregation | a key does | values: always, since each row emits one |
//! | UNION ALL | those of an input do | so do its columns |
//!
//! An expression differs where it asks the clock, chance or the watermark, or reads a column that
//! differs. FIRST_VALUE and LAST_VALUE differ with the order of rows, and so do the values that an
//! aggregation without a window passes through: a condition on one may let a row out that never
//! comes again.
//!
//! Two things count as the same though they need not be, since no window would be left otherwise.
//! Sums of FLOAT and DOUBLE may differ in their last digits with the order of rows. And rows that
//! were late, since their split had been idle, may not be late on replay, where they are there from
//! the start: no row is missing then, but the values of a window may be others.

use std::collections::BTreeMap;
use std::sync::Arc;

use argus_base::connector::TableDescriptor;

use crate::aggregate::{AggregateCall, AggregateFunction};
use crate::expression::{Expression, ExpressionKind};
use crate::graph::{
    Calc, GroupAggregate, Node, NodeId, NotNullPolicy, Operator, SinkOperator, SourceOperator,
    WindowAggregate, WindowSource,
};
use crate::window::{Window, WindowTime};

/// Why something may differ: the function, the clock, the column of a source. `None`: it does not.
type Cause = Option<Arc<str>>;

/// What may differ in a node's output.
#[derive(Clone, Debug)]
struct Replay {
    /// Which rows there are.
    rows: Cause,
    /// Their values.
    columns: Vec<Cause>,
}

/// The sinks whose rows may have other primary keys on replay, with the reason for people: `id
/// depends on UUID`. Nodes stand in the order of a job graph, bound or rewritten. `is_same` says
/// whether a physical column of a source does not differ.
pub fn unstable_keys(
    nodes: &[Node],
    is_same: &dyn Fn(&TableDescriptor, usize) -> bool,
) -> BTreeMap<NodeId, String> {
    let mut replays: Vec<Replay> = Vec::new();
    let mut found = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let inputs: Vec<&Replay> = node.inputs.iter().map(|edge| &replays[edge.from.0]).collect();
        if let (Operator::Sink(sink), [input]) = (&node.operator, inputs.as_slice())
            && let Some(reason) = input.of_key(sink)
        {
            found.insert(NodeId(index), reason);
        }
        let replay = Replay::of(node, &inputs, is_same);
        replays.push(replay);
    }
    found
}

impl Replay {
    fn of(
        node: &Node,
        inputs: &[&Replay],
        is_same: &dyn Fn(&TableDescriptor, usize) -> bool,
    ) -> Replay {
        match (&node.operator, inputs) {
            (Operator::Source(source), []) => of_source(source, is_same),
            (Operator::Calc(calc), [input]) => input.calculated(calc),
            (Operator::Union, [first, others @ ..]) => first.united(others),
            (Operator::WindowTable(window), [input]) => input.windowed(window),
            (
                Operator::WindowAggregate(aggregate) | Operator::GlobalWindowAggregate(aggregate),
                [input],
            ) => input.aggregated(aggregate),
            (Operator::GroupAggregate(aggregate), [input]) => input.grouped(aggregate),
            // The second step speaks of the columns of the first one's input.
            (Operator::LocalWindowAggregate(_) | Operator::DropUpdateBefore, [input]) => {
                (*input).clone()
            }
            (Operator::Values(_), []) => Replay::same(node.output.len()),
            (Operator::Sink(_) | Operator::Collect, _) => Replay::same(0),
            (operator, _) => panic!("{operator:?} has {} inputs", inputs.len()),
        }
    }

    fn same(n_columns: usize) -> Replay {
        Replay { rows: None, columns: vec![None; n_columns] }
    }

    /// Why the primary key of a sink over these rows may differ.
    fn of_key(&self, sink: &SinkOperator) -> Option<String> {
        let key = &sink.table.primary_key;
        if key.is_empty() {
            return None;
        }
        let dropped = match sink.not_null {
            NotNullPolicy::Drop => self.first_of(&sink.not_null_columns),
            NotNullPolicy::Error => None,
        };
        if let Some(cause) = self.rows.clone().or(dropped) {
            return Some(format!("which rows there are depends on {cause}"));
        }
        key.iter().find_map(|&index| {
            let cause = self.columns[index].as_ref()?;
            Some(format!("{} depends on {cause}", sink.table.physical[index].name))
        })
    }

    fn calculated(&self, calc: &Calc) -> Replay {
        let own = calc.filter.as_ref().and_then(|filter| of_expression(filter, &self.columns));
        let columns = calc.projection.iter().map(|e| of_expression(e, &self.columns));
        Replay { rows: self.rows.clone().or(own), columns: columns.collect() }
    }

    fn united(&self, others: &[&Replay]) -> Replay {
        others.iter().fold(self.clone(), |all, other| Replay {
            rows: all.rows.or_else(|| other.rows.clone()),
            columns: all
                .columns
                .into_iter()
                .zip(&other.columns)
                .map(|(left, right)| left.or_else(|| right.clone()))
                .collect(),
        })
    }

    fn windowed(&self, window: &Window) -> Replay {
        let time = self.of_time(window);
        let bounds = std::iter::repeat_n(time.clone(), 3);
        Replay {
            rows: self.rows.clone().or(time),
            columns: self.columns.iter().cloned().chain(bounds).collect(),
        }
    }

    fn aggregated(&self, aggregate: &WindowAggregate) -> Replay {
        let time = match &aggregate.window {
            WindowSource::Assign(window) => self.of_time(window),
            WindowSource::Attached { start, end, window } => match window.time {
                WindowTime::Processing { .. } => self.of_time(window),
                _ => self.first_of(&[*start, *end]),
            },
        };
        let keys = aggregate.keys.iter().map(|&key| self.columns[key].clone());
        let values = aggregate.aggregates.iter().map(|call| self.of_aggregate(call));
        let properties = aggregate.properties.iter().map(|_| time.clone());
        Replay {
            rows: self.rows.clone().or(time.clone()).or(self.first_of(&aggregate.keys)),
            columns: keys.chain(values).chain(properties).collect(),
        }
    }

    fn grouped(&self, aggregate: &GroupAggregate) -> Replay {
        let keys = aggregate.keys.iter().map(|&key| self.columns[key].clone());
        let values = aggregate.aggregates.iter().map(|_| by_order());
        Replay {
            rows: self.rows.clone().or(self.first_of(&aggregate.keys)),
            columns: keys.chain(values).collect(),
        }
    }

    fn of_aggregate(&self, call: &AggregateCall) -> Cause {
        match call.function {
            AggregateFunction::FirstValue | AggregateFunction::LastValue => by_order(),
            AggregateFunction::CountStar
            | AggregateFunction::Count
            | AggregateFunction::Sum
            | AggregateFunction::Avg
            | AggregateFunction::Min
            | AggregateFunction::Max => {
                let read: Vec<usize> = call.argument.into_iter().chain(call.filter).collect();
                self.first_of(&read)
            }
        }
    }

    fn of_time(&self, window: &Window) -> Cause {
        match window.time.column() {
            Some(column) => self.columns[column].clone(),
            None => Some(Arc::from("processing time")),
        }
    }

    fn first_of(&self, columns: &[usize]) -> Cause {
        columns.iter().find_map(|&column| self.columns[column].clone())
    }
}

fn of_source(source: &SourceOperator, is_same: &dyn Fn(&TableDescriptor, usize) -> bool) -> Replay {
    let table = &source.table;
    let of_column = |index: usize| {
        let name = &table.physical[index].name;
        let cause = || format!("{name} of {}, which is made anew", table.name).into();
        (!is_same(table, index)).then(cause)
    };
    let physical = source.scan.physical.0.iter().map(|field| of_column(field.index));
    let metadata = source.scan.metadata.iter().map(|_| None);
    let produced: Vec<Cause> = physical.chain(metadata).collect();
    let columns = source.projection.iter().map(|e| of_expression(e, &produced));
    let mut columns: Vec<Cause> = columns.collect();
    if let Some(watermark) = &source.watermark {
        // Which rows are late differs with the watermark: the time stands for it.
        let own = of_expression(&watermark.expression, &columns);
        let time = &mut columns[watermark.rowtime];
        *time = time.take().or(own);
    }
    Replay { rows: None, columns }
}

fn of_expression(expression: &Expression, columns: &[Cause]) -> Cause {
    if let Some(function) = expression.volatile_function() {
        return Some(Arc::from(function.spec().name));
    }
    if let ExpressionKind::Column(index) = expression.kind {
        return columns[index].clone();
    }
    expression.children().into_iter().find_map(|part| of_expression(part, columns))
}

fn by_order() -> Cause {
    Some(Arc::from("the order in which rows come"))
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
