//! Options declared once: the declaration checks, reads, documents and completes them.
//!
//! Three types in turn: raw text (`BTreeMap<String, String>` of a WITH clause) → [`Options`]
//! (every key known, every value well formed) → whatever the connector builds from it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::duration::{parse_duration, parse_memory_size};
use crate::nearest::nearest;

/// What text an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// `true` or `false`, in any case.
    Bool,
    /// A whole number within the bounds, both inclusive.
    Int {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// A number.
    Double,
    /// Flink's durations: `10 s`.
    Duration,
    /// Flink's memory sizes: `64 mb`.
    MemorySize,
    /// One of these words, compared without case.
    Enum(&'static [&'static str]),
    /// Texts separated by `;`.
    List,
}

/// One option: the single place where its name, type, default and help stand.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Full key as written in SQL. A `*` stands for any text: `fields.*.min`, `properties.*`.
    pub name: &'static str,
    /// What text it takes.
    pub kind: OptionKind,
    /// Value where none is written; `None` means that absence has a meaning of its own.
    pub default: Option<&'static str>,
    /// Whether its absence is an error.
    pub required: bool,
    /// Whether its value is never printed.
    pub secret: bool,
    /// One sentence: what it does, with units and bounds.
    pub help: &'static str,
}

impl OptionSpec {
    /// An optional option of that kind.
    pub const fn new(name: &'static str, kind: OptionKind, help: &'static str) -> OptionSpec {
        OptionSpec { name, kind, default: None, required: false, secret: false, help }
    }

    /// With a default value.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> OptionSpec {
        self.default = Some(value);
        self
    }

    /// Must be written.
    #[must_use]
    pub const fn required(mut self) -> OptionSpec {
        self.required = true;
        self
    }

    /// Never printed.
    #[must_use]
    pub const fn secret(mut self) -> OptionSpec {
        self.secret = true;
        self
    }

    /// Whether a written key is this option.
    pub fn matches(&self, key: &str) -> bool {
        match self.name.split_once('*') {
            None => self.name == key,
            Some((before, after)) => {
                key.len() > before.len() + after.len()
                    && key.starts_with(before)
                    && key.ends_with(after)
            }
        }
    }

    fn check(&self, key: &str, value: &str) -> Result<(), OptionError> {
        let problem = match self.kind {
            OptionKind::Text | OptionKind::List => return Ok(()),
            OptionKind::Bool => match value.to_ascii_lowercase().as_str() {
                "true" | "false" => return Ok(()),
                _ => "expected true or false".to_owned(),
            },
            OptionKind::Int { min, max } => match value.trim().parse::<i64>() {
                Ok(number) if (min..=max).contains(&number) => return Ok(()),
                _ => format!("expected a whole number from {min} to {max}"),
            },
            OptionKind::Double => match value.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => return Ok(()),
                _ => "expected a number".to_owned(),
            },
            OptionKind::Duration => match parse_duration(value) {
                Ok(_) => return Ok(()),
                Err(why) => format!("expected a duration such as '10 s': {why}"),
            },
            OptionKind::MemorySize => match parse_memory_size(value) {
                Ok(_) => return Ok(()),
                Err(why) => format!("expected a size such as '64 mb': {why}"),
            },
            OptionKind::Enum(words) => {
                if words.iter().any(|word| word.eq_ignore_ascii_case(value)) {
                    return Ok(());
                }
                format!("expected one of {}", words.join(", "))
            }
        };
        let shown = if self.secret { "******" } else { value };
        Err(OptionError::BadValue { key: key.to_owned(), value: shown.to_owned(), problem })
    }
}

/// Why a set of options is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No declaration has that key.
    #[error("unknown option '{key}'{}", hint(.nearest))]
    Unknown {
        /// As written.
        key: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// The value is not of the option's kind.
    #[error("option '{key}' = '{value}': {problem}")]
    BadValue {
        /// As written.
        key: String,
        /// As written, masked where secret.
        value: String,
        /// What was expected.
        problem: String,
    },
    /// A required option is not there.
    #[error("missing required option '{key}': {help}")]
    Missing {
        /// Its name.
        key: String,
        /// Its help.
        help: String,
    },
    /// Flink has it, this engine does not yet.
    #[error("{problem}")]
    NotYet {
        /// Of the option whose value asks for it.
        key: String,
        /// What does not run, and what does.
        problem: String,
    },
    /// Options that exclude or need each other.
    #[error("{0}")]
    Conflict(String),
}

impl OptionError {
    /// The key at fault, where one option is.
    pub fn key(&self) -> Option<&str> {
        match self {
            OptionError::Unknown { key, .. }
            | OptionError::BadValue { key, .. }
            | OptionError::NotYet { key, .. } => Some(key),
            OptionError::Missing { .. } | OptionError::Conflict(_) => None,
        }
    }
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |name| format!("; did you mean '{name}'?"))
}

/// Checked options: every key is declared, every value is of its kind. Built only by
/// [`Options::check`], so the getters cannot fail.
#[derive(Clone, Debug, Default)]
pub struct Options {
    specs: Vec<OptionSpec>,
    values: BTreeMap<String, String>,
}

impl Options {
    /// Checks written options against their declarations.
    pub fn check(
        specs: impl IntoIterator<Item = OptionSpec>,
        written: &BTreeMap<String, String>,
    ) -> Result<Options, OptionError> {
        let specs: Vec<OptionSpec> = specs.into_iter().collect();
        for (key, value) in written {
            let spec = specs.iter().find(|spec| spec.matches(key));
            let Some(spec) = spec else {
                let near = nearest(key, specs.iter().map(|spec| spec.name));
                return Err(OptionError::Unknown {
                    key: key.clone(),
                    nearest: near.map(str::to_owned),
                });
            };
            spec.check(key, value)?;
        }
        for spec in specs.iter().filter(|spec| spec.required) {
            if !written.contains_key(spec.name) {
                let (key, help) = (spec.name.to_owned(), spec.help.to_owned());
                return Err(OptionError::Missing { key, help });
            }
        }
        Ok(Options { specs, values: written.clone() })
    }

    /// The written value or else the default.
    pub fn text(&self, key: &str) -> Option<&str> {
        let written = self.values.get(key).map(String::as_str);
        written.or_else(|| self.spec(key).and_then(|spec| spec.default))
    }

    /// Whether the user wrote the option.
    pub fn is_written(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Value of a `Bool`; false where neither written nor defaulted.
    pub fn bool(&self, key: &str) -> bool {
        self.text(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Value of an `Int`.
    pub fn int(&self, key: &str) -> Option<i64> {
        self.text(key).and_then(|value| value.trim().parse().ok())
    }

    /// Value of a `Double`.
    pub fn double(&self, key: &str) -> Option<f64> {
        self.text(key).and_then(|value| value.trim().parse().ok())
    }

    /// Value of a `Duration`.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        self.text(key).and_then(|value| parse_duration(value).ok())
    }

    /// Value of a `MemorySize`, in bytes.
    pub fn memory_size(&self, key: &str) -> Option<u64> {
        self.text(key).and_then(|value| parse_memory_size(value).ok())
    }

    /// Value of an `Enum`, in the spelling of its declaration.
    pub fn word(&self, key: &str) -> Option<&'static str> {
        let OptionKind::Enum(words) = self.spec(key)?.kind else { return None };
        let value = self.text(key)?;
        words.iter().copied().find(|word| word.eq_ignore_ascii_case(value))
    }

    /// Parts of a `List`, trimmed, empty ones left out.
    pub fn list(&self, key: &str) -> Vec<&str> {
        let parts = self.text(key).unwrap_or_default().split(';');
        parts.map(str::trim).filter(|part| !part.is_empty()).collect()
    }

    /// What was written under a prefix, with the prefix taken off: `properties.`.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let entries = self.values.iter();
        entries.filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
    }

    fn spec(&self, key: &str) -> Option<&OptionSpec> {
        self.specs.iter().find(|spec| spec.matches(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: [OptionSpec; 4] = [
        OptionSpec::new("path", OptionKind::Text, "Where.").required(),
        OptionSpec::new("scan.idle", OptionKind::Duration, "How long.").default("10 s"),
        OptionSpec::new("fields.*.min", OptionKind::Int { min: 0, max: 9 }, "Least."),
        OptionSpec::new("properties.*", OptionKind::Text, "For the client."),
    ];

    fn check(written: &[(&str, &str)]) -> Result<Options, String> {
        let written = written.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Options::check(SPECS, &written).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_what_was_written_and_defaults_the_rest() {
        let options =
            check(&[("path", "/x"), ("fields.a.min", "3"), ("properties.a.b", "c")]).unwrap();
        assert_eq!(options.text("path"), Some("/x"));
        assert_eq!(options.duration("scan.idle"), Some(Duration::from_secs(10)));
        assert_eq!(options.int("fields.a.min"), Some(3));
        assert_eq!(options.with_prefix("properties.").collect::<Vec<_>>(), [("a.b", "c")]);
    }

    #[test]
    fn refuses_with_the_reason() {
        let error = check(&[("path", "x"), ("scan.idel", "1 s")]).unwrap_err();
        assert_eq!(error, "unknown option 'scan.idel'; did you mean 'scan.idle'?");
        let error = check(&[("path", "x"), ("fields.a.min", "10")]).unwrap_err();
        assert_eq!(error, "option 'fields.a.min' = '10': expected a whole number from 0 to 9");
        assert_eq!(check(&[]).unwrap_err(), "missing required option 'path': Where.");
    }
}
