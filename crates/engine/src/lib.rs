//! Runs job graphs: fragments of synchronous operators, stepped by one loop per slot.
//!
//! `expression/` and `function/` evaluate, `aggregate/` accumulates, `operator/` has one file an
//! operator, `exchange/` moves batches between slots, `fragment.rs` chains operators behind their
//! heads, `slot.rs` steps fragments, `job.rs` turns a graph into running slots.

pub mod aggregate;
mod build;
pub mod exchange;
pub mod expression;
mod fragment;
pub mod function;
pub mod job;
pub mod metrics;
pub mod operator;
mod sink_task;
mod slot;
mod source_head;
mod source_parts;
pub mod time_line;
pub mod watermark;

pub use job::{JobEnd, JobHandle, JobParts, start};
