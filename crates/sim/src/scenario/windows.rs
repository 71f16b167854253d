//! One topic into windows of every kind, and from there into sinks of every kind; which of them a
//! job has is drawn. Where it has a topic its cluster is the commit point, else the store is.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_engine::StopKind;

use super::window_model::{self, Event, Windows, aggregate};
use super::{Case, CommitPoint, FROM_EARLIEST, Feed, MAIN, Scenario, Topic, settings, times};
use crate::dice::Dice;
use crate::expectation::{Exactly, Expectation, Place, Rows};
use crate::savepoints::SavepointUse;
use crate::system::broker::Message;
use crate::time::BEGINNING_MS;

/// The scenario.
pub struct AllWindows;

/// How far the watermark is behind the latest row.
const DELAY: i64 = 2_000;
/// A cluster that follows.
const OTHER: &str = "other:9092";

impl Scenario for AllWindows {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let trouble = dice.time(Duration::from_secs(3), Duration::from_secs(20));
        let n_partitions = usize::try_from(dice.between(1, 3)).unwrap_or(1);
        let (feeds, partitions) = input(dice, n_partitions, trouble);
        let mut outputs = Output::windowed(&partitions);
        outputs.extend(Output::passed(&partitions));
        // At least one of them, most often several.
        let kept = dice.below(5);
        let mut index = 0;
        outputs.retain(|_| {
            index += 1;
            index - 1 == kept || dice.chance(55_000)
        });
        let is_primary = |servers: &str| outputs.iter().any(|o| o.servers == Some(servers));
        let commit_point = match (is_primary(MAIN), is_primary(OTHER)) {
            (true, _) => CommitPoint::Cluster(MAIN.to_owned()),
            (false, true) => CommitPoint::Cluster(OTHER.to_owned()),
            (false, false) => CommitPoint::Store,
        };
        let topic = |servers: &str, name: &str, n_partitions| {
            let (servers, name) = (servers.to_owned(), name.to_owned());
            Topic { servers, name, n_partitions }
        };
        Case {
            script: script(dice, &outputs),
            variables: BTreeMap::new(),
            topics: vec![
                topic(MAIN, "payments", n_partitions),
                topic(MAIN, "totals", 2),
                topic(OTHER, "costly", 1),
            ],
            feeds,
            expected: outputs.into_iter().map(|output| output.expected).collect(),
            expected_after_end: Vec::new(),
            parallelisms: dice.pick(&[vec![1], vec![2], vec![1, 2, 4], vec![1, 4], vec![3]]),
            commit_point,
            savepoints: SavepointUse::None,
            end: Some(StopKind::Keep),
            trouble,
        }
    }
}

/// A sink of the job.
struct Output {
    /// Its table and the statement that fills it.
    sql: String,
    /// Its cluster, where it is a topic.
    servers: Option<&'static str>,
    expected: Box<dyn Expectation>,
}

impl Output {
    /// What windows make of the rows: in a topic, early by key, and staged.
    fn windowed(partitions: &[Vec<Event>]) -> Vec<Output> {
        let columns = "k STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, total BIGINT, \
                       least BIGINT, most BIGINT";
        let insert = |table: &str, windows: &str| {
            format!(
                "INSERT INTO {table} SELECT k, window_start, window_end, COUNT(*), SUM(amount), \
                 MIN(amount), MAX(amount) FROM TABLE({windows}) GROUP BY k, window_start, \
                 window_end;\n"
            )
        };
        let jdbc = |name: &str| {
            format!(
                "'connector' = 'jdbc', 'table-name' = '{name}', \
                 'url' = 'jdbc:postgresql://localhost/simulated'"
            )
        };
        let tumble = "TUMBLE(TABLE payments, DESCRIPTOR(t), INTERVAL '10' SECOND)";
        let hop = "HOP(TABLE payments, DESCRIPTOR(t), INTERVAL '5' SECOND, INTERVAL '15' SECOND)";
        let cumulate =
            "CUMULATE(TABLE payments, DESCRIPTOR(t), INTERVAL '5' SECOND, INTERVAL '20' SECOND)";
        let windows = |place, kind| window_rows(place, partitions, kind);
        vec![
            Output {
                sql: format!(
                    "CREATE TABLE totals ({columns}) WITH ({});\n{}",
                    topic(MAIN, "totals"),
                    insert("totals", tumble)
                ),
                servers: Some(MAIN),
                expected: windows(place(MAIN, "totals"), Windows::Tumble(10_000)),
            },
            Output {
                sql: format!(
                    "CREATE TABLE hops ({columns}, PRIMARY KEY (k, starts, ends) NOT ENFORCED) \
                     WITH ({});\n{}",
                    jdbc("hops"),
                    insert("hops", hop)
                ),
                servers: None,
                expected: windows(Place::Table("hops".to_owned()), Windows::Hop(5_000, 15_000)),
            },
            Output {
                sql: format!(
                    "CREATE TABLE growing ({columns}) WITH ({});\n{}",
                    jdbc("growing"),
                    insert("growing", cumulate)
                ),
                servers: None,
                expected: windows(
                    Place::Table("growing".to_owned()),
                    Windows::Cumulate(5_000, 20_000),
                ),
            },
        ]
    }

    /// Rows that no window holds: in files, and in a topic of another cluster.
    fn passed(partitions: &[Vec<Event>]) -> Vec<Output> {
        vec![
            Output {
                sql: "CREATE TABLE files (id BIGINT, k STRING) WITH ('connector' = 'filesystem', \
                     'path' = 'file:///simulated/files', 'format' = 'json');\n\
                     INSERT INTO files SELECT id, k FROM payments WHERE MOD(amount, 2) = 0;\n"
                    .to_owned(),
                servers: None,
                expected: filtered(
                    Place::Folder("file:///simulated/files".to_owned()),
                    partitions,
                    |amount| amount % 2 == 0,
                ),
            },
            Output {
                sql: format!(
                    "CREATE TABLE costly (id BIGINT, k STRING) WITH ({});\n\
                     INSERT INTO costly SELECT id, k FROM payments WHERE amount > 50;\n",
                    topic(OTHER, "costly")
                ),
                servers: Some(OTHER),
                expected: filtered(place(OTHER, "costly"), partitions, |amount| amount > 50),
            },
        ]
    }
}

/// The options of a topic's table.
fn topic(servers: &str, name: &str) -> String {
    format!(
        "'connector' = 'kafka', 'topic' = '{name}', 'format' = 'json', \
         'properties.bootstrap.servers' = '{servers}', 'key.fields' = 'k', \
         'key.format' = 'json'"
    )
}

/// The topic itself.
fn place(servers: &str, topic: &str) -> Place {
    Place::Topic { servers: servers.to_owned(), topic: topic.to_owned(), order: None }
}

fn window_rows(place: Place, partitions: &[Vec<Event>], kind: Windows) -> Box<dyn Expectation> {
    let rows = window_model::rows(&aggregate(partitions, kind, DELAY));
    Box::new(Exactly { place, rows })
}

/// The rows whose amount is wanted, with their time as id.
fn filtered(
    place: Place,
    partitions: &[Vec<Event>],
    is_kept: impl Fn(i64) -> bool,
) -> Box<dyn Expectation> {
    let mut rows = Rows::new();
    for event in partitions.iter().flatten().filter(|event| is_kept(event.amount)) {
        let row = format!(r#"{{"id":{},"k":"{}"}}"#, event.time, event.key);
        *rows.entry(row).or_default() += 1;
    }
    Box::new(Exactly { place, rows })
}

/// Rows a little out of order; in one partition some that are surely late. The last row of each
/// partition comes much later than all others and closes their windows.
fn input(dice: &mut Dice, n_partitions: usize, until: Duration) -> (Vec<Feed>, Vec<Vec<Event>>) {
    let n_rows = usize::try_from(dice.between(20, 400)).unwrap_or(20);
    let n_keys = dice.between(1, 10);
    let step = dice.between(20, 400);
    let mut partitions: Vec<Vec<Event>> = vec![Vec::new(); n_partitions];
    let mut feeds = Vec::new();
    let arrivals = times(dice, n_rows + n_partitions, until);
    for (number, at) in arrivals.into_iter().enumerate() {
        let is_last = number >= n_rows;
        let partition = if is_last { number - n_rows } else { dice.index(n_partitions) };
        let now = BEGINNING_MS + i64::try_from(number as u64 * step).unwrap_or(0);
        let jitter = i64::try_from(dice.below(1_500)).unwrap_or(0);
        let is_late = n_partitions == 1 && dice.chance(5_000);
        let time = match (is_last, is_late) {
            (true, _) => BEGINNING_MS + 3_600_000,
            (_, true) => now - i64::try_from(dice.between(2_000, 40_000)).unwrap_or(0),
            _ => now - jitter,
        };
        let amount = i64::try_from(dice.between(1, 100)).unwrap_or(1);
        // Other keys in each world, for other key groups.
        let key = format!("k{n_rows}-{}", dice.below(n_keys));
        let body = format!(r#"{{"id":{time},"k":"{key}","amount":{amount},"ts":{time}}}"#);
        partitions[partition].push(Event { key, amount, time });
        feeds.push(Feed {
            at,
            servers: MAIN.to_owned(),
            topic: "payments".to_owned(),
            partition,
            message: Message { key: None, body: body.into_bytes() },
        });
    }
    (feeds, partitions)
}

fn script(dice: &mut Dice, outputs: &[Output]) -> String {
    let (settings, delay) = (settings(dice), DELAY / 1_000);
    let source = super::kafka("payments", FROM_EARLIEST);
    let sinks: String = outputs.iter().map(|output| output.sql.as_str()).collect();
    format!(
        "{settings}\
         CREATE TABLE payments (id BIGINT, k STRING, amount BIGINT, ts BIGINT, \
         t AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR t AS t - INTERVAL '{delay}' SECOND) \
         WITH ({source});\n{sinks}"
    )
}
