//! The systems around a job, as its connectors promise them to be.

pub mod broker;
pub mod database;
pub mod file_sink;
pub mod folder;
pub mod jdbc_sink;
pub mod kafka_sink;
pub mod kafka_source;
pub mod store;
pub mod table;
pub mod transactions;
