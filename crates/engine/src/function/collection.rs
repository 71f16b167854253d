//! Rows and arrays. Positions in arrays start with 1.
//!
//! Results are put together from the elements of the arguments: a kernel says for each row which
//! elements it has, and they are gathered at once.

use std::sync::Arc;

use argus_base::{Error, LogicalType, Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, ListArray, StructArray, UInt32Array, new_null_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_ord::ord::make_comparator;
use arrow_schema::{DataType, FieldRef, SortOptions};
use arrow_select::interleave::interleave;
use arrow_select::take::take;

use super::nested::same;
use super::{Binding, Call, Kernel, refused};
use crate::expression::Value;

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    let data_type = binding.result.to_arrow();
    Ok(Some(match binding.function {
        F::Row => Box::new(move |call| row(call, &data_type)),
        F::Array => Box::new(move |call| array(call, &data_type)),
        F::ElementAt if matches!(binding.type_of(0).root, TypeRoot::Array(_)) => {
            Box::new(array_element)
        }
        F::Cardinality => Box::new(cardinality),
        F::Element => Box::new(element),
        F::ArrayContains => {
            search(binding, |call, found| Ok(call.booleans(|row| found[row].is_some())))?
        }
        F::ArrayPosition => search(binding, |call, found| {
            let position = |row: usize| found[row].map_or(0, |at| at as i32 + 1);
            Ok(call.numbers::<Int32Type>(position))
        })?,
        F::ArrayDistinct => lists(binding, |context, _| Ok(context.distinct(context.all(0))))?,
        F::ArrayConcat => lists(binding, |context, _| Ok(context.everything()))?,
        F::ArrayUnion => lists(binding, |context, _| Ok(context.distinct(context.everything())))?,
        F::ArrayExcept => lists(binding, |context, _| Ok(context.combined(false)))?,
        F::ArrayIntersect => lists(binding, |context, _| Ok(context.combined(true)))?,
        F::ArrayReverse => {
            lists(binding, |context, _| Ok(context.all(0).into_iter().rev().collect()))?
        }
        F::ArraySlice => lists(binding, |context, call| Ok(slice(context, call)))?,
        F::ArraySort => lists(binding, sort)?,
        F::ArrayMax => extreme(binding, true)?,
        F::ArrayMin => extreme(binding, false)?,
        F::ArrayAppend => add(binding, false)?,
        F::ArrayPrepend => add(binding, true)?,
        F::ArrayRemove => remove(binding)?,
        F::ArrayJoin => Box::new(join),
        _ => return Ok(None),
    }))
}

fn columns(call: &Call<'_>) -> Result<Vec<ArrayRef>> {
    call.arguments.iter().map(|argument| argument.clone().into_column(call.n_rows)).collect()
}

fn row(call: &Call<'_>, data_type: &DataType) -> Result<ArrayRef> {
    let DataType::Struct(fields) = data_type else { return Err(Error::bug("ROW gives no row")) };
    Ok(Arc::new(StructArray::try_new(fields.clone(), columns(call)?, None)?))
}

pub(super) fn list_field(data_type: &DataType) -> Result<FieldRef> {
    match data_type {
        DataType::List(field) => Ok(field.clone()),
        other => Err(Error::bug(format!("{other} is no list"))),
    }
}

fn list(
    field: FieldRef,
    lengths: impl Iterator<Item = usize>,
    elements: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(field, offsets, elements, nulls)?))
}

/// The constructor: the arguments of a row, in order.
fn array(call: &Call<'_>, data_type: &DataType) -> Result<ArrayRef> {
    let elements = every_other(call, 0, 1)?;
    let lengths = std::iter::repeat_n(call.arguments.len(), call.n_rows);
    list(list_field(data_type)?, lengths, elements, None)
}

/// Row by row, every argument from `first` in steps.
pub(super) fn every_other(call: &Call<'_>, first: usize, step: usize) -> Result<ArrayRef> {
    let chosen: Vec<&Value> = call.arguments.iter().skip(first).step_by(step).collect();
    let arrays: Vec<&dyn Array> = chosen.iter().map(|value| value.array().as_ref()).collect();
    let mut places = Vec::with_capacity(call.n_rows * chosen.len());
    for row in 0..call.n_rows {
        for (i, value) in chosen.iter().enumerate() {
            places.push((i, if value.is_constant() { 0 } else { row }));
        }
    }
    Ok(interleave(&arrays, &places)?)
}

/// Where the elements of a list or the entries of a map in a row lie among all of them.
pub(super) fn range(value: &Value, row: usize) -> std::ops::Range<usize> {
    let row = if value.is_constant() { 0 } else { row };
    let offsets = match value.array().data_type() {
        DataType::Map(..) => value.array().as_map().offsets(),
        _ => value.array().as_list::<i32>().offsets(),
    };
    offsets[row] as usize..offsets[row + 1] as usize
}

/// NULL outside of the array.
fn array_element(call: &Call<'_>) -> Result<ArrayRef> {
    let position = call.number_of::<Int32Type>(1);
    let chosen = (0..call.n_rows).map(|row| {
        if !call.has_result(row) {
            return None;
        }
        let elements = range(&call.arguments[0], row);
        let index = usize::try_from(position(row)).ok()?.checked_sub(1)?;
        (index < elements.len()).then(|| (elements.start + index) as u32)
    });
    let chosen: UInt32Array = chosen.collect();
    Ok(take(call.arguments[0].array().as_list::<i32>().values(), &chosen, None)?)
}

/// Of a MULTISET, how many elements it has, repeats included.
fn cardinality(call: &Call<'_>) -> Result<ArrayRef> {
    Ok(call.numbers::<Int32Type>(|row| range(&call.arguments[0], row).len() as i32))
}

fn element(call: &Call<'_>) -> Result<ArrayRef> {
    let mut chosen = Vec::with_capacity(call.n_rows);
    for row in 0..call.n_rows {
        let elements = range(&call.arguments[0], row);
        if call.has_result(row) && elements.len() > 1 {
            return Err(refused("ELEMENT of an array with more than one element"));
        }
        let only = call.has_result(row) && elements.len() == 1;
        chosen.push(only.then_some(elements.start as u32));
    }
    let values = call.arguments[0].array().as_list::<i32>().values();
    Ok(take(values, &UInt32Array::from(chosen), None)?)
}

pub(super) fn element_type(binding: &Binding<'_>) -> Result<LogicalType> {
    match &binding.type_of(0).root {
        TypeRoot::Array(element) => Ok((**element).clone()),
        _ => Err(binding.unbound()),
    }
}

type Found<'a> = &'a [Option<usize>];

/// Looks the second argument up in the first: its index from 0 in each row.
fn search(
    binding: &Binding<'_>,
    f: fn(&Call<'_>, Found<'_>) -> Result<ArrayRef>,
) -> Result<Kernel> {
    let element = element_type(binding)?;
    Ok(Box::new(move |call| {
        let (lists, wanted) = (&call.arguments[0], &call.arguments[1]);
        let values = lists.array().as_list::<i32>().values();
        let find = |row: usize| {
            let at = if wanted.is_constant() { 0 } else { row };
            let is_wanted = |entry: usize| same(&element, (values, entry), (wanted.array(), at));
            call.is_valid(0, row).then(|| range(lists, row).position(is_wanted)).flatten()
        };
        let found: Vec<Option<usize>> = (0..call.n_rows).map(find).collect();
        let nulls = match call.nulls.clone() {
            None if lists.is_constant() => None,
            None => lists.array().nulls().cloned(),
            nulls => nulls,
        };
        f(
            &Call { arguments: call.arguments, n_rows: call.n_rows, nulls, context: call.context },
            &found,
        )
    }))
}

/// The elements of all list arguments in one row: (argument, position among its elements).
struct Lists<'a> {
    call: &'a Call<'a>,
    element: &'a LogicalType,
    n_lists: usize,
    row: usize,
}

type Place = (usize, usize);

impl Lists<'_> {
    fn all(&self, list: usize) -> Vec<Place> {
        range(&self.call.arguments[list], self.row).map(|at| (list, at)).collect()
    }

    fn everything(&self) -> Vec<Place> {
        (0..self.n_lists).flat_map(|list| self.all(list)).collect()
    }

    fn values(&self, list: usize) -> &ArrayRef {
        self.call.arguments[list].array().as_list::<i32>().values()
    }

    fn is_same(&self, a: Place, b: Place) -> bool {
        same(self.element, (self.values(a.0), a.1), (self.values(b.0), b.1))
    }

    fn distinct(&self, places: Vec<Place>) -> Vec<Place> {
        let mut kept: Vec<Place> = Vec::with_capacity(places.len());
        for place in places {
            if !kept.iter().any(|known| self.is_same(*known, place)) {
                kept.push(place);
            }
        }
        kept
    }

    /// Distinct elements of the first list that are, or are not, in the second.
    fn combined(&self, is_in_both: bool) -> Vec<Place> {
        let second = self.all(1);
        let is_in_second = |place: &Place| second.iter().any(|other| self.is_same(*place, *other));
        let first = self.all(0).into_iter().filter(|place| is_in_second(place) == is_in_both);
        self.distinct(first.collect())
    }
}

type Choose = fn(&Lists<'_>, &Call<'_>) -> Result<Vec<Place>>;

/// A list of elements chosen from the list arguments.
fn lists(binding: &Binding<'_>, choose: Choose) -> Result<Kernel> {
    let element = element_type(binding)?;
    let field = list_field(&binding.result.to_arrow())?;
    let is_list = |i: &usize| matches!(binding.type_of(*i).root, TypeRoot::Array(_));
    let n_lists = (0..binding.arguments.len()).take_while(is_list).count();
    Ok(Box::new(move |call| {
        let (mut places, mut lengths) = (Vec::new(), Vec::with_capacity(call.n_rows));
        for row in (0..call.n_rows).map(|row| call.has_result(row).then_some(row)) {
            let chosen = match row {
                Some(row) => choose(&Lists { call, element: &element, n_lists, row }, call)?,
                None => Vec::new(),
            };
            lengths.push(chosen.len());
            places.extend(chosen);
        }
        let arrays = call.arguments[..n_lists].iter();
        let arrays: Vec<&dyn Array> =
            arrays.map(|value| value.array().as_list::<i32>().values().as_ref()).collect();
        let elements = match places.is_empty() {
            true => new_null_array(field.data_type(), 0),
            false => interleave(&arrays, &places)?,
        };
        list(field.clone(), lengths.into_iter(), elements, call.nulls.clone())
    }))
}

/// Both ends included; a negative position counts from the end, 0 is the first.
fn slice(lists: &Lists<'_>, call: &Call<'_>) -> Vec<Place> {
    let all = lists.all(0);
    let n = all.len() as i64;
    let position = |argument: usize| {
        let given = i64::from(call.number_of::<Int32Type>(argument)(lists.row));
        match given {
            0 => 1,
            _ if given < 0 => given + n + 1,
            _ => given,
        }
    };
    let start = position(1).max(1);
    let end = if call.arguments.len() == 3 { position(2).min(n) } else { n };
    if start > end {
        return Vec::new();
    }
    all[start as usize - 1..end as usize].to_vec()
}

fn sort(lists: &Lists<'_>, call: &Call<'_>) -> Result<Vec<Place>> {
    let flag = |argument: usize| {
        (call.arguments.len() > argument).then(|| {
            let flags = call.rows::<BooleanArray>(argument);
            flags.value(flags.at(lists.row))
        })
    };
    let is_ascending = flag(1).unwrap_or(true);
    let nulls_first = flag(2).unwrap_or(is_ascending);
    let options = SortOptions { descending: !is_ascending, nulls_first };
    let values = lists.values(0);
    let compare = make_comparator(values, values, options)?;
    let mut all = lists.all(0);
    all.sort_by(|a, b| compare(a.1, b.1));
    Ok(all)
}

fn extreme(binding: &Binding<'_>, is_max: bool) -> Result<Kernel> {
    element_type(binding)?;
    Ok(Box::new(move |call| {
        let values = call.arguments[0].array().as_list::<i32>().values();
        let compare = make_comparator(values, values, SortOptions::default())?;
        let chosen = (0..call.n_rows).map(|row| {
            let elements = range(&call.arguments[0], row).filter(|at| values.is_valid(*at));
            let elements = elements.filter(|_| call.has_result(row));
            let best = match is_max {
                true => elements.max_by(|a, b| compare(*a, *b)),
                false => elements.min_by(|a, b| compare(*a, *b)),
            };
            best.map(|at| at as u32)
        });
        let chosen: UInt32Array = chosen.collect();
        Ok(take(values, &chosen, None)?)
    }))
}

/// Adds the second argument to the first; NULL where that is, though not where the value is.
fn add(binding: &Binding<'_>, is_first: bool) -> Result<Kernel> {
    let field = list_field(&binding.result.to_arrow())?;
    Ok(Box::new(move |call| {
        let (lists, added) = (&call.arguments[0], &call.arguments[1]);
        let values = lists.array().as_list::<i32>().values();
        let (mut places, mut lengths) = (Vec::new(), Vec::with_capacity(call.n_rows));
        for row in 0..call.n_rows {
            if !call.is_valid(0, row) {
                lengths.push(0);
                continue;
            }
            let added = (1, if added.is_constant() { 0 } else { row });
            let elements = range(lists, row);
            lengths.push(elements.len() + 1);
            places.extend(is_first.then_some(added));
            places.extend(elements.map(|at| (0, at)));
            places.extend((!is_first).then_some(added));
        }
        let elements = match places.is_empty() {
            true => new_null_array(field.data_type(), 0),
            false => interleave(&[values.as_ref(), added.array().as_ref()], &places)?,
        };
        list(field.clone(), lengths.into_iter(), elements, list_nulls(call))
    }))
}

/// The rows where the first argument is not NULL.
fn list_nulls(call: &Call<'_>) -> Option<NullBuffer> {
    match &call.arguments[0] {
        Value::Column(array) => array.nulls().cloned(),
        Value::Constant(array) if array.is_null(0) => Some(NullBuffer::new_null(call.n_rows)),
        Value::Constant(_) => None,
    }
}

fn remove(binding: &Binding<'_>) -> Result<Kernel> {
    let element = element_type(binding)?;
    let field = list_field(&binding.result.to_arrow())?;
    Ok(Box::new(move |call| {
        let (lists, removed) = (&call.arguments[0], &call.arguments[1]);
        let values = lists.array().as_list::<i32>().values();
        let (mut kept, mut lengths) = (Vec::new(), Vec::with_capacity(call.n_rows));
        for row in 0..call.n_rows {
            let at = if removed.is_constant() { 0 } else { row };
            let before = kept.len();
            if call.is_valid(0, row) {
                let stays =
                    |entry: &usize| !same(&element, (values, *entry), (removed.array(), at));
                kept.extend(range(lists, row).filter(stays).map(|entry| entry as u32));
            }
            lengths.push(kept.len() - before);
        }
        let elements = take(values, &UInt32Array::from(kept), None)?;
        list(field.clone(), lengths.into_iter(), elements, list_nulls(call))
    }))
}

fn join(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.arguments[0].array().as_list::<i32>().values().as_string_view();
    let delimiter = call.text_of(1);
    let for_null = (call.arguments.len() == 3).then(|| call.text_of(2));
    call.texts(|row, out| {
        let mut is_first = true;
        for at in range(&call.arguments[0], row) {
            let text = match texts.is_valid(at) {
                true => Some(texts.value(at)),
                false => for_null.as_ref().map(|for_null| for_null(row)),
            };
            let Some(text) = text else { continue };
            out.push_str(if is_first { "" } else { delimiter(row) });
            out.push_str(text);
            is_first = false;
        }
        Ok(true)
    })
}
