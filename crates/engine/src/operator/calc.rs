//! Filter and projection.

use argus_base::Result;
use argus_base::batch::Batch;
use argus_plan::graph::Calc as CalcSpec;
use arrow_array::{ArrayRef, BooleanArray};
use arrow_schema::SchemaRef;

use super::{Emission, Operator, Output};
use crate::expression::{CompiledExpression, EvaluationContext, ProjectionSet};

/// Keeps the rows where the condition is TRUE and computes the output columns of those.
pub struct Calc {
    filter: Option<CompiledExpression>,
    projection: ProjectionSet,
    schema: SchemaRef,
}

impl Calc {
    /// Compiles the expressions for a session zone; `schema` is the output's.
    pub fn new(spec: &CalcSpec, zone: &str, schema: SchemaRef) -> Result<Calc> {
        let filter = spec.filter.as_ref();
        let filter = filter.map(|filter| CompiledExpression::compile(filter, zone)).transpose()?;
        let projection = ProjectionSet::compile(&spec.projection, zone)?;
        Ok(Calc { filter, projection, schema })
    }

    fn filtered(&self, batch: Batch, context: &EvaluationContext) -> Result<Batch> {
        let Some(filter) = &self.filter else { return Ok(batch) };
        let keep = filter.evaluate_filter(batch.records.columns(), batch.n_rows(), context)?;
        let n_kept = keep.true_count();
        if n_kept == batch.n_rows() {
            return Ok(batch);
        }
        let kinds = batch.kinds.as_ref().map(|kinds| {
            kinds
                .iter()
                .enumerate()
                .filter(|(row, _)| keep.value(*row))
                .map(|(_, kind)| *kind)
                .collect()
        });
        let columns = self.needed_columns(&batch, &keep)?;
        let schema = batch.records.schema();
        Ok(Batch { records: super::record_batch(&schema, columns, n_kept)?, kinds })
    }

    /// The kept rows of the columns that the projection reads; the others stay empty of meaning
    /// but of the same length, since nobody looks at them.
    fn needed_columns(&self, batch: &Batch, keep: &BooleanArray) -> Result<Vec<ArrayRef>> {
        let n_kept = keep.true_count();
        let filter = arrow_select::filter::FilterBuilder::new(keep).optimize().build();
        let columns = batch.records.columns().iter().enumerate();
        let columns = columns.map(|(index, column)| {
            if self.projection.reads(index) {
                return Ok(filter.filter(column)?);
            }
            Ok(column.slice(0, n_kept))
        });
        columns.collect()
    }
}

impl Operator for Calc {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        context: &EvaluationContext,
        output: &mut Output,
    ) -> Result<Emission> {
        let batch = self.filtered(batch, context)?;
        let n_rows = batch.n_rows();
        if n_rows > 0 {
            let columns = self.projection.evaluate(batch.records.columns(), n_rows, context)?;
            let records = super::record_batch(&self.schema, columns, n_rows)?;
            output.push(Batch { records, kinds: batch.kinds });
        }
        Ok(Emission::Done)
    }
}
