//! What a node evaluates to: a column, or a constant that stays one row.

use std::ops::Deref;

use argus_base::Result;
use arrow_array::{Array, ArrayRef, Datum, UInt32Array};
use arrow_select::take::take;

/// A column of the frame's length, or a constant of length 1.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// One value a row.
    Column(ArrayRef),
    /// The same value for each row.
    Constant(ArrayRef),
}

impl Value {
    /// The array behind it.
    pub(crate) fn array(&self) -> &ArrayRef {
        match self {
            Value::Column(array) | Value::Constant(array) => array,
        }
    }

    pub(crate) fn is_constant(&self) -> bool {
        matches!(self, Value::Constant(_))
    }

    /// Whether it is NULL for each row whatever the input.
    pub(crate) fn is_null_constant(&self) -> bool {
        self.is_constant() && self.array().is_null(0)
    }

    /// The values as an array of `n_rows`.
    pub(crate) fn into_column(self, n_rows: usize) -> Result<ArrayRef> {
        match self {
            Value::Column(array) => Ok(array),
            Value::Constant(array) if n_rows == 1 => Ok(array),
            Value::Constant(array) => Ok(take(&array, &UInt32Array::from(vec![0; n_rows]), None)?),
        }
    }

    /// The same with other values; a constant stays one.
    pub(crate) fn map(&self, f: impl FnOnce(&ArrayRef) -> Result<ArrayRef>) -> Result<Value> {
        Ok(match self {
            Value::Column(array) => Value::Column(f(array)?),
            Value::Constant(array) => Value::Constant(f(array)?),
        })
    }

    /// Its values by row, as the array type that it has.
    pub(crate) fn rows<A: Array + 'static>(&self) -> Rows<'_, A> {
        Rows { array: downcast(self.array()), is_constant: self.is_constant() }
    }
}

impl Datum for Value {
    fn get(&self) -> (&dyn Array, bool) {
        (self.array().as_ref(), self.is_constant())
    }
}

/// A typed column or constant, read by row.
pub(crate) struct Rows<'a, A> {
    array: &'a A,
    is_constant: bool,
}

impl<A> Clone for Rows<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Rows<'_, A> {}

impl<A> Rows<'_, A> {
    /// Position in the array of the value for a row.
    #[inline]
    pub(crate) fn at(&self, row: usize) -> usize {
        if self.is_constant { 0 } else { row }
    }
}

impl<'a, A> Deref for Rows<'a, A> {
    type Target = &'a A;

    fn deref(&self) -> &&'a A {
        &self.array
    }
}

/// The array as the type that its expression's type has in Arrow.
pub(crate) fn downcast<A: Array + 'static>(array: &ArrayRef) -> &A {
    array.as_any().downcast_ref::<A>().expect("the binder gives each argument its kernel's type")
}
