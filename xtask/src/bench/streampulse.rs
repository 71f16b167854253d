//! Kafka Avro → StreamPulse's job → PostgreSQL, and the job's memory when nothing happens.

use std::time::Duration;

use anyhow::Result;

use super::argus::{Argus, Variables};
use super::flink;
use super::measure::{Figures, Span};
use super::process::usage;
use super::server::{Kafka, Postgres};

/// Rows a second that are there to be read: more than is hoped for.
pub const ROWS_PER_SECOND: u64 = 900_000;

const SCRIPT: &str = "pipelines/streampulse/job.sql";
const GENERATOR: &str = "pipelines/streampulse/generate.sql";

/// A filled topic and empty tables.
pub struct Case<'a> {
    postgres: &'a Postgres,
    variables: Variables,
    n_rows: u64,
}

impl Case<'_> {
    /// Fills the topic with 10,000 downloads for every second of event time.
    pub fn prepare<'a>(
        argus: &Argus,
        kafka: &Kafka,
        postgres: &'a Postgres,
        n_rows: u64,
    ) -> Result<Case<'a>> {
        eprintln!("bench: writing {n_rows} downloads");
        let variables = Variables::from([
            ("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap()?.to_owned()),
            ("PG_PORT", postgres.port()?.to_owned()),
            ("PG_PASSWORD", "postgres".to_owned()),
            ("EVENTS_PER_MINUTE", "600000".to_owned()),
            ("GENERATOR_COUNT", n_rows.to_string()),
            ("GENERATOR_START", "2026-01-01T00:00:00Z".to_owned()),
            ("GENERATOR_SPEED", "0".to_owned()),
        ]);
        let lz4 = ["--table", "downloads.properties.compression.type=lz4"];
        argus.run(GENERATOR, &variables, &lz4)?;
        let mut none = variables.clone();
        none.extend([("KAFKA_TOPIC", "nothing".to_owned())]);
        none.extend([("GENERATOR_COUNT", "1".to_owned())]);
        argus.run(GENERATOR, &none, &[])?;
        Ok(Case { postgres, variables, n_rows })
    }

    /// Resident memory of the job when there is nothing to do.
    pub fn idle_resident_mib(&self, argus: &Argus) -> Result<f64> {
        let mut variables = self.variables.clone();
        variables.extend([("KAFKA_TOPIC", "nothing".to_owned())]);
        let running = argus.start(SCRIPT, &variables)?;
        std::thread::sleep(Duration::from_secs(3));
        Ok(usage(running.process_id())?.resident_mib)
    }

    /// Our figures.
    pub fn on_argus(&self, argus: &Argus, span: &Span) -> Result<Figures> {
        eprintln!("bench: {SCRIPT} on Argus");
        argus.measure(SCRIPT, &self.variables, self.n_rows, span)
    }

    /// Takes everything out of the tables, for another engine.
    pub fn empty_tables(&self) -> Result<()> {
        let tables = "content_stats, region_health, device_stats, alerts, event_log";
        let truncate = format!("TRUNCATE {tables}");
        self.postgres.psql(&["-c", "\\connect streampulse", "-c", &truncate])?;
        Ok(())
    }

    /// The script with its variables filled in.
    pub fn flink_script(&self) -> Result<String> {
        flink::fill_in(SCRIPT, &self.variables)
    }
}
