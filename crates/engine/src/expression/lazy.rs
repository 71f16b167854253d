//! AND, OR, CASE and COALESCE: later operands are evaluated only for the rows that need them,
//! where that is worth it.

use argus_base::Result;
use arrow_arith::boolean::{and_kleene, or_kleene};
use arrow_array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow_buffer::BooleanBuffer;
use arrow_select::interleave::interleave;
use arrow_select::take::take;
use std::sync::Arc;

use super::Value;
use super::program::{Frame, NodeId};
use super::value::downcast;

impl Frame<'_> {
    /// FALSE decides; an operand is not needed where an earlier one is FALSE.
    pub(super) fn conjunction(&self, operands: &[NodeId]) -> Result<Value> {
        self.connect(operands, false)
    }

    /// TRUE decides; an operand is not needed where an earlier one is TRUE.
    pub(super) fn disjunction(&self, operands: &[NodeId]) -> Result<Value> {
        self.connect(operands, true)
    }

    fn connect(&self, operands: &[NodeId], decider: bool) -> Result<Value> {
        let mut result: Option<BooleanArray> = None;
        for operand in operands {
            let next = match (&result, self.node(*operand).is_deferred) {
                (Some(known), true) => self.undecided(known, *operand, decider)?,
                _ => Some(self.booleans(*operand)?),
            };
            let Some(next) = next else { break };
            result = Some(match result {
                None => next,
                Some(known) if decider => or_kleene(&known, &next)?,
                Some(known) => and_kleene(&known, &next)?,
            });
        }
        let result = result.unwrap_or_else(|| constant_booleans(!decider, self.n_rows));
        Ok(Value::Column(Arc::new(result)))
    }

    /// The operand where `known` is not decided, NULL elsewhere; `None` where no row needs it.
    fn undecided(
        &self,
        known: &BooleanArray,
        operand: NodeId,
        decider: bool,
    ) -> Result<Option<BooleanArray>> {
        let needed = &!&rows_that_are(known, decider);
        match needed.count_set_bits() {
            0 => Ok(None),
            n_needed if n_needed == self.n_rows => self.booleans(operand).map(Some),
            _ => {
                let mask = BooleanArray::new(needed.clone(), None);
                let part = self.select(&mask).booleans(operand)?;
                let spread = take(&part, &positions(needed), None)?;
                Ok(Some(downcast::<BooleanArray>(&spread).clone()))
            }
        }
    }

    fn booleans(&self, id: NodeId) -> Result<BooleanArray> {
        let column = self.value(id)?.into_column(self.n_rows)?;
        Ok(downcast::<BooleanArray>(&column).clone())
    }

    /// The result of the first branch whose condition is TRUE.
    pub(super) fn case(&self, branches: &[(NodeId, NodeId)], otherwise: NodeId) -> Result<Value> {
        let mut pieces = Pieces::new(self.n_rows);
        for (condition, result) in branches {
            let Some(matched) = self.matches(&pieces.open, *condition)? else { break };
            pieces.add(self, matched, *result)?;
        }
        if pieces.open.count_set_bits() > 0 {
            let rest = pieces.open.clone();
            pieces.add(self, rest, otherwise)?;
        }
        pieces.assemble()
    }

    /// The open rows where the condition is TRUE; `None` where no row is open.
    fn matches(&self, open: &BooleanBuffer, condition: NodeId) -> Result<Option<BooleanBuffer>> {
        let n_open = open.count_set_bits();
        if n_open == 0 {
            return Ok(None);
        }
        if n_open == self.n_rows || !self.node(condition).is_deferred {
            let condition = self.booleans(condition)?;
            return Ok(Some(&rows_that_are(&condition, true) & open));
        }
        let part = self.select(&BooleanArray::new(open.clone(), None)).booleans(condition)?;
        let spread = take(&part, &positions(open), None)?;
        Ok(Some(rows_that_are(downcast(&spread), true)))
    }

    /// The first operand that is not NULL.
    pub(super) fn coalesce(&self, operands: &[NodeId]) -> Result<Value> {
        let mut pieces = Pieces::new(self.n_rows);
        for (i, operand) in operands.iter().enumerate() {
            let n_open = pieces.open.count_set_bits();
            if n_open == 0 {
                break;
            }
            let is_whole = n_open == self.n_rows || !self.node(*operand).is_deferred;
            let open = pieces.open.clone();
            if i + 1 == operands.len() {
                pieces.add(self, open, *operand)?;
            } else if is_whole {
                let value = self.value(*operand)?;
                let valid = valid_rows(&value, self.n_rows);
                pieces.add_whole(value, &valid & &open);
            } else {
                let mask = BooleanArray::new(open.clone(), None);
                let part = self.select(&mask).value(*operand)?;
                pieces.add_part(part, &open);
            }
        }
        pieces.assemble()
    }
}

/// A result put together from parts: for each row, which piece and where in it.
struct Pieces {
    /// Rows without a result.
    open: BooleanBuffer,
    arrays: Vec<ArrayRef>,
    places: Vec<(usize, usize)>,
}

impl Pieces {
    fn new(n_rows: usize) -> Pieces {
        let open = BooleanBuffer::new_set(n_rows);
        Pieces { open, arrays: Vec::new(), places: vec![(0, 0); n_rows] }
    }

    /// The node's values are the result for `rows`, which must be open.
    fn add(&mut self, frame: &Frame<'_>, rows: BooleanBuffer, id: NodeId) -> Result<()> {
        let n_taken = rows.count_set_bits();
        if n_taken == 0 {
            return Ok(());
        }
        if n_taken == frame.n_rows || !frame.node(id).is_deferred {
            self.add_whole(frame.value(id)?, rows);
            return Ok(());
        }
        let part = frame.select(&BooleanArray::new(rows.clone(), None)).value(id)?;
        let is_constant = part.is_constant();
        for (i, row) in rows.set_indices().enumerate() {
            self.places[row] = (self.arrays.len(), if is_constant { 0 } else { i });
        }
        self.close(part, &rows);
        Ok(())
    }

    /// A value of all rows is the result for `rows`.
    fn add_whole(&mut self, value: Value, rows: BooleanBuffer) {
        let is_constant = value.is_constant();
        for row in rows.set_indices() {
            self.places[row] = (self.arrays.len(), if is_constant { 0 } else { row });
        }
        self.close(value, &rows);
    }

    /// A value of the open rows only is the result for those where it is not NULL.
    fn add_part(&mut self, value: Value, open: &BooleanBuffer) {
        let valid = valid_rows(&value, open.count_set_bits());
        let mut taken = arrow_array::builder::BooleanBufferBuilder::new(open.len());
        taken.append_n(open.len(), false);
        for (i, row) in open.set_indices().enumerate() {
            if valid.value(i) {
                let at = if value.is_constant() { 0 } else { i };
                self.places[row] = (self.arrays.len(), at);
                taken.set_bit(row, true);
            }
        }
        self.close(value, &taken.finish());
    }

    fn close(&mut self, value: Value, rows: &BooleanBuffer) {
        self.open = &self.open & &!rows;
        self.arrays.push(value.array().clone());
    }

    fn assemble(self) -> Result<Value> {
        let is_identity = |array: &ArrayRef| array.len() == self.places.len();
        if let [only] = self.arrays.as_slice()
            && is_identity(only)
        {
            return Ok(Value::Column(only.clone()));
        }
        let arrays: Vec<&dyn Array> = self.arrays.iter().map(AsRef::as_ref).collect();
        Ok(Value::Column(interleave(&arrays, &self.places)?))
    }
}

fn valid_rows(value: &Value, n_rows: usize) -> BooleanBuffer {
    match value {
        Value::Constant(array) if array.is_null(0) => BooleanBuffer::new_unset(n_rows),
        Value::Constant(_) => BooleanBuffer::new_set(n_rows),
        Value::Column(array) => match array.logical_nulls() {
            Some(nulls) => nulls.into_inner(),
            None => BooleanBuffer::new_set(n_rows),
        },
    }
}

/// The rows where the value is that one and not NULL.
fn rows_that_are(booleans: &BooleanArray, value: bool) -> BooleanBuffer {
    let equal = if value { booleans.values().clone() } else { !booleans.values() };
    match booleans.nulls() {
        Some(nulls) => &equal & nulls.inner(),
        None => equal,
    }
}

/// For each row its position among the set ones, NULL where it is not set.
fn positions(set: &BooleanBuffer) -> UInt32Array {
    let mut next = 0;
    set.iter()
        .map(|is_set| {
            is_set.then(|| {
                next += 1;
                next - 1
            })
        })
        .collect()
}

fn constant_booleans(value: bool, n_rows: usize) -> BooleanArray {
    BooleanArray::from(vec![value; n_rows])
}
