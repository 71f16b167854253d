//! The house rules as a test.
//!
//! What already breaks a limit is allowed in `xtask/tidy-ratchet.txt`, at the size it has: it may
//! shrink, and then the line must follow, but never grow.

mod function;
mod mask;
mod rust;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use crate::tree::{self, TextFile};
use crate::{compat, reference};

const RATCHET: &str = "xtask/tidy-ratchet.txt";
const RATCHET_HEAD: &str = "\
# What is over a limit of `cargo xtask tidy`, and how far: RULE WHAT MEASURED. Numbers only go down;
# `cargo xtask tidy --ratchet` lowers them.
";
/// Most packages in Cargo.lock.
const MAX_PACKAGES: usize = 400;
/// Places of one machine, which mean nothing on another.
const MACHINE_PATHS: [&str; 3] =
    [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("../sha", "red")];

/// What the rules have to say.
#[derive(Default)]
struct Found {
    errors: Vec<String>,
    excesses: Vec<Excess>,
    /// Error codes in code that ships.
    codes: BTreeSet<String>,
}

/// Something over a limit.
struct Excess {
    /// Rule and place: `function-lines src/a.rs::f`.
    key: String,
    measured: usize,
    limit: usize,
}

impl Found {
    fn error(&mut self, path: &str, line: usize, message: &str) {
        self.errors.push(format!("{path}:{line}: {message}"));
    }
}

/// Checks everything; with `lowers`, takes out of the ratchet what is no longer needed.
pub fn run(lowers: bool) -> Result<()> {
    let files = tree::text_files()?;
    let mut found = Found::default();
    for file in &files {
        check_text(file, &mut found);
        if file.path.ends_with(".rs") {
            rust::check(file, &mut found);
        }
    }
    check_pages(&files, &mut found);
    check_packages(&files, &mut found);
    check_generated(&files, &mut found)?;
    check_ratchet(&files, lowers, &mut found)?;
    for error in &found.errors {
        eprintln!("tidy: {error}");
    }
    match found.errors.len() {
        0 => println!("tidy: {} files are tidy", files.len()),
        n => bail!("{n} house rules are broken"),
    }
    Ok(())
}

fn check_text(file: &TextFile, found: &mut Found) {
    for (index, line) in file.text.lines().enumerate() {
        let place = MACHINE_PATHS.iter().find(|path| has_path(line, path));
        if let Some(place) = place {
            let message = format!("'{place}' is a place of one machine");
            found.error(&file.path, index + 1, &message);
        }
    }
}

/// Whether the line names that folder, and not one of the same name below another.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '}' | '.'))
    })
}

fn check_pages(files: &[TextFile], found: &mut Found) {
    let pages: BTreeMap<&str, &TextFile> = reference::error_pages(files).collect();
    let codes = std::mem::take(&mut found.codes);
    for code in &codes {
        if !pages.contains_key(code.as_str()) {
            found.error(
                &format!("docs/error/{code}.md"),
                1,
                "the code is used, the page is missing",
            );
        }
    }
    for (code, page) in pages {
        if !codes.contains(code) {
            found.error(&page.path, 1, "no code uses the error of this page");
        }
        if !page.text.starts_with(&format!("# {code}: ")) {
            found.error(&page.path, 1, &format!("the first line is `# {code}: what it means`"));
        }
    }
}

fn check_packages(files: &[TextFile], found: &mut Found) {
    let Some(lock) = files.iter().find(|file| file.path == "Cargo.lock") else { return };
    let n_packages = lock.text.lines().filter(|line| *line == "[[package]]").count();
    if n_packages > MAX_PACKAGES {
        let message = format!("{n_packages} packages, at most {MAX_PACKAGES}");
        found.error(&lock.path, 1, &message);
    }
}

fn check_generated(files: &[TextFile], found: &mut Found) -> Result<()> {
    let generated = [
        ("COMPAT.md", compat::page(files)?, "compat"),
        ("docs/error/README.md", reference::errors_page(files), "errors"),
    ];
    for (path, text, command) in generated {
        let committed = files.iter().find(|file| file.path == path);
        if committed.is_none_or(|file| file.text != text) {
            found.error(path, 1, &format!("out of date: run `cargo xtask {command}`"));
        }
    }
    Ok(())
}

fn check_ratchet(files: &[TextFile], lowers: bool, found: &mut Found) -> Result<()> {
    let text = files.iter().find(|file| file.path == RATCHET).map_or("", |file| &file.text);
    let mut allowed = parse_ratchet(text)?;
    let excesses = std::mem::take(&mut found.excesses);
    let mut kept = BTreeMap::new();
    for Excess { key, measured, limit } in excesses {
        match allowed.remove(&key) {
            None => found.errors.push(format!("{key}: {measured}, at most {limit}")),
            Some(most) if measured > most => {
                found
                    .errors
                    .push(format!("{key}: {measured}, grown from {most}; the limit is {limit}"));
            }
            Some(most) => {
                if measured < most && !lowers {
                    found.errors.push(format!(
                        "{key}: {measured} instead of {most}, well done: lower {RATCHET}"
                    ));
                }
                kept.insert(key, measured.min(most));
            }
        }
    }
    if lowers {
        let lines: String = kept.iter().map(|(key, most)| format!("{key} {most}\n")).collect();
        return tree::write(RATCHET, &format!("{RATCHET_HEAD}{lines}"));
    }
    for key in allowed.keys() {
        found
            .errors
            .push(format!("{key}: within the limit now, well done: take it out of {RATCHET}"));
    }
    Ok(())
}

fn parse_ratchet(text: &str) -> Result<BTreeMap<String, usize>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let (key, most) = line.rsplit_once(' ').context("RULE WHAT MEASURED")?;
        let most = most.parse().with_context(|| format!("read '{line}' of {RATCHET}"))?;
        Ok((key.to_owned(), most))
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_paths_are_whole_folders() {
        let root = MACHINE_PATHS[0];
        assert!(has_path(&format!("cd {root}x"), root));
        assert!(!has_path(&format!("cd /mnt{root}x"), root));
        assert!(!has_path(&format!("${{HOME}}{root}x"), root));
    }
}
