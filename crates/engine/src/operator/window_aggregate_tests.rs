//! Window aggregation as tables of text: rows, watermarks, and what they make fire.

use std::sync::Arc;

use argus_base::id::{OperatorId, SubtaskIndex};
use argus_base::logical_type::arrow_schema;
use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{Batch, Field, LogicalType, TypeRoot};
use argus_plan::graph::{WindowAggregate, WindowProperty, WindowSource};
use argus_plan::window::{Window, WindowKind, WindowTime};
use argus_plan::{AggregateCall, AggregateFunction};
use argus_state::spill::StateContext;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMillisecondArray,
};

use super::local_window_aggregate::LocalWindowAggregator;
use super::window_aggregate::WindowAggregator;
use super::{Emission, Operator, Output};
use crate::expression::EvaluationContext;

const CONTEXT: EvaluationContext =
    EvaluationContext { now: ProcessingTime(0), watermark: Watermark::MIN };

fn context() -> StateContext {
    StateContext {
        operator: OperatorId(1),
        subtask: SubtaskIndex(0),
        max_parallelism: 128,
        is_tracked: true,
        memory: None,
    }
}

fn rowtime() -> LogicalType {
    TypeRoot::timestamp(3).not_null()
}

fn input() -> Vec<Field> {
    vec![
        Field::new("k", TypeRoot::STRING.nullable()),
        Field::new("ts", rowtime()),
        Field::new("v", TypeRoot::BigInt.nullable()),
    ]
}

fn aggregate(kind: WindowKind) -> WindowAggregate {
    let call = |function, argument, result: LogicalType, name: &str| AggregateCall {
        function,
        argument,
        is_distinct: false,
        filter: None,
        result,
        name: name.to_owned(),
        state_name: name.to_owned(),
    };
    WindowAggregate {
        keys: vec![0],
        window: WindowSource::Assign(Window {
            kind,
            offset: 0,
            time: WindowTime::Event { column: 1 },
        }),
        aggregates: vec![
            call(AggregateFunction::CountStar, None, TypeRoot::BigInt.not_null(), "n"),
            call(AggregateFunction::Sum, Some(2), TypeRoot::BigInt.nullable(), "s"),
        ],
        properties: vec![WindowProperty::Start, WindowProperty::End, WindowProperty::Time],
    }
}

fn output_fields() -> Vec<Field> {
    vec![
        Field::new("k", TypeRoot::STRING.nullable()),
        Field::new("n", TypeRoot::BigInt.not_null()),
        Field::new("s", TypeRoot::BigInt.nullable()),
        Field::new("window_start", rowtime()),
        Field::new("window_end", rowtime()),
        Field::new("window_time", rowtime()),
    ]
}

/// One step, or a local and a global one.
struct Chain(Vec<Box<dyn Operator>>);

impl Chain {
    fn new(kind: WindowKind, is_two_phase: bool) -> Chain {
        let types: Vec<LogicalType> = input().into_iter().map(|field| field.logical_type).collect();
        let aggregate = aggregate(kind);
        let schema = arrow_schema(&output_fields());
        let last =
            WindowAggregator::new(&aggregate, types.clone(), schema, is_two_phase, context());
        let last = last.unwrap();
        if !is_two_phase {
            return Chain(vec![Box::new(last)]);
        }
        let local = LocalWindowAggregator::new(&aggregate, types).unwrap();
        Chain(vec![Box::new(local), Box::new(last)])
    }

    /// Hands the batches to the operator at `index` and what comes out to the next.
    fn process(&mut self, index: usize, batches: Vec<Batch>) -> Vec<Batch> {
        if index == self.0.len() {
            return batches;
        }
        let mut all = Vec::new();
        for batch in batches {
            let mut output = Output::default();
            let emission = self.0[index].process(0, batch, &CONTEXT, &mut output).unwrap();
            self.finish(index, emission, &mut output);
            all.extend(self.process(index + 1, output.batches));
        }
        all
    }

    fn watermark(&mut self, watermark: Watermark) -> Vec<Batch> {
        let mut all = Vec::new();
        for index in 0..self.0.len() {
            let mut output = Output::default();
            let emission = self.0[index].watermark(watermark, &mut output).unwrap();
            self.finish(index, emission, &mut output);
            all.extend(self.process(index + 1, output.batches));
        }
        all
    }

    fn finish(&mut self, index: usize, emission: Emission, output: &mut Output) {
        let mut emission = emission;
        while emission == Emission::More {
            emission = self.0[index].resume(output).unwrap();
        }
    }

    fn n_late(&self) -> u64 {
        self.0.iter().map(|operator| operator.n_late()).sum()
    }
}

/// `a 5 10, b 7 1`: key, time and value of each row; `-` is NULL.
fn rows(text: &str) -> Batch {
    let cells: Vec<Vec<&str>> =
        text.split(',').map(|row| row.split_whitespace().collect()).collect();
    let keys = cells.iter().map(|row| (row[0] != "-").then_some(row[0]));
    let times = cells.iter().map(|row| row[1].parse::<i64>().unwrap());
    let values = cells.iter().map(|row| row[2].parse::<i64>().ok());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(keys.collect::<StringViewArray>()),
        Arc::new(TimestampMillisecondArray::from_iter_values(times)),
        Arc::new(values.collect::<Int64Array>()),
    ];
    Batch::inserts(RecordBatch::try_new(arrow_schema(&input()), columns).unwrap())
}

fn show(batches: &[Batch]) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in batches {
        let column = |index: usize| batch.records.column(index);
        let time =
            |index: usize, row| column(index).as_primitive::<TimestampMillisecondType>().value(row);
        for row in 0..batch.n_rows() {
            let key = column(0).as_string_view();
            let key = if key.is_null(row) { "-" } else { key.value(row) };
            let n = column(1).as_primitive::<Int64Type>().value(row);
            let sum = column(2).as_primitive::<Int64Type>();
            let sum = if sum.is_null(row) { "null".to_owned() } else { sum.value(row).to_string() };
            assert_eq!(time(5, row), time(4, row) - 1);
            lines.push(format!("[{},{}) {key} {n} {sum}", time(3, row), time(4, row)));
        }
    }
    lines.sort();
    lines
}

/// Runs a script of `rows …` and `wm N` lines; a line `> …` is what the last one made fire,
/// `late N` the count so far (a local step counts nothing before a watermark moves its rows on).
/// In one step and in two the result is the same.
fn check(kind: Result<WindowKind, String>, script: &str) {
    let kind = kind.unwrap();
    for is_two_phase in [false, true] {
        let mut chain = Chain::new(kind, is_two_phase);
        let mut fired: Vec<String> = Vec::new();
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            match verb {
                ">" => {
                    assert!(
                        !fired.is_empty(),
                        "nothing fired for {line:?}, two-phase {is_two_phase}"
                    );
                    assert_eq!(fired.remove(0), rest, "two-phase {is_two_phase}");
                    continue;
                }
                "late" => assert_eq!(chain.n_late(), rest.parse::<u64>().unwrap(), "{line}"),
                "rows" => {
                    assert_eq!(fired, Vec::<String>::new(), "before {line:?}");
                    fired = show(&chain.process(0, vec![rows(rest)]));
                }
                "wm" => {
                    assert_eq!(fired, Vec::<String>::new(), "before {line:?}");
                    let watermark = rest.parse().map_or(Watermark::MAX, Watermark);
                    fired = show(&chain.watermark(watermark));
                }
                other => panic!("unknown verb {other}"),
            }
        }
        assert_eq!(fired, Vec::<String>::new(), "at the end, two-phase {is_two_phase}");
    }
}

#[test]
fn tumble_fires_once_at_the_last_millisecond() {
    check(
        WindowKind::tumble(10),
        "rows a 1 1, b 2 2, a 9 3, a 10 4
         wm 8
         wm 9
         > [0,10) a 2 4
         > [0,10) b 1 2
         wm 18
         wm max
         > [10,20) a 1 4",
    );
}

#[test]
fn tumble_drops_and_counts_what_is_late() {
    check(
        WindowKind::tumble(10),
        "rows a 1 1
         wm 9
         > [0,10) a 1 1
         rows a 9 5, a 10 7, a 3 5
         wm max
         > [10,20) a 1 7
         late 2",
    );
}

#[test]
fn null_keys_and_null_values_have_groups_and_no_sums() {
    check(
        WindowKind::tumble(10),
        "rows - 1 -, - 2 -, a 3 -, a 4 2
         wm max
         > [0,10) - 2 null
         > [0,10) a 2 2",
    );
}

#[test]
fn hop_windows_overlap_and_skip_gaps() {
    check(
        WindowKind::hop(5, 15),
        "rows a 7 1
         wm 100
         > [-5,10) a 1 1
         > [0,15) a 1 1
         > [5,20) a 1 1
         rows a 1007 1
         wm 1009
         > [995,1010) a 1 1
         wm max
         > [1000,1015) a 1 1
         > [1005,1020) a 1 1",
    );
}

#[test]
fn a_row_late_for_one_hop_window_counts_in_the_next() {
    check(
        WindowKind::hop(5, 15),
        "rows a 7 1
         wm 9
         > [-5,10) a 1 1
         rows a 8 10
         wm 19
         > [0,15) a 2 11
         > [5,20) a 2 11
         late 0
         rows a 8 100
         wm max
         late 1",
    );
}

#[test]
fn a_hop_row_behind_a_window_that_was_empty_counts_only_later() {
    check(
        WindowKind::hop(5, 10),
        "rows a 100 1
         wm 12
         rows a 7 1
         wm max
         > [100,110) a 1 1
         > [5,15) a 1 1
         > [95,105) a 1 1
         late 0",
    );
}

#[test]
fn cumulate_grows_and_repeats() {
    check(
        WindowKind::cumulate(5, 15),
        "rows a 1 1, b 11 1
         wm 4
         > [0,5) a 1 1
         wm 9
         > [0,10) a 1 1
         rows a 2 10
         wm 14
         > [0,15) a 2 11
         > [0,15) b 1 1
         late 0
         rows a 14 1, a 16 1
         wm max
         > [15,20) a 1 1
         > [15,25) a 1 1
         > [15,30) a 1 1
         late 1",
    );
}

#[test]
fn a_million_groups_leave_in_bounded_pieces() {
    let mut chain = Chain::new(WindowKind::tumble(10).unwrap(), false);
    for chunk in 0..20 {
        let text: Vec<String> = (0..1_000).map(|i| format!("k{} 1 1", chunk * 1_000 + i)).collect();
        chain.process(0, vec![rows(&text.join(","))]);
    }
    let mut output = Output::default();
    let mut emission = chain.0[0].watermark(Watermark(9), &mut output).unwrap();
    let mut n_rows = 0;
    while emission == Emission::More {
        assert!(output.batches.len() <= 1, "one piece a call");
        n_rows += output.batches.drain(..).map(|batch| batch.n_rows()).sum::<usize>();
        emission = chain.0[0].resume(&mut output).unwrap();
    }
    assert_eq!(n_rows, 20_000);
}
