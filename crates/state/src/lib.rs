//! Keyed state: encoded keys, dense slots, slices that expire whole, and how they outlive a
//! process: segments, manifests, the epoch log and the store they lie in.
//!
//! The engine keeps accumulators in columns over dense slots; this crate finds the slot of a key,
//! keeps the slots of one slice together, and knows which of them are dirty. It knows nothing of
//! operators or SQL.

pub mod dirty;
pub mod epoch_log;
mod framed;
pub mod key_codec;
mod key_filter;
pub mod key_table;
pub mod manifest;
pub mod retention;
pub mod rows;
pub mod segment;
pub mod slice_store;
pub mod slot_table;
pub mod snapshot;
pub mod sorted_run;
pub mod spill;
pub mod spill_folder;
pub mod storage;

pub use dirty::{DirtySlots, Rotation};
pub use key_codec::KeyCodec;
pub use key_table::KeyTable;
pub use slice_store::{SliceKey, SliceStore};
pub use slot_table::SlotTable;
