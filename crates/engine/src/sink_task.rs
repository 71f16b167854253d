//! The end of a fragment that writes a table: checks rows against the table's constraints and
//! hands them to the writer as it takes them.

use std::collections::VecDeque;

use argus_base::id::{CheckpointId, OperatorId};
use argus_base::metrics::Counter;
use argus_base::sink::{Flushed, SinkStatus, SinkWriter};
use argus_base::{Batch, Error, Result};
use argus_plan::graph::NotNullPolicy;
use arrow_array::{Array, BooleanArray};

use crate::checkpoint::{Leaving, Part, Reporter, StagingWriter};
use crate::operator::length::LengthEnforcer;

/// A sink's writer with the rows on their way to it.
pub(crate) struct SinkTask {
    operator: OperatorId,
    writer: Writer,
    constraints: Constraints,
    /// What one step brought; empty before the next step.
    pending: VecDeque<Pending>,
    state: State,
    /// Where flushed epochs are reported; `None` in a job without checkpoints.
    reporter: Option<Reporter>,
}

/// Who takes the rows.
pub(crate) enum Writer {
    /// The connector's.
    Connector(Box<dyn SinkWriter>),
    /// Keeps them with the checkpoint.
    Staging(StagingWriter),
}

enum Pending {
    Rows(Batch),
    Barrier(CheckpointId),
}

/// What is checked before a row is written.
pub(crate) struct Constraints {
    /// Name of the table.
    pub table: String,
    /// What a NULL in one of `not_null_columns` does.
    pub not_null: NotNullPolicy,
    /// Columns of the input that must not be NULL.
    pub not_null_columns: Vec<usize>,
    /// Lengths of texts and bytes.
    pub lengths: LengthEnforcer,
    /// Rows dropped for a NULL.
    pub dropped: Counter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Writing,
    /// Input has ended, the writer has not been told yet.
    Ending,
    Draining,
    Done,
}

impl SinkTask {
    pub(crate) fn new(
        operator: OperatorId,
        writer: Writer,
        constraints: Constraints,
        reporter: Option<Reporter>,
    ) -> SinkTask {
        let (pending, state) = (VecDeque::new(), State::Writing);
        SinkTask { operator, writer, constraints, pending, state, reporter }
    }

    /// Takes rows; they are written by `advance`.
    pub(crate) fn push(&mut self, batch: Batch) -> Result<()> {
        let batch = self.constraints.check(batch)?;
        if batch.n_rows() > 0 {
            self.pending.push_back(Pending::Rows(batch));
        }
        Ok(())
    }

    /// The rows so far belong to the checkpoint.
    pub(crate) fn barrier(&mut self, checkpoint: CheckpointId) {
        self.pending.push_back(Pending::Barrier(checkpoint));
    }

    /// No rows follow.
    pub(crate) fn end(&mut self) {
        if self.state == State::Writing {
            self.state = State::Ending;
        }
    }

    /// Moves the writer on; true when rows may be pushed.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        loop {
            if self.state == State::Done {
                return Ok(true);
            }
            let status = self.writer.poll()?;
            self.report();
            match (self.state, status) {
                (State::Draining, SinkStatus::Drained) => self.state = State::Done,
                (_, SinkStatus::Blocked) | (State::Draining, _) => return Ok(false),
                _ => match self.pending.pop_front() {
                    Some(Pending::Rows(batch)) => self.writer.write(batch)?,
                    Some(Pending::Barrier(checkpoint)) => self.writer.flush(checkpoint)?,
                    None if self.state == State::Ending => {
                        self.writer.end_input()?;
                        self.state = State::Draining;
                    }
                    None => return Ok(true),
                },
            }
        }
    }

    /// Tells the coordinator what the writer has flushed.
    fn report(&mut self) {
        let Some(reporter) = &self.reporter else { return };
        match &mut self.writer {
            Writer::Connector(writer) => {
                while let Some(Flushed { checkpoint, prepared }) = writer.flushed() {
                    reporter.report(self.operator, checkpoint, Part::Sink(prepared));
                }
            }
            Writer::Staging(writer) => {
                while let Some(leaving) = writer.leaving() {
                    match leaving {
                        Leaving::Chunk(chunk) => reporter.chunk(self.operator, chunk),
                        Leaving::Epoch(checkpoint, rows) => {
                            reporter.report(self.operator, checkpoint, Part::Rows(rows));
                        }
                    }
                }
            }
        }
    }

    /// Whether the server is reachable and accepts rows.
    pub(crate) fn is_ready(&self) -> bool {
        self.state == State::Done || self.writer.is_ready()
    }

    /// Whether everything is durable and nothing follows.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }
}

impl Writer {
    fn poll(&mut self) -> Result<SinkStatus> {
        match self {
            Writer::Connector(writer) => writer.poll(),
            Writer::Staging(writer) => Ok(writer.poll()),
        }
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        match self {
            Writer::Connector(writer) => writer.write(batch),
            Writer::Staging(writer) => {
                writer.write(batch);
                Ok(())
            }
        }
    }

    fn flush(&mut self, checkpoint: CheckpointId) -> Result<()> {
        match self {
            Writer::Connector(writer) => writer.flush(checkpoint),
            Writer::Staging(writer) => {
                writer.flush(checkpoint);
                Ok(())
            }
        }
    }

    fn end_input(&mut self) -> Result<()> {
        match self {
            Writer::Connector(writer) => writer.end_input(),
            Writer::Staging(writer) => {
                writer.end_input();
                Ok(())
            }
        }
    }

    fn is_ready(&self) -> bool {
        match self {
            Writer::Connector(writer) => writer.is_ready(),
            Writer::Staging(_) => true,
        }
    }
}

impl Constraints {
    fn check(&self, batch: Batch) -> Result<Batch> {
        let mut batch = batch;
        for column in &self.not_null_columns {
            let nulls = batch.records.column(*column).logical_nulls();
            let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else { continue };
            if self.not_null == NotNullPolicy::Error {
                return Err(self.null_error(&batch, *column));
            }
            self.dropped.add(nulls.null_count() as u64);
            let keep = BooleanArray::new(nulls.into_inner(), None);
            let kinds = batch.kinds.as_ref().map(|kinds| {
                kinds
                    .iter()
                    .enumerate()
                    .filter(|(row, _)| keep.value(*row))
                    .map(|(_, kind)| *kind)
                    .collect()
            });
            let records = arrow_select::filter::filter_record_batch(&batch.records, &keep)?;
            batch = Batch { records, kinds };
        }
        self.lengths.apply(batch)
    }

    fn null_error(&self, batch: &Batch, column: usize) -> Error {
        let schema = batch.records.schema();
        let message = format!(
            "the column '{}' of the sink '{}' is NOT NULL, but a row has NULL there; drop such \
             rows with SET 'table.exec.sink.not-null-enforcer' = 'DROP'",
            schema.field(column).name(),
            self.table
        );
        Error::data("AR4003", message)
    }
}
