//! Tests of the csv format. What is expected of files was recorded from Flink 2.2.

use argus_base::connector::{ProjectedField, Projection};
use argus_base::{Field, TypeRoot};
use proptest::prelude::*;

use super::super::lookup;
use super::super::testing::{decode, field, messages, print, with_context};
use super::check_schema;

const IGNORE: (&str, &str) = ("ignore-parse-errors", "true");
const COMMENTS: (&str, &str) = ("allow-comments", "true");

fn id_and_text() -> Vec<Field> {
    vec![field("id", TypeRoot::Int.nullable()), field("s", TypeRoot::STRING.nullable())]
}

/// The rows of a file.
fn read(options: &[(&str, &str)], schema: &[Field], file: &str) -> Vec<String> {
    with_context("csv", options, schema, &Projection::all(schema.len()), |context| {
        let input = Box::new(std::io::Cursor::new(file.as_bytes().to_vec()));
        let mut opened = (lookup("csv").unwrap().open_file)(context, input).unwrap();
        let mut lines = Vec::new();
        while let Some(batch) = opened.reader.next_batch().unwrap() {
            lines.extend(print(&opened.decoder.decode(&batch).unwrap()));
        }
        lines
    })
}

fn check(options: &[(&str, &str)], file: &str, expected: &[&str]) {
    assert_eq!(read(options, &id_and_text(), file), expected, "{file}");
}

#[test]
fn records_and_quotes() {
    check(&[], "1,a\r\n2,b\r3,c\n4,d", &["0: 1 | a", "1: 2 | b", "2: 3 | c", "3: 4 | d"]);
    check(
        &[],
        "9,\"multi\nline, with a \"\"quote\"\"\"\n",
        &["0: 9 | multi\nline, with a \"quote\""],
    );
    check(&[], "1, \"abc\"\n3,\"abc\" \n4,\"\"\n", &["0: 1 |  \"abc\"", "1: 3 | abc", "2: 4 | "]);
    check(&[], "10,un\"quoted\n", &["0: 10 | un\"quoted"]);
    check(&[], "1,a,\n2,b, \n", &["0: 1 | a", "1: 2 | b"]);
    check(
        &[],
        "2,\"abc\"x\n3,c\n5,\"a\n6,b\n",
        &[
            "1: 3 | c",
            "0 failed: malformed CSV: expected a delimiter after a closing quote, found x",
            "2 failed: malformed CSV: a quote that is opened is not closed",
        ],
    );
    check(
        &[("disable-quote-character", "true")],
        "1,\"a\"\n2,a\"b\n",
        &["0: 1 | \"a\"", "1: 2 | a\"b"],
    );
    check(&[("field-delimiter", "\\t")], "1\ta b\n", &["0: 1 | a b"]);
    let wide = [("field-delimiter", "§"), ("quote-character", "é")];
    check(&wide, "1§éa§b\né\n", &["0: 1 | a§b\n"]);
}

#[test]
fn too_few_and_too_many() {
    check(
        &[],
        "1\n\n1,a,b\n,x\n",
        &[
            "0 failed: expected 2 fields, found 1",
            "1 failed: field 'id': expected INT, found ''",
            "2 failed: malformed CSV: expected 2 fields, found more",
            "3 failed: field 'id': expected INT, found ''",
        ],
    );
    check(
        &[IGNORE],
        "1,a\n\n2,b\n \n3\n1,a,b\n",
        &["0: 1 | a", "1: NULL | NULL", "2: 2 | b", "3: NULL | NULL", "4: 3 | NULL", "1 ignored"],
    );
}

#[test]
fn comments_and_escapes() {
    check(
        &[COMMENTS],
        "  1, a\n   \n# a \"quote\nx\n2,#b\n",
        &["0: 1 |  a", "4: 2 | #b", "3 failed: field 'id': expected INT, found 'x'"],
    );
    check(
        &[("escape-character", "\\")],
        "1,a\\,b\n2,\"q\\\"r\"\n3,\\n\\t\\0x\n4,\"a\"\"b\"\n5,\"\\\\\"\n6,a\\\nb\n",
        &["0: 1 | a,b", "1: 2 | q\"r", "2: 3 | \n\t\0x", "3: 4 | a\"b", "4: 5 | \\", "5: 6 | a\nb"],
    );
    check(&[("null-literal", "n/a")], "n/a,\"n/a\"\n2, n/a\n", &["0: NULL | NULL", "1: 2 |  n/a"]);
}

#[test]
fn values_of_every_type() {
    let schema = [
        field("d", TypeRoot::Double.nullable()),
        field("b", TypeRoot::Boolean.nullable()),
        field("dt", TypeRoot::Date.nullable()),
        field("tm", TypeRoot::Time(0).nullable()),
        field("ts", TypeRoot::timestamp(3).nullable()),
        field("tl", TypeRoot::timestamp_ltz(3).nullable()),
        field("y", TypeRoot::BYTES.nullable()),
        field("de", TypeRoot::Decimal { precision: 10, scale: 2 }.nullable()),
        field("e", TypeRoot::SmallInt.nullable()),
    ];
    let file = "\
1.5,true,1970-01-02,00:00:01.9,1970-01-01 00:00:00.12,1970-01-01 00:00:01Z,AQI=,12.345,+5
 1d , TRUE ,2020-02-30,24:00:00, 1970-01-01 00:00:01 ,1970-01-01 00:00:01, QQ== QQ== , 1.5,1.0
NaN,yes,1970-1-5,1:2:3,1970-1-2 3:4:5,,AQI,1e2, 7 
n,,, 00:00,,,,12345678901,
";
    assert_eq!(
        read(&[IGNORE], &schema, file),
        [
            "0: 1.5 | true | day 1 | 1000 ms | 120 ms | 1000 ms | [1, 2] | 12.35 | 5",
            "1: 1.0 | true | day 18322 | NULL | 1000 ms | NULL | [65, 65] | NULL | NULL",
            "2: NaN | false | day 4 | NULL | NULL | NULL | NULL | 100.00 | 7",
            "3: NULL | false | NULL | NULL | NULL | NULL | [] | NULL | NULL",
        ]
    );
}

fn nested() -> Vec<Field> {
    let row = TypeRoot::Row(vec![
        field("x", TypeRoot::STRING.nullable()),
        field("y", TypeRoot::Int.nullable()),
    ]);
    vec![
        field("a", TypeRoot::Array(Box::new(TypeRoot::STRING.nullable())).nullable()),
        field("r", row.nullable()),
    ]
}

#[test]
fn arrays_and_rows() {
    let file = ",\na; b;,x;1\n\"a;\"\"b\"\"\",x;2;z\n;,;3\n -,x\n";
    assert_eq!(
        read(&[], &nested(), file),
        [
            "0: [] | NULL",
            "1: [a,  b, ] | (x, 1)",
            "2: [a, \"b\"] | (x, 2)",
            "3: [, ] | (, 3)",
            "4 failed: field 'r': expected 2 fields, found 1",
        ]
    );
    let file = "n/a,n/a\nx,x\nx,x;q\n";
    assert_eq!(
        read(&[IGNORE, ("null-literal", "n/a")], &nested(), file),
        ["0: [NULL] | (NULL, NULL)", "1: [x] | (x, NULL)", "2: [x] | (x, NULL)"]
    );
}

#[test]
fn messages_of_a_topic() {
    let bodies: [Option<&[u8]>; 6] =
        [Some(b"1,a\n2,b"), None, Some(b"3,c\n"), Some(b"4,\xff"), Some(b""), Some(b"#")];
    let second = Projection(vec![ProjectedField { index: 1, nested: None }]);
    assert_eq!(
        decode("csv", &[], &id_and_text(), &second, &bodies),
        [
            "0: a",
            "2: c",
            "3 failed: malformed CSV: invalid UTF-8 at byte 2",
            "4 failed: expected 2 fields, found 1",
            "5 failed: expected 2 fields, found 1",
        ]
    );
    let halves: [Option<&[u8]>; 2] = [Some(b"1,\xc3"), Some(b"\xa9,2")];
    assert_eq!(
        decode("csv", &[], &id_and_text(), &second, &halves),
        [
            "0 failed: malformed CSV: invalid UTF-8 at byte 2",
            "1 failed: malformed CSV: invalid UTF-8 at byte 0",
        ]
    );
    let nothing = Projection(vec![]);
    assert_eq!(decode("csv", &[COMMENTS, IGNORE], &id_and_text(), &nothing, &bodies[4..]), [""; 0]);
    let y = Projection(vec![ProjectedField {
        index: 1,
        nested: Some(Projection(vec![ProjectedField { index: 1, nested: None }])),
    }]);
    assert_eq!(decode("csv", &[], &nested(), &y, &[Some(b"a,x;7")]), ["0: (7)"]);
}

#[test]
fn options_that_make_no_sense() {
    let refused = |options: &[(&str, &str)]| {
        with_context("csv", options, &id_and_text(), &Projection::all(2), |context| {
            (lookup("csv").unwrap().decoder)(context).err().unwrap().to_string()
        })
    };
    assert_eq!(
        refused(&[("array-element-delimiter", "::")]),
        "csv.array-element-delimiter = '::': expected one character"
    );
    assert_eq!(
        refused(&[("disable-quote-character", "true"), ("quote-character", "'")]),
        "csv.quote-character cannot be set where csv.disable-quote-character is true"
    );
    let map =
        TypeRoot::Map(Box::new(TypeRoot::STRING.nullable()), Box::new(TypeRoot::Int.nullable()));
    let error = check_schema(&[field("m", map.nullable())]).unwrap_err();
    assert_eq!(error, "column 'm': the csv format does not carry MAP<STRING, INT>");
    let deep =
        TypeRoot::Array(Box::new(TypeRoot::Array(Box::new(TypeRoot::Int.nullable())).nullable()));
    let error = check_schema(&[field("a", deep.nullable())]).unwrap_err();
    assert_eq!(
        error,
        "column 'a': the csv format does not carry ARRAY<INT> inside another nested type"
    );
}

/// Decodes JSON rows and encodes them as CSV.
fn write(options: &[(&str, &str)], schema: &[Field], rows: &[&str]) -> String {
    let all = Projection::all(schema.len());
    let bodies: Vec<Option<&[u8]>> = rows.iter().map(|row| Some(row.as_bytes())).collect();
    let decoded = with_context("json", &[], schema, &all, |context| {
        (lookup("json").unwrap().decoder)(context).unwrap().decode(&messages(&bodies)).unwrap()
    });
    assert_eq!(decoded.failures, []);
    with_context("csv", options, schema, &all, |context| {
        let mut writer = (lookup("csv").unwrap().file_writer)(context).unwrap();
        let mut out = Vec::new();
        writer.write(&decoded.columns, decoded.n_rows, &mut out).unwrap();
        writer.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    })
}

#[test]
fn as_flink_prints() {
    let schema = [
        field("b", TypeRoot::Boolean.nullable()),
        field("d", TypeRoot::Double.nullable()),
        field("dec1", TypeRoot::Decimal { precision: 10, scale: 2 }.nullable()),
        field("dec2", TypeRoot::Decimal { precision: 20, scale: 10 }.nullable()),
        field("dt", TypeRoot::Date.nullable()),
        field("tm", TypeRoot::Time(3).nullable()),
        field("ts", TypeRoot::timestamp(9).nullable()),
        field("tl", TypeRoot::timestamp_ltz(3).nullable()),
        field("y", TypeRoot::BYTES.nullable()),
        field("s", TypeRoot::STRING.nullable()),
        field("a", TypeRoot::Array(Box::new(TypeRoot::STRING.nullable())).nullable()),
    ];
    let row = r#"{"b":true,"d":1e10,"dec1":12.50,"dec2":0.0000000270,"dt":"2020-01-02",
            "tm":"12:13:14","ts":"2020-01-02 03:04:05.12","tl":"1970-01-01 00:00:01.567Z",
            "y":"++8=","s":"q\"\\/,\né","a":["a","b;c","d\"e",null]}"#;
    assert_eq!(
        write(
            &[],
            &schema,
            &[
                row,
                r#"{"dec1":100,"s":"abcdefghijklmnopqrstuvwx","a":["x"]}"#,
                r#"{"s":"abcdefghijklmnopqrstuvwxy"}"#
            ]
        ),
        "true,1.0E10,12.5,2.7E-8,2020-01-02,12:13:14,\"2020-01-02 03:04:05.12\",\
         \"1970-01-01 00:00:01.567Z\",\"++8=\",\"q\"\"\\/,\né\",\"a;b;c;d\"\"e;\"\n\
         ,,1E+2,,,,,,,abcdefghijklmnopqrstuvwx,x\n\
         ,,,,,,,,,\"abcdefghijklmnopqrstuvwxy\",\n"
    );
    let schema = [
        field("s", TypeRoot::STRING.nullable()),
        field("d", TypeRoot::Decimal { precision: 10, scale: 2 }.nullable()),
        field("a", TypeRoot::Array(Box::new(TypeRoot::Int.nullable())).nullable()),
    ];
    let options = [
        ("escape-character", "\\"),
        ("null-literal", "NIL"),
        ("field-delimiter", "|"),
        ("array-element-delimiter", ":"),
        ("write-bigdecimal-in-scientific-notation", "false"),
    ];
    assert_eq!(
        write(
            &options,
            &schema,
            &[r#"{"s":"back\\slash \"q\"","d":100,"a":[1,null]}"#, r#"{"s":"é","d":0.5}"#]
        ),
        "\"back\\\\slash \"\"q\"\"\"|100|\"1:NIL\"\né|0.5|NIL\n"
    );
    let bare = [("disable-quote-character", "true")];
    assert_eq!(write(&bare, &schema[..1], &[r#"{"s":"a,b, say \"q\""}"#]), "a,b, say \"q\"\n");
}

proptest! {
    #[test]
    fn text_comes_back(text in "[ -~é\n\"\\\\,;#]{0,30}", id: i32, escape: bool) {
        let options = if escape { vec![("escape-character", "\\")] } else { vec![] };
        let mut body = format!("{{\"id\":{id},\"s\":").into_bytes();
        super::super::json::write_string(&mut body, text.as_bytes());
        body.push(b'}');
        let file = write(&options, &id_and_text(), &[&String::from_utf8(body).unwrap()]);
        prop_assert_eq!(read(&options, &id_and_text(), &file), vec![format!("0: {id} | {text}")]);
    }

    #[test]
    fn random_bytes_never_panic(bodies: Vec<Vec<u8>>, escape: bool, comments: bool) {
        let mut options = vec![];
        if escape { options.push(("escape-character", "\\")); }
        if comments { options.push(COMMENTS); }
        let bodies: Vec<Option<&[u8]>> = bodies.iter().map(|body| Some(body.as_slice())).collect();
        decode("csv", &options, &nested(), &Projection::all(2), &bodies);
    }

    #[test]
    fn random_files_never_panic(
        file in "[1,;\"#\n\r\\\\ aé]{0,60}",
        escape: bool,
        comments: bool,
    ) {
        let mut options = vec![IGNORE];
        if escape { options.push(("escape-character", "\\")); }
        if comments { options.push(COMMENTS); }
        read(&options, &id_and_text(), &file);
    }
}
