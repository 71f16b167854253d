//! A compiled set of expressions, and one run of it over a batch.
//!
//! The nodes form a graph without cycles: equal subtrees are one node. A [`Frame`] is one run over
//! some rows; it remembers the value of each node. A frame of selected rows asks the frame that
//! it was selected from for what is known there already, and computes the rest for its own rows.

use std::cell::RefCell;

use argus_base::{Error, Result};
use arrow_array::{Array, ArrayRef, BooleanArray, StructArray, new_empty_array, new_null_array};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use arrow_select::filter::{FilterBuilder, FilterPredicate};
use arrow_select::nullif::nullif;

use super::cast::Conversion;
use super::value::downcast;
use super::{EvaluationContext, Value};
use crate::function::{Call, Kernel};

/// Position of a node in its program.
pub(super) type NodeId = usize;

/// A compiled set of expressions.
pub(super) struct Program {
    /// Children before parents.
    pub(super) nodes: Vec<Node>,
    /// The node of each expression, in order.
    pub(super) outputs: Vec<NodeId>,
}

/// One computation.
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) data_type: DataType,
    /// Worth the trouble of evaluating it for fewer rows: it may fail, or it costs much.
    pub(super) is_deferred: bool,
}

/// What a node computes.
pub(super) enum NodeKind {
    Column(usize),
    Constant(ArrayRef),
    Field { input: NodeId, index: usize },
    Call { kernel: Kernel, arguments: Vec<NodeId>, propagates_nulls: bool, is_pure: bool },
    Cast { input: NodeId, conversion: Conversion },
    And(Vec<NodeId>),
    Or(Vec<NodeId>),
    Case { branches: Vec<(NodeId, NodeId)>, otherwise: NodeId },
    Coalesce(Vec<NodeId>),
}

/// One run over some rows.
pub(super) struct Frame<'a> {
    program: &'a Program,
    origin: Origin<'a>,
    pub(super) n_rows: usize,
    context: &'a EvaluationContext,
    known: RefCell<Vec<Option<Value>>>,
}

/// Where a frame's columns come from.
enum Origin<'a> {
    Input(&'a [ArrayRef]),
    Selected { from: &'a Frame<'a>, rows: FilterPredicate },
}

impl<'a> Frame<'a> {
    /// A run over all rows of a batch.
    pub(super) fn new(
        program: &'a Program,
        columns: &'a [ArrayRef],
        n_rows: usize,
        context: &'a EvaluationContext,
    ) -> Frame<'a> {
        let known = RefCell::new(vec![None; program.nodes.len()]);
        Frame { program, origin: Origin::Input(columns), n_rows, context, known }
    }

    /// A run over the rows where `mask`, which has no NULL, is true.
    pub(super) fn select(&'a self, mask: &BooleanArray) -> Frame<'a> {
        let rows = FilterBuilder::new(mask).optimize().build();
        let known = RefCell::new(vec![None; self.program.nodes.len()]);
        let n_rows = rows.count();
        let origin = Origin::Selected { from: self, rows };
        Frame { program: self.program, origin, n_rows, context: self.context, known }
    }

    pub(super) fn node(&self, id: NodeId) -> &'a Node {
        &self.program.nodes[id]
    }

    /// The node's values for the rows of this frame.
    pub(super) fn value(&self, id: NodeId) -> Result<Value> {
        let node = self.node(id);
        if let NodeKind::Constant(array) = &node.kind {
            return Ok(Value::Constant(array.clone()));
        }
        if let Some(value) = self.remembered(id)? {
            return Ok(value);
        }
        let value = match self.n_rows {
            0 => Value::Column(new_empty_array(&node.data_type)),
            _ => self.compute(node)?,
        };
        debug_assert_eq!(value.array().data_type(), &node.data_type);
        self.known.borrow_mut()[id] = Some(value.clone());
        Ok(value)
    }

    /// What this frame knows, or what the frame that it was selected from knows.
    fn remembered(&self, id: NodeId) -> Result<Option<Value>> {
        if let Some(value) = &self.known.borrow()[id] {
            return Ok(Some(value.clone()));
        }
        let Origin::Selected { from, rows } = &self.origin else { return Ok(None) };
        let is_column = matches!(self.node(id).kind, NodeKind::Column(_));
        let above = if is_column { Some(from.value(id)?) } else { from.remembered(id)? };
        let value = match above {
            Some(Value::Column(array)) => Value::Column(rows.filter(&array)?),
            Some(constant) => constant,
            None => return Ok(None),
        };
        self.known.borrow_mut()[id] = Some(value.clone());
        Ok(Some(value))
    }

    fn compute(&self, node: &'a Node) -> Result<Value> {
        match &node.kind {
            NodeKind::Column(index) => self.column(*index),
            NodeKind::Constant(array) => Ok(Value::Constant(array.clone())),
            NodeKind::Field { input, index } => {
                self.value(*input)?.map(|array| field(downcast(array), *index))
            }
            NodeKind::Call { kernel, arguments, propagates_nulls, is_pure } => {
                let arguments: Vec<Value> =
                    arguments.iter().map(|id| self.value(*id)).collect::<Result<_>>()?;
                if *propagates_nulls && arguments.iter().any(Value::is_null_constant) {
                    return Ok(Value::Constant(new_null_array(&node.data_type, 1)));
                }
                self.call(kernel, &arguments, *propagates_nulls, *is_pure)
            }
            NodeKind::Cast { input, conversion } => {
                self.value(*input)?.map(|array| conversion.apply(array))
            }
            NodeKind::And(operands) => self.conjunction(operands),
            NodeKind::Or(operands) => self.disjunction(operands),
            NodeKind::Case { branches, otherwise } => self.case(branches, *otherwise),
            NodeKind::Coalesce(operands) => self.coalesce(operands),
        }
    }

    fn column(&self, index: usize) -> Result<Value> {
        let Origin::Input(columns) = &self.origin else {
            return Err(Error::bug("a selected frame reads its columns above"));
        };
        let column = columns.get(index);
        let column = column.ok_or_else(|| Error::bug(format!("no input column {index}")))?;
        Ok(Value::Column(column.clone()))
    }

    /// A pure function of constants is called for one row.
    fn call(
        &self,
        kernel: &Kernel,
        arguments: &[Value],
        propagates_nulls: bool,
        is_pure: bool,
    ) -> Result<Value> {
        let is_constant = is_pure && arguments.iter().all(Value::is_constant);
        let nulls = match propagates_nulls {
            true => common_nulls(arguments),
            false => None,
        };
        let n_rows = if is_constant { 1 } else { self.n_rows };
        let array = kernel(&Call { arguments, n_rows, nulls, context: self.context })?;
        Ok(if is_constant { Value::Constant(array) } else { Value::Column(array) })
    }
}

/// The rows where any argument is NULL; constants are not NULL here.
fn common_nulls(arguments: &[Value]) -> Option<NullBuffer> {
    let columns = arguments.iter().filter(|argument| !argument.is_constant());
    columns.fold(None, |nulls, column| NullBuffer::union(nulls.as_ref(), column.array().nulls()))
}

/// A field of a row, NULL where the row is.
fn field(row: &StructArray, index: usize) -> Result<ArrayRef> {
    let column = row.column(index);
    let Some(nulls) = row.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return Ok(column.clone());
    };
    let is_null = BooleanArray::new(!nulls.inner(), None);
    Ok(nullif(column, &is_null)?)
}
