//! The jobs of a script before they run: which of them take checkpoints, and under which name.
//!
//! Only jobs that write tables do. The rows of a SELECT go to a terminal or a pipe, which takes
//! none back, so a SELECT that is run again begins anew. Flink gives every job of a script an id,
//! and so a folder, of its own; here the name is the id. Of jobs with one name the second becomes
//! `NAME-2`, the third `NAME-3`: the same at every start, as long as the script keeps their order.

use std::collections::BTreeSet;

use argus_plan::JobSettings;
use argus_plan::setting::RestartStrategy;
use argus_sql::session::{JobKind, Step};

use crate::cli::RunArguments;
use crate::failure::Failure;

/// Settles checkpoints and names.
pub fn settle(steps: &mut [Step]) {
    let mut taken = BTreeSet::new();
    for step in steps {
        let Step::Job(job) = step else { continue };
        let settings = &mut job.graph.settings;
        if job.kind != JobKind::Insert {
            take_no_checkpoints(settings);
        }
        if settings.checkpoints.is_some() {
            settings.name = free_name(&settings.name, &taken);
            taken.insert(settings.name.clone());
        }
    }
}

fn take_no_checkpoints(settings: &mut JobSettings) {
    settings.checkpoints = None;
    // The default follows from checkpoints: a query that is restarted prints its rows again.
    if settings.options.word("restart-strategy.type").is_none() {
        settings.restart = RestartStrategy::None;
    }
}

fn free_name(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_else(|| name.to_owned())
}

/// Refuses arguments about checkpoints that would have no effect, or no certain one.
pub fn check(arguments: &RunArguments, steps: &[Step]) -> Result<(), Failure> {
    let given = arguments.dir.as_ref().map(|_| "--dir").or(arguments.start.given());
    let Some(given) = given else { return Ok(()) };
    let refused = |why: String| Err(Failure::Arguments(why));
    match n_with_checkpoints(steps) {
        0 => refused(format!(
            "{given} is for jobs that take checkpoints, and no job of this script does: an INSERT \
             does with --dir DIR or SET 'execution.checkpointing.dir', a SELECT never"
        )),
        n_jobs if n_jobs > 1 && arguments.start.from_savepoint.is_some() => refused(format!(
            "--from-savepoint is for one job, and {n_jobs} of this script take checkpoints"
        )),
        _ => Ok(()),
    }
}

fn n_with_checkpoints(steps: &[Step]) -> usize {
    let takes = |step: &&Step| match step {
        Step::Job(job) => job.graph.settings.checkpoints.is_some(),
        Step::Rows(_) => false,
    };
    steps.iter().filter(takes).count()
}

#[cfg(test)]
mod tests {
    use crate::script::Script;

    use super::*;

    const TABLES: &str = "
        CREATE TABLE a (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
        CREATE TABLE b (n INT) WITH ('connector' = 'blackhole');";

    fn names(script: &str, settings: &[(&str, &str)]) -> Vec<(String, bool)> {
        let mut script = Script::new("job.sql", &format!("{TABLES}{script}"));
        let owned = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        script.settings.extend(owned);
        let steps = script.steps().unwrap_or_else(|failure| panic!("{failure:?}"));
        let named = |step: &Step| match step {
            Step::Job(job) => {
                let settings = &job.graph.settings;
                Some((settings.name.clone(), settings.checkpoints.is_some()))
            }
            Step::Rows(_) => None,
        };
        steps.iter().filter_map(named).collect()
    }

    #[test]
    fn jobs_of_a_script_have_names_of_their_own() {
        let script = "SET 'table.dml-sync' = 'true';
                      INSERT INTO b SELECT n FROM a; INSERT INTO b SELECT n FROM a;
                      SET 'pipeline.name' = 'x'; INSERT INTO b SELECT n FROM a;
                      SELECT n FROM a;";
        let on = [("execution.checkpointing.dir", "/x")];
        let expected = [("job", true), ("job-2", true), ("x", true), ("x", false)];
        assert_eq!(names(script, &on), expected.map(|(name, takes)| (name.to_owned(), takes)));
        let expected = [("job", false), ("job", false), ("x", false), ("x", false)];
        assert_eq!(names(script, &[]), expected.map(|(name, takes)| (name.to_owned(), takes)));
    }

    #[test]
    fn a_query_is_restarted_only_on_request() {
        let restart = |settings: &str| {
            let script = format!("{TABLES}{settings} SELECT n FROM a;");
            let mut script = Script::new("job.sql", &script);
            script.settings.insert("execution.checkpointing.dir".to_owned(), "/x".to_owned());
            script.one_job().unwrap_or_else(|failure| panic!("{failure:?}")).settings.restart
        };
        assert_eq!(restart(""), RestartStrategy::None);
        assert_ne!(restart("SET 'restart-strategy.type' = 'fixed-delay';"), RestartStrategy::None);
    }
}
