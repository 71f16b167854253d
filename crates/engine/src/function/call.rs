//! What a kernel is called with, and the loops that build its result.

use std::sync::Arc;

use argus_base::Result;
use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryViewArray, BooleanArray, PrimitiveArray,
    StringViewArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};

use crate::expression::{EvaluationContext, Rows, Value};

/// A function, ready to run.
pub(crate) type Kernel = Box<dyn Fn(&Call<'_>) -> Result<ArrayRef> + Send + Sync>;

/// One call of a kernel for a number of rows.
pub(crate) struct Call<'a> {
    /// Columns of `n_rows` rows, and constants of one.
    pub(crate) arguments: &'a [Value],
    /// Length of the result.
    pub(crate) n_rows: usize,
    /// Rows that are NULL because an argument is; none for functions that decide themselves.
    pub(crate) nulls: Option<NullBuffer>,
    /// Clock and watermark.
    pub(crate) context: &'a EvaluationContext,
}

impl<'a> Call<'a> {
    /// The argument's values by row.
    pub(crate) fn rows<A: Array + 'static>(&self, argument: usize) -> Rows<'a, A> {
        self.arguments[argument].rows()
    }

    /// A text argument by row.
    pub(crate) fn text_of(&self, argument: usize) -> impl Fn(usize) -> &'a str + Copy + use<'a> {
        let rows = self.rows::<StringViewArray>(argument);
        move |row| rows.value(rows.at(row))
    }

    /// A text or binary argument by row, as bytes.
    pub(crate) fn bytes_of(&self, argument: usize) -> Box<dyn Fn(usize) -> &'a [u8] + 'a> {
        let array = self.arguments[argument].array();
        if array.as_any().is::<StringViewArray>() {
            let text = self.text_of(argument);
            return Box::new(move |row| text(row).as_bytes());
        }
        let rows = self.rows::<BinaryViewArray>(argument);
        Box::new(move |row| rows.value(rows.at(row)))
    }

    /// A number argument by row.
    pub(crate) fn number_of<T: ArrowPrimitiveType>(
        &self,
        argument: usize,
    ) -> impl Fn(usize) -> T::Native + Copy + use<'a, T> {
        let rows = self.rows::<PrimitiveArray<T>>(argument);
        move |row| rows.value(rows.at(row))
    }

    /// Whether the argument has a value in that row.
    pub(crate) fn is_valid(&self, argument: usize, row: usize) -> bool {
        let value = &self.arguments[argument];
        value.array().is_valid(if value.is_constant() { 0 } else { row })
    }

    /// Whether the row has a result at all.
    pub(crate) fn has_result(&self, row: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }

    /// A number for each row that has a result.
    pub(crate) fn numbers<T: ArrowPrimitiveType>(
        &self,
        f: impl Fn(usize) -> T::Native,
    ) -> ArrayRef {
        let mut values = vec![T::Native::default(); self.n_rows];
        match &self.nulls {
            None => values.iter_mut().enumerate().for_each(|(row, value)| *value = f(row)),
            Some(nulls) => nulls.valid_indices().for_each(|row| values[row] = f(row)),
        }
        Arc::new(PrimitiveArray::<T>::new(values.into(), self.nulls.clone()))
    }

    /// A number or NULL for each row that has a result.
    pub(crate) fn try_numbers<T: ArrowPrimitiveType>(
        &self,
        mut f: impl FnMut(usize) -> Result<Option<T::Native>>,
    ) -> Result<PrimitiveArray<T>> {
        let rows = (0..self.n_rows).map(|row| if self.has_result(row) { f(row) } else { Ok(None) });
        rows.collect()
    }

    /// A BOOLEAN for each row that has a result.
    pub(crate) fn booleans(&self, f: impl Fn(usize) -> bool) -> ArrayRef {
        let has_result = |row| self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let values = BooleanBuffer::collect_bool(self.n_rows, |row| has_result(row) && f(row));
        Arc::new(BooleanArray::new(values, self.nulls.clone()))
    }

    /// A BOOLEAN or NULL for each row that has a result.
    pub(crate) fn try_booleans(
        &self,
        mut f: impl FnMut(usize) -> Result<Option<bool>>,
    ) -> Result<ArrayRef> {
        let rows = (0..self.n_rows).map(|row| if self.has_result(row) { f(row) } else { Ok(None) });
        Ok(Arc::new(rows.collect::<Result<BooleanArray>>()?))
    }

    /// A text for each row that has a result: `f` writes it and says whether it is one; NULL
    /// otherwise.
    pub(crate) fn texts(
        &self,
        mut f: impl FnMut(usize, &mut String) -> Result<bool>,
    ) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(self.n_rows);
        let mut text = String::new();
        for row in 0..self.n_rows {
            text.clear();
            match self.has_result(row) && f(row, &mut text)? {
                true => builder.append_value(&text),
                false => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// A text that stands somewhere already, or NULL, for each row that has a result.
    pub(crate) fn parts<'t>(&self, f: impl Fn(usize) -> Option<&'t str>) -> ArrayRef {
        let mut builder = StringViewBuilder::with_capacity(self.n_rows);
        for row in 0..self.n_rows {
            builder.append_option(if self.has_result(row) { f(row) } else { None });
        }
        Arc::new(builder.finish())
    }

    /// Bytes for each row that has a result, written like [`Call::texts`].
    pub(crate) fn binaries(
        &self,
        mut f: impl FnMut(usize, &mut Vec<u8>) -> Result<bool>,
    ) -> Result<ArrayRef> {
        let mut builder = BinaryViewBuilder::with_capacity(self.n_rows);
        let mut bytes = Vec::new();
        for row in 0..self.n_rows {
            bytes.clear();
            match self.has_result(row) && f(row, &mut bytes)? {
                true => builder.append_value(&bytes),
                false => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }
}
