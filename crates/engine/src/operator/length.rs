//! `table.exec.sink.type-length-enforcer`: what a text or bytes value longer (or, for CHAR and
//! BINARY, shorter) than its column does at a sink.

use std::sync::Arc;

use argus_base::logical_type::MAX_LENGTH;
use argus_base::{Batch, Error, Field, Result, TypeRoot};
use argus_plan::graph::LengthPolicy;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BinaryViewArray, StringViewArray};

/// Applies the policy to the columns that have a length.
pub struct LengthEnforcer {
    policy: LengthPolicy,
    columns: Vec<(usize, Field)>,
}

impl LengthEnforcer {
    /// An enforcer for the columns of a sink.
    pub fn new(policy: LengthPolicy, fields: &[Field]) -> LengthEnforcer {
        let bounded = fields
            .iter()
            .enumerate()
            .filter(|(_, field)| length(&field.logical_type.root).is_some());
        let columns = match policy {
            LengthPolicy::Ignore => Vec::new(),
            _ => bounded.map(|(index, field)| (index, field.clone())).collect(),
        };
        LengthEnforcer { policy, columns }
    }

    /// The batch with every value of the length its column asks for.
    pub fn apply(&self, batch: Batch) -> Result<Batch> {
        if self.columns.is_empty() {
            return Ok(batch);
        }
        let mut columns = batch.records.columns().to_vec();
        for (index, field) in &self.columns {
            columns[*index] = self.enforce(&columns[*index], field)?;
        }
        let records = super::record_batch(&batch.records.schema(), columns, batch.n_rows())?;
        Ok(Batch { records, kinds: batch.kinds })
    }

    fn enforce(&self, column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
        let Some(rule) = length(&field.logical_type.root) else { return Ok(column.clone()) };
        if let Some(texts) = column.as_string_view_opt() {
            let values =
                texts.iter().map(|text| text.map(|text| self.text(text, rule, field)).transpose());
            return Ok(Arc::new(values.collect::<Result<StringViewArray>>()?));
        }
        let values = column.as_binary_view().iter();
        let values =
            values.map(|bytes| bytes.map(|bytes| self.bytes(bytes, rule, field)).transpose());
        Ok(Arc::new(values.collect::<Result<BinaryViewArray>>()?))
    }

    fn text(&self, text: &str, rule: Length, field: &Field) -> Result<String> {
        let found = text.chars().count();
        if !rule.is_broken_by(found) {
            return Ok(text.to_owned());
        }
        self.refuse(found, field)?;
        let mut kept: String = text.chars().take(rule.length).collect();
        kept.extend(std::iter::repeat_n(' ', rule.length.saturating_sub(found)));
        Ok(kept)
    }

    fn bytes(&self, bytes: &[u8], rule: Length, field: &Field) -> Result<Vec<u8>> {
        if !rule.is_broken_by(bytes.len()) {
            return Ok(bytes.to_vec());
        }
        self.refuse(bytes.len(), field)?;
        let mut kept = bytes[..bytes.len().min(rule.length)].to_vec();
        kept.resize(rule.length, 0);
        Ok(kept)
    }

    fn refuse(&self, found: usize, field: &Field) -> Result<()> {
        if self.policy != LengthPolicy::Error {
            return Ok(());
        }
        let message = format!(
            "the column '{}' is {}, but a row has a value of length {found}; cut such values with \
             SET 'table.exec.sink.type-length-enforcer' = 'TRIM_PAD'",
            field.name, field.logical_type
        );
        Err(Error::data("AR4004", message))
    }
}

/// The length of a type, and whether shorter values are padded to it.
#[derive(Clone, Copy, Debug)]
struct Length {
    length: usize,
    is_exact: bool,
}

impl Length {
    fn is_broken_by(self, found: usize) -> bool {
        found > self.length || (self.is_exact && found < self.length)
    }
}

fn length(root: &TypeRoot) -> Option<Length> {
    let (length, is_exact) = match root {
        TypeRoot::Char(length) | TypeRoot::Binary(length) => (*length, true),
        TypeRoot::VarChar(length) | TypeRoot::VarBinary(length) => (*length, false),
        _ => return None,
    };
    (length < MAX_LENGTH).then_some(Length { length: length as usize, is_exact })
}
