//! Tests of `temporal`, text in and text out.

use proptest::prelude::*;

use super::*;

fn round_trip(input: &str, standard: Standard, local: bool) -> Option<String> {
    let timestamp = parse_timestamp(input.as_bytes(), standard, local)?;
    let mut out = Vec::new();
    write_timestamp(&mut out, timestamp, standard, local);
    Some(String::from_utf8(out).unwrap())
}

#[test]
fn sql_timestamps() {
    let check = |input: &str, expected: Option<&str>| {
        assert_eq!(round_trip(input, Standard::Sql, false).as_deref(), expected, "{input}");
    };
    check("2020-12-30 12:13:14", Some("2020-12-30 12:13:14"));
    check("2020-12-30 12:13:14.1200", Some("2020-12-30 12:13:14.12"));
    check("2020-12-30 12:13:14.123456789", Some("2020-12-30 12:13:14.123456789"));
    check("2020-12-30 12:13:14.000000001", Some("2020-12-30 12:13:14.000000001"));
    check("2020-12-30 12:13:14.", None);
    check("1969-12-31 23:59:59.5", Some("1969-12-31 23:59:59.5"));
    check("2023-02-31 00:00:00", Some("2023-02-28 00:00:00"));
    check("2020-12-31 24:00:00", Some("2021-01-01 00:00:00"));
    check("+12020-12-30 12:13:14", Some("+12020-12-30 12:13:14"));
    check("-0044-03-15 12:00:00", Some("-0044-03-15 12:00:00"));
    for bad in [
        "",
        "2020-12-30",
        "2020-12-30T12:13:14",
        "2020-12-30 12:13",
        "2020-12-30 12:13:14Z",
        "2020-12-30 12:13:14+00:00",
        "2020-12-30 12:13:14.1234567890",
        "2020-12-30 24:00:01",
        "2020-12-30 12:60:00",
        "2020-13-30 12:00:00",
        "2020-12-32 12:00:00",
        "20-12-30 12:00:00",
        " 2020-12-30 12:13:14",
        "1609330394000",
        "+2020-12-30 12:13:14",
        "-0000-12-30 12:13:14",
    ] {
        check(bad, None);
    }
}

#[test]
fn iso_timestamps_and_local_time_zone() {
    let check = |input: &str, standard, local, expected: Option<&str>| {
        assert_eq!(round_trip(input, standard, local).as_deref(), expected, "{input}");
    };
    let iso = Standard::Iso8601;
    check("2020-12-30T12:13", iso, false, Some("2020-12-30T12:13:00"));
    check("2020-12-30t12:13:14.5", iso, false, Some("2020-12-30T12:13:14.5"));
    check("2020-12-30T12:13:14.5Z", iso, true, Some("2020-12-30T12:13:14.5Z"));
    check("2020-12-30T12:13Z", iso, true, Some("2020-12-30T12:13:00Z"));
    check("2020-12-30T12:13:14Z", iso, false, None);
    check("2020-12-30T12:13:14", iso, true, None);
    check("2020-12-30T12:13:14+00:00", iso, true, None);
    check("2023-02-29T00:00:00", iso, false, None);
    check("2023-02-29T00:00:00Z", iso, true, Some("2023-02-28T00:00:00Z"));
    check("2020-12-30 12:13:14.123Z", Standard::Sql, true, Some("2020-12-30 12:13:14.123Z"));
    check("2020-12-30 12:13:14.123", Standard::Sql, true, None);
}

#[test]
fn dates_are_strict_and_times_are_not() {
    assert_eq!(parse_date(b"1970-01-01"), Some(0));
    assert_eq!(parse_date(b"2000-02-29"), Some(11_016));
    assert_eq!(parse_date(b"0000-01-01"), Some(-719_528));
    assert_eq!(parse_date(b"2023-02-29"), None);
    assert_eq!(parse_date(b"2023-2-9"), None);
    assert_eq!(parse_date(b"+999999999-01-01"), None);
    assert_eq!(parse_time(b"12:13:14.5678"), Some(43_994_000));
    assert_eq!(parse_time(b"24:00:00"), Some(0));
    assert_eq!(parse_time(b"12:13"), None);
    assert_eq!(parse_iso_time(b"12:13"), Some(43_980_000));
    assert_eq!(parse_iso_time(b"24:00"), None);
}

#[test]
fn nanoseconds_have_a_range() {
    let far = parse_timestamp(b"2262-04-12 00:00:00", Standard::Sql, false).unwrap();
    assert_eq!(far.to_unit(TimeUnit::Nanosecond), None);
    assert_eq!(far.to_unit(TimeUnit::Millisecond), Some(9_223_372_800_000));
}

proptest! {
    #[test]
    fn timestamps_come_back(millis in -62_000_000_000_000_000i64..62_000_000_000_000_000) {
        let mut out = Vec::new();
        let timestamp = DateTime::from_unit(millis, TimeUnit::Millisecond);
        write_timestamp(&mut out, timestamp, Standard::Sql, true);
        let back = parse_timestamp(&out, Standard::Sql, true);
        prop_assert_eq!(back, Some(timestamp), "{}", String::from_utf8_lossy(&out));
        prop_assert_eq!(timestamp.to_unit(TimeUnit::Millisecond), Some(millis));
    }

    #[test]
    fn days_come_back(day in -400_000_000i64..400_000_000) {
        let (year, month, of_month) = civil_of(day);
        prop_assert_eq!(day_of(year, month, of_month), day);
    }

    #[test]
    fn any_text_parses_without_panic(input: Vec<u8>) {
        let _ = (parse_date(&input), parse_time(&input), parse_iso_time(&input));
        for standard in [Standard::Sql, Standard::Iso8601] {
            let _ = parse_timestamp(&input, standard, input.len() % 2 == 0);
        }
    }
}
