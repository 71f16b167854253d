//! Throws random and mutated bytes at every decoder and file reader.
//!
//! Each test runs `ARGUS_FUZZ_SECONDS` (2 by default) from the seed `ARGUS_FUZZ_SEED`, or from
//! one of its own, which a failing test prints. Whatever the bytes, a decoder must not panic or
//! hang, its columns must be of the declared types and as long as it says, and every message must
//! be accounted for in order.

#![allow(clippy::disallowed_methods, reason = "the fuzzer's time and seed are the world's")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use argus_base::connector::{ProjectedField, Projection};
use argus_base::option::Options;
use argus_base::{Field, TypeRoot};
use argus_connectors::format::{Decoded, FormatContext, lookup};
use argus_connectors::message::MessageBatch;
use arrow_array::{RecordBatch, RecordBatchOptions};

/// A source of numbers: xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound.max(1)
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// One thing to fuzz: a format with options, and bytes it takes.
struct Target {
    format: &'static str,
    options: &'static [(&'static str, &'static str)],
    schema: Vec<Field>,
    /// Bodies or files to begin with.
    corpus: Vec<Vec<u8>>,
    /// Pieces that mean something in the format.
    tokens: &'static [&'static [u8]],
}

fn fuzz(target: &Target, run: impl Fn(&Target, &Projection, &[Vec<u8>])) {
    let seconds = std::env::var("ARGUS_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok());
    let seed = std::env::var("ARGUS_FUZZ_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        now.as_nanos() as u64 | 1
    });
    println!("{} {:?}: ARGUS_FUZZ_SEED={seed}", target.format, target.options);
    let mut random = Random(seed);
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(2));
    while Instant::now() < end {
        let n_bodies = 1 + random.below(8);
        let bodies: Vec<Vec<u8>> = (0..n_bodies).map(|_| body(target, &mut random)).collect();
        let projection = projection(&target.schema, &mut random);
        run(target, &projection, &bodies);
    }
}

/// Random bytes, or a good body with up to eight changes.
fn body(target: &Target, random: &mut Random) -> Vec<u8> {
    let mut body = match random.below(10) {
        0 => (0..random.below(64)).map(|_| random.next() as u8).collect(),
        _ => random.pick(&target.corpus).clone(),
    };
    for _ in 0..random.below(8) {
        let at = random.below(body.len() + 1);
        match random.below(6) {
            0 if at < body.len() => body[at] = random.next() as u8,
            1 if at < body.len() => body[at] ^= 1 << random.below(8),
            2 => body.truncate(at),
            3 => drop(body.splice(at..at, random.pick(target.tokens).iter().copied())),
            4 => {
                let end = at + random.below(body.len() - at + 1);
                body.drain(at..end);
            }
            _ => {
                let end = at + random.below(body.len() - at + 1);
                let copy = body[at..end].to_vec();
                body.splice(at..at, copy);
            }
        }
        body.truncate(1 << 16);
    }
    body
}

/// A random part of the columns, in random order, nested ones in part.
fn projection(fields: &[Field], random: &mut Random) -> Projection {
    let mut wanted = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if random.below(3) == 0 {
            continue;
        }
        let nested = match &field.logical_type.root {
            TypeRoot::Row(inner) if random.below(2) == 0 => Some(projection(inner, random)),
            _ => None,
        };
        let at = random.below(wanted.len() + 1);
        wanted.insert(at, ProjectedField { index, nested });
    }
    Projection(wanted)
}

fn with_context<T>(
    target: &Target,
    projection: &Projection,
    run: impl FnOnce(&FormatContext<'_>) -> T,
) -> T {
    let format = lookup(target.format).expect("a known format");
    let written: BTreeMap<String, String> =
        target.options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let options = Options::check(format.spec.options.iter().copied(), &written).expect("options");
    let schema = &target.schema;
    run(&FormatContext { schema, projection, options: &options, time_zone: "UTC" })
}

/// Bodies as messages of a topic, some of them null.
fn as_messages(target: &Target, projection: &Projection, bodies: &[Vec<u8>]) {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for body in bodies {
        bytes.extend_from_slice(body);
        ends.push(bytes.len() as u32);
    }
    let nulls = Some(bodies.iter().map(|body| body.len() % 31 == 30).collect());
    let batch = MessageBatch { bytes: bytes.into(), ends, nulls };
    with_context(target, projection, |context| {
        let mut decoder =
            (lookup(target.format).expect("known").decoder)(context).expect("decoder");
        for _ in 0..2 {
            check(target, projection, &batch, &decoder.decode(&batch).expect("columns"));
        }
    });
}

/// Each body as a file.
fn as_files(target: &Target, projection: &Projection, bodies: &[Vec<u8>]) {
    for body in bodies {
        with_context(target, projection, |context| {
            let input = Box::new(std::io::Cursor::new(body.clone()));
            let open_file = lookup(target.format).expect("known").open_file;
            let Ok(mut file) = open_file(context, input) else { return };
            while let Ok(Some(batch)) = file.reader.next_batch() {
                assert!(!batch.is_empty());
                let decoded = file.decoder.decode(&batch).expect("columns");
                check(target, projection, &batch, &decoded);
            }
        });
    }
}

fn check(target: &Target, projection: &Projection, batch: &MessageBatch, decoded: &Decoded) {
    let wanted = projection.apply(&target.schema);
    let schema = argus_base::logical_type::arrow_schema(&wanted);
    let n_rows = RecordBatchOptions::new().with_row_count(Some(decoded.n_rows));
    RecordBatch::try_new_with_options(schema, decoded.columns.clone(), &n_rows).expect("a batch");
    if let Some(messages) = &decoded.message_of_row {
        assert_eq!(messages.len(), decoded.n_rows);
        assert!(messages.is_sorted());
        assert!(messages.iter().all(|message| (*message as usize) < batch.len()));
    } else {
        assert!(decoded.n_rows <= batch.len());
    }
    assert!(decoded.failures.is_sorted_by(|a, b| a.message < b.message));
    for failure in &decoded.failures {
        assert!((failure.message as usize) < batch.len());
        assert!(failure.reason.len() < 500, "{}", failure.reason);
        let has_rows = match &decoded.message_of_row {
            Some(messages) => messages.contains(&failure.message),
            None => (failure.message as usize) < decoded.n_rows,
        };
        assert!(!has_rows, "message {} failed and has a row", failure.message);
    }
}

fn field(name: &str, root: TypeRoot) -> Field {
    Field::new(name, root.nullable())
}

/// Columns of every type that the text formats and Avro carry.
fn wide() -> Vec<Field> {
    let row = TypeRoot::Row(vec![
        field("x", TypeRoot::Int),
        Field::new("y", TypeRoot::STRING.not_null()),
        field("t", TypeRoot::timestamp(3)),
    ]);
    let text = || Box::new(TypeRoot::STRING.nullable());
    vec![
        Field::new("id", TypeRoot::BigInt.not_null()),
        field("s", TypeRoot::STRING),
        field("b", TypeRoot::Boolean),
        field("n", TypeRoot::TinyInt),
        field("d", TypeRoot::Double),
        field("f", TypeRoot::Float),
        field("de", TypeRoot::Decimal { precision: 12, scale: 3 }),
        field("y", TypeRoot::BYTES),
        field("dt", TypeRoot::Date),
        field("tm", TypeRoot::Time(3)),
        field("r", row.clone()),
        field("a", TypeRoot::Array(Box::new(TypeRoot::Int.nullable()))),
        field("ar", TypeRoot::Array(Box::new(row.nullable()))),
        field("m", TypeRoot::Map(text(), Box::new(TypeRoot::Int.nullable()))),
        field("mm", TypeRoot::Map(text(), text())),
    ]
}

fn json_corpus() -> Vec<Vec<u8>> {
    [
        r#"{"id":1,"s":"a \"text\" \u00e9\ud83d\ude00","b":true,"n":-7,"d":1.5e3,"f":2,
            "de":12.3456,"y":"AQI=","dt":"2024-02-29","tm":"12:13:14.5","r":{"x":1,"y":"z",
            "t":"2024-01-01 00:00:00.123"},"a":[1,null,2],"ar":[{"x":1,"y":""},null],"m":{"k":1,
            "k":null},"mm":{"a":{"b":[1.50]}}}"#,
        r#"[{"id":1},{"id":"2","s":[{"deep":[[[{}]]]}]},null]"#,
        r#"{"id":9223372036854775807,"unknown":{"a":[1,2,{"b":"c"}]},"s":1e400}"#,
    ]
    .map(|body| body.as_bytes().to_vec())
    .to_vec()
}

const JSON_TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b",",
    b":",
    b"null",
    b"true",
    b"-",
    b"1e999999999",
    b"0.0000000000000000000000001",
    b"\"id\":",
    b"\"r\":{",
    b"\xff",
    b"\xf0\x9f",
];

fn json(options: &'static [(&'static str, &'static str)]) -> Target {
    let (schema, corpus) = (wide(), json_corpus());
    Target { format: "json", options, schema, corpus, tokens: JSON_TOKENS }
}

#[test]
fn json_messages() {
    fuzz(&json(&[]), as_messages);
}

#[test]
fn json_messages_ignoring_errors() {
    let options = &[("ignore-parse-errors", "true"), ("timestamp-format.standard", "ISO-8601")];
    fuzz(&json(options), as_messages);
}

#[test]
fn json_files() {
    fuzz(&json(&[]), as_files);
}

fn csv(options: &'static [(&'static str, &'static str)]) -> Target {
    let no_map = |field: &Field| !matches!(field.logical_type.root, TypeRoot::Map(..));
    let mut schema: Vec<Field> = wide().into_iter().filter(no_map).collect();
    schema.retain(|field| field.name != "ar");
    let corpus = [
        "1,text,true,7,1.5,2,12.345,AQI=,2024-02-29,12:13:14,1;y;2024-01-01 00:00:00,1;2;3\n",
        "2,\"a \"\"quote\"\", and\nmore\",,,,,,,,,,\r\n3,x,y\n# comment\n\n",
        "4,a\\,b,NULL,1,1,1,1,,2024-1-1,00:00,\"1;y;z\",;;",
    ];
    Target {
        format: "csv",
        options,
        schema,
        corpus: corpus.map(|body| body.as_bytes().to_vec()).to_vec(),
        tokens: &[b",", b"\"", b"\"\"", b"\n", b"\r", b";", b"\\", b"#", b" ", b"NULL", b"\xff"],
    }
}

#[test]
fn csv_messages() {
    fuzz(&csv(&[]), as_messages);
}

#[test]
fn csv_messages_with_every_option() {
    fuzz(
        &csv(&[
            ("ignore-parse-errors", "true"),
            ("allow-comments", "true"),
            ("escape-character", "\\"),
            ("null-literal", "NULL"),
        ]),
        as_messages,
    );
}

#[test]
fn csv_files() {
    fuzz(&csv(&[("allow-comments", "true"), ("escape-character", "\\")]), as_files);
}

/// The first JSON body as an Avro record, and as a file of it.
fn avro_bytes(codec: &str) -> (Vec<u8>, Vec<u8>) {
    let schema = wide();
    let all = Projection::all(schema.len());
    let json = json(&[]);
    let decoded = with_context(&json, &all, |context| {
        let body = json.corpus[0].clone();
        let ends = vec![body.len() as u32];
        let batch = MessageBatch { bytes: body.into(), ends, nulls: None };
        let mut decoder = (lookup("json").expect("known").decoder)(context).expect("decoder");
        decoder.decode(&batch).expect("columns")
    });
    assert_eq!(decoded.n_rows, 1);
    let avro = lookup("avro").expect("known");
    let written = BTreeMap::from([("codec".to_owned(), codec.to_owned())]);
    let options = Options::check(avro.spec.options.iter().copied(), &written).expect("options");
    let (schema, projection) = (&schema, &all);
    let context = FormatContext { schema, projection, options: &options, time_zone: "UTC" };
    let mut encoder = (avro.encoder)(&context).expect("encoder");
    let record = encoder.encode(&decoded.columns, 1).expect("a record").bytes;
    let mut writer = (avro.file_writer)(&context).expect("writer");
    let mut file = Vec::new();
    writer.write(&decoded.columns, 1, &mut file).expect("rows");
    writer.finish(&mut file).expect("the end");
    (record, file)
}

const AVRO_TOKENS: &[&[u8]] = &[
    b"\x00",
    b"\x01",
    b"\x02",
    b"\xff\xff\xff\xff\x0f",
    b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80",
    b"\"null\"",
    b"\"string\"",
    b"{\"type\":",
    b"deflate",
    b"snappy",
];

#[test]
fn avro_messages() {
    let corpus = vec![avro_bytes("null").0];
    let (schema, tokens) = (wide(), AVRO_TOKENS);
    fuzz(&Target { format: "avro", options: &[], schema, corpus, tokens }, as_messages);
}

#[test]
fn avro_files() {
    let corpus = ["null", "deflate", "snappy"].map(|codec| avro_bytes(codec).1).to_vec();
    let (schema, tokens) = (wide(), AVRO_TOKENS);
    fuzz(&Target { format: "avro", options: &[], schema, corpus, tokens }, as_files);
}

#[test]
fn raw_messages() {
    for (charset, root) in [("UTF-8", TypeRoot::STRING), ("UTF-16", TypeRoot::STRING)] {
        let options: &[_] = if charset == "UTF-8" { &[] } else { &[("charset", "UTF-16")] };
        let target = Target {
            format: "raw",
            options,
            schema: vec![field("v", root)],
            corpus: vec![b"some text".to_vec(), b"\xfe\xff\0n\xd8\x3d\xde\0".to_vec()],
            tokens: &[b"\xff\xfe", b"\xd8\x00"],
        };
        fuzz(&target, as_messages);
    }
}
