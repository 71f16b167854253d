//! Keyed state: encoded keys, dense slots, and slices that expire whole.
//!
//! The engine keeps accumulators in columns over dense slots; this crate finds the slot of a key
//! and keeps the slots of one slice together. It knows nothing of operators or SQL.

pub mod key_codec;
pub mod key_table;
pub mod slice_store;

pub use key_codec::KeyCodec;
pub use key_table::KeyTable;
pub use slice_store::{SliceKey, SliceStore};
