//! The state of an aggregation as rows, one for each key of a slice: what seals give, runs
//! hold, and restores take back.
//!
//! Behind the columns that all rows of state begin with stand those of each aggregate: its partial
//! form, column `n` of which is named `<state name of the call>.<n>`. This naming is a stable
//! format: rows written by any version are matched by it. Where the user has said that state may be
//! lost, a script that was edited keeps that of the aggregates that did not change: one that finds
//! no columns of its name and type starts empty, and columns that nobody knows are ignored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use argus_base::{Error, Result};
use argus_plan::AggregateCall;
use argus_state::SliceKey;
use argus_state::rows::{KeyColumns, key_schema, row_schema, slice_rows};
use argus_state::slice_store::Slice;
use argus_state::snapshot::KEY_COLUMNS;
use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::window_aggregate::{Accumulators, Spec};
use crate::aggregate::Slots;

/// Most rows made at once: keys of as many rows must not fill 2 GiB.
pub(crate) const MAX_ROWS: usize = 1 << 18;

/// How the state of an aggregation is laid out in rows.
pub(crate) struct StateLayout {
    pub schema: SchemaRef,
    key_types: Vec<DataType>,
    /// Columns of each aggregate.
    columns: Vec<Vec<Field>>,
    /// Whether stored rows may have other aggregates: what is gone is dropped, and what is new
    /// begins empty.
    pub allows_loss: bool,
}

/// Column: processing time of a key's last row, in milliseconds; NULL where nobody knows. It comes
/// and goes with the time to live.
pub(super) const UPDATED: &str = "updated";

/// Where rows that were read have the columns of each aggregate; `None` for one that they do not
/// know.
struct Places(Vec<Option<Vec<usize>>>);

impl StateLayout {
    /// The layout of an aggregation whose output has the keys in front.
    pub fn new(spec: &Spec, output: &Schema) -> Result<StateLayout> {
        let keys = output.fields()[..spec.aggregate.keys.len()].to_vec();
        StateLayout::of(&spec.aggregate.aggregates, &spec.accumulators()?, keys, Vec::new())
    }

    /// The layout of aggregates by those keys, with columns of the operator's own behind them.
    pub fn of(
        calls: &[AggregateCall],
        accumulators: &Accumulators,
        keys: Vec<FieldRef>,
        own: Vec<Field>,
    ) -> Result<StateLayout> {
        let key_types = keys.iter().map(|field| field.data_type().clone()).collect();
        let mut n_equal: HashMap<&str, usize> = HashMap::new();
        let mut columns = Vec::new();
        for (call, accumulator) in calls.iter().zip(accumulators) {
            let ordinal = n_equal.entry(&call.state_name).or_insert(0);
            *ordinal += 1;
            let name = match *ordinal {
                1 => call.state_name.clone(),
                other => format!("{}#{other}", call.state_name),
            };
            let types = accumulator.partial_types().into_iter().enumerate();
            let fields = types.map(|(n, of)| Field::new(format!("{name}.{n}"), of, true));
            columns.push(fields.collect::<Vec<Field>>());
        }
        let all = columns.concat().into_iter().chain(own).collect();
        let schema = row_schema(&Schema::new(keys), all)?;
        Ok(StateLayout { schema, key_types, columns, allows_loss: false })
    }

    /// The rows of those slots of a slice, in batches.
    pub fn rows(
        &self,
        key: SliceKey,
        slice: &Slice<Accumulators>,
        slots: &[u32],
    ) -> Result<Vec<RecordBatch>> {
        let batch = |slots: &[u32]| {
            let columns = partials(&slice.values, slots)?;
            slice_rows(&self.schema, key, slice.keys.keys(slots), columns)
        };
        slots.chunks(MAX_ROWS).map(batch).collect()
    }

    /// Adds the given rows of a batch to a slice, as groups of their own: those whose key the slice
    /// has already are left out, since a newer row brought it.
    pub fn insert_new(
        &self,
        slice: &mut Slice<Accumulators>,
        batch: &RecordBatch,
        rows: &[u32],
    ) -> Result<()> {
        let keys = KeyColumns::of(batch)?.keys;
        let first = slice.keys.len();
        let mut slots = Vec::with_capacity(rows.len());
        let keys = rows.iter().map(|row| keys.value(*row as usize));
        slice.keys.find_or_insert_all(keys, &mut slots);
        let mut fresh = Vec::with_capacity(rows.len());
        for (row, slot) in rows.iter().zip(slots) {
            if slot as usize == first + fresh.len() {
                fresh.push(*row);
            }
        }
        let slots: Vec<u32> = (number(first)..number(slice.keys.len())).collect();
        self.merge_rows(&mut slice.values, batch, &fresh, (&slots, slice.keys.len()))
    }

    /// Merges the given rows of a batch into a slice.
    pub fn merge(
        &self,
        slice: &mut Slice<Accumulators>,
        batch: &RecordBatch,
        rows: &[u32],
    ) -> Result<()> {
        let keys = KeyColumns::of(batch)?.keys;
        let mut slots = Vec::with_capacity(rows.len());
        let keys = rows.iter().map(|row| keys.value(*row as usize));
        slice.keys.find_or_insert_all(keys, &mut slots);
        self.merge_rows(&mut slice.values, batch, rows, (&slots, slice.keys.len()))
    }

    /// Merges row `rows[i]` of a batch into slot `slots[i]` of `n_slots`.
    pub fn merge_rows(
        &self,
        values: &mut Accumulators,
        batch: &RecordBatch,
        rows: &[u32],
        (slots, n_slots): (&[u32], usize),
    ) -> Result<()> {
        let places = self.places(&batch.schema());
        let is_whole = rows.len() == batch.num_rows();
        let indices = UInt32Array::from(rows.to_vec());
        for (accumulator, places) in values.iter_mut().zip(places.0) {
            accumulator.resize(n_slots);
            let Some(places) = places else { continue };
            let mut partial = Vec::new();
            for place in places {
                let column = batch.column(place);
                partial.push(match is_whole {
                    true => column.clone(),
                    false => arrow_select::take::take(column, &indices, None)?,
                });
            }
            accumulator.merge(slots, &partial)?;
        }
        Ok(())
    }

    fn places(&self, schema: &Schema) -> Places {
        let place = |field: &Field| {
            let (index, stored) = schema.column_with_name(field.name())?;
            stored.data_type().equals_datatype(field.data_type()).then_some(index)
        };
        let of_all = |fields: &Vec<Field>| fields.iter().map(place).collect();
        Places(self.columns.iter().map(of_all).collect())
    }

    /// Makes sure that stored rows are those of the script.
    pub fn check(&self, rows: &Schema) -> Result<()> {
        self.check_aggregates(rows)?;
        self.check_keys(rows)
    }

    fn check_aggregates(&self, rows: &Schema) -> Result<()> {
        let others = |from: &Schema, than: &Schema| -> Vec<String> {
            let columns = from.fields().iter().filter(|field| !is_key_or_own(field));
            let is_missing = |field: &&FieldRef| {
                let found = than.column_with_name(field.name());
                found.is_none_or(|(_, other)| !other.data_type().equals_datatype(field.data_type()))
            };
            let names = columns.filter(is_missing).map(|field| aggregate_of(field.name()));
            names.collect::<BTreeSet<&str>>().into_iter().map(str::to_owned).collect()
        };
        let (gone, new) = (others(rows, &self.schema), others(&self.schema, rows));
        if self.allows_loss || (gone.is_empty() && new.is_empty()) {
            return Ok(());
        }
        let list = |of: Vec<String>| if of.is_empty() { "none".to_owned() } else { of.join(", ") };
        let message = format!(
            "the script has other aggregates than the state that was kept (gone: {}; new: {}): \
             change it back, or give --allow-state-loss OPERATOR, which drops those that are gone \
             and begins the new ones empty",
            list(gone),
            list(new)
        );
        Err(Error::user("AR5201", message))
    }

    /// Makes sure that the keys of stored rows are those of the script.
    fn check_keys(&self, rows: &Schema) -> Result<()> {
        if rows.metadata() == self.schema.metadata() {
            return Ok(());
        }
        let stored = key_schema(rows)?;
        let types = stored.fields().iter().map(|field| field.data_type());
        if types.clone().eq(&self.key_types) {
            return Ok(());
        }
        let list = |types: Vec<&DataType>| {
            types.iter().map(|of| of.to_string()).collect::<Vec<String>>().join(", ")
        };
        let message = format!(
            "the keys of an aggregation have the types ({}), but in the state that was kept they \
             have ({}); state cannot follow a key whose type changes",
            list(self.key_types.iter().collect()),
            list(types.collect()),
        );
        Err(Error::user("AR5002", message))
    }
}

fn is_key_or_own(field: &Field) -> bool {
    KEY_COLUMNS.contains(&field.name().as_str()) || field.name() == UPDATED
}

/// The aggregate that a column is one of.
fn aggregate_of(column: &str) -> &str {
    column.rsplit_once('.').map_or(column, |(name, _)| name)
}

/// The partial forms of those slots.
pub(crate) fn partials(values: &Accumulators, slots: &[u32]) -> Result<Vec<ArrayRef>> {
    let mut columns = Vec::new();
    for accumulator in values {
        columns.extend(accumulator.partial(&Slots::List(slots))?);
    }
    Ok(columns)
}

/// The rows of a batch by slice.
pub(crate) fn rows_by_slice(batch: &RecordBatch) -> Result<BTreeMap<SliceKey, Vec<u32>>> {
    let columns = KeyColumns::of(batch)?;
    let mut slices: BTreeMap<SliceKey, Vec<u32>> = BTreeMap::new();
    let mut from = 0;
    while from < batch.num_rows() {
        let key = columns.slice(from);
        let same = (from..batch.num_rows()).take_while(|row| columns.slice(*row) == key);
        let until = from + same.count();
        slices.entry(key).or_default().extend(number(from)..number(until));
        from = until;
    }
    Ok(slices)
}

/// Bytes that a slice holds, about.
pub(crate) fn slice_bytes(slice: &Slice<Accumulators>) -> usize {
    let accumulators: usize = slice.values.iter().map(|accumulator| accumulator.n_bytes()).sum();
    slice.keys.n_bytes() + slice.dirty.n_bytes() + accumulators
}

fn number(slot: usize) -> u32 {
    u32::try_from(slot).expect("slots and rows are 32-bit")
}
