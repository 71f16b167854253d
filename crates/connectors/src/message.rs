//! Fetched messages: one byte buffer with offsets per batch, the seam between whatever fetches
//! bytes and whatever decodes them.

use arrow_buffer::Buffer;

/// Messages of one split, in order. Bodies lie one after the other in `bytes`; decoders may keep
/// views into it, so it is shared, not copied.
#[derive(Clone, Debug)]
pub struct MessageBatch {
    /// All bodies. At most 2 GiB, so that a 32-bit view offset reaches every byte.
    pub bytes: Buffer,
    /// Body `i` is `bytes[ends[i - 1]..ends[i]]`, from 0 for the first.
    pub ends: Vec<u32>,
    /// Whether body `i` is null (a tombstone), which is not the same as empty. `None`: none is.
    pub nulls: Option<Vec<bool>>,
}

impl MessageBatch {
    /// Number of messages.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Where body `i` lies in `bytes`.
    pub fn range(&self, i: usize) -> std::ops::Range<usize> {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        start as usize..self.ends[i] as usize
    }

    /// Body `i`, or `None` where it is null.
    pub fn body(&self, i: usize) -> Option<&[u8]> {
        let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls[i]);
        if is_null { None } else { Some(&self.bytes[self.range(i)]) }
    }
}
