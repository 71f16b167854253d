//! Finds the functions of a masked Rust text, and which lines are test code.

use std::ops::Range;

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of its `fn`, from 1.
    pub line: usize,
    /// From the line of `fn` to that of the closing brace, both included.
    pub n_lines: usize,
    /// Parameters besides self.
    pub n_parameters: usize,
}

/// All functions with a body, in order.
pub fn functions(masked: &str) -> Vec<Function> {
    let starts = masked.match_indices("fn ").map(|(at, _)| at);
    let words = starts.filter(|at| {
        let before = masked[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    });
    words.filter_map(|at| function_at(masked, at)).collect()
}

fn function_at(masked: &str, at: usize) -> Option<Function> {
    let rest = &masked[at + "fn ".len()..];
    let name_end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    let name = &rest[..name_end];
    let (parameters, after) = parameters(&rest[name_end..])?;
    let body = &after[body_or_end(after)?..];
    if name.is_empty() || body.starts_with(';') {
        return None;
    }
    let end = at + (masked[at..].len() - body.len()) + closing(body)?;
    let line = line_of(masked, at);
    Some(Function {
        name: name.to_owned(),
        line,
        n_lines: line_of(masked, end) - line + 1,
        n_parameters: parameters,
    })
}

/// Place of the body's brace, or of the semicolon of a declaration without one.
fn body_or_end(after: &str) -> Option<usize> {
    let mut depth = 0_i32;
    after.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        (depth == 0 && matches!(c, '{' | ';')).then_some(at)
    })
}

/// Number of parameters besides self, and what follows their parenthesis.
fn parameters(text: &str) -> Option<(usize, &str)> {
    let open = open_parenthesis(text)?;
    let mut depth = 0_i32;
    let mut part = String::new();
    let mut parts = Vec::new();
    let mut last = ' ';
    for (at, c) in text[open..].char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            // The arrow of a function type closes nothing.
            '>' if last == '-' => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            ',' if depth == 1 => parts.push(std::mem::take(&mut part)),
            _ => {}
        }
        if depth == 0 {
            parts.push(part);
            let is_self = |part: &str| part.split([' ', ':', '&']).any(|word| word == "self");
            let named = parts.iter().map(|part| part.trim_matches(['(', ',', ' ', '\n']));
            let n = named.filter(|part| !part.is_empty() && !is_self(part)).count();
            return Some((n, &text[open + at + 1..]));
        }
        part.push(c);
        last = c;
    }
    None
}

/// The parenthesis after the generic parameters.
fn open_parenthesis(text: &str) -> Option<usize> {
    let mut depth = 0_i32;
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if last != '-' => depth -= 1,
            '(' if depth == 0 => return Some(at),
            '{' | ';' if depth == 0 => return None,
            _ => {}
        }
        last = c;
    }
    None
}

/// Place of the brace that closes the one at the beginning.
fn closing(body: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The lines, from 1, of items under `#[cfg(test)]` that have a body here.
pub fn test_lines(masked: &str) -> Vec<Range<usize>> {
    let marks = masked.match_indices("#[cfg(test)]");
    let ranges = marks.filter_map(|(at, _)| {
        let open = at + masked[at..].find(['{', ';'])?;
        let body = &masked[open..];
        if body.starts_with(';') {
            return None;
        }
        Some(line_of(masked, at)..line_of(masked, open + closing(body)?) + 1)
    });
    ranges.collect()
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].bytes().filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_parameters() {
        let text = "\
impl A {
    pub fn a<F: Fn(u8) -> u8>(&mut self, f: F, m: Map<u8, (u8, u8)>,) -> [u8; 2] {
        if x { y }
    }
    fn declared(&self);
}
type F = fn(u8);
fn b() {}
";
        let found = functions(text);
        let expected = [("a", 2, 3, 2), ("b", 8, 1, 0)];
        let expected = expected.map(|(name, line, n_lines, n_parameters)| Function {
            name: name.to_owned(),
            line,
            n_lines,
            n_parameters,
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn tests_are_found() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\n#[cfg(test)]\nmod x;\n";
        let module = 2..6;
        assert_eq!(test_lines(text), [module]);
    }
}
