//! Kafka, through librdkafka.
//!
//! | file | part |
//! |---|---|
//! | `options`, `startup`, `layout` | what a table says, checked |
//! | `properties`, `security`, `jaas` | Java client properties in librdkafka's words |
//! | `client`, `connection`, `errors`, `admin` | what all clients share |
//! | `source`, `reader`, `packer`, `decode` | reading, on the slot's thread |
//! | `fetcher`, `lookup`, `begin`, `partition` | reading, on the I/O thread |
//! | `sink` | which tables are written together, and how |
//! | `table`, `send`, `delivery`, `topics` | writing, whoever commits |
//! | `writer` | writing at least once |
//! | `transaction` | writing exactly once |
//! | `metadata` | metadata columns of both |
//! | `mock` | a broker inside the process, for demonstrations |
//!
//! Reading is read-committed unless the table says otherwise, partitions of writing are those of
//! Kafka's Java client. Offsets of the user's group are committed for monitoring only.

mod admin;
mod assign;
mod begin;
mod client;
mod connection;
mod decode;
mod delivery;
mod errors;
mod fetcher;
mod jaas;
mod layout;
mod lookup;
mod metadata;
pub mod mock;
mod options;
mod packer;
mod partition;
mod position;
mod properties;
mod reader;
mod security;
mod send;
mod sink;
mod source;
mod startup;
mod table;
mod topics;
mod transaction;
mod writer;

use std::sync::Arc;

use argus_base::Result;
use argus_base::connector::{
    ConnectorContext, ConnectorSpec, FormatUse, ScanSpec, SinkMode, SinkSet, SinkTable,
    TableDescriptor,
};
use argus_base::option::OptionError;
use argus_base::source::Source;

pub use transaction::turns;

/// The declaration of the connector.
pub fn spec() -> ConnectorSpec {
    ConnectorSpec {
        identifier: "kafka",
        source: true,
        sink: Some(SinkMode::Append),
        format: FormatUse::KeyAndValue,
        options: options::OPTIONS,
        metadata: metadata::specs(),
    }
}

/// Checks all options of a table, whether it will be read or written.
pub fn check(table: &TableDescriptor) -> std::result::Result<(), OptionError> {
    options::check(table)
}

/// Opens a table for reading. Waits for nobody; its readers do.
pub fn source(
    table: &TableDescriptor,
    scan: &ScanSpec,
    context: &ConnectorContext,
) -> Result<Arc<dyn Source>> {
    Ok(Arc::new(source::KafkaSource::new(table, scan, context)?))
}

/// Opens the tables that a job writes. Waits for nobody; their committers and writers do.
pub fn sinks(tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
    sink::open(tables, context)
}
