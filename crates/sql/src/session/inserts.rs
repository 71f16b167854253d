//! The INSERT statements on their way to one job.

use std::collections::BTreeSet;

use argus_plan::{JobSettings, Span};

use crate::Diagnostic;
use crate::catalog::Catalog;
use crate::statement::{Insert, Statement, StatementKind};

/// The INSERT statements since the last job, and what happened between them.
#[derive(Default)]
pub(super) struct Inserts {
    inserts: Vec<Insert>,
    /// The objects as the statements saw them.
    catalog: Catalog,
    /// The settings as the first statement saw them.
    settings: Option<JobSettings>,
    /// Names created or dropped since the first statement.
    changed: BTreeSet<String>,
    /// The first setting changed since the last statement.
    setting: Option<(String, Span)>,
    /// BEGIN STATEMENT SET without its END; how many statements came before it.
    open_set: Option<usize>,
}

impl Inserts {
    /// Adds a statement to the job.
    pub fn add(
        &mut self,
        insert: Insert,
        catalog: &Catalog,
        settings: JobSettings,
    ) -> Result<(), Diagnostic> {
        if self.inserts.is_empty() {
            self.catalog = catalog.clone();
            self.settings = Some(settings);
            self.changed.clear();
            self.setting = None;
        }
        if let Some((key, span)) = &self.setting {
            let message = format!("'{key}' is set between INSERT statements that are one job");
            let help = "move SET before the first INSERT, or run them one after another with \
                        SET 'table.dml-sync' = 'true'";
            return Err(Diagnostic::wrong("AR1106", *span, message).help(help));
        }
        for name in std::mem::take(&mut self.changed) {
            let Some(object) = catalog.get(&name) else { continue };
            if self.catalog.get(&name).is_some() {
                let message =
                    format!("'{name}' was made anew between INSERT statements that are one job");
                let help = "give the new one another name, or run the statements one after \
                            another with SET 'table.dml-sync' = 'true'";
                return Err(Diagnostic::wrong("AR1106", insert.span, message).help(help));
            }
            self.catalog.put(object.clone(), catalog.is_temporary(&name));
        }
        self.inserts.push(insert);
        Ok(())
    }

    /// The statements of the job, with the objects and settings they saw; `None` where there are
    /// none.
    pub fn take(&mut self) -> Option<(Vec<Insert>, Catalog, JobSettings)> {
        let settings = self.settings.take()?;
        Some((std::mem::take(&mut self.inserts), std::mem::take(&mut self.catalog), settings))
    }

    /// An object was created or dropped.
    pub fn note_change(&mut self, name: &str) {
        self.changed.insert(name.to_owned());
    }

    /// A setting was changed. Those of Flink's client do not belong to the job.
    pub fn note_setting(&mut self, key: &str, span: Span) {
        if !key.starts_with("sql-client.") {
            self.setting.get_or_insert((key.to_owned(), span));
        }
    }

    /// BEGIN STATEMENT SET.
    pub fn begin_set(&mut self) {
        self.open_set = Some(self.inserts.len());
    }

    /// Whether a statement set is open.
    pub fn is_in_set(&self) -> bool {
        self.open_set.is_some()
    }

    /// END of the statement set.
    pub fn end_set(&mut self, span: Span) -> Result<(), Diagnostic> {
        match self.open_set.take() {
            None => Err(Diagnostic::wrong("AR1104", span, "no statement set is open here")),
            Some(before) if before == self.inserts.len() => {
                let message = "a statement set needs at least one INSERT";
                Err(Diagnostic::wrong("AR1104", span, message))
            }
            Some(_) => Ok(()),
        }
    }

    /// Between BEGIN STATEMENT SET and END stand only INSERT statements.
    pub fn check_in_set(&self, statement: &Statement) -> Result<(), Diagnostic> {
        let is_allowed =
            matches!(statement.kind, StatementKind::Insert(_) | StatementKind::EndStatementSet);
        if self.open_set.is_none() || is_allowed {
            return Ok(());
        }
        let message = "only INSERT statements may stand in a statement set";
        let help = "move the statement before BEGIN STATEMENT SET or behind END";
        Err(Diagnostic::wrong("AR1104", statement.span, message).help(help))
    }

    /// The script ends here.
    pub fn check_closed(&self, end: Span) -> Result<(), Diagnostic> {
        match self.open_set {
            None => Ok(()),
            Some(_) => {
                let message = "the statement set is not closed";
                Err(Diagnostic::wrong("AR1104", end, message)
                    .help("write END; behind its last INSERT"))
            }
        }
    }
}
