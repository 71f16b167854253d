//! SIMILAR TO: SQL's regular expressions, rewritten as Java's.

use argus_base::Result;
use argus_plan::ScalarFunction as F;

use super::regex::Patterns;
use super::{Binding, Kernel, refused};

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    if binding.function != F::SimilarTo {
        return Ok(None);
    }
    let has_escape = binding.arguments.len() == 3;
    let patterns = Patterns::new(None);
    Ok(Some(Box::new(move |call| {
        let (text, pattern) = (call.text_of(0), call.text_of(1));
        let escape = has_escape.then(|| call.text_of(2));
        call.try_booleans(|row| {
            let escape = escape.as_ref().and_then(|escape| escape(row).chars().next());
            let java = Rewriter::rewrite(pattern(row), escape)?;
            patterns.get(&java)?.is_match(text(row)).map(Some)
        })
    })))
}

const SQL_SPECIALS: &str = "[]()|^-+*_%?{}";
const JAVA_SPECIALS: &str = r"[]()|^-+*?{}$\.";
const CLASSES: &[(&str, &str)] = &[
    ("ALPHA", r"\p{Alpha}"),
    ("UPPER", r"\p{Upper}"),
    ("LOWER", r"\p{Lower}"),
    ("DIGIT", r"\d"),
    ("SPACE", " "),
    ("WHITESPACE", r"\s"),
    ("ALNUM", r"\p{Alnum}"),
];

/// `%` and `_` are as in LIKE, `\` and `$` stand for themselves, classes have names; everything
/// else means what it means in Java.
struct Rewriter<'a> {
    pattern: &'a str,
    rest: &'a str,
    escape: Option<char>,
    java: String,
}

impl Rewriter<'_> {
    fn rewrite(pattern: &str, escape: Option<char>) -> Result<String> {
        let java = String::from("^(?:");
        let mut rewriter = Rewriter { pattern, rest: pattern, escape, java };
        while let Some(c) = rewriter.next() {
            match c {
                _ if Some(c) == escape => rewriter.escaped()?,
                '%' => rewriter.java.push_str("(?s:.*)"),
                '_' => rewriter.java.push('.'),
                '[' => rewriter.enumeration()?,
                ']' => return Err(rewriter.wrong()),
                '\\' | '$' => rewriter.java.extend(['\\', c]),
                _ => rewriter.java.push(c),
            }
        }
        rewriter.java.push_str(r")\z");
        Ok(rewriter.java)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn wrong(&self) -> argus_base::Error {
        refused(format!("'{}' is no SQL regular expression", self.pattern))
    }

    /// Only characters that are special may be escaped.
    fn escaped(&mut self) -> Result<()> {
        let c = self.next().ok_or_else(|| self.wrong())?;
        if !SQL_SPECIALS.contains(c) && Some(c) != self.escape {
            return Err(self.wrong());
        }
        if JAVA_SPECIALS.contains(c) {
            self.java.push('\\');
        }
        self.java.push(c);
        Ok(())
    }

    /// `[a-z]`, `[^a]`, `[[:ALPHA:]_]`.
    fn enumeration(&mut self) -> Result<()> {
        self.java.push('[');
        loop {
            if let Some(named) = self.rest.strip_prefix("[:") {
                let (name, after) = named.split_once(":]").ok_or_else(|| self.wrong())?;
                let is_named = |class: &&(&str, &str)| {
                    let (upper, lower) = (class.0, class.0.to_lowercase());
                    upper == name || lower == name
                };
                let class = CLASSES.iter().find(is_named).ok_or_else(|| self.wrong())?;
                self.java.push_str(class.1);
                self.rest = after;
                continue;
            }
            match self.next() {
                Some(']') => {
                    self.java.push(']');
                    return Ok(());
                }
                Some(c) if Some(c) == self.escape => self.escaped()?,
                Some(c @ ('-' | '^')) => self.java.push(c),
                Some(c) if !SQL_SPECIALS.contains(c) => self.java.push(c),
                _ => return Err(self.wrong()),
            }
        }
    }
}
