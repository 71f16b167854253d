//! EXPLAIN: the job graph as text.

use crate::JobGraph;

/// The text of a job graph.
pub fn explain(graph: &JobGraph) -> String {
    format!("{} operators\n", graph.nodes.len())
}
