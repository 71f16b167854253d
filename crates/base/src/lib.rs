//! The words every other crate speaks: logical types, batches, in-band elements, the source and
//! sink seams, options, errors with a kind, time and threads.
//!
//! Nothing here knows SQL, operators, or any particular connector.

pub mod batch;
pub mod commit;
pub mod connector;
pub mod duration;
pub mod element;
pub mod env;
pub mod error;
pub mod fault;
pub mod id;
pub mod key_group;
pub mod logical_type;
pub mod metrics;
pub mod nearest;
pub mod option;
pub mod row_kind;
pub mod sink;
pub mod source;
pub mod task;
pub mod time;

pub use batch::Batch;
pub use element::Element;
pub use env::Env;
pub use error::{Error, ErrorKind, Result};
pub use logical_type::{Field, LogicalType, TimeKind, TypeRoot};
pub use row_kind::RowKind;
