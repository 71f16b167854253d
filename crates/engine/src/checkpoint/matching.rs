//! Whether the state of a checkpoint fits the job that is about to resume it.

use argus_base::{Error, Result};
use argus_plan::JobGraph;
use argus_state::manifest::{Manifest, OperatorState, SubtaskState};

/// Refuses a restore that would lose state, unless the user said that it may be lost: `allowed`
/// holds operator ids or names. Returns the operators whose state goes.
pub(crate) fn check<'a>(
    manifest: &'a Manifest,
    graph: &JobGraph,
    allowed: &[String],
) -> Result<Vec<&'a OperatorState>> {
    check_key_groups(manifest, graph)?;
    let lost = lost(manifest, graph);
    let refused: Vec<String> = lost
        .iter()
        .filter(|operator| !is_allowed(operator, allowed))
        .map(|operator| format!("{} ({})", operator.operator, operator.name))
        .collect();
    if refused.is_empty() {
        return Ok(lost);
    }
    let message = format!(
        "the script no longer has what checkpoint {} keeps state of: {}; change the script back, \
         give --allow-state-loss OPERATOR for each, or begin anew with --fresh",
        manifest.checkpoint.0,
        refused.join(", ")
    );
    Err(Error::user("AR5201", message))
}

/// Operators with state that the graph does not have.
fn lost<'a>(manifest: &'a Manifest, graph: &JobGraph) -> Vec<&'a OperatorState> {
    let is_there = |state: &OperatorState| graph.nodes.iter().any(|node| node.id == state.operator);
    let gone = manifest.operators.iter().filter(|state| !is_there(state));
    gone.filter(|state| state.subtasks.iter().any(has_state) || has_staged(manifest, state))
        .collect()
}

fn has_state(subtask: &SubtaskState) -> bool {
    let keyed = subtask.keyed.as_ref();
    let has_keys = keyed
        .is_some_and(|keyed| !keyed.live.is_empty() || !keyed.runs.is_empty() || keyed.n_keys > 0);
    has_keys || !subtask.positions.is_empty()
}

fn has_staged(manifest: &Manifest, state: &OperatorState) -> bool {
    manifest.staged.iter().any(|staged| staged.sink == state.operator)
}

pub(crate) fn is_allowed(operator: &OperatorState, allowed: &[String]) -> bool {
    let id = operator.operator.to_string();
    allowed.iter().any(|name| *name == id || *name == operator.name)
}

fn check_key_groups(manifest: &Manifest, graph: &JobGraph) -> Result<()> {
    let (then, now) = (manifest.max_parallelism, graph.settings.max_parallelism);
    if then == now {
        return Ok(());
    }
    let message = format!(
        "the checkpoint was taken with pipeline.max-parallelism = {then}, and the script says \
         {now}: key groups cannot be changed"
    );
    Err(Error::user("AR5202", message))
}
