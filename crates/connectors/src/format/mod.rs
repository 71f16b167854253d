//! The format seam: decoders turn fetched bodies into columns, encoders turn rows into bodies.
//!
//! A decoder is told the full physical schema of the table and the part of it that the job
//! reads; what nobody reads is skipped, not materialised. It never panics on any bytes: a body
//! it cannot decode is reported by position and adds no row.

use argus_base::connector::Projection;
use argus_base::{Field, Result};
use arrow_array::ArrayRef;

use crate::message::MessageBatch;

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
    /// The wanted part; encoders get everything.
    pub projection: &'a Projection,
    /// The format's checked options, without the identifier in front.
    pub options: &'a argus_base::option::Options,
    /// Session time zone, an IANA name.
    pub time_zone: &'a str,
}
