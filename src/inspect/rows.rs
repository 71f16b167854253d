//! Rows of state as lines of JSON: the key by its columns, the slice as times of the window's own
//! time line, the accumulators by the names that state has.
//!
//! Of a key in a slice the newest row of the chain counts, as for a restore. The runs of a window
//! are partial: what they hold is added to the rest when it fires, so their rows say
//! `"partial":true`. Those of an aggregation without a window are older than its chain, and of them
//! the newest row of a key counts too.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use argus_base::key_group::key_group_range;
use argus_base::{Error, Field, LogicalType, Result, TypeRoot};
use argus_state::SliceKey;
use argus_state::manifest::{KeyedState, Manifest, OperatorState, SectionRef};
use argus_state::rows::{KeyColumns, key_schema, readable};
use argus_state::segment::SegmentReader;
use argus_state::snapshot::KEY_COLUMNS;
use argus_state::storage::Storage;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};

use super::document::Checkpoint;
use crate::output::{json, local};

/// As many rows of each operator of a checkpoint. What cannot be read is a line with `error`.
pub fn lines(storage: &Arc<dyn Storage>, shown: &Checkpoint, limit: usize) -> Result<Vec<String>> {
    let checkpoint = shown.checkpoint;
    let gone = || Error::user("AR5206", format!("checkpoint {checkpoint} has just been deleted"));
    let bytes = storage.get(&shown.path)?.ok_or_else(gone)?;
    let manifest = Manifest::decode(&bytes)?;
    let mut lines = Vec::new();
    for operator in &manifest.operators {
        let own = OfOperator { storage, operator, checkpoint, limit: lines.len() + limit };
        for (subtask, state) in operator.subtasks.iter().enumerate() {
            let Some(keyed) = &state.keyed else { continue };
            let n_subtasks = operator.subtasks.len();
            let groups = key_group_range(subtask, n_subtasks, manifest.max_parallelism);
            own.subtask(subtask, keyed, &groups, &mut lines);
        }
    }
    Ok(lines)
}

/// The rows of one operator.
struct OfOperator<'a> {
    storage: &'a Arc<dyn Storage>,
    operator: &'a OperatorState,
    checkpoint: u64,
    /// No lines beyond these.
    limit: usize,
}

/// Keys that a newer row has told of.
type Seen = HashSet<(SliceKey, Vec<u8>)>;

impl OfOperator<'_> {
    fn subtask(
        &self,
        subtask: usize,
        keyed: &KeyedState,
        groups: &Range<u16>,
        lines: &mut Vec<String>,
    ) {
        let live: BTreeSet<SliceKey> = keyed.live.iter().copied().collect();
        let mut seen = Seen::new();
        let is_partial = !live.contains(&SliceKey::KEYED);
        let newest_first = keyed.chain.iter().rev().map(|section| (section, false));
        let runs = keyed.runs.iter().rev().map(|run| (run, is_partial));
        for (section, is_partial) in newest_first.chain(runs) {
            if lines.len() >= self.limit {
                return;
            }
            let part = Part { subtask, is_partial, live: &live };
            if is_partial {
                seen.clear();
            }
            if let Err(error) = self.section(&part, section, groups, &mut seen, lines) {
                let mut line = self.beginning(subtask);
                line.extend_from_slice(b",\"error\":");
                json::write_text(&mut line, &error.to_string());
                lines.push(finished(line));
            }
        }
    }

    fn section(
        &self,
        part: &Part<'_>,
        section: &SectionRef,
        groups: &Range<u16>,
        seen: &mut Seen,
        lines: &mut Vec<String>,
    ) -> Result<()> {
        let reader = SegmentReader::open(Arc::clone(self.storage), &section.segment)?;
        for batch in reader.read_state(section.section, groups.clone()) {
            let batch = batch?;
            let chosen = part.chosen(&batch, seen, self.limit - lines.len())?;
            if !chosen.is_empty() {
                self.write(part, &batch, &chosen, lines)?;
            }
            if lines.len() >= self.limit {
                break;
            }
        }
        Ok(())
    }

    fn write(
        &self,
        part: &Part<'_>,
        batch: &RecordBatch,
        chosen: &[usize],
        lines: &mut Vec<String>,
    ) -> Result<()> {
        let n_keys = key_schema(&batch.schema())?.fields().len();
        let slices = KeyColumns::of(batch)?;
        let shown = readable(batch)?;
        let keys = columns(&shown, 0..n_keys);
        // The slice and whether it is deleted stand between.
        let state = columns(&shown, n_keys + KEY_COLUMNS.len() - 1..shown.num_columns());
        for row in chosen {
            let slice = slices.slice(*row);
            let mut line = self.beginning(part.subtask);
            if slice != SliceKey::KEYED {
                let (start, end) = (local(slice.start), local(slice.end));
                let times = format!(",\"slice_start\":\"{start}\",\"slice_end\":\"{end}\"");
                line.extend_from_slice(times.as_bytes());
            }
            if part.is_partial {
                line.extend_from_slice(b",\"partial\":true");
            }
            for (name, columns) in [(&b",\"key\":{"[..], &keys), (&b",\"state\":{"[..], &state)] {
                line.extend_from_slice(name);
                write_columns(&mut line, columns, *row);
                line.push(b'}');
            }
            lines.push(finished(line));
        }
        Ok(())
    }

    fn beginning(&self, subtask: usize) -> Vec<u8> {
        let id = self.operator.operator;
        let head = format!("{{\"checkpoint\":{},\"operator\":\"{id}\",\"name\":", self.checkpoint);
        let mut line = head.into_bytes();
        json::write_text(&mut line, &self.operator.name);
        line.extend_from_slice(format!(",\"subtask\":{subtask}").as_bytes());
        line
    }
}

fn finished(mut line: Vec<u8>) -> String {
    line.push(b'}');
    String::from_utf8_lossy(&line).into_owned()
}

/// What is being read.
struct Part<'a> {
    subtask: usize,
    is_partial: bool,
    live: &'a BTreeSet<SliceKey>,
}

impl Part<'_> {
    /// Rows of a batch that count, at most `limit`.
    fn chosen(&self, batch: &RecordBatch, seen: &mut Seen, limit: usize) -> Result<Vec<usize>> {
        let columns = KeyColumns::of(batch)?;
        let mut chosen = Vec::new();
        for row in 0..batch.num_rows() {
            let slice = columns.slice(row);
            if chosen.len() < limit
                && self.live.contains(&slice)
                && seen.insert((slice, columns.keys.value(row).to_vec()))
                && !columns.deleted.value(row)
            {
                chosen.push(row);
            }
        }
        Ok(chosen)
    }
}

/// A column with its name and type.
type Column = (String, LogicalType, ArrayRef);

fn columns(batch: &RecordBatch, range: Range<usize>) -> Vec<Column> {
    let schema = batch.schema();
    let column = |index: usize| {
        let field = schema.field(index);
        let logical_type = logical_type(field.data_type())?;
        Some((field.name().clone(), logical_type, Arc::clone(batch.column(index))))
    };
    range.filter_map(column).collect()
}

fn write_columns(out: &mut Vec<u8>, columns: &[Column], row: usize) {
    for (index, (name, logical_type, array)) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::write_text(out, name);
        out.push(b':');
        json::write_value(out, logical_type, array.as_ref(), row);
    }
}

/// A type whose values have this form; `None` for one that state does not have.
fn logical_type(data_type: &DataType) -> Option<LogicalType> {
    let precision = |unit: &TimeUnit| match unit {
        TimeUnit::Second | TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    let root = match data_type {
        DataType::Null => TypeRoot::Null,
        DataType::Boolean => TypeRoot::Boolean,
        DataType::Int8 => TypeRoot::TinyInt,
        DataType::Int16 => TypeRoot::SmallInt,
        DataType::Int32 => TypeRoot::Int,
        DataType::Int64 => TypeRoot::BigInt,
        DataType::Float32 => TypeRoot::Float,
        DataType::Float64 => TypeRoot::Double,
        DataType::Decimal128(precision, scale) => {
            TypeRoot::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
        }
        DataType::Utf8View => TypeRoot::STRING,
        DataType::BinaryView => TypeRoot::BYTES,
        DataType::Date32 => TypeRoot::Date,
        DataType::Time32(_) => TypeRoot::Time(3),
        DataType::Timestamp(unit, None) => TypeRoot::timestamp(precision(unit)),
        DataType::Timestamp(unit, Some(_)) => TypeRoot::timestamp_ltz(precision(unit)),
        DataType::Interval(_) => TypeRoot::IntervalYearMonth,
        DataType::Duration(_) => TypeRoot::IntervalDayTime,
        DataType::List(element) => TypeRoot::Array(Box::new(logical_type(element.data_type())?)),
        DataType::Struct(fields) => {
            let field = |field: &arrow_schema::FieldRef| {
                Some(Field::new(field.name().as_str(), logical_type(field.data_type())?))
            };
            TypeRoot::Row(fields.iter().map(field).collect::<Option<_>>()?)
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else { return None };
            let of = |index: usize| logical_type(fields.get(index)?.data_type());
            TypeRoot::Map(Box::new(of(0)?), Box::new(of(1)?))
        }
        _ => return None,
    };
    Some(root.nullable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_state_have_a_form() {
        let roots = [
            TypeRoot::Boolean,
            TypeRoot::BigInt,
            TypeRoot::Double,
            TypeRoot::Decimal { precision: 10, scale: 2 },
            TypeRoot::STRING,
            TypeRoot::BYTES,
            TypeRoot::Date,
            TypeRoot::timestamp(3),
            TypeRoot::timestamp_ltz(9),
            TypeRoot::Array(Box::new(TypeRoot::Int.nullable())),
            TypeRoot::Map(
                Box::new(TypeRoot::STRING.nullable()),
                Box::new(TypeRoot::Int.nullable()),
            ),
            TypeRoot::Row(vec![Field::new("x", TypeRoot::Int.nullable())]),
        ];
        for root in roots {
            let field = Field::new("f", root.clone().nullable()).to_arrow();
            let found = logical_type(field.data_type()).map(|found| found.root);
            assert_eq!(found, Some(root));
        }
    }
}
