//! Tests of JSON decoding, text in and text out.

use argus_base::connector::{ProjectedField, Projection};
use argus_base::{Field, LogicalType, TypeRoot};
use proptest::prelude::*;

use super::super::lookup;
use super::super::testing::{decode, field, with_context};

fn one(logical_type: LogicalType) -> Vec<Field> {
    vec![field("f", logical_type)]
}

fn run(options: &[(&str, &str)], schema: &[Field], bodies: &[&str]) -> Vec<String> {
    let bodies: Vec<Option<&[u8]>> = bodies.iter().map(|body| Some(body.as_bytes())).collect();
    decode("json", options, schema, &Projection::all(schema.len()), &bodies)
}

/// Checks what a single nullable field makes of JSON values, one a line: `json => expected`.
fn check(root: TypeRoot, cases: &str) {
    check_with(&[], root, cases);
}

fn check_with(options: &[(&str, &str)], root: TypeRoot, cases: &str) {
    let schema = one(root.nullable());
    for case in cases.lines().map(str::trim).filter(|case| !case.is_empty()) {
        let (json, expected) = case.split_once(" => ").unwrap();
        let body = format!(r#"{{"a":[1],"f":{json},"z":{{}}}}"#);
        let lines = run(options, &schema, &[&body]);
        assert_eq!(lines, [format!("0{expected}")], "{json}");
    }
}

#[test]
fn integers() {
    check(
        TypeRoot::BigInt,
        r#"
        1 => : 1
        -9223372036854775808 => : -9223372036854775808
        "17" => : 17
        " +17 " => : 17
        1.9 => : 1
        -1.9e3 => : -1900
        0 => : 0
        -0 => : 0
        "\u0031" => : 1
        null => : NULL
        9223372036854775808 =>  failed: field 'f': expected BIGINT, found 9223372036854775808
        1e19 =>  failed: field 'f': expected BIGINT, found 1e19
        "x" =>  failed: field 'f': expected BIGINT, found "x"
        "1.0" =>  failed: field 'f': expected BIGINT, found "1.0"
        "" =>  failed: field 'f': expected BIGINT, found ""
        true =>  failed: field 'f': expected BIGINT, found true
        [1] =>  failed: field 'f': expected BIGINT, found [1]
        01 =>  failed: malformed JSON in field 'f': expected a number, found 01,"z":{}}
        +1 =>  failed: malformed JSON in field 'f': expected a JSON value, found +1,"z":{}}
        1. =>  failed: malformed JSON in field 'f': expected a digit, found ,"z":{}}
        "#,
    );
    check(
        TypeRoot::TinyInt,
        r#"
        127 => : 127
        "-128" => : -128
        128 =>  failed: field 'f': expected TINYINT, found 128
        1.0 =>  failed: field 'f': expected TINYINT, found 1.0
        "#,
    );
    check(TypeRoot::SmallInt, "32768 =>  failed: field 'f': expected SMALLINT, found 32768");
    check(TypeRoot::Int, "2147483647.5 =>  failed: field 'f': expected INT, found 2147483647.5");
}

#[test]
fn approximate_numbers_and_decimals() {
    check(
        TypeRoot::Double,
        r#"
        1.5 => : 1.5
        "  1e3 " => : 1000.0
        "NaN" => : NaN
        7 => : 7.0
        1e400 => : inf
        false =>  failed: field 'f': expected DOUBLE, found false
        NaN =>  failed: malformed JSON in field 'f': expected a JSON value, found NaN,"z":{}}
        "#,
    );
    check(TypeRoot::Float, "19.99 => : 19.99");
    check(
        TypeRoot::Decimal { precision: 4, scale: 2 },
        r#"
        12.345 => : 12.35
        " 1e1 " => : 10.00
        123.4 => : NULL
        "ab" =>  failed: field 'f': expected DECIMAL, found "ab"
        true =>  failed: field 'f': expected DECIMAL, found true
        "#,
    );
}

#[test]
fn booleans_and_bytes() {
    check(
        TypeRoot::Boolean,
        r#"
        true => : true
        " TRUE " => : true
        "yes" => : false
        1 => : false
        {"a":[{}]} => : false
        "#,
    );
    check(
        TypeRoot::BYTES,
        r#"
        "AQI=" => : [1, 2]
        " AQI= " => : [1, 2]
        "AQ I=" =>  failed: field 'f': expected BYTES as base64 text, found "AQ I="
        "" => : []
        "AQI" =>  failed: field 'f': expected BYTES as base64 text, found "AQI"
        1 =>  failed: field 'f': expected BYTES as base64 text, found 1
        "#,
    );
}

#[test]
fn text() {
    check(
        TypeRoot::STRING,
        r#"
        "short" => : short
        "longer than twelve bytes" => : longer than twelve bytes
        "a \"quoted\"\\ word\u00e9\t." => : a "quoted"\ wordé	.
        "\ud83d\ude00 \ud83d!" => : 😀 ?!
        "日本語" => : 日本語
        1.50E+2 => : 1.50E+2
        true => : true
        [1, 2.50, {"b" : "x\/y", "c":null}] => : [1,2.5,{"b":"x/y","c":null}]
        {"b":1,"c":{},"b":1e10} => : {"b":1.0E10,"c":{}}
        "\x" =>  failed: malformed JSON in field 'f': unknown escape in a string
        "\u12g4" =>  failed: malformed JSON in field 'f': expected four hexadecimal digits after \u
        "#,
    );
}

#[test]
fn dates_and_times() {
    check(
        TypeRoot::timestamp(3),
        r#"
        "1970-01-01 00:00:01.5678" => : 1567 ms
        1567 =>  failed: field 'f': expected TIMESTAMP 'yyyy-MM-dd HH:mm:ss[.fraction]', found 1567
        "#,
    );
    check(TypeRoot::timestamp_ltz(6), r#""1970-01-01 00:00:01.5Z" => : 1500000 us"#);
    check(TypeRoot::timestamp(9), r#""1970-01-01 00:00:00.000000001" => : 1 ns"#);
    let iso = [("timestamp-format.standard", "iso-8601")];
    check_with(&iso, TypeRoot::timestamp(3), r#""1970-01-01T00:01" => : 60000 ms"#);
    check(TypeRoot::Date, r#""1970-01-02" => : day 1"#);
    check(TypeRoot::Time(0), r#""00:00:01.25" => : 1000 ms"#);
}

fn nested_schema() -> Vec<Field> {
    let inner = TypeRoot::Row(vec![
        field("x", TypeRoot::Int.nullable()),
        field("y", TypeRoot::STRING.nullable()),
    ]);
    let ints = TypeRoot::Array(Box::new(TypeRoot::Int.nullable()));
    let map =
        TypeRoot::Map(Box::new(TypeRoot::STRING.not_null()), Box::new(TypeRoot::Int.nullable()));
    vec![
        field("row", inner.nullable()),
        field("ints", ints.nullable()),
        field("map", map.nullable()),
    ]
}

#[test]
fn nested_values() {
    let lines = run(
        &[],
        &nested_schema(),
        &[
            r#"{"row":{"y":"b","x":1},"ints":[1,null,3],"map":{"k":1,"l":null,"k":2}}"#,
            r#"{"ints":[],"map":{}}"#,
            r#"{"row":null,"ints":null}"#,
            r#"{"row":[]}"#,
            r#"{"row":{"x":"q"}}"#,
            r#"{"map":{"k":"q"}}"#,
            r#"{"row":{"x":1},"ints":{}}"#,
            r#"{"row":{"x":7},"row":{"y":"last"}}"#,
        ],
    );
    assert_eq!(
        lines,
        [
            "0: (1, b) | [1, NULL, 3] | {k=2, l=NULL}",
            "1: NULL | [] | {}",
            "2: NULL | NULL | NULL",
            "7: (NULL, last) | NULL | NULL",
            "3 failed: field 'row': expected an object, found []",
            "4 failed: field 'row.x': expected INT, found \"q\"",
            "5 failed: field 'map.k': expected INT, found \"q\"",
            "6 failed: field 'ints': expected an array, found {}",
        ]
    );
}

#[test]
fn parse_errors_can_be_ignored() {
    let lines = run(
        &[("ignore-parse-errors", "true")],
        &nested_schema(),
        &[
            r#"{"row":{"x":"q","y":"kept"},"ints":[1,"z"],"map":{"k":[]}}"#,
            r#"{"row":[1,{"x":2}],"ints":{"row":{}},"map":5}"#,
            r#"{"row":{"x":1"#,
            "nothing",
            r#"[{"row":{"x":1}},null,7,{"ints":[2]}]"#,
            r#"[{"ints":[3]},{]"#,
        ],
    );
    assert_eq!(
        lines,
        [
            "0: (NULL, kept) | [1, NULL] | {k=NULL}",
            "1: NULL | NULL | NULL",
            "4: (1, NULL) | NULL | NULL",
            "4: NULL | [2] | NULL",
            "5: NULL | [3] | NULL",
            "4 ignored",
        ]
    );
}

#[test]
fn what_is_a_row_and_what_is_none() {
    let schema = one(TypeRoot::Int.nullable());
    let bodies: [Option<&[u8]>; 12] = [
        None,
        Some(b""),
        Some(b"{}"),
        Some(b" {\"f\" : 1 } trailing"),
        Some(b"[ ]"),
        Some(b"[{\"f\":2},{\"f\":3}]"),
        Some(b"null"),
        Some(b"  "),
        Some(b"\xef\xbb\xbf{\"f\":4}"),
        Some(b"{\"f\":5,\"s\":\"\xff\"}"),
        Some(b"[{\"f\":6},{\"f\":\"x\"}]"),
        Some(b"{\"s\":\"line\nfeed\",\"f\":7}"),
    ];
    assert_eq!(
        decode("json", &[], &schema, &Projection::all(1), &bodies),
        [
            "2: NULL",
            "3: 1",
            "5: 2",
            "5: 3",
            "8: 4",
            "11: 7",
            "6 failed: expected an object, found null",
            "7 failed: malformed JSON: expected a JSON value, found the end of the message",
            "9 failed: invalid UTF-8 at byte 12",
            "10 failed: field 'f': expected INT, found \"x\"",
        ]
    );
}

#[test]
fn missing_fields() {
    let schema = [field("a", TypeRoot::Int.nullable()), field("b", TypeRoot::Int.not_null())];
    let bodies = [r#"{"b":1}"#, r#"{"a":1}"#, r#"{"b":null}"#, r#"{"a":1,"b":2}"#];
    assert_eq!(
        run(&[], &schema, &bodies),
        [
            "0: NULL | 1",
            "3: 1 | 2",
            "1 failed: field 'b': missing, but its type is NOT NULL",
            "2 failed: field 'b': expected a value since the type is NOT NULL, found null",
        ]
    );
    assert_eq!(
        run(&[("fail-on-missing-field", "true")], &schema, &bodies[..1]),
        ["0 failed: field 'a': missing, and fail-on-missing-field is set"]
    );
}

#[test]
fn only_what_is_wanted_is_read() {
    let schema = nested_schema();
    let nested = Projection(vec![ProjectedField { index: 1, nested: None }]);
    let projection = Projection(vec![
        ProjectedField { index: 2, nested: None },
        ProjectedField { index: 0, nested: Some(nested) },
    ]);
    let bodies: [Option<&[u8]>; 2] = [
        Some(br#"{"row":{"x":"not read","y":"b"},"ints":"neither","map":{"k":1}}"#),
        Some(br#"{"row":{"y":"c"}}"#),
    ];
    let expected = ["0: {k=1} | (b)", "1: NULL | (c)"];
    assert_eq!(decode("json", &[], &schema, &projection, &bodies), expected);
    let nothing = decode("json", &[], &schema, &Projection(vec![]), &bodies);
    assert_eq!(nothing, ["0: ", "1: "]);
}

#[test]
fn a_field_is_wanted_once() {
    let twice = Projection(vec![
        ProjectedField { index: 1, nested: None },
        ProjectedField { index: 1, nested: None },
    ]);
    for format in ["json", "csv", "avro"] {
        let schema = [nested_schema().remove(0), field("i", TypeRoot::Int.nullable())];
        with_context(format, &[], &schema, &twice, |context| {
            assert!((lookup(format).unwrap().decoder)(context).is_err());
        });
    }
}

#[test]
fn names_are_found_in_any_order() {
    let names = ["a", "a_name_longer_than_sixteen_bytes", "exactly_15_char", "exactly_16_chars"];
    let schema: Vec<Field> =
        names.iter().map(|name| field(name, TypeRoot::Int.nullable())).collect();
    let unknown: Vec<String> = (0..300).map(|i| format!("\"u{i}\":{i}")).collect();
    let lines = run(
        &[],
        &schema,
        &[
            r#"{"a":1,"a_name_longer_than_sixteen_bytes":2,"exactly_15_char":3,
                "exactly_16_chars":4}"#,
            r#"{"exactly_16_chars":4,"exactly_15_char":3,
                "a_name_longer_than_sixteen_bytes":2,"a":1}"#,
            r#"{"\u0061":1,"a_name_longer_than_sixteen_bytex":5}"#,
            &format!("{{{},\"a\":9}}", unknown.join(",")),
            r#"{"a" : 1, "exactly_15_char"	:
                3}"#,
        ],
    );
    assert_eq!(
        lines,
        [
            "0: 1 | 2 | 3 | 4",
            "1: 1 | 2 | 3 | 4",
            "2: 1 | NULL | NULL | NULL",
            "3: 9 | NULL | NULL | NULL",
            "4: 1 | NULL | 3 | NULL",
        ]
    );
}

#[test]
fn nesting_is_bounded() {
    let deep = |n: usize| format!("{{\"s\":{}{},\"f\":1}}", "[".repeat(n), "]".repeat(n));
    let schema = one(TypeRoot::Int.nullable());
    assert_eq!(run(&[], &schema, &[&deep(1000)]), ["0: 1"]);
    let too_deep = "0 failed: malformed JSON: nested deeper than 1000 levels";
    assert_eq!(run(&[], &schema, &[&deep(1001)]), [too_deep]);
    let as_text = [field("s", TypeRoot::STRING.nullable())];
    let too_deep = "0 failed: malformed JSON in field 's': nested deeper than 1000 levels";
    assert_eq!(run(&[], &as_text, &[&deep(2_000_000)]), [too_deep]);
}

#[test]
fn a_schema_json_cannot_carry_is_refused() {
    let map = TypeRoot::Map(Box::new(TypeRoot::Int.nullable()), Box::new(TypeRoot::Int.nullable()));
    let error = super::check_schema(&one(map.nullable())).unwrap_err();
    assert_eq!(
        error,
        "column 'f': names in JSON are text, so the key of a MAP<INT, INT> cannot be INT"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn truncated_messages_fail_or_decode(cut in 0usize..75, ignore: bool) {
        let whole = r#"{"row":{"y":"b\u00e9","x":1},"ints":[1,null,3],"map":{"k":1,"l":null}}"#;
        let options = if ignore { vec![("ignore-parse-errors", "true")] } else { vec![] };
        let cut = cut.min(whole.len());
        let lines = run(&options, &nested_schema(), &[whole, &whole[..cut], whole]);
        let n_rows = lines.iter().filter(|line| line.contains(": (1")).count();
        prop_assert_eq!(n_rows, if cut == whole.len() { 3 } else { 2 });
    }

    #[test]
    fn random_bytes_never_panic(bodies: Vec<Vec<u8>>) {
        let bodies: Vec<Option<&[u8]>> = bodies.iter().map(|body| Some(body.as_slice())).collect();
        decode("json", &[], &nested_schema(), &Projection::all(3), &bodies);
    }
}
