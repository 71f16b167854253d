//! Holds the generator back: the broker in the process forgets what is not read in time, so at
//! most [`MOST_IN_FLIGHT`] rows (and one batch) may be written and not yet read.
//!
//! It is back-pressure by the ordinary seam: a sink around the real one, whose writers are blocked
//! while too much is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argus_base::connector::{
    ConnectorContext, ConnectorFactory, ScanSpec, SinkSet, SinkTable, TableDescriptor,
};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::metrics::Registry;
use argus_base::sink::{Delivery, Flushed, Sink, SinkStatus, SinkWriter};
use argus_base::source::Source;
use argus_base::{Batch, Result};
use argus_engine::metrics::SOURCE_RECORDS;

/// A message is about 350 bytes and a partition keeps 5 MiB: 15,000 messages are safe even when
/// all lie in one partition.
const MOST_IN_FLIGHT: u64 = 5_000;

/// Rows written by the generator and read by the job.
#[derive(Clone)]
pub struct Gate {
    n_written: Arc<AtomicU64>,
    /// The metrics of the job that reads.
    reader: Registry,
}

impl Gate {
    /// A gate before the job of those metrics.
    pub fn new(reader: &Registry) -> Gate {
        Gate { n_written: Arc::default(), reader: reader.clone() }
    }

    /// Rows handed to the broker's client so far.
    pub fn n_written(&self) -> u64 {
        self.n_written.load(Ordering::Acquire)
    }

    /// Rows the job has read so far.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of counters")]
    pub fn n_read(&self) -> u64 {
        self.reader.sum(SOURCE_RECORDS.name, &[]) as u64
    }

    fn is_open(&self) -> bool {
        self.n_written().saturating_sub(self.n_read()) < MOST_IN_FLIGHT
    }
}

/// Opens tables as `inner` does, with the gate before every sink.
pub struct GatedFactory {
    /// The real one.
    pub inner: Arc<dyn ConnectorFactory>,
    /// Shared by all sinks.
    pub gate: Gate,
}

impl ConnectorFactory for GatedFactory {
    fn source(
        &self,
        table: &TableDescriptor,
        scan: &ScanSpec,
        context: &ConnectorContext,
    ) -> Result<Arc<dyn Source>> {
        self.inner.source(table, scan, context)
    }

    fn sinks(&self, tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
        let SinkSet { sinks, committers } = self.inner.sinks(tables, context)?;
        let gated = sinks.into_iter().map(|inner| -> Arc<dyn Sink> {
            Arc::new(GatedSink { inner, gate: self.gate.clone() })
        });
        Ok(SinkSet { sinks: gated.collect(), committers })
    }
}

struct GatedSink {
    inner: Arc<dyn Sink>,
    gate: Gate,
}

impl Sink for GatedSink {
    fn max_parallelism(&self) -> Option<usize> {
        self.inner.max_parallelism()
    }

    fn delivery(&self) -> Delivery {
        self.inner.delivery()
    }

    fn writer(&self, subtask: SubtaskIndex, parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let inner = self.inner.writer(subtask, parallelism)?;
        Ok(Box::new(GatedWriter { inner, gate: self.gate.clone() }))
    }
}

struct GatedWriter {
    inner: Box<dyn SinkWriter>,
    gate: Gate,
}

impl SinkWriter for GatedWriter {
    fn poll(&mut self) -> Result<SinkStatus> {
        let status = self.inner.poll()?;
        let is_held = status == SinkStatus::Ready && !self.gate.is_open();
        Ok(if is_held { SinkStatus::Blocked } else { status })
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        self.gate.n_written.fetch_add(batch.n_rows() as u64, Ordering::AcqRel);
        self.inner.write(batch)
    }

    fn is_ready(&self) -> bool {
        self.inner.is_ready()
    }

    fn flush(&mut self, checkpoint: CheckpointId) -> Result<()> {
        self.inner.flush(checkpoint)
    }

    fn flushed(&mut self) -> Option<Flushed> {
        self.inner.flushed()
    }

    fn end_input(&mut self) -> Result<()> {
        self.inner.end_input()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_is_shut_while_too_much_is_on_its_way() {
        let reader = Registry::default();
        let gate = Gate::new(&reader);
        assert!(gate.is_open());
        gate.n_written.store(MOST_IN_FLIGHT, Ordering::Release);
        assert!(!gate.is_open());
        reader.counter(&SOURCE_RECORDS, &[("partition", "0")]).add(1);
        assert!(gate.is_open());
    }
}
