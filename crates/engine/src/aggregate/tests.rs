//! Accumulators over small columns: updated at once, and merged from two halves.

use std::sync::Arc;

use argus_base::TypeRoot;
use arrow_array::{Decimal128Array, Float64Array, Int32Array, Int64Array, StringViewArray};

use super::*;

fn call(function: AggregateFunction, is_distinct: bool, argument: &LogicalType) -> AggregateCall {
    let result = function.result_type(Some(argument)).unwrap();
    AggregateCall {
        function,
        argument: Some(0),
        is_distinct,
        filter: None,
        result,
        name: "x".to_owned(),
        state_name: "x".to_owned(),
    }
}

fn show(array: &ArrayRef) -> String {
    use arrow_array::types::{Decimal128Type, Float64Type, Int32Type, Int64Type};
    let cell = |i: usize| {
        if array.is_null(i) {
            return "null".to_owned();
        }
        match array.data_type() {
            DataType::Int32 => array.as_primitive::<Int32Type>().value(i).to_string(),
            DataType::Int64 => array.as_primitive::<Int64Type>().value(i).to_string(),
            DataType::Float64 => array.as_primitive::<Float64Type>().value(i).to_string(),
            DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(i),
            DataType::Utf8View => array.as_string_view().value(i).to_owned(),
            other => panic!("no test shows {other}"),
        }
    };
    (0..array.len()).map(cell).collect::<Vec<_>>().join(" ")
}

use arrow_array::cast::AsArray;

/// Rows go to groups 0, 1, 0, 1 …; group 2 stays empty. The result must be the same when two
/// accumulators that saw half of the rows each are merged.
fn check(function: AggregateFunction, root: TypeRoot, column: ArrayRef, expected: &str) {
    check_distinct(function, false, root, column, expected);
}

fn check_distinct(
    function: AggregateFunction,
    is_distinct: bool,
    root: TypeRoot,
    column: ArrayRef,
    expected: &str,
) {
    let argument = root.nullable();
    let call = call(function, is_distinct, &argument);
    let groups: Vec<u32> = (0..column.len()).map(|row| (row % 2) as u32).collect();
    let accumulate = |from: usize, until: usize| {
        let mut accumulator = accumulator(&call, Some(&argument)).unwrap();
        accumulator.resize(3);
        let part = column.slice(from, until - from);
        accumulator.update(&groups[from..until], &Rows::new(Some(&part), None)).unwrap();
        accumulator
    };
    let whole = accumulate(0, column.len());
    assert_eq!(show(&whole.read(&Slots::Range(0..3)).unwrap()), expected);
    assert_eq!(whole.read(&Slots::Range(0..3)).unwrap().data_type(), &call.result.to_arrow());
    let middle = column.len() / 2;
    let mut merged = accumulate(0, middle);
    let rest = accumulate(middle, column.len()).partial(&Slots::Range(0..3)).unwrap();
    merged.merge(&[0, 1, 2], &rest).unwrap();
    assert_eq!(show(&merged.read(&Slots::Range(0..3)).unwrap()), expected, "merged");
    merged.clear(&[1, 0]);
    let empty = accumulator(&call, Some(&argument)).map(|mut accumulator| {
        accumulator.resize(3);
        show(&accumulator.read(&Slots::Range(0..3)).unwrap())
    });
    assert_eq!(show(&merged.read(&Slots::Range(0..3)).unwrap()), empty.unwrap(), "cleared");
    let all = Rows::new(Some(&column), None);
    merged.update(&groups, &all).unwrap();
    assert_eq!(show(&merged.read(&Slots::Range(0..3)).unwrap()), expected, "used again");
}

fn ints(values: &[Option<i32>]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

#[test]
fn counts_skip_nulls() {
    let column = ints(&[Some(1), None, Some(3), Some(4)]);
    check(AggregateFunction::Count, TypeRoot::Int, column, "2 1 0");
}

#[test]
fn integer_sums_wrap_and_averages_truncate() {
    let column = ints(&[Some(i32::MAX), Some(-3), Some(1), Some(-4)]);
    check(AggregateFunction::Sum, TypeRoot::Int, column.clone(), "-2147483648 -7 null");
    check(AggregateFunction::Avg, TypeRoot::Int, column, "1073741824 -3 null");
}

#[test]
fn doubles() {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![1.5, 2.0, 2.5, f64::NAN]));
    check(AggregateFunction::Sum, TypeRoot::Double, column.clone(), "4 NaN null");
    check(AggregateFunction::Avg, TypeRoot::Double, column.clone(), "2 NaN null");
    check(AggregateFunction::Max, TypeRoot::Double, column, "2.5 2 null");
}

#[test]
fn decimal_averages_round_half_up() {
    let values = Decimal128Array::from(vec![Some(1), Some(-1), Some(1), Some(-1), None, Some(0)]);
    let column: ArrayRef = Arc::new(values.with_precision_and_scale(10, 1).unwrap());
    let root = TypeRoot::Decimal { precision: 10, scale: 1 };
    check(AggregateFunction::Avg, root.clone(), column.clone(), "0.100000 -0.066667 null");
    check(AggregateFunction::Sum, root, column, "0.2 -0.2 null");
}

#[test]
fn a_decimal_sum_beyond_38_digits_starts_anew() {
    let big = 9 * 10_i128.pow(37);
    let values = Decimal128Array::from(vec![big, 1, big, 1, 5, 1]);
    let column: ArrayRef = Arc::new(values.with_precision_and_scale(38, 0).unwrap());
    let root = TypeRoot::Decimal { precision: 38, scale: 0 };
    let argument = root.nullable();
    let call = call(AggregateFunction::Sum, false, &argument);
    let mut accumulator = accumulator(&call, Some(&argument)).unwrap();
    accumulator.resize(2);
    accumulator.update(&[0, 1, 0, 1, 0, 1], &Rows::new(Some(&column), None)).unwrap();
    assert_eq!(show(&accumulator.read(&Slots::Range(0..2)).unwrap()), "5 3");
}

#[test]
fn texts() {
    let column: ArrayRef = Arc::new(StringViewArray::from(vec![
        Some("b"),
        None,
        Some("a text longer than a view holds"),
        Some("z"),
    ]));
    let root = TypeRoot::STRING;
    check(
        AggregateFunction::Min,
        root.clone(),
        column.clone(),
        "a text longer than a view holds z null",
    );
    check(AggregateFunction::Max, root.clone(), column.clone(), "b z null");
    check(AggregateFunction::FirstValue, root.clone(), column.clone(), "b z null");
    check(AggregateFunction::LastValue, root, column, "a text longer than a view holds z null");
}

#[test]
fn distinct_values_count_once_also_over_merges() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![7, 1, 7, 2, 8, 1, 7, 2]));
    check_distinct(AggregateFunction::Count, true, TypeRoot::BigInt, column.clone(), "2 2 0");
    check_distinct(AggregateFunction::Sum, true, TypeRoot::BigInt, column, "15 3 null");
}

#[test]
fn filters_take_only_true() {
    let argument = TypeRoot::Int.nullable();
    let call = call(AggregateFunction::Sum, false, &argument);
    let mut accumulator = accumulator(&call, Some(&argument)).unwrap();
    accumulator.resize(1);
    let column = ints(&[Some(1), Some(2), Some(4), None]);
    let filter = BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]);
    accumulator.update(&[0; 4], &Rows::new(Some(&column), Some(&filter))).unwrap();
    assert_eq!(show(&accumulator.read(&Slots::Range(0..1)).unwrap()), "1");
}
