//! The evaluator: bound expressions compiled once, evaluated a batch at a time.
//!
//! Columns come and go as Arrow arrays; constants stay arrays of one row, so that kernels never
//! see them expanded. AND, OR, CASE and COALESCE evaluate a fallible or costly operand only for
//! the rows that need it; everything else is evaluated for the whole batch. Subtrees without
//! columns that always give the same result are evaluated once, at compile time; where that
//! fails, they stay, and fail when a row reaches them.

mod cast;
mod compile;
mod lazy;
mod literal;
mod program;
mod value;

#[cfg(test)]
mod expression_tests;
#[cfg(test)]
pub(crate) mod notation_tests;

use argus_base::Result;
use argus_base::time::{ProcessingTime, Watermark};
use argus_plan::Expression;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_select::filter::prep_null_mask_filter;

pub(crate) use cast::parse::parse_float;
pub(crate) use cast::{decimal, text};
use compile::compile;
use program::{Frame, Program};
pub(crate) use value::{Rows, Value};

/// What an evaluation may look at besides its columns. Operators fill it from in-band elements
/// only.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationContext {
    /// The last in-band tick: what CURRENT_TIMESTAMP, PROCTIME() and their like give.
    pub now: ProcessingTime,
    /// The operator's watermark, `Watermark::MIN` before the first.
    pub watermark: Watermark,
}

/// One expression, ready to run.
pub struct CompiledExpression {
    set: ProjectionSet,
}

impl CompiledExpression {
    /// Compiles for a session zone, which must be one that the settings accept.
    pub fn compile(expression: &Expression, zone: &str) -> Result<CompiledExpression> {
        Ok(CompiledExpression {
            set: ProjectionSet::compile(std::slice::from_ref(expression), zone)?,
        })
    }

    /// One value for each of the `n_rows` rows.
    pub fn evaluate(
        &self,
        columns: &[ArrayRef],
        n_rows: usize,
        context: &EvaluationContext,
    ) -> Result<ArrayRef> {
        let mut values = self.set.evaluate(columns, n_rows, context)?;
        Ok(values.swap_remove(0))
    }

    /// Of a BOOLEAN expression, the rows where it is TRUE; the array has no NULL.
    pub fn evaluate_filter(
        &self,
        columns: &[ArrayRef],
        n_rows: usize,
        context: &EvaluationContext,
    ) -> Result<BooleanArray> {
        let values = self.evaluate(columns, n_rows, context)?;
        let values = value::downcast::<BooleanArray>(&values);
        Ok(if values.null_count() == 0 { values.clone() } else { prep_null_mask_filter(values) })
    }

    /// Whether it reads that input column.
    pub fn reads(&self, column: usize) -> bool {
        self.set.reads(column)
    }
}

/// Several expressions over the same input; what they have in common is computed once.
pub struct ProjectionSet {
    program: Program,
    columns: Vec<usize>,
}

impl ProjectionSet {
    /// Compiles for a session zone, which must be one that the settings accept.
    pub fn compile(expressions: &[Expression], zone: &str) -> Result<ProjectionSet> {
        let mut columns = Vec::new();
        for expression in expressions {
            expression.visit_columns(&mut |column| columns.push(column));
        }
        columns.sort_unstable();
        columns.dedup();
        Ok(ProjectionSet { program: compile(expressions, zone)?, columns })
    }

    /// One column for each expression, in order. A bare input column is shared, not copied.
    pub fn evaluate(
        &self,
        columns: &[ArrayRef],
        n_rows: usize,
        context: &EvaluationContext,
    ) -> Result<Vec<ArrayRef>> {
        let frame = Frame::new(&self.program, columns, n_rows, context);
        let outputs = self.program.outputs.iter();
        outputs.map(|id| frame.value(*id)?.into_column(n_rows)).collect()
    }

    /// Whether any of the expressions reads that input column.
    pub fn reads(&self, column: usize) -> bool {
        self.columns.binary_search(&column).is_ok()
    }
}

/// The conversion of an integer to a narrower type, wrapping.
pub(crate) fn narrow_integer(
    from: &argus_base::TypeRoot,
    to: &argus_base::TypeRoot,
) -> cast::Apply {
    cast::convert_number(from, to)
}
