//! The demo runs to its end and its numbers agree; it checks them itself.

#[allow(dead_code, reason = "each file of tests uses a part")]
mod process;

use process::argus;

#[test]
fn the_demo_computes_what_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("demo.db");
    let done = argus(&["demo", "--minutes", "4", "--database", database.to_str().unwrap()]);
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    for word in ["Downloads by title", "Avengers 2", "24,000 downloads written, 24,000 read"] {
        assert!(done.stdout.contains(word), "{word}\n{}", done.stdout);
    }
}
