//! Compares changelogs: numbers as numbers (doubles to 1e-9, FLOATs as what they are), objects
//! without regard to the order of keys, rows in any order.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

/// Says in one line what is wrong, if anything is.
pub fn compare<'a>(
    expected: &[String],
    found: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let mut missing: BTreeMap<String, (usize, Value)> = BTreeMap::new();
    for line in expected {
        let value = serde_json::from_str(line).map_err(|_| format!("recorded no JSON: {line}"))?;
        let key = canonical(&value);
        missing.entry(key).or_insert((0, value)).0 += 1;
    }
    let mut others = Vec::new();
    for line in found {
        let value = serde_json::from_str(line).map_err(|_| format!("printed no JSON: {line}"))?;
        match missing.get_mut(&canonical(&value)) {
            Some((n, _)) if *n > 0 => *n -= 1,
            _ => others.push(value),
        }
    }
    let mut missing: Vec<Value> =
        missing.into_values().flat_map(|(n, value)| std::iter::repeat_n(value, n)).collect();
    others.retain(|other| match missing.iter().position(|value| is_equal(value, other)) {
        Some(position) => {
            missing.swap_remove(position);
            false
        }
        None => true,
    });
    match (missing.first(), others.first()) {
        (None, None) => Ok(()),
        (missing, other) => Err(format!(
            "expected {}, found {}",
            missing.map_or_else(|| "no such row".to_owned(), canonical),
            other.map_or_else(|| "nothing more".to_owned(), canonical),
        )),
    }
}

/// A text that is the same for equal values, doubles aside.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut parts: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value))).collect();
            parts.sort_unstable();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", parts.join(","))
        }
        other => other.to_string(),
    }
}

fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) if left.is_i64() && right.is_i64() => {
            left == right
        }
        (Value::Number(left), Value::Number(right)) => is_close(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| is_equal(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same = |(key, l): (&String, &Value)| right.get(key).is_some_and(|r| is_equal(l, r));
            left.len() == right.len() && left.iter().all(same)
        }
        (left, right) => left == right,
    }
}

fn is_close(left: &Number, right: &Number) -> bool {
    let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) else { return false };
    is_same_float(left, right) || (left - right).abs() <= 1e-9 * left.abs().max(right.abs())
}

/// Whether both are short forms of one FLOAT: Java before 19 does not always print the shortest.
#[allow(clippy::cast_possible_truncation, reason = "that is the question")]
fn is_same_float(left: f64, right: f64) -> bool {
    let n_digits = |value: f64| {
        let text = format!("{value:e}");
        let mantissa = text.split('e').next().unwrap_or_default();
        mantissa.bytes().filter(u8::is_ascii_digit).count()
    };
    let is_short = |value: f64| n_digits(value) <= 9;
    is_short(left) && is_short(right) && left as f32 == right as f32
}
