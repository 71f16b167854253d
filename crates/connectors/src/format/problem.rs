//! Why a message or one of its fields cannot be decoded.

/// The result of reading; errors are boxed, since rows rarely have one.
pub(crate) type Outcome<T> = Result<T, Box<Problem>>;

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The message is not of its format at all, so nothing after this point can be read
    /// either. Otherwise a value does not fit its column, which `ignore-parse-errors` turns
    /// into a NULL.
    pub is_syntax: bool,
    /// Names of the fields around it, innermost first.
    path: Vec<String>,
    reason: String,
}

impl Problem {
    /// The message is not of its format.
    #[cold]
    pub fn syntax(reason: impl Into<String>) -> Box<Problem> {
        Box::new(Problem { is_syntax: true, path: Vec::new(), reason: reason.into() })
    }

    /// A value does not fit.
    #[cold]
    pub fn value(reason: impl Into<String>) -> Box<Problem> {
        Box::new(Problem { is_syntax: false, path: Vec::new(), reason: reason.into() })
    }

    /// The same problem, inside that field.
    #[cold]
    pub fn in_field(mut self: Box<Problem>, name: &[u8]) -> Box<Problem> {
        self.path.push(String::from_utf8_lossy(name).into_owned());
        self
    }

    /// For people: the path of the field, what was expected, what was found.
    pub fn into_reason(self, format: &str) -> String {
        let Problem { is_syntax, mut path, reason } = self;
        path.reverse();
        let place = path.join(".");
        match (path.is_empty(), is_syntax) {
            (true, true) => format!("malformed {format}: {reason}"),
            (true, false) => reason,
            (false, true) => format!("malformed {format} in field '{place}': {reason}"),
            (false, false) => format!("field '{place}': {reason}"),
        }
    }
}
