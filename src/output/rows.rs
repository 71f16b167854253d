//! What SHOW, DESCRIBE and EXPLAIN print, in the forms of a SELECT.

use argus_base::Result;
use argus_sql::show::{Cell, Rows};

use super::{OutputForm, json, table, write_out};

/// Prints all rows.
pub fn print(form: OutputForm, rows: &Rows) -> Result<()> {
    let mut out = Vec::new();
    match form {
        OutputForm::Json => write_json(&mut out, rows),
        OutputForm::Table => write_table(&mut out, rows),
    }
    write_out(&out)
}

fn write_json(out: &mut Vec<u8>, rows: &Rows) {
    for row in &rows.rows {
        out.extend_from_slice(b"{\"op\":\"+I\",\"row\":{");
        for (i, (column, cell)) in rows.columns.iter().zip(row).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            json::write_text(out, &column.name);
            out.push(b':');
            match cell {
                Cell::Null => out.extend_from_slice(b"null"),
                Cell::Boolean(value) => out.extend_from_slice(value.to_string().as_bytes()),
                Cell::Text(text) => json::write_text(out, text),
            }
        }
        out.extend_from_slice(b"}}\n");
    }
}

/// A text of several lines, such as a plan, stands by itself.
fn write_table(out: &mut Vec<u8>, rows: &Rows) {
    if let [row] = rows.rows.as_slice()
        && let [Cell::Text(text)] = row.as_slice()
        && text.contains('\n')
    {
        out.extend_from_slice(text.trim_end().as_bytes());
        return out.push(b'\n');
    }
    let names: Vec<String> = rows.columns.iter().map(|column| column.name.clone()).collect();
    let cells: Vec<Vec<String>> =
        rows.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let mut text = String::new();
    table::write_rows(&mut text, &names, &cells);
    out.extend_from_slice(text.as_bytes());
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use argus_base::{Field, TypeRoot};

    use super::*;

    #[test]
    fn both_forms() {
        let columns = vec![
            Field::new("name", TypeRoot::STRING.nullable()),
            Field::new("null", TypeRoot::Boolean.nullable()),
        ];
        let row = vec![Cell::Text("a\"".to_owned()), Cell::Boolean(true)];
        let rows = Rows { columns, rows: vec![row] };
        let mut out = Vec::new();
        write_json(&mut out, &rows);
        let expected = "{\"op\":\"+I\",\"row\":{\"name\":\"a\\\"\",\"null\":true}}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        write_table(&mut out, &rows);
        assert!(String::from_utf8(out).unwrap().contains("| a\"   | true |\n"));
    }

    #[test]
    fn a_plan_stands_by_itself() {
        let mut out = Vec::new();
        write_table(&mut out, &Rows::result("Sink\n  Source\n".to_owned()));
        assert_eq!(String::from_utf8(out).unwrap(), "Sink\n  Source\n");
    }
}
