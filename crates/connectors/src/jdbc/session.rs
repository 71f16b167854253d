//! What a database must be able to do, and the three ways in which it can fail.

use arrow_array::RecordBatch;

/// A database with a table to write to.
pub trait Dialect: Send + Sync {
    /// Connects, compares the database's table with the job's, and prepares the statements.
    fn connect(&self) -> Result<Box<dyn Session>, Failure>;
}

/// One connection. After a transient failure it is dropped, and another is made.
pub trait Session {
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
}
