//! The text of the statements.

use super::binding::Binding;

/// `"name"`.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `E'text'`, which reads the same under all settings of a server.
pub fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Inserts rows, or updates them by key. `table` is quoted.
pub fn upsert_sql(table: &str, bindings: &[Binding], key: &[usize]) -> String {
    let names: Vec<String> = bindings.iter().map(|binding| quote(&binding.column)).collect();
    let values: Vec<String> =
        bindings.iter().enumerate().map(|(i, binding)| binding.expression(i)).collect();
    let from = unnest(bindings.iter());
    let insert = format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {from}",
        names.join(", "),
        values.join(", ")
    );
    if key.is_empty() {
        return insert;
    }
    let keys: Vec<&str> = key.iter().map(|key| names[*key].as_str()).collect();
    let keys = keys.join(", ");
    let others = names.iter().enumerate().filter(|(i, _)| !key.contains(i));
    let set: Vec<String> = others.map(|(_, name)| format!("{name} = EXCLUDED.{name}")).collect();
    if set.is_empty() {
        return format!("{insert} ON CONFLICT ({keys}) DO NOTHING");
    }
    format!("{insert} ON CONFLICT ({keys}) DO UPDATE SET {}", set.join(", "))
}

/// Deletes rows by key.
pub fn delete_sql(table: &str, bindings: &[Binding], key: &[usize]) -> String {
    let keys: Vec<&Binding> = key.iter().map(|key| &bindings[*key]).collect();
    let equal = keys.iter().enumerate().map(|(i, binding)| {
        format!("t.{} = u.c{i}::{}", quote(&binding.column), binding.column_type)
    });
    let equal = equal.collect::<Vec<_>>().join(" AND ");
    let from = unnest(keys.iter().copied());
    format!("DELETE FROM {table} AS t USING {from} WHERE {equal}")
}

/// `UNNEST($1::int4[], …) AS u (c0, …)`.
fn unnest<'a>(bindings: impl Iterator<Item = &'a Binding>) -> String {
    let (mut parameters, mut columns) = (Vec::new(), Vec::new());
    for (i, binding) in bindings.enumerate() {
        parameters.push(format!("${}::{}[]", i + 1, binding.encoding.sql_type()));
        columns.push(format!("c{i}"));
    }
    format!("UNNEST({}) AS u ({})", parameters.join(", "), columns.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::binding::Encoding;
    use super::*;

    fn bindings() -> Vec<Binding> {
        let binding = |column: &str, encoding, cast: Option<&str>, column_type: &str| Binding {
            column: column.to_owned(),
            column_type: column_type.to_owned(),
            logical_type: argus_base::TypeRoot::Int.nullable(),
            encoding,
            cast: cast.map(str::to_owned),
        };
        vec![
            binding("k\"1", Encoding::Int4, None, "bigint"),
            binding("v", Encoding::Formatted, Some("numeric"), "numeric"),
        ]
    }

    #[test]
    fn statements_are_right() {
        assert_eq!(literal("o'\\b"), "E'o''\\\\b'");
        assert_eq!(
            upsert_sql("\"t\"", &bindings(), &[0]),
            "INSERT INTO \"t\" (\"k\"\"1\", \"v\") SELECT u.c0, u.c1::numeric \
             FROM UNNEST($1::int4[], $2::text[]) AS u (c0, c1) \
             ON CONFLICT (\"k\"\"1\") DO UPDATE SET \"v\" = EXCLUDED.\"v\""
        );
        assert!(upsert_sql("t", &bindings(), &[0, 1]).ends_with("DO NOTHING"));
        assert!(upsert_sql("t", &bindings(), &[]).ends_with("AS u (c0, c1)"));
        assert_eq!(
            delete_sql("\"t\"", &bindings(), &[0]),
            "DELETE FROM \"t\" AS t USING UNNEST($1::int4[]) AS u (c0) \
             WHERE t.\"k\"\"1\" = u.c0::bigint"
        );
    }
}
