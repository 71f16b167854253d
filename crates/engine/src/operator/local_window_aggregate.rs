//! The first of two aggregation steps: aggregates by key and slice before the exchange, so that
//! fewer rows cross it.
//!
//! It never drops a row and holds nothing back: everything leaves before a watermark (or, for
//! windows of processing time, a tick) is forwarded, before it is told that the input is idle,
//! since others then go on without it, before a barrier, so that it has no state, and whenever
//! [`MAX_KEYS`] keys are held. Output columns: the keys, then slice end and start (BIGINT), the
//! number of rows (BIGINT), and the partial form of each call.

use std::sync::Arc;

use argus_base::batch::{Batch, MAX_BATCH_ROWS};
use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{Error, LogicalType, Result};
use argus_plan::graph::WindowAggregate;
use argus_state::slice_store::Slice;
use argus_state::{SliceKey, SliceStore};
use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::slicing::Slicer;
use super::window_aggregate::{Accumulators, Scratch, Spec, get_slice, is_processing_time};
use super::{Emission, Operator, Output};
use crate::aggregate::{Slots, accumulator};
use crate::expression::EvaluationContext;

/// Keys held at most, over all slices, before they are sent on.
const MAX_KEYS: usize = 64 * 1024;

/// The operator.
pub struct LocalWindowAggregator {
    spec: Spec,
    slicer: Slicer,
    schema: SchemaRef,
    store: SliceStore<Accumulators>,
    /// The slice on its way out, and how many of its keys have left.
    leaving: Option<(SliceKey, Slice<Accumulators>, usize)>,
    scratch: Scratch,
}

impl LocalWindowAggregator {
    /// Aggregates rows of those types.
    pub fn new(
        aggregate: &WindowAggregate,
        input: Vec<LogicalType>,
    ) -> Result<LocalWindowAggregator> {
        let mut spec = Spec::new(aggregate, input);
        // The rows of each partial are counted by one more COUNT(*), in front.
        spec.aggregate.aggregates.insert(0, row_count());
        let schema = partial_schema(&spec)?;
        let slicer = Slicer::new(aggregate.window.clone())?;
        let (store, scratch) = (SliceStore::default(), Scratch::default());
        Ok(LocalWindowAggregator { spec, slicer, schema, store, leaving: None, scratch })
    }

    fn piece(&mut self) -> Result<Option<Batch>> {
        if self.leaving.is_none() {
            let Some(key) = self.store.first() else { return Ok(None) };
            let slice = self.store.remove(key).ok_or_else(|| Error::bug("a slice vanished"))?;
            self.leaving = Some((key, slice, 0));
        }
        let Some((key, slice, position)) = self.leaving.take() else { return Ok(None) };
        let until = slice.keys.len().min(position + MAX_BATCH_ROWS);
        let range = position..until;
        let mut columns = self.spec.codec.decode(range.clone().map(|slot| slice.keys.key(slot)))?;
        let constant = |value| -> ArrayRef { Arc::new(Int64Array::from(vec![value; range.len()])) };
        columns.extend([constant(key.end), constant(key.start)]);
        for accumulator in &slice.values {
            columns.extend(accumulator.partial(&Slots::Range(range.clone()))?);
        }
        let n_rows = range.len();
        if until < slice.keys.len() {
            self.leaving = Some((key, slice, until));
        }
        Ok(Some(Batch::inserts(super::record_batch(&self.schema, columns, n_rows)?)))
    }
}

fn row_count() -> argus_plan::AggregateCall {
    argus_plan::AggregateCall {
        function: argus_plan::AggregateFunction::CountStar,
        argument: None,
        is_distinct: false,
        filter: None,
        result: argus_base::TypeRoot::BigInt.not_null(),
        name: "rows".to_owned(),
        state_name: "rows".to_owned(),
    }
}

fn partial_schema(spec: &Spec) -> Result<SchemaRef> {
    let keys = spec.aggregate.keys.iter().map(|key| spec.input[*key].to_arrow());
    let mut types: Vec<DataType> = keys.collect();
    types.extend([DataType::Int64, DataType::Int64]);
    for call in &spec.aggregate.aggregates {
        let argument = call.argument.map(|index| &spec.input[index]);
        types.extend(accumulator(call, argument)?.partial_types());
    }
    let field = |(i, data_type)| Field::new(format!("partial{i}"), data_type, true);
    Ok(Arc::new(Schema::new(types.into_iter().enumerate().map(field).collect::<Vec<_>>())))
}

impl Operator for LocalWindowAggregator {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        context: &EvaluationContext,
        output: &mut Output,
    ) -> Result<Emission> {
        for (key, selection) in self.slicer.slices(&batch, context.now)? {
            let slice = get_slice(&mut self.store, key, &self.spec)?;
            self.spec.accumulate(slice, &batch, &selection, &mut self.scratch)?;
        }
        if self.store.n_keys() < MAX_KEYS { Ok(Emission::Done) } else { self.resume(output) }
    }

    fn watermark(&mut self, _watermark: Watermark, output: &mut Output) -> Result<Emission> {
        self.resume(output)
    }

    fn tick(&mut self, _now: ProcessingTime, output: &mut Output) -> Result<Emission> {
        let is_time = is_processing_time(&self.spec.aggregate.window);
        if is_time { self.resume(output) } else { Ok(Emission::Done) }
    }

    fn idle(&mut self, output: &mut Output) -> Result<Emission> {
        self.resume(output)
    }

    fn end(&mut self, output: &mut Output) -> Result<Emission> {
        self.resume(output)
    }

    fn before_barrier(&mut self, output: &mut Output) -> Result<Emission> {
        self.resume(output)
    }

    fn resume(&mut self, output: &mut Output) -> Result<Emission> {
        match self.piece()? {
            None => Ok(Emission::Done),
            Some(batch) => {
                output.push(batch);
                Ok(Emission::More)
            }
        }
    }

    fn n_keys(&self) -> usize {
        self.store.n_keys()
    }
}
