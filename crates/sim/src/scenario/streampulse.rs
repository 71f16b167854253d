//! StreamPulse as it is shipped: downloads in Avro into five tables, with late ones, messages
//! that cannot be decoded, and partitions that stay empty.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_engine::StopKind;

use super::streampulse_model::{Download, Tables};
use super::{Case, CommitPoint, Feed, MAIN, Scenario, Topic, settings, times};
use crate::dice::Dice;
use crate::expectation::{Exactly, Expectation, Place};
use crate::savepoints::SavepointUse;
use crate::system::broker::Message;
use crate::time::BEGINNING_MS;

/// The scenario.
pub struct StreamPulse;

/// The job that users run.
const SCRIPT: &str = include_str!("../../../../pipelines/streampulse/job.sql");
/// Its topic.
const TOPIC: &str = "content-downloads";

/// How its input is drawn.
struct Input {
    n_partitions: usize,
    /// So many of them, the last ones, have no message.
    n_empty: usize,
    n_downloads: usize,
    /// Event time between two downloads in seconds.
    step: i64,
    delay: i64,
}

impl Scenario for StreamPulse {
    fn name(&self) -> &'static str {
        "streampulse"
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let trouble = dice.time(Duration::from_secs(3), Duration::from_secs(20));
        let n_partitions = usize::try_from(dice.between(1, 3)).unwrap_or(1);
        let input = Input {
            n_partitions,
            n_empty: usize::from(n_partitions > 1 && dice.chance(30_000)),
            n_downloads: usize::try_from(dice.between(20, 400)).unwrap_or(20),
            step: i64::try_from(dice.between(1, 4)).unwrap_or(1),
            delay: i64::try_from(dice.between(2, 6)).unwrap_or(2) * 1_000,
        };
        let min_downloads = i64::try_from(dice.between(1, 5)).unwrap_or(5);
        let (feeds, partitions) = input.draw(dice, trouble);
        let read = &partitions[..n_partitions - input.n_empty];
        let of_partition = |downloads: &Vec<Download>| {
            downloads.iter().map(|download| download.time - input.delay).max().unwrap_or(i64::MIN)
        };
        let last = read.iter().map(of_partition).min().unwrap_or(i64::MIN);
        let tables = Tables::of(read, input.delay, min_downloads, last);
        let expect = |(name, rows): (&str, _)| -> Box<dyn Expectation> {
            Box::new(Exactly { place: Place::Table(name.to_owned()), rows })
        };
        let interval = dice.pick(&["100", "300", "1000", "3000"]);
        let delay_seconds = (input.delay / 1_000).to_string();
        Case {
            script: format!("{}{SCRIPT}", settings(dice)),
            variables: variables(interval, &delay_seconds, &min_downloads.to_string()),
            topics: vec![Topic { servers: MAIN.to_owned(), name: TOPIC.to_owned(), n_partitions }],
            feeds,
            expected: tables.rows.into_iter().map(expect).collect(),
            expected_after_end: Vec::new(),
            parallelisms: dice.pick(&[vec![1], vec![2], vec![1, 2, 3, 4], vec![4]]),
            commit_point: CommitPoint::Store,
            savepoints: SavepointUse::None,
            end: Some(StopKind::Keep),
            trouble,
        }
    }
}

fn variables(interval: &str, delay: &str, min_downloads: &str) -> BTreeMap<String, String> {
    let values = [
        ("KAFKA_BOOTSTRAP_SERVERS", MAIN),
        ("PG_PASSWORD", "secret"),
        ("FLINK_CHECKPOINT_INTERVAL", interval),
        ("WATERMARK_DELAY_SECONDS", delay),
        // Longer than messages may take to come, shorter than anybody's patience.
        ("IDLE_TIMEOUT_SECONDS", "60"),
        ("ALERT_MIN_DOWNLOADS", min_downloads),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Input {
    fn draw(&self, dice: &mut Dice, until: Duration) -> (Vec<Feed>, Vec<Vec<Download>>) {
        let n_read = self.n_partitions - self.n_empty;
        let mut partitions: Vec<Vec<Download>> = vec![Vec::new(); self.n_partitions];
        let mut feeds = Vec::new();
        let arrivals = times(dice, self.n_downloads + n_read, until);
        for (number, at) in arrivals.into_iter().enumerate() {
            let is_last = number >= self.n_downloads;
            let partition = if is_last { number - self.n_downloads } else { dice.index(n_read) };
            let download = self.download(dice, number, is_last);
            feeds.push(feed(at, partition, encode(&download)));
            if dice.chance(2_000) {
                feeds.push(feed(at, partition, vec![0xFF; 3]));
            }
            partitions[partition].push(download);
        }
        (feeds, partitions)
    }

    fn download(&self, dice: &mut Dice, number: usize, is_last: bool) -> Download {
        let now = BEGINNING_MS + i64::try_from(number).unwrap_or(0) * self.step * 1_000;
        let back = |dice: &mut Dice, most: i64| {
            i64::try_from(dice.below(u64::try_from(most).unwrap_or(1))).unwrap_or(0) * 1_000
        };
        let is_late = self.n_partitions == 1 && dice.chance(5_000);
        let time = match (is_last, is_late) {
            (true, _) => now + 3_600_000,
            (_, true) => now - back(dice, 200),
            _ => now - back(dice, self.delay / 1_000),
        };
        let status = dice.pick(&["success", "success", "success", "failed", "cancelled", "odd"]);
        let errors = [None, None, Some("cdn_timeout"), Some("disk_full")];
        let amount = |dice: &mut Dice, most| i64::try_from(dice.below(most)).unwrap_or(0);
        Download {
            number,
            time,
            content: dice.below(4),
            size_mb: amount(dice, 5_000),
            status,
            duration_seconds: amount(dice, 600),
            speed_quarters: amount(dice, 100),
            error_code: if status == "success" { None } else { dice.pick(&errors) },
            region: dice.pick(&["eu-west", "us-east", "ap-south"]),
            device: dice.pick(&["phone", "tv"]),
            os_version: dice.pick(&["1", "2"]),
        }
    }
}

fn feed(at: Duration, partition: usize, body: Vec<u8>) -> Feed {
    let (servers, topic) = (MAIN.to_owned(), TOPIC.to_owned());
    Feed { at, servers, topic, partition, message: Message { key: None, body } }
}

/// A download as bare Avro, field by field as `download.avsc` has them.
fn encode(download: &Download) -> Vec<u8> {
    let Download { number, time, content, size_mb, status, duration_seconds, .. } = download;
    let mut body = Vec::new();
    text(&mut body, &format!("event-{number}"));
    long(&mut body, *time);
    text(&mut body, "user");
    text(&mut body, &format!("content-{content}"));
    text(&mut body, &format!("Title {content}"));
    text(&mut body, "movie");
    text(&mut body, "drama");
    long(&mut body, *size_mb);
    body.extend(1.5_f32.to_le_bytes());
    text(&mut body, status);
    long(&mut body, *duration_seconds);
    let quarters = u16::try_from(download.speed_quarters).unwrap_or(0);
    body.extend((f32::from(quarters) / 4.0).to_le_bytes());
    // A union: the number of the branch, then its value.
    match download.error_code {
        None => long(&mut body, 0),
        Some(code) => {
            long(&mut body, 1);
            text(&mut body, code);
        }
    }
    long(&mut body, 0);
    text(&mut body, download.region);
    text(&mut body, "city");
    text(&mut body, download.device);
    text(&mut body, download.os_version);
    text(&mut body, "wifi");
    body
}

fn text(body: &mut Vec<u8>, value: &str) {
    long(body, i64::try_from(value.len()).unwrap_or(0));
    body.extend(value.as_bytes());
}

/// Zigzag, seven bits a byte, the least first.
fn long(body: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while left > 0x7F {
        body.push(u8::try_from(left & 0x7F).unwrap_or(0) | 0x80);
        left >>= 7;
    }
    body.push(u8::try_from(left).unwrap_or(0));
}
