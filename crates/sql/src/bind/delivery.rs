//! How the rows of each sink become visible; known when all INSERTs of the job are bound.

use argus_base::connector::{SinkTable, TableDescriptor};
use argus_plan::graph::SinkOperator;
use argus_plan::{Operator, replay};

use super::query::Binder;

impl Binder<'_> {
    /// Tells every sink whether its keys are the same on replay, and asks its connector. What
    /// holds for one INSERT into a table holds for all of them.
    pub fn decide_deliveries(&mut self) {
        let connectors = self.context.connectors;
        let settings = self.context.settings;
        let is_same = |table: &TableDescriptor, column: usize| {
            connectors.is_same_on_replay(table, column, &settings.written)
        };
        let mut unstable: Vec<(TableDescriptor, String)> = Vec::new();
        for (id, reason) in replay::unstable_keys(&self.plan.nodes, &is_same) {
            if let Operator::Sink(sink) = &self.plan.nodes[id.0].operator {
                unstable.push((sink.table.clone(), reason));
            }
        }
        for node in &mut self.plan.nodes {
            let Operator::Sink(sink) = &mut node.operator else { continue };
            let reason = unstable.iter().find(|(table, _)| *table == sink.table);
            sink.unstable_key = reason.map(|(_, reason)| reason.clone());
            let SinkOperator { table, metadata, unstable_key, .. } = sink.as_ref();
            let unstable_key = unstable_key.as_deref();
            let written = SinkTable { table, metadata, unstable_key };
            let takes_checkpoints = settings.checkpoints.is_some();
            sink.delivery = connectors.delivery(&written, &settings.written, takes_checkpoints);
        }
    }
}
