//! Hive-style partitions: folders `key=value`, with the characters that a name cannot hold
//! written as `%XX`.

use std::path::Path;
use std::sync::Arc;

use argus_base::logical_type::timestamp_unit;
use argus_base::{Error, Field, LogicalType, Result, TypeRoot};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, new_null_array,
};
use arrow_schema::TimeUnit;

use super::code;

/// Whether a column of that type can partition a table.
pub fn is_supported(root: &TypeRoot) -> bool {
    root.is_character()
        || root.is_numeric()
        || matches!(root, TypeRoot::Boolean | TypeRoot::Date | TypeRoot::Timestamp { .. })
}

/// The names of the keys' partitions in the folders between a table's folder and a file; `None`
/// where a key has no folder.
pub fn names(folders: &Path, keys: &[String]) -> Option<Vec<String>> {
    let parts: Vec<(String, String)> = folders
        .components()
        .filter_map(|part| {
            let part = part.as_os_str().to_string_lossy();
            let (key, name) = part.split_once('=')?;
            Some((unescape(key), unescape(name)))
        })
        .collect();
    let name_of =
        |key: &String| parts.iter().find(|(part, _)| part == key).map(|(_, name)| name.clone());
    keys.iter().map(name_of).collect()
}

/// The folder of a partition: `key=name`.
pub fn folder(key: &str, name: &str) -> String {
    format!("{}={}", escape(key), escape(name))
}

fn is_special(c: char) -> bool {
    c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c)
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if is_special(c) {
            out.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (c, length) = code.map_or(('%', 1), |code| (char::from(code), 3));
        out.push(c);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

/// `length` times the value that the name of a partition stands for.
pub fn column(field: &Field, name: &str, default_name: &str, length: usize) -> Result<ArrayRef> {
    let logical_type = &field.logical_type;
    if name == default_name {
        return Ok(new_null_array(&logical_type.to_arrow(), length));
    }
    parse(logical_type, name, length).ok_or_else(|| {
        let column = &field.name;
        let message = format!("the partition '{column}={name}' is no {}", logical_type.root);
        Error::user(code::BAD_PARTITION, message)
    })
}

fn parse(logical_type: &LogicalType, name: &str, length: usize) -> Option<ArrayRef> {
    Some(match &logical_type.root {
        TypeRoot::Boolean => Arc::new(BooleanArray::from(vec![boolean(name)?; length])),
        TypeRoot::TinyInt => Arc::new(Int8Array::from_value(name.parse().ok()?, length)),
        TypeRoot::SmallInt => Arc::new(Int16Array::from_value(name.parse().ok()?, length)),
        TypeRoot::Int => Arc::new(Int32Array::from_value(name.parse().ok()?, length)),
        TypeRoot::BigInt => Arc::new(Int64Array::from_value(name.parse().ok()?, length)),
        TypeRoot::Float => Arc::new(Float32Array::from_value(name.parse().ok()?, length)),
        TypeRoot::Double => Arc::new(Float64Array::from_value(name.parse().ok()?, length)),
        TypeRoot::Decimal { precision, scale } => {
            let array = Decimal128Array::from_value(decimal(name, *precision, *scale)?, length);
            let array = array.with_precision_and_scale(*precision, scale.cast_signed());
            Arc::new(array.ok()?)
        }
        TypeRoot::Char(_) | TypeRoot::VarChar(_) => {
            Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(name, length)))
        }
        TypeRoot::Date => {
            let date = name.parse::<jiff::civil::Date>().ok()?;
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
            let day = i32::try_from(midnight.as_second().div_euclid(86_400)).ok()?;
            Arc::new(Date32Array::from_value(day, length))
        }
        TypeRoot::Timestamp { precision, .. } => timestamp(name, *precision, length)?,
        _ => return None,
    })
}

fn boolean(name: &str) -> Option<bool> {
    match name.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The unscaled value; `None` where the type cannot hold the number exactly.
fn decimal(name: &str, precision: u8, scale: u8) -> Option<i128> {
    let (whole, fraction) = name.split_once('.').unwrap_or((name, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(scale) || fraction.contains(['+', '-']) {
        return None;
    }
    let digits = format!("{whole}{fraction:0<width$}", width = usize::from(scale));
    let unscaled = digits.parse::<i128>().ok()?;
    (unscaled.unsigned_abs() < 10_u128.pow(u32::from(precision))).then_some(unscaled)
}

fn timestamp(name: &str, precision: u8, length: usize) -> Option<ArrayRef> {
    let wall_clock = name.parse::<jiff::civil::DateTime>().ok()?;
    let instant = wall_clock.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(match timestamp_unit(precision) {
        TimeUnit::Nanosecond => {
            let nanos = i64::try_from(instant.as_nanosecond()).ok()?;
            Arc::new(TimestampNanosecondArray::from_value(nanos, length))
        }
        TimeUnit::Microsecond => {
            Arc::new(TimestampMicrosecondArray::from_value(instant.as_microsecond(), length))
        }
        _ => Arc::new(TimestampMillisecondArray::from_value(instant.as_millisecond(), length)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_folder() {
        for name in ["a", "2020-01-01 00:00:00", "a/b=c%d", "ü", "100%", ""] {
            let folder = folder("k", name);
            assert!(!folder[2..].contains(['/', ':', '=']), "{folder}");
            let names = names(&Path::new("x").join(folder), &["k".to_owned()]);
            assert_eq!(names, Some(vec![name.to_owned()]));
        }
        assert_eq!(names(Path::new("j=1"), &["k".to_owned()]), None);
    }

    #[test]
    fn values_are_parsed_by_the_columns_type() {
        let parsed = |root: TypeRoot, name: &str| parse(&root.nullable(), name, 1).is_some();
        assert!(parsed(TypeRoot::Decimal { precision: 4, scale: 2 }, "-12.3"));
        assert!(!parsed(TypeRoot::Decimal { precision: 4, scale: 2 }, "123"));
        assert!(parsed(TypeRoot::Date, "2020-02-29"));
        assert!(parsed(TypeRoot::timestamp(3), "2020-01-01T00:00"));
        assert!(!parsed(TypeRoot::TinyInt, "300"));
        assert_eq!(decimal("-0.50", 3, 2), Some(-50));
    }
}
