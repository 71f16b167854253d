//! Tests of `number`, text in and text out. The expectations are what Java 17 prints.

use proptest::prelude::*;

use super::*;

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn integers_are_javas() {
    let check = |input: &str, expected| assert_eq!(parse_integer(input.as_bytes()), expected);
    check("0", Some(0));
    check("+17", Some(17));
    check("-9223372036854775808", Some(i64::MIN));
    check("9223372036854775807", Some(i64::MAX));
    for bad in ["", "+", "-", "9223372036854775808", "1.0", "1e3", " 1", "0x1", "1_000"] {
        check(bad, None);
    }
}

#[test]
fn approximate_numbers_are_javas() {
    let check = |input: &str, expected| assert_eq!(parse_double(input.as_bytes()), expected);
    check("1.5", Some(1.5));
    check("-1e3", Some(-1000.0));
    check(".5", Some(0.5));
    check("5.", Some(5.0));
    check("1f", Some(1.0));
    check("+2.5D", Some(2.5));
    check("1e400", Some(f64::INFINITY));
    check("-Infinity", Some(f64::NEG_INFINITY));
    for bad in ["", ".", "inf", "nan", "infinity", "1,5", "e5", "--1", "f", "true", "0x10"] {
        check(bad, None);
    }
    assert!(parse_double(b"NaN").unwrap().is_nan());
    assert_eq!(parse_float(b"16777217"), Some(16_777_216.0));
}

#[test]
fn decimals_round_half_up_and_overflow() {
    let check = |input: &str, precision, scale, expected| {
        assert_eq!(parse_decimal(input.as_bytes(), precision, scale), expected, "{input}");
    };
    check("12.345", 10, 2, Decimal::Value(1235));
    check("-12.345", 10, 2, Decimal::Value(-1235));
    check("0.004999", 10, 2, Decimal::Value(0));
    check("0.05", 10, 1, Decimal::Value(1));
    check("0.05", 10, 0, Decimal::Value(0));
    check("0.5", 10, 0, Decimal::Value(1));
    check("9.99", 2, 1, Decimal::Overflow);
    check("1e3", 10, 2, Decimal::Value(100_000));
    check("1234e-3", 10, 2, Decimal::Value(123));
    check("1e38", 38, 0, Decimal::Overflow);
    check("1e37", 38, 0, Decimal::Value(power_of_ten(37)));
    check("1e2147483648", 38, 0, Decimal::Malformed);
    check("0e2147483647", 38, 10, Decimal::Value(0));
    check("1e-2147483647", 38, 10, Decimal::Value(0));
    check("99999999999999999999999999999999999999", 38, 0, Decimal::Value(power_of_ten(38) - 1));
    check("99999999999999999999999999999999999999.5", 38, 0, Decimal::Overflow);
    check(&"9".repeat(500), 38, 0, Decimal::Overflow);
    check(&format!("{}1.5", "0".repeat(500)), 38, 1, Decimal::Value(15));
    check("+.5", 3, 1, Decimal::Value(5));
    for bad in ["", ".", "+", "1e", "e1", "1 ", "0x1", "NaN", "1.2.3", "1d"] {
        check(bad, 10, 2, Decimal::Malformed);
    }
}

#[test]
fn doubles_print_as_java_prints_them() {
    let check = |value: f64, expected: &str| assert_eq!(text(|o| write_double(o, value)), expected);
    check(0.0, "0.0");
    check(-0.0, "-0.0");
    check(1.0, "1.0");
    check(100.0, "100.0");
    check(9_999_999.0, "9999999.0");
    check(10_000_000.0, "1.0E7");
    check(12_345_678.9, "1.23456789E7");
    check(0.001, "0.001");
    check(0.000_999, "9.99E-4");
    check(-1.5e-10, "-1.5E-10");
    check(1e16, "1.0E16");
    check(f64::MAX, "1.7976931348623157E308");
    check(5e-324, "4.9E-324".replace("4.9", "5.0").as_str());
    check(f64::NAN, "NaN");
    check(f64::NEG_INFINITY, "-Infinity");
    assert_eq!(text(|o| write_float(o, 19.99)), "19.99");
    assert_eq!(text(|o| write_float(o, 1e10)), "1.0E10");
}

#[test]
fn decimals_print_as_big_decimals() {
    let check = |unscaled, scale, plain: &str, stripped: &str| {
        assert_eq!(text(|o| write_decimal(o, unscaled, scale)), plain);
        assert_eq!(text(|o| write_decimal_stripped(o, unscaled, scale)), stripped);
    };
    check(1250, 2, "12.50", "12.5");
    check(-5, 3, "-0.005", "-0.005");
    check(100, 0, "100", "1E+2");
    check(12_000, 1, "1200.0", "1.2E+3");
    check(27, 9, "0.000000027", "2.7E-8");
    check(0, 2, "0.00", "0");
    check(
        -(power_of_ten(38) - 1),
        0,
        &format!("-{}", "9".repeat(38)),
        &format!("-{}", "9".repeat(38)),
    );
    assert_eq!(text(|o| write_big_decimal(o, 0, 2)), "0.00");
    assert_eq!(text(|o| write_big_decimal(o, 1250, 2)), "12.50");
    let check = |input: &str, expected: &str| {
        assert_eq!(text(|o| write_number_stripped(o, input.as_bytes())), expected);
    };
    check("100.0", "1E+2");
    check("1e400", "1E+400");
    check("-0.00", "0");
    check("-012.50", "-12.5");
    check("0.00000010", "1E-7");
}

proptest! {
    #[test]
    fn integers_come_back(value: i64) {
        prop_assert_eq!(parse_integer(text(|o| write_integer(o, value)).as_bytes()), Some(value));
    }

    #[test]
    fn doubles_come_back(value: f64) {
        let back = parse_double(text(|o| write_double(o, value)).as_bytes()).unwrap();
        prop_assert!(back == value || back.is_nan() && value.is_nan());
    }

    #[test]
    fn decimals_come_back(value: i64, scale in 0u8..=18) {
        let unscaled = i128::from(value);
        for printed in [
            text(|o| write_decimal(o, unscaled, scale)),
            text(|o| write_decimal_stripped(o, unscaled, scale)),
        ] {
            let back = parse_decimal(printed.as_bytes(), 38, scale);
            prop_assert_eq!(back, Decimal::Value(unscaled), "{}", printed);
        }
    }

    #[test]
    fn any_text_parses_without_panic(input: Vec<u8>, precision in 1u8..=38) {
        let _ = parse_decimal(&input, precision, precision / 2);
        let _ = (parse_integer(&input), parse_double(&input), parse_float(&input), trim(&input));
    }
}
