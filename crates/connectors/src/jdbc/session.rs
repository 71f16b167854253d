//! What a database must be able to do, and the ways in which it can fail.

use argus_base::{Error, ErrorKind};
use arrow_array::RecordBatch;

use super::code;
use super::marker::{Marker, MarkerKey};

/// A database with a table to write to.
pub trait Dialect: Send + Sync {
    /// Where it is, for messages: `postgresql localhost:5432/shop`.
    fn place(&self) -> String;

    /// Connects, compares the database's table with the job's, and prepares the statements.
    fn connect(&self) -> Result<Box<dyn MarkedSession>, Failure>;
}

/// A connection that also reads and writes markers. The statements are those of `marker`, which
/// both databases understand; their parameters are `$1`, `$2`, … in order of appearance.
pub trait MarkedSession: Session {
    /// Whether there is a table of markers.
    fn has_markers(&mut self) -> Result<bool, Failure>;

    /// Runs a statement outside a transaction that makes the table of markers.
    fn create_markers(&mut self, sql: &str) -> Result<(), Failure>;

    /// Begins a transaction in which nobody else waits for a lock of ours longer than a minute,
    /// and reads a marker. Until the transaction ends nobody changes that marker.
    fn begin_under(
        &mut self,
        check_at_once: bool,
        key: &MarkerKey,
    ) -> Result<Option<Marker>, Failure>;

    /// Begins a transaction that changes markers.
    fn begin_markers(&mut self) -> Result<(), Failure>;

    /// The marker that a statement selects.
    fn find_marker(
        &mut self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Marker>, Failure>;

    /// Runs a statement that changes markers: the number of those it changed.
    fn change_markers(&mut self, sql: &str, parameters: &[Parameter<'_>]) -> Result<u64, Failure>;
}

/// A parameter of a statement about markers.
#[derive(Clone, Copy, Debug)]
pub enum Parameter<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number.
    Number(i64),
}

/// One connection. After a transient failure it is dropped, and another is made. No call waits
/// long for a lock of somebody else: that is a transient failure.
pub trait Session: Send {
    /// Begins a transaction. With `check_at_once` constraints that wait for the commit do not.
    fn begin(&mut self, check_at_once: bool) -> Result<(), Failure>;

    /// Inserts rows, or by the primary key updates those that are there. No two have one key.
    fn upsert(&mut self, rows: &RecordBatch) -> Result<(), Failure>;

    /// Deletes the rows with the primary keys of these.
    fn delete(&mut self, rows: &RecordBatch) -> Result<(), Failure>;

    /// Begins a part of the transaction that can be taken back alone; parts are nested.
    fn begin_part(&mut self) -> Result<(), Failure>;

    /// Ends the innermost part, keeping or taking back what it did.
    fn end_part(&mut self, keep: bool) -> Result<(), Failure>;

    /// Makes the transaction durable.
    fn commit(&mut self) -> Result<(), Failure>;

    /// Takes the transaction back.
    fn rollback(&mut self) -> Result<(), Failure>;

    /// Asks the server for a sign of life.
    fn ping(&mut self) -> Result<(), Failure>;
}

/// Why the database did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is away, busy, or had to take the transaction back: the same again may succeed.
    Transient(String),
    /// It refuses the content of a row.
    Data(String),
    /// Nothing will help but a change by the user: the code of the error, and what is wrong.
    User(&'static str, String),
    /// Another run of the job has taken the table over.
    Fenced(String),
}

impl Failure {
    /// The error that ends a writer or an attempt of a committer.
    pub fn into_error(self, table_name: &str) -> Error {
        match self {
            Failure::Transient(reason) => Error::transient(code::UNREACHABLE, reason),
            Failure::Data(reason) => {
                Error::data(code::BAD_ROW, format!("the database refuses a row: {reason}"))
            }
            Failure::User(code, message) => Error::user(code, message),
            Failure::Fenced(message) => Error::new(ErrorKind::Fenced, code::FENCED, message),
        }
        .context(format!("write to the table '{table_name}'"))
    }
}
