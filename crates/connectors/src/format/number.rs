//! Numbers as text, the way Java reads and prints them, since that is what Flink's text formats do.

use std::io::Write;

/// 10^0 to 10^38.
const POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// 10 to the power of a decimal's precision or scale, at most 38.
pub(crate) fn power_of_ten(exponent: u8) -> i128 {
    POWERS_OF_TEN[usize::from(exponent)]
}

/// Without the spaces and control characters around it, as `String.trim` does.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| *byte > b' ').unwrap_or(text.len());
    let end = text.iter().rposition(|byte| *byte > b' ').map_or(start, |last| last + 1);
    &text[start..end]
}

/// `Long.parseLong`: an optional sign and digits, nothing else. `None` also where it overflows.
pub(crate) fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    // Collected below zero, where there is room for one number more.
    let mut value: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_sub(i64::from(digit))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// `Double.parseDouble` of trimmed text, without hexadecimal numbers.
pub(crate) fn parse_double(text: &[u8]) -> Option<f64> {
    parse_approximate(text, f64::NAN, f64::INFINITY, f64::NEG_INFINITY)
}

/// `Float.parseFloat` of trimmed text, without hexadecimal numbers.
pub(crate) fn parse_float(text: &[u8]) -> Option<f32> {
    parse_approximate(text, f32::NAN, f32::INFINITY, f32::NEG_INFINITY)
}

fn parse_approximate<T: lexical_core::FromLexical>(
    text: &[u8],
    nan: T,
    infinity: T,
    minus_infinity: T,
) -> Option<T> {
    // Java lets a type letter follow; lexical knows words that Java does not.
    let digits = match text {
        [rest @ .., b'd' | b'D' | b'f' | b'F'] => rest,
        _ => text,
    };
    let plausible = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    if digits.iter().all(plausible) {
        return lexical_core::parse(digits).ok();
    }
    match text {
        b"NaN" | b"+NaN" | b"-NaN" => Some(nan),
        b"Infinity" | b"+Infinity" => Some(infinity),
        b"-Infinity" => Some(minus_infinity),
        _ => None,
    }
}

/// What a text says as a decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decimal {
    /// The unscaled value.
    Value(i128),
    /// A number, but with more digits than the precision holds: SQL's NULL.
    Overflow,
    /// No number.
    Malformed,
}

/// `new BigDecimal(text)`, rounded half up to the scale.
pub(crate) fn parse_decimal(text: &[u8], precision: u8, scale: u8) -> Decimal {
    let Some(parts) = DecimalParts::split(text) else { return Decimal::Malformed };
    let n_digits = parts.whole.len() + parts.fraction.len();
    // Digits to keep: those left of where the scale cuts.
    let kept = parts.whole.len() as i64 + parts.exponent + i64::from(scale);
    if kept < 0 {
        return Decimal::Value(0);
    }
    let mut unscaled: i128 = 0;
    for index in 0..n_digits.min(kept as usize) {
        let Some(next) = unscaled.checked_mul(10) else { return Decimal::Overflow };
        unscaled = next + i128::from(parts.digit(index));
        if unscaled >= POWERS_OF_TEN[38] {
            return Decimal::Overflow;
        }
    }
    let n_zeros = kept - n_digits as i64;
    if n_zeros > 0 && unscaled != 0 {
        let power = usize::try_from(n_zeros).ok().and_then(|n| POWERS_OF_TEN.get(n));
        let scaled = power.and_then(|power| unscaled.checked_mul(*power));
        let Some(scaled) = scaled else { return Decimal::Overflow };
        unscaled = scaled;
    }
    if n_zeros < 0 && parts.digit(kept as usize) >= 5 {
        unscaled += 1;
    }
    if unscaled >= power_of_ten(precision) {
        return Decimal::Overflow;
    }
    Decimal::Value(if parts.negative { -unscaled } else { unscaled })
}

struct DecimalParts<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl DecimalParts<'_> {
    fn split(text: &[u8]) -> Option<DecimalParts<'_>> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (whole, rest) = text.split_at(n_leading_digits(text));
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => rest.split_at(n_leading_digits(rest)),
            _ => (&[][..], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest {
            [] => 0,
            // BigDecimal's exponent is an int.
            [b'e' | b'E', digits @ ..] => i64::from(i32::try_from(parse_integer(digits)?).ok()?),
            _ => return None,
        };
        Some(DecimalParts { negative, whole, fraction, exponent })
    }

    fn digit(&self, index: usize) -> u8 {
        let byte = match self.whole.get(index) {
            Some(byte) => *byte,
            None => self.fraction[index - self.whole.len()],
        };
        byte - b'0'
    }
}

fn n_leading_digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

/// An integer in decimal digits.
pub(crate) fn write_integer(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[start..]);
}

/// `Double.toString`.
pub(crate) fn write_double(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        write_shortest(out, zmij::Buffer::new().format_finite(value));
    } else {
        out.extend_from_slice(not_finite(value));
    }
}

/// `Float.toString`.
pub(crate) fn write_float(out: &mut Vec<u8>, value: f32) {
    if value.is_finite() {
        write_shortest(out, zmij::Buffer::new().format_finite(value));
    } else {
        out.extend_from_slice(not_finite(f64::from(value)));
    }
}

fn not_finite(value: f64) -> &'static [u8] {
    if value.is_nan() {
        return b"NaN";
    }
    if value > 0.0 { b"Infinity" } else { b"-Infinity" }
}

/// Prints shortest digits Java's way: plain from 10^-3 to 10^7, else with an exponent, and
/// always a digit on both sides of the point.
fn write_shortest(out: &mut Vec<u8>, shortest: &str) {
    let (negative, text) = match shortest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, shortest),
    };
    if negative {
        out.push(b'-');
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole.as_bytes(), fraction.as_bytes()].concat();
    let n_leading_zeros = all.iter().take_while(|digit| **digit == b'0').count();
    let digits = &all[n_leading_zeros..];
    let n_trailing_zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    let digits = &digits[..digits.len() - n_trailing_zeros];
    if digits.is_empty() {
        out.extend_from_slice(b"0.0");
        return;
    }
    // The value is 0.DIGITS times 10 to the power of `point`.
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let point = whole.len() as i64 - n_leading_zeros as i64 + exponent;
    match point {
        1..=7 => write_plain(out, digits, point as usize),
        -2..=0 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-point) as usize, b'0');
            out.extend_from_slice(digits);
        }
        _ => {
            write_plain(out, digits, 1);
            out.push(b'E');
            write_integer(out, point - 1);
        }
    }
}

/// Digits with the point after `point` of them.
fn write_plain(out: &mut Vec<u8>, digits: &[u8], point: usize) {
    let n_whole = digits.len().min(point);
    out.extend_from_slice(&digits[..n_whole]);
    out.resize(out.len() + point - n_whole, b'0');
    out.push(b'.');
    let fraction = &digits[n_whole..];
    out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
}

/// `BigDecimal.toPlainString` with all digits of the scale.
pub(crate) fn write_decimal(out: &mut Vec<u8>, unscaled: i128, scale: u8) {
    if unscaled < 0 {
        out.push(b'-');
    }
    let power = power_of_ten(scale).unsigned_abs();
    let (whole, fraction) = (unscaled.unsigned_abs() / power, unscaled.unsigned_abs() % power);
    write_display(out, format_args!("{whole}"));
    if scale > 0 {
        write_display(out, format_args!(".{fraction:0width$}", width = usize::from(scale)));
    }
}

/// `BigDecimal.stripTrailingZeros().toString()`: 100 is `1E+2`, 0.000000027 is `2.7E-8`.
pub(crate) fn write_decimal_stripped(out: &mut Vec<u8>, unscaled: i128, scale: u8) {
    if unscaled == 0 {
        out.push(b'0');
        return;
    }
    let (mut unscaled, mut scale) = (unscaled, i64::from(scale));
    while unscaled % 10 == 0 {
        unscaled /= 10;
        scale -= 1;
    }
    write_big_decimal(out, unscaled, scale);
}

/// `BigDecimal.toString()` of a decimal as it stands.
pub(crate) fn write_big_decimal(out: &mut Vec<u8>, unscaled: i128, scale: i64) {
    write_digits(out, unscaled < 0, &unscaled.unsigned_abs().to_string(), scale);
}

/// `new BigDecimal(text).stripTrailingZeros().toString()` of a JSON number of any length.
pub(crate) fn write_number_stripped(out: &mut Vec<u8>, text: &[u8]) {
    let Some(parts) = DecimalParts::split(text) else { return };
    let all = String::from_utf8_lossy(&[parts.whole, parts.fraction].concat()).into_owned();
    let digits = all.trim_start_matches('0').trim_end_matches('0');
    if digits.is_empty() {
        out.push(b'0');
        return;
    }
    let n_stripped = all.len() - all.trim_end_matches('0').len();
    let scale = parts.fraction.len() as i64 - parts.exponent - n_stripped as i64;
    write_digits(out, parts.negative, digits, scale);
}

/// Digits without leading zeros, of which `scale` stand behind the point.
fn write_digits(out: &mut Vec<u8>, negative: bool, digits: &str, scale: i64) {
    if negative {
        out.push(b'-');
    }
    let adjusted = digits.len() as i64 - 1 - scale;
    if scale == 0 {
        out.extend_from_slice(digits.as_bytes());
    } else if scale > 0 && adjusted >= -6 {
        let n_zeros = usize::try_from(scale + 1 - digits.len() as i64).unwrap_or(0);
        let padded = ["0".repeat(n_zeros).as_str(), digits].concat();
        let (whole, fraction) = padded.split_at(padded.len() - scale as usize);
        write_display(out, format_args!("{whole}.{fraction}"));
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        write_display(out, format_args!("{first}{point}{rest}E{adjusted:+}"));
    }
}

/// Appends formatted text; a vector takes everything.
pub(crate) fn write_display(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a vector takes every byte");
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;
