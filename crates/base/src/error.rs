//! The one run-time error: what went wrong, and by its kind, what happens next.

use std::fmt;

/// What the engine does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A server is away or busy: wait and try again.
    Transient,
    /// One record is bad: skip or dead-letter it, or stop where the policy is to fail.
    Data,
    /// The user must change something: stop and explain.
    User,
    /// Another worker owns the job: step down.
    Fenced,
    /// What was under way is lost: go back to the last checkpoint.
    Lost,
    /// A snapshot cannot be read: fall back to an older one.
    Corrupt,
    /// A mistake of ours: restart, then park.
    Bug,
}

/// Shorthand for results of run-time work.
pub type Result<T> = std::result::Result<T, Error>;

/// A run-time error with a code that names its page in `docs/error`.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    code: &'static str,
    message: String,
    context: Vec<String>,
}

impl Error {
    /// An error of that kind; `code` is `AR` and four digits.
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Error {
        let message = message.into();
        Error(Box::new(Inner { kind, code, message, context: Vec::new() }))
    }

    /// The user must change something.
    pub fn user(code: &'static str, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::User, code, message)
    }

    /// One record is bad.
    pub fn data(code: &'static str, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Data, code, message)
    }

    /// Something is away for now.
    pub fn transient(code: &'static str, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Transient, code, message)
    }

    /// A mistake of ours.
    pub fn bug(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Bug, "AR9001", message)
    }

    /// The same error with what was being done, as a bare verb phrase, in front.
    #[must_use]
    pub fn context(mut self, doing: impl Into<String>) -> Error {
        self.0.context.push(doing.into());
        self
    }

    /// What happens next.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Its page in `docs/error`.
    pub fn code(&self) -> &'static str {
        self.0.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for doing in self.0.context.iter().rev() {
            write!(f, "{doing}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// Arrow refuses only what we built wrongly; data errors are found before its kernels run.
impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Error {
        Error::bug(error.to_string())
    }
}
