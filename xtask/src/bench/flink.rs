//! The same SQL on Flink: a session cluster with the SQL Gateway, one TaskManager. Rows are those
//! that the source has read, CPU that of the TaskManager's process.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::argus::Variables;
use super::http::{ask, get};
use super::measure::{Figures, Span, measure};
use super::server::Server;
use crate::tree;

/// A running cluster.
pub struct Flink {
    server: Server,
}

/// A script with `${NAME}` and `${NAME:default}` filled in.
pub fn fill_in(script: &str, variables: &Variables) -> Result<String> {
    let text = std::fs::read_to_string(tree::root().join(script))?;
    let mut parts = text.split("${");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inner, rest) = part.split_once('}').context("a variable without its end")?;
        let (name, default) = match inner.split_once(':') {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let value = variables.get(name).map(String::as_str).or(default);
        out.push_str(value.with_context(|| format!("{script}: no value for {name}"))?);
        out.push_str(rest);
    }
    Ok(out)
}

/// The statements of a script: they end with `;` at the end of a line, a statement set with `END;`.
fn statements(script: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    for line in script.lines().filter(|line| !line.trim_start().starts_with("--")) {
        let Some(statement) = statements.last_mut() else { continue };
        statement.push_str(line);
        statement.push('\n');
        let is_set = statement.trim_start().starts_with("EXECUTE STATEMENT SET");
        let ends = line.trim_end().ends_with(';') && (!is_set || line.trim() == "END;");
        if ends {
            statements.push(String::new());
        }
    }
    statements.retain(|statement| !statement.trim().is_empty());
    statements
}

impl Flink {
    /// Starts a cluster that compiles as well as it can.
    pub fn start() -> Result<Flink> {
        let arguments =
            ["--full-speed", "--slots", "1", "--set", "metrics.fetcher.update-interval=500"];
        Ok(Flink { server: Server::start("flink", &arguments)? })
    }

    /// Measures the job of a script that reads this many rows, and cancels it.
    pub fn run(&self, script: &str, n_rows: u64, span: &Span) -> Result<Figures> {
        eprintln!("bench: the same on Flink");
        let job = self.submit(script)?;
        let figures = measure(self.process_id()?, n_rows, span, || self.n_read(&job));
        ask("PATCH", self.server.variable("REST")?, &format!("/jobs/{job}?mode=cancel"), "")?;
        let exception = if figures.is_err() { self.exception(&job) } else { String::new() };
        figures.context(exception)
    }

    /// Runs the statements of a script in a session; the id of the job that the last one began.
    fn submit(&self, script: &str) -> Result<String> {
        let gateway = self.server.variable("SQL_GATEWAY")?;
        let opened: Value = serde_json::from_str(&ask("POST", gateway, "/v1/sessions", "{}")?)?;
        let session = text(&opened["sessionHandle"])?;
        let mut job = None;
        for statement in statements(script) {
            let body = json!({ "statement": statement.trim().trim_end_matches(';') }).to_string();
            let path = format!("/v1/sessions/{session}/statements");
            let begun: Value = serde_json::from_str(&ask("POST", gateway, &path, &body)?)?;
            let operation = text(&begun["operationHandle"])?;
            job = wait_result(gateway, &session, &operation)?;
        }
        job.context("the last statement began no job")
    }

    fn process_id(&self) -> Result<u32> {
        let file = format!("{}/run/taskmanager.pid", self.server.variable("DIR")?);
        let text = std::fs::read_to_string(file)?;
        Ok(text.split_whitespace().next().context("a process id")?.parse()?)
    }

    /// Rows that the source has read.
    fn n_read(&self, job: &str) -> Result<f64> {
        let rest = self.server.variable("REST")?;
        let details: Value = serde_json::from_str(&get(rest, &format!("/jobs/{job}"))?)?;
        let state = text(&details["state"])?;
        if !matches!(state.as_str(), "CREATED" | "RUNNING" | "INITIALIZING") {
            bail!("the job is {state}: {}", self.exception(job));
        }
        let mut n_read = 0.0;
        for vertex in details["vertices"].as_array().into_iter().flatten() {
            let path = format!("/jobs/{job}/vertices/{}/subtasks/metrics", text(&vertex["id"])?);
            let known: Value = serde_json::from_str(&get(rest, &path)?)?;
            let names = known.as_array().into_iter().flatten().filter_map(|m| m["id"].as_str());
            let is_source =
                |name: &&str| name.starts_with("Source__") && name.ends_with(".numRecordsIn");
            let Some(name) = names.into_iter().find(is_source) else { continue };
            let name = name.replace('[', "%5B").replace(']', "%5D");
            let found: Value = serde_json::from_str(&get(rest, &format!("{path}?get={name}"))?)?;
            n_read += found[0]["sum"].as_f64().unwrap_or(0.0);
        }
        Ok(n_read)
    }

    fn exception(&self, job: &str) -> String {
        let path = format!("/jobs/{job}/exceptions");
        let page = self.server.variable("REST").and_then(|rest| get(rest, &path));
        page.unwrap_or_else(|error| format!("{error:#}"))
    }
}

/// Waits for a statement; the id of the job it began, if it did.
fn wait_result(gateway: &str, session: &str, operation: &str) -> Result<Option<String>> {
    let path = format!("/v1/sessions/{session}/operations/{operation}");
    loop {
        let status = get(gateway, &format!("{path}/status"))?;
        let status: Value = serde_json::from_str(&status)?;
        match status["status"].as_str() {
            Some("FINISHED") => break,
            Some("RUNNING" | "PENDING" | "INITIALIZED") => {}
            _ => {
                let reason = get(gateway, &format!("{path}/result/0"));
                bail!("Flink refused a statement: {status}: {reason:?}");
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let result: Value = serde_json::from_str(&get(gateway, &format!("{path}/result/0"))?)?;
    Ok(result["jobID"].as_str().map(str::to_owned))
}

fn text(value: &Value) -> Result<String> {
    let text = value.as_str().with_context(|| format!("expected a text, not {value}"))?;
    ensure!(!text.is_empty(), "an empty text");
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_filled_in_and_split() {
        let script = "-- a\nSET 'a' = 'b';\nEXECUTE STATEMENT SET BEGIN\nINSERT 1;\nEND;\n\nX;";
        let split = statements(script);
        let trimmed: Vec<&str> = split.iter().map(|statement| statement.trim()).collect();
        let set = "EXECUTE STATEMENT SET BEGIN\nINSERT 1;\nEND;";
        assert_eq!(trimmed, ["SET 'a' = 'b';", set, "X;"]);
        let variables = Variables::from([("PG_PASSWORD", "p".to_owned())]);
        let filled = fill_in("pipelines/streampulse/job.sql", &variables).unwrap();
        assert!(filled.contains("'password' = 'p'") && !filled.contains("${"));
    }
}
