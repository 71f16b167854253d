//! SQLite: one file, one writer at a time.
//!
//! Whole numbers and BOOLEAN are INTEGER, FLOAT and DOUBLE are REAL, BYTES is BLOB, all else is
//! text (times as `YYYY-MM-DD HH:MM:SS.fff`, TIMESTAMP_LTZ in UTC); the affinity of a column makes
//! a number of a DECIMAL where it can.

use std::path::PathBuf;
use std::time::Duration;

use argus_base::connector::TableDescriptor;
use argus_base::{Field, TypeRoot};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params_from_iter};

use super::code;
use super::marker::{FIND, Marker, MarkerKey};
use super::session::{Dialect, Failure, MarkedSession, Parameter, Session};
use super::text::write_sql;

/// How long a statement waits for another writer before it counts as failed.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A table in a file.
pub struct Sqlite {
    path: PathBuf,
    table_name: String,
    fields: Vec<Field>,
    primary_key: Vec<usize>,
}

impl Sqlite {
    /// Of the file nothing is looked at yet.
    pub fn new(path: PathBuf, table_name: &str, table: &TableDescriptor) -> Sqlite {
        Sqlite {
            path,
            table_name: table_name.to_owned(),
            fields: table.physical.clone(),
            primary_key: table.primary_key.clone(),
        }
    }

    fn check(&self, connection: &Connection) -> Result<(), Failure> {
        let path = self.path.display();
        let table = &self.table_name;
        let columns = texts(connection, "SELECT name FROM pragma_table_info(?1)", table)?;
        if columns.is_empty() {
            let message = format!("there is no table '{table}' in '{path}'");
            return Err(Failure::User(code::MISMATCH, message));
        }
        for field in &self.fields {
            let name = &field.name;
            if !columns.iter().any(|column| column.eq_ignore_ascii_case(name)) {
                let known = columns.join(", ");
                let message = format!("the table '{table}' has no column '{name}', but {known}");
                return Err(Failure::User(code::MISMATCH, message));
            }
            if !is_supported(&field.logical_type.root) {
                let root = &field.logical_type.root;
                let message = format!("the column '{name}' of type {root} has no form in SQLite");
                return Err(Failure::User(code::MISMATCH, message));
            }
        }
        self.check_key(connection)
    }

    fn check_key(&self, connection: &Connection) -> Result<(), Failure> {
        if self.primary_key.is_empty() {
            return Ok(());
        }
        let mut wanted: Vec<String> =
            self.primary_key.iter().map(|key| self.fields[*key].name.to_lowercase()).collect();
        wanted.sort();
        let sorted = |sql: &str, name: &str| -> Result<Vec<String>, Failure> {
            let mut names = texts(connection, sql, name)?;
            names.iter_mut().for_each(|name| *name = name.to_lowercase());
            names.sort();
            Ok(names)
        };
        let primary = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0";
        if sorted(primary, &self.table_name)? == wanted {
            return Ok(());
        }
        let indexes = "SELECT name FROM pragma_index_list(?1) WHERE \"unique\" AND NOT partial";
        for index in texts(connection, indexes, &self.table_name)? {
            if sorted("SELECT name FROM pragma_index_info(?1)", &index)? == wanted {
                return Ok(());
            }
        }
        let (table, key) = (&self.table_name, wanted.join(", "));
        let message = format!("the table '{table}' has no unique key ({key}) to upsert by");
        Err(Failure::User(code::MISMATCH, message))
    }

    fn upsert_sql(&self) -> String {
        let names: Vec<String> = self.fields.iter().map(|field| quote(&field.name)).collect();
        let places = vec!["?"; names.len()].join(", ");
        let table = quote(&self.table_name);
        let insert = format!("INSERT INTO {table} ({}) VALUES ({places})", names.join(", "));
        if self.primary_key.is_empty() {
            return insert;
        }
        let is_key = |i: &usize| self.primary_key.contains(i);
        let keys: Vec<&str> = self.primary_key.iter().map(|key| names[*key].as_str()).collect();
        let set = (0..names.len()).filter(|i| !is_key(i));
        let set: Vec<String> =
            set.map(|i| format!("{name} = excluded.{name}", name = names[i])).collect();
        let keys = keys.join(", ");
        if set.is_empty() {
            return format!("{insert} ON CONFLICT ({keys}) DO NOTHING");
        }
        format!("{insert} ON CONFLICT ({keys}) DO UPDATE SET {}", set.join(", "))
    }

    fn delete_sql(&self) -> String {
        let keys = self.primary_key.iter().map(|key| &self.fields[*key].name);
        let keys: Vec<String> = keys.map(|name| format!("{} = ?", quote(name))).collect();
        format!("DELETE FROM {} WHERE {}", quote(&self.table_name), keys.join(" AND "))
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn texts(connection: &Connection, sql: &str, parameter: &str) -> Result<Vec<String>, Failure> {
    let mut statement = connection.prepare(sql).map_err(failure)?;
    let rows = statement.query_map([parameter], |row| row.get(0)).map_err(failure)?;
    rows.collect::<Result<_, _>>().map_err(failure)
}

fn is_supported(root: &TypeRoot) -> bool {
    root.is_numeric()
        || root.is_character()
        || root.is_binary()
        || root.is_timestamp()
        || matches!(root, TypeRoot::Boolean | TypeRoot::Date | TypeRoot::Time(_))
}

impl Dialect for Sqlite {
    fn place(&self) -> String {
        format!("sqlite {}", self.path.display())
    }

    fn connect(&self) -> Result<Box<dyn MarkedSession>, Failure> {
        if !self.path.is_file() {
            let message = format!("there is no database file '{}'", self.path.display());
            return Err(Failure::User(code::REFUSED, message));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(failure)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failure)?;
        self.check(&connection)?;
        Ok(Box::new(SqliteSession {
            connection,
            fields: self.fields.clone(),
            primary_key: self.primary_key.clone(),
            upsert_sql: self.upsert_sql(),
            delete_sql: self.delete_sql(),
        }))
    }
}

struct SqliteSession {
    connection: Connection,
    fields: Vec<Field>,
    primary_key: Vec<usize>,
    upsert_sql: String,
    delete_sql: String,
}

impl SqliteSession {
    fn run(&self, sql: &str) -> Result<(), Failure> {
        self.connection.execute_batch(sql).map_err(failure)
    }

    fn for_each_row(
        &self,
        sql: &str,
        columns: &[usize],
        rows: &RecordBatch,
    ) -> Result<(), Failure> {
        let mut statement = self.connection.prepare(sql).map_err(failure)?;
        for row in 0..rows.num_rows() {
            let values =
                columns.iter().map(|&i| value(&self.fields[i], rows.column(i).as_ref(), row));
            statement.execute(params_from_iter(values)).map_err(failure)?;
        }
        Ok(())
    }
}

impl Session for SqliteSession {
    fn begin(&mut self, _check_at_once: bool) -> Result<(), Failure> {
        self.run("BEGIN IMMEDIATE")
    }

    fn upsert(&mut self, rows: &RecordBatch) -> Result<(), Failure> {
        let all: Vec<usize> = (0..self.fields.len()).collect();
        self.for_each_row(&self.upsert_sql, &all, rows)
    }

    fn delete(&mut self, rows: &RecordBatch) -> Result<(), Failure> {
        self.for_each_row(&self.delete_sql, &self.primary_key, rows)
    }

    fn begin_part(&mut self) -> Result<(), Failure> {
        self.run("SAVEPOINT part")
    }

    fn end_part(&mut self, keep: bool) -> Result<(), Failure> {
        self.run(if keep { "RELEASE part" } else { "ROLLBACK TO part; RELEASE part" })
    }

    fn commit(&mut self) -> Result<(), Failure> {
        self.run("COMMIT")
    }

    fn rollback(&mut self) -> Result<(), Failure> {
        // Some errors have already taken the transaction back.
        if self.connection.is_autocommit() { Ok(()) } else { self.run("ROLLBACK") }
    }

    fn ping(&mut self) -> Result<(), Failure> {
        self.run("SELECT 1")
    }
}

impl MarkedSession for SqliteSession {
    fn has_markers(&mut self) -> Result<bool, Failure> {
        let sql = "SELECT name FROM pragma_table_info(?1)";
        Ok(!texts(&self.connection, sql, "argus_commit")?.is_empty())
    }

    fn create_markers(&mut self, sql: &str) -> Result<(), Failure> {
        self.run(sql)
    }

    fn begin_under(
        &mut self,
        check_at_once: bool,
        key: &MarkerKey,
    ) -> Result<Option<Marker>, Failure> {
        // From here on nobody else writes to the file.
        self.begin(check_at_once)?;
        self.find_marker(FIND, &[Parameter::Text(&key.job), Parameter::Text(&key.sink)])
    }

    fn begin_markers(&mut self) -> Result<(), Failure> {
        self.begin(false)
    }

    fn find_marker(
        &mut self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Marker>, Failure> {
        let mut statement = self.connection.prepare(sql).map_err(failure)?;
        let marker = statement.query_row(params_from_iter(values(parameters)), |row| {
            Ok(Marker { incarnation: row.get(0)?, epoch: row.get(1)? })
        });
        marker.optional().map_err(failure)
    }

    fn change_markers(&mut self, sql: &str, parameters: &[Parameter<'_>]) -> Result<u64, Failure> {
        let n_rows = self.connection.execute(sql, params_from_iter(values(parameters)));
        n_rows.map(|n_rows| n_rows as u64).map_err(failure)
    }
}

fn values(parameters: &[Parameter<'_>]) -> impl Iterator<Item = Value> {
    parameters.iter().map(|parameter| match *parameter {
        Parameter::Text(text) => Value::Text(text.to_owned()),
        Parameter::Number(number) => Value::Integer(number),
    })
}

fn value(field: &Field, array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match &field.logical_type.root {
        TypeRoot::Boolean => Value::Integer(i64::from(array.as_boolean().value(row))),
        TypeRoot::TinyInt => Value::Integer(array.as_primitive::<Int8Type>().value(row).into()),
        TypeRoot::SmallInt => Value::Integer(array.as_primitive::<Int16Type>().value(row).into()),
        TypeRoot::Int => Value::Integer(array.as_primitive::<Int32Type>().value(row).into()),
        TypeRoot::BigInt => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        TypeRoot::Float => Value::Real(array.as_primitive::<Float32Type>().value(row).into()),
        TypeRoot::Double => Value::Real(array.as_primitive::<Float64Type>().value(row)),
        TypeRoot::Char(_) | TypeRoot::VarChar(_) => {
            Value::Text(array.as_string_view().value(row).to_owned())
        }
        TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => {
            Value::Blob(array.as_binary_view().value(row).to_vec())
        }
        _ => {
            let mut text = String::new();
            write_sql(&mut text, &field.logical_type, array, row);
            Value::Text(text)
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn failure(error: rusqlite::Error) -> Failure {
    let message = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            // The disk is full or fails, as a server is away.
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure,
        ) => Failure::Transient(message),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
            Failure::Data(message)
        }
        _ => Failure::User(code::REFUSED, message),
    }
}

#[cfg(test)]
#[path = "sqlite_tests.rs"]
mod tests;
