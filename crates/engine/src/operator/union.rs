//! UNION ALL: the rows of every input, as they come.

use argus_base::Result;
use argus_base::batch::Batch;

use super::{Emission, Operator, Output};
use crate::expression::EvaluationContext;

/// Passes rows on under its own column names.
pub struct Union {
    schema: arrow_schema::SchemaRef,
}

impl Union {
    /// A union whose output has that schema; the inputs have the same types.
    pub fn new(schema: arrow_schema::SchemaRef) -> Union {
        Union { schema }
    }
}

impl Operator for Union {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        _context: &EvaluationContext,
        output: &mut Output,
    ) -> Result<Emission> {
        let records = super::with_schema(&self.schema, &batch.records)?;
        output.push(Batch { records, kinds: batch.kinds });
        Ok(Emission::Done)
    }
}
