//! A session: statements in order → steps for the caller to carry out.
//!
//! A script is planned as a whole before any of its jobs runs: every statement is parsed, then
//! bound in order. Planning reads no data, so a wrong last line stops the script before its first
//! job has started, and a refused script leaves the session as it was.
//!
//! Consecutive INSERT statements, in a statement set or not, are one job; DDL, SHOW and the like
//! may stand between them. The job ends before a query, before the end of the script, and with
//! `table.dml-sync` = `true` after each INSERT.

mod inserts;

use std::cell::RefCell;
use std::collections::BTreeMap;

use argus_base::Field;
use argus_base::connector::ConnectorCatalog;
use argus_base::option::OptionError;
use argus_plan::{JobGraph, JobSettings, Operator, Span, explain};

use crate::Diagnostic;
use crate::bind::{self, Context, code};
use crate::catalog::{Catalog, DEFAULT_CATALOG, DEFAULT_DATABASE, Object};
use crate::ddl;
use crate::diagnostic::DiagnosticKind;
use crate::parse::parse_script;
use crate::script::Source;
use crate::script::hidden::Hidden;
use crate::show::{Cell, Rows, create, describe, list};
use crate::statement::{
    Drop, Explain, ExplainTarget, NamePattern, Path, Query, Setting, Statement, StatementKind, Use,
};
use inserts::Inserts;

/// What a session is made of besides its statements.
pub struct SessionOptions<'a> {
    /// Declarations of connectors and formats.
    pub connectors: &'a dyn ConnectorCatalog,
    /// Values of `${NAME}`, usually of the environment.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
    /// Settings of the command line; they go before those of the script.
    pub settings: BTreeMap<String, String>,
    /// Table options of the command line by table name; they go before WITH and hints.
    pub overrides: BTreeMap<String, BTreeMap<String, String>>,
    /// The system's time zone, an IANA name.
    pub time_zone: String,
    /// Name of jobs where the script sets none.
    pub job_name: String,
}

/// One thing to do, in order.
#[derive(Debug)]
pub enum Step {
    /// Print these rows.
    Rows(Rows),
    /// Run this job to its end.
    Job(Box<Job>),
}

/// A job of the script.
#[derive(Debug)]
pub struct Job {
    /// What it computes.
    pub graph: JobGraph,
    /// Whether it writes tables or hands rows to the client.
    pub kind: JobKind,
    /// Whether its sources end by themselves.
    pub is_bounded: bool,
}

/// What becomes of a job's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Written to tables.
    Insert,
    /// Handed to the client.
    Select {
        /// Names and types of the rows.
        columns: Vec<Field>,
    },
}

/// Tables, views and settings, and how statements change them.
pub struct Session<'a> {
    options: SessionOptions<'a>,
    state: State,
}

/// What a script changes; replaced only when the whole script is fine.
#[derive(Clone, Default)]
struct State {
    catalog: Catalog,
    /// What SET statements said.
    settings: BTreeMap<String, String>,
    /// Values that went into scripts.
    hidden: Hidden,
}

impl<'a> Session<'a> {
    /// A session without tables.
    ///
    /// Fails where a setting of the command line is wrong.
    pub fn new(options: SessionOptions<'a>) -> Result<Session<'a>, Diagnostic> {
        let session = Session { options, state: State::default() };
        session
            .options
            .check_settings(&BTreeMap::new())
            .map_err(|error| setting_error(&error, None))?;
        Ok(session)
    }

    /// Plans a script: what to print and which jobs to run, in order. On an error nothing of the
    /// script counts. Spans of the error are offsets into `text`.
    pub fn run_script(&mut self, text: &str) -> Result<Vec<Step>, Diagnostic> {
        let mut run = Run {
            options: &self.options,
            state: self.state.clone(),
            inserts: Inserts::default(),
            steps: Vec::new(),
        };
        match run.script(text) {
            Ok(()) => {
                self.state = run.state;
                Ok(run.steps)
            }
            Err(error) => Err(run.state.hidden_in(error)),
        }
    }

    /// The tables and views there are now.
    pub fn catalog(&self) -> &Catalog {
        &self.state.catalog
    }

    /// The plan of a job of this session, without values of variables.
    pub fn explain(&self, graph: &JobGraph) -> String {
        self.state.hidden.hide(&explain::explain(graph))
    }

    /// Tables of the command line's overrides that do not exist.
    pub fn unknown_overrides(&self) -> Vec<&str> {
        let is_unknown = |name: &&str| self.state.catalog.get(name).is_none();
        self.options.overrides.keys().map(String::as_str).filter(is_unknown).collect()
    }
}

impl State {
    /// The diagnostic without values of variables.
    fn hidden_in(&self, mut error: Diagnostic) -> Diagnostic {
        error.message = self.hidden.hide(&error.message);
        error.help = error.help.map(|help| self.hidden.hide(&help));
        error
    }
}

impl SessionOptions<'_> {
    /// The settings of a job: the command line's before the script's.
    fn check_settings(
        &self,
        written: &BTreeMap<String, String>,
    ) -> Result<JobSettings, OptionError> {
        let mut all = written.clone();
        all.extend(self.settings.clone());
        JobSettings::check(&all, &self.job_name, &self.time_zone)
    }
}

/// One script on its way to steps.
struct Run<'a> {
    options: &'a SessionOptions<'a>,
    state: State,
    inserts: Inserts,
    steps: Vec<Step>,
}

impl Run<'_> {
    fn script(&mut self, text: &str) -> Result<(), Diagnostic> {
        let source: Source = text.into();
        let hidden = RefCell::new(std::mem::take(&mut self.state.hidden));
        let variables = |name: &str| {
            let value = (self.options.variables)(name)?;
            hidden.borrow_mut().note(name, &value);
            Some(value)
        };
        let statements = parse_script(&source, &variables);
        self.state.hidden = hidden.into_inner();
        for statement in statements? {
            self.statement(statement)?;
        }
        self.finish(text)
    }

    fn statement(&mut self, statement: Statement) -> Result<(), Diagnostic> {
        self.inserts.check_in_set(&statement)?;
        match statement.kind {
            StatementKind::CreateTable(create) => {
                let table = self.with_context(|context| ddl::create_table(context, &create))?;
                self.put(table.map(|table| Object::Table(Box::new(table))), create.is_temporary);
            }
            StatementKind::CreateView(create) => {
                let view = self.with_context(|context| ddl::create_view(context, &create))?;
                self.put(view.map(Object::View), create.is_temporary);
            }
            StatementKind::Drop(drop) => self.drop_object(&drop)?,
            StatementKind::Set(setting) => self.set(setting)?,
            StatementKind::ShowSettings => {
                let hide = |value: &str| self.state.hidden.hide(value);
                self.steps.push(Step::Rows(list::settings(&self.state.settings, hide)));
            }
            StatementKind::Reset(key) => self.reset(key, statement.span),
            StatementKind::Use(target) => check_use(&target)?,
            StatementKind::Insert(insert) => self.insert(vec![*insert])?,
            StatementKind::StatementSet(inserts) => self.insert(inserts)?,
            StatementKind::BeginStatementSet => self.inserts.begin_set(),
            StatementKind::EndStatementSet => {
                self.inserts.end_set(statement.span)?;
                self.flush_if_sync()?;
            }
            StatementKind::Query(query) => self.select(&query)?,
            StatementKind::Explain(explain) => self.explain(&explain)?,
            StatementKind::Describe(path) => self.describe(&path, None)?,
            StatementKind::ShowColumns { path, like } => self.describe(&path, like.as_ref())?,
            StatementKind::Show(show) => {
                self.steps.push(Step::Rows(list::show(&show, &self.state.catalog)?));
            }
            StatementKind::ShowCreate { is_view, path } => self.show_create(is_view, &path)?,
            StatementKind::Unsupported(diagnostic) => return Err(diagnostic),
        }
        Ok(())
    }

    /// The last job; an open statement set is an error.
    fn finish(&mut self, text: &str) -> Result<(), Diagnostic> {
        let end = u32::try_from(text.trim_end().len()).unwrap_or(u32::MAX);
        self.inserts.check_closed(Span { start: end, end })?;
        self.flush().map(|_| ())
    }

    fn with_context<T>(
        &self,
        work: impl FnOnce(&Context<'_>) -> Result<T, Diagnostic>,
    ) -> Result<T, Diagnostic> {
        let settings = self.settings()?;
        work(&Context {
            catalog: &self.state.catalog,
            connectors: self.options.connectors,
            settings: &settings,
            overrides: &self.options.overrides,
        })
    }

    /// Every SET was checked when it was made.
    fn settings(&self) -> Result<JobSettings, Diagnostic> {
        let checked = self.options.check_settings(&self.state.settings);
        checked.map_err(|error| setting_error(&error, None))
    }

    fn put(&mut self, object: Option<Object>, is_temporary: bool) {
        if let Some(object) = object {
            self.inserts.note_change(object.name());
            self.state.catalog.put(object, is_temporary);
        }
    }

    fn drop_object(&mut self, drop: &Drop) -> Result<(), Diagnostic> {
        if ddl::drop_object(&mut self.state.catalog, drop)? {
            self.inserts.note_change(&drop.path.name);
        }
        Ok(())
    }

    fn set(&mut self, setting: Setting) -> Result<(), Diagnostic> {
        let Setting { key, key_span, value } = setting;
        if self.state.settings.get(&key) == Some(&value.value) {
            return Ok(());
        }
        let mut settings = self.state.settings.clone();
        settings.insert(key.clone(), value.value);
        if let Err(error) = self.options.check_settings(&settings) {
            let is_value = matches!(error, OptionError::BadValue { .. });
            return Err(setting_error(&error, Some(if is_value { value.span } else { key_span })));
        }
        self.inserts.note_setting(&key, key_span);
        self.state.settings = settings;
        Ok(())
    }

    fn reset(&mut self, key: Option<String>, span: Span) {
        match key {
            Some(key) => {
                if self.state.settings.remove(&key).is_some() {
                    self.inserts.note_setting(&key, span);
                }
            }
            None => {
                for key in std::mem::take(&mut self.state.settings).into_keys() {
                    self.inserts.note_setting(&key, span);
                }
            }
        }
    }

    fn insert(&mut self, inserts: Vec<crate::statement::Insert>) -> Result<(), Diagnostic> {
        for insert in inserts {
            // Bound by itself first, so an error is found where the statement stands.
            self.with_context(|context| {
                bind::bind_inserts(context, std::slice::from_ref(&insert))
            })?;
            self.inserts.add(insert, &self.state.catalog, self.settings()?)?;
        }
        self.flush_if_sync()
    }

    fn flush_if_sync(&mut self) -> Result<(), Diagnostic> {
        let is_sync = self.settings()?.options.bool("table.dml-sync");
        if is_sync && !self.inserts.is_in_set() {
            self.flush()?;
        }
        Ok(())
    }

    /// Makes a job of the INSERTs so far; whether it ends by itself.
    fn flush(&mut self) -> Result<bool, Diagnostic> {
        let Some((inserts, catalog, settings)) = self.inserts.take() else { return Ok(true) };
        let context = Context {
            catalog: &catalog,
            connectors: self.options.connectors,
            settings: &settings,
            overrides: &self.options.overrides,
        };
        let graph = bind::bind_inserts(&context, &inserts)?;
        let is_bounded = self.is_bounded(&graph);
        self.steps.push(Step::Job(Box::new(Job { graph, kind: JobKind::Insert, is_bounded })));
        Ok(is_bounded)
    }

    fn is_bounded(&self, graph: &JobGraph) -> bool {
        let mut sources = graph.nodes.iter().filter_map(|node| match &node.operator {
            Operator::Source(source) => Some(&source.table),
            _ => None,
        });
        sources.all(|table| self.options.connectors.is_bounded(table, &graph.settings.written))
    }

    fn select(&mut self, query: &Query) -> Result<(), Diagnostic> {
        if !self.flush()? {
            let message = "this query would never run: the INSERT job before it does not end";
            let help = "bound the sources of the job, move the query before the INSERT statements, \
                        or put it into a script of its own";
            return Err(Diagnostic::wrong("AR1110", query.span, message).help(help));
        }
        let graph = self.with_context(|context| bind::bind_select(context, query))?;
        let is_bounded = self.is_bounded(&graph);
        let columns = graph.nodes.last().map(|node| node.output.clone()).unwrap_or_default();
        let kind = JobKind::Select { columns };
        self.steps.push(Step::Job(Box::new(Job { graph, kind, is_bounded })));
        Ok(())
    }

    fn explain(&mut self, statement: &Explain) -> Result<(), Diagnostic> {
        let graph = self.with_context(|context| match &statement.target {
            ExplainTarget::Inserts(inserts) => bind::bind_inserts(context, inserts),
            ExplainTarget::Query(query) => bind::bind_select(context, query),
        })?;
        let text = self.state.hidden.hide(&explain::explain(&graph));
        self.steps.push(Step::Rows(Rows::result(text)));
        Ok(())
    }

    /// The columns of an object; of SHOW COLUMNS those that fit.
    fn describe(&mut self, path: &Path, like: Option<&NamePattern>) -> Result<(), Diagnostic> {
        let mut rows = match self.object("table or view", path)? {
            Object::Table(table) => describe::describe_table(table),
            Object::View(view) => {
                let fields = self.with_context(|context| bind::view_columns(context, view))?;
                describe::describe_fields(&fields)
            }
        };
        if let Some(pattern) = like {
            rows.rows
                .retain(|row| matches!(&row[0], Cell::Text(name) if list::fits(pattern, name)));
        }
        self.steps.push(Step::Rows(rows));
        Ok(())
    }

    fn show_create(&mut self, is_view: bool, path: &Path) -> Result<(), Diagnostic> {
        let what = if is_view { "view" } else { "table" };
        let is_temporary = self.state.catalog.is_temporary(&path.name);
        let text = match self.object(what, path)? {
            Object::Table(table) if !is_view => create::show_create_table(table, is_temporary),
            Object::View(view) if is_view => {
                let fields = self.with_context(|context| bind::view_columns(context, view))?;
                let names: Vec<String> = fields.into_iter().map(|field| field.name).collect();
                let columns_of = |name: &str| self.columns_of(name);
                create::show_create_view(view, &names, is_temporary, &columns_of)
            }
            _ => {
                let other = if is_view { "TABLE" } else { "VIEW" };
                let message = format!("'{}' is no {what}", path.name);
                let help = format!("write SHOW CREATE {other}");
                return Err(Diagnostic::wrong("AR1107", path.span, message).help(help));
            }
        };
        self.steps.push(Step::Rows(Rows::result(text)));
        Ok(())
    }

    /// Names of the columns of a table or view.
    fn columns_of(&self, name: &str) -> Option<Vec<String>> {
        match self.state.catalog.get(name)? {
            Object::Table(table) => Some(table.columns.iter().map(|c| c.name.clone()).collect()),
            Object::View(view) => {
                let fields = self.with_context(|context| bind::view_columns(context, view));
                fields.ok().map(|fields| fields.into_iter().map(|field| field.name).collect())
            }
        }
    }

    fn object(&self, what: &str, path: &Path) -> Result<&Object, Diagnostic> {
        ddl::check_path(path)?;
        let found = self.state.catalog.get(&path.name);
        found.ok_or_else(|| ddl::unknown_object(what, path, &self.state.catalog))
    }
}

fn check_use(target: &Use) -> Result<(), Diagnostic> {
    let Use { is_catalog, path } = target;
    let known = if *is_catalog { DEFAULT_CATALOG } else { DEFAULT_DATABASE };
    let is_known = path.name == known
        && path.database.as_ref().is_none_or(|catalog| !is_catalog && catalog == DEFAULT_CATALOG);
    if is_known {
        return Ok(());
    }
    let what = if *is_catalog { "catalog" } else { "database" };
    let message = format!("there is no {what} '{}'", path.name);
    Err(Diagnostic::wrong("AR1112", path.span, message)
        .help(format!("the only one here is {known}")))
}

/// A setting is wrong; without a span it is one of the command line.
fn setting_error(error: &OptionError, span: Option<Span>) -> Diagnostic {
    let (message, help) = match error {
        OptionError::Unknown { key, nearest } => {
            let help = nearest.as_ref().map(|near| format!("did you mean '{near}'?"));
            (format!("unknown setting '{key}'"), help)
        }
        // The value may be a variable's, so it is not printed.
        OptionError::BadValue { key, problem, .. } => (format!("setting '{key}': {problem}"), None),
        other => (other.to_string(), None),
    };
    let (kind, code) = match error {
        OptionError::NotYet { .. } => (DiagnosticKind::Unsupported, code::CONNECTOR),
        _ => (DiagnosticKind::Wrong, "AR1111"),
    };
    Diagnostic { kind, code, message, span, help }
}

#[cfg(test)]
#[path = "session/session_tests.rs"]
mod session_tests;
