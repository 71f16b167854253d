//! Accumulators: columnar state of aggregate functions over dense group slots.
//!
//! One accumulator serves one aggregate call of one slice; slot `g` is the state of group `g`.
//! Its *partial* form — a few Arrow columns — is what a local step sends to a global one, what
//! windows made of slices are merged from, and what snapshots hold: one mechanism for all three.

mod average;
mod count;
mod distinct;
mod kept;
mod min_max;
mod sum;
mod value;

use std::ops::Range;

use argus_base::{LogicalType, Result};
use argus_plan::{AggregateCall, AggregateFunction};
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;

/// The state of one aggregate call over many groups.
pub trait Accumulator: Send {
    /// Makes room for `n_groups` groups; new ones are empty. Never shrinks.
    fn resize(&mut self, n_groups: usize);

    /// Makes those groups empty, as new ones are.
    fn clear(&mut self, groups: &[u32]);

    /// Adds a value for each selected row `i` to the group `groups[i]`, in order of rows.
    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()>;

    /// Arrow types of the partial form.
    fn partial_types(&self) -> Vec<DataType>;

    /// The partial form of those groups: the results, where nothing else is said.
    fn partial(&self, slots: &Slots<'_>) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.read(slots)?])
    }

    /// Adds partial row `i` to the group `groups[i]`, in order of rows: as values, where nothing
    /// else is said.
    fn merge(&mut self, groups: &[u32], partial: &[ArrayRef]) -> Result<()> {
        self.update(groups, &Rows::new(Some(&partial[0]), None))
    }

    /// The results of those groups.
    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef>;

    /// Bytes held, about.
    fn n_bytes(&self) -> usize;
}

/// Which groups are read: a run of them where a whole window leaves, any where only some changed.
pub enum Slots<'a> {
    /// One after the other.
    Range(Range<usize>),
    /// These, in this order.
    List(&'a [u32]),
}

impl Slots<'_> {
    /// Number of groups.
    pub fn len(&self) -> usize {
        match self {
            Slots::Range(range) => range.len(),
            Slots::List(slots) => slots.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What `make` makes of each group's value.
    fn map<'v, T, U, C: FromIterator<U>>(&self, values: &'v [T], make: impl Fn(&'v T) -> U) -> C {
        match self {
            Slots::Range(range) => values[range.clone()].iter().map(make).collect(),
            Slots::List(slots) => slots.iter().map(|slot| make(&values[*slot as usize])).collect(),
        }
    }

    /// Each group's value.
    fn copied<T: Copy>(&self, values: &[T]) -> Vec<T> {
        match self {
            Slots::Range(range) => values[range.clone()].to_vec(),
            Slots::List(slots) => slots.iter().map(|slot| values[*slot as usize]).collect(),
        }
    }
}

/// The argument of a call over a batch, and the rows of it that count.
pub struct Rows<'a> {
    /// The argument; `None` for COUNT(*).
    pub argument: Option<&'a ArrayRef>,
    /// Rows that pass the FILTER and whose argument is not NULL; `None` where all do.
    pub selected: Option<BooleanBuffer>,
}

impl<'a> Rows<'a> {
    /// The rows of a batch that count for a call with this argument and FILTER column.
    pub fn new(argument: Option<&'a ArrayRef>, filter: Option<&BooleanArray>) -> Rows<'a> {
        let not_null =
            argument.and_then(|array| array.logical_nulls()).map(|nulls| nulls.into_inner());
        let passing = filter.map(|filter| match filter.nulls() {
            Some(nulls) => filter.values() & nulls.inner(),
            None => filter.values().clone(),
        });
        let selected = match (not_null, passing) {
            (Some(not_null), Some(passing)) => Some(&not_null & &passing),
            (one, other) => one.or(other),
        };
        Rows { argument, selected }
    }

    /// Calls `add` with each selected row and its group, in order.
    #[inline]
    fn for_each(&self, groups: &[u32], mut add: impl FnMut(usize, usize)) {
        match &self.selected {
            None => {
                for (row, group) in groups.iter().enumerate() {
                    add(row, *group as usize);
                }
            }
            Some(selected) => {
                for row in selected.set_indices() {
                    add(row, groups[row] as usize);
                }
            }
        }
    }

    fn argument(&self) -> &'a ArrayRef {
        self.argument.expect("only COUNT(*) has no argument, and it does not ask for it")
    }
}

/// The accumulator of a call whose argument has that type.
pub fn accumulator(
    call: &AggregateCall,
    argument: Option<&LogicalType>,
) -> Result<Box<dyn Accumulator>> {
    let plain = plain_accumulator(call, argument)?;
    match argument {
        Some(argument) if call.is_distinct => {
            Ok(Box::new(distinct::Distinct::new(plain, argument.to_arrow())))
        }
        _ => Ok(plain),
    }
}

fn plain_accumulator(
    call: &AggregateCall,
    argument: Option<&LogicalType>,
) -> Result<Box<dyn Accumulator>> {
    let Some(argument) = argument else { return Ok(Box::new(count::Count::default())) };
    match call.function {
        AggregateFunction::CountStar | AggregateFunction::Count => {
            Ok(Box::new(count::Count::default()))
        }
        AggregateFunction::Sum => sum::sum(argument, &call.result),
        AggregateFunction::Avg => average::average(argument, &call.result),
        AggregateFunction::Min => min_max::min_max(argument, min_max::Keep::Least),
        AggregateFunction::Max => min_max::min_max(argument, min_max::Keep::Greatest),
        AggregateFunction::FirstValue => {
            Ok(Box::new(value::Value::new(argument.to_arrow(), value::Keep::First)))
        }
        AggregateFunction::LastValue => {
            Ok(Box::new(value::Value::new(argument.to_arrow(), value::Keep::Last)))
        }
    }
}

#[cfg(test)]
mod tests;
