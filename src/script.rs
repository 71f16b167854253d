//! A script and what goes before it, on its way through a session: text → steps.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

use argus_connectors::registry::Connectors;
use argus_plan::JobGraph;
use argus_sql::diagnostic::{Diagnostic, DiagnosticKind};
use argus_sql::session::{Session, SessionOptions, Step};

use crate::cli::ScriptArguments;
use crate::failure::{Failure, UNSUPPORTED, WRONG};
use crate::jobs;
use crate::zone::system_zone;

/// A script, and what was given outside of it.
pub struct Script {
    /// As messages call it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Values of `${…}`; `None` takes the environment's.
    pub variables: Option<BTreeMap<String, String>>,
    /// Settings that go before SET.
    pub settings: BTreeMap<String, String>,
    /// Options that go before WITH, by table.
    pub tables: BTreeMap<String, BTreeMap<String, String>>,
}

impl Script {
    /// A script with nothing before it.
    pub fn new(name: &str, text: &str) -> Script {
        Script {
            name: name.to_owned(),
            text: text.to_owned(),
            variables: None,
            settings: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }

    /// Reads the file that the arguments name.
    pub fn read(arguments: &ScriptArguments) -> Result<Script, Failure> {
        let path = &arguments.file;
        let cannot = |why: String| {
            Failure::Arguments(format!("the script {} cannot be read: {why}", path.display()))
        };
        let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8".to_owned()))?;
        let mut script = Script::new(&path.display().to_string(), &text);
        script.settings.extend(arguments.settings.iter().cloned());
        if let Some(parallelism) = arguments.parallelism {
            for key in ["parallelism.default", "table.exec.resource.default-parallelism"] {
                script.settings.insert(key.to_owned(), parallelism.to_string());
            }
        }
        for option in &arguments.tables {
            script.override_table(&option.table, &option.option, &option.value);
        }
        Ok(script)
    }

    /// Sets an option that goes before the table's WITH.
    pub fn override_table(&mut self, table: &str, option: &str, value: &str) {
        let options = self.tables.entry(table.to_owned()).or_default();
        options.insert(option.to_owned(), value.to_owned());
    }

    /// Plans the script: what to print and which jobs to run, in order.
    pub fn steps(&self) -> Result<Vec<Step>, Failure> {
        self.plan(|_, steps| steps)
    }

    /// The plans of the script's jobs as text.
    pub fn plans(&self) -> Result<Vec<String>, Failure> {
        self.plan(|session, steps| {
            let plan = |step: &Step| match step {
                Step::Job(job) => Some(session.explain(&job.graph)),
                Step::Rows(_) => None,
            };
            steps.iter().filter_map(plan).collect()
        })
    }

    fn plan<T>(&self, take: impl FnOnce(&Session<'_>, Vec<Step>) -> T) -> Result<T, Failure> {
        let connectors = Connectors::new();
        let variable = |name: &str| self.variable(name);
        let options = SessionOptions {
            connectors: &connectors,
            variables: &variable,
            settings: self.settings.clone(),
            overrides: self.tables.clone(),
            time_zone: system_zone(),
            job_name: self.default_job_name(),
        };
        let mut session = Session::new(options).map_err(|wrong| self.refused(&wrong))?;
        let mut steps = session.run_script(&self.text).map_err(|wrong| self.refused(&wrong))?;
        jobs::settle(&mut steps);
        if let Some(table) = session.unknown_overrides().first() {
            return Err(Failure::Arguments(format!(
                "--table names '{table}', and the script has no such table"
            )));
        }
        Ok(take(&session, steps))
    }

    /// The job of a script that is known to have one.
    pub fn one_job(&self) -> Result<JobGraph, Failure> {
        let jobs = self.steps()?.into_iter().filter_map(|step| match step {
            Step::Job(job) => Some(job.graph),
            Step::Rows(_) => None,
        });
        let none = || Failure::Arguments(format!("{} has no job", self.name));
        jobs.last().ok_or_else(none)
    }

    fn refused(&self, diagnostic: &Diagnostic) -> Failure {
        let is_terminal = std::io::stderr().is_terminal();
        Failure::Script {
            rendered: diagnostic.render(&self.name, &self.text, is_terminal),
            exit_code: match diagnostic.kind {
                DiagnosticKind::Wrong => WRONG,
                DiagnosticKind::Unsupported => UNSUPPORTED,
            },
        }
    }

    /// What a job is called where the script does not say: the file's name without its extension.
    fn default_job_name(&self) -> String {
        let stem = Path::new(&self.name).file_stem().and_then(|stem| stem.to_str());
        stem.unwrap_or("argus").to_owned()
    }

    fn variable(&self, name: &str) -> Option<String> {
        match &self.variables {
            Some(variables) => variables.get(name).cloned(),
            None => std::env::var(name).ok(),
        }
    }
}
