//! DROP TABLE and DROP VIEW.

use super::{check_path, unknown_object};
use crate::Diagnostic;
use crate::catalog::{Catalog, Object};
use crate::statement::Drop;

/// Takes an object out of the catalog; whether there was one.
pub fn drop_object(catalog: &mut Catalog, drop: &Drop) -> Result<bool, Diagnostic> {
    check_path(&drop.path)?;
    let name = &drop.path.name;
    let what = if drop.is_view { "view" } else { "table" };
    let is_hidden = !drop.is_temporary && catalog.is_temporary(name);
    if is_hidden {
        let message = format!("a temporary object '{name}' hides the permanent one");
        let help = format!("write DROP TEMPORARY {} first", what.to_uppercase());
        return Err(Diagnostic::wrong("AR1107", drop.path.span, message).help(help));
    }
    let found = catalog.get(name).filter(|_| catalog.contains(name, drop.is_temporary));
    let is_kind = match found {
        Some(Object::View(_)) => drop.is_view,
        Some(Object::Table(_)) => !drop.is_view,
        None => false,
    };
    if is_kind {
        catalog.remove(name, drop.is_temporary);
        return Ok(true);
    }
    match found {
        None if drop.if_exists => Ok(false),
        None => {
            let kind =
                if drop.is_temporary { format!("temporary {what}") } else { what.to_owned() };
            Err(unknown_object(&kind, &drop.path, catalog))
        }
        Some(_) => {
            let other = if drop.is_view { "table" } else { "view" };
            let message = format!("'{name}' is a {other}");
            let help = format!("write DROP {}", other.to_uppercase());
            Err(Diagnostic::wrong("AR1107", drop.path.span, message).help(help))
        }
    }
}
