//! GROUP BY without a window into tables of a database: rows are updated and deleted by key.

use std::process::Command;

const SCRIPT: &str = "
CREATE TABLE counts (k STRING, n BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:out.db', 'table-name' = 'counts');
CREATE TABLE rare (k STRING, n BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:out.db', 'table-name' = 'rare');
CREATE TABLE pairs (k STRING, n BIGINT, PRIMARY KEY (k, n) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:out.db', 'table-name' = 'pairs');
CREATE TABLE total (n BIGINT, least STRING, PRIMARY KEY (least) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:out.db', 'table-name' = 'total');
CREATE VIEW words AS SELECT k FROM (VALUES ('c'), ('a'), ('b'), ('a'), ('c'), ('a')) AS t (k);
CREATE VIEW counted AS SELECT k, COUNT(*) AS n FROM words GROUP BY k;
INSERT INTO counts SELECT k, n FROM counted;
INSERT INTO rare SELECT k, n FROM counted WHERE n < 3;
INSERT INTO pairs SELECT k, n FROM counted;
INSERT INTO total SELECT COUNT(*), 'all' FROM words;
";

#[test]
fn tables_hold_what_the_changelog_ends_in() {
    for parallelism in ["1", "3"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("script.sql"), SCRIPT).unwrap();
        let database = rusqlite::Connection::open(folder.path().join("out.db")).unwrap();
        let tables = "CREATE TABLE counts (k TEXT PRIMARY KEY, n BIGINT);
                      CREATE TABLE rare (k TEXT PRIMARY KEY, n BIGINT);
                      CREATE TABLE pairs (k TEXT, n BIGINT, PRIMARY KEY (k, n));
                      CREATE TABLE total (n BIGINT, least TEXT PRIMARY KEY);";
        database.execute_batch(tables).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_argus"))
            .args(["run", "script.sql", "--parallelism", parallelism])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rows = |query: &str| {
            let mut statement = database.prepare(query).unwrap();
            let row = |row: &rusqlite::Row<'_>| {
                let (key, n): (String, i64) = (row.get(0)?, row.get(1)?);
                Ok(format!("{key} {n}"))
            };
            statement.query_map([], row).unwrap().map(Result::unwrap).collect::<Vec<String>>()
        };
        assert_eq!(rows("SELECT k, n FROM counts ORDER BY k"), ["a 3", "b 1", "c 2"]);
        assert_eq!(rows("SELECT k, n FROM rare ORDER BY k"), ["b 1", "c 2"], "a has left");
        assert_eq!(rows("SELECT k, n FROM pairs ORDER BY k"), ["a 3", "b 1", "c 2"]);
        assert_eq!(rows("SELECT least, n FROM total"), ["all 6"]);
    }
}
