//! Runs job graphs: fragments of synchronous operators, stepped by one loop per slot.
//!
//! `expression/` and `function/` evaluate, `aggregate/` accumulates, `operator/` has one file an
//! operator, `exchange/` moves batches between slots, `job.rs` turns a graph into running slots.

pub mod aggregate;
pub mod expression;
