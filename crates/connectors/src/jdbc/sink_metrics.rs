//! What a table's writers and committer count.

use std::time::Duration;

use argus_base::connector::ConnectorContext;
use argus_base::metrics::{Counter, Histogram};

use crate::metrics::{SINK_BYTES, SINK_RECORDS, SINK_RETRIES, SINK_SKIPPED, SINK_WRITE_SECONDS};

/// The metrics of one table.
#[derive(Clone)]
pub struct SinkMetrics {
    n_records: Counter,
    n_bytes: Counter,
    n_skipped: Counter,
    n_retries: Counter,
    write_seconds: Histogram,
}

/// Rows that a transaction brought into the database.
#[derive(Debug, Default)]
pub struct Written {
    /// Changelog rows that it took or that others of their key made needless.
    pub n_rows: usize,
    /// About how many bytes their values have.
    pub n_bytes: u64,
    /// Rows that it refuses, not counted above.
    pub n_refused: usize,
    /// Why it refuses the first of them.
    pub reason: Option<String>,
}

impl SinkMetrics {
    /// The metrics of that table.
    pub fn new(context: &ConnectorContext, table_name: &str) -> SinkMetrics {
        let labels = [("job", context.job_name.as_str()), ("sink", table_name)];
        SinkMetrics {
            n_records: context.metrics.counter(&SINK_RECORDS, &labels),
            n_bytes: context.metrics.counter(&SINK_BYTES, &labels),
            n_skipped: context.metrics.counter(&SINK_SKIPPED, &labels),
            n_retries: context.metrics.counter(&SINK_RETRIES, &labels),
            write_seconds: context.metrics.histogram(&SINK_WRITE_SECONDS, &labels),
        }
    }

    /// A transaction was committed that took this long.
    pub fn committed(&self, written: &Written, elapsed: Duration) {
        self.n_records.add(written.n_rows as u64);
        self.n_bytes.add(written.n_bytes);
        self.n_skipped.add(written.n_refused as u64);
        self.write_seconds.observe(elapsed);
    }

    /// An attempt failed and another follows.
    pub fn failed(&self) {
        self.n_retries.add(1);
    }
}
