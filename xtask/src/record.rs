//! Records what a real Flink answers to the SQL cases.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tree;

/// Records these cases, or all.
pub fn run(cases: &[String]) -> Result<()> {
    let root = tree::root();
    let mut command = Command::new(root.join("xtask/flink/record"));
    if cases.is_empty() {
        let is_case = |path: &str| path.starts_with("tests/sql/") && path.ends_with(".sql");
        let files = tree::text_files()?;
        let all = files.iter().map(|file| &file.path).filter(|path| is_case(path));
        command.args(all).current_dir(&root);
    } else {
        command.args(cases);
    }
    let status = command.status().context("run xtask/flink/record")?;
    ensure!(status.success(), "xtask/flink/record failed");
    Ok(())
}
