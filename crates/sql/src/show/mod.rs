//! What SHOW, DESCRIBE and EXPLAIN print: rows of typed cells.

pub mod create;
pub mod describe;
pub mod list;
pub mod unparse;
mod unparse_call;
mod unparse_type;
mod view_text;

use argus_base::{Field, TypeRoot};

/// A small table of results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Names and types.
    pub columns: Vec<Field>,
    /// Each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// NULL.
    Null,
    /// BOOLEAN.
    Boolean(bool),
    /// STRING.
    Text(String),
}

impl Cell {
    fn text(value: Option<String>) -> Cell {
        value.map_or(Cell::Null, Cell::Text)
    }
}

impl Rows {
    /// One row with one text: SHOW CREATE and EXPLAIN.
    pub fn result(text: String) -> Rows {
        Rows::texts("result", vec![text])
    }

    /// One text a row.
    pub fn texts(column: &str, texts: Vec<String>) -> Rows {
        let columns = vec![Field::new(column, TypeRoot::STRING.nullable())];
        Rows { columns, rows: texts.into_iter().map(|text| vec![Cell::Text(text)]).collect() }
    }
}
