//! Patterns in paths: `*` and `?` within a name, `[a-z]` and `[!a-z]` one character, `**` any
//! number of folders.

use std::path::{Path, PathBuf};

/// Deepest nesting that `**` follows; symbolic links may form a circle.
const MAX_DEPTH: usize = 64;

/// Whether the path has a pattern in it.
pub fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// What the pattern matches, in order of path. Names that begin with a dot are matched by
/// patterns that begin with one.
pub fn expand(pattern: &Path) -> std::io::Result<Vec<PathBuf>> {
    let parts: Vec<String> =
        pattern.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let mut found = Vec::new();
    walk(Path::new(""), &parts, 0, &mut found)?;
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(
    folder: &Path,
    parts: &[String],
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    let Some((part, rest)) = parts.split_first() else {
        found.push(folder.to_owned());
        return Ok(());
    };
    if part == "**" {
        walk(folder, rest, depth, found)?;
        if depth < MAX_DEPTH {
            for name in names(folder, |name| !name.starts_with('.'))? {
                let below = folder.join(name);
                if below.is_dir() {
                    walk(&below, parts, depth + 1, found)?;
                }
            }
        }
        return Ok(());
    }
    if !is_pattern(Path::new(part)) {
        let below = folder.join(part);
        return if below.exists() { walk(&below, rest, depth, found) } else { Ok(()) };
    }
    for name in names(folder, |name| matches(part, name))? {
        walk(&folder.join(name), rest, depth, found)?;
    }
    Ok(())
}

fn names(folder: &Path, wanted: impl Fn(&str) -> bool) -> std::io::Result<Vec<String>> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if wanted(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whether one name matches one part of a pattern.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // After a mismatch, matching goes on with one character more for the last star.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = pattern.get(p).and_then(|c| match c {
            '*' => None,
            _ => match_one(&pattern[p..], name[n]),
        });
        if let Some(length) = step {
            p += length;
            n += 1;
        } else if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some((star_p, star_n)) = star {
            star = Some((star_p, star_n + 1));
            p = star_p + 1;
            n = star_n + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Length of the pattern's first element where it matches the character.
fn match_one(pattern: &[char], c: char) -> Option<usize> {
    match pattern[0] {
        '?' => Some(1),
        '[' => match_set(pattern, c),
        literal => (literal == c).then_some(1),
    }
}

fn match_set(pattern: &[char], c: char) -> Option<usize> {
    let is_negated = matches!(pattern.get(1), Some('!' | '^'));
    let first = if is_negated { 2 } else { 1 };
    let after_first = pattern.get(first + 1..).unwrap_or(&[]);
    let Some(close) = after_first.iter().position(|p| *p == ']') else {
        // Without its end it is an ordinary character.
        return (c == '[').then_some(1);
    };
    let set = &pattern[first..first + 1 + close];
    let mut i = 0;
    let mut is_in = false;
    while i < set.len() {
        if i + 2 < set.len() && set[i + 1] == '-' {
            is_in |= (set[i]..=set[i + 2]).contains(&c);
            i += 3;
        } else {
            is_in |= set[i] == c;
            i += 1;
        }
    }
    (is_in != is_negated).then_some(first + set.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match() {
        for (pattern, name) in [
            ("*.json", "a.json"),
            ("a*b*c", "aXbYbc"),
            ("part-?", "part-1"),
            ("[a-c]x[!0-9]", "bxz"),
            ("*", "x"),
            ("**", "x"),
            ("[", "["),
            ("[]]", "]"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("*.json", "a.csv"), ("?", ""), ("*", ".hidden"), ("[a-c]", "d"), ("a", "ab")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
