//! The rules of Rust files.

use super::function::{Function, functions, test_lines};
use super::mask::mask;
use super::{Excess, Found};
use crate::tree::TextFile;

/// Most lines of a file.
const MAX_FILE_LINES: usize = 1_000;
/// Most lines of a function.
const MAX_FUNCTION_LINES: usize = 70;
/// Most parameters, besides self.
const MAX_PARAMETERS: usize = 5;
/// Most characters of a line.
const MAX_COLUMNS: usize = 100;

/// Words that no code has.
const FORBIDDEN: [(&str, &str); 3] = [
    (concat!("todo", "!("), "an issue says what is to be done, not a macro"),
    (concat!("unimplemented", "!("), "an error with a code says what does not run yet"),
    (concat!("#[ig", "nore"), "a test runs or is not there"),
];

/// Applies the rules to one file.
pub fn check(file: &TextFile, found: &mut Found) {
    let masked = mask(&file.text);
    let is_test = is_test_file(&file.path);
    let in_tests = test_lines(&masked);
    let is_test_line = |line: usize| is_test || in_tests.iter().any(|range| range.contains(&line));
    if !file.text.starts_with("//! ") {
        found.error(&file.path, 1, "the first line is `//! purpose.`");
    }
    for (index, line) in masked.lines().enumerate() {
        let line_number = index + 1;
        if line.contains(concat!(".unw", "rap()")) && !is_test_line(line_number) {
            found.error(
                &file.path,
                line_number,
                "no unwrap outside tests: handle it, or expect(why)",
            );
        }
        for (word, reason) in FORBIDDEN {
            if line.contains(word) {
                found.error(&file.path, line_number, &format!("no `{word}`: {reason}"));
            }
        }
    }
    measure(file, &masked, found);
    let ships = file.path.starts_with("src/") || file.path.starts_with("crates/");
    for (index, line) in file.text.lines().enumerate() {
        if ships && !is_test_line(index + 1) && !line.trim_start().starts_with("//") {
            found.codes.extend(codes(line).map(str::to_owned));
        }
    }
}

fn measure(file: &TextFile, masked: &str, found: &mut Found) {
    let path = &file.path;
    let mut excess = |rule: &str, what: String, measured: usize, limit: usize| {
        if measured > limit {
            found.excesses.push(Excess { key: format!("{rule} {what}"), measured, limit });
        }
    };
    excess("file-lines", path.clone(), file.text.lines().count(), MAX_FILE_LINES);
    let wide = file.text.lines().filter(|line| line.chars().count() > MAX_COLUMNS).count();
    excess("wide-lines", path.clone(), wide, 0);
    for Function { name, n_lines, n_parameters, .. } in functions(masked) {
        excess("function-lines", format!("{path}::{name}"), n_lines, MAX_FUNCTION_LINES);
        excess("parameters", format!("{path}::{name}"), n_parameters, MAX_PARAMETERS);
    }
}

/// Whether all of a file is test code.
fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_named_so =
        name.ends_with("_tests.rs") || name.starts_with("test") || name.starts_with("bench");
    is_named_so || path.split('/').any(|folder| matches!(folder, "tests" | "fuzz" | "benches"))
}

/// The error codes that stand in quotes: `"AR1234"`.
fn codes(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.match_indices("\"AR").filter_map(|(at, _)| line.get(at + 1..at + 8));
    let closed = quoted.filter(|text| text.ends_with('"')).map(|text| &text[..6]);
    closed.filter(|code| code[2..].bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(path: &str, text: &str) -> Vec<String> {
        let mut found = Found::default();
        check(&TextFile { path: path.to_owned(), text: text.to_owned() }, &mut found);
        found.errors
    }

    #[test]
    fn unwrap_is_for_tests() {
        let text = concat!("//! x.\nfn a() { b.unw", "rap() }\n");
        assert_eq!(errors("src/a.rs", text).len(), 1);
        assert!(errors("src/a_tests.rs", text).is_empty());
        let in_tests = format!("//! x.\n#[cfg(test)]\nmod tests {{\n{}}}\n", &text[7..]);
        assert!(errors("src/a.rs", &in_tests).is_empty());
    }

    #[test]
    fn codes_stand_in_quotes() {
        let line = r#"f("AR1201", "AR12", "ARGUS1", "AR9001")"#;
        assert_eq!(codes(line).collect::<Vec<_>>(), ["AR1201", "AR9001"]);
    }

    #[test]
    fn a_purpose_comes_first() {
        assert_eq!(errors("src/a.rs", "fn a() {}\n").len(), 1);
    }
}
