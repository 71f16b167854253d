//! The avro format: bare records on topics, container files on disks.

mod codec;
mod container;
mod decoder;
mod encoder;
mod parse;
mod program;
mod schema;
mod values;
mod wire;

use std::io::Read;

use argus_base::connector::FormatSpec;
use argus_base::option::{OptionKind, OptionSpec};
use argus_base::{Error, Field, Result};

use self::codec::Codec;
use self::container::{ContainerReader, ContainerWriter};
use self::decoder::AvroDecoder;
use self::encoder::AvroEncoder;
use self::schema::Schema;
use super::{
    BAD_FILE, BAD_OPTIONS, Decoder, Encoder, FileInput, FileWriter, Format, FormatContext,
};

/// The declaration.
pub(super) const FORMAT: Format = Format {
    spec: FormatSpec { identifier: "avro", options: &OPTIONS, check_schema },
    decoder,
    encoder,
    open_file,
    file_writer,
};

const OPTIONS: [OptionSpec; 3] = [
    OptionSpec::new(
        "encoding",
        OptionKind::Enum(&["binary", "json"]),
        "How records are written; only binary runs here.",
    )
    .default("binary"),
    OptionSpec::new(
        "timestamp_mapping.legacy",
        OptionKind::Bool,
        "Whether TIMESTAMP is a timestamp-millis, as before Flink 1.19, and TIMESTAMP_LTZ is \
         refused. If false, TIMESTAMP is a local-timestamp, TIMESTAMP_LTZ a timestamp, with up \
         to six fraction digits.",
    )
    .default("true"),
    OptionSpec::new(
        "codec",
        OptionKind::Enum(&["null", "deflate", "snappy", "bzip2", "xz", "zstandard"]),
        "How blocks of a container file are compressed; null, deflate and snappy run here.",
    )
    .default("snappy"),
];

/// The schema of a table with these columns, as JSON and exactly as Flink derives it. Says which
/// column Avro cannot carry.
pub fn derived_schema(
    fields: &[Field],
    legacy_timestamps: bool,
) -> std::result::Result<String, String> {
    schema::derive(fields, legacy_timestamps).map(|record| schema::render(&record))
}

/// Without the options: what neither timestamp mapping can carry.
fn check_schema(fields: &[Field]) -> std::result::Result<(), String> {
    let current = schema::derive(fields, false);
    if schema::derive(fields, true).is_ok() { Ok(()) } else { current.map(|_| ()) }
}

/// The schema of bare bodies.
fn bare_schema(context: &FormatContext<'_>) -> Result<std::sync::Arc<schema::Record>> {
    if context.options.word("encoding") == Some("json") {
        return Err(Error::user(
            BAD_OPTIONS,
            "avro.encoding = 'json' does not run here; 'binary' does, and so does the format json",
        ));
    }
    let legacy_timestamps = context.options.bool("timestamp_mapping.legacy");
    schema::derive(context.schema, legacy_timestamps).map_err(|why| Error::user(BAD_OPTIONS, why))
}

fn decoder(context: &FormatContext<'_>) -> Result<Box<dyn Decoder>> {
    let writer = Schema::Record(bare_schema(context)?);
    let wanted = context.wanted()?;
    Ok(Box::new(AvroDecoder::new(&writer, &wanted)?))
}

fn encoder(context: &FormatContext<'_>) -> Result<Box<dyn Encoder>> {
    bare_schema(context)?;
    Ok(Box::new(AvroEncoder::new(context.schema)))
}

fn open_file(context: &FormatContext<'_>, input: Box<dyn Read + Send>) -> Result<FileInput> {
    let (reader, writer) = ContainerReader::open(input)?;
    let wanted = context.wanted()?;
    let decoder = AvroDecoder::new(&writer, &wanted)
        .map_err(|why| Error::data(BAD_FILE, format!("the Avro file cannot be read: {why}")))?;
    Ok(FileInput { reader: Box::new(reader), decoder: Box::new(decoder) })
}

fn file_writer(context: &FormatContext<'_>) -> Result<Box<dyn FileWriter>> {
    let name = context.options.word("codec").unwrap_or("null");
    let Some(codec) = Codec::named(name) else {
        let why = format!("avro.codec = '{name}' does not run here; null, deflate and snappy do");
        return Err(Error::user(BAD_OPTIONS, why));
    };
    let schema = schema::render(&*bare_schema(context)?);
    Ok(Box::new(ContainerWriter::new(encoder(context)?, &schema, codec)))
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod container_tests;
#[cfg(test)]
#[path = "avro_tests.rs"]
mod tests;
