//! SHOW TABLES and its like, and SET without arguments.

use std::collections::BTreeMap;

use argus_base::{Field, TypeRoot};

use super::{Cell, Rows};
use crate::Diagnostic;
use crate::catalog::{Catalog, DEFAULT_CATALOG, DEFAULT_DATABASE, Object};
use crate::statement::{NamePattern, Show, Shown};

/// The names a SHOW statement asks for.
pub fn show(show: &Show, catalog: &Catalog) -> Result<Rows, Diagnostic> {
    if let Some(from) = &show.from {
        check_from(from)?;
    }
    let is_view = |name: &&&str| matches!(catalog.get(name), Some(Object::View(_)));
    let names = catalog.names();
    let (column, names): (&str, Vec<&str>) = match show.what {
        Shown::Tables => ("table name", names),
        Shown::Views => ("view name", names.iter().filter(is_view).copied().collect()),
        Shown::Databases => ("database name", vec![DEFAULT_DATABASE]),
        Shown::Catalogs => ("catalog name", vec![DEFAULT_CATALOG]),
        Shown::CurrentDatabase => ("current database name", vec![DEFAULT_DATABASE]),
        Shown::CurrentCatalog => ("current catalog name", vec![DEFAULT_CATALOG]),
    };
    let is_wanted = |name: &&str| show.like.as_ref().is_none_or(|pattern| fits(pattern, name));
    let names = names.into_iter().filter(is_wanted).map(str::to_owned).collect();
    Ok(Rows::texts(column, names))
}

/// The settings in order of key, their values as `shown` says.
pub fn settings(settings: &BTreeMap<String, String>, shown: impl Fn(&str) -> String) -> Rows {
    let column = |name| Field::new(name, TypeRoot::STRING.not_null());
    let row =
        |(key, value): (&String, &String)| vec![Cell::Text(key.clone()), Cell::Text(shown(value))];
    Rows { columns: vec![column("key"), column("value")], rows: settings.iter().map(row).collect() }
}

/// FROM names the database, or for databases the catalog.
fn check_from(from: &crate::statement::Path) -> Result<(), Diagnostic> {
    let known = [DEFAULT_CATALOG, DEFAULT_DATABASE];
    let is_known = known.contains(&from.name.as_str())
        && from.database.as_ref().is_none_or(|catalog| catalog == DEFAULT_CATALOG);
    if is_known {
        return Ok(());
    }
    let message = format!("there is no catalog or database '{}'", from.name);
    let help = format!("the only ones here are {DEFAULT_CATALOG} and {DEFAULT_DATABASE}");
    Err(Diagnostic::wrong("AR1112", from.span, message).help(help))
}

/// Whether a name is one that LIKE asks for.
pub(crate) fn fits(pattern: &NamePattern, name: &str) -> bool {
    let found = match pattern.ignores_case {
        true => like(&pattern.pattern.to_lowercase(), &name.to_lowercase()),
        false => like(&pattern.pattern, name),
    };
    found != pattern.is_not
}

/// SQL's LIKE: `%` any text, `_` one character. Takes time proportional to the product of the
/// lengths.
fn like(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for symbol in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match symbol {
                '%' => reached[at] || (at > 0 && next[at - 1]),
                '_' => at > 0 && reached[at - 1],
                other => at > 0 && reached[at - 1] && text[at - 1] == other,
            };
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(like("a%", "abc") && like("%", "") && like("a_c", "abc") && like("%b%c", "abxbc"));
        assert!(!like("a%", "ba") && !like("a_", "a") && !like("", "a"));
    }
}
