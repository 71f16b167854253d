//! What the rows of a batch change: results before and after each row, as rows of a changelog.

use argus_base::{Result, RowKind};
use argus_state::KeyCodec;
use argus_state::key_codec::EncodedKeys;
use arrow_array::{Array, ArrayRef};

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
    /// Each reading as bytes; empty where nobody compares.
    encoded: Vec<EncodedKeys>,
}

/// A reading, and a position in it.
type Place = (usize, usize);

impl Results {
    pub fn new(n_aggregates: usize) -> Results {
        Results { columns: vec![Vec::new(); n_aggregates], rows: Vec::new(), encoded: Vec::new() }
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
            let columns: Vec<ArrayRef> =
                self.columns.iter().map(|columns| columns[reading].clone()).collect();
            let mut encoded = EncodedKeys::default();
            codec.encode(&columns, rows.len(), &mut encoded);
            self.encoded.push(encoded);
        }
    }

    fn are_equal(&self, left: Place, right: Place) -> bool {
        !self.encoded.is_empty()
            && self.encoded[left.0].key(left.1) == self.encoded[right.0].key(right.1)
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
        let mut last_of_slot = std::collections::HashMap::new();
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
