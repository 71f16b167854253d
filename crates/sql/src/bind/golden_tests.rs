//! Golden plans: `golden/*.sql` and what EXPLAIN says of each, in `.plan` beside it.
//!
//! `ARGUS_BLESS=1 cargo test -p argus-sql golden` writes the plans anew; review the difference like
//! code. A changed id of an operator means that its state is lost in an upgrade.

use std::fs;
use std::path::{Path, PathBuf};

use crate::test_catalog::plan;

#[test]
fn golden_plans() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let tables = fs::read_to_string(folder.join("tables.sql")).expect("the tables are there");
    let is_bless = std::env::var_os("ARGUS_BLESS").is_some();
    let mut differ = Vec::new();
    for script in scripts(&folder) {
        let query = fs::read_to_string(&script).expect("listed files can be read");
        let shown = plan(&format!("{tables}{query}"));
        let golden = script.with_extension("plan");
        if is_bless {
            fs::write(&golden, &shown).expect("the folder can be written");
        } else if fs::read_to_string(&golden).ok().as_deref() != Some(shown.as_str()) {
            differ.push(format!("{}\n{shown}", script.display()));
        }
    }
    assert!(differ.is_empty(), "plans differ; ARGUS_BLESS=1 writes them\n{}", differ.join("\n"));
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
    let is_script = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "sql") && !path.ends_with("tables.sql")
    };
    let mut scripts: Vec<PathBuf> = paths.filter(is_script).collect();
    scripts.sort();
    scripts
}
