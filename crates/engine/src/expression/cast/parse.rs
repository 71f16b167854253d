//! Text to numbers and BOOLEAN, as Flink reads them.

use std::sync::Arc;

use argus_base::{Result, TypeRoot};
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, StringViewArray};

use super::super::value::downcast;
use super::{Apply, Pair, decimal, refused};

/// The conversion of text to a number or BOOLEAN.
pub(super) fn to_number(pair: Pair<'_>) -> Apply {
    let Pair { to, is_try, .. } = pair;
    let root = to.clone();
    match to {
        TypeRoot::Boolean => Box::new(move |array| {
            let values = parse_all(array, is_try, &root, parse_boolean)?;
            Ok(Arc::new(BooleanArray::from(values)))
        }),
        TypeRoot::TinyInt => numbers::<Int8Type>(root, is_try, parse_integer::<i8>),
        TypeRoot::SmallInt => numbers::<Int16Type>(root, is_try, parse_integer::<i16>),
        TypeRoot::Int => numbers::<Int32Type>(root, is_try, parse_integer::<i32>),
        TypeRoot::Float => numbers::<Float32Type>(root, is_try, parse_float::<f32>),
        TypeRoot::Double => numbers::<Float64Type>(root, is_try, parse_float::<f64>),
        TypeRoot::Decimal { precision, scale } => {
            let (precision, scale) = (*precision, *scale);
            let parse = move |text: &str| decimal::parse(text.trim_matches(' '), precision, scale);
            numbers::<Decimal128Type>(root, is_try, parse)
        }
        _ => numbers::<Int64Type>(root, is_try, parse_integer::<i64>),
    }
}

fn numbers<T: ArrowPrimitiveType>(
    root: TypeRoot,
    is_try: bool,
    parse: impl Fn(&str) -> Option<T::Native> + Send + Sync + 'static,
) -> Apply {
    let data_type = root.clone().nullable().to_arrow();
    Box::new(move |array| {
        let values = parse_all(array, is_try, &root, &parse)?;
        let array: PrimitiveArray<T> = values.into_iter().collect();
        Ok(Arc::new(array.with_data_type(data_type.clone())))
    })
}

/// Every value parsed; NULL stays NULL, and what cannot be parsed is an error or NULL.
pub(super) fn parse_all<V>(
    array: &ArrayRef,
    is_try: bool,
    root: &TypeRoot,
    parse: impl Fn(&str) -> Option<V>,
) -> Result<Vec<Option<V>>> {
    let texts: &StringViewArray = downcast(array);
    let mut values = Vec::with_capacity(texts.len());
    for row in 0..texts.len() {
        if texts.is_null(row) {
            values.push(None);
            continue;
        }
        let text = texts.value(row);
        let value = parse(text);
        if value.is_none() && !is_try {
            return Err(refused(text, root));
        }
        values.push(value);
    }
    Ok(values)
}

fn parse_boolean(text: &str) -> Option<bool> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_one_of(&["t", "true", "y", "yes", "1"]) {
        return Some(true);
    }
    is_one_of(&["f", "false", "n", "no", "0"]).then_some(false)
}

/// Spaces around are ignored, and so is a fraction.
fn parse_integer<N: TryFrom<i64>>(text: &str) -> Option<N> {
    let text = text.trim_matches(' ');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let is_bare_point = digits.is_empty() && text.len() > whole.len();
    if is_bare_point {
        return N::try_from(0).ok();
    }
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    whole.parse::<i64>().ok().and_then(|value| N::try_from(value).ok())
}

/// A number as `Double.parseDouble` reads it, but for hexadecimal ones.
pub(crate) fn parse_float<N: std::str::FromStr>(text: &str) -> Option<N> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return text.parse().ok();
    }
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let is_ascii_number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let is_number = !text.is_empty() && text.bytes().all(is_ascii_number);
    is_number.then(|| text.parse().ok()).flatten()
}
