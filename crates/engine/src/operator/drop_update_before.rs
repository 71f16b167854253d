//! Takes −U away.

use argus_base::batch::Batch;
use argus_base::{Result, RowKind};
use arrow_array::BooleanArray;

use super::{Emission, Operator, Output};
use crate::expression::EvaluationContext;

/// The operator.
pub struct DropUpdateBefore;

impl Operator for DropUpdateBefore {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        _context: &EvaluationContext,
        output: &mut Output,
    ) -> Result<Emission> {
        let Some(kinds) = &batch.kinds else {
            output.push(batch);
            return Ok(Emission::Done);
        };
        let stays = |kind: &RowKind| *kind != RowKind::UpdateBefore;
        let keep = BooleanArray::from(kinds.iter().map(stays).collect::<Vec<bool>>());
        let records = arrow_select::filter::filter_record_batch(&batch.records, &keep)?;
        let kinds = kinds.iter().copied().filter(stays).collect();
        output.push(Batch { records, kinds: Some(kinds) });
        Ok(Emission::Done)
    }
}
