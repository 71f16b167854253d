//! Checkpoints: barriers out, reports in, a manifest and a commit at the end.
//!
//! ```text
//! coordinator ─ order ─▶ source heads ─ barrier in-band ─▶ operators, sinks
//!      ▲                      │ positions                     │ sealed state, flushed epochs
//!      └──────── mailbox ◀────┴───────────────────────────────┘
//! aligning ─▶ encode, upload ─▶ manifest ─▶ commit ─▶ followers apply ─▶ discard ─▶ waiting
//! ```
//!
//! The slots never wait for any of it: what a report holds is encoded and written by the
//! coordinator's own thread. One checkpoint is under way at a time. A checkpoint that fails after
//! its barrier loses nothing: what was sealed stays in the chains, what was flushed stays staged,
//! and the next checkpoint carries both.
//!
//! `order` tells heads what to do, `report` brings their answers, `recovery` is the start order,
//! `coordinator` drives one attempt of a job, `facts` tells of it, `chain` knows which segments a
//! restore needs, `outputs` what followers have not applied yet.

mod chain;
mod coordinator;
mod encode;
mod facts;
mod instruments;
mod matching;
mod new_life;
mod order;
mod outputs;
mod recovery;
mod report;
mod savepoint;
mod staging;
mod status;

pub use facts::CheckpointFacts;
pub use instruments::Completed;
pub use recovery::StartOptions;

pub(crate) use chain::Chains;
pub(crate) use coordinator::{Coordinator, CoordinatorParts, Pause};
pub(crate) use facts::Facts;
pub(crate) use instruments::Instruments;
pub(crate) use order::{BarrierKind, HeadBarriers, HeadOrder, Orders};
pub(crate) use recovery::{GIVEN_UP, Recovered, Recovery, RestoredNodes, given_up};
pub(crate) use report::{Mailbox, NodeState, Part, PartId, Reporter};
pub(crate) use staging::{Leaving, StagingWriter};
pub(crate) use status::{Requests, SavepointRequest};
