//! The demo's SQLite file: made with the pipeline's own tables, read at the end.

use std::path::{Path, PathBuf};

use argus_base::{Error, Result};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::output::table;

/// The pipeline's tables.
const TABLES: &str = include_str!("../../pipelines/streampulse/sqlite.sql");

/// What is shown at the end: a heading and a query.
const RESULTS: [(&str, &str); 5] = [
    (
        "Downloads by title",
        "SELECT title, SUM(download_count) AS downloads, SUM(successful_downloads) AS successful,
           SUM(failed_downloads) AS failed, ROUND(SUM(total_size_gb), 2) AS gb
         FROM content_stats GROUP BY title ORDER BY 2 DESC",
    ),
    (
        "Regions in the newest minute",
        "SELECT region, total_downloads AS downloads, success_rate, avg_speed_mbps,
           CASE WHEN success_rate >= 0.95 THEN 'healthy' WHEN success_rate >= 0.90 THEN 'degraded'
             ELSE 'critical' END AS health
         FROM region_health WHERE window_start = (SELECT MAX(window_start) FROM region_health)
         ORDER BY 2 DESC",
    ),
    (
        "Devices",
        "SELECT device, os_version, SUM(total_downloads) AS downloads,
           ROUND(AVG(avg_speed_mbps), 2) AS avg_speed_mbps
         FROM device_stats GROUP BY device, os_version ORDER BY 3 DESC",
    ),
    (
        "Newest alerts",
        "SELECT window_start, severity, message, metric_value FROM alerts
         ORDER BY window_start DESC, severity, region LIMIT 5",
    ),
    (
        "Logged events",
        "SELECT status, error_code, COUNT(*) AS events FROM event_log
         GROUP BY 1, 2 ORDER BY 3 DESC",
    ),
];

/// A SQLite file with the pipeline's tables.
pub struct Database {
    path: PathBuf,
    connection: Connection,
}

impl Database {
    /// Opens the file, new or not, and makes the tables that are missing.
    pub fn open(path: &Path) -> Result<Database> {
        let connection = Connection::open(path).map_err(|error| failed(&error, "open"))?;
        connection.execute_batch(TABLES).map_err(|error| failed(&error, "make the tables of"))?;
        Ok(Database { path: path.to_owned(), connection })
    }

    /// For a jdbc table.
    pub fn url(&self) -> String {
        format!("jdbc:sqlite:{}", self.path.display())
    }

    /// Sum of all counted downloads, and the number of minutes they lie in.
    pub fn counted(&self) -> Result<(u64, u64)> {
        let query = "SELECT COALESCE(SUM(download_count), 0), COUNT(DISTINCT window_start)
                     FROM content_stats";
        let row = self.connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let (downloads, minutes): (i64, i64) = row.map_err(|error| failed(&error, "read"))?;
        Ok((downloads.unsigned_abs(), minutes.unsigned_abs()))
    }

    /// Everything that was computed, as tables.
    pub fn results(&self) -> Result<String> {
        let mut out = String::new();
        for (heading, query) in RESULTS {
            out.push_str(&format!("\n{heading}\n"));
            self.result(&mut out, query).map_err(|error| failed(&error, "read"))?;
        }
        Ok(out)
    }

    fn result(&self, out: &mut String, query: &str) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(query)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = Vec::new();
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let cells = (0..names.len()).map(|index| Ok(shown(row.get_ref(index)?)));
            rows.push(cells.collect::<rusqlite::Result<Vec<String>>>()?);
        }
        table::write_rows(out, &names, &rows);
        Ok(())
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn failed(error: &rusqlite::Error, doing: &str) -> Error {
    Error::user("AR6002", error.to_string()).context(format!("{doing} the demo's database"))
}
