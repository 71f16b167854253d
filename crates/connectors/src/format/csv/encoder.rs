//! Encodes rows as CSV records, with Jackson's habits.
//!
//! Numbers and booleans are written bare. Any other value is quoted where it has more than 24
//! UTF-16 units, or has a character up to the greater of quote and delimiter (so a blank always
//! is reason enough), or the escape character. Quotes are doubled, and so is the escape
//! character. NULL is the null literal or nothing. Decimals lose their trailing zeros; and
//! unlike Flink's file sink, ours heeds `write-bigdecimal-in-scientific-notation`.

use argus_base::{Field, Result};
use arrow_array::ArrayRef;

use super::super::base64_text;
use super::super::cells::{CellValues, Cells, all_cells, elements};
use super::super::number::{
    write_decimal, write_decimal_stripped, write_double, write_float, write_integer,
};
use super::super::temporal::{DateTime, Standard, write_date, write_time, write_timestamp};
use super::super::{Encoded, Encoder, FormatContext};
use super::Dialect;

/// Longest value that is looked at rather than quoted.
const MAX_UNITS_UNQUOTED: usize = 24;

/// Encoder of one writer.
pub(super) struct CsvEncoder {
    schema: Vec<Field>,
    dialect: Dialect,
    scientific_decimals: bool,
}

impl CsvEncoder {
    /// An encoder of whole rows.
    pub fn new(context: &FormatContext<'_>, dialect: Dialect, scientific: bool) -> CsvEncoder {
        let schema = context.schema.to_vec();
        CsvEncoder { schema, dialect, scientific_decimals: scientific }
    }
}

impl Encoder for CsvEncoder {
    fn encode(&mut self, columns: &[ArrayRef], n_rows: usize) -> Result<Encoded> {
        let cells = all_cells(columns, &self.schema)?;
        let mut encoded = Encoded::default();
        let mut text = Vec::new();
        for row in 0..n_rows {
            for (i, cells) in cells.iter().enumerate() {
                if i > 0 {
                    push_char(&mut encoded.bytes, self.dialect.delimiter);
                }
                self.field(&mut encoded.bytes, &mut text, cells, row);
            }
            encoded.ends.push(encoded.bytes.len());
        }
        Ok(encoded)
    }
}

impl CsvEncoder {
    /// Writes one field; `text` is room to work in.
    fn field(&self, out: &mut Vec<u8>, text: &mut Vec<u8>, cells: &Cells<'_>, row: usize) {
        if cells.is_null(row) {
            self.null(out);
            return;
        }
        if is_bare(&cells.values) {
            self.text(out, &cells.values, row);
            return;
        }
        text.clear();
        match &cells.values {
            CellValues::List { offsets, element } => {
                let items = elements(offsets, row);
                for i in items.clone() {
                    self.element(text, element, i, i > items.start);
                }
            }
            CellValues::Row(columns) => {
                for (i, column) in columns.iter().enumerate() {
                    self.element(text, column, row, i > 0);
                }
            }
            values => self.text(text, values, row),
        }
        self.quoted_where_needed(out, text);
    }

    fn element(&self, text: &mut Vec<u8>, cells: &Cells<'_>, row: usize, follows: bool) {
        if follows {
            push_char(text, self.dialect.element_delimiter);
        }
        if cells.is_null(row) {
            self.null(text);
        } else {
            self.text(text, &cells.values, row);
        }
    }

    fn null(&self, out: &mut Vec<u8>) {
        let literal = self.dialect.null_literal.as_deref().unwrap_or_default();
        out.extend_from_slice(literal.as_bytes());
    }

    fn text(&self, out: &mut Vec<u8>, values: &CellValues<'_>, row: usize) {
        match values {
            CellValues::Null => {}
            CellValues::Boolean(values) => {
                out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
            }
            CellValues::TinyInt(values) => write_integer(out, i64::from(values[row])),
            CellValues::SmallInt(values) => write_integer(out, i64::from(values[row])),
            CellValues::Int(values) | CellValues::IntervalMonths(values) => {
                write_integer(out, i64::from(values[row]));
            }
            CellValues::BigInt(values) | CellValues::IntervalMillis(values) => {
                write_integer(out, values[row]);
            }
            CellValues::Float(values) => write_float(out, values[row]),
            CellValues::Double(values) => write_double(out, values[row]),
            CellValues::Decimal { unscaled, scale } => self.decimal(out, unscaled[row], *scale),
            CellValues::Text(values) => out.extend_from_slice(values.value(row).as_bytes()),
            CellValues::Bytes(values) => base64_text::write(out, values.value(row)),
            CellValues::Date(values) => write_date(out, i64::from(values[row])),
            CellValues::Time(values) => write_time(out, i64::from(values[row]) * 1_000_000),
            CellValues::Timestamp { values, unit, local } => {
                let timestamp = DateTime::from_unit(values[row], *unit);
                write_timestamp(out, timestamp, Standard::Sql, *local);
            }
            CellValues::List { .. } | CellValues::Map { .. } | CellValues::Row(_) => {
                unreachable!("the schema was checked")
            }
        }
    }

    fn decimal(&self, out: &mut Vec<u8>, unscaled: i128, scale: u8) {
        if self.scientific_decimals {
            write_decimal_stripped(out, unscaled, scale);
            return;
        }
        let (mut unscaled, mut scale) = (unscaled, scale);
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        write_decimal(out, unscaled, scale);
    }

    fn quoted_where_needed(&self, out: &mut Vec<u8>, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let Some(quote) = self.dialect.quote.filter(|quote| self.needs_quotes(&text, *quote))
        else {
            out.extend_from_slice(text.as_bytes());
            return;
        };
        push_char(out, quote);
        for c in text.chars() {
            if c == quote || Some(c) == self.dialect.escape {
                push_char(out, c);
            }
            push_char(out, c);
        }
        push_char(out, quote);
    }

    fn needs_quotes(&self, text: &str, quote: char) -> bool {
        let last_unsafe = quote.max(self.dialect.delimiter);
        text.encode_utf16().count() > MAX_UNITS_UNQUOTED
            || text.chars().any(|c| c <= last_unsafe || Some(c) == self.dialect.escape)
    }
}

/// Whether values of the type are never quoted.
fn is_bare(values: &CellValues<'_>) -> bool {
    matches!(
        values,
        CellValues::Boolean(_)
            | CellValues::TinyInt(_)
            | CellValues::SmallInt(_)
            | CellValues::Int(_)
            | CellValues::BigInt(_)
            | CellValues::Float(_)
            | CellValues::Double(_)
            | CellValues::Decimal { .. }
            | CellValues::IntervalMonths(_)
            | CellValues::IntervalMillis(_)
    )
}

fn push_char(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
