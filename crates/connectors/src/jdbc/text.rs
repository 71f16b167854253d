//! Values as SQL databases read them.

use std::fmt::Write;

use argus_base::{LogicalType, TypeRoot};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Time32MillisecondType};

use crate::format::temporal::civil_of;
use crate::row_text::{timestamp_parts, write_time, write_value};

/// Appends the text of a value that is not NULL. Times of TIMESTAMP_LTZ are UTC, without saying
/// so.
pub fn write_sql(out: &mut String, logical_type: &LogicalType, array: &dyn Array, index: usize) {
    match &logical_type.root {
        TypeRoot::Date => {
            write_date(out, i64::from(array.as_primitive::<Date32Type>().value(index)), "");
        }
        TypeRoot::Time(_) => {
            let millis = array.as_primitive::<Time32MillisecondType>().value(index);
            write_time(out, i64::from(millis) * 1_000_000, true);
        }
        TypeRoot::Timestamp { .. } => write_timestamp(out, array, index, ""),
        TypeRoot::TimestampLtz { .. } => write_timestamp(out, array, index, ""),
        TypeRoot::Array(element) => write_array(out, element, array, index),
        _ => write_value(out, logical_type, array, index),
    }
}

/// Appends a TIMESTAMP_LTZ with its offset.
pub fn write_instant(out: &mut String, array: &dyn Array, index: usize) {
    write_timestamp(out, array, index, "+00");
}

fn write_timestamp(out: &mut String, array: &dyn Array, index: usize, offset: &str) {
    let (day, nanos_of_day) = timestamp_parts(array, index);
    let mut time = String::from(" ");
    write_time(&mut time, nanos_of_day, true);
    time.push_str(offset);
    write_date(out, day, &time);
}

/// The era stands behind the time: the year 0 is 1 BC.
fn write_date(out: &mut String, day: i64, time: &str) {
    let (year, month, day_of_month) = civil_of(day);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    // Writing into a String cannot fail.
    let _infallible = write!(out, "{year:04}-{month:02}-{day_of_month:02}{time}{era}");
}

/// PostgreSQL's form: `{"a","b",NULL}`.
fn write_array(out: &mut String, element: &LogicalType, array: &dyn Array, index: usize) {
    let values = array.as_list::<i32>().value(index);
    out.push('{');
    for i in 0..values.len() {
        if i > 0 {
            out.push(',');
        }
        if values.is_null(i) {
            out.push_str("NULL");
            continue;
        }
        let mut text = String::new();
        write_sql(&mut text, element, values.as_ref(), i);
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        let _infallible = write!(out, "\"{escaped}\"");
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, Date32Array, ListArray, TimestampMillisecondArray};

    use super::*;

    fn text(root: TypeRoot, array: ArrayRef) -> String {
        let mut out = String::new();
        write_sql(&mut out, &root.nullable(), array.as_ref(), 0);
        out
    }

    #[test]
    fn times_and_arrays() {
        let at = |millis| Arc::new(TimestampMillisecondArray::from(vec![millis]));
        assert_eq!(text(TypeRoot::timestamp(3), at(0)), "1970-01-01 00:00:00");
        assert_eq!(text(TypeRoot::timestamp(3), at(-1)), "1969-12-31 23:59:59.999");
        let day = |day| Arc::new(Date32Array::from(vec![day]));
        assert_eq!(text(TypeRoot::Date, day(-719_528)), "0001-01-01 BC");
        let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])]);
        let numbers = text(TypeRoot::Array(Box::new(TypeRoot::Int.nullable())), Arc::new(numbers));
        assert_eq!(numbers, "{\"1\",NULL}");
    }
}
