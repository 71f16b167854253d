//! The input of the jobs that read Kafka, what they do with it, and what must come out.
//!
//! Event `n` decides its fields by its number alone, so every sink can be compared row by row.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use argus_base::Env;
use argus_base::task::{Task, TaskKind, spawn};

use crate::servers::job::Job;
use crate::servers::kafka::Message;
use crate::servers::{wait_until, world};

/// Partitions of the topic.
pub const N_PARTITIONS: i32 = 4;
/// Keys; each is in one partition.
const N_KEYS: u64 = 20;
/// Milliseconds of event time between two events.
const STEP_MILLIS: u64 = 10;
/// `window_start` of the first window: 2025-01-15 12:00:00 UTC.
const BASE_MILLIS: u64 = 1_736_942_400_000;
/// How far the watermark is behind.
const DELAY_MILLIS: u64 = 1_000;
const WINDOW_MILLIS: u64 = 10_000;
/// The last events close all windows of those before.
const CLOSING_MILLIS: u64 = 3_600_000;

/// Events sent at once, and the pause after them.
const CHUNK: u64 = 20;
const CHUNK_PAUSE: Duration = Duration::from_millis(10);

/// What all jobs of events begin with.
pub const SOURCE: &str = "
SET 'pipeline.name' = '${NAME}';
SET 'execution.checkpointing.dir' = '${CHECKPOINTS}';
SET 'execution.checkpointing.interval' = '100 ms';
SET 'table.local-time-zone' = 'UTC';

CREATE TABLE events (
  id BIGINT,
  k STRING,
  v BIGINT,
  millis BIGINT,
  happened AS TO_TIMESTAMP_LTZ(millis, 3),
  WATERMARK FOR happened AS happened - INTERVAL '1' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = '${NAME}',
  'properties.bootstrap.servers' = '${KAFKA}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
);

CREATE VIEW minutes AS
SELECT
  TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', window_start) AS began,
  k, COUNT(*) AS n, SUM(v) AS total, MIN(id) AS first_id, MAX(id) AS last_id
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(happened), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, k;
";

/// An event.
struct Event {
    id: u64,
    millis: u64,
}

impl Event {
    fn key(&self) -> String {
        format!("k{}", self.id % N_KEYS)
    }

    fn value(&self) -> u64 {
        self.id * 7_919 % 1_000
    }

    fn message(&self) -> Message {
        let Event { id, millis } = self;
        let (k, v) = (self.key(), self.value());
        let text = format!(r#"{{"id":{id},"k":"{k}","v":{v},"millis":{millis}}}"#);
        let partition = i32::try_from(id % u64::from(N_PARTITIONS.unsigned_abs())).unwrap();
        Message { phase: 1, partition, key: Some(k.into_bytes()), value: Some(text.into_bytes()) }
    }
}

/// Sends events to a topic until it is told to finish.
pub struct Feed {
    topic: String,
    is_over: Arc<AtomicBool>,
    task: Task<u64>,
}

impl Feed {
    /// Begins.
    pub fn start(topic: &str) -> Feed {
        let is_over = Arc::new(AtomicBool::new(false));
        let (to, seen) = (topic.to_owned(), Arc::clone(&is_over));
        let send = move || {
            let env = Env::system();
            let mut n_sent = 0;
            let sender = world().broker.sender(&to);
            while !seen.load(Ordering::Relaxed) {
                for id in n_sent..n_sent + CHUNK {
                    let millis = BASE_MILLIS + id * STEP_MILLIS;
                    sender.send(&Event { id, millis }.message());
                }
                n_sent += CHUNK;
                env.sleep(CHUNK_PAUSE);
            }
            sender.flush();
            Ok(n_sent)
        };
        let task = spawn(TaskKind::Io, "feed", send).unwrap();
        Feed { topic: topic.to_owned(), is_over, task }
    }

    /// Sends the events that close all windows, and tells what must come out.
    pub fn finish(self) -> Expected {
        self.is_over.store(true, Ordering::Relaxed);
        let n_sent = self.task.join().unwrap();
        let mut events: Vec<Event> =
            (0..n_sent).map(|id| Event { id, millis: BASE_MILLIS + id * STEP_MILLIS }).collect();
        let millis = BASE_MILLIS + n_sent * STEP_MILLIS + CLOSING_MILLIS;
        let n_closing = u64::from(N_PARTITIONS.unsigned_abs());
        let closing: Vec<Event> =
            (n_sent..n_sent + n_closing).map(|id| Event { id, millis }).collect();
        let messages: Vec<Message> = closing.iter().map(Event::message).collect();
        world().broker.send(&self.topic, &messages);
        let minutes = minutes(&events);
        events.extend(closing);
        Expected { events, minutes }
    }
}

/// What must come out.
pub struct Expected {
    events: Vec<Event>,
    minutes: BTreeMap<(u64, String), Minute>,
}

struct Minute {
    n: u64,
    total: u64,
    first_id: u64,
    last_id: u64,
}

fn minutes(events: &[Event]) -> BTreeMap<(u64, String), Minute> {
    let mut minutes: BTreeMap<(u64, String), Minute> = BTreeMap::new();
    for event in events {
        let start = event.millis / WINDOW_MILLIS * WINDOW_MILLIS;
        let none = Minute { n: 0, total: 0, first_id: event.id, last_id: event.id };
        let minute = minutes.entry((start, event.key())).or_insert(none);
        minute.n += 1;
        minute.total += event.value();
        minute.last_id = event.id;
    }
    minutes
}

impl Expected {
    /// Waits until the job has read the last event of each partition.
    pub fn wait_read(&self, job: &Job) {
        let last = self.events.last().map_or(0, |event| event.millis);
        #[allow(clippy::cast_precision_loss, reason = "seconds as a metric has them")]
        let watermark = (last - DELAY_MILLIS) as f64 / 1_000.0;
        let series = || job.series("argus_source_watermark_timestamp_seconds");
        let is_read = || {
            let n_read = series().iter().filter(|(_, at)| *at >= watermark).count();
            n_read == usize::try_from(N_PARTITIONS).unwrap()
        };
        let describe = || format!("{:?} instead of {watermark}\n{}", series(), job.stderr());
        wait_until("the end of the input", is_read, describe);
    }

    /// `id k v` of every event whose `v` is at least that; the form of the table `events`.
    pub fn rows(&self, least: u64) -> Vec<String> {
        let events = self.events.iter().filter(|event| event.value() >= least);
        events.map(|event| format!("{} {} {}", event.id, event.key(), event.value())).collect()
    }

    /// `began k n total first_id last_id` of every closed window and key; the form of `minutes`.
    pub fn minutes(&self) -> Vec<String> {
        let line = |((start, key), minute): (&(u64, String), &Minute)| {
            let Minute { n, total, first_id, last_id } = minute;
            format!("{} {key} {n} {total} {first_id} {last_id}", start / 1_000)
        };
        self.minutes.iter().map(line).collect()
    }
}
