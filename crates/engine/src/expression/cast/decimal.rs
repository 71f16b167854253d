//! DECIMAL values: an unscaled integer of up to 38 digits.

use arrow_buffer::i256;

/// Powers of ten up to the greatest precision.
pub(crate) const POWERS: [i128; 39] = powers();

const fn powers() -> [i128; 39] {
    let mut powers = [1_i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
}

/// The value, where it has at most `precision` digits.
pub(crate) fn fit(value: i128, precision: u8) -> Option<i128> {
    (value.unsigned_abs() < POWERS[usize::from(precision)].unsigned_abs()).then_some(value)
}

/// The value at another scale, half away from zero; `None` beyond 38 digits.
pub(crate) fn rescale(value: i128, from: u8, to: u8) -> Option<i128> {
    if from <= to {
        return fit(value.checked_mul(POWERS[usize::from(to - from)])?, 38);
    }
    Some(divide_half_up(value, POWERS[usize::from(from - to)]))
}

/// The quotient, half away from zero. `divisor` is not zero.
pub(crate) fn divide_half_up(value: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (value / divisor, value % divisor);
    let is_up = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
    if rest == 0 || !is_up {
        return quotient;
    }
    if (value < 0) == (divisor < 0) { quotient + 1 } else { quotient - 1 }
}

/// A wide value at another, smaller scale, where the result has at most `precision` digits.
pub(crate) fn narrow(value: i256, drop: u8, precision: u8) -> Option<i128> {
    let divisor = i256::from_i128(10).checked_pow(u32::from(drop))?;
    narrow_quotient(value, divisor, precision)
}

/// The quotient of wide values, half away from zero, where it has at most `precision` digits.
pub(crate) fn narrow_quotient(value: i256, divisor: i256, precision: u8) -> Option<i128> {
    let quotient = value.checked_div(divisor)?;
    let rest = value.checked_rem(divisor)?;
    let twice = rest.checked_abs()?.checked_mul(i256::from_i128(2))?;
    let is_up = twice >= divisor.checked_abs()?;
    let is_negative = value.is_negative() != divisor.is_negative();
    let step = match (is_up, is_negative) {
        (false, _) => i256::ZERO,
        (true, false) => i256::ONE,
        (true, true) => i256::MINUS_ONE,
    };
    fit(quotient.checked_add(step)?.to_i128()?, precision)
}

/// Ten to a power as a wide value; `None` above 76.
pub(crate) fn wide_power(exponent: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(exponent)
}

/// The nearest DOUBLE.
pub(crate) fn to_double(value: i128, scale: u8) -> f64 {
    const EXACT: u128 = 1 << 53;
    if value.unsigned_abs() <= EXACT && scale <= 22 {
        return value as f64 / POWERS[usize::from(scale)] as f64;
    }
    format!("{value}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// The DECIMAL of decimal text such as `-1.5e3`, half away from zero at the scale. `None` where
/// it is no number or has too many digits.
pub(crate) fn parse(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (is_negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let n_digits = whole.len() + fraction.len();
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if n_digits == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    // The point stands after this many digits, and the result ends `scale` digits later.
    let point = i64::try_from(whole.len()).ok()? + exponent;
    let value = digits_up_to(whole, fraction, point + i64::from(scale))?;
    fit(if is_negative { -value } else { value }, precision)
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse::<i32>().ok().map(i64::from)).flatten()
}

/// The first `end` digits as a number, rounded half up by the next one, with zeros appended where
/// there are fewer.
fn digits_up_to(whole: &str, fraction: &str, end: i64) -> Option<i128> {
    let mut value = 0_i128;
    let mut seen = 0;
    for digit in whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0') {
        if seen >= end {
            let is_next = seen == end;
            return Some(if is_next && digit >= 5 { value + 1 } else { value });
        }
        value = fit(value.checked_mul(10)?.checked_add(i128::from(digit))?, 38)?;
        seen += 1;
    }
    if value == 0 {
        return Some(0);
    }
    let zeros = usize::try_from(end - seen).ok()?;
    value.checked_mul(*POWERS.get(zeros)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_rounded_half_up() {
        let cases = [
            ("123.455", Some(12346)),
            ("-123.455", Some(-12346)),
            ("1e2", Some(10000)),
            ("1.5e-1", Some(15)),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("0.004", Some(0)),
            ("0.005", Some(1)),
            ("1000", None),
            ("1e-400", Some(0)),
            ("", None),
            (".", None),
            ("1x", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text, 5, 2), expected, "{text}");
        }
    }

    #[test]
    fn rescaling_rounds_half_away_from_zero() {
        assert_eq!(rescale(1555, 3, 2), Some(156));
        assert_eq!(rescale(-1555, 3, 2), Some(-156));
        assert_eq!(rescale(15, 1, 3), Some(1500));
        assert_eq!(narrow(i256::from_i128(-15), 1, 38), Some(-2));
        assert_eq!(narrow(i256::from_i128(14), 1, 38), Some(1));
    }
}
