//! Tests of the JSON form, value by value.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, MapBuilder, MapFieldNames, StringViewBuilder};
use arrow_array::{
    BinaryViewArray, Date32Array, Decimal128Array, Int32Array, RecordBatch, Time32MillisecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};

use argus_base::RowKind;

use super::*;

fn check(root: TypeRoot, array: impl Array, expected: &[&str]) {
    let logical_type = root.nullable();
    for (index, expected) in expected.iter().enumerate() {
        let mut out = Vec::new();
        write_value(&mut out, &logical_type, &array, index);
        assert_eq!(String::from_utf8(out).unwrap(), *expected, "{logical_type}, row {index}");
    }
}

#[test]
fn texts_are_escaped() {
    let texts = StringViewArray::from(vec![Some("a\"b\\c\n\u{1}é😀"), Some(""), None]);
    check(TypeRoot::STRING, texts, &["\"a\\\"b\\\\c\\u000a\\u0001é😀\"", "\"\"", "null"]);
}

#[test]
fn decimals_and_bytes_are_texts() {
    let decimals = Decimal128Array::from(vec![Some(-5), Some(1_000), None]);
    let decimals = decimals.with_precision_and_scale(10, 2).unwrap();
    let root = TypeRoot::Decimal { precision: 10, scale: 2 };
    check(root, decimals, &["\"-0.05\"", "\"10.00\"", "null"]);
    let bytes = BinaryViewArray::from(vec![Some(b"Hello" as &[u8]), Some(b"")]);
    check(TypeRoot::BYTES, bytes, &["\"SGVsbG8=\"", "\"\""]);
}

#[test]
fn times() {
    let millis = TimestampMillisecondArray::from(vec![1_577_836_800_500, 0]);
    let expected = ["\"2020-01-01 00:00:00.5\"", "\"1970-01-01 00:00:00\""];
    check(TypeRoot::timestamp(3), millis, &expected);
    let nanos = TimestampNanosecondArray::from(vec![1_000]).with_timezone("UTC");
    check(TypeRoot::timestamp_ltz(9), nanos, &["\"1970-01-01 00:00:00.000001Z\""]);
    check(TypeRoot::Date, Date32Array::from(vec![18_262]), &["\"2020-01-01\""]);
    let times = Time32MillisecondArray::from(vec![3_600_000, 3_661_000, 500]);
    check(TypeRoot::Time(3), times, &["\"01:00\"", "\"01:01:01\"", "\"00:00:00.500\""]);
}

#[test]
fn maps_are_sorted_by_the_text_of_the_key() {
    let names = MapFieldNames {
        entry: "entries".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    };
    let mut maps = MapBuilder::new(Some(names), StringViewBuilder::new(), Int32Builder::new());
    for (key, value) in [("b", Some(2)), ("a", None)] {
        maps.keys().append_value(key);
        maps.values().append_option(value);
    }
    maps.append(true).unwrap();
    let root =
        TypeRoot::Map(Box::new(TypeRoot::STRING.not_null()), Box::new(TypeRoot::Int.nullable()));
    check(root, maps.finish(), &["{\"a\":null,\"b\":2}"]);
}

#[test]
fn a_line_a_row_with_its_kind() {
    let fields = [
        Field::new("n", TypeRoot::Int.nullable()),
        Field::new("a\"b", TypeRoot::STRING.nullable()),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None])),
        Arc::new(StringViewArray::from(vec![None, Some("x")])),
    ];
    let schema = argus_base::logical_type::arrow_schema(&fields);
    let records = RecordBatch::try_new(schema, columns).unwrap();
    let kinds = Some([RowKind::Insert, RowKind::Delete].into());
    let mut out = Vec::new();
    write_batch(&mut out, &fields, &Batch { records, kinds });
    let expected = "{\"op\":\"+I\",\"row\":{\"n\":1,\"a\\\"b\":null}}\n\
                    {\"op\":\"-D\",\"row\":{\"n\":null,\"a\\\"b\":\"x\"}}\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
