//! `blackhole`: takes every row and forgets it.

use std::sync::Arc;

use argus_base::connector::{
    ConnectorContext, ConnectorSpec, FormatUse, SinkMode, TableDescriptor,
};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::metrics::Counter;
use argus_base::option::OptionError;
use argus_base::sink::{Flushed, Sink, SinkStatus, SinkWriter};
use argus_base::{Batch, Result};

use crate::metrics::SINK_RECORDS;
use crate::registry::unchecked;
use crate::table_options::TableOptions;

/// The declaration.
pub fn spec() -> ConnectorSpec {
    ConnectorSpec {
        identifier: "blackhole",
        source: false,
        sink: Some(SinkMode::Retract),
        format: FormatUse::None,
        options: &[],
        metadata: Vec::new(),
    }
}

/// Every table will do.
pub fn check(_table: &TableDescriptor) -> std::result::Result<(), OptionError> {
    Ok(())
}

/// Opens a table for writing.
pub fn sink(
    table: &TableDescriptor,
    _metadata: &[usize],
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>> {
    let options = TableOptions::check(table, &spec()).map_err(|error| unchecked(table, &error))?;
    let labels = [("job", context.job_name.as_str()), ("sink", table.name.as_str())];
    Ok(Arc::new(Blackhole {
        max_parallelism: options.sink_parallelism(),
        n_records: context.metrics.counter(&SINK_RECORDS, &labels),
    }))
}

struct Blackhole {
    max_parallelism: Option<usize>,
    n_records: Counter,
}

impl Sink for Blackhole {
    fn max_parallelism(&self) -> Option<usize> {
        self.max_parallelism
    }

    fn writer(&self, _subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(BlackholeWriter {
            n_records: self.n_records.clone(),
            is_ended: false,
            flushed: None,
        }))
    }
}

struct BlackholeWriter {
    n_records: Counter,
    is_ended: bool,
    flushed: Option<CheckpointId>,
}

impl SinkWriter for BlackholeWriter {
    fn poll(&mut self) -> Result<SinkStatus> {
        Ok(if self.is_ended { SinkStatus::Drained } else { SinkStatus::Ready })
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        self.n_records.add(batch.n_rows() as u64);
        Ok(())
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn flush(&mut self, checkpoint: CheckpointId) -> Result<()> {
        self.flushed = Some(checkpoint);
        Ok(())
    }

    fn flushed(&mut self) -> Option<Flushed> {
        let checkpoint = self.flushed.take()?;
        Some(Flushed { checkpoint, prepared: Vec::new() })
    }

    fn end_input(&mut self) -> Result<()> {
        self.is_ended = true;
        Ok(())
    }
}
