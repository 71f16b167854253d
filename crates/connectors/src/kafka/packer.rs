//! Packs fetched messages of one partition into the buffers that decoders take.

use arrow_buffer::Buffer;
use rdkafka::message::{BorrowedMessage, Headers, Message, Timestamp};

use crate::message::MessageBatch;

/// About as many bytes as one batch holds; a longer message stands alone or last.
pub const BATCH_BYTES: usize = 2 << 20;
/// Longest body that is read. Longer ones, which only a broker with far larger limits than
/// Kafka's defaults takes, do not fit a batch with others.
pub const MAX_MESSAGE_BYTES: usize = 1 << 30;

/// What is kept of each message besides its value and offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The key.
    pub keys: bool,
    /// Time and its type.
    pub timestamps: bool,
    /// The headers.
    pub headers: bool,
}

/// Headers of one message: name and value, in order.
pub type MessageHeaders = Vec<(String, Option<Vec<u8>>)>;

/// Messages of one partition, in order.
#[derive(Debug)]
pub struct Packed {
    /// Values.
    pub values: MessageBatch,
    /// Keys, where wanted.
    pub keys: Option<MessageBatch>,
    /// Offset of each message.
    pub offsets: Vec<i64>,
    /// Time of each message, where wanted.
    pub timestamps: Vec<Timestamp>,
    /// Headers of each message, where wanted.
    pub headers: Vec<MessageHeaders>,
    /// Offsets of messages left out because they are too long.
    pub oversize: Vec<i64>,
    /// Bytes of all keys and values.
    pub n_bytes: u64,
}

impl Packed {
    /// Whether there is no message, not even one left out.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty() && self.oversize.is_empty()
    }
}

/// Collects messages until a batch is full.
#[derive(Default)]
pub struct Packer {
    wanted: Wanted,
    values: Bodies,
    keys: Bodies,
    offsets: Vec<i64>,
    timestamps: Vec<Timestamp>,
    headers: Vec<MessageHeaders>,
    oversize: Vec<i64>,
    n_bytes: usize,
}

#[derive(Default)]
struct Bodies {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    nulls: Option<Vec<bool>>,
}

impl Packer {
    /// Begins a batch in `buffer`, which may have been used before.
    pub fn new(wanted: Wanted, buffer: Vec<u8>) -> Packer {
        let mut packer = Packer { wanted, ..Packer::default() };
        packer.values.bytes = buffer;
        packer.values.bytes.clear();
        packer
    }

    /// Number of messages so far, those left out not counted.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether the bytes of a batch are together.
    pub fn is_full(&self) -> bool {
        self.n_bytes >= BATCH_BYTES
    }

    /// Takes a message.
    pub fn add(&mut self, message: &BorrowedMessage<'_>) {
        let value = message.payload();
        let key = if self.wanted.keys { message.key() } else { None };
        if [value, key].iter().flatten().any(|body| body.len() > MAX_MESSAGE_BYTES) {
            self.oversize.push(message.offset());
            return;
        }
        self.values.add(value);
        if self.wanted.keys {
            self.keys.add(key);
        }
        self.offsets.push(message.offset());
        if self.wanted.timestamps {
            self.timestamps.push(message.timestamp());
        }
        if self.wanted.headers {
            self.headers.push(headers(message));
        }
        self.n_bytes += value.map_or(0, <[u8]>::len) + key.map_or(0, <[u8]>::len);
    }

    /// The batch.
    pub fn finish(self) -> Packed {
        let n_bytes = u64::try_from(self.n_bytes).unwrap_or(u64::MAX);
        Packed {
            values: self.values.finish(),
            keys: self.wanted.keys.then(|| self.keys.finish()),
            offsets: self.offsets,
            timestamps: self.timestamps,
            headers: self.headers,
            oversize: self.oversize,
            n_bytes,
        }
    }
}

impl Bodies {
    fn add(&mut self, body: Option<&[u8]>) {
        if let Some(nulls) = &mut self.nulls {
            nulls.push(body.is_none());
        } else if body.is_none() {
            let mut nulls = vec![false; self.ends.len()];
            nulls.push(true);
            self.nulls = Some(nulls);
        }
        self.bytes.extend_from_slice(body.unwrap_or_default());
        let end = u32::try_from(self.bytes.len());
        self.ends.push(end.expect("BATCH_BYTES and two MAX_MESSAGE_BYTES are below 4 GiB"));
    }

    fn finish(self) -> MessageBatch {
        MessageBatch { bytes: Buffer::from_vec(self.bytes), ends: self.ends, nulls: self.nulls }
    }
}

fn headers(message: &BorrowedMessage<'_>) -> MessageHeaders {
    let Some(headers) = message.headers() else { return MessageHeaders::new() };
    let owned =
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)));
    owned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_not_empty() {
        let mut bodies = Bodies::default();
        for body in [Some(&b"ab"[..]), None, Some(b""), Some(b"c")] {
            bodies.add(body);
        }
        let batch = bodies.finish();
        let bodies: Vec<Option<&[u8]>> = (0..batch.len()).map(|i| batch.body(i)).collect();
        assert_eq!(bodies, [Some(&b"ab"[..]), None, Some(b""), Some(b"c")]);
        let mut plain = Bodies::default();
        plain.add(Some(b"x"));
        assert!(plain.finish().nulls.is_none());
    }
}
