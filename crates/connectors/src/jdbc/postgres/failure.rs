//! What an error of the server or of the connection means for the writer, by its SQLSTATE.

use std::error::Error as _;

use postgres::Error;
use postgres::error::DbError;

use crate::jdbc::code;
use crate::jdbc::session::Failure;

/// Classifies an error.
#[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
pub fn failure(error: Error) -> Failure {
    if let Some(of_server) = error.as_db_error() {
        return by_state(of_server.code().code(), message(of_server));
    }
    let text = with_causes(&error);
    if is_transient(&error) {
        return Failure::Transient(text);
    }
    // Logins that the client gives up by itself, certificates that are not trusted, and
    // parameters that do not fit their type.
    Failure::User(code::REFUSED, text)
}

fn by_state(state: &str, message: String) -> Failure {
    let class = state.get(..2).unwrap_or_default();
    match (class, state) {
        // The server is going down, starting, a standby, out of something, or had to choose
        // between transactions; a statement was cancelled, or waited too long for a lock.
        ("08" | "40" | "53" | "58" | "XX", _)
        | (_, "57P01" | "57P02" | "57P03" | "57P05" | "57014")
        | (_, "55P03" | "25006" | "25P03" | "25P02") => Failure::Transient(message),
        // Data exceptions, violated constraints, two rows for one, refusals of triggers, values
        // beyond a limit.
        ("22" | "23" | "54" | "P0", _) | (_, "21000" | "44000") => Failure::Data(message),
        ("42", "42501") | ("28" | "3D" | "57", _) => Failure::User(code::REFUSED, message),
        _ => Failure::User(code::MISMATCH, message),
    }
}

/// Which constraint or column it is about, but never the row: that may be confidential.
fn message(error: &DbError) -> String {
    let named = error.constraint().or(error.column());
    let mut text = error.message().to_owned();
    if let Some(name) = named.filter(|name| !text.contains(*name)) {
        text.push_str(&format!(" ('{name}')"));
    }
    text
}

fn is_transient(error: &Error) -> bool {
    if error.is_closed() {
        return true;
    }
    let mut cause = error.source();
    while let Some(at) = cause {
        let from_socket = at.downcast_ref::<std::io::Error>();
        // OpenSSL tells what it verified through an error of the kind Other.
        if from_socket.is_some_and(|error| error.kind() != std::io::ErrorKind::Other) {
            return true;
        }
        cause = at.source();
    }
    let text = error.to_string();
    // A name that is not known now, or a server that ends in the middle of an answer.
    ["timeout", "error connecting", "unexpected message", "error communicating", "parsing response"]
        .iter()
        .any(|part| text.contains(part))
}

fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(at) = cause {
        let more = at.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = at.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_decide() {
        let kind = |state: &str| match by_state(state, String::new()) {
            Failure::Transient(_) => "transient",
            Failure::Data(_) => "data",
            Failure::User(..) => "user",
            Failure::Fenced(_) => "fenced",
        };
        for state in ["08006", "40001", "40P01", "57P01", "57P03", "53300", "25006", "55P03"] {
            assert_eq!(kind(state), "transient", "{state}");
        }
        for state in ["22021", "22003", "23502", "23514", "23505", "21000", "54000", "P0001"] {
            assert_eq!(kind(state), "data", "{state}");
        }
        for state in ["28P01", "28000", "3D000", "42501", "42P01", "42703", "42804"] {
            assert_eq!(kind(state), "user", "{state}");
        }
    }
}
