//! The evaluator: bound expressions compiled once, evaluated a batch at a time.
//!
//! Columns come and go as Arrow arrays. AND, OR, CASE and COALESCE evaluate a fallible operand
//! only for the rows that need it; everything else is evaluated for the whole batch. Subtrees
//! without columns that always give the same result are evaluated once, at compile time.

use argus_base::time::{ProcessingTime, Watermark};

/// What an evaluation may look at besides its columns. Operators fill it from in-band elements
/// only.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationContext {
    /// The last in-band tick: what CURRENT_TIMESTAMP, PROCTIME() and their like give.
    pub now: ProcessingTime,
    /// The operator's watermark, `Watermark::MIN` before the first.
    pub watermark: Watermark,
}
