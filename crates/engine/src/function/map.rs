//! Maps. A map has each key once; of equal keys the last value stays.

use std::sync::Arc;

use argus_base::{Error, LogicalType, Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, ListArray, MapArray, StructArray, UInt32Array, new_empty_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, FieldRef};
use arrow_select::interleave::interleave;
use arrow_select::take::take;

use super::collection::{element_type, every_other, list_field, range};
use super::nested::same;
use super::{Binding, Kernel, refused};
use crate::expression::Value;

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    let data_type = binding.result.to_arrow();
    Ok(Some(match binding.function {
        F::Map => map(binding),
        F::ElementAt => map_element(binding)?,
        F::MapKeys => map_list(data_type, |maps, _| Ok(maps.keys().clone())),
        F::MapValues => map_list(data_type, |maps, _| Ok(maps.values().clone())),
        F::MapEntries => map_list(data_type, |maps, element| {
            let DataType::Struct(fields) = element.data_type() else {
                return Err(Error::bug("map entries are rows"));
            };
            let columns = maps.entries().columns().to_vec();
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, None)?))
        }),
        F::MapFromArrays => map_from_arrays(binding)?,
        F::MapUnion => map_union(binding)?,
        _ => return Ok(None),
    }))
}

/// The constructor: keys and values in turn. The last of equal keys stays.
fn map(binding: &Binding<'_>) -> Kernel {
    let data_type = binding.result.to_arrow();
    let key = binding.type_of(0).clone();
    Box::new(move |call| {
        let n_entries = call.arguments.len() / 2;
        let keys = every_other(call, 0, 2)?;
        let values = every_other(call, 1, 2)?;
        let ranges = (0..call.n_rows).map(|row| row * n_entries..(row + 1) * n_entries);
        last_of_equal_keys(&data_type, &key, (keys, values), ranges, None)
    })
}

/// Maps of the entries in each range; of equal keys the first place and the last value stay.
fn last_of_equal_keys(
    data_type: &DataType,
    key: &LogicalType,
    (keys, values): (ArrayRef, ArrayRef),
    ranges: impl Iterator<Item = std::ops::Range<usize>>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let (mut kept_keys, mut kept_values, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for range in ranges {
        let first = kept_keys.len();
        for entry in range {
            let is_same = |kept: &u32| same(key, (&keys, *kept as usize), (&keys, entry));
            match kept_keys[first..].iter().position(is_same) {
                Some(at) => kept_values[first + at] = entry as u32,
                None => {
                    kept_keys.push(entry as u32);
                    kept_values.push(entry as u32);
                }
            }
        }
        lengths.push(kept_keys.len() - first);
    }
    let keys = take(&keys, &UInt32Array::from(kept_keys), None)?;
    let values = take(&values, &UInt32Array::from(kept_values), None)?;
    maps(data_type, lengths, keys, values, nulls)
}

fn maps(
    data_type: &DataType,
    lengths: Vec<usize>,
    keys: ArrayRef,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::Map(field, _) = data_type else { return Err(Error::bug("a map is expected")) };
    let DataType::Struct(fields) = field.data_type() else {
        return Err(Error::bug("the entries of a map are rows"));
    };
    if keys.null_count() > 0 {
        return Err(refused("a key of a map is NULL"));
    }
    let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, false)?))
}

/// NULL where the map has no such key.
fn map_element(binding: &Binding<'_>) -> Result<Kernel> {
    let TypeRoot::Map(key, _) = &binding.type_of(0).root else { return Err(binding.unbound()) };
    let key = (**key).clone();
    Ok(Box::new(move |call| {
        let maps = call.arguments[0].array().as_map();
        let wanted = &call.arguments[1];
        let chosen = (0..call.n_rows).map(|row| {
            if !call.has_result(row) {
                return None;
            }
            let at = if wanted.is_constant() { 0 } else { row };
            let is_wanted = |entry: &usize| same(&key, (maps.keys(), *entry), (wanted.array(), at));
            range(&call.arguments[0], row).find(is_wanted).map(|entry| entry as u32)
        });
        let chosen: UInt32Array = chosen.collect();
        Ok(take(maps.values(), &chosen, None)?)
    }))
}

type FromMap = fn(&MapArray, &FieldRef) -> Result<ArrayRef>;

/// A list of something of each entry.
fn map_list(data_type: DataType, f: FromMap) -> Kernel {
    Box::new(move |call| {
        let column = call.arguments[0].clone().into_column(call.n_rows)?;
        let maps = column.as_map();
        let field = list_field(&data_type)?;
        let elements = f(maps, &field)?;
        let (offsets, nulls) = (maps.offsets().clone(), maps.nulls().cloned());
        Ok(Arc::new(ListArray::try_new(field, offsets, elements, nulls)?))
    })
}

fn map_from_arrays(binding: &Binding<'_>) -> Result<Kernel> {
    let key = element_type(binding)?;
    let data_type = binding.result.to_arrow();
    Ok(Box::new(move |call| {
        let (keys, values) = (&call.arguments[0], &call.arguments[1]);
        let (mut of_keys, mut of_values, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..call.n_rows {
            let before = of_keys.len();
            if call.has_result(row) {
                let (keys, values) = (range(keys, row), range(values, row));
                if keys.len() != values.len() {
                    let lengths = format!("{} keys but {} values", keys.len(), values.len());
                    return Err(refused(format!("MAP_FROM_ARRAYS has {lengths}")));
                }
                of_keys.extend(keys.map(|at| at as u32));
                of_values.extend(values.map(|at| at as u32));
            }
            ranges.push(before..of_keys.len());
        }
        let chosen = |value: &Value, at: Vec<u32>| {
            take(value.array().as_list::<i32>().values(), &UInt32Array::from(at), None)
        };
        let entries = (chosen(keys, of_keys)?, chosen(values, of_values)?);
        last_of_equal_keys(&data_type, &key, entries, ranges.into_iter(), call.nulls.clone())
    }))
}

fn map_union(binding: &Binding<'_>) -> Result<Kernel> {
    let TypeRoot::Map(key, _) = &binding.type_of(0).root else { return Err(binding.unbound()) };
    let key = (**key).clone();
    let data_type = binding.result.to_arrow();
    Ok(Box::new(move |call| {
        let (mut places, mut ranges) = (Vec::new(), Vec::new());
        for row in 0..call.n_rows {
            let before = places.len();
            if call.has_result(row) {
                for (i, map) in call.arguments.iter().enumerate() {
                    places.extend(range(map, row).map(|at| (i, at)));
                }
            }
            ranges.push(before..places.len());
        }
        let gather = |f: fn(&MapArray) -> &ArrayRef| {
            let arrays: Vec<&dyn Array> =
                call.arguments.iter().map(|map| f(map.array().as_map()).as_ref()).collect();
            match places.is_empty() {
                true => Ok(new_empty_array(arrays[0].data_type())),
                false => interleave(&arrays, &places),
            }
        };
        let entries = (gather(MapArray::keys)?, gather(MapArray::values)?);
        last_of_equal_keys(&data_type, &key, entries, ranges.into_iter(), call.nulls.clone())
    }))
}
