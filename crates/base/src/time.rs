//! Processing time and watermarks, in milliseconds since 1970-01-01T00:00:00Z.

/// An instant of the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessingTime(pub i64);

/// A promise about event time: rows at or below it that still come are late. For TIMESTAMP columns
/// event time is the wall clock read as if it were UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Watermark(pub i64);

impl Watermark {
    /// Before any promise was made.
    pub const MIN: Watermark = Watermark(i64::MIN);
    /// Sent at the end of bounded input: every window fires.
    pub const MAX: Watermark = Watermark(i64::MAX);
}
