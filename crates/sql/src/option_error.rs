//! Wrong options of a table as diagnostics, without the values of variables.

use argus_base::nearest::nearest;
use argus_base::option::OptionError;
use argus_plan::Span;

use crate::bind::code;
use crate::catalog::{OptionValue, Table};
use crate::diagnostic::Diagnostic;

/// Values of variables shorter than this are hidden only between quotes: they are no secrets, and
/// may stand in a message by chance.
const SECRET_LENGTH: usize = 4;

/// The diagnostic of a table's wrong option, at the option where it is written in WITH, else where
/// the table is used.
pub(crate) fn table_option_error(table: &Table, error: &OptionError, used: Span) -> Diagnostic {
    let option = error.key().and_then(|key| table.options.get(key));
    let misspelt = misspelt_option(table, error);
    let span = match (error, option) {
        (OptionError::Unknown { .. }, Some(option)) => option.key_span,
        (OptionError::Missing { .. }, _) => misspelt.map_or(used, |option| option.key_span),
        (_, Some(option)) => option.span,
        _ => used,
    };
    let message = match error {
        OptionError::Unknown { key, .. } => {
            format!("unknown option '{}'", written_key(key, option))
        }
        other => hide_variables(&other.to_string(), table),
    };
    let message = format!("table '{}': {message}", table.name);
    if matches!(error, OptionError::NotYet { .. }) {
        return Diagnostic::unsupported(code::CONNECTOR, span, message);
    }
    let diagnostic = Diagnostic::wrong(code::TABLE_OPTIONS, span, message);
    match error {
        OptionError::Unknown { nearest: Some(near), .. } => {
            diagnostic.help(format!("did you mean '{near}'?"))
        }
        OptionError::Missing { key, .. } if misspelt.is_some() => {
            diagnostic.help(format!("did you mean '{key}'?"))
        }
        _ => diagnostic,
    }
}

/// The option that is written nearly like the one that is missing.
fn misspelt_option<'a>(table: &'a Table, error: &OptionError) -> Option<&'a OptionValue> {
    let OptionError::Missing { key, .. } = error else { return None };
    let near = nearest(key, table.options.keys().map(String::as_str))?;
    table.options.get(near)
}

fn written_key<'a>(key: &'a str, option: Option<&'a OptionValue>) -> &'a str {
    option.map_or(key, |option| &option.written_key)
}

/// The message with every value that came from a variable replaced by what was written.
fn hide_variables(message: &str, table: &Table) -> String {
    let mut message = message.to_owned();
    for option in table.options.values().filter(|option| option.value != option.written) {
        message = message.replace(&format!("'{}'", option.value), &format!("'{}'", option.written));
        if option.value.len() >= SECRET_LENGTH {
            message = message.replace(&option.value, &option.written);
        }
    }
    message
}
