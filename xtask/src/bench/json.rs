//! Kafka JSON → 1-minute window by key → Kafka.

use anyhow::Result;

use super::argus::{Argus, Variables};
use super::flink;
use super::measure::{Figures, Span};
use super::server::Kafka;

/// Rows a second that are there to be read: more than is hoped for.
pub const ROWS_PER_SECOND: u64 = 1_900_000;

const SCRIPT: &str = "benches/json_window.sql";

/// A filled topic.
pub struct Case {
    variables: Variables,
    n_rows: u64,
}

impl Case {
    /// Fills the topic.
    pub fn prepare(argus: &Argus, kafka: &Kafka, n_rows: u64) -> Result<Case> {
        eprintln!("bench: writing {n_rows} rows of JSON");
        let variables = Variables::from([
            ("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap()?.to_owned()),
            ("BENCH_TOPIC", "orders".to_owned()),
            ("BENCH_ROWS", n_rows.to_string()),
        ]);
        argus.run("benches/json_preload.sql", &variables, &[])?;
        Ok(Case { variables, n_rows })
    }

    /// Our figures.
    pub fn on_argus(&self, argus: &Argus, span: &Span) -> Result<Figures> {
        eprintln!("bench: {SCRIPT} on Argus");
        argus.measure(SCRIPT, &self.variables, self.n_rows, span)
    }

    /// The script with its variables filled in.
    pub fn flink_script(&self) -> Result<String> {
        flink::fill_in(SCRIPT, &self.variables)
    }
}
