//! The metadata columns: what there is, the arrays read of it, and the values written to it.

use std::sync::Arc;

use argus_base::connector::{MetadataColumn, MetadataSpec};
use argus_base::{Error, LogicalType, Result, TypeRoot};
use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, Int32Array, Int64Array, MapArray, StringViewArray,
    StructArray, TimestampMillisecondArray,
};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use rdkafka::message::{Header, OwnedHeaders, Timestamp};

use super::assign::TopicPartition;
use super::packer::{MessageHeaders, Packed, Wanted};

/// One metadata column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Topic of the message.
    Topic,
    /// Its partition.
    Partition,
    /// Its headers; of equal names the last counts.
    Headers,
    /// Always NULL: the client does not tell.
    LeaderEpoch,
    /// Its position in the partition.
    Offset,
    /// Its time.
    Timestamp,
    /// Who gave it its time.
    TimestampType,
}

const KEYS: [(&str, Key, bool); 7] = [
    ("topic", Key::Topic, true),
    ("partition", Key::Partition, false),
    ("headers", Key::Headers, true),
    ("leader-epoch", Key::LeaderEpoch, false),
    ("offset", Key::Offset, false),
    ("timestamp", Key::Timestamp, true),
    ("timestamp-type", Key::TimestampType, false),
];

/// The declarations of all metadata columns.
pub fn specs() -> Vec<MetadataSpec> {
    let spec = |(name, key, writable): (&'static str, Key, bool)| MetadataSpec {
        key: name,
        logical_type: key.logical_type(),
        writable,
    };
    KEYS.into_iter().map(spec).collect()
}

impl Key {
    /// The column a table names.
    pub fn of(column: &MetadataColumn) -> Result<Key> {
        let found = KEYS.into_iter().find(|(name, _, _)| *name == column.key);
        let found = found.map(|(_, key, _)| key);
        found.ok_or_else(|| Error::bug(format!("metadata column '{}' was not checked", column.key)))
    }

    fn logical_type(self) -> LogicalType {
        match self {
            Key::Topic | Key::TimestampType => TypeRoot::STRING.not_null(),
            Key::Partition => TypeRoot::Int.not_null(),
            Key::Headers => {
                let name = Box::new(TypeRoot::STRING.nullable());
                TypeRoot::Map(name, Box::new(TypeRoot::BYTES.nullable())).not_null()
            }
            Key::LeaderEpoch => TypeRoot::Int.nullable(),
            Key::Offset => TypeRoot::BigInt.not_null(),
            Key::Timestamp => TypeRoot::timestamp_ltz(3).not_null(),
        }
    }

    /// The column for some messages of a batch, given by position.
    pub fn read(self, split: &TopicPartition, packed: &Packed, rows: &[u32]) -> Result<ArrayRef> {
        let at = |row: &u32| *row as usize;
        Ok(match self {
            Key::Topic => repeated(&split.topic, rows.len())?,
            Key::Partition => Arc::new(Int32Array::from(vec![split.partition; rows.len()])),
            Key::Headers => headers_array(rows.iter().map(|row| &packed.headers[at(row)]))?,
            Key::LeaderEpoch => Arc::new(Int32Array::from(vec![None; rows.len()])),
            Key::Offset => {
                Arc::new(rows.iter().map(|row| packed.offsets[at(row)]).collect::<Int64Array>())
            }
            Key::Timestamp => {
                let millis = rows.iter().map(|row| millis_of(packed.timestamps[at(row)]));
                let array = TimestampMillisecondArray::from_iter_values(millis);
                Arc::new(array.with_timezone("UTC"))
            }
            Key::TimestampType => {
                let names = rows.iter().map(|row| type_name(packed.timestamps[at(row)]));
                Arc::new(names.map(Some).collect::<StringViewArray>())
            }
        })
    }
}

/// What must be kept of messages for these columns.
pub fn wanted(keys: &[Key]) -> Wanted {
    let has = |key| keys.contains(&key);
    Wanted {
        keys: false,
        timestamps: has(Key::Timestamp) || has(Key::TimestampType),
        headers: has(Key::Headers),
    }
}

/// A message without time has −1, as in the Java client.
fn millis_of(timestamp: Timestamp) -> i64 {
    match timestamp {
        Timestamp::NotAvailable => -1,
        Timestamp::CreateTime(millis) | Timestamp::LogAppendTime(millis) => millis,
    }
}

fn type_name(timestamp: Timestamp) -> &'static str {
    match timestamp {
        Timestamp::NotAvailable => "NoTimestampType",
        Timestamp::CreateTime(_) => "CreateTime",
        Timestamp::LogAppendTime(_) => "LogAppendTime",
    }
}

/// The same text in every row, kept once.
fn repeated(text: &str, n_rows: usize) -> Result<ArrayRef> {
    let mut builder = StringViewBuilder::with_capacity(n_rows);
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let block = builder.append_block(text.as_bytes().into());
    for _ in 0..n_rows {
        builder.try_append_view(block, 0, length)?;
    }
    Ok(Arc::new(builder.finish()))
}

fn headers_array<'a>(rows: impl Iterator<Item = &'a MessageHeaders>) -> Result<ArrayRef> {
    let mut names = StringViewBuilder::new();
    let mut values = BinaryViewBuilder::new();
    let mut ends = vec![0];
    let mut n_entries = 0;
    for headers in rows {
        for (i, (name, value)) in headers.iter().enumerate() {
            let is_overwritten = headers[i + 1..].iter().any(|(later, _)| later == name);
            if !is_overwritten {
                names.append_value(name);
                values.append_option(value.as_deref());
                n_entries += 1;
            }
        }
        ends.push(n_entries);
    }
    let DataType::Map(entries_field, is_sorted) = Key::Headers.logical_type().to_arrow() else {
        return Err(Error::bug("headers are a map"));
    };
    let DataType::Struct(fields) = entries_field.data_type().clone() else {
        return Err(Error::bug("the entries of a map are a struct"));
    };
    let columns: Vec<ArrayRef> = vec![Arc::new(names.finish()), Arc::new(values.finish())];
    let entries = StructArray::try_new(fields, columns, None)?;
    let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
    Ok(Arc::new(MapArray::try_new(entries_field, ends, entries, None, is_sorted)?))
}

/// The metadata columns of a batch to write.
#[derive(Default)]
pub struct WrittenMetadata {
    topics: Option<StringViewArray>,
    headers: Option<MapArray>,
    timestamps: Option<TimestampMillisecondArray>,
}

impl WrittenMetadata {
    /// Takes the columns in the order of `keys`.
    pub fn new(keys: &[Key], columns: &[ArrayRef]) -> Result<WrittenMetadata> {
        let mut written = WrittenMetadata::default();
        for (key, column) in keys.iter().zip(columns) {
            match key {
                Key::Topic => written.topics = Some(typed(column)?),
                Key::Headers => written.headers = Some(typed(column)?),
                Key::Timestamp => written.timestamps = Some(typed(column)?),
                _ => return Err(Error::bug(format!("{key:?} cannot be written"))),
            }
        }
        Ok(written)
    }

    /// The topic of a row, where one is written.
    pub fn topic(&self, row: usize) -> Option<&str> {
        let topics = self.topics.as_ref()?;
        topics.is_valid(row).then(|| topics.value(row))
    }

    /// The time of a row in milliseconds since 1970, where one is written.
    pub fn timestamp(&self, row: usize) -> Option<i64> {
        let timestamps = self.timestamps.as_ref()?;
        timestamps.is_valid(row).then(|| timestamps.value(row))
    }

    /// The headers of a row, where some are written.
    pub fn headers(&self, row: usize) -> Option<OwnedHeaders> {
        let maps = self.headers.as_ref().filter(|maps| maps.is_valid(row))?;
        let entries = maps.value(row);
        let names = entries.column(0).as_any().downcast_ref::<StringViewArray>()?;
        let values = entries.column(1).as_any().downcast_ref::<BinaryViewArray>()?;
        let mut headers = OwnedHeaders::new_with_capacity(names.len());
        for i in 0..names.len() {
            let value = values.is_valid(i).then(|| values.value(i));
            headers = headers.insert(Header { key: names.value(i), value });
        }
        Some(headers)
    }
}

fn typed<T: Array + Clone + 'static>(column: &ArrayRef) -> Result<T> {
    let typed = column.as_any().downcast_ref::<T>().cloned();
    typed.ok_or_else(|| Error::bug(format!("metadata column of type {}", column.data_type())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_have_the_declared_types() {
        let packed = Packed {
            values: crate::message::MessageBatch {
                bytes: arrow_buffer::Buffer::from_vec(Vec::<u8>::new()),
                ends: vec![0, 0],
                nulls: None,
            },
            keys: None,
            offsets: vec![7, 9],
            timestamps: vec![Timestamp::CreateTime(5), Timestamp::NotAvailable],
            headers: vec![
                vec![
                    ("a".into(), Some(b"1".to_vec())),
                    ("b".into(), None),
                    ("a".into(), Some(b"2".to_vec())),
                ],
                vec![],
            ],
            oversize: vec![],
            n_bytes: 0,
        };
        let split = TopicPartition { topic: "a-topic-with-a-long-name".into(), partition: 3 };
        for (name, key, _) in KEYS {
            for rows in [vec![0, 1], vec![1], vec![]] {
                let array = key.read(&split, &packed, &rows).unwrap();
                assert_eq!(array.data_type(), &key.logical_type().to_arrow(), "{name}");
                assert_eq!(array.len(), rows.len(), "{name}");
            }
        }
        let headers = Key::Headers.read(&split, &packed, &[0, 1]).unwrap();
        let written = WrittenMetadata::new(&[Key::Headers], &[headers]).unwrap();
        let first = format!("{:?}", written.headers(0).unwrap().as_borrowed().detach());
        assert!(!first.is_empty());
        use rdkafka::message::Headers;
        assert_eq!(written.headers(0).unwrap().count(), 2);
        assert_eq!(written.headers(0).unwrap().get(1).value, Some(&b"2"[..]));
        assert_eq!(written.headers(1).unwrap().count(), 0);
    }
}
