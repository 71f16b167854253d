//! The json format.

mod cursor;
mod decoder;
mod encoder;
mod names;
mod text;
mod values;

use std::io::Read;

use argus_base::connector::FormatSpec;
use argus_base::option::{OptionKind, OptionSpec};
use argus_base::{Error, Field, LogicalType, Result, TypeRoot};

use self::decoder::JsonDecoder;
use self::encoder::{EncodeOptions, JsonEncoder, NullKey};
use self::text::Fractions;
#[cfg(test)]
pub(super) use self::text::write_string;
use self::values::DecodeOptions;
use super::line_writer::LineWriter;
use super::lines::LineReader;
use super::temporal::Standard;
use super::{BAD_OPTIONS, Decoder, Encoder, FileInput, FileWriter, Format, FormatContext};

/// The declaration.
pub(super) const FORMAT: Format = Format {
    spec: FormatSpec { identifier: "json", options: &OPTIONS, check_schema },
    decoder,
    encoder,
    open_file,
    file_writer,
};

const OPTIONS: [OptionSpec; 8] = [
    OptionSpec::new(
        "fail-on-missing-field",
        OptionKind::Bool,
        "Whether a field that is not there is an error rather than NULL.",
    )
    .default("false"),
    OptionSpec::new(
        "ignore-parse-errors",
        OptionKind::Bool,
        "Whether a field that does not fit its column is NULL, and a message that is no JSON \
         is dropped, rather than an error.",
    )
    .default("false"),
    OptionSpec::new(
        "timestamp-format.standard",
        OptionKind::Enum(&["SQL", "ISO-8601"]),
        "How timestamps are written: SQL `2020-12-30 12:13:14.123` or ISO-8601 \
         `2020-12-30T12:13:14.123`; TIMESTAMP_LTZ ends in Z in both.",
    )
    .default("SQL"),
    OptionSpec::new(
        "map-null-key.mode",
        OptionKind::Enum(&["FAIL", "DROP", "LITERAL"]),
        "What to do about a NULL key of a map that is written: fail, drop the entry, or write \
         `map-null-key.literal`.",
    )
    .default("FAIL"),
    OptionSpec::new(
        "map-null-key.literal",
        OptionKind::Text,
        "What to write for a NULL key where `map-null-key.mode` is LITERAL.",
    )
    .default("null"),
    OptionSpec::new(
        "encode.decimal-as-plain-number",
        OptionKind::Bool,
        "Whether decimals are written with all digits, as 0.000000027, rather than shortest, as \
         2.7E-8.",
    )
    .default("false"),
    OptionSpec::new(
        "encode.ignore-null-fields",
        OptionKind::Bool,
        "Whether NULL fields are left out rather than written as null.",
    )
    .default("false"),
    OptionSpec::new(
        "decode.json-parser.enabled",
        OptionKind::Bool,
        "Accepted for Flink's sake: there is one parser here.",
    )
    .default("true"),
];

fn check_schema(fields: &[Field]) -> std::result::Result<(), String> {
    for field in fields {
        check_type(&field.logical_type).map_err(|why| format!("column '{}': {why}", field.name))?;
    }
    Ok(())
}

fn check_type(logical_type: &LogicalType) -> std::result::Result<(), String> {
    match &logical_type.root {
        TypeRoot::Map(key, _) | TypeRoot::Multiset(key) if !key.root.is_character() => {
            Err(format!("names in JSON are text, so the key of a {logical_type} cannot be {key}"))
        }
        TypeRoot::Map(_, value) => check_type(value),
        TypeRoot::Array(element) => check_type(element),
        TypeRoot::Row(fields) => check_schema(fields),
        _ => Ok(()),
    }
}

fn standard(context: &FormatContext<'_>) -> Standard {
    match context.options.word("timestamp-format.standard") {
        Some("ISO-8601") => Standard::Iso8601,
        _ => Standard::Sql,
    }
}

fn fractions(schema: &[Field]) -> Fractions {
    let has_decimal = schema.iter().any(|field| has_decimal(&field.logical_type));
    if has_decimal { Fractions::Decimals } else { Fractions::Doubles }
}

fn has_decimal(logical_type: &LogicalType) -> bool {
    match &logical_type.root {
        TypeRoot::Decimal { .. } => true,
        TypeRoot::Array(inner) | TypeRoot::Map(_, inner) => has_decimal(inner),
        TypeRoot::Row(fields) => fields.iter().any(|field| has_decimal(&field.logical_type)),
        _ => false,
    }
}

fn decoder(context: &FormatContext<'_>) -> Result<Box<dyn Decoder>> {
    let options = DecodeOptions {
        fail_on_missing_field: context.options.bool("fail-on-missing-field"),
        ignore_parse_errors: context.options.bool("ignore-parse-errors"),
        standard: standard(context),
        fractions: fractions(context.schema),
    };
    if options.fail_on_missing_field && options.ignore_parse_errors {
        return Err(Error::user(
            BAD_OPTIONS,
            "json.fail-on-missing-field and json.ignore-parse-errors cannot both be true",
        ));
    }
    Ok(Box::new(JsonDecoder::new(context, options)?))
}

fn encoder(context: &FormatContext<'_>) -> Result<Box<dyn Encoder>> {
    let null_key = match context.options.word("map-null-key.mode") {
        Some("DROP") => NullKey::Drop,
        Some("LITERAL") => {
            let literal = context.options.text("map-null-key.literal").unwrap_or_default();
            NullKey::Literal(literal.to_owned())
        }
        _ => NullKey::Fail,
    };
    let options = EncodeOptions {
        standard: standard(context),
        plain_decimals: context.options.bool("encode.decimal-as-plain-number"),
        ignore_null_fields: context.options.bool("encode.ignore-null-fields"),
        null_key,
    };
    Ok(Box::new(JsonEncoder::new(context, options)))
}

/// A file has one message a line, as in Flink.
fn open_file(context: &FormatContext<'_>, input: Box<dyn Read + Send>) -> Result<FileInput> {
    Ok(FileInput { reader: Box::new(LineReader::new(input)), decoder: decoder(context)? })
}

fn file_writer(context: &FormatContext<'_>) -> Result<Box<dyn FileWriter>> {
    Ok(Box::new(LineWriter::new(encoder(context)?)))
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod decode_tests;
#[cfg(test)]
#[path = "encode_tests.rs"]
mod encode_tests;
