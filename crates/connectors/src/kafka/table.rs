//! A table that is written, and how its rows become messages: what every way of writing shares.

use std::sync::Arc;

use argus_base::connector::{ConnectorContext, SinkTable};
use argus_base::{Batch, Error, Result, RowKind};
use arrow_array::ArrayRef;

use super::errors;
use super::layout::Part;
use super::metadata::{Key, WrittenMetadata};
use super::options::SinkOptions;
use crate::format::{Encoded, Encoder};

/// Setting: topics that are missing are created with that many partitions.
const CREATE_TOPIC_PARTITIONS: &str = "argus.kafka.create-topic-partitions";

/// What all writers of a table share.
pub struct WrittenTable {
    /// Name of the table.
    pub name: String,
    /// Its options.
    pub options: SinkOptions,
    /// Partitions of a topic that is created where it is missing; `None` creates none.
    pub create_partitions: Option<i32>,
    /// The job.
    pub context: ConnectorContext,
    n_physical: usize,
    metadata: Vec<Key>,
}

impl WrittenTable {
    /// Opens a table. Waits for nobody.
    pub fn new(table: &SinkTable<'_>, context: &ConnectorContext) -> Result<Arc<WrittenTable>> {
        let SinkTable { table, metadata, .. } = *table;
        let options =
            SinkOptions::parse(table).map_err(|error| crate::registry::unchecked(table, &error))?;
        options.client.warn_of_ignored(&table.name);
        let keys = metadata.iter().map(|&index| Key::of(&table.metadata[index]));
        let metadata: Vec<Key> = keys.collect::<Result<_>>()?;
        if options.topics.len() > 1 && !metadata.contains(&Key::Topic) {
            let problem = "several topics can be written to only through the metadata column \
                           'topic'";
            return Err(Error::user(errors::SETTINGS, problem));
        }
        Ok(Arc::new(WrittenTable {
            name: table.name.clone(),
            options,
            create_partitions: create_partitions(context)?,
            context: context.clone(),
            n_physical: table.physical.len(),
            metadata,
        }))
    }

    /// An encoder of its rows.
    pub fn encoder(self: &Arc<WrittenTable>) -> Result<RowEncoder> {
        let time_zone = &self.context.time_zone;
        let value = self.options.layout.value.encoder(time_zone)?;
        let key = self.options.layout.key.as_ref().map(|key| key.encoder(time_zone));
        Ok(RowEncoder { table: Arc::clone(self), value, key: key.transpose()? })
    }
}

fn create_partitions(context: &ConnectorContext) -> Result<Option<i32>> {
    let Some(text) = context.settings.get(CREATE_TOPIC_PARTITIONS) else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) if number >= 1 => Ok(Some(number)),
        _ => {
            let message =
                format!("'{CREATE_TOPIC_PARTITIONS}' = '{text}': expected a number from 1");
            Err(Error::user(errors::SETTINGS, message))
        }
    }
}

/// Makes messages of rows.
pub struct RowEncoder {
    table: Arc<WrittenTable>,
    value: Box<dyn Encoder>,
    key: Option<Box<dyn Encoder>>,
}

impl RowEncoder {
    /// Encodes a batch of inserts.
    pub fn encode(&mut self, batch: &Batch) -> Result<Outgoing> {
        let n_rows = batch.n_rows();
        if (0..n_rows).any(|row| batch.kind(row) != RowKind::Insert) {
            return Err(Error::bug("a row that is no insert for an append-only sink"));
        }
        let columns = batch.records.columns();
        let layout = &self.table.options.layout;
        let values = self.value.encode(&columns_of(&layout.value, columns), n_rows)?;
        let mut keys = None;
        if let (Some(encoder), Some(part)) = (&mut self.key, &layout.key) {
            keys = Some(encoder.encode(&columns_of(part, columns), n_rows)?);
        }
        let written = &columns[self.table.n_physical..];
        let metadata = WrittenMetadata::new(&self.table.metadata, written)?;
        Ok(Outgoing { values, keys, metadata, n_rows })
    }
}

fn columns_of(part: &Part, columns: &[ArrayRef]) -> Vec<ArrayRef> {
    part.columns.iter().map(|&index| Arc::clone(&columns[index])).collect()
}

/// One batch ready to be sent.
pub struct Outgoing {
    /// The metadata columns.
    pub metadata: WrittenMetadata,
    /// Number of rows, those that could not be encoded included.
    pub n_rows: usize,
    values: Encoded,
    keys: Option<Encoded>,
}

impl Outgoing {
    /// Body of a row's message.
    pub fn value(&self, row: usize) -> &[u8] {
        body(&self.values, row)
    }

    /// Key of a row's message.
    pub fn key(&self, row: usize) -> Option<&[u8]> {
        self.keys.as_ref().map(|keys| body(keys, row))
    }

    /// Bytes of all bodies and keys.
    pub fn n_bytes(&self) -> usize {
        self.values.bytes.len() + self.keys.as_ref().map_or(0, |keys| keys.bytes.len())
    }

    /// Rows that could not be encoded, ascending; one may come twice.
    pub fn failures(&self) -> std::vec::IntoIter<&(usize, String)> {
        let keys = self.keys.iter().flat_map(|keys| &keys.failures);
        let mut failures: Vec<&(usize, String)> = self.values.failures.iter().chain(keys).collect();
        failures.sort_by_key(|(row, _)| *row);
        failures.into_iter()
    }
}

fn body(encoded: &Encoded, row: usize) -> &[u8] {
    let start = if row == 0 { 0 } else { encoded.ends[row - 1] };
    &encoded.bytes[start..encoded.ends[row]]
}
