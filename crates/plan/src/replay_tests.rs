//! What may differ on replay, operator by operator.

use argus_base::connector::{DeliveryPlan, ProjectedField, Projection, ScanSpec, SinkMode};
use argus_base::id::OperatorId;
use argus_base::{Field, TypeRoot};

use super::*;
use crate::ScalarFunction;
use crate::expression::Literal;
use crate::graph::{
    ChangelogMode, Edge, LengthPolicy, Partitioning, WatermarkSpec, WindowProperty,
};
use crate::window::WindowKind;

/// The table `made (id, at, fresh)`, of which `fresh` is another one each time.
const COLUMNS: [&str; 3] = ["id", "at", "fresh"];

fn table(primary_key: &[usize]) -> TableDescriptor {
    TableDescriptor {
        name: "made".to_owned(),
        options: BTreeMap::new(),
        physical: COLUMNS.map(|name| Field::new(name, TypeRoot::BigInt.nullable())).to_vec(),
        metadata: Vec::new(),
        primary_key: primary_key.to_vec(),
        partition_keys: Vec::new(),
    }
}

fn column(index: usize) -> Expression {
    Expression::column(index, TypeRoot::BigInt.nullable())
}

fn call(function: ScalarFunction, arguments: Vec<Expression>) -> Expression {
    Expression::new(ExpressionKind::Call { function, arguments }, TypeRoot::BigInt.nullable())
}

fn uuid() -> Expression {
    call(ScalarFunction::Uuid, Vec::new())
}

/// A graph in which each node reads the one before it.
#[derive(Default)]
struct Chain(Vec<Node>);

impl Chain {
    /// The source, with a watermark over `at`.
    fn source() -> Chain {
        Chain::source_with(column(1))
    }

    fn source_with(watermark: Expression) -> Chain {
        let wanted = |index| ProjectedField { index, nested: None };
        let source = SourceOperator {
            table: table(&[]),
            scan: ScanSpec {
                physical: Projection((0..3).map(wanted).collect()),
                metadata: Vec::new(),
            },
            projection: (0..3).map(column).collect(),
            watermark: Some(WatermarkSpec {
                rowtime: 1,
                expression: watermark,
                idle_timeout: None,
                emit_interval: std::time::Duration::ZERO,
                closing: Vec::new(),
            }),
        };
        Chain::default().then(Operator::Source(Box::new(source)))
    }

    fn then(self, operator: Operator) -> Chain {
        let last = self.0.len().checked_sub(1);
        self.reading(last.as_slice(), operator)
    }

    fn reading(mut self, inputs: &[usize], operator: Operator) -> Chain {
        let edge = |&from| Edge { from: NodeId(from), partitioning: Partitioning::Forward };
        self.0.push(Node {
            operator,
            inputs: inputs.iter().map(edge).collect(),
            output: Vec::new(),
            id: OperatorId(0),
            parallelism: 1,
            changelog: ChangelogMode::Append,
        });
        self
    }

    fn calc(self, filter: Option<Expression>, projection: Vec<Expression>) -> Chain {
        self.then(Operator::Calc(Calc { filter, projection }))
    }

    /// By `keys`, COUNT(*) and `more`, then the start of the window.
    fn aggregate(self, keys: &[usize], window: WindowSource, more: &[AggregateCall]) -> Chain {
        self.then(Operator::WindowAggregate(aggregation(keys, window, more)))
    }

    /// What is said of a sink with that primary key at the end.
    fn sink(self, primary_key: &[usize]) -> Option<String> {
        self.sink_that(primary_key, NotNullPolicy::Error)
    }

    fn sink_that(self, primary_key: &[usize], not_null: NotNullPolicy) -> Option<String> {
        let sink = SinkOperator {
            table: table(primary_key),
            metadata: Vec::new(),
            mode: SinkMode::UpsertByKey,
            not_null,
            not_null_columns: vec![2],
            length: LengthPolicy::Ignore,
            unstable_key: None,
            delivery: DeliveryPlan::default(),
        };
        let chain = self.then(Operator::Sink(Box::new(sink)));
        let found = unstable_keys(&chain.0, &|_, column| COLUMNS[column] != "fresh");
        found.into_values().next()
    }
}

fn aggregation(keys: &[usize], window: WindowSource, more: &[AggregateCall]) -> WindowAggregate {
    let count = aggregate(AggregateFunction::CountStar, None);
    WindowAggregate {
        keys: keys.to_vec(),
        window,
        aggregates: [&[count], more].concat(),
        properties: vec![WindowProperty::Start],
    }
}

fn aggregate(function: AggregateFunction, argument: Option<usize>) -> AggregateCall {
    AggregateCall {
        function,
        argument,
        is_distinct: false,
        filter: None,
        result: TypeRoot::BigInt.nullable(),
        name: String::new(),
        state_name: String::new(),
    }
}

fn tumble(time: WindowTime) -> Window {
    Window { kind: WindowKind::tumble(10).unwrap(), offset: 0, time }
}

fn on_time(column: usize) -> WindowSource {
    WindowSource::Assign(tumble(WindowTime::Event { column }))
}

#[track_caller]
fn differs(found: Option<String>, reason: &str) {
    assert_eq!(found.as_deref(), Some(reason));
}

#[test]
fn columns_of_a_source_are_what_its_connector_says() {
    assert_eq!(Chain::source().sink(&[0, 1]), None);
    assert_eq!(Chain::source().sink(&[]), None);
    let reason = "fresh depends on fresh of made, which is made anew";
    differs(Chain::source().sink(&[0, 2]), reason);
}

#[test]
fn expressions_are_followed_through_calcs() {
    let sum = call(ScalarFunction::Plus, vec![column(0), column(1)]);
    assert_eq!(Chain::source().calc(None, vec![sum, uuid(), uuid()]).sink(&[0]), None);
    let chain = || Chain::source().calc(None, vec![column(0), column(0), uuid()]);
    let cast = column(2).cast(TypeRoot::STRING.nullable());
    differs(chain().calc(None, vec![cast, column(1), column(2)]).sink(&[0]), "id depends on UUID");
    assert_eq!(chain().calc(None, vec![column(1), column(2), column(2)]).sink(&[0]), None);
    let of_text = |arguments| call(ScalarFunction::UnixTimestamp, arguments);
    let parsed = vec![of_text(vec![column(0)]), column(1), column(2)];
    assert_eq!(Chain::source().calc(None, parsed).sink(&[0]), None);
    let now = vec![of_text(Vec::new()), column(1), column(2)];
    differs(Chain::source().calc(None, now).sink(&[0]), "id depends on UNIX_TIMESTAMP");
}

#[test]
fn behind_a_condition_that_differs_all_rows_do() {
    let all = || (0..3).map(column).collect::<Vec<Expression>>();
    let rand = call(ScalarFunction::Rand, Vec::new());
    let half = call(ScalarFunction::Less, vec![rand, column(0)]);
    let chain = Chain::source().calc(Some(half), all()).calc(None, all());
    differs(chain.sink(&[0]), "which rows there are depends on RAND");
    let over = call(ScalarFunction::Less, vec![column(0), column(1)]);
    assert_eq!(Chain::source().calc(Some(over), all()).sink(&[0]), None);
}

#[test]
fn a_dropped_null_is_a_condition() {
    let reason = "which rows there are depends on fresh of made, which is made anew";
    differs(Chain::source().sink_that(&[0], NotNullPolicy::Drop), reason);
}

#[test]
fn windows_differ_with_their_time() {
    assert_eq!(Chain::source().aggregate(&[0], on_time(1), &[]).sink(&[0, 2]), None);
    let clock = WindowSource::Assign(tumble(WindowTime::Processing { zone: "UTC".to_owned() }));
    let reason = "which rows there are depends on processing time";
    differs(Chain::source().aggregate(&[0], clock, &[]).sink(&[0]), reason);
    let now = call(ScalarFunction::CurrentTimestamp, Vec::new());
    let chain = Chain::source_with(now).aggregate(&[0], on_time(1), &[]);
    differs(chain.sink(&[0]), "which rows there are depends on CURRENT_TIMESTAMP");
    let window = tumble(WindowTime::Event { column: 1 });
    let attached = || WindowSource::Attached { start: 3, end: 4, window: window.clone() };
    let tvf = |chain: Chain| chain.then(Operator::WindowTable(window.clone()));
    assert_eq!(tvf(Chain::source()).aggregate(&[0], attached(), &[]).sink(&[0, 2]), None);
    let chain = Chain::source().calc(None, vec![column(0), column(2), column(0)]);
    assert!(tvf(chain).aggregate(&[0], attached(), &[]).sink(&[0]).is_some());
}

#[test]
fn both_steps_of_an_aggregation_are_one() {
    let both = |keys: &[usize]| {
        let aggregate = aggregation(keys, on_time(1), &[]);
        let chain = Chain::source().then(Operator::LocalWindowAggregate(aggregate.clone()));
        chain.then(Operator::GlobalWindowAggregate(aggregate))
    };
    assert_eq!(both(&[0]).sink(&[0, 1, 2]), None);
    let reason = "which rows there are depends on fresh of made, which is made anew";
    differs(both(&[2]).sink(&[0]), reason);
}

#[test]
fn values_of_a_window_differ_with_what_is_aggregated() {
    let of = |function, argument| {
        let more = [aggregate(function, Some(argument))];
        Chain::source().aggregate(&[0], on_time(1), &more).sink(&[0, 2])
    };
    assert_eq!(of(AggregateFunction::Max, 0), None);
    let reason = "fresh depends on fresh of made, which is made anew";
    differs(of(AggregateFunction::Max, 2), reason);
    differs(of(AggregateFunction::FirstValue, 0), "fresh depends on the order in which rows come");
}

#[test]
fn running_values_differ_and_their_keys_do_not() {
    let grouped = || {
        let aggregates = vec![aggregate(AggregateFunction::CountStar, None)];
        let group = GroupAggregate { keys: vec![0], aggregates, ttl: None };
        Chain::source().then(Operator::GroupAggregate(group))
    };
    let all = || vec![column(0), column(1), column(1)];
    assert_eq!(grouped().then(Operator::DropUpdateBefore).calc(None, all()).sink(&[0]), None);
    let few = call(ScalarFunction::Less, vec![column(1), column(0)]);
    let reason = "which rows there are depends on the order in which rows come";
    differs(grouped().calc(Some(few), all()).sink(&[0]), reason);
}

#[test]
fn a_union_differs_where_an_input_does() {
    let union = |second: Vec<Expression>| {
        let calc = |projection| Operator::Calc(Calc { filter: None, projection });
        let first = (0..3).map(column).collect();
        let chain = Chain::source().reading(&[0], calc(first)).reading(&[0], calc(second));
        chain.reading(&[1, 2], Operator::Union)
    };
    let literal =
        || Expression::new(ExpressionKind::Literal(Literal::Integer(1)), column(0).logical_type);
    assert_eq!(union(vec![literal(), column(0), uuid()]).sink(&[0, 1]), None);
    differs(union(vec![uuid(), column(0), literal()]).sink(&[0]), "id depends on UUID");
}
