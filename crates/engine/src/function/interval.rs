//! Intervals: added to and taken from dates and times, and among themselves.

use argus_base::{Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_array::types::{
    Date32Type, DurationMillisecondType, Int64Type, IntervalYearMonthType, Time32MillisecondType,
};
use arrow_array::{ArrayRef, PrimitiveArray};

use super::calendar::{Instant, add_months, instant, timestamps};
use super::{Binding, Call, Kernel};

const MILLIS_PER_DAY: i64 = 86_400_000;

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    let is_interval = |i: usize| {
        let root = binding.arguments.get(i).map(|argument| &argument.logical_type.root);
        matches!(root, Some(TypeRoot::IntervalYearMonth | TypeRoot::IntervalDayTime))
    };
    Ok(Some(match (binding.function, is_interval(0), is_interval(1)) {
        (F::Negate, true, _) => negate(&binding.type_of(0).root),
        (F::Plus, true, true) => among(&binding.type_of(0).root, i64::wrapping_add),
        (F::Minus, true, true) => among(&binding.type_of(0).root, i64::wrapping_sub),
        (F::Plus, false, true) => shift(binding, 0, 1),
        (F::Minus, false, true) => shift(binding, 0, -1),
        (F::Plus, true, false) => shift(binding, 1, 1),
        (F::Times, true, false) => times(&binding.type_of(0).root, 0),
        (F::Times, false, true) => times(&binding.type_of(1).root, 1),
        _ => return Ok(None),
    }))
}

/// Months or milliseconds of an interval.
fn amount_of<'a>(call: &Call<'a>, argument: usize) -> Box<dyn Fn(usize) -> i64 + 'a> {
    let array = call.arguments[argument].array();
    if array.as_any().is::<PrimitiveArray<IntervalYearMonthType>>() {
        let months = call.number_of::<IntervalYearMonthType>(argument);
        return Box::new(move |row| i64::from(months(row)));
    }
    let millis = call.number_of::<DurationMillisecondType>(argument);
    Box::new(millis)
}

fn intervals(call: &Call<'_>, is_months: bool, f: impl Fn(usize) -> i64) -> ArrayRef {
    match is_months {
        true => call.numbers::<IntervalYearMonthType>(|row| f(row) as i32),
        false => call.numbers::<DurationMillisecondType>(f),
    }
}

fn negate(root: &TypeRoot) -> Kernel {
    let is_months = *root == TypeRoot::IntervalYearMonth;
    Box::new(move |call| {
        let amount = amount_of(call, 0);
        Ok(intervals(call, is_months, |row| amount(row).wrapping_neg()))
    })
}

fn among(root: &TypeRoot, f: fn(i64, i64) -> i64) -> Kernel {
    let is_months = *root == TypeRoot::IntervalYearMonth;
    Box::new(move |call| {
        let (a, b) = (amount_of(call, 0), amount_of(call, 1));
        Ok(intervals(call, is_months, |row| f(a(row), b(row))))
    })
}

fn times(root: &TypeRoot, interval: usize) -> Kernel {
    let is_months = *root == TypeRoot::IntervalYearMonth;
    Box::new(move |call| {
        let amount = amount_of(call, interval);
        let factor = call.number_of::<Int64Type>(1 - interval);
        Ok(intervals(call, is_months, |row| amount(row).wrapping_mul(factor(row))))
    })
}

/// A date or time moved by an interval; the argument `at` is the date or time.
fn shift(binding: &Binding<'_>, at: usize, sign: i64) -> Kernel {
    let is_months = binding.type_of(1 - at).root == TypeRoot::IntervalYearMonth;
    let data_type = binding.result.to_arrow();
    match binding.type_of(at).root {
        TypeRoot::Date => Box::new(move |call| {
            let (days, amount) = (call.number_of::<Date32Type>(at), amount_of(call, 1 - at));
            Ok(call.numbers::<Date32Type>(|row| {
                let (days, amount) = (i64::from(days(row)), amount(row).wrapping_mul(sign));
                move_date(days, amount, is_months) as i32
            }))
        }),
        TypeRoot::Time(_) => Box::new(move |call| {
            let time = call.number_of::<Time32MillisecondType>(at);
            let amount = amount_of(call, 1 - at);
            Ok(call.numbers::<Time32MillisecondType>(|row| {
                let millis = if is_months { 0 } else { amount(row).wrapping_mul(sign) };
                i64::from(time(row)).wrapping_add(millis).rem_euclid(MILLIS_PER_DAY) as i32
            }))
        }),
        _ => Box::new(move |call| {
            let amount = amount_of(call, 1 - at);
            let value = &call.arguments[at];
            let moved = |row: usize| {
                let from = instant(value.array(), if value.is_constant() { 0 } else { row });
                move_timestamp(from, amount(row).wrapping_mul(sign), is_months)
            };
            let rows = (0..call.n_rows).map(|row| call.has_result(row).then(|| moved(row)));
            timestamps(rows, &data_type)
        }),
    }
}

/// Only whole days of an interval move a date.
pub(super) fn move_date(days: i64, amount: i64, is_months: bool) -> i64 {
    match is_months {
        true => add_months(days, amount),
        false => days.wrapping_add(amount / MILLIS_PER_DAY),
    }
}

pub(super) fn move_timestamp(from: Instant, amount: i64, is_months: bool) -> Instant {
    if is_months { from.plus_months(amount) } else { from.plus_millis(amount) }
}
