//! The raw format: a body is the value of the table's only column.
//!
//! | column | body |
//! |---|---|
//! | CHAR, VARCHAR | the text in `raw.charset` |
//! | BINARY, VARBINARY | the bytes as they are |
//! | BOOLEAN | one byte, 0 is false |
//! | TINYINT … BIGINT, FLOAT, DOUBLE | 1 to 8 bytes in the order of `raw.endianness` |
//!
//! A null body is NULL and the other way round: unlike the other formats', a tombstone here is a
//! row. In Flink a text that is no text in its charset becomes replacement characters, and so it
//! does here; a number needs exactly its bytes.

mod charset;

use std::io::Read;

use argus_base::connector::FormatSpec;
use argus_base::option::{OptionKind, OptionSpec};
use argus_base::{Error, Field, Result, TypeRoot};
use arrow_array::ArrayRef;

use self::charset::Charset;
use super::cells::{CellValues, Cells, all_cells};
use super::column::{Column, Values};
use super::ledger::Ledger;
use super::line_writer::LineWriter;
use super::lines::LineReader;
use super::{
    BAD_OPTIONS, Decoded, Decoder, Encoded, Encoder, FileInput, FileWriter, Format, FormatContext,
};
use crate::message::MessageBatch;

/// The declaration.
pub(super) const FORMAT: Format = Format {
    spec: FormatSpec { identifier: "raw", options: &OPTIONS, check_schema },
    decoder,
    encoder,
    open_file,
    file_writer,
};

const OPTIONS: [OptionSpec; 2] = [
    OptionSpec::new(
        "charset",
        OptionKind::Text,
        "Charset of text: UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE or UTF-16LE.",
    )
    .default("UTF-8"),
    OptionSpec::new(
        "endianness",
        OptionKind::Enum(&["big-endian", "little-endian"]),
        "Order of the bytes of numbers.",
    )
    .default("big-endian"),
];

fn check_schema(fields: &[Field]) -> std::result::Result<(), String> {
    let [field] = fields else {
        return Err(format!("the raw format takes exactly one column, found {}", fields.len()));
    };
    let root = &field.logical_type.root;
    let carried = root.is_character()
        || root.is_binary()
        || root.is_integer()
        || root.is_approximate()
        || *root == TypeRoot::Boolean;
    if carried {
        return Ok(());
    }
    Err(format!("column '{}': the raw format does not carry {}", field.name, field.logical_type))
}

#[derive(Clone, Copy)]
struct Layout {
    charset: Charset,
    little_endian: bool,
}

fn layout(context: &FormatContext<'_>) -> Result<Layout> {
    let name = context.options.text("charset").unwrap_or("UTF-8");
    let charset = Charset::named(name).ok_or_else(|| {
        let known = "UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE and UTF-16LE";
        Error::user(BAD_OPTIONS, format!("unknown raw.charset '{name}'; {known} are known"))
    })?;
    let little_endian = context.options.word("endianness") == Some("little-endian");
    Ok(Layout { charset, little_endian })
}

fn decoder(context: &FormatContext<'_>) -> Result<Box<dyn Decoder>> {
    let wanted = context.wanted()?;
    let columns = wanted.iter().map(|field| Column::new(&field.logical_type)).collect();
    Ok(Box::new(RawDecoder { layout: layout(context)?, columns }))
}

fn encoder(context: &FormatContext<'_>) -> Result<Box<dyn Encoder>> {
    Ok(Box::new(RawEncoder { layout: layout(context)?, schema: context.schema.to_vec() }))
}

/// A file has one value a line, as in Flink.
fn open_file(context: &FormatContext<'_>, input: Box<dyn Read + Send>) -> Result<FileInput> {
    Ok(FileInput { reader: Box::new(LineReader::new(input)), decoder: decoder(context)? })
}

fn file_writer(context: &FormatContext<'_>) -> Result<Box<dyn FileWriter>> {
    Ok(Box::new(LineWriter::new(encoder(context)?)))
}

struct RawDecoder {
    layout: Layout,
    /// The column, or none where nothing is wanted.
    columns: Vec<Column>,
}

impl Decoder for RawDecoder {
    fn decode(&mut self, messages: &MessageBatch) -> Result<Decoded> {
        let mut ledger = Ledger::default();
        for i in 0..messages.len() {
            let outcome = match self.columns.first_mut() {
                None => Ok(()),
                Some(column) => decode_body(messages, i, column, self.layout),
            };
            match outcome {
                Ok(()) => ledger.add_row(i),
                Err(reason) => ledger.fail(i, reason),
            }
        }
        let columns: Result<_> =
            self.columns.iter_mut().map(|column| column.finish(&messages.bytes)).collect();
        Ok(ledger.finish(columns?))
    }
}

fn decode_body(
    messages: &MessageBatch,
    i: usize,
    column: &mut Column,
    layout: Layout,
) -> std::result::Result<(), String> {
    let Some(body) = messages.body(i) else {
        let pushed = column.push_null();
        return if pushed {
            Ok(())
        } else {
            Err("a null body, but the type is NOT NULL".to_owned())
        };
    };
    let range = messages.range(i);
    match &mut column.values {
        Values::Text(views) => match layout.charset.decode(body) {
            None => views.push_shared(&messages.bytes, range.start, range.end),
            Some(text) => {
                if !views.push_copied(text.as_bytes()) {
                    return Err("too much text in one batch".to_owned());
                }
            }
        },
        Values::Bytes(views) => views.push_shared(&messages.bytes, range.start, range.end),
        Values::Boolean(values) => {
            let [byte] = number::<1>(body, false)?;
            values.append(byte != 0);
        }
        Values::TinyInt(values) => values.push(i8::from_be_bytes(number(body, false)?)),
        Values::SmallInt(values) => {
            values.push(i16::from_be_bytes(number(body, layout.little_endian)?));
        }
        Values::Int(values) => values.push(i32::from_be_bytes(number(body, layout.little_endian)?)),
        Values::BigInt(values) => {
            values.push(i64::from_be_bytes(number(body, layout.little_endian)?));
        }
        Values::Float(values) => {
            values.push(f32::from_be_bytes(number(body, layout.little_endian)?));
        }
        Values::Double(values) => {
            values.push(f64::from_be_bytes(number(body, layout.little_endian)?));
        }
        _ => unreachable!("the schema was checked"),
    }
    column.mark_valid();
    Ok(())
}

/// The bytes of a number, the most significant first.
fn number<const N: usize>(
    body: &[u8],
    little_endian: bool,
) -> std::result::Result<[u8; N], String> {
    let mut bytes: [u8; N] = body
        .try_into()
        .map_err(|_| format!("expected a body of {N} bytes, found one of {}", body.len()))?;
    if little_endian {
        bytes.reverse();
    }
    Ok(bytes)
}

struct RawEncoder {
    layout: Layout,
    schema: Vec<Field>,
}

impl Encoder for RawEncoder {
    /// A NULL has an empty body; what writes a tombstone looks at the column.
    fn encode(&mut self, columns: &[ArrayRef], n_rows: usize) -> Result<Encoded> {
        let cells = all_cells(columns, &self.schema)?;
        let mut encoded = Encoded::default();
        for row in 0..n_rows {
            if let Some(column) = cells.first().filter(|column| !column.is_null(row)) {
                encode_value(&mut encoded.bytes, column, row, self.layout);
            }
            encoded.ends.push(encoded.bytes.len());
        }
        Ok(encoded)
    }
}

fn encode_value(out: &mut Vec<u8>, cells: &Cells<'_>, row: usize, layout: Layout) {
    match &cells.values {
        CellValues::Text(values) => layout.charset.encode(values.value(row), out),
        CellValues::Bytes(values) => out.extend_from_slice(values.value(row)),
        CellValues::Boolean(values) => out.push(u8::from(values.value(row))),
        CellValues::TinyInt(values) => out.extend_from_slice(&values[row].to_be_bytes()),
        CellValues::SmallInt(values) => push_number(out, values[row].to_be_bytes(), layout),
        CellValues::Int(values) => push_number(out, values[row].to_be_bytes(), layout),
        CellValues::BigInt(values) => push_number(out, values[row].to_be_bytes(), layout),
        CellValues::Float(values) => push_number(out, values[row].to_be_bytes(), layout),
        CellValues::Double(values) => push_number(out, values[row].to_be_bytes(), layout),
        _ => unreachable!("the schema was checked"),
    }
}

fn push_number<const N: usize>(out: &mut Vec<u8>, mut bytes: [u8; N], layout: Layout) {
    if layout.little_endian {
        bytes.reverse();
    }
    out.extend_from_slice(&bytes);
}

#[cfg(test)]
#[path = "raw_tests.rs"]
mod tests;
