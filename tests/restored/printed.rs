//! Rows as `argus run --output json` prints them, by the code of the binary.

use argus_base::{Batch, Field};
use argus_sql::show::{Cell, Rows};

#[path = "../../src/output/json.rs"]
#[allow(dead_code, reason = "the binary uses all of it")]
mod json;
#[path = "../../src/output/number.rs"]
#[allow(dead_code, reason = "the binary uses all of it")]
mod number;
#[path = "../../src/output/time.rs"]
#[allow(dead_code, reason = "the binary uses all of it")]
mod time;

/// The lines of a batch.
pub fn batch_lines(fields: &[Field], batch: &Batch) -> Vec<String> {
    let mut out = Vec::new();
    json::write_batch(&mut out, fields, batch);
    let text = String::from_utf8(out).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The lines of what SHOW, DESCRIBE and EXPLAIN print.
pub fn row_lines(rows: &Rows) -> Vec<String> {
    let line = |row: &Vec<Cell>| {
        let cells = rows.columns.iter().zip(row).map(|(column, cell)| {
            let value = match cell {
                Cell::Null => serde_json::Value::Null,
                Cell::Boolean(value) => (*value).into(),
                Cell::Text(text) => text.as_str().into(),
            };
            (column.name.clone(), value)
        });
        let row: serde_json::Map<String, serde_json::Value> = cells.collect();
        serde_json::json!({"op": "+I", "row": row}).to_string()
    };
    rows.rows.iter().map(line).collect()
}
