//! The format seam: decoders turn fetched bodies into columns, encoders turn rows into bodies.
//!
//! A decoder is told the full physical schema of the table and the part of it that the job
//! reads; what nobody reads is skipped, not materialised. It never panics on any bytes: a body
//! it cannot decode is reported by position and adds no row.

pub mod avro;
mod base64_text;
mod cells;
mod column;
mod csv;
mod json;
mod keys;
mod ledger;
mod line_writer;
mod lines;
pub(crate) mod number;
mod problem;
mod raw;
pub(crate) mod temporal;
#[cfg(test)]
mod testing;
mod text_check;
mod views;

use std::io::Read;

use argus_base::connector::{FormatSpec, Projection};
use argus_base::{Error, Field, Result};
use arrow_array::ArrayRef;

use crate::message::MessageBatch;

/// Error code: the options of a format and the schema of its table do not go together.
pub(crate) const BAD_OPTIONS: &str = "AR4201";
/// Error code: a file cannot be split into messages.
pub(crate) const BAD_FILE: &str = "AR4202";
/// Error code: reading a file failed.
pub(crate) const READ_FAILED: &str = "AR4203";

/// Most messages a [`FileReader`] puts into one batch.
pub const MAX_FILE_BATCH_MESSAGES: usize = 8192;
/// About as many bytes as a [`FileReader`] puts into one batch; a longer message stands alone.
pub const FILE_BATCH_BYTES: usize = 1 << 20;
/// Longest message a [`FileReader`] takes; a longer one fails the file.
pub const MAX_FILE_MESSAGE_BYTES: usize = 64 << 20;

/// A format: its declaration and what makes its decoders and encoders.
///
/// Every function may refuse a context with an error of kind `User`, for what the options and
/// the schema say together; [`FormatSpec::check_schema`] has accepted the schema before.
pub struct Format {
    /// Identifier, options and schema check.
    pub spec: FormatSpec,
    /// A decoder of single bodies.
    pub decoder: fn(&FormatContext<'_>) -> Result<Box<dyn Decoder>>,
    /// An encoder of single bodies.
    pub encoder: fn(&FormatContext<'_>) -> Result<Box<dyn Encoder>>,
    /// Opens a file of messages. Reads as much of it as tells how its messages are decoded.
    pub open_file: fn(&FormatContext<'_>, Box<dyn Read + Send>) -> Result<FileInput>,
    /// Begins a file of rows.
    pub file_writer: fn(&FormatContext<'_>) -> Result<Box<dyn FileWriter>>,
}

/// Every format.
pub fn formats() -> &'static [Format] {
    static FORMATS: [Format; 4] = [json::FORMAT, csv::FORMAT, avro::FORMAT, raw::FORMAT];
    &FORMATS
}

/// The format of that identifier, which is compared exactly, as Flink does.
pub fn lookup(identifier: &str) -> Option<&'static Format> {
    formats().iter().find(|format| format.spec.identifier == identifier)
}

/// An opened file: `reader` splits it into messages on whatever thread may block, `decoder`
/// makes rows of them on another.
pub struct FileInput {
    /// Splits the bytes into messages.
    pub reader: Box<dyn FileReader>,
    /// Decodes the messages of this file only: a container file brings its own schema.
    pub decoder: Box<dyn Decoder>,
}

/// Splits a file into messages. To go on in the middle of a file, open it again and drop as many
/// messages as had been read: their number, like their order, is a property of the file.
pub trait FileReader: Send {
    /// The next messages, at least one, or `None` at the end of the file. Bounded by
    /// [`MAX_FILE_BATCH_MESSAGES`] and [`FILE_BATCH_BYTES`]. An error of kind `Data` says that
    /// the rest of the file cannot be split; one of kind `Transient`, that reading failed.
    /// After an error there is nothing more to read: open the file again.
    fn next_batch(&mut self) -> Result<Option<MessageBatch>>;
}

/// Turns rows into the bytes of one file. The caller writes them, counts them and makes them
/// durable; nothing here touches a disk.
pub trait FileWriter: Send {
    /// Appends the rows' bytes to `out` and returns those that could not be encoded, ascending:
    /// position and reason. They leave no bytes.
    fn write(
        &mut self,
        columns: &[ArrayRef],
        n_rows: usize,
        out: &mut Vec<u8>,
    ) -> Result<Vec<(usize, String)>>;

    /// Appends what ends the file, and what begins it where no row did. Nothing is written after.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()>;
}

/// Decodes bodies. One per reader; keeps its builders between batches.
pub trait Decoder: Send {
    /// Decodes every message of the batch, in order.
    fn decode(&mut self, messages: &MessageBatch) -> Result<Decoded>;
}

/// The rows of a batch of messages.
#[derive(Debug)]
pub struct Decoded {
    /// The wanted columns, all of the same length.
    pub columns: Vec<ArrayRef>,
    /// Number of rows, which `columns` cannot say when nothing is wanted.
    pub n_rows: usize,
    /// For each row the position of its message, ascending; `None` where row `i` is message `i`.
    /// A null body, or one the format is told to ignore, has no row.
    pub message_of_row: Option<Vec<u32>>,
    /// Messages that could not be decoded, ascending by position; they have no row. The caller
    /// stops or skips and counts, as the policy of the source says.
    pub failures: Vec<DecodeFailure>,
    /// Messages dropped because the format's own option says so (`ignore-parse-errors`).
    pub n_ignored: u64,
}

/// Why a message could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeFailure {
    /// Position in the batch.
    pub message: u32,
    /// What was expected and what was found, with the field's name; never the whole body.
    pub reason: String,
}

/// Encodes rows. One per writer.
pub trait Encoder: Send {
    /// Encodes `n_rows` rows of physical columns. Body `i` is the row's; a row that cannot be
    /// encoded is reported and has an empty body.
    fn encode(&mut self, columns: &[ArrayRef], n_rows: usize) -> Result<Encoded>;
}

/// The bodies of a batch of rows.
#[derive(Debug, Default)]
pub struct Encoded {
    /// All bodies, one after the other.
    pub bytes: Vec<u8>,
    /// Body `i` ends here.
    pub ends: Vec<usize>,
    /// Rows that could not be encoded, ascending: position and reason.
    pub failures: Vec<(usize, String)>,
}

/// What a decoder or encoder is made from.
pub struct FormatContext<'a> {
    /// Full physical schema of the body (or of the key, for a key format).
    pub schema: &'a [Field],
    /// The wanted part, no field of it twice; encoders get everything.
    pub projection: &'a Projection,
    /// The format's checked options, without the identifier in front.
    pub options: &'a argus_base::option::Options,
    /// Session time zone, an IANA name.
    pub time_zone: &'a str,
}

impl FormatContext<'_> {
    /// The fields a decoder is to produce. A field that is wanted twice is refused, since a
    /// decoder keeps one column of each.
    pub(crate) fn wanted(&self) -> Result<Vec<Field>> {
        if has_repetition(self.projection) {
            return Err(Error::bug("a projection wants the same field twice"));
        }
        Ok(self.projection.apply(self.schema))
    }
}

fn has_repetition(projection: &Projection) -> bool {
    let mut indices: Vec<usize> = projection.0.iter().map(|field| field.index).collect();
    indices.sort_unstable();
    indices.windows(2).any(|pair| pair[0] == pair[1])
        || projection.0.iter().filter_map(|field| field.nested.as_ref()).any(has_repetition)
}

/// The first bytes of something found where something else was expected, for a message.
pub(crate) fn excerpt(found: &[u8]) -> String {
    const MAX_CHARACTERS: usize = 40;
    let text = String::from_utf8_lossy(&found[..found.len().min(4 * MAX_CHARACTERS)]);
    let mut shown: String = text.chars().take(MAX_CHARACTERS).collect();
    if shown.len() < found.len() {
        shown.push('…');
    }
    shown.replace(char::is_control, "\u{fffd}")
}
