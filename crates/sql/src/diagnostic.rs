//! What is wrong with a script, where, and how to mend it; printed the way rustc prints.

use argus_plan::Span;

/// Why a statement does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosticKind {
    /// Flink 2.2 refuses it too: exit code 2.
    Wrong,
    /// Flink 2.2 runs it, this engine does not yet: exit code 3.
    Unsupported,
}

/// One error about a script. Spans are byte offsets into the script as written, before
/// variables are substituted, so no value of a variable is ever printed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Diagnostic {
    /// Wrong or not yet.
    pub kind: DiagnosticKind,
    /// `AR` and four digits: its page in `docs/error`. 1xxx are scripts, 2xxx constructs that do
    /// not run yet.
    pub code: &'static str,
    /// What was expected and what was found.
    pub message: String,
    /// Where; `None` when it is about the whole script.
    pub span: Option<Span>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A wrong script.
    pub fn wrong(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        let kind = DiagnosticKind::Wrong;
        Diagnostic { kind, code, message: message.into(), span: Some(span), help: None }
    }

    /// A construct that does not run yet.
    pub fn unsupported(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        let kind = DiagnosticKind::Unsupported;
        Diagnostic { kind, code, message: message.into(), span: Some(span), help: None }
    }

    /// With what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }
}

impl Diagnostic {
    /// The diagnostic the way rustc prints one: message, place, source line with carets, help.
    /// `script` is the text as written; `color` adds ANSI colours.
    pub fn render(&self, file_name: &str, script: &str, color: bool) -> String {
        let paint = |style: &str, text: &str| match color {
            true => format!("\u{1b}[{style}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        };
        let head = paint("1;31", &format!("error[{}]", self.code));
        let mut out = format!("{head}{}\n", paint("1", &format!(": {}", self.message)));
        let mut margin = String::new();
        if let Some(span) = self.span {
            let place = Place::of(script, span);
            margin = " ".repeat(place.line.to_string().len());
            let bar = paint("1;34", "|");
            let arrow = paint("1;34", "-->");
            let Place { line, column, text, .. } = &place;
            out += &format!("{margin}{arrow} {file_name}:{line}:{column}\n{margin} {bar}\n");
            out += &format!("{} {bar} {text}\n", paint("1;34", &line.to_string()));
            let carets = paint("1;31", &"^".repeat(place.width));
            out += &format!("{margin} {bar} {}{carets}\n", " ".repeat(place.indent));
        }
        if let Some(help) = &self.help {
            let equals = paint("1;34", "=");
            out += &format!("{margin} {equals} {}: {help}\n", paint("1", "help"));
        }
        out
    }
}

/// Where a span lies in its text.
struct Place<'a> {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// The line, its tabs as four spaces, long ones cut.
    text: std::borrow::Cow<'a, str>,
    /// Columns before the carets.
    indent: usize,
    /// Number of carets: to the end of the span or of its first line, at least 1.
    width: usize,
}

/// Longest part of a line that is shown.
const SHOWN_COLUMNS: usize = 160;

impl Place<'_> {
    fn of(script: &str, span: Span) -> Place<'_> {
        let floor = |at: u32| script.floor_char_boundary((at as usize).min(script.len()));
        let (start, end) = (floor(span.start), floor(span.end));
        let line_start = script[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = script[start..].find('\n').map_or(script.len(), |newline| start + newline);
        let whole = script[line_start..line_end].trim_end_matches('\r');
        let before = &script[line_start..start];
        let marked = &script[start..end.clamp(start, line_end)];
        // A long line is shown from a little before the span.
        let skip = before.chars().count().saturating_sub(SHOWN_COLUMNS / 2);
        let cut: String = whole.chars().skip(skip).take(SHOWN_COLUMNS).collect();
        let columns = |text: &str| text.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum();
        let shown_before: String = before.chars().skip(skip).collect();
        let indent: usize = columns(&shown_before);
        let width: usize = columns(marked);
        Place {
            line: script[..line_start].matches('\n').count() + 1,
            column: before.chars().count() + 1,
            text: cut.replace('\t', "    ").into(),
            indent,
            width: width.clamp(1, SHOWN_COLUMNS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_like_rustc_does() {
        let script = "SELECT a,\n\tregoin\nFROM t";
        let span = Span { start: 11, end: 17 };
        let error = Diagnostic::wrong("AR1202", span, "there is no column 'regoin'")
            .help("did you mean 'region'?");
        assert_eq!(
            error.render("job.sql", script, false),
            "error[AR1202]: there is no column 'regoin'
 --> job.sql:2:2
  |
2 |     regoin
  |     ^^^^^^
  = help: did you mean 'region'?
"
        );
    }

    #[test]
    fn the_end_and_several_lines() {
        let script = "SELECT ä (1\n+ 2";
        let to_end = Diagnostic::wrong("AR1001", Span { start: 10, end: 16 }, "m");
        assert!(to_end.render("x", script, false).ends_with("1 | SELECT ä (1\n  |          ^^\n"));
        let end = Diagnostic::wrong("AR1001", Span { start: 99, end: 99 }, "m");
        assert!(end.render("x", script, false).ends_with(" --> x:2:4\n  |\n2 | + 2\n  |    ^\n"));
        let nowhere = Diagnostic { span: None, ..end };
        assert_eq!(nowhere.render("x", script, false), "error[AR1001]: m\n");
    }

    #[test]
    fn colours() {
        let error = Diagnostic::wrong("AR1001", Span::default(), "m");
        assert!(error.render("x", "", true).starts_with("\u{1b}[1;31merror[AR1001]\u{1b}[0m"));
    }
}
