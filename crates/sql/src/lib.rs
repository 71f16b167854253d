//! Flink SQL: script text → statements → bound job graph → rewrites, with diagnostics that point
//! at the text.
//!
//! This crate knows connectors only by their declarations (`argus_base::connector`) and never
//! sees the engine: it ends in an `argus_plan::JobGraph`.
//!
//! ```text
//! script text ─ substitute ─ split ─▶ statement text ─ parse ─▶ Statement
//!    DDL ─▶ Catalog        query, INSERT ─ bind ─▶ JobGraph ─ rewrite ─▶ JobGraph with exchanges
//! ```

pub mod bind;
pub mod catalog;
mod ddl;
pub mod diagnostic;
mod option_error;
pub mod parse;
mod rewrite;
pub mod script;
pub mod session;
pub mod show;
pub mod statement;
#[cfg(test)]
mod test_catalog;
pub mod types;

pub use catalog::Catalog;
pub use diagnostic::Diagnostic;
pub use session::{Job, JobKind, Session, SessionOptions, Step};
