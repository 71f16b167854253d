//! Lengths of text and binary values, and conversions to binary.

use std::sync::Arc;

use argus_base::TypeRoot;
use argus_base::logical_type::MAX_LENGTH;
use arrow_array::builder::BinaryViewBuilder;
use arrow_array::{Array, ArrayRef, BinaryViewArray, StringViewArray};

use super::super::value::downcast;
use super::{Apply, Pair};

/// The conversion of text or binary values to BINARY(n) or VARBINARY(n): cut, and for BINARY
/// filled with zeros.
pub(super) fn to_binary(pair: Pair<'_>) -> Apply {
    let (length, is_fixed) = match pair.to {
        TypeRoot::Binary(length) => (*length as usize, true),
        TypeRoot::VarBinary(length) => (*length as usize, false),
        _ => (MAX_LENGTH as usize, false),
    };
    let is_text = pair.from.is_character();
    Box::new(move |array| {
        let mut builder = BinaryViewBuilder::with_capacity(array.len());
        let mut filled = Vec::new();
        for row in 0..array.len() {
            if array.is_null(row) {
                builder.append_null();
                continue;
            }
            let bytes = match is_text {
                true => downcast::<StringViewArray>(array).value(row).as_bytes(),
                false => downcast::<BinaryViewArray>(array).value(row),
            };
            let bytes = &bytes[..bytes.len().min(length)];
            if !is_fixed || bytes.len() == length {
                builder.append_value(bytes);
                continue;
            }
            filled.clear();
            filled.extend_from_slice(bytes);
            filled.resize(length, 0);
            builder.append_value(&filled);
        }
        Ok(Arc::new(builder.finish()) as ArrayRef)
    })
}

/// What CHAR(n) and VARCHAR(n) make of a text: cut to n code points, and for CHAR filled with
/// spaces.
#[derive(Clone, Copy)]
pub(super) struct TextLength {
    length: usize,
    is_fixed: bool,
}

impl TextLength {
    pub(super) fn of(root: &TypeRoot) -> TextLength {
        match root {
            TypeRoot::Char(length) => TextLength { length: *length as usize, is_fixed: true },
            TypeRoot::VarChar(length) => TextLength { length: *length as usize, is_fixed: false },
            _ => TextLength { length: usize::MAX, is_fixed: false },
        }
    }

    /// Cuts or fills what was written to `text`.
    pub(super) fn apply(self, text: &mut String) {
        // No text has more code points than bytes.
        if text.len() > self.length
            && let Some((end, _)) = text.char_indices().nth(self.length)
        {
            text.truncate(end);
        }
        if self.is_fixed {
            let missing = self.length.saturating_sub(text.chars().count());
            text.extend(std::iter::repeat_n(' ', missing));
        }
    }
}
