//! From packed messages to rows: value, key and metadata columns side by side, bad messages
//! skipped and counted or named in an error, as the job's policy says.

use std::sync::Arc;

use argus_base::connector::{
    ConnectorContext, OnError, ProjectedField, Projection, ScanSpec, TableDescriptor,
};
use argus_base::logical_type::arrow_schema;
use argus_base::metrics::Counter;
use argus_base::{Error, Result};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::Schema;

use super::assign::TopicPartition;
use super::errors;
use super::layout::{Layout, Part};
use super::metadata::{self, Key};
use super::packer::{MAX_MESSAGE_BYTES, Packed, Wanted};
use crate::format::{Decoded, Decoder};
use crate::message::MessageBatch;
use crate::metrics::SOURCE_SKIPPED;

/// Decodes the messages of one reader.
pub struct RowDecoder {
    value: PartDecoder,
    key: Option<PartDecoder>,
    metadata: Vec<Key>,
    schema: Arc<Schema>,
    on_error: OnError,
    n_physical: usize,
}

/// A decoder and where its columns go.
struct PartDecoder {
    decoder: Box<dyn Decoder>,
    targets: Vec<usize>,
}

/// Counts what is skipped of one partition.
pub struct SkipCounters {
    decode: Counter,
    null: Counter,
    oversize: Counter,
}

impl SkipCounters {
    /// The counters of a partition of a table.
    pub fn new(context: &ConnectorContext, source: &str, split: &TopicPartition) -> SkipCounters {
        let partition = split.partition.to_string();
        let counter = |reason| {
            let labels = [
                ("job", context.job_name.as_str()),
                ("source", source),
                ("topic", &split.topic),
                ("partition", &partition),
                ("reason", reason),
            ];
            context.metrics.counter(&SOURCE_SKIPPED, &labels)
        };
        let (decode, null) = (counter("decode"), counter("null"));
        SkipCounters { decode, null, oversize: counter("oversize") }
    }
}

/// The rows of a batch before the metadata columns are added.
struct Rows {
    /// One slot a physical column of the output.
    columns: Vec<Option<ArrayRef>>,
    /// The message of each row.
    messages: Vec<u32>,
}

impl RowDecoder {
    /// A decoder of what a job reads of a table.
    pub fn new(
        table: &TableDescriptor,
        layout: &Layout,
        scan: &ScanSpec,
        context: &ConnectorContext,
    ) -> Result<RowDecoder> {
        let wanted = &scan.physical;
        let value = PartDecoder::new(&layout.value, wanted, &[], context)?;
        // A column in both is read from the value. The key is decoded even where nobody reads
        // it: whether a row exists must not depend on which columns are read.
        let key = layout.key.as_ref();
        let key = key.map(|key| PartDecoder::new(key, wanted, &value.targets, context));
        let columns = scan.metadata.iter().map(|&index| Key::of(&table.metadata[index]));
        Ok(RowDecoder {
            value,
            key: key.transpose()?,
            metadata: columns.collect::<Result<_>>()?,
            schema: arrow_schema(&scan.output(table)),
            on_error: context.on_source_error,
            n_physical: wanted.0.len(),
        })
    }

    /// What must be kept of each message.
    pub fn wanted(&self) -> Wanted {
        Wanted { keys: self.key.is_some(), ..metadata::wanted(&self.metadata) }
    }

    /// Decodes a batch.
    pub fn decode(
        &mut self,
        split: &TopicPartition,
        packed: &Packed,
        skipped: &SkipCounters,
    ) -> Result<RecordBatch> {
        if let Some(&offset) = packed.oversize.first() {
            let reason = format!("longer than {MAX_MESSAGE_BYTES} bytes");
            self.skip_or_fail(split, offset, &reason)?;
            skipped.oversize.add(count(packed.oversize.len()));
        }
        let value = self.value.decoder.decode(&packed.values)?;
        self.judge_failures(split, packed, &value, skipped)?;
        skipped.null.add(null_without_row(&packed.values, &value));
        let mut rows = Rows { columns: vec![None; self.n_physical], messages: Vec::new() };
        match (&mut self.key, &packed.keys) {
            (Some(key), Some(bodies)) => {
                let decoded = key.decoder.decode(bodies)?;
                self.judge_failures(split, packed, &decoded, skipped)?;
                skipped.null.add(null_without_row(bodies, &decoded));
                self.join(&mut rows, &value, &decoded)?;
            }
            _ => {
                rows.messages = messages_of(&value);
                place(&mut rows.columns, &self.value.targets, &value.columns);
            }
        }
        self.finish(split, packed, rows)
    }

    fn finish(&self, split: &TopicPartition, packed: &Packed, rows: Rows) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for column in rows.columns {
            columns.push(column.ok_or_else(|| Error::bug("a column in neither key nor value"))?);
        }
        for key in &self.metadata {
            columns.push(key.read(split, packed, &rows.messages)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.messages.len()));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }

    /// Rows of messages that have both a value and a key, as Flink makes them.
    fn join(&self, rows: &mut Rows, value: &Decoded, key: &Decoded) -> Result<()> {
        let value_messages = messages_of(value);
        let key_messages = messages_of(key);
        let (mut value_rows, mut key_rows) = (Vec::new(), Vec::new());
        for (value_row, message) in (0..).zip(&value_messages) {
            let first = key_messages.partition_point(|other| other < message);
            let same = key_messages[first..].iter().take_while(|other| *other == message);
            for (key_row, _) in (first..).zip(same) {
                value_rows.push(value_row);
                key_rows.push(u32::try_from(key_row).unwrap_or(u32::MAX));
                rows.messages.push(*message);
            }
        }
        let value_columns = take_all(&value.columns, value_rows)?;
        place(&mut rows.columns, &self.value.targets, &value_columns);
        if let Some(part) = &self.key {
            place(&mut rows.columns, &part.targets, &take_all(&key.columns, key_rows)?);
        }
        Ok(())
    }

    fn judge_failures(
        &self,
        split: &TopicPartition,
        packed: &Packed,
        decoded: &Decoded,
        skipped: &SkipCounters,
    ) -> Result<()> {
        let Some(first) = decoded.failures.first() else { return Ok(()) };
        self.skip_or_fail(split, packed.offsets[first.message as usize], &first.reason)?;
        skipped.decode.add(count(decoded.failures.len()));
        Ok(())
    }

    fn skip_or_fail(&self, split: &TopicPartition, offset: i64, reason: &str) -> Result<()> {
        if self.on_error == OnError::Skip {
            return Ok(());
        }
        let TopicPartition { topic, partition } = split;
        let message = format!(
            "cannot decode the message at topic '{topic}' partition {partition} offset {offset}: \
             {reason}"
        );
        Err(Error::data(errors::UNDECODABLE, message))
    }
}

impl PartDecoder {
    /// A decoder of the wanted columns of a part but those of `elsewhere`.
    fn new(
        part: &Part,
        wanted: &Projection,
        elsewhere: &[usize],
        context: &ConnectorContext,
    ) -> Result<PartDecoder> {
        let (projection, targets) = part.project(wanted);
        let here = projection.0.into_iter().zip(targets);
        let here = here.filter(|(_, target)| !elsewhere.contains(target));
        let (projection, targets): (Vec<ProjectedField>, Vec<usize>) = here.unzip();
        let projection = Projection(projection);
        Ok(PartDecoder { decoder: part.decoder(&projection, &context.time_zone)?, targets })
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn messages_of(decoded: &Decoded) -> Vec<u32> {
    let all = || (0..).take(decoded.n_rows).collect();
    decoded.message_of_row.clone().unwrap_or_else(all)
}

fn place(columns: &mut [Option<ArrayRef>], targets: &[usize], arrays: &[ArrayRef]) {
    for (&target, array) in targets.iter().zip(arrays) {
        columns[target] = Some(Arc::clone(array));
    }
}

/// The rows at `indices`, ascending; nothing is copied where that is all of them.
fn take_all(columns: &[ArrayRef], indices: Vec<u32>) -> Result<Vec<ArrayRef>> {
    let is_all = |column: &ArrayRef| {
        let n_rows = column.len();
        indices.len() == n_rows && indices.iter().enumerate().all(|(i, &at)| i == at as usize)
    };
    if columns.iter().all(is_all) {
        return Ok(columns.to_vec());
    }
    let indices = UInt32Array::from(indices);
    let mut taken = Vec::with_capacity(columns.len());
    for column in columns {
        taken.push(arrow_select::take::take(column, &indices, None)?);
    }
    Ok(taken)
}

/// How many null bodies made no row.
fn null_without_row(bodies: &MessageBatch, decoded: &Decoded) -> u64 {
    let (Some(nulls), Some(messages)) = (&bodies.nulls, &decoded.message_of_row) else { return 0 };
    let has_row = |i: usize| messages.binary_search_by(|at| (*at as usize).cmp(&i)).is_ok();
    count((0..nulls.len()).filter(|&i| nulls[i] && !has_row(i)).count())
}
