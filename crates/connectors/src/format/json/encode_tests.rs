//! Tests of JSON encoding. The expectations of `as_flink_prints` were recorded from Flink 2.2.

use argus_base::connector::Projection;
use argus_base::{Field, TypeRoot};
use proptest::prelude::*;

use super::super::lookup;
use super::super::testing::{decode, field, messages, with_context};

/// Decodes rows, encodes them, and returns the lines.
fn recode(options: &[(&str, &str)], schema: &[Field], rows: &[&str]) -> Vec<String> {
    let all = Projection::all(schema.len());
    with_context("json", options, schema, &all, |context| {
        let format = lookup("json").unwrap();
        let bodies: Vec<Option<&[u8]>> = rows.iter().map(|row| Some(row.as_bytes())).collect();
        let decoded = (format.decoder)(context).unwrap().decode(&messages(&bodies)).unwrap();
        assert_eq!(decoded.failures, []);
        let mut out = Vec::new();
        let mut writer = (format.file_writer)(context).unwrap();
        let failures = writer.write(&decoded.columns, decoded.n_rows, &mut out).unwrap();
        assert_eq!(failures, []);
        writer.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    })
}

fn decimal(precision: u8, scale: u8) -> TypeRoot {
    TypeRoot::Decimal { precision, scale }
}

fn wide_schema() -> Vec<Field> {
    let row = TypeRoot::Row(vec![
        field("x", TypeRoot::Int.nullable()),
        field("y", TypeRoot::STRING.nullable()),
    ]);
    let map =
        TypeRoot::Map(Box::new(TypeRoot::STRING.nullable()), Box::new(TypeRoot::Int.nullable()));
    let roots = [
        ("b", TypeRoot::Boolean),
        ("d", TypeRoot::Double),
        ("f", TypeRoot::Float),
        ("dec1", decimal(10, 2)),
        ("dec2", decimal(20, 10)),
        ("dt", TypeRoot::Date),
        ("tm", TypeRoot::Time(3)),
        ("ts", TypeRoot::timestamp(9)),
        ("tl", TypeRoot::timestamp_ltz(3)),
        ("by", TypeRoot::BYTES),
        ("s", TypeRoot::STRING),
        ("m", map),
        ("r", row.clone()),
        ("a", TypeRoot::Array(Box::new(row.nullable()))),
    ];
    roots.into_iter().map(|(name, root)| field(name, root.nullable())).collect()
}

#[test]
fn as_flink_prints() {
    let full = r#"{"b":true,"d":1e10,"f":1.5,"dec1":12.50,"dec2":0.0000000270,"dt":"2020-01-02",
            "tm":"12:13:14.567","ts":"2020-01-02 03:04:05.120000000",
            "tl":"1970-01-01 00:00:01.567Z","by":"AQI=","s":"q\"\\/\u0001\n\u00e9","m":{"a":1,
            "b":null},"r":{"x":1,"y":null},"a":[{"x":1},null]}"#;
    assert_eq!(
        recode(&[], &wide_schema(), &[full, "{}"]),
        [
            concat!(
                r#"{"b":true,"d":1.0E10,"f":1.5,"dec1":12.5,"dec2":2.7E-8,"dt":"2020-01-02","tm":"#,
                r#""12:13:14","ts":"2020-01-02 03:04:05.12","tl":"1970-01-01 00:00:01.567Z","by":"#,
                r#""AQI=","s":"q\"\\/\u0001\né","m":{"a":1,"b":null},"r":{"x":1,"y":null},"a":"#,
                r#"[{"x":1,"y":null},null]}"#,
            ),
            concat!(
                r#"{"b":null,"d":null,"f":null,"dec1":null,"dec2":null,"dt":null,"tm":null,"ts":"#,
                r#"null,"tl":null,"by":null,"s":null,"m":null,"r":null,"a":null}"#,
            ),
        ]
    );
}

#[test]
fn options_of_the_encoder() {
    let options = [
        ("encode.ignore-null-fields", "true"),
        ("encode.decimal-as-plain-number", "true"),
        ("timestamp-format.standard", "ISO-8601"),
    ];
    let row = r#"{"dec1":100,"dec2":0.0000000270,"r":{"x":1},"m":{"b":null},"a":[null],
            "ts":"2020-01-02T03:04:00","tl":"1970-01-01T00:00:01.56Z","d":"NaN"}"#;
    assert_eq!(
        recode(&options, &wide_schema(), &[row, "{}"]),
        [
            concat!(
                r#"{"d":"NaN","dec1":100.00,"dec2":0.0000000270,"ts":"2020-01-02T03:04:00","tl":"#,
                r#""1970-01-01T00:00:01.56Z","m":{"b":null},"r":{"x":1},"a":[null]}"#,
            ),
            "{}",
        ]
    );
}

proptest! {
    #[test]
    fn text_and_numbers_come_back(text: String, number: i64, double: f64) {
        let schema = [
            field("a \"name\"", TypeRoot::STRING.nullable()),
            field("n", TypeRoot::BigInt.nullable()),
            field("d", TypeRoot::Double.nullable()),
        ];
        let mut body = b"{\"a \\\"name\\\"\":".to_vec();
        super::text::write_string(&mut body, text.as_bytes());
        let d = if double.is_finite() { format!("{double:e}") } else { "null".to_owned() };
        body.extend_from_slice(format!(",\"n\":{number},\"d\":{d}}}").as_bytes());
        let body = String::from_utf8(body).unwrap();
        let again = recode(&[], &schema, &[&body]);
        let rows = |body: &str| {
            decode("json", &[], &schema, &Projection::all(3), &[Some(body.as_bytes())])
        };
        let d = if double.is_finite() { format!("{double:?}") } else { "NULL".to_owned() };
        prop_assert_eq!(rows(&body), vec![format!("0: {} | {} | {}", text, number, d)]);
        prop_assert_eq!(rows(&body), rows(&again[0]));
    }
}
