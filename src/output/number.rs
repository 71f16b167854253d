//! Numbers as Java prints them: integers, `Double.toString`, `Float.toString`, and
//! `BigDecimal.toPlainString`.

/// Appends a whole number.
pub fn write_integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    write_unsigned(out, u128::from(value.unsigned_abs()));
}

/// Appends a DECIMAL of that many fraction digits, never with an exponent.
pub fn write_decimal(out: &mut Vec<u8>, unscaled: i128, scale: u8) {
    if unscaled < 0 {
        out.push(b'-');
    }
    let scale = usize::from(scale);
    let start = out.len();
    write_unsigned(out, unscaled.unsigned_abs());
    let n_digits = out.len() - start;
    if n_digits <= scale {
        let zeros = scale + 1 - n_digits;
        out.splice(start..start, std::iter::repeat_n(b'0', zeros));
    }
    if scale > 0 {
        out.insert(out.len() - scale, b'.');
    }
}

/// Appends the shortest form that reads back as the same number: plain from 0.001 to below 10⁷,
/// else with an exponent; always with a point. NaN and the infinities are quoted.
pub fn write_float<F: zmij::Float + Copy + Into<f64>>(out: &mut Vec<u8>, value: F) {
    let double: f64 = value.into();
    if let Some(word) = special(double) {
        out.push(b'"');
        out.extend_from_slice(word.as_bytes());
        out.push(b'"');
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let printed = buffer.format_finite(value);
    let magnitude = double.abs();
    let is_plain = magnitude == 0.0 || (1e-3..1e7).contains(&magnitude);
    let is_javas = is_plain && !printed.contains('e') && printed.contains('.');
    if is_javas {
        return out.extend_from_slice(printed.as_bytes());
    }
    write_digits(out, &Digits::of(printed), is_plain);
}

/// Java's word for a value that JSON has no number for.
pub fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

/// `0.d₁d₂d₃… × 10^exponent`.
struct Digits {
    is_negative: bool,
    digits: Vec<u8>,
    exponent: i32,
}

impl Digits {
    fn of(printed: &str) -> Digits {
        let (is_negative, unsigned) = match printed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, printed),
        };
        let (mantissa, exponent) = unsigned.split_once('e').unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let n_whole = i32::try_from(whole.len()).unwrap_or(i32::MAX);
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let n_zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..n_zeros);
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let n_zeros = i32::try_from(n_zeros).unwrap_or(i32::MAX);
        // The exponent is digits that the formatter wrote, within the range of a double.
        let exponent = exponent.parse().unwrap_or(0);
        Digits { is_negative, digits, exponent: n_whole - n_zeros + exponent }
    }
}

fn write_digits(out: &mut Vec<u8>, number: &Digits, is_plain: bool) {
    if number.is_negative {
        out.push(b'-');
    }
    let point = if is_plain { number.exponent } else { 1 };
    let n_whole = usize::try_from(point).unwrap_or(0);
    let digit = |index: usize| number.digits.get(index).copied().unwrap_or(b'0');
    out.extend((0..n_whole).map(digit));
    if n_whole == 0 {
        out.push(b'0');
    }
    out.push(b'.');
    out.extend((point..0).map(|_| b'0'));
    match number.digits.get(n_whole..) {
        Some(fraction) if !fraction.is_empty() => out.extend_from_slice(fraction),
        _ => out.push(b'0'),
    }
    if !is_plain {
        out.push(b'E');
        write_integer(out, i64::from(number.exponent) - 1);
    }
}

fn write_unsigned(out: &mut Vec<u8>, value: u128) {
    let mut buffer = [0; 39];
    let mut start = buffer.len();
    let mut rest = value;
    // Division of 64 bits is many times faster than of 128.
    while rest > u128::from(u64::MAX) {
        start -= 1;
        buffer[start] = digit((rest % 10) as u64);
        rest /= 10;
    }
    let mut rest = rest as u64;
    loop {
        start -= 1;
        buffer[start] = digit(rest % 10);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&buffer[start..]);
}

fn digit(value: u64) -> u8 {
    b'0' + (value % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_are_javas() {
        let expected = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (0.0125, "0.0125"),
            (0.000_999, "9.99E-4"),
            (9_999_999.0, "9999999.0"),
            (1_230_000.0, "1230000.0"),
            (1e7, "1.0E7"),
            (1.5e300, "1.5E300"),
            (-2.5e-300, "-2.5E-300"),
            // Java keeps two digits of its least double, where one is enough.
            (5e-324, "5.0E-324"),
            (123_456_789.123, "1.23456789123E8"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ];
        for (value, java) in expected {
            assert_eq!(text(|out| write_float(out, value)), java);
        }
    }

    #[test]
    fn floats_are_the_shortest_of_their_own_width() {
        assert_eq!(text(|out| write_float(out, 0.15f32)), "0.15");
        assert_eq!(text(|out| write_float(out, 1.666_666_6f32)), "1.6666666");
        assert_eq!(text(|out| write_float(out, 1e10f32)), "1.0E10");
    }

    #[test]
    fn decimals_are_plain() {
        assert_eq!(text(|out| write_decimal(out, -5, 2)), "-0.05");
        assert_eq!(text(|out| write_decimal(out, 0, 3)), "0.000");
        assert_eq!(text(|out| write_decimal(out, 1_500, 3)), "1.500");
        assert_eq!(text(|out| write_decimal(out, 7, 0)), "7");
        let most = 10i128.pow(38) - 1;
        assert_eq!(text(|out| write_decimal(out, -most, 38)), format!("-0.{}", "9".repeat(38)));
    }

    #[test]
    fn integers() {
        for value in [0, 7, -1, i64::MIN, i64::MAX, 1_000_000] {
            assert_eq!(text(|out| write_integer(out, value)), value.to_string());
        }
    }
}
