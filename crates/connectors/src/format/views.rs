//! Builds a column of strings or byte strings that mostly point into the fetched messages.
//!
//! A view of at most 12 bytes holds its value; a longer one says where it lies. Values that
//! stand in a message as they are need no copy: their views point into the message buffer,
//! which the column then keeps alive. Unescaped or decoded values are written to a buffer of
//! the column's own.

use arrow_array::{ArrayRef, BinaryViewArray, StringViewArray};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};
use std::sync::Arc;

use argus_base::Result;

/// Position of the message buffer among the buffers of a finished column.
const SHARED: u32 = 0;
/// Position of the column's own buffer.
const OWN: u32 = 1;
/// Longest value that stands in its view.
const MAX_INLINE: usize = 12;

/// Views being collected.
#[derive(Debug, Default)]
pub(crate) struct Views {
    views: Vec<u128>,
    own: Vec<u8>,
}

impl Views {
    /// Room for that many more values.
    pub fn reserve(&mut self, n_values: usize) {
        self.views.reserve(n_values);
    }

    /// The value `shared[start..end]`, where `shared` is the buffer given to `finish`.
    #[inline]
    pub fn push_shared(&mut self, shared: &[u8], start: usize, end: usize) {
        self.views.push(view_of(shared, start, end, SHARED));
    }

    /// A value that stands nowhere in the messages. False, and nothing is added, where the
    /// column's own buffer would pass what 32 bits address.
    #[must_use]
    pub fn push_copied(&mut self, value: &[u8]) -> bool {
        let start = self.own.len();
        let end = start + value.len();
        if u32::try_from(end).is_err() {
            return false;
        }
        if value.len() > MAX_INLINE {
            self.own.extend_from_slice(value);
            self.views.push(view_of(&self.own, start, end, OWN));
        } else {
            self.views.push(inline_view(value));
        }
        true
    }

    /// A placeholder under a null.
    pub fn push_empty(&mut self) {
        self.views.push(0);
    }

    /// Drops the values from `length` on; the bytes they own stay until `finish`.
    pub fn truncate(&mut self, length: usize) {
        self.views.truncate(length);
    }

    /// The collected strings. An error means that a value was no UTF-8, which is a bug of the
    /// decoder.
    pub fn finish_text(&mut self, shared: &Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let (views, buffers) = self.take(shared);
        Ok(Arc::new(StringViewArray::try_new(views, buffers, nulls)?))
    }

    /// The collected byte strings.
    pub fn finish_bytes(&mut self, shared: &Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let (views, buffers) = self.take(shared);
        Ok(Arc::new(BinaryViewArray::try_new(views, buffers, nulls)?))
    }

    fn take(&mut self, shared: &Buffer) -> (ScalarBuffer<u128>, Vec<Buffer>) {
        let views = std::mem::take(&mut self.views);
        let own = std::mem::take(&mut self.own);
        // A column of short values keeps no buffer alive.
        let mut buffers = Vec::new();
        if views.iter().any(|view| length_of(*view) > MAX_INLINE) {
            buffers.push(shared.clone());
            if !own.is_empty() {
                buffers.push(Buffer::from_vec(own));
            }
        }
        (ScalarBuffer::from(views), buffers)
    }
}

fn length_of(view: u128) -> usize {
    (view as u32) as usize
}

/// The view of `buffer[start..end]`, which is buffer number `buffer_index` of the column.
#[inline]
fn view_of(buffer: &[u8], start: usize, end: usize, buffer_index: u32) -> u128 {
    let length = end - start;
    if length > MAX_INLINE {
        let prefix = buffer[start..].first_chunk::<4>().map_or(0, |four| u32::from_le_bytes(*four));
        return length as u128
            | (u128::from(prefix) << 32)
            | (u128::from(buffer_index) << 64)
            | ((start as u128) << 96);
    }
    // Reading 16 bytes and masking beats copying a few where the buffer goes on that far.
    match buffer[start..].first_chunk::<16>() {
        Some(sixteen) => {
            let wanted = (1u128 << (8 * length)) - 1;
            ((u128::from_le_bytes(*sixteen) & wanted) << 32) | length as u128
        }
        None => inline_view(&buffer[start..end]),
    }
}

fn inline_view(value: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[4..4 + value.len()].copy_from_slice(value);
    u128::from_le_bytes(bytes) | value.len() as u128
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn values_of_every_length_come_back() {
        let text: String = ('a'..='z').cycle().take(60).collect();
        let shared = Buffer::from(text.as_bytes());
        let mut views = Views::default();
        let mut expected = Vec::new();
        for length in 0..30 {
            for start in [0, 1, 60 - length] {
                views.push_shared(&shared, start, start + length);
                assert!(views.push_copied(&text.as_bytes()[start..start + length]));
                expected.extend([&text[start..start + length]; 2]);
            }
        }
        let array = views.finish_text(&shared, None).unwrap();
        let values: Vec<&str> = array.as_string_view().iter().flatten().collect();
        assert_eq!(values, expected);
        assert_eq!(array.as_string_view().data_buffers().len(), 2);
    }

    #[test]
    fn short_values_keep_no_buffer() {
        let shared = Buffer::from(b"twelve bytes".as_slice());
        let mut views = Views::default();
        views.push_shared(&shared, 0, 12);
        views.push_empty();
        let array = views.finish_bytes(&shared, None).unwrap();
        assert_eq!(array.as_binary_view().data_buffers().len(), 0);
        assert_eq!(array.len(), 2);
    }
}
