//! Runs job graphs: fragments of synchronous operators, stepped by one loop per slot.
//!
//! `expression/` and `function/` evaluate, `aggregate/` accumulates, `operator/` has one file an
//! operator, `exchange/` moves batches between slots, `fragment.rs` chains operators behind their
//! heads, `slot.rs` steps fragments, `job.rs` turns a graph into running slots.

pub mod aggregate;
pub mod exchange;
pub mod expression;
pub mod metrics;
pub mod operator;
pub mod time_line;
pub mod watermark;
