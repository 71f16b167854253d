//! What the rows of a batch change: results before and after each row, as rows of a changelog.

use std::collections::HashMap;
use std::sync::Arc;

use argus_base::{Result, RowKind};
use argus_state::KeyCodec;
use argus_state::key_codec::EncodedKeys;
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, ArrowNativeTypeOp};
use arrow_schema::DataType;

/// At most one row of each key.
#[derive(Default)]
pub(super) struct Round {
    /// Positions in the batch, ascending.
    pub rows: Vec<u32>,
    /// Slot of each row's key.
    pub slots: Vec<u32>,
}

impl Round {
    pub fn push(&mut self, row: u32, slot: u32) {
        self.rows.push(row);
        self.slots.push(slot);
    }
}

/// Results as they were read: before the batch, then after each round.
pub(super) struct Results {
    /// By aggregate, then by reading.
    columns: Vec<Vec<ArrayRef>>,
    /// Rows of each reading.
    rows: Vec<Vec<u32>>,
    /// Each reading in a form to compare; empty where nobody does.
    comparable: Vec<Comparable>,
}

/// Results of one reading. Two are equal as Java's `==` has it: NaN is not equal to itself, 0 and
/// −0 are equal.
#[derive(Default)]
struct Comparable {
    encoded: EncodedKeys,
    /// Whether there is a NaN among the results; empty where none can be.
    has_nan: Vec<bool>,
}

/// A reading, and a position in it.
type Place = (usize, usize);

impl Results {
    pub fn new(n_aggregates: usize) -> Results {
        let columns = vec![Vec::new(); n_aggregates];
        Results { columns, rows: Vec::new(), comparable: Vec::new() }
    }

    /// Adds the results that belong to those rows of the batch.
    pub fn push(&mut self, rows: &[u32], results: Vec<ArrayRef>) {
        self.rows.push(rows.to_vec());
        for (columns, result) in self.columns.iter_mut().zip(results) {
            columns.push(result);
        }
    }

    /// Makes results comparable.
    pub fn encode(&mut self, codec: &KeyCodec) {
        for (reading, rows) in self.rows.iter().enumerate() {
            let mut comparable = Comparable::default();
            let columns = self.columns.iter().map(|columns| &columns[reading]);
            let columns: Vec<ArrayRef> = columns.map(|column| comparable.plain(column)).collect();
            codec.encode(&columns, rows.len(), &mut comparable.encoded);
            self.comparable.push(comparable);
        }
    }

    fn are_equal(&self, left: Place, right: Place) -> bool {
        let (Some(one), Some(other)) = (self.comparable.get(left.0), self.comparable.get(right.0))
        else {
            return false;
        };
        let has_nan = other.has_nan.get(right.1).is_some_and(|has_nan| *has_nan);
        !has_nan && one.encoded.key(left.1) == other.encoded.key(right.1)
    }
}

impl Comparable {
    /// The column without −0, after a look for NaN.
    fn plain(&mut self, column: &ArrayRef) -> ArrayRef {
        match column.data_type() {
            DataType::Float32 => self.plain_floats::<Float32Type>(column, f32::is_nan, 0.0),
            DataType::Float64 => self.plain_floats::<Float64Type>(column, f64::is_nan, 0.0),
            _ => column.clone(),
        }
    }

    fn plain_floats<T: ArrowPrimitiveType>(
        &mut self,
        column: &ArrayRef,
        is_nan: fn(T::Native) -> bool,
        zero: T::Native,
    ) -> ArrayRef {
        let floats = column.as_primitive::<T>();
        self.has_nan.resize(floats.len(), false);
        for (has_nan, value) in self.has_nan.iter_mut().zip(floats.values()) {
            *has_nan |= is_nan(*value);
        }
        // −0 + 0 is 0.
        Arc::new(floats.unary::<_, T>(|value| value.add_wrapping(zero)))
    }
}

/// Rows of a changelog.
pub(super) struct Changes {
    pub kinds: Vec<RowKind>,
    /// The row of the batch that each comes of.
    pub rows: Vec<u32>,
    /// Where each finds its results.
    places: Vec<Place>,
    results: Results,
}

impl Changes {
    /// The changes in the order of the batch's rows. `is_first` says of which rows the key had no
    /// result before.
    pub fn new(
        rounds: &[Round],
        is_first: &[bool],
        results: Results,
        sends_before: bool,
    ) -> Changes {
        let mut after: Vec<Place> = vec![(0, 0); is_first.len()];
        let mut before: Vec<Option<Place>> = vec![None; is_first.len()];
        for (position, row) in results.rows[0].iter().enumerate() {
            before[*row as usize] = Some((0, position));
        }
        let mut last_of_slot = HashMap::new();
        for (round, of_round) in rounds.iter().enumerate() {
            for (position, (row, slot)) in of_round.rows.iter().zip(&of_round.slots).enumerate() {
                let place = (round + 1, position);
                after[*row as usize] = place;
                if rounds.len() > 1
                    && let Some(last) = last_of_slot.insert(*slot, place)
                {
                    before[*row as usize] = Some(last);
                }
            }
        }
        let (kinds, rows, places) = (Vec::new(), Vec::new(), Vec::new());
        let mut changes = Changes { kinds, rows, places, results };
        for (row, (before, after)) in (0_u32..).zip(before.into_iter().zip(after)) {
            let Some(before) = before else {
                changes.push(RowKind::Insert, row, after);
                continue;
            };
            if changes.results.are_equal(before, after) {
                continue;
            }
            if sends_before {
                changes.push(RowKind::UpdateBefore, row, before);
            }
            changes.push(RowKind::UpdateAfter, row, after);
        }
        changes
    }

    fn push(&mut self, kind: RowKind, row: u32, place: Place) {
        self.kinds.push(kind);
        self.rows.push(row);
        self.places.push(place);
    }

    /// The results of the changes, a column an aggregate.
    pub fn columns(&self) -> Result<Vec<ArrayRef>> {
        let column = |columns: &Vec<ArrayRef>| {
            let columns: Vec<&dyn Array> = columns.iter().map(|column| column.as_ref()).collect();
            Ok(arrow_select::interleave::interleave(&columns, &self.places)?)
        };
        self.results.columns.iter().map(column).collect()
    }
}
