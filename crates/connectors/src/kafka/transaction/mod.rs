//! Exactly-once: rows that a transaction makes visible together with the record of its commit.
//!
//! | file | part |
//! |---|---|
//! | `cluster` | the tables of one cluster, and taking it over |
//! | `record`, `commit` | the commit record, and the steps of a commit |
//! | `turns`, `pair` | the two transactions that alternate |
//! | `writer`, `committer` | the commit point: rows go straight into the transaction |
//! | `follower` | other clusters: rows come with the checkpoint |
//!
//! The first cluster that a job writes exactly once is its commit point. A transaction there holds
//! the rows of all tables and subtasks and the record, so that both become visible or neither.
//! Any other cluster follows: what the checkpoint keeps for it is written in one transaction with
//! a record of its own, after the commit.

mod cluster;
mod commit;
mod committer;
mod follower;
mod pair;
mod record;
pub mod turns;
mod writer;

pub use cluster::{Cluster, Identities};
pub use committer::{PrimaryCommitter, SharedPair};
pub use follower::FollowerCommitter;
pub use writer::TransactionWorker;
