//! A table as the simulated connectors read it: the options of the real ones, bodies through the
//! real formats.

use argus_base::batch::Batch;
use argus_base::connector::{
    ConnectorCatalog, ConnectorContext, Projection, ScanSpec, TableDescriptor,
};
use argus_base::logical_type::arrow_schema;
use argus_base::option::Options;
use argus_base::{Error, Result};
use argus_connectors::format::{Decoder, Encoder, Format, FormatContext, lookup};
use argus_connectors::message::MessageBatch;
use argus_connectors::registry::Connectors;
use argus_connectors::table_options::{FormatOptions, TableOptions};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;

/// A table with its checked options.
pub struct Table {
    /// As the job declares it.
    pub descriptor: TableDescriptor,
    /// Its options.
    pub options: TableOptions,
}

/// Decodes bodies into what a job reads of a table.
pub struct BodyDecoder {
    decoder: Box<dyn Decoder>,
    table: TableDescriptor,
    scan: ScanSpec,
}

/// Encodes rows, one text each.
pub struct RowEncoder {
    encoder: Box<dyn Encoder>,
}

impl Table {
    /// A table that the planner has accepted.
    pub fn new(descriptor: &TableDescriptor) -> Result<Table> {
        let connectors = Connectors::new();
        let identifier = descriptor.options.get("connector").map_or("", String::as_str);
        let spec = connectors.connector(identifier);
        let spec = spec.ok_or_else(|| Error::bug(format!("no connector '{identifier}'")))?;
        let options = TableOptions::check(descriptor, spec);
        let options = options.map_err(|error| Error::bug(error.to_string()))?;
        Ok(Table { descriptor: descriptor.clone(), options })
    }

    /// An option that must be written.
    pub fn option(&self, key: &str) -> Result<&str> {
        let value = self.descriptor.options.get(key).map(String::as_str);
        value.ok_or_else(|| Error::bug(format!("'{key}' is missing")))
    }

    /// What decodes its bodies.
    pub fn decoder(&self, scan: &ScanSpec, context: &ConnectorContext) -> Result<BodyDecoder> {
        let body = self.body()?;
        let decoder = (body.format.decoder)(&FormatContext {
            schema: &self.descriptor.physical,
            projection: &scan.physical,
            options: &body.options,
            time_zone: &context.time_zone,
        })?;
        Ok(BodyDecoder { decoder, table: self.descriptor.clone(), scan: scan.clone() })
    }

    /// What encodes its rows: its format, or JSON with plain decimals where it has none.
    pub fn encoder(&self, context: &ConnectorContext) -> Result<RowEncoder> {
        let json = || -> Result<(&'static Format, Options)> {
            let format = lookup("json").ok_or_else(|| Error::bug("no format 'json'"))?;
            let plain = ("encode.decimal-as-plain-number".to_owned(), "true".to_owned());
            let options = Options::check(format.spec.options.iter().copied(), &[plain].into());
            Ok((format, options.map_err(|error| Error::bug(error.to_string()))?))
        };
        let (format, options) = match &self.options.body {
            Some(body) => (body.format, body.options.clone()),
            None => json()?,
        };
        let schema = &self.descriptor.physical;
        let encoder = (format.encoder)(&FormatContext {
            schema,
            projection: &Projection::all(schema.len()),
            options: &options,
            time_zone: &context.time_zone,
        })?;
        Ok(RowEncoder { encoder })
    }

    fn body(&self) -> Result<&FormatOptions> {
        let name = &self.descriptor.name;
        self.options.body.as_ref().ok_or_else(|| Error::bug(format!("'{name}' has no format")))
    }
}

impl BodyDecoder {
    /// Decodes bodies; one that cannot be is left out.
    pub fn decode<'a>(&mut self, bodies: impl Iterator<Item = &'a [u8]>) -> Result<RecordBatch> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for body in bodies {
            bytes.extend_from_slice(body);
            ends.push(u32::try_from(bytes.len()).map_err(|_| Error::bug("4 GiB of bodies"))?);
        }
        let messages = MessageBatch { bytes: Buffer::from_vec(bytes), ends, nulls: None };
        let decoded = self.decoder.decode(&messages)?;
        let schema = arrow_schema(&self.scan.output(&self.table));
        let options = RecordBatchOptions::new().with_row_count(Some(decoded.n_rows));
        Ok(RecordBatch::try_new_with_options(schema, decoded.columns, &options)?)
    }
}

impl RowEncoder {
    /// The texts of the rows.
    pub fn encode(&mut self, batch: &Batch) -> Result<Vec<String>> {
        let encoded = self.encoder.encode(batch.records.columns(), batch.n_rows())?;
        if let Some((row, reason)) = encoded.failures.first() {
            return Err(Error::bug(format!("row {row} cannot be encoded: {reason}")));
        }
        let mut start = 0;
        let text = |end: &usize| {
            let bytes = &encoded.bytes[std::mem::replace(&mut start, *end)..*end];
            String::from_utf8(bytes.to_vec()).map_err(|error| Error::bug(error.to_string()))
        };
        encoded.ends.iter().map(text).collect()
    }
}
