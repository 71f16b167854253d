//! Manifests come back as they were, and broken ones do not.

use argus_base::ErrorKind;

use super::*;
use crate::segment::SectionId;

fn section(path: &str, operator: u64) -> SectionRef {
    SectionRef {
        segment: SegmentRef {
            path: path.to_owned(),
            n_bytes: 7,
            checksum: u64::MAX - operator % 2,
        },
        section: SectionId { operator: OperatorId(operator), subtask: SubtaskIndex(3) },
    }
}

fn source() -> SubtaskState {
    let split = SplitLabel { topic: "orders \"é\"".to_owned(), partition: 2 };
    SubtaskState {
        watermark: Some(Watermark::MAX),
        clock: Some(ProcessingTime(1_700_000_000_001)),
        positions: vec![SplitPosition { split: "orders-2".into(), position: "17".into() }],
        split_watermarks: vec![
            SplitWatermark { split: Some(split), watermark: Watermark::MIN },
            SplitWatermark { split: None, watermark: Watermark(-5) },
        ],
        keyed: None,
    }
}

fn windows() -> SubtaskState {
    let keyed = KeyedState {
        scalars: vec![("fired".to_owned(), i64::MIN), ("b".to_owned(), i64::MAX)],
        live: vec![SliceKey { end: i64::MAX, start: i64::MIN }, SliceKey { end: 2, start: 1 }],
        runs: vec![section("segment/1-0", 8), section("segment/1-0", 10)],
        chain: vec![section("segment/1-0", 8), section("segment/2-0", 8)],
        n_keys: u64::MAX,
        n_bytes: 1 << 60,
    };
    SubtaskState { keyed: Some(keyed), ..SubtaskState::default() }
}

pub(super) fn example() -> Manifest {
    let operator = |id, name: &str, subtasks| OperatorState {
        operator: OperatorId(id),
        name: name.to_owned(),
        subtasks,
    };
    let staged = |content| StagedOutput {
        sink: OperatorId(u64::MAX),
        subtask: SubtaskIndex(0),
        checkpoint: CheckpointId(40),
        content,
    };
    Manifest {
        job: "totals\nper hour".to_owned(),
        engine: "0.1.0".to_owned(),
        incarnation: Incarnation::new(0xfeed),
        generation: Generation(4),
        checkpoint: CheckpointId(41),
        created_at: ProcessingTime(1_700_000_000_000),
        max_parallelism: 128,
        operators: vec![
            operator(1, "Source orders", vec![source(), SubtaskState::default()]),
            operator(2, "WindowAggregate", vec![windows()]),
            operator(3, "none", Vec::new()),
        ],
        staged: vec![
            staged(StagedContent::Note("{\"part\": 1}".to_owned())),
            staged(StagedContent::Rows(section("segment/0-1", 9))),
        ],
    }
}

#[test]
fn manifests_come_back() {
    let manifest = example();
    let bytes = manifest.encode();
    assert_eq!(Manifest::decode(&bytes).unwrap(), manifest);
    assert_eq!(Manifest::decode(&bytes).unwrap().encode(), bytes);
    assert_eq!(Manifest::hash(b"").as_str(), "99aa06d3014798d86001c324468d497f");
}

#[test]
fn segments_are_named_once() {
    let manifest = example();
    let paths: Vec<&str> = manifest.segments().iter().map(|s| s.path.as_str()).collect();
    assert_eq!(paths, ["segment/0-1", "segment/1-0", "segment/2-0"]);
}

#[test]
fn no_broken_byte_goes_unseen() {
    let manifest = example();
    let mut bytes = manifest.encode();
    let check = |bytes: &[u8], what: &str| match Manifest::decode(bytes) {
        Ok(found) => assert_eq!(found, manifest, "{what}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}"),
    };
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            bytes[at] ^= flip;
            check(&bytes, &format!("byte {at} ^ {flip}"));
            bytes[at] ^= flip;
        }
    }
    for length in 0..bytes.len() {
        check(&bytes[..length], &format!("cut at {length}"));
    }
}

/// Decodes the example with a text replaced, the checksum being right.
fn decode_with(from: &str, to: &str) -> Result<Manifest> {
    let text = String::from_utf8(example().encode()).unwrap();
    let (_, body) = text.split_once('\n').unwrap();
    assert!(body.contains(from), "{from}");
    let body: serde_json::Value = serde_json::from_str(&body.replace(from, to)).unwrap();
    Manifest::decode(&FRAME.encode(&body))
}

#[test]
fn what_makes_no_sense_is_corrupt() {
    let senseless = [
        ("\"segment\":2", "\"segment\":3"),
        ("\"incarnation\":\"0", "\"incarnation\":\"x"),
        ("\"operator\":\"0", "\"operator\":\""),
        ("\"generation\":4", "\"generation\":4,\"extra\":1"),
        ("\"generation\":4,", ""),
        ("\"generation\":4", "\"generation\":-4"),
    ];
    for (from, to) in senseless {
        let error = decode_with(from, to).expect_err(from);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "AR5107"), "{error}");
    }
    decode_with("\"generation\":4", "\"generation\":5").unwrap();
}
