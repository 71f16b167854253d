//! Tests of bare Avro records. The derived schema was recorded from Flink 2.2.

use argus_base::connector::{ProjectedField, Projection};
use argus_base::{Field, LogicalType, TypeRoot};
use proptest::prelude::*;

use super::super::lookup;
use super::super::testing::{decode, field, messages, print, with_context};
use super::wire::{write_long, write_sized};
use super::{check_schema, derived_schema};

fn array(element: LogicalType) -> TypeRoot {
    TypeRoot::Array(Box::new(element))
}

fn map(value: LogicalType) -> TypeRoot {
    TypeRoot::Map(Box::new(TypeRoot::STRING.nullable()), Box::new(value))
}

fn row(fields: &[(&str, LogicalType)]) -> TypeRoot {
    TypeRoot::Row(fields.iter().map(|(name, t)| field(name, t.clone())).collect())
}

/// A column of every type.
fn wide() -> Vec<Field> {
    let int = || TypeRoot::Int.nullable();
    let z = row(&[("z", TypeRoot::STRING.not_null())]);
    let k = row(&[("h", int())]);
    vec![
        field("b", TypeRoot::Boolean.not_null()),
        field("ti", TypeRoot::TinyInt.nullable()),
        field("si", TypeRoot::SmallInt.not_null()),
        field("i", int()),
        field("l", TypeRoot::BigInt.nullable()),
        field("f", TypeRoot::Float.nullable()),
        field("d", TypeRoot::Double.nullable()),
        field("de", TypeRoot::Decimal { precision: 10, scale: 2 }.nullable()),
        field("c", TypeRoot::Char(3).nullable()),
        field("s", TypeRoot::STRING.not_null()),
        field("bi", TypeRoot::Binary(2).nullable()),
        field("vb", TypeRoot::BYTES.nullable()),
        field("dt", TypeRoot::Date.nullable()),
        field("tm", TypeRoot::Time(3).nullable()),
        field("ts", TypeRoot::timestamp(3).nullable()),
        field("a", array(int()).nullable()),
        field("an", array(TypeRoot::Int.not_null()).not_null()),
        field("m", map(TypeRoot::BigInt.nullable()).nullable()),
        field("r", row(&[("x", int()), ("y", z.not_null())]).nullable()),
        field("ar", array(row(&[("q", int()), ("k", k.nullable())]).nullable()).nullable()),
        field("mr", map(row(&[("w", int())]).not_null()).nullable()),
    ]
}

#[test]
fn the_schema_is_flinks() {
    assert_eq!(derived_schema(&wide(), true).unwrap(), include_str!("from_flink.avsc").trim());
    let timestamps = [
        field("ts", TypeRoot::timestamp(6).nullable()),
        field("tl", TypeRoot::timestamp_ltz(3).not_null()),
        field("m", TypeRoot::Multiset(Box::new(TypeRoot::STRING.nullable())).nullable()),
    ];
    assert_eq!(
        derived_schema(&timestamps, false).unwrap(),
        concat!(
            r#"{"type":"record","name":"record","namespace":"#,
            r#""org.apache.flink.avro.generated","fields":[{"name":"ts","type":["null","#,
            r#"{"type":"long","logicalType":"local-timestamp-micros"}],"default":null},"#,
            r#"{"name":"tl","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"#,
            r#""m","type":["null",{"type":"map","values":["null","int"]}],"default":null}]}"#,
        )
    );
}

#[test]
fn what_avro_cannot_carry_is_refused() {
    let refused = |fields: &[Field], legacy| derived_schema(fields, legacy).unwrap_err();
    let one = |root: TypeRoot| [field("t", root.nullable())];
    assert_eq!(
        refused(&one(TypeRoot::timestamp(6)), true),
        "column 't': Avro carries TIMESTAMP(6) only with 'avro.timestamp_mapping.legacy' = \
         'false'; otherwise at most TIMESTAMP(3)"
    );
    assert_eq!(check_schema(&one(TypeRoot::timestamp(6))), Ok(()));
    assert_eq!(
        check_schema(&one(row(&[("x", TypeRoot::timestamp(9).nullable())]))).unwrap_err(),
        "column 't.x': Avro carries at most six fraction digits, not TIMESTAMP(9)"
    );
    let int_keys =
        TypeRoot::Map(Box::new(TypeRoot::Int.nullable()), Box::new(TypeRoot::Int.nullable()));
    assert_eq!(
        check_schema(&one(int_keys)).unwrap_err(),
        "column 't': keys in Avro are strings, so they cannot be INT"
    );
    assert!(check_schema(&one(TypeRoot::IntervalDayTime)).is_err());
    assert!(check_schema(&[field("a-b", TypeRoot::Int.nullable())]).is_err());
}

/// Rows as JSON → columns → Avro bodies → columns → text.
fn round_trip(schema: &[Field], options: &[(&str, &str)], rows: &[&str]) -> Vec<String> {
    let all = Projection::all(schema.len());
    let bodies: Vec<Option<&[u8]>> = rows.iter().map(|row| Some(row.as_bytes())).collect();
    let decoded = with_context("json", &[], schema, &all, |context| {
        let mut decoder = (lookup("json").unwrap().decoder)(context).unwrap();
        decoder.decode(&messages(&bodies)).unwrap()
    });
    assert_eq!(decoded.failures, []);
    let encoded = with_context("avro", options, schema, &all, |context| {
        let mut encoder = (lookup("avro").unwrap().encoder)(context).unwrap();
        encoder.encode(&decoded.columns, decoded.n_rows).unwrap()
    });
    assert_eq!(encoded.failures, []);
    let starts = std::iter::once(0).chain(encoded.ends.iter().copied());
    let bodies: Vec<Option<&[u8]>> =
        starts.zip(&encoded.ends).map(|(start, end)| Some(&encoded.bytes[start..*end])).collect();
    let again = decode("avro", options, schema, &all, &bodies);
    assert_eq!(again, print(&decoded));
    again
}

#[test]
fn every_type_comes_back() {
    let full = r#"{"b":true,"ti":-1,"si":2,"i":3,"l":-4000000000,"f":1.5,"d":2.5,"de":-12.50,
            "c":"abc","s":"a string of some length","bi":"AQI=","vb":"Aw==","dt":"1970-01-11",
            "tm":"00:00:01","ts":"1970-01-01 00:00:01.5","a":[1,null],"an":[1,2],"m":{"k":5,
            "l":null},"r":{"x":7,"y":{"z":"z"}},"ar":[{"q":1,"k":{"h":2}},null],
            "mr":{"p":{"w":9}}}"#;
    let nulls = r#"{"b":false,"si":0,"s":"","an":[]}"#;
    assert_eq!(
        round_trip(&wide(), &[], &[full, nulls]),
        [
            "0: true | -1 | 2 | 3 | -4000000000 | 1.5 | 2.5 | -12.50 | abc | \
             a string of some length | [1, 2] | [3] | day 10 | 1000 ms | 1500 ms | [1, NULL] | \
             [1, 2] | {k=5, l=NULL} | (7, (z)) | [(1, (2)), NULL] | {p=(9)}",
            "1: false | NULL | 0 | NULL | NULL | NULL | NULL | NULL | NULL |  | NULL | NULL | \
             NULL | NULL | NULL | NULL | [] | NULL | NULL | NULL | NULL",
        ]
    );
    let timestamps = [
        field("t", TypeRoot::timestamp(6).nullable()),
        field("l", TypeRoot::timestamp_ltz(3).nullable()),
    ];
    let options = [("timestamp_mapping.legacy", "false")];
    let rows = [r#"{"t":"1970-01-01 00:00:00.000001","l":"1969-12-31 23:59:59.999Z"}"#];
    assert_eq!(round_trip(&timestamps, &options, &rows), ["0: 1 us | -1 ms"]);
}

fn download() -> Vec<Field> {
    let text = || TypeRoot::STRING.not_null();
    let download = row(&[
        ("status", text()),
        ("duration_seconds", TypeRoot::Int.not_null()),
        ("error_code", TypeRoot::STRING.nullable()),
    ]);
    vec![
        field("event_id", text()),
        field("timestamp", TypeRoot::BigInt.not_null()),
        field("download", download.not_null()),
        field("price", TypeRoot::Float.not_null()),
        field("ok", TypeRoot::Boolean.not_null()),
    ]
}

fn body(error_code: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    write_sized(&mut out, b"5f0c7a4e-event");
    write_long(&mut out, 1_700_000_000_000);
    write_sized(&mut out, b"success");
    write_long(&mut out, 90);
    match error_code {
        None => write_long(&mut out, 0),
        Some(code) => {
            write_long(&mut out, 1);
            write_sized(&mut out, code.as_bytes());
        }
    }
    out.extend_from_slice(&19.99f32.to_le_bytes());
    out.push(1);
    out
}

#[test]
fn only_what_is_wanted_is_read() {
    let nested = Projection(vec![
        ProjectedField { index: 2, nested: None },
        ProjectedField { index: 0, nested: None },
    ]);
    let projection = Projection(vec![
        ProjectedField { index: 4, nested: None },
        ProjectedField { index: 2, nested: Some(nested) },
    ]);
    let (plain, failed) = (body(None), body(Some("disk_full")));
    let with_more = [body(None), b"added later".to_vec()].concat();
    let bodies = [Some(plain.as_slice()), None, Some(failed.as_slice()), Some(&with_more)];
    assert_eq!(
        decode("avro", &[], &download(), &projection, &bodies),
        [
            "0: true | (NULL, success)",
            "2: true | (disk_full, success)",
            "3: true | (NULL, success)"
        ]
    );
    let nothing = decode("avro", &[], &download(), &Projection(vec![]), &bodies);
    assert_eq!(nothing, ["0: ", "2: ", "3: "]);
}

#[test]
fn bad_bodies_fail_alone() {
    let good = body(None);
    let mut no_text = good.clone();
    no_text[1] = 0xff;
    let mut no_boolean = good.clone();
    *no_boolean.last_mut().unwrap() = 2;
    let oversize = [vec![0xfe, 0xff, 0xff, 0xff, 0x0f], good.clone()].concat();
    let bodies: [&[u8]; 7] =
        [&good, &no_text, &no_boolean, &oversize, &good[..good.len() - 3], b"", &good];
    let bodies: Vec<Option<&[u8]>> = bodies.into_iter().map(Some).collect();
    let projection = Projection(vec![
        ProjectedField { index: 0, nested: None },
        ProjectedField { index: 4, nested: None },
    ]);
    assert_eq!(
        decode("avro", &[], &download(), &projection, &bodies),
        [
            "0: 5f0c7a4e-event | true",
            "6: 5f0c7a4e-event | true",
            "1 failed: field 'event_id': expected a string, found bytes that are no UTF-8",
            "2 failed: field 'ok': expected a boolean, 0 or 1, found 2",
            "3 failed: field 'event_id': expected 2147483647 bytes, found 37 to the end of the \
             message",
            "4 failed: expected 4 bytes, found 2 to the end of the message",
            "5 failed: field 'event_id': expected 1 bytes, found 0 to the end of the message",
        ]
    );
}

#[test]
fn items_without_bytes_are_bounded() {
    let empty_rows = array(TypeRoot::Row(vec![]).not_null()).not_null();
    let schema = [field("a", empty_rows), field("n", TypeRoot::Int.nullable())];
    let mut many = Vec::new();
    write_long(&mut many, i64::MAX);
    let mut few = Vec::new();
    write_long(&mut few, 2);
    few.extend([0, 0]);
    let bodies = [Some(many.as_slice()), Some(few.as_slice())];
    let expected = "expected at most 65536 items without bytes, found 9223372036854775807";
    assert_eq!(
        decode("avro", &[], &schema, &Projection::all(2), &bodies),
        ["1: [(), ()] | NULL".to_owned(), format!("0 failed: field 'a': {expected}")]
    );
    let second = Projection(vec![ProjectedField { index: 1, nested: None }]);
    assert_eq!(
        decode("avro", &[], &schema, &second, &bodies),
        ["1: NULL".to_owned(), format!("0 failed: {expected}")]
    );
}

#[test]
fn json_encoding_is_refused() {
    let schema = [field("i", TypeRoot::Int.nullable())];
    let all = Projection::all(1);
    with_context("avro", &[("encoding", "json")], &schema, &all, |context| {
        let error = (lookup("avro").unwrap().decoder)(context).err().unwrap();
        assert!(error.to_string().starts_with("avro.encoding = 'json' does not run here"));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_never_panic(bodies: Vec<Vec<u8>>, nested: bool) {
        let bodies: Vec<Option<&[u8]>> = bodies.iter().map(|body| Some(body.as_slice())).collect();
        let schema = if nested { wide() } else { download() };
        decode("avro", &[], &schema, &Projection::all(schema.len()), &bodies);
    }

    #[test]
    fn every_cut_is_a_clean_failure(cut in 0usize..45) {
        let whole = body(Some("disk_full"));
        let bodies = [Some(&whole[..cut.min(whole.len() - 1)]), Some(&whole[..])];
        let lines = decode("avro", &[], &download(), &Projection::all(5), &bodies);
        prop_assert_eq!(lines.len(), 2);
        prop_assert!(lines[0].starts_with("1: 5f0c7a4e-event"));
        prop_assert!(lines[1].starts_with("0 failed: "));
    }
}
