//! Operators: synchronous structs that are handed in-band elements and add to an output.
//!
//! No operator waits, locks, or looks at a clock. The fragment that drives it merges the
//! watermarks of its inputs, gives it what advanced, and forwards each element after the
//! operator has answered `Done`; an operator that has more to emit answers `More` and is asked
//! again, as long as its outputs have credit, before anything else reaches it.

pub mod calc;
#[cfg(test)]
mod chain_model;
pub mod drop_update_before;
pub mod group_aggregate;
#[cfg(test)]
mod group_aggregate_tests;
mod group_changes;
mod group_spill;
mod group_state;
mod group_store;
pub mod length;
pub mod local_window_aggregate;
pub mod slicing;
mod spilling;
mod state_memory;
pub mod union;
pub mod window_aggregate;
#[cfg(test)]
mod window_aggregate_tests;
mod window_compaction;
mod window_firing;
mod window_restore;
mod window_spill;
mod window_state;
#[cfg(test)]
mod window_state_tests;
pub mod window_table;

use argus_base::Result;
use argus_base::batch::Batch;
use argus_base::time::{ProcessingTime, Watermark};
use argus_state::snapshot::{RestoredState, Sealed};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;

use crate::expression::EvaluationContext;

/// Whether an operator has emitted everything that an element caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emission {
    /// It has; the element may be forwarded.
    Done,
    /// `resume` must be called until it says `Done`.
    More,
}

/// The batches an operator emits in one call; bounded by one piece a call.
#[derive(Debug, Default)]
pub struct Output {
    /// In order of emission.
    pub batches: Vec<Batch>,
}

impl Output {
    /// Emits a batch, unless it is empty.
    pub fn push(&mut self, batch: Batch) {
        if batch.n_rows() > 0 {
            self.batches.push(batch);
        }
    }
}

/// A step of a job over in-band elements.
pub trait Operator: Send {
    /// Rows of the input at that position.
    fn process(
        &mut self,
        input: usize,
        batch: Batch,
        context: &EvaluationContext,
        output: &mut Output,
    ) -> Result<Emission>;

    /// The watermark over all inputs advanced.
    fn watermark(&mut self, _watermark: Watermark, _output: &mut Output) -> Result<Emission> {
        Ok(Emission::Done)
    }

    /// The in-band clock advanced.
    fn tick(&mut self, _now: ProcessingTime, _output: &mut Output) -> Result<Emission> {
        Ok(Emission::Done)
    }

    /// All inputs have become idle: others no longer wait for what is held here.
    fn idle(&mut self, _output: &mut Output) -> Result<Emission> {
        Ok(Emission::Done)
    }

    /// All inputs have ended.
    fn end(&mut self, _output: &mut Output) -> Result<Emission> {
        Ok(Emission::Done)
    }

    /// Emits the next piece after `More`.
    fn resume(&mut self, _output: &mut Output) -> Result<Emission> {
        Ok(Emission::Done)
    }

    /// A barrier has come over all inputs: emits what must not be held over it. Seals nothing.
    fn before_barrier(&mut self, _output: &mut Output) -> Result<Emission> {
        Ok(Emission::Done)
    }

    /// What a restart needs, right after `before_barrier` said `Done`; `None` for an operator
    /// without state. What is returned counts as kept: the next seal has what changed since.
    fn seal(&mut self) -> Result<Option<Sealed>> {
        Ok(None)
    }

    /// Takes the state of a former life, before anything else reaches the operator.
    fn restore(&mut self, _state: RestoredState) -> Result<()> {
        Ok(())
    }

    /// Rows dropped because they were late, since the start.
    fn n_late(&self) -> u64 {
        0
    }

    /// Keys held over all slices.
    fn n_keys(&self) -> usize {
        0
    }
}

/// The same columns under another schema of the same types.
fn with_schema(schema: &SchemaRef, records: &RecordBatch) -> Result<RecordBatch> {
    record_batch(schema, records.columns().to_vec(), records.num_rows())
}

/// A batch of those columns, of which there may be none.
pub(crate) fn record_batch(
    schema: &SchemaRef,
    columns: Vec<arrow_array::ArrayRef>,
    n_rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}
