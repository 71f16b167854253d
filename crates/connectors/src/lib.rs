//! Connectors and formats: what the outside world looks like to a job.
//!
//! A connector is a folder (`kafka/`, `filesystem/`, `jdbc/`, `datagen/`) or a file (`print.rs`,
//! `blackhole.rs`) that declares itself with a `ConnectorSpec`, checks a table once, and makes a
//! `Source` or `Sink` of it. A format is a folder below `format/` that declares itself with a
//! `FormatSpec` and makes a `Decoder` or `Encoder`. `registry` lists them all; nothing else
//! knows more than one.

pub mod background;
pub mod blackhole;
pub mod datagen;
mod delivery;
mod distinct;
pub mod filesystem;
pub mod format;
pub mod jdbc;
pub mod kafka;
pub mod message;
pub mod metrics;
pub mod print;
pub mod registry;
pub mod row_text;
pub mod table_options;
#[cfg(test)]
mod testing;
