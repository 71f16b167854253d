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
