//! What the database says about the table, compared with the job's table before any row.

use argus_base::Field;
use postgres::Client;

use super::binding::Binding;
use super::failure::failure;
use super::statement::quote;
use crate::jdbc::code;
use crate::jdbc::session::Failure;

/// A table that exists.
pub struct DbTable {
    /// `"schema"."table"`.
    pub name: String,
    oid: u32,
    /// A view's rules decide about keys, so its indexes say nothing.
    has_indexes: bool,
}

/// A column of it.
#[derive(Clone, Debug)]
pub struct DbColumn {
    /// Its name.
    pub name: String,
    /// The system's name of its type, of a domain that of the type below.
    pub base_type: String,
    /// Its type with length, for messages.
    pub type_name: String,
    /// Its type without length, as SQL.
    pub type_sql: String,
    /// Whether it is an array.
    pub is_array: bool,
    /// Whether a row without it is refused.
    pub must_be_written: bool,
}

const TABLE: &str = "
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text IN ('r', 'p'),
       has_any_column_privilege(c.oid, 'INSERT')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname::text IN ($1, lower($1)) AND c.relkind::text IN ('r', 'p', 'v', 'f')
  AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid)
      ELSE n.nspname::text IN ($2, lower($2)) END
ORDER BY c.relname::text = $1 DESC, n.nspname::text = $2 DESC LIMIT 1";

const COLUMNS: &str = "
SELECT a.attname::text, b.typname::text, format_type(a.atttypid, a.atttypmod),
       format_type(a.atttypid, NULL), b.typcategory::text = 'A',
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// The columns of each index that ON CONFLICT can go by.
const UNIQUE: &str = "
SELECT ARRAY(SELECT a.attname::text
  FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE k.position <= i.indnkeyatts ORDER BY 1)
FROM pg_index i
WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate
  AND i.indpred IS NULL AND i.indexprs IS NULL";

/// Finds the table of that name, `table` or `schema.table`: as it is written, or else in lower
/// case, as the server reads a name without quotes.
pub fn find_table(client: &mut Client, written: &str) -> Result<DbTable, Failure> {
    let (schema, name) = split_name(written);
    let row = client.query_opt(TABLE, &[&name, &schema]).map_err(failure)?;
    let Some(row) = row else {
        let message = format!("there is no table '{written}'");
        return Err(Failure::User(code::MISMATCH, message));
    };
    let may_insert: bool = row.get(4);
    if !may_insert {
        let message = format!("the user may not insert into the table '{written}'");
        return Err(Failure::User(code::REFUSED, message));
    }
    let (schema, name): (String, String) = (row.get(1), row.get(2));
    let name = format!("{}.{}", quote(&schema), quote(&name));
    Ok(DbTable { name, oid: row.get(0), has_indexes: row.get(3) })
}

/// Schema and table of a name; parts may be in double quotes.
fn split_name(written: &str) -> (Option<String>, String) {
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for c in written.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(String::new()),
            other => parts.last_mut().into_iter().for_each(|part| part.push(other)),
        }
    }
    let name = parts.pop().unwrap_or_default();
    (parts.pop(), name)
}

/// Binds every column of the job's table, and looks for the unique key that upserts need.
pub fn bind(
    client: &mut Client,
    table: &DbTable,
    fields: &[Field],
    key: &[usize],
) -> Result<Vec<Binding>, Failure> {
    let mismatch =
        |message: String| Failure::User(code::MISMATCH, format!("table {}: {message}", table.name));
    let columns = columns(client, table)?;
    let mut bindings = Vec::new();
    for field in fields {
        let column = find_column(&columns, &field.name).map_err(mismatch)?;
        bindings.push(Binding::new(field, column).map_err(mismatch)?);
    }
    let is_written = |column: &DbColumn| bindings.iter().any(|bound| bound.column == column.name);
    let forgotten = columns.iter().find(|column| column.must_be_written && !is_written(column));
    if let Some(column) = forgotten {
        let name = &column.name;
        return Err(mismatch(format!(
            "the column '{name}' is NOT NULL without a default, and the job does not write it"
        )));
    }
    let mut key: Vec<String> = key.iter().map(|key| bindings[*key].column.clone()).collect();
    key.sort();
    if !key.is_empty() && table.has_indexes && !unique_keys(client, table)?.contains(&key) {
        let columns = key.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
        return Err(mismatch(format!(
            "no unique constraint on ({columns}) to upsert by; \
             ALTER TABLE {} ADD UNIQUE ({columns}) makes one",
            table.name
        )));
    }
    Ok(bindings)
}

fn columns(client: &mut Client, table: &DbTable) -> Result<Vec<DbColumn>, Failure> {
    let rows = client.query(COLUMNS, &[&table.oid]).map_err(failure)?;
    let column = |row: &postgres::Row| DbColumn {
        name: row.get(0),
        base_type: row.get(1),
        type_name: row.get(2),
        type_sql: row.get(3),
        is_array: row.get(4),
        must_be_written: row.get(5),
    };
    Ok(rows.iter().map(column).collect())
}

fn find_column<'a>(columns: &'a [DbColumn], name: &str) -> Result<&'a DbColumn, String> {
    let find = |name: &str| columns.iter().find(|column| column.name == name);
    find(name).or_else(|| find(&name.to_lowercase())).ok_or_else(|| {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        format!("there is no column '{name}', but {}", names.join(", "))
    })
}

fn unique_keys(client: &mut Client, table: &DbTable) -> Result<Vec<Vec<String>>, Failure> {
    let rows = client.query(UNIQUE, &[&table.oid]).map_err(failure)?;
    let mut keys: Vec<Vec<String>> = rows.iter().map(|row| row.get(0)).collect();
    // The server's collation is not ours.
    keys.iter_mut().for_each(|key| key.sort());
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_schemas() {
        let split = |written: &str| split_name(written);
        assert_eq!(split("t"), (None, "t".to_owned()));
        assert_eq!(split("s.t"), (Some("s".to_owned()), "t".to_owned()));
        assert_eq!(split("\"a.b\".T"), (Some("a.b".to_owned()), "T".to_owned()));
    }
}
