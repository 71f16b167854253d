//! The files of the project, as git knows them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// A text file: its path below the root, and what stands in it.
pub struct TextFile {
    /// With `/`, below the root.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// Every text file that is, or could be, committed, in order of path.
pub fn text_files() -> Result<Vec<TextFile>> {
    let root = root();
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .context("run git ls-files")?;
    ensure!(output.status.success(), "git ls-files failed");
    let mut paths: Vec<&str> = std::str::from_utf8(&output.stdout)?.split('\0').collect();
    paths.retain(|path| !path.is_empty());
    paths.sort_unstable();
    paths.dedup();
    let read = paths.into_iter().filter_map(|path| {
        // What is deleted but not yet committed, and what is no text, has no rules.
        let text = std::fs::read_to_string(root.join(path)).ok()?;
        Some(TextFile { path: path.to_owned(), text })
    });
    Ok(read.collect())
}

/// Writes a file below the root, if it is not already so.
pub fn write(path: &str, text: &str) -> Result<()> {
    let full = root().join(path);
    if std::fs::read_to_string(&full).is_ok_and(|old| old == text) {
        println!("{path} is up to date");
        return Ok(());
    }
    std::fs::write(&full, text).with_context(|| format!("write {path}"))?;
    println!("{path} is written");
    Ok(())
}
