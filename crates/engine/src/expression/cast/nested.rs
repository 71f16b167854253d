//! Conversions of ARRAY, MAP, MULTISET and ROW, child by child.

use std::sync::Arc;

use argus_base::{LogicalType, Result, TypeRoot};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray, new_null_array};
use arrow_schema::{DataType, FieldRef, Fields};
use arrow_select::concat::concat;

use super::{Apply, Conversion, Pair};

/// The conversion between two constructed types of the same kind. TRY_CAST gives NULL for the
/// whole value where any child cannot be converted.
pub(super) fn convert(pair: Pair<'_>) -> Result<Apply> {
    let data_type = pair.to.clone().nullable().to_arrow();
    let strict = strict(&pair, &data_type)?;
    if !pair.is_try {
        return Ok(strict);
    }
    Ok(Box::new(move |array| match strict(array) {
        Ok(converted) => Ok(converted),
        Err(_) => row_by_row(array, &strict, &data_type),
    }))
}

fn row_by_row(array: &ArrayRef, strict: &Apply, data_type: &DataType) -> Result<ArrayRef> {
    let rows = (0..array.len())
        .map(|row| strict(&array.slice(row, 1)).unwrap_or_else(|_| new_null_array(data_type, 1)));
    let rows: Vec<ArrayRef> = rows.collect();
    let rows: Vec<&dyn Array> = rows.iter().map(AsRef::as_ref).collect();
    Ok(concat(&rows)?)
}

fn strict(pair: &Pair<'_>, data_type: &DataType) -> Result<Apply> {
    let child = |from: &LogicalType, to: &LogicalType| Conversion::new(from, to, false, pair.zone);
    match (pair.from, pair.to, data_type) {
        (TypeRoot::Array(from), TypeRoot::Array(to), DataType::List(field)) => {
            Ok(list(child(from, to)?, field.clone()))
        }
        (TypeRoot::Map(key, value), TypeRoot::Map(to_key, to_value), DataType::Map(field, _)) => {
            Ok(map(child(key, to_key)?, child(value, to_value)?, field.clone()))
        }
        (TypeRoot::Multiset(from), TypeRoot::Multiset(to), DataType::Map(field, _)) => {
            let count = TypeRoot::Int.not_null();
            Ok(map(child(from, to)?, child(&count, &count)?, field.clone()))
        }
        (TypeRoot::Row(from), TypeRoot::Row(to), DataType::Struct(fields)) => {
            let children = from.iter().zip(to);
            let children: Vec<Conversion> = children
                .map(|(from, to)| child(&from.logical_type, &to.logical_type))
                .collect::<Result<_>>()?;
            Ok(row(children, fields.clone()))
        }
        _ => Err(pair.unknown()),
    }
}

fn list(element: Conversion, field: FieldRef) -> Apply {
    Box::new(move |array| {
        let lists = array.as_list::<i32>();
        let elements = element.apply(lists.values())?;
        let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
        Ok(Arc::new(ListArray::try_new(field.clone(), offsets, elements, nulls)?))
    })
}

fn map(key: Conversion, value: Conversion, field: FieldRef) -> Apply {
    Box::new(move |array| {
        let maps = array.as_map();
        let entries = entries(&field, key.apply(maps.keys())?, value.apply(maps.values())?)?;
        let (offsets, nulls) = (maps.offsets().clone(), maps.nulls().cloned());
        Ok(Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, false)?))
    })
}

fn entries(field: &FieldRef, keys: ArrayRef, values: ArrayRef) -> Result<StructArray> {
    let DataType::Struct(fields) = field.data_type() else {
        return Err(argus_base::Error::bug("the entries of a map are not rows"));
    };
    Ok(StructArray::try_new(fields.clone(), vec![keys, values], None)?)
}

fn row(children: Vec<Conversion>, fields: Fields) -> Apply {
    Box::new(move |array| {
        let rows = array.as_struct();
        let columns: Vec<ArrayRef> = children
            .iter()
            .zip(rows.columns())
            .map(|(child, column)| child.apply(column))
            .collect::<Result<_>>()?;
        let nulls = rows.nulls().cloned();
        Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, rows.len())?))
    })
}
