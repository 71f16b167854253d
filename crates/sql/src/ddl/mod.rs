//! CREATE and DROP: from parsed definitions to the catalog.
//!
//! Names and structure are checked here; types of computed columns and the watermark by
//! [`crate::bind`]. Options are checked when a table is used, as Flink does.

mod create_table;
mod create_view;
mod drop;
mod like;

pub use create_table::create_table;
pub use create_view::create_view;
pub use drop::drop_object;

use argus_base::nearest::nearest;

use crate::Diagnostic;
use crate::catalog::{Catalog, DEFAULT_CATALOG, DEFAULT_DATABASE};
use crate::statement::Path;

/// Checks that a path leads into the one catalog and database there is.
pub fn check_path(path: &Path) -> Result<(), Diagnostic> {
    let wrong = |what: &str, name: &str, only: &str| {
        let message = format!("there is no {what} '{name}'");
        let help = format!("the only {what} here is {only}");
        Err(Diagnostic::wrong("AR1112", path.span, message).help(help))
    };
    match (&path.catalog, &path.database) {
        (Some(catalog), _) if catalog != DEFAULT_CATALOG => {
            wrong("catalog", catalog, DEFAULT_CATALOG)
        }
        (_, Some(database)) if database != DEFAULT_DATABASE => {
            wrong("database", database, DEFAULT_DATABASE)
        }
        _ => Ok(()),
    }
}

/// No object has the name of a path.
pub(crate) fn unknown_object(what: &str, path: &Path, catalog: &Catalog) -> Diagnostic {
    let message = format!("there is no {what} '{}'", path.name);
    let diagnostic = Diagnostic::wrong(crate::bind::code::UNKNOWN_TABLE, path.span, message);
    match nearest(&path.name, catalog.names()) {
        Some(near) => diagnostic.help(format!("did you mean '{near}'?")),
        None => diagnostic,
    }
}

/// An object of the name of a path exists already.
fn already_there(path: &Path) -> Diagnostic {
    let message = format!("a table or view '{}' exists already", path.name);
    let help = "write IF NOT EXISTS, or DROP it first";
    Diagnostic::wrong("AR1107", path.span, message).help(help)
}

#[cfg(test)]
mod ddl_tests;
