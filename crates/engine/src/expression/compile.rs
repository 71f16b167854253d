//! Expression trees to programs: equal subtrees become one node, constant ones are evaluated.

use std::collections::HashMap;

use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{Error, Result};
use argus_plan::function::NullRule;
use argus_plan::{Expression, ExpressionKind, ScalarFunction};
use jiff::tz::TimeZone;

use super::EvaluationContext;
use super::cast::Conversion;
use super::literal::literal_array;
use super::program::{Frame, Node, NodeId, NodeKind, Program};
use crate::function::{self, Binding};

/// Compiles expressions for a session zone.
pub(super) fn compile(expressions: &[Expression], zone: &str) -> Result<Program> {
    let zone = argus_plan::setting::time_zone(zone)
        .ok_or_else(|| Error::bug(format!("unchecked time zone '{zone}'")))?;
    let program = Program { nodes: Vec::new(), outputs: Vec::new() };
    let mut compiler = Compiler { program, zone, known: HashMap::new() };
    for expression in expressions {
        let id = compiler.add(expression)?;
        compiler.program.outputs.push(id);
    }
    Ok(compiler.program)
}

struct Compiler {
    program: Program,
    zone: TimeZone,
    /// The node of each deterministic subtree.
    known: HashMap<Expression, NodeId>,
}

impl Compiler {
    fn add(&mut self, expression: &Expression) -> Result<NodeId> {
        if let Some(id) = self.known.get(expression) {
            return Ok(*id);
        }
        let (kind, is_deferred) = self.kind(expression)?;
        let data_type = expression.logical_type.to_arrow();
        self.program.nodes.push(Node { kind, data_type, is_deferred });
        let id = self.program.nodes.len() - 1;
        if expression.is_deterministic() {
            self.known.insert(expression.clone(), id);
            self.fold(id);
        }
        Ok(id)
    }

    fn kind(&mut self, expression: &Expression) -> Result<(NodeKind, bool)> {
        let children: Vec<NodeId> = expression
            .children()
            .into_iter()
            .map(|child| self.add(child))
            .collect::<Result<_>>()?;
        let inherited = children.iter().any(|id| self.program.nodes[*id].is_deferred);
        let kind = match &expression.kind {
            ExpressionKind::Column(index) => NodeKind::Column(*index),
            ExpressionKind::Literal(literal) => {
                NodeKind::Constant(literal_array(literal, &expression.logical_type)?)
            }
            ExpressionKind::Field { index, .. } => {
                NodeKind::Field { input: children[0], index: *index }
            }
            ExpressionKind::Call { function, arguments } => {
                let (result, zone) = (&expression.logical_type, &self.zone);
                let kernel =
                    function::bind(&Binding { function: *function, arguments, result, zone })?;
                let kind = call(*function, kernel, children);
                return Ok((kind, inherited || is_costly(*function)));
            }
            ExpressionKind::Cast { input, is_try } => {
                let (from, to) = (&input.logical_type, &expression.logical_type);
                let conversion = Conversion::new(from, to, *is_try, &self.zone)?;
                let is_deferred = inherited || conversion.is_costly();
                return Ok((NodeKind::Cast { input: children[0], conversion }, is_deferred));
            }
            ExpressionKind::And(_) => NodeKind::And(children),
            ExpressionKind::Or(_) => NodeKind::Or(children),
            ExpressionKind::Coalesce(_) => NodeKind::Coalesce(children),
            ExpressionKind::Case { .. } => {
                let (otherwise, branches) =
                    children.split_last().ok_or_else(|| Error::bug("CASE without ELSE"))?;
                let branches = branches.chunks(2).map(|pair| (pair[0], pair[1])).collect();
                NodeKind::Case { branches, otherwise: *otherwise }
            }
        };
        Ok((kind, inherited))
    }

    /// Evaluates the node now where it reads nothing but constants. Where that fails it stays as
    /// it is, since no row may ever reach it.
    fn fold(&mut self, id: NodeId) {
        let is_constant =
            |id: &NodeId| matches!(self.program.nodes[*id].kind, NodeKind::Constant(_));
        let is_foldable = match &self.program.nodes[id].kind {
            NodeKind::Column(_) | NodeKind::Constant(_) => false,
            NodeKind::Field { input, .. } | NodeKind::Cast { input, .. } => is_constant(input),
            NodeKind::Call { arguments: all, .. }
            | NodeKind::And(all)
            | NodeKind::Or(all)
            | NodeKind::Coalesce(all) => all.iter().all(is_constant),
            NodeKind::Case { branches, otherwise } => {
                is_constant(otherwise)
                    && branches.iter().all(|(when, then)| is_constant(when) && is_constant(then))
            }
        };
        if !is_foldable {
            return;
        }
        let context = EvaluationContext { now: ProcessingTime(0), watermark: Watermark::MIN };
        let frame = Frame::new(&self.program, &[], 1, &context);
        let folded = frame.value(id).and_then(|value| value.into_column(1));
        drop(frame);
        let node = &mut self.program.nodes[id];
        match folded {
            Ok(array) => {
                node.kind = NodeKind::Constant(array);
                node.is_deferred = false;
            }
            Err(_) => node.is_deferred = true,
        }
    }
}

fn call(function: ScalarFunction, kernel: function::Kernel, arguments: Vec<NodeId>) -> NodeKind {
    let spec = function.spec();
    let propagates_nulls = spec.nulls == NullRule::Propagate;
    NodeKind::Call { kernel, arguments, propagates_nulls, is_pure: spec.is_deterministic }
}

/// Whether a call is worth evaluating for fewer rows: all but what is about as fast as selecting.
fn is_costly(function: ScalarFunction) -> bool {
    use ScalarFunction as F;
    let is_cheap = matches!(
        function,
        F::Plus
            | F::Minus
            | F::Times
            | F::Negate
            | F::Abs
            | F::Equal
            | F::NotEqual
            | F::Less
            | F::LessOrEqual
            | F::Greater
            | F::GreaterOrEqual
            | F::IsDistinctFrom
            | F::IsNotDistinctFrom
            | F::IsNull
            | F::IsNotNull
            | F::IsTrue
            | F::IsNotTrue
            | F::IsFalse
            | F::IsNotFalse
            | F::Not
            | F::In
            | F::CurrentTimestamp
            | F::Proctime
            | F::CurrentWatermark
            | F::ToTimestampLtz
    );
    !is_cheap || function.spec().is_fallible
}
