//! `${NAME}` and `${NAME:default}`: variables of the environment, put into the text before it is
//! parsed, and the map from the new text back to the text as written.
//!
//! - Not in comments.
//! - Inside a literal or quoted name the value's quotes are doubled, so it cannot end it.
//! - Elsewhere the value is SQL text; it must close what it opens.
//! - A default runs to the next `}`, over lines if need be; `${NAME:}` is an empty default.

use argus_plan::Span;

use crate::Diagnostic;

/// The value of a variable, where it has one.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Text with its variables replaced.
#[derive(Debug)]
pub struct Substituted {
    /// What is parsed.
    pub text: String,
    pieces: Vec<Piece>,
}

/// A run of the new text.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// First byte in the new text; it ends where the next piece begins.
    start: usize,
    /// First byte in the text as written.
    written_start: usize,
    /// For the value of a variable: end of its `${…}`.
    variable_end: Option<usize>,
}

impl Substituted {
    /// Where a run of the new text was written; the whole `${…}` for parts of a variable.
    pub fn written(&self, start: usize, end: usize) -> Span {
        let offset = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let (first, _) = self.written_bytes(start);
        let (_, last) = self.written_bytes(end.saturating_sub(1).max(start));
        Span { start: offset(first), end: offset(last) }
    }

    /// First and end byte, as written, of the byte at `position`.
    fn written_bytes(&self, position: usize) -> (usize, usize) {
        let after = self.pieces.partition_point(|piece| piece.start <= position);
        let piece = self.pieces[after.saturating_sub(1)];
        match piece.variable_end {
            Some(end) => (piece.written_start, end),
            None => {
                let at = piece.written_start + (position - piece.start);
                (at, at + 1)
            }
        }
    }
}

/// What the text is inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Code,
    /// `'…'`; with true inside `E'…'`, where a backslash escapes.
    Literal(bool),
    /// `` `…` ``
    Name,
    /// `-- …`
    LineComment,
    /// `/* … */`
    BlockComment,
}

/// Replaces the variables of a script.
pub fn substitute(text: &str, variables: Variables<'_>) -> Result<Substituted, Diagnostic> {
    let mut out =
        Substituted { text: String::with_capacity(text.len()), pieces: vec![Piece::text(0, 0)] };
    let mut state = State::Code;
    let mut at = 0;
    while at < text.len() {
        let in_comment = matches!(state, State::LineComment | State::BlockComment);
        if !in_comment && let Some(variable) = variable_at(text, at) {
            let value = value_of(&variable, variables)?;
            let value = escaped(&value, state);
            check_closed(&value, state, variable.span(at))?;
            let end = at + variable.length;
            out.pieces.push(Piece {
                start: out.text.len(),
                written_start: at,
                variable_end: Some(end),
            });
            out.text.push_str(&value);
            out.pieces.push(Piece::text(out.text.len(), end));
            at = end;
            continue;
        }
        let (next, length) = step(text, at, state);
        out.text.push_str(&text[at..at + length]);
        state = next;
        at += length;
    }
    Ok(out)
}

impl Piece {
    fn text(start: usize, written_start: usize) -> Piece {
        Piece { start, written_start, variable_end: None }
    }
}

/// `${NAME:default}` as written.
struct Variable<'a> {
    name: &'a str,
    default: Option<&'a str>,
    /// Bytes from `$` to `}`.
    length: usize,
    start: usize,
}

impl Variable<'_> {
    fn span(&self, at: usize) -> Span {
        let offset = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        Span { start: offset(at), end: offset(at + self.length) }
    }
}

/// The variable that starts at this byte, if one does.
fn variable_at(text: &str, at: usize) -> Option<Variable<'_>> {
    let rest = text[at..].strip_prefix("${")?;
    let name_length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let (name, after) = rest.split_at(name_length);
    if name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
        return None;
    }
    let end = match after.as_bytes().first()? {
        b'}' => 0,
        b':' => after.find('}')?,
        _ => return None,
    };
    let default = after[..end].strip_prefix(':');
    Some(Variable { name, default, length: 2 + name_length + end + 1, start: at })
}

fn value_of(variable: &Variable<'_>, variables: Variables<'_>) -> Result<String, Diagnostic> {
    let value = variables(variable.name).or_else(|| variable.default.map(str::to_owned));
    value.ok_or_else(|| {
        let name = variable.name;
        let message = format!("the variable {name} has no value and no default");
        let help = format!("set it in the environment ({name}=…) or write ${{{name}:default}}");
        Diagnostic::wrong("AR1002", variable.span(variable.start), message).help(help)
    })
}

/// The value with whatever could end the literal it stands in written so that it cannot.
fn escaped(value: &str, state: State) -> String {
    match state {
        State::Literal(false) => value.replace('\'', "''"),
        State::Literal(true) => value.replace('\\', "\\\\").replace('\'', "''"),
        State::Name => value.replace('`', "``"),
        State::Code | State::LineComment | State::BlockComment => value.to_owned(),
    }
}

/// Refuses a value among code that opens a literal, name or comment and leaves it open: what
/// follows in the script would change its meaning.
fn check_closed(value: &str, state: State, span: Span) -> Result<(), Diagnostic> {
    if state != State::Code {
        return Ok(());
    }
    let (mut inside, mut at) = (State::Code, 0);
    while at < value.len() {
        let (next, length) = step(value, at, inside);
        inside = next;
        at += length;
    }
    if inside == State::Code {
        return Ok(());
    }
    let message =
        "the value of this variable opens a literal, name or comment and does not close it";
    let help = "write the variable between quotes if its value is a text";
    Err(Diagnostic::wrong("AR1002", span, message).help(help))
}

/// The state after the character at `at`, and how many bytes belong together there.
fn step(text: &str, at: usize, state: State) -> (State, usize) {
    let rest = &text.as_bytes()[at..];
    let pair = (rest[0], rest.get(1).copied().unwrap_or(0));
    match (state, pair) {
        (State::Code, (b'-', b'-') | (b'/', b'/')) => (State::LineComment, 2),
        // A hint is code: its options may hold variables.
        (State::Code, (b'/', b'*')) if rest.get(2) != Some(&b'+') => (State::BlockComment, 2),
        (State::Code, (b'\'', _)) => (State::Literal(is_escape_prefix(text, at)), 1),
        (State::Code, (b'`', _)) => (State::Name, 1),
        (State::Literal(true), (b'\\', next)) if next.is_ascii() && next != 0 => (state, 2),
        (State::Literal(_), (b'\'', b'\'')) | (State::Name, (b'`', b'`')) => (state, 2),
        (State::Literal(_), (b'\'', _)) | (State::Name, (b'`', _)) => (State::Code, 1),
        (State::LineComment, (b'\n' | b'\r', _)) => (State::Code, 1),
        (State::BlockComment, (b'*', b'/')) => (State::Code, 2),
        _ => (state, text[at..].chars().next().map_or(1, char::len_utf8)),
    }
}

/// Whether the quote at `at` follows a lone `E`.
fn is_escape_prefix(text: &str, at: usize) -> bool {
    let mut before = text[..at].chars().rev();
    let is_e = matches!(before.next(), Some('e' | 'E'));
    is_e && !before.next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '`'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, String> {
        let variables = |name: &str| match name {
            "A" => Some("it's".to_owned()),
            "N" => Some("5".to_owned()),
            "OPEN" => Some("'".to_owned()),
            _ => None,
        };
        substitute(text, &variables).map(|done| done.text).map_err(|error| error.message)
    }

    #[test]
    fn literals_are_escaped_and_code_is_not() {
        assert_eq!(check("'${A}' ${N}").unwrap(), "'it''s' 5");
        assert_eq!(check("`${A}` E'${A}'").unwrap(), "`it's` E'it''s'");
        assert_eq!(check("a /*+ OPTIONS('k'='${A}') */").unwrap(), "a /*+ OPTIONS('k'='it''s') */");
    }

    #[test]
    fn comments_are_left_alone() {
        let text = "-- ${MISSING}\n/* ${MISSING} */ // ${MISSING}";
        assert_eq!(check(text).unwrap(), text);
        assert_eq!(check("'--' || '${N}'").unwrap(), "'--' || '5'");
    }

    #[test]
    fn defaults() {
        assert_eq!(check("'${X:}' ${X:7} ${X:a\nb} ${N:9}").unwrap(), "'' 7 a\nb 5");
        assert_eq!(check("'$.a' '${1}' '${X'").unwrap(), "'$.a' '${1}' '${X'");
    }

    #[test]
    fn what_is_missing_or_left_open_is_refused() {
        assert_eq!(check("SELECT ${X}").unwrap_err(), "the variable X has no value and no default");
        assert!(check("SELECT ${OPEN}").unwrap_err().contains("does not close it"));
    }

    #[test]
    fn positions_lead_back_to_the_text_as_written() {
        let variables = |_: &str| Some("longer".to_owned());
        let done = substitute("ab ${V} cd", &variables).unwrap();
        assert_eq!(done.text, "ab longer cd");
        assert_eq!(done.written(0, 2), Span { start: 0, end: 2 });
        assert_eq!(done.written(3, 9), Span { start: 3, end: 7 });
        assert_eq!(done.written(5, 6), Span { start: 3, end: 7 });
        assert_eq!(done.written(10, 12), Span { start: 8, end: 10 });
    }
}
