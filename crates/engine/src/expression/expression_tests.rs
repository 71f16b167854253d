//! Laziness, sharing, folding and NULLs of compiled expressions.

use std::sync::Arc;

use argus_base::time::{ProcessingTime, Watermark};
use argus_plan::{Expression, ExpressionKind};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, StringViewArray, StructArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields};

use super::notation_tests::{call, parse};
use super::{CompiledExpression, EvaluationContext, ProjectionSet};

fn context() -> EvaluationContext {
    EvaluationContext { now: ProcessingTime(1_000), watermark: Watermark(500) }
}

fn ints(values: &[Option<i32>]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

fn run(expression: &Expression, columns: &[ArrayRef]) -> Result<ArrayRef, String> {
    let n_rows = columns.first().map_or(1, |column| column.len());
    let compiled = CompiledExpression::compile(expression, "UTC").unwrap();
    compiled.evaluate(columns, n_rows, &context()).map_err(|error| error.to_string())
}

/// The values of an expression over `$0 INT` and `$1 INT`, one text a row.
fn check(expression: &str, a: &[Option<i32>], b: &[Option<i32>], expected: &str) {
    let as_text = format!("CAST({expression} AS STRING)");
    let found = match run(&parse(&as_text).unwrap(), &[ints(a), ints(b)]) {
        Ok(array) => {
            let texts = array.as_string_view();
            let rows = texts.iter().map(|text| text.unwrap_or("-").to_owned());
            rows.collect::<Vec<_>>().join(" ")
        }
        Err(error) => error,
    };
    assert_eq!(found, expected, "{expression}");
}

const A: &[Option<i32>] = &[Some(10), Some(20), None, Some(7)];
const B: &[Option<i32>] = &[Some(0), Some(5), Some(2), None];

#[test]
fn later_operands_are_evaluated_only_where_they_are_needed() {
    check("$1 INT <> 0 AND $0 INT / $1 INT > 3", A, B, "FALSE TRUE - -");
    check("$1 INT = 0 OR $0 INT / $1 INT > 3", A, B, "TRUE TRUE - -");
    check("CASE WHEN $1 INT = 0 THEN -1 ELSE $0 INT / $1 INT END", A, B, "-1 4 - -");
    check("CASE WHEN $1 INT <> 0 THEN $0 INT / $1 INT END", A, B, "- 4 - -");
    check("COALESCE(NULLIF($1 INT, 0), $0 INT % ($1 INT + 1), -1)", A, B, "0 5 2 -1");
    check("$0 INT / $1 INT", A, B, "division by zero");
    check("$0 INT / $1 INT > 3 OR $1 INT = 0", A, B, "division by zero");
}

#[test]
fn a_selection_inside_a_selection_keeps_its_rows() {
    let expression = "CASE WHEN $1 INT = 0 THEN 0 WHEN $0 INT / $1 INT = 4 THEN \
                      CASE WHEN $0 INT <> 20 THEN 1 / 0 ELSE $0 INT / $1 INT END \
                      ELSE 100 / $1 INT END";
    check(expression, A, B, "0 4 50 -");
}

#[test]
fn constants_that_fail_fail_only_where_rows_reach_them() {
    check("CASE WHEN $1 INT < 0 THEN 1 / 0 ELSE 1 END", A, B, "1 1 1 1");
    check("CASE WHEN $1 INT = 0 THEN 1 / 0 ELSE 1 END", A, B, "division by zero");
    check("$1 INT IS NOT NULL AND $1 INT > 100 AND 1 / 0 = 1", A, B, "FALSE FALSE FALSE FALSE");
    check("$1 INT > 100 AND 1 / 0 = 1", A, B, "division by zero");
    check("CASE WHEN $1 INT < 0 THEN CAST('x' AS INT) ELSE 1 END", A, B, "1 1 1 1");
    check("CAST('x' AS INT) + $0 INT", A, B, "cannot cast 'x' to INT");
    check("TRY_CAST('x' AS INT) + $0 INT", A, B, "- - - -");
}

#[test]
fn no_rows_give_no_errors() {
    let empty = [ints(&[]), ints(&[])];
    let result = run(&parse("1 / 0 + $0 INT / 0").unwrap(), &empty).unwrap();
    assert_eq!(result.len(), 0);
    assert_eq!(result.data_type(), &DataType::Int32);
}

#[test]
fn filters_keep_what_is_true() {
    let compiled = CompiledExpression::compile(&parse("$0 INT > 8").unwrap(), "UTC").unwrap();
    let kept = compiled.evaluate_filter(&[ints(A)], 4, &context()).unwrap();
    assert_eq!(kept, BooleanArray::from(vec![true, true, false, false]));
    assert!(compiled.reads(0) && !compiled.reads(1));
    let constant = CompiledExpression::compile(&parse("1 = 1").unwrap(), "UTC").unwrap();
    assert_eq!(constant.evaluate_filter(&[], 3, &context()).unwrap().true_count(), 3);
}

#[test]
fn equal_subtrees_are_computed_once_and_columns_are_shared() {
    let expressions: Vec<Expression> =
        ["UPPER($0 STRING)", "$0 STRING", "UPPER($0 STRING)", "UPPER($0 STRING) || 'x'"]
            .into_iter()
            .map(|text| parse(text).unwrap())
            .collect();
    let set = ProjectionSet::compile(&expressions, "UTC").unwrap();
    let column: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b"]));
    let values = set.evaluate(std::slice::from_ref(&column), 2, &context()).unwrap();
    assert!(Arc::ptr_eq(&values[0], &values[2]));
    assert!(Arc::ptr_eq(&values[1], &column));
    assert_eq!(values[3].as_string_view().iter().flatten().collect::<Vec<_>>(), ["Ax", "Bx"]);
}

#[test]
fn chance_is_never_shared() {
    let uuid = parse("UUID()").unwrap();
    let set = ProjectionSet::compile(&[uuid.clone(), uuid], "UTC").unwrap();
    let values = set.evaluate(&[], 2, &context()).unwrap();
    let texts: std::collections::BTreeSet<&str> =
        values.iter().flat_map(|column| column.as_string_view().iter().flatten()).collect();
    assert_eq!(texts.len(), 4);
    assert!(texts.iter().all(|text| text.len() == 36 && text.as_bytes()[14] == b'4'));
    let rand = run(&parse("RAND()").unwrap(), &[ints(A)]).unwrap();
    let rand = rand.as_any().downcast_ref::<Float64Array>().unwrap();
    assert!(rand.values().iter().all(|value| (0.0..1.0).contains(value)));
    let dice = run(&parse("RAND_INTEGER($0 INT)").unwrap(), &[ints(A)]).unwrap();
    assert!(
        dice.as_primitive::<Int32Type>().iter().flatten().all(|value| (0..20).contains(&value))
    );
}

#[test]
fn the_clock_and_the_watermark_come_from_the_context() {
    let text = |expression: &str| {
        let cast = parse(&format!("CAST({expression} AS STRING)")).unwrap();
        let compiled = CompiledExpression::compile(&cast, "Europe/Berlin").unwrap();
        let array = compiled.evaluate(&[], 1, &context()).unwrap();
        array.as_string_view().value(0).to_owned()
    };
    assert_eq!(text("CURRENT_TIMESTAMP()"), "1970-01-01 01:00:01.000");
    assert_eq!(text("LOCALTIMESTAMP()"), "1970-01-01 01:00:01.000");
    assert_eq!(text("CURRENT_DATE()"), "1970-01-01");
    assert_eq!(text("LOCALTIME()"), "01:00:01");
    assert_eq!(text("UNIX_TIMESTAMP()"), "1");
}

#[test]
fn a_field_is_null_where_its_row_is() {
    let fields = Fields::from(vec![Field::new("f", DataType::Int32, false)]);
    let nulls = NullBuffer::from(vec![true, false, true]);
    let values = ints(&[Some(1), Some(2), Some(3)]);
    let row: ArrayRef = Arc::new(StructArray::new(fields, vec![values], Some(nulls)));
    let input = Box::new(parse("$0 ROW<f INT NOT NULL>").unwrap());
    let kind = ExpressionKind::Field { input, index: 0 };
    let field = Expression::new(kind, argus_base::TypeRoot::Int.nullable());
    let plus_one = call("+", vec![field, parse("1").unwrap()]).unwrap();
    let result = run(&plus_one, &[row]).unwrap();
    assert_eq!(result.as_primitive::<Int32Type>(), &Int32Array::from(vec![Some(2), None, Some(4)]));
}

#[test]
fn doubles_compare_by_ieee() {
    let doubles = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let columns = [doubles(&[f64::NAN, 0.0, 1.0]), doubles(&[f64::NAN, -0.0, f64::NAN])];
    let compare = |operator: &str| {
        let expression = parse(&format!("$0 DOUBLE {operator} $1 DOUBLE")).unwrap();
        run(&expression, &columns).unwrap().as_boolean().values().iter().collect::<Vec<_>>()
    };
    assert_eq!(compare("="), [false, true, false]);
    assert_eq!(compare("<>"), [true, false, true]);
    assert_eq!(compare("<="), [false, true, false]);
    assert_eq!(compare("IS DISTINCT FROM"), [true, false, true]);
}

#[test]
fn long_lists_are_looked_up_in_a_set() {
    check("$0 INT IN (1, 2, 3, 5, 7, 10)", A, B, "TRUE FALSE - TRUE");
    check("$0 INT IN (1, 2, 3, 5, 7, CAST(NULL AS INT))", A, B, "- - - TRUE");
    check("$0 INT IN ($1 INT, 20)", A, B, "FALSE TRUE - -");
}

/// Expressions made at random.
struct Generator(u64);

impl Generator {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn number(&mut self, depth: u32) -> String {
        match self.below(if depth == 0 { 3 } else { 9 }) {
            0 => "$0 INT".to_owned(),
            1 => "$1 INT".to_owned(),
            2 => self.below(4).to_string(),
            3 => format!("({} + {})", self.number(depth - 1), self.number(depth - 1)),
            4 => format!("({} / {})", self.number(depth - 1), self.number(depth - 1)),
            5 => format!("ABS({})", self.number(depth - 1)),
            6 => format!("NULLIF({}, {})", self.number(depth - 1), self.number(depth - 1)),
            7 => format!("COALESCE({}, {})", self.number(depth - 1), self.number(depth - 1)),
            _ => format!(
                "CASE WHEN {} THEN {} WHEN {} THEN {} ELSE {} END",
                self.truth(depth - 1),
                self.number(depth - 1),
                self.truth(depth - 1),
                self.number(depth - 1),
                self.number(depth - 1)
            ),
        }
    }

    fn truth(&mut self, depth: u32) -> String {
        match self.below(if depth == 0 { 2 } else { 6 }) {
            0 => "$0 INT > $1 INT".to_owned(),
            1 => "$0 INT IS NULL".to_owned(),
            2 => format!("({} AND {})", self.truth(depth - 1), self.truth(depth - 1)),
            3 => format!("({} OR {})", self.truth(depth - 1), self.truth(depth - 1)),
            4 => format!("(NOT {})", self.truth(depth - 1)),
            _ => format!("({} = {})", self.number(depth - 1), self.number(depth - 1)),
        }
    }
}

/// A batch gives what its rows give one by one, and fails where one of them fails.
#[test]
fn batches_are_their_rows() {
    let mut generator = Generator(7);
    let mut n_failed = 0;
    for _ in 0..400 {
        let expression = parse(&generator.number(4)).unwrap();
        let column = |generator: &mut Generator| {
            let mut value = || match generator.below(5) {
                0 => None,
                value => Some(value as i32 - 2),
            };
            ints(&[value(), value(), value(), value(), value(), value()])
        };
        let columns = [column(&mut generator), column(&mut generator)];
        let whole = run(&expression, &columns);
        let rows: Vec<Result<ArrayRef, String>> = (0..6)
            .map(|row| run(&expression, &columns.each_ref().map(|column| column.slice(row, 1))))
            .collect();
        n_failed += usize::from(whole.is_err());
        match whole {
            Ok(whole) => rows.into_iter().enumerate().for_each(|(i, row)| {
                assert_eq!(&whole.slice(i, 1), &row.unwrap());
            }),
            Err(_) => assert!(rows.iter().any(Result::is_err)),
        }
    }
    assert!((20..300).contains(&n_failed), "{n_failed}");
}
