//! The bound plan under construction: nodes, of which equal ones are one.

use argus_base::Field;
use argus_base::id::OperatorId;
use argus_plan::graph::{Calc, ChangelogMode, Edge, Partitioning};
use argus_plan::{Expression, Node, NodeId, Operator};

/// Nodes, inputs before users.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// As in a job graph, with everything forward, at parallelism 1 and without identity.
    pub nodes: Vec<Node>,
}

impl Plan {
    /// The node that does this to these inputs: an equal one that exists, or a new one. Sinks and
    /// results are never shared.
    pub fn add(&mut self, operator: Operator, inputs: &[NodeId], output: Vec<Field>) -> NodeId {
        let is_end = matches!(operator, Operator::Sink(_) | Operator::Collect);
        let equal = |node: &Node| {
            node.operator == operator
                && node.inputs.iter().map(|edge| edge.from).eq(inputs.iter().copied())
                && same_types(&node.output, &output)
        };
        if !is_end && let Some(index) = self.nodes.iter().position(equal) {
            return NodeId(index);
        }
        let edge = |&from| Edge { from, partitioning: Partitioning::Forward };
        self.nodes.push(Node {
            operator,
            inputs: inputs.iter().map(edge).collect(),
            output,
            id: OperatorId(0),
            parallelism: 1,
            changelog: ChangelogMode::Append,
        });
        NodeId(self.nodes.len() - 1)
    }

    /// A Calc over `input`, or `input` itself where the Calc would change nothing.
    pub fn add_calc(
        &mut self,
        input: NodeId,
        filter: Option<Expression>,
        projection: Vec<(String, Expression)>,
    ) -> NodeId {
        let n_input = self.nodes[input.0].output.len();
        let is_identity = filter.is_none()
            && projection.len() == n_input
            && projection.iter().enumerate().all(|(i, (_, e))| e.is_column(i))
            && self.nodes[input.0]
                .output
                .iter()
                .zip(&projection)
                .all(|(field, (_, e))| field.logical_type == e.logical_type);
        if is_identity {
            return input;
        }
        let output = projection.iter().map(|(n, e)| Field::new(n, e.logical_type.clone()));
        let output = output.collect();
        let projection = projection.into_iter().map(|(_, expression)| expression).collect();
        self.add(Operator::Calc(Calc { filter, projection }), &[input], output)
    }
}

impl Plan {
    /// Whether an operator of that kind lies below a node with only Calcs in between, or there.
    pub fn is_below(&self, at: NodeId, is_wanted: impl Fn(&Operator) -> bool) -> bool {
        let mut at = at;
        loop {
            let node = &self.nodes[at.0];
            if is_wanted(&node.operator) {
                return true;
            }
            let (Operator::Calc(_), Some(edge)) = (&node.operator, node.inputs.first()) else {
                return false;
            };
            at = edge.from;
        }
    }
}

fn same_types(left: &[Field], right: &[Field]) -> bool {
    left.iter().map(|f| &f.logical_type).eq(right.iter().map(|f| &f.logical_type))
}
