//! Comparison, tests for NULL and truth, NOT, IN, GREATEST and LEAST.
//!
//! FLOAT and DOUBLE compare as in Java: NaN is equal to nothing and in no order, -0.0 is 0.0.

use std::collections::HashSet;
use std::sync::Arc;

use argus_base::{Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_arith::boolean::{is_not_null, is_null, not, or_kleene};
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, StringViewArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_ord::cmp;
use arrow_schema::ArrowError;
use arrow_select::take::take;
use arrow_select::zip::zip;

use super::{Binding, Call, Kernel, nested};
use crate::expression::Value;

type Compare = fn(&Value, &Value) -> std::result::Result<BooleanArray, ArrowError>;

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    Ok(Some(match binding.function {
        F::Equal | F::NotEqual | F::Less | F::LessOrEqual | F::Greater | F::GreaterOrEqual => {
            compare(binding)
        }
        F::IsDistinctFrom => distinct(binding, true),
        F::IsNotDistinctFrom => distinct(binding, false),
        F::In => is_in(binding),
        F::IsNull => Box::new(|call| Ok(Arc::new(is_null(&expanded(call)?)?))),
        F::IsNotNull => Box::new(|call| Ok(Arc::new(is_not_null(&expanded(call)?)?))),
        F::IsTrue => truth(|values, valid| values & valid),
        F::IsNotTrue => truth(|values, valid| !&(values & valid)),
        F::IsFalse => truth(|values, valid| &!values & valid),
        F::IsNotFalse => truth(|values, valid| !&(&!values & valid)),
        F::Not => Box::new(|call| Ok(Arc::new(not(*call.arguments[0].rows::<BooleanArray>())?))),
        F::Greatest => extreme(|kept, next| cmp::gt_eq(kept, next)),
        F::Least => extreme(|kept, next| cmp::lt_eq(kept, next)),
        _ => return Ok(None),
    }))
}

/// The only argument as a column of the call's length.
fn expanded(call: &Call<'_>) -> Result<ArrayRef> {
    call.arguments[0].clone().into_column(call.n_rows)
}

fn compare(binding: &Binding<'_>) -> Kernel {
    match binding.type_of(0).root {
        TypeRoot::Float => return floats::<Float32Type>(binding.function),
        TypeRoot::Double => return floats::<Float64Type>(binding.function),
        _ if nested::is_nested(&binding.type_of(0).root) => return nested::compare(binding),
        _ => {}
    }
    let f: Compare = match binding.function {
        F::Equal => |a, b| cmp::eq(a, b),
        F::NotEqual => |a, b| cmp::neq(a, b),
        F::Less => |a, b| cmp::lt(a, b),
        F::LessOrEqual => |a, b| cmp::lt_eq(a, b),
        F::Greater => |a, b| cmp::gt(a, b),
        _ => |a, b| cmp::gt_eq(a, b),
    };
    Box::new(move |call| Ok(Arc::new(f(&call.arguments[0], &call.arguments[1])?)))
}

fn floats<T: ArrowPrimitiveType>(function: F) -> Kernel
where
    T::Native: PartialOrd,
{
    match function {
        F::Equal => compare_floats::<T>(|a, b| a == b),
        F::NotEqual => compare_floats::<T>(|a, b| a != b),
        F::Less => compare_floats::<T>(|a, b| a < b),
        F::LessOrEqual => compare_floats::<T>(|a, b| a <= b),
        F::Greater => compare_floats::<T>(|a, b| a > b),
        _ => compare_floats::<T>(|a, b| a >= b),
    }
}

/// Rows that are NULL are compared as well, which is cheaper than to skip them.
fn compare_floats<T: ArrowPrimitiveType>(
    f: impl Fn(T::Native, T::Native) -> bool + Send + Sync + Copy + 'static,
) -> Kernel {
    Box::new(move |call| {
        let (a, b) = (call.rows::<PrimitiveArray<T>>(0), call.rows::<PrimitiveArray<T>>(1));
        let (left, right) = (a.values().as_ref(), b.values().as_ref());
        let is_constant = |i: usize| call.arguments[i].is_constant();
        let bits = match (is_constant(0), is_constant(1)) {
            (false, true) => {
                let right = right[0];
                BooleanBuffer::collect_bool(call.n_rows, |row| f(left[row], right))
            }
            (true, false) => {
                let left = left[0];
                BooleanBuffer::collect_bool(call.n_rows, |row| f(left, right[row]))
            }
            _ => BooleanBuffer::collect_bool(call.n_rows, |row| f(left[row], right[row])),
        };
        Ok(Arc::new(BooleanArray::new(bits, call.nulls.clone())))
    })
}

fn distinct(binding: &Binding<'_>, is_distinct: bool) -> Kernel {
    let root = binding.type_of(0).root.clone();
    let equal = compare(&Binding { function: F::Equal, ..*binding });
    Box::new(move |call| {
        let is_plain = !root.is_approximate() && !nested::is_nested(&root);
        let (a, b) = (&call.arguments[0], &call.arguments[1]);
        if is_plain {
            return Ok(Arc::new(if is_distinct {
                cmp::distinct(a, b)?
            } else {
                cmp::not_distinct(a, b)?
            }));
        }
        let a = a.clone().into_column(call.n_rows)?;
        let b = b.clone().into_column(call.n_rows)?;
        let nulls = NullBuffer::union(a.nulls(), b.nulls());
        let arguments = [Value::Column(a.clone()), Value::Column(b.clone())];
        let inner =
            Call { arguments: &arguments, n_rows: call.n_rows, nulls, context: call.context };
        let equal = equal(&inner)?;
        let equal = equal.as_any().downcast_ref::<BooleanArray>().cloned();
        let equal = equal.unwrap_or_else(|| BooleanArray::from(vec![false; call.n_rows]));
        let is_same = |row: usize| match (a.is_null(row), b.is_null(row)) {
            (true, true) => true,
            (false, false) => equal.is_valid(row) && equal.value(row),
            _ => false,
        };
        Ok(call.booleans(|row| is_same(row) != is_distinct))
    })
}

fn truth(f: fn(&BooleanBuffer, &BooleanBuffer) -> BooleanBuffer) -> Kernel {
    Box::new(move |call| {
        let array = expanded(call)?;
        let rows = Value::Column(array);
        let array = rows.rows::<BooleanArray>();
        let valid = match array.nulls() {
            Some(nulls) => nulls.inner().clone(),
            None => BooleanBuffer::new_set(call.n_rows),
        };
        Ok(Arc::new(BooleanArray::new(f(array.values(), &valid), None)))
    })
}

/// Above this number of constants a set is built once a batch; comparing takes a nanosecond a row.
const MOST_COMPARED_ONE_BY_ONE: usize = 16;

fn is_in(binding: &Binding<'_>) -> Kernel {
    let root = binding.type_of(0).root.clone();
    let equal = compare(&Binding { function: F::Equal, ..*binding });
    Box::new(move |call| {
        let (value, list) = (&call.arguments[0], &call.arguments[1..]);
        let is_long = list.len() > MOST_COMPARED_ONE_BY_ONE && list.iter().all(Value::is_constant);
        if is_long && root.is_character() {
            return Ok(in_set(call, |list: &StringViewArray| list.value(0)));
        }
        if is_long && root == TypeRoot::Int {
            return Ok(in_numbers::<Int32Type>(call));
        }
        if is_long && root == TypeRoot::BigInt {
            return Ok(in_numbers::<Int64Type>(call));
        }
        let mut found = BooleanArray::new(BooleanBuffer::new_unset(call.n_rows), None);
        for candidate in list {
            found = or_kleene(&found, &equals(call, value, candidate, &equal)?)?;
        }
        Ok(Arc::new(found))
    })
}

/// Which rows of two values are equal, NULL where one of them is.
fn equals(
    call: &Call<'_>,
    value: &Value,
    candidate: &Value,
    equal: &Kernel,
) -> Result<BooleanArray> {
    if value.is_null_constant() || candidate.is_null_constant() {
        return Ok(BooleanArray::new_null(call.n_rows));
    }
    let value = match candidate.is_constant() {
        true => Value::Column(value.clone().into_column(call.n_rows)?),
        false => value.clone(),
    };
    let arguments = [value, candidate.clone()];
    let column_nulls = |value: &Value| match value {
        Value::Column(array) => array.nulls().cloned(),
        Value::Constant(_) => None,
    };
    let nulls = arguments.each_ref().map(column_nulls);
    let nulls = NullBuffer::union(nulls[0].as_ref(), nulls[1].as_ref());
    let inner = Call { arguments: &arguments, n_rows: call.n_rows, nulls, context: call.context };
    let found = Value::Column(equal(&inner)?);
    Ok((*found.rows::<BooleanArray>()).clone())
}

fn in_set<'a>(call: &Call<'a>, first: fn(&'a StringViewArray) -> &'a str) -> ArrayRef {
    let lists = call.arguments[1..].iter().map(|each| *each.rows::<StringViewArray>());
    let set: HashSet<&str> = lists.filter(|list| list.is_valid(0)).map(first).collect();
    let text = call.text_of(0);
    member(call, move |row| set.contains(text(row)))
}

fn in_numbers<T: ArrowPrimitiveType>(call: &Call<'_>) -> ArrayRef
where
    T::Native: std::hash::Hash + Eq,
{
    let lists = call.arguments[1..].iter().map(|each| *each.rows::<PrimitiveArray<T>>());
    let set: HashSet<T::Native> =
        lists.filter(|list| list.is_valid(0)).map(|list| list.value(0)).collect();
    let number = call.number_of::<T>(0);
    member(call, move |row| set.contains(&number(row)))
}

/// TRUE where `is_member`; else NULL where the value or one of the list is.
fn member(call: &Call<'_>, is_member: impl Fn(usize) -> bool) -> ArrayRef {
    let list_has_null = call.arguments[1..].iter().any(Value::is_null_constant);
    let rows = (0..call.n_rows).map(|row| match call.is_valid(0, row) {
        true if is_member(row) => Some(true),
        true if !list_has_null => Some(false),
        _ => None,
    });
    Arc::new(rows.collect::<BooleanArray>())
}

/// NaN is the greatest, as in `Double.compareTo`, which is the order of the kernels.
fn extreme(keeps: Compare) -> Kernel {
    Box::new(move |call| {
        let mut kept = call.arguments[0].clone();
        for next in &call.arguments[1..] {
            let is_kept = keeps(&kept, next)?;
            let array = match is_kept.len() {
                1 if call.n_rows != 1 => {
                    let is_kept = is_kept.is_valid(0) && is_kept.value(0);
                    if is_kept { kept.array().clone() } else { next.array().clone() }
                }
                _ => zip(&is_kept, &kept, next)?,
            };
            kept = match kept.is_constant() && next.is_constant() {
                true => Value::Constant(array),
                false => Value::Column(array),
            };
        }
        mask(&kept.into_column(call.n_rows)?, call)
    })
}

/// The values with NULL where the call has none.
fn mask(array: &ArrayRef, call: &Call<'_>) -> Result<ArrayRef> {
    let Some(nulls) = &call.nulls else { return Ok(array.clone()) };
    let rows = (0..call.n_rows).map(|row| nulls.is_valid(row).then_some(row as u32));
    Ok(take(array, &rows.collect::<UInt32Array>(), None)?)
}
