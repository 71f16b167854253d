//! Reference pages: the index of errors, and the options as they are declared.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tree::{self, TextFile};

const ERRORS_HEAD: &str = "\
# Errors

Every message of Argus has a code. 1xxx: the script or the arguments are wrong (exit code \
2). 2xxx: Flink runs it, Argus does not
yet (exit code 3). 3xxx and above: something went wrong while a job started or ran. The exit \
code is then 1 unless the page says otherwise:
4 where another worker has taken the job over, 5 where something that is stored is missing or \
cannot be read.

| code | meaning |
|---|---|
";

/// Code and page of each error, in order.
pub fn error_pages(files: &[TextFile]) -> impl Iterator<Item = (&str, &TextFile)> {
    files.iter().filter_map(|file| {
        let name = file.path.strip_prefix("docs/error/")?;
        let code = name.strip_suffix(".md")?;
        code.starts_with("AR").then_some((code, file))
    })
}

/// The text of `docs/error/README.md`.
pub fn errors_page(files: &[TextFile]) -> String {
    let mut page = ERRORS_HEAD.to_owned();
    for (code, file) in error_pages(files) {
        let title = file.text.lines().next().unwrap_or_default();
        let meaning = title.split_once(": ").map_or(title, |(_, meaning)| meaning);
        page.push_str(&format!("| [{code}]({code}.md) | {meaning} |\n"));
    }
    page
}

/// Writes `docs/error/README.md`.
pub fn write_errors() -> Result<()> {
    tree::write("docs/error/README.md", &errors_page(&tree::text_files()?))
}

/// Writes `docs/options.md`, which the binary prints from its declarations.
pub fn write_options() -> Result<()> {
    let output = Command::new("cargo")
        .args(["run", "--quiet", "--bin", "argus", "--", "options", "--markdown"])
        .current_dir(tree::root())
        .output()
        .context("run argus options")?;
    ensure!(output.status.success(), "argus options failed");
    tree::write("docs/options.md", std::str::from_utf8(&output.stdout)?)
}
