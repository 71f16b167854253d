//! The table form: columns aligned for eyes, row by row as they come.
//!
//! ```text
//! +----+---------------------+-----+
//! | op | window_start        |   n |
//! +----+---------------------+-----+
//! | +I | 2020-01-01 00:00:00 |  12 |
//! +----+---------------------+-----+
//! 1 row
//! ```
//!
//! Widths are settled by the types and the first batch; a text that is wider than 80 is cut. The
//! op column is there only where rows can be of other kinds than +I.

use argus_base::{Batch, Field, LogicalType, TypeRoot};
use arrow_array::Array;
use arrow_array::cast::AsArray;

use super::json;

/// Widest cell; what is longer ends in an ellipsis.
const MAX_WIDTH: usize = 80;

/// A table that is being printed.
pub struct Table {
    fields: Vec<Field>,
    has_kinds: bool,
    /// Empty until the first batch, or the end; the op column comes first where there is one.
    columns: Vec<Column>,
    n_rows: u64,
}

impl Table {
    /// A table of these columns, of which nothing is printed yet.
    pub fn new(fields: Vec<Field>, has_kinds: bool) -> Table {
        Table { fields, has_kinds, columns: Vec::new(), n_rows: 0 }
    }

    /// Appends a batch, and before the first one the head.
    pub fn write_batch(&mut self, out: &mut String, batch: &Batch) {
        let rows: Vec<Vec<String>> =
            (0..batch.n_rows()).map(|index| self.cells(batch, index)).collect();
        if self.columns.is_empty() {
            self.write_head(out, &rows);
        }
        for row in &rows {
            write_cells(out, &self.columns, row);
        }
        self.n_rows += batch.n_rows() as u64;
    }

    /// Appends the foot; the head too where no row came.
    pub fn write_end(&mut self, out: &mut String) {
        if self.columns.is_empty() {
            self.write_head(out, &[]);
        }
        write_rule(out, &self.columns);
        let plural = if self.n_rows == 1 { "" } else { "s" };
        out.push_str(&format!("{} row{plural}\n", self.n_rows));
    }

    fn cells(&self, batch: &Batch, index: usize) -> Vec<String> {
        let kind = self.has_kinds.then(|| batch.kind(index).short().to_owned());
        let columns = self.fields.iter().zip(batch.records.columns());
        let values = columns.map(|(field, array)| cell(&field.logical_type, array.as_ref(), index));
        kind.into_iter().chain(values).collect()
    }

    /// Settles the columns by their types and the first rows.
    fn write_head(&mut self, out: &mut String, rows: &[Vec<String>]) {
        let op = self.has_kinds.then(|| Field::new("op", TypeRoot::Char(2).not_null()));
        let fields: Vec<Field> = op.into_iter().chain(self.fields.iter().cloned()).collect();
        let columns = fields.iter().enumerate().map(|(i, field)| {
            let of_rows = rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
            let of_values = of_rows.max(usual_width(&field.logical_type.root)).min(MAX_WIDTH);
            let width = of_values.max(field.name.chars().count());
            Column { width, is_right: field.logical_type.root.is_numeric() }
        });
        self.columns = columns.collect();
        let names: Vec<String> = fields.into_iter().map(|field| field.name).collect();
        write_rule(out, &self.columns);
        write_cells(out, &self.columns, &names);
        write_rule(out, &self.columns);
    }
}

/// Appends a whole table of texts; columns of numbers are aligned to the right.
pub fn write_rows(out: &mut String, names: &[String], rows: &[Vec<String>]) {
    let is_nothing = |cell: &String| cell.is_empty() || cell == "NULL";
    let is_number =
        |cell: &String| is_nothing(cell) || cell.replace(',', "").parse::<f64>().is_ok();
    let columns: Vec<Column> = (0..names.len())
        .map(|index| {
            let cells = rows.iter().map(|row| &row[index]);
            let widest = cells.clone().chain([&names[index]]).map(|cell| cell.chars().count());
            Column {
                width: widest.max().unwrap_or(0).min(MAX_WIDTH),
                is_right: !rows.is_empty() && cells.into_iter().all(is_number),
            }
        })
        .collect();
    write_rule(out, &columns);
    write_cells(out, &columns, names);
    write_rule(out, &columns);
    for row in rows {
        write_cells(out, &columns, row);
    }
    write_rule(out, &columns);
}

/// How a column is printed.
struct Column {
    width: usize,
    is_right: bool,
}

fn write_rule(out: &mut String, columns: &[Column]) {
    for column in columns {
        out.push('+');
        out.push_str(&"-".repeat(column.width + 2));
    }
    out.push_str("+\n");
}

fn write_cells(out: &mut String, columns: &[Column], cells: &[String]) {
    for (Column { width, is_right }, cell) in columns.iter().zip(cells) {
        let cell = cut(cell, *width);
        let aligned =
            if *is_right { format!("| {cell:>width$} ") } else { format!("| {cell:<width$} ") };
        out.push_str(&aligned);
    }
    out.push_str("|\n");
}

/// A value without quotes; control characters are shown as a space.
fn cell(logical_type: &LogicalType, array: &dyn Array, index: usize) -> String {
    if array.is_null(index) || logical_type.root == TypeRoot::Null {
        return "NULL".to_owned();
    }
    let text = if logical_type.root.is_character() {
        array.as_string_view().value(index).to_owned()
    } else {
        let mut out = Vec::new();
        json::write_value(&mut out, logical_type, array, index);
        let text = String::from_utf8_lossy(&out);
        let unquoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        unquoted.unwrap_or(&text).to_owned()
    };
    text.replace(char::is_control, " ")
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// What a column is given before its values are known.
fn usual_width(root: &TypeRoot) -> usize {
    match root {
        TypeRoot::Char(2) => 2,
        TypeRoot::Boolean => 5,
        TypeRoot::TinyInt | TypeRoot::SmallInt => 6,
        TypeRoot::Int | TypeRoot::Date => 10,
        TypeRoot::BigInt | TypeRoot::Decimal { .. } => 12,
        TypeRoot::Float | TypeRoot::Double => 10,
        TypeRoot::Timestamp { .. } | TypeRoot::TimestampLtz { .. } => 23,
        TypeRoot::Time(_) => 12,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringViewArray};

    use super::*;

    fn batch(fields: &[Field], names: Vec<Option<&str>>, counts: Vec<i32>) -> Batch {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(StringViewArray::from(names)), Arc::new(Int32Array::from(counts))];
        let schema = argus_base::logical_type::arrow_schema(fields);
        Batch::inserts(RecordBatch::try_new(schema, columns).unwrap())
    }

    #[test]
    fn aligned_by_the_first_batch() {
        let fields = vec![
            Field::new("k", TypeRoot::STRING.nullable()),
            Field::new("n", TypeRoot::Int.nullable()),
        ];
        let mut table = Table::new(fields.clone(), false);
        let mut out = String::new();
        table.write_batch(&mut out, &batch(&fields, vec![Some("a\nb"), None], vec![1, 20]));
        table.write_batch(&mut out, &batch(&fields, vec![Some("much longer")], vec![3]));
        table.write_end(&mut out);
        let expected = "\
+----------+------------+
| k        |          n |
+----------+------------+
| a b      |          1 |
| NULL     |         20 |
| much lo… |          3 |
+----------+------------+
3 rows
";
        assert_eq!(out, expected);
    }

    #[test]
    fn an_empty_table_has_its_head() {
        let mut table = Table::new(vec![Field::new("a", TypeRoot::Boolean.nullable())], true);
        let mut out = String::new();
        table.write_end(&mut out);
        assert!(out.starts_with("+----+-------+\n| op | a     |\n+----+-------+\n"), "{out}");
        assert!(out.ends_with("0 rows\n"), "{out}");
    }
}
