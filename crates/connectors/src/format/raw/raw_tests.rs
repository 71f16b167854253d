//! Tests of the raw format.

use argus_base::connector::Projection;
use argus_base::{Field, TypeRoot};
use proptest::prelude::*;

use super::super::lookup;
use super::super::testing::{decode, field, messages, with_context};
use super::check_schema;

fn one(root: TypeRoot) -> Vec<Field> {
    vec![field("v", root.nullable())]
}

/// Decodes bodies and checks the rows; where all decode, encoding gives the bodies back.
fn check(options: &[(&str, &str)], root: TypeRoot, bodies: &[&[u8]], expected: &[&str]) {
    let bodies: Vec<Option<&[u8]>> = bodies.iter().copied().map(Some).collect();
    let (schema, all) = (one(root), Projection::all(1));
    assert_eq!(decode("raw", options, &schema, &all, &bodies), expected);
    with_context("raw", options, &schema, &all, |context| {
        let format = lookup("raw").unwrap();
        let decoded = (format.decoder)(context).unwrap().decode(&messages(&bodies)).unwrap();
        if decoded.failures.is_empty() {
            let mut encoder = (format.encoder)(context).unwrap();
            let encoded = encoder.encode(&decoded.columns, decoded.n_rows).unwrap();
            let whole: Vec<u8> = bodies.into_iter().flatten().flatten().copied().collect();
            assert_eq!(encoded.bytes, whole);
        }
    });
}

#[test]
fn numbers_have_a_width_and_an_order() {
    check(&[], TypeRoot::Int, &[&[0, 0, 1, 0], &[0xff; 4]], &["0: 256", "1: -1"]);
    let little = [("endianness", "little-endian")];
    check(&little, TypeRoot::BigInt, &[&[1, 0, 0, 0, 0, 0, 0, 0]], &["0: 1"]);
    check(&[], TypeRoot::SmallInt, &[&[1, 0]], &["0: 256"]);
    check(&[], TypeRoot::TinyInt, &[&[0x80]], &["0: -128"]);
    check(&[], TypeRoot::Float, &[&[0x3f, 0xc0, 0, 0]], &["0: 1.5"]);
    check(&little, TypeRoot::Double, &[&[0, 0, 0, 0, 0, 0, 0xf8, 0x3f]], &["0: 1.5"]);
    check(&[], TypeRoot::Boolean, &[&[0], &[1]], &["0: false", "1: true"]);
    check(
        &[],
        TypeRoot::Int,
        &[&[1], &[0, 0, 0, 1, 0]],
        &[
            "0 failed: expected a body of 4 bytes, found one of 1",
            "1 failed: expected a body of 4 bytes, found one of 5",
        ],
    );
}

#[test]
fn text_has_a_charset() {
    let text = |charset, body: &[u8], expected| {
        check(&[("charset", charset)], TypeRoot::STRING, &[body], &[expected]);
    };
    text("UTF-8", "né, longer than twelve".as_bytes(), "0: né, longer than twelve");
    text("iso-8859-1", b"n\xe9", "0: né");
    text("US-ASCII", b"plain", "0: plain");
    text("UTF-16", b"\xfe\xff\0n\0\xe9", "0: né");
    text("UTF-16LE", b"n\0\xe9\0", "0: né");
    let no_text: [Option<&[u8]>; 1] = [Some(b"n\xff")];
    let all = Projection::all(1);
    assert_eq!(decode("raw", &[], &one(TypeRoot::STRING), &all, &no_text), ["0: n\u{fffd}"]);
    with_context("raw", &[("charset", "EBCDIC")], &one(TypeRoot::STRING), &all, |context| {
        let error = (lookup("raw").unwrap().decoder)(context).err().unwrap().to_string();
        assert!(error.starts_with("unknown raw.charset 'EBCDIC'"), "{error}");
    });
}

#[test]
fn a_null_body_is_a_row() {
    let bodies: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"x")];
    let all = Projection::all(1);
    let expected = ["0: NULL", "1: ", "2: x"];
    assert_eq!(decode("raw", &[], &one(TypeRoot::STRING), &all, &bodies), expected);
    let required = [field("v", TypeRoot::BYTES.not_null())];
    assert_eq!(
        decode("raw", &[], &required, &all, &bodies),
        ["1: []", "2: [120]", "0 failed: a null body, but the type is NOT NULL"]
    );
    let nothing = decode("raw", &[], &one(TypeRoot::STRING), &Projection(vec![]), &bodies);
    assert_eq!(nothing, ["0: ", "1: ", "2: "]);
}

#[test]
fn one_plain_column() {
    let two = [field("a", TypeRoot::Int.nullable()), field("b", TypeRoot::Int.nullable())];
    let error = check_schema(&two).unwrap_err();
    assert_eq!(error, "the raw format takes exactly one column, found 2");
    let error = check_schema(&one(TypeRoot::Date)).unwrap_err();
    assert_eq!(error, "column 'v': the raw format does not carry DATE");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(body: Vec<u8>, which in 0usize..6) {
        let charset = ["UTF-8", "US-ASCII", "ISO-8859-1", "UTF-16", "UTF-16BE", "UTF-16LE"][which];
        let all = Projection::all(1);
        let bodies = [Some(body.as_slice())];
        decode("raw", &[("charset", charset)], &one(TypeRoot::STRING), &all, &bodies);
        decode("raw", &[], &one(TypeRoot::Int), &all, &bodies);
    }
}
