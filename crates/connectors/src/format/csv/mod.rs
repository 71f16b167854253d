//! The csv format: columns by position, as Jackson reads and writes them for Flink.

mod decoder;
mod encoder;
mod record;
mod split;
mod values;

use std::io::Read;

use argus_base::connector::FormatSpec;
use argus_base::option::{OptionKind, OptionSpec};
use argus_base::{Error, Field, LogicalType, Result, TypeRoot};

use self::decoder::CsvDecoder;
use self::encoder::CsvEncoder;
use self::split::RecordEnd;
use super::line_writer::LineWriter;
use super::lines::LineReader;
use super::{BAD_OPTIONS, Decoder, Encoder, FileInput, FileWriter, Format, FormatContext};

/// The declaration.
pub(super) const FORMAT: Format = Format {
    spec: FormatSpec { identifier: "csv", options: &OPTIONS, check_schema },
    decoder,
    encoder,
    open_file,
    file_writer,
};

const OPTIONS: [OptionSpec; 9] = [
    OptionSpec::new(
        "field-delimiter",
        OptionKind::Text,
        "The character between fields; Java's escapes such as \\t are understood.",
    )
    .default(","),
    OptionSpec::new(
        "disable-quote-character",
        OptionKind::Bool,
        "Whether no character encloses values; then quote-character may not be set.",
    )
    .default("false"),
    OptionSpec::new("quote-character", OptionKind::Text, "The character that encloses values.")
        .default("\""),
    OptionSpec::new(
        "allow-comments",
        OptionKind::Bool,
        "Whether lines that begin with # are left out, and empty lines with them.",
    )
    .default("false"),
    OptionSpec::new(
        "ignore-parse-errors",
        OptionKind::Bool,
        "Whether a field that does not fit its column is NULL, and a record that cannot be read \
         is dropped, rather than an error.",
    )
    .default("false"),
    OptionSpec::new(
        "array-element-delimiter",
        OptionKind::Text,
        "The character between the elements of an ARRAY or the fields of a ROW.",
    )
    .default(";"),
    OptionSpec::new(
        "escape-character",
        OptionKind::Text,
        "The character that takes its meaning from the one after it; none by default.",
    ),
    OptionSpec::new("null-literal", OptionKind::Text, "The text that stands for NULL."),
    OptionSpec::new(
        "write-bigdecimal-in-scientific-notation",
        OptionKind::Bool,
        "Whether a decimal with trailing zeros is written as 1E+5 rather than 100000.",
    )
    .default("true"),
];

/// The characters and texts with a meaning.
#[derive(Clone, Debug)]
struct Dialect {
    delimiter: char,
    quote: Option<char>,
    escape: Option<char>,
    element_delimiter: char,
    /// `None` where none is written; decoding then takes nothing for NULL.
    null_literal: Option<String>,
    allow_comments: bool,
}

impl Dialect {
    fn of(context: &FormatContext<'_>) -> Result<Dialect> {
        let options = context.options;
        let character = |key: &str| options.text(key).map(|text| one_character(key, text));
        let disable_quote = options.bool("disable-quote-character");
        if disable_quote && options.is_written("quote-character") {
            return Err(Error::user(
                BAD_OPTIONS,
                "csv.quote-character cannot be set where csv.disable-quote-character is true",
            ));
        }
        let delimiter = options.text("field-delimiter").unwrap_or(",");
        let quote = character("quote-character").transpose()?;
        Ok(Dialect {
            delimiter: one_character("field-delimiter", &unescape_java(delimiter))?,
            quote: if disable_quote { None } else { quote },
            escape: character("escape-character").transpose()?,
            element_delimiter: character("array-element-delimiter").transpose()?.unwrap_or(';'),
            null_literal: options.text("null-literal").map(str::to_owned),
            allow_comments: options.bool("allow-comments"),
        })
    }
}

fn one_character(key: &str, text: &str) -> Result<char> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(character),
        _ => Err(Error::user(BAD_OPTIONS, format!("csv.{key} = '{text}': expected one character"))),
    }
}

/// The escapes that make sense in a delimiter; a text without them comes back as it is.
fn unescape_java(text: &str) -> String {
    match text {
        "\\t" => "\t".to_owned(),
        "\\\\" => "\\".to_owned(),
        "\\n" => "\n".to_owned(),
        "\\r" => "\r".to_owned(),
        "\\b" => "\u{8}".to_owned(),
        "\\f" => "\u{c}".to_owned(),
        "\\'" => "'".to_owned(),
        "\\\"" => "\"".to_owned(),
        _ => {
            let code =
                text.strip_prefix("\\u").and_then(|digits| u32::from_str_radix(digits, 16).ok());
            code.and_then(char::from_u32).map_or_else(|| text.to_owned(), String::from)
        }
    }
}

fn check_schema(fields: &[Field]) -> std::result::Result<(), String> {
    for field in fields {
        let refuse = |what: &LogicalType| {
            Err(format!("column '{}': the csv format does not carry {what}", field.name))
        };
        let nested: Vec<&LogicalType> = match &field.logical_type.root {
            TypeRoot::Array(element) => vec![element],
            TypeRoot::Row(fields) => fields.iter().map(|field| &field.logical_type).collect(),
            _ if is_simple(&field.logical_type) => continue,
            _ => return refuse(&field.logical_type),
        };
        if let Some(inner) = nested.into_iter().find(|inner| !is_simple(inner)) {
            return refuse(inner).map_err(|why| format!("{why} inside another nested type"));
        }
    }
    Ok(())
}

fn is_simple(logical_type: &LogicalType) -> bool {
    !matches!(
        logical_type.root,
        TypeRoot::Array(_) | TypeRoot::Row(_) | TypeRoot::Map(..) | TypeRoot::Multiset(_)
    )
}

fn decoder(context: &FormatContext<'_>) -> Result<Box<dyn Decoder>> {
    let ignore_parse_errors = context.options.bool("ignore-parse-errors");
    Ok(Box::new(CsvDecoder::new(context, Dialect::of(context)?, ignore_parse_errors)?))
}

fn encoder(context: &FormatContext<'_>) -> Result<Box<dyn Encoder>> {
    let scientific = context.options.bool("write-bigdecimal-in-scientific-notation");
    Ok(Box::new(CsvEncoder::new(context, Dialect::of(context)?, scientific)))
}

/// A file has one record a line, but a line feed between quotes ends none.
fn open_file(context: &FormatContext<'_>, input: Box<dyn Read + Send>) -> Result<FileInput> {
    let record_end = RecordEnd::new(&Dialect::of(context)?);
    let reader = Box::new(LineReader::with_line_end(input, record_end));
    Ok(FileInput { reader, decoder: decoder(context)? })
}

fn file_writer(context: &FormatContext<'_>) -> Result<Box<dyn FileWriter>> {
    Ok(Box::new(LineWriter::new(encoder(context)?)))
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
