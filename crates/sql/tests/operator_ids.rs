//! Identities that must never change: a running job's state is found by them, and by the names of
//! its aggregates' states. `operator_ids/*.sql` are scripts, the `.ids` beside each what they have.
//!
//! Where this test fails, an engine upgrade would lose state: undo what changed them. A new script
//! gets its `.ids` with `ARGUS_BLESS=1`, which changes none that exist.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use argus_plan::{JobGraph, Operator};
use argus_sql::Step;
use common::{Connectors, session};

#[test]
fn identities_stay() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operator_ids");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "sql")).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for script in scripts {
        let ids = ids(&fs::read_to_string(&script).unwrap());
        let pinned = script.with_extension("ids");
        if !pinned.exists() && std::env::var_os("ARGUS_BLESS").is_some() {
            fs::write(&pinned, &ids).unwrap();
        }
        assert_eq!(ids, fs::read_to_string(&pinned).unwrap(), "{}", script.display());
    }
}

/// Operators with state and the names of their aggregates' states.
fn ids(script: &str) -> String {
    let connectors = Connectors::new();
    let steps = session(&connectors).run_script(script);
    let steps = steps.unwrap_or_else(|error| panic!("{}", error.render("script", script, false)));
    let jobs = steps.iter().filter_map(|step| match step {
        Step::Job(job) => Some(&job.graph),
        Step::Rows(_) => None,
    });
    jobs.flat_map(ids_of).collect()
}

fn ids_of(graph: &JobGraph) -> Vec<String> {
    let line = |node: &argus_plan::Node| match &node.operator {
        Operator::Source(source) => Some(format!("{} source {}\n", node.id, source.table.name)),
        Operator::Sink(sink) => Some(format!("{} sink {}\n", node.id, sink.table.name)),
        Operator::WindowAggregate(aggregate) | Operator::GlobalWindowAggregate(aggregate) => {
            let states = aggregate.aggregates.iter();
            let states = states.map(|call| format!("    {}\n", call.state_name));
            Some(format!("{} window aggregate\n{}", node.id, states.collect::<String>()))
        }
        Operator::GroupAggregate(aggregate) => {
            let states = aggregate.aggregates.iter();
            let states = states.map(|call| format!("    {}\n", call.state_name));
            Some(format!("{} group aggregate\n{}", node.id, states.collect::<String>()))
        }
        _ => None,
    };
    graph.nodes.iter().filter_map(line).collect()
}
