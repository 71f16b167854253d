//! Tests of the registry: what `check_table` refuses, and with which words.

use std::collections::BTreeMap;

use super::*;
use argus_base::TypeRoot;

fn check(written: &[(&str, &str)]) -> std::result::Result<(), String> {
    let options = written.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let table = TableDescriptor {
        name: "t".to_owned(),
        options: options.collect::<BTreeMap<_, _>>(),
        physical: vec![Field::new("id", TypeRoot::Int.nullable())],
        metadata: Vec::new(),
        primary_key: Vec::new(),
        partition_keys: Vec::new(),
    };
    Connectors::new().check_table(&table).map_err(|error| error.to_string())
}

#[test]
fn takes_what_is_declared() {
    assert_eq!(check(&[("connector", "blackhole"), ("sink.parallelism", "2")]), Ok(()));
    let datagen = [
        ("connector", "datagen"),
        ("rows-per-second", "5"),
        ("fields.id.min", "1"),
        ("scan.watermark.idle-timeout", "1 s"),
    ];
    assert_eq!(check(&datagen), Ok(()));
}

#[test]
fn refuses_with_the_nearest_name() {
    let refused = |written: &[(&str, &str)]| check(written).unwrap_err();
    assert!(refused(&[]).starts_with("missing required option 'connector'"));
    assert_eq!(
        refused(&[("connector", "datagne")]),
        "option 'connector' = 'datagne': unknown connector; did you mean 'datagen'?"
    );
    assert_eq!(
        refused(&[("connector", "datagen"), ("rows-per-secnd", "1")]),
        "unknown option 'rows-per-secnd'; did you mean 'rows-per-second'?"
    );
    assert_eq!(
        refused(&[("connector", "datagen"), ("fields.ix.min", "1")]),
        "unknown option 'fields.ix.min'; did you mean 'fields.id.min'?"
    );
    assert_eq!(
        refused(&[("connector", "datagen"), ("sink.parallelism", "1")]),
        "unknown option 'sink.parallelism'; did you mean 'scan.parallelism'?"
    );
    assert_eq!(
        refused(&[("connector", "print"), ("sink.parallelism", "0")]),
        "option 'sink.parallelism' = '0': expected a whole number from 1 to 2147483647"
    );
}

#[test]
fn lists_every_declaration() {
    let names: Vec<&str> = all().connectors.iter().map(|spec| spec.identifier).collect();
    assert_eq!(names, Connectors::new().connector_names());
}
