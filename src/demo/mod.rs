//! `argus demo`: the StreamPulse pipeline in one process, nothing to install.
//!
//! ```text
//! generate.sql ─▶ gate ─▶ Kafka broker in the process ─▶ job.sql ─▶ SQLite file
//! ```
//!
//! Both scripts are the shipped ones and run by the same path as `argus run`; only tables are
//! pointed elsewhere, as `--table` would. Time is replayed: a minute of downloads a second. In the
//! end every row that was written must have been read, and every minute but the last must have
//! closed with exactly its share of them.

mod database;
mod gate;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::ConnectorFactory;
use argus_base::metrics::Registry;
use argus_base::{Env, Error, Result};
use argus_connectors::kafka::mock::MockBroker;
use argus_connectors::registry::Connectors;
use argus_engine::StartOptions;
use argus_engine::job::{JobHandle, StopKind};
use argus_plan::JobGraph;

use crate::cli::DemoArguments;
use crate::failure::{Failure, eprint_quietly};
use crate::output::write_out;
use crate::progress::{Progress, grouped};
use crate::run::JobWorld;
use crate::script::Script;
use crate::signal::StopRequest;
use database::Database;
use gate::{Gate, GatedFactory};

const JOB: &str = include_str!("../../pipelines/streampulse/job.sql");
const GENERATOR: &str = include_str!("../../pipelines/streampulse/generate.sql");

const TOPIC: &str = "content-downloads";
const N_PARTITIONS: i32 = 3;
/// Tables of the job that go to SQLite.
const SINKS: [&str; 5] = ["content_stats", "region_health", "device_stats", "alerts", "event_log"];

const EVENTS_PER_MINUTE: u64 = 6_000;
/// Minutes a second.
const SPEED: u64 = 60;
const START: &str = "2026-01-01T12:00:00Z";

/// Rows that lie in the broker when the job begins.
const HEAD_START: u64 = 500;

/// How long the job may take to read what has been written, and to start.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs the demo.
pub fn run(arguments: &DemoArguments) -> std::result::Result<(), Failure> {
    let env = Env::system();
    let stop = StopRequest::listen(&env)?;
    let path = database_path(arguments)?;
    let database = Database::open(&path)?;
    // It lives as long as the process: clients that are still ending would miss it.
    let broker: &'static MockBroker = Box::leak(Box::new(MockBroker::start()?));
    broker.create_topic(TOPIC, N_PARTITIONS)?;
    introduce(broker, &path, arguments.minutes);
    let checkpoints = path.with_extension("checkpoints").to_string_lossy().into_owned();
    let n_minutes = arguments.minutes;
    let demo = Demo { env, stop, broker, database, n_minutes, checkpoints };
    demo.run()
}

struct Demo {
    env: Env,
    stop: StopRequest,
    broker: &'static MockBroker,
    database: Database,
    n_minutes: u64,
    /// Folder of the job's checkpoints.
    checkpoints: String,
}

impl Demo {
    fn run(&self) -> std::result::Result<(), Failure> {
        let connectors: Arc<dyn ConnectorFactory> = Arc::new(Connectors::new());
        let metrics = Registry::default();
        let gate = Gate::new(&metrics);
        let gated: Arc<dyn ConnectorFactory> =
            Arc::new(GatedFactory { inner: Arc::clone(&connectors), gate: gate.clone() });
        let generator = self.script("generate.sql", GENERATOR).one_job()?;
        let writer = self.start(&generator, &gated, &Registry::default())?;
        // A partition that is empty when the job begins would soon count as idle, and its first
        // rows, a minute a second, as late.
        self.wait_until(&writer, |_| gate.n_written() >= HEAD_START)?;

        let job = self.script("job.sql", JOB).one_job()?;
        let reader = self.start(&job, &connectors, &metrics)?;
        let mut progress = Progress::new(&self.env, &metrics, &job.settings.name, false);
        while !writer.is_finished() && !reader.is_finished() && !self.stop.is_asked() {
            progress.tick();
            self.env.sleep(PAUSE);
        }
        writer.stop(StopKind::Keep);
        if !reader.is_finished() {
            writer.wait()?;
            self.wait_until(&reader, |_| gate.n_read() >= gate.n_written())?;
            self.wait_until(&reader, |_| self.has_counted())?;
        }
        // Where it has ended by itself, this says why.
        reader.stop(StopKind::Keep);
        reader.wait()?;
        progress.finish();
        Ok(self.conclude(&gate)?)
    }

    fn start(
        &self,
        graph: &JobGraph,
        factory: &Arc<dyn ConnectorFactory>,
        metrics: &Registry,
    ) -> Result<JobHandle> {
        let start = StartOptions { fresh: true, ..StartOptions::default() };
        let world = JobWorld { env: &self.env, factory, metrics, collect: None, start };
        crate::run::start(graph, world)
    }

    /// A shipped script with the demo's variables and tables.
    fn script(&self, name: &str, text: &str) -> Script {
        let mut script = Script::new(name, text);
        script.variables = Some(self.variables());
        let url = self.database.url();
        for table in SINKS {
            if name == "job.sql" {
                script.override_table(table, "url", &url);
            }
        }
        script
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let variables = [
            ("KAFKA_BOOTSTRAP_SERVERS", self.broker.bootstrap_servers()),
            ("KAFKA_TOPIC", TOPIC.to_owned()),
            ("PG_PASSWORD", String::new()),
            ("IDLE_TIMEOUT_SECONDS", "2".to_owned()),
            ("ON_ERROR", "fail".to_owned()),
            ("FLINK_CHECKPOINT_INTERVAL", "1000".to_owned()),
            ("FLINK_CHECKPOINT_DIR", self.checkpoints.clone()),
            ("EVENTS_PER_MINUTE", EVENTS_PER_MINUTE.to_string()),
            ("GENERATOR_COUNT", (self.n_minutes * EVENTS_PER_MINUTE).to_string()),
            ("GENERATOR_START", START.to_owned()),
            ("GENERATOR_SPEED", SPEED.to_string()),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Waits for something of a job, which must neither end nor take too long. A signal is enough.
    fn wait_until(&self, job: &JobHandle, is_so: impl Fn(&JobHandle) -> bool) -> Result<()> {
        let until = self.env.elapsed() + PATIENCE;
        while !is_so(job) && !job.is_finished() && !self.stop.is_asked() {
            if self.env.elapsed() > until {
                return Err(Error::bug("the demo's job does not get on"));
            }
            self.env.sleep(PAUSE);
        }
        Ok(())
    }

    /// Whether every minute has closed, but for the last: nothing follows that closes it.
    fn has_counted(&self) -> bool {
        // An error shows up when the results are read.
        self.database.counted().is_ok_and(|(_, n_minutes)| n_minutes + 1 >= self.n_minutes)
    }

    /// Prints what was computed, and checks it.
    fn conclude(&self, gate: &Gate) -> Result<()> {
        let (n_written, n_read) = (gate.n_written(), gate.n_read());
        write_out(self.database.results()?.as_bytes())?;
        let (n_counted, n_minutes) = self.database.counted()?;
        write_out(summary(n_written, n_read, n_counted, n_minutes).as_bytes())?;
        if self.stop.is_asked() {
            return Ok(());
        }
        let is_read = n_written == self.n_minutes * EVENTS_PER_MINUTE && n_read == n_written;
        let is_counted = n_minutes + 1 == self.n_minutes;
        if !is_read || !is_counted || n_counted != n_minutes * EVENTS_PER_MINUTE {
            let message = format!(
                "{n_written} rows written, {n_read} read, {n_counted} counted in {n_minutes} \
                 minutes: they do not agree"
            );
            return Err(Error::bug(message));
        }
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss, reason = "numbers for people")]
fn summary(n_written: u64, n_read: u64, n_counted: u64, n_minutes: u64) -> String {
    let shown = |n: u64| grouped(n as f64);
    format!(
        "\n{} downloads written, {} read; {} of them lie in closed minutes, of which there are \
         {n_minutes}.\nThe last minute stays open: no later download has closed it.\n",
        shown(n_written),
        shown(n_read),
        shown(n_counted),
    )
}

/// The file asked for, or one of its own below the temporary folder.
fn database_path(arguments: &DemoArguments) -> std::result::Result<PathBuf, Failure> {
    if let Some(path) = &arguments.database {
        if path.exists() {
            let message = format!("the file {} is there already", path.display());
            return Err(Failure::Arguments(message));
        }
        return Ok(path.clone());
    }
    let folder = std::env::temp_dir().join(format!("argus-demo-{}", std::process::id()));
    let made = std::fs::create_dir_all(&folder);
    made.map_err(|error| Failure::Arguments(format!("{}: {error}", folder.display())))?;
    Ok(folder.join("streampulse.db"))
}

fn introduce(broker: &MockBroker, path: &std::path::Path, n_minutes: u64) {
    eprint_quietly(&format!(
        "StreamPulse: {n_minutes} minutes of downloads, a minute a second.\n\
         generate.sql ─▶ Kafka broker in this process, {} ─▶ job.sql ─▶ SQLite, {}\n",
        broker.bootstrap_servers(),
        path.display(),
    ));
}
