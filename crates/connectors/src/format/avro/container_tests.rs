//! Tests of Avro container files. Those beside it, `from_flink*.avro`, were written by Flink 2.2.

use std::io::Cursor;

use argus_base::connector::{ProjectedField, Projection};
use argus_base::{Field, TypeRoot};
use proptest::prelude::*;

use super::super::lookup;
use super::super::testing::{field, messages, print, with_context};
use super::parse::parse;
use super::wire::{write_long, write_sized};

/// Every row of a file as text, or why it cannot be read.
fn read(schema: &[Field], projection: &Projection, file: &[u8]) -> Vec<String> {
    with_context("avro", &[], schema, projection, |context| {
        let input = Box::new(Cursor::new(file.to_vec()));
        let mut opened = match (lookup("avro").unwrap().open_file)(context, input) {
            Ok(opened) => opened,
            Err(error) => return vec![error.to_string()],
        };
        let mut lines = Vec::new();
        loop {
            match opened.reader.next_batch() {
                Ok(Some(batch)) => lines.extend(print(&opened.decoder.decode(&batch).unwrap())),
                Ok(None) => return lines,
                Err(error) => {
                    lines.push(error.to_string());
                    return lines;
                }
            }
        }
    })
}

/// A file of JSON rows.
fn write(codec: &str, schema: &[Field], rows: &[String]) -> Vec<u8> {
    let all = Projection::all(schema.len());
    let bodies: Vec<Option<&[u8]>> = rows.iter().map(|row| Some(row.as_bytes())).collect();
    let decoded = with_context("json", &[], schema, &all, |context| {
        (lookup("json").unwrap().decoder)(context).unwrap().decode(&messages(&bodies)).unwrap()
    });
    let options = [("codec", codec)];
    with_context("avro", &options, schema, &all, |context| {
        let mut writer = (lookup("avro").unwrap().file_writer)(context).unwrap();
        let mut out = Vec::new();
        assert_eq!(writer.write(&decoded.columns, decoded.n_rows, &mut out).unwrap(), []);
        writer.finish(&mut out).unwrap();
        out
    })
}

fn schema() -> Vec<Field> {
    vec![field("i", TypeRoot::Int.nullable()), field("s", TypeRoot::STRING.not_null())]
}

#[test]
fn files_come_back() {
    let rows: Vec<String> =
        (0..20_000).map(|i| format!(r#"{{"i":{i},"s":"some text {}"}}"#, i % 7)).collect();
    for codec in ["null", "deflate", "snappy"] {
        let file = write(codec, &schema(), &rows);
        let lines = read(&schema(), &Projection::all(2), &file);
        assert_eq!(lines.len(), rows.len());
        assert_eq!(lines[0], "0: 0 | some text 0");
        assert!(lines[19_999].ends_with(": 19999 | some text 0"));
    }
    assert_eq!(read(&schema(), &Projection::all(2), &write("null", &schema(), &[])), [""; 0]);
}

#[test]
fn files_of_flink_are_read() {
    let file = include_bytes!("from_flink.avro");
    let schema = [
        field("s", TypeRoot::STRING.not_null()),
        field("de", TypeRoot::Decimal { precision: 10, scale: 3 }.nullable()),
        field("ts", TypeRoot::timestamp(6).nullable()),
        field("not_there", TypeRoot::Int.nullable()),
        field("i", TypeRoot::BigInt.nullable()),
    ];
    let lines = read(&schema, &Projection::all(5), file);
    assert_eq!(lines, ["0: str | -12.500 | 1500000 us | NULL | 3"]);
}

#[test]
fn snappy_files_of_flink_are_read() {
    let file = include_bytes!("from_flink_snappy.avro");
    let mut lines = read(&schema(), &Projection::all(2), file);
    lines.sort();
    let fox = "the quick brown fox";
    let expected =
        [format!("0: 1 | {fox} {fox} {fox}"), format!("1: 2 | {fox}"), "2: NULL | ".to_owned()];
    assert_eq!(lines, expected);
}

#[test]
fn other_writers_schemas_are_resolved() {
    let writers = r#"{"type":"record","name":"R","namespace":"n","fields":[
        {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
        {"name":"u","type":["string","null","int"]},
        {"name":"again","type":"E"},
        {"name":"f","type":{"type":"fixed","name":"F","size":2}},
        {"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"n","type":"float"}]}"#;
    let mut record = Vec::new();
    write_long(&mut record, 1);
    write_long(&mut record, 2);
    write_long(&mut record, 7);
    write_long(&mut record, 0);
    record.extend_from_slice(&[8, 9]);
    write_long(&mut record, -1);
    record.extend_from_slice(&1.5f32.to_le_bytes());
    let file = container(writers, 1, &record);
    let schema = [
        field("n", TypeRoot::Double.not_null()),
        field("t", TypeRoot::timestamp(3).not_null()),
        field("u", TypeRoot::Int.nullable()),
        field("e", TypeRoot::STRING.not_null()),
        field("f", TypeRoot::BYTES.not_null()),
    ];
    assert_eq!(read(&schema, &Projection::all(5), &file), ["0: 1.5 | -1 ms | 7 | B | [8, 9]"]);
    let wrong = [field("n", TypeRoot::STRING.not_null())];
    let why = ["the Avro file cannot be read: field 'n': float cannot be read as STRING NOT NULL"];
    assert_eq!(read(&wrong, &Projection::all(1), &file), why);
    let absent = [field("x", TypeRoot::Int.not_null())];
    let why = ["the Avro file cannot be read: field 'x' is not there, but is NOT NULL"];
    assert_eq!(read(&absent, &Projection::all(1), &file), why);
}

fn container(schema: &str, n_records: i64, records: &[u8]) -> Vec<u8> {
    let mut file = b"Obj\x01".to_vec();
    write_long(&mut file, -1);
    write_long(&mut file, 0);
    write_sized(&mut file, b"avro.schema");
    write_sized(&mut file, schema.as_bytes());
    write_long(&mut file, 0);
    file.extend_from_slice(&[7; 16]);
    write_long(&mut file, n_records);
    write_sized(&mut file, records);
    file.extend_from_slice(&[7; 16]);
    file
}

#[test]
fn bad_files_are_refused() {
    let check = |file: &[u8], expected: &[&str]| {
        assert_eq!(read(&schema(), &Projection::all(2), file), expected);
    };
    check(b"", &["the Avro file cannot be read: it is cut off"]);
    check(b"PAR1....", &["the Avro file cannot be read: it is no Avro container file"]);
    let is = r#"{"type":"record","name":"r","fields":[{"name":"s","type":"string"}]}"#;
    check(&container(is, 2, b"\x02a\x02b"), &["0: NULL | a", "1: NULL | b"]);
    check(
        &container(is, 2, b"\x02a\x06b"),
        &[
            "0: NULL | a",
            "the Avro file cannot be read: expected 3 bytes, found 1 to the end of the message",
        ],
    );
    check(
        &container(is, 1, b"\x02a\x02b"),
        &["0: NULL | a", "the Avro file cannot be read: a block goes on after its last record"],
    );
    check(
        &container(is, i64::MAX, b""),
        &["the Avro file cannot be read: a block of 0 bytes says that it has \
           9223372036854775807 records"],
    );
    let twice = r#"{"type":"record","name":"r","fields":[
        {"name":"s","type":"string"},{"name":"s","type":"string"}]}"#;
    check(
        &container(twice, 1, b"\x02a\x02b"),
        &["the Avro file cannot be read: its schema: two fields have the name 's'"],
    );
    let itself = r#"{"type":"record","name":"r","fields":[{"name":"s","type":["null","r"]}]}"#;
    check(
        &container(itself, 0, b""),
        &["the Avro file cannot be read: its schema: the record r contains itself"],
    );
}

#[test]
fn schemas_that_grow_without_end_are_refused() {
    let mut json = r#"[{"type":"record","name":"r0","fields":[]}"#.to_owned();
    for i in 1..60 {
        let last = i - 1;
        json += &format!(
            r#",{{"type":"record","name":"r{i}","fields":[
                {{"name":"a","type":"r{last}"}},{{"name":"b","type":"r{last}"}}]}}"#
        );
    }
    json.push(']');
    let file = container(&json, 0, b"");
    let lines = read(&[], &Projection(vec![]), &file);
    assert_eq!(lines, ["the Avro file cannot be read: its schema: the schema is too large"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_files_never_panic(at in 0usize..400, byte: u8, cut in 0usize..400) {
        let rows: Vec<String> = (0..9).map(|i| format!(r#"{{"i":{i},"s":"x{i}"}}"#)).collect();
        let mut file = write("snappy", &schema(), &rows);
        let at = at % file.len();
        file[at] = byte;
        read(&schema(), &Projection::all(2), &file);
        file.truncate(cut.min(file.len()));
        read(&schema(), &Projection(vec![ProjectedField { index: 1, nested: None }]), &file);
    }

    #[test]
    fn any_text_is_a_schema_or_refused(json: String) {
        let _ = parse(&json);
    }
}
