//! Where the jobs of events write to, and what is there in the end.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::events::Expected;
use super::tally::Tally;
use crate::servers::kafka::Message;
use crate::servers::postgres::USER;
use crate::servers::tables::lines;
use crate::servers::world;

/// Some of the sinks of a job.
pub struct Sinks {
    /// The tables of the script.
    pub tables: &'static str,
    /// The statements that fill them.
    pub inserts: &'static str,
    /// Makes what has to be there before; gets the name of the job.
    pub prepare: fn(&str),
    /// Compares what has been written.
    pub compare: fn(&Place<'_>, &Expected, &mut Tally),
}

/// Where one run of a job writes to.
pub struct Place<'a> {
    /// The name of the job, its database, and what its topics begin with.
    pub name: &'a str,
    /// A folder for files.
    pub files: &'a Path,
}

/// Two topics, written in transactions.
pub const KAFKA: Sinks = Sinks {
    tables: "
CREATE TABLE passed (id BIGINT, k STRING, v BIGINT) WITH (
  'connector' = 'kafka', 'topic' = '${NAME}_passed', 'properties.bootstrap.servers' = '${KAFKA}',
  'key.format' = 'raw', 'key.fields' = 'k', 'value.format' = 'json'
);
CREATE TABLE counted (
  began INT, k STRING, n BIGINT, total BIGINT, first_id BIGINT, last_id BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = '${NAME}_counted', 'properties.bootstrap.servers' = '${KAFKA}',
  'format' = 'json'
);
",
    inserts: "
INSERT INTO passed SELECT id, k, v FROM events WHERE v >= 100;
INSERT INTO counted SELECT * FROM minutes;
",
    prepare: |name| {
        world().broker.create_topic(&format!("{name}_passed"), 3);
        world().broker.create_topic(&format!("{name}_counted"), 3);
    },
    compare: |place, expected, tally| {
        let read = |topic: &str| world().broker.read_committed(&format!("{}_{topic}", place.name));
        let passed = read("passed");
        check_order(&passed);
        let texts = |messages: &[Message]| -> Vec<String> {
            messages.iter().map(|message| row_text(message.value.as_ref().unwrap())).collect()
        };
        tally.compare("passed", expected.rows(100), texts(&passed));
        tally.compare("counted", expected.minutes(), texts(&read("counted")));
    },
};

/// Messages of a key are in one partition, in the order of its events.
fn check_order(messages: &[Message]) {
    let mut last: BTreeMap<&[u8], (i32, i64)> = BTreeMap::new();
    for message in messages {
        let value: Value = serde_json::from_slice(message.value.as_ref().unwrap()).unwrap();
        let id = value["id"].as_i64().unwrap();
        let key = message.key.as_deref().unwrap();
        if let Some((partition, before)) = last.insert(key, (message.partition, id)) {
            assert_eq!(partition, message.partition, "{value}");
            assert!(before < id, "{value} comes after {before}");
        }
    }
}

/// The values of a row that is a JSON object, in its order.
fn row_text(json: &[u8]) -> String {
    let row: Value = serde_json::from_slice(json).unwrap();
    let values = row.as_object().unwrap().values();
    let texts: Vec<String> = values
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .collect();
    texts.join(" ")
}

/// A staged table of rows and one of windows, neither with a primary key.
pub const APPENDING: Sinks = Sinks {
    tables: "
CREATE TABLE every_event (id BIGINT, k STRING, v BIGINT)
WITH (${DATABASE}, 'table-name' = 'every_event');
CREATE TABLE every_minute (
  began INT, k STRING, n BIGINT, total BIGINT, first_id BIGINT, last_id BIGINT
) WITH (${DATABASE}, 'table-name' = 'every_minute');
",
    inserts: "
INSERT INTO every_event SELECT id, k, v FROM events;
INSERT INTO every_minute SELECT * FROM minutes;
",
    prepare: |name| {
        make_tables(
            name,
            "CREATE TABLE every_event (id bigint, k text, v bigint);
             CREATE TABLE every_minute (began int, k text, n bigint, total bigint,
               first_id bigint, last_id bigint);",
        );
    },
    compare: |place, expected, tally| {
        let rows = lines(place.name, "SELECT concat_ws(' ', id, k, v) FROM every_event");
        tally.compare("every_event", expected.rows(0), rows);
        tally.compare("every_minute", expected.minutes(), minutes(place, "every_minute"));
    },
};

/// A table of windows that is upserted early.
pub const UPSERTING: Sinks = Sinks {
    tables: "
CREATE TABLE last_minutes (
  began INT, k STRING, n BIGINT, total BIGINT, first_id BIGINT, last_id BIGINT,
  PRIMARY KEY (began, k) NOT ENFORCED
) WITH (${DATABASE}, 'table-name' = 'last_minutes');
",
    inserts: "
INSERT INTO last_minutes SELECT * FROM minutes;
",
    prepare: |name| {
        make_tables(
            name,
            "CREATE TABLE last_minutes (began int, k text, n bigint, total bigint,
               first_id bigint, last_id bigint, PRIMARY KEY (began, k));",
        );
    },
    compare: |place, expected, tally| {
        tally.compare("last_minutes", expected.minutes(), minutes(place, "last_minutes"));
    },
};

fn make_tables(database: &str, tables: &str) {
    world().server.run(database, &format!("SET ROLE {USER}; {tables}"));
}

fn minutes(place: &Place<'_>, table: &str) -> Vec<String> {
    let columns = "concat_ws(' ', began, k, n, total, first_id, last_id)";
    lines(place.name, &format!("SELECT {columns} FROM {table}"))
}

/// Files of rows.
pub const FILES: Sinks = Sinks {
    tables: "
CREATE TABLE kept (id BIGINT, k STRING, v BIGINT)
WITH ('connector' = 'filesystem', 'path' = '${FILES}', 'format' = 'json');
",
    inserts: "
INSERT INTO kept SELECT id, k, v FROM events WHERE v >= 500;
",
    prepare: |_| (),
    compare: |place, expected, tally| {
        tally.compare("kept", expected.rows(500), visible_rows(place.files));
    },
};

/// The rows of all files in a folder that readers see.
pub fn visible_rows(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_hidden = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(['.', '_'])
    };
    let visible = files.filter(|path| !is_hidden(path) && path.is_file());
    let texts: String = visible.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    texts.lines().map(|line| row_text(line.as_bytes())).collect()
}
