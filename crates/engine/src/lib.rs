//! Runs job graphs: fragments of synchronous operators, stepped by one loop per slot.
//!
//! `expression/` and `function/` evaluate, `aggregate/` accumulates, `operator/` has one file an
//! operator, `exchange/` moves batches between slots, `fragment.rs` chains operators behind their
//! heads, `slot.rs` steps fragments, `job.rs` turns a graph into running slots.

pub mod aggregate;
mod attempt;
mod build;
mod checkpoint;
mod control;
pub mod exchange;
pub mod expression;
mod fragment;
pub mod function;
mod head_checkpoints;
pub mod job;
mod life;
pub mod metrics;
pub mod operator;
mod restart;
mod sink_task;
mod slot;
mod source_head;
mod source_parts;
pub mod stepped;
pub mod time_line;
mod values_head;
pub mod watermark;

pub use checkpoint::{CheckpointFacts, Completed, StartOptions};
pub use job::{
    JobControl, JobEnd, JobHandle, JobParts, JobStatus, PendingSavepoint, StopKind, start,
};
