//! Encodes rows as bare Avro records of the derived schema.

use argus_base::{Field, LogicalType, Result, TypeRoot};
use arrow_array::ArrayRef;

use super::super::cells::{CellValues, Cells, all_cells, elements};
use super::super::{Encoded, Encoder};
use super::wire::{write_decimal, write_long, write_sized};

/// Encoder of one writer.
pub(super) struct AvroEncoder {
    schema: Vec<Field>,
    plans: Vec<Plan>,
}

/// Which values of a type have a union around them.
struct Plan {
    nullable: bool,
    inner: Vec<Plan>,
}

impl Plan {
    fn new(logical_type: &LogicalType) -> Plan {
        let inner = match &logical_type.root {
            TypeRoot::Array(inner) | TypeRoot::Map(_, inner) => vec![Plan::new(inner)],
            TypeRoot::Multiset(_) => vec![Plan { nullable: true, inner: Vec::new() }],
            TypeRoot::Row(fields) => fields.iter().map(|f| Plan::new(&f.logical_type)).collect(),
            _ => Vec::new(),
        };
        // The null type has no union around it.
        let nullable = logical_type.nullable && logical_type.root != TypeRoot::Null;
        Plan { nullable, inner }
    }
}

impl AvroEncoder {
    /// An encoder of rows of a schema that Avro can carry.
    pub fn new(schema: &[Field]) -> AvroEncoder {
        let plans = schema.iter().map(|field| Plan::new(&field.logical_type)).collect();
        AvroEncoder { schema: schema.to_vec(), plans }
    }
}

impl Encoder for AvroEncoder {
    fn encode(&mut self, columns: &[ArrayRef], n_rows: usize) -> Result<Encoded> {
        let cells = all_cells(columns, &self.schema)?;
        let mut encoded = Encoded::default();
        for row in 0..n_rows {
            let start = encoded.bytes.len();
            if let Err(reason) = write_record(&mut encoded.bytes, &self.plans, &cells, row) {
                encoded.bytes.truncate(start);
                encoded.failures.push((row, reason));
            }
            encoded.ends.push(encoded.bytes.len());
        }
        Ok(encoded)
    }
}

type Written = std::result::Result<(), String>;

fn write_record(out: &mut Vec<u8>, plans: &[Plan], cells: &[Cells<'_>], row: usize) -> Written {
    plans.iter().zip(cells).try_for_each(|(plan, cells)| write_value(out, plan, cells, row))
}

fn write_value(out: &mut Vec<u8>, plan: &Plan, cells: &Cells<'_>, row: usize) -> Written {
    let is_null = cells.is_null(row);
    if plan.nullable {
        write_long(out, i64::from(!is_null));
    } else if is_null && !matches!(cells.values, CellValues::Null) {
        return Err("a NULL in a column that is NOT NULL".to_owned());
    }
    if is_null {
        return Ok(());
    }
    match &cells.values {
        CellValues::List { offsets, element } => {
            let items = elements(offsets, row);
            if !items.is_empty() {
                write_long(out, items.len() as i64);
                for i in items {
                    write_value(out, &plan.inner[0], element, i)?;
                }
            }
            write_long(out, 0);
        }
        CellValues::Map { offsets, keys, values } => {
            let items = elements(offsets, row);
            if !items.is_empty() {
                write_long(out, items.len() as i64);
                for i in items {
                    write_leaf(out, &keys.values, i);
                    write_value(out, &plan.inner[0], values, i)?;
                }
            }
            write_long(out, 0);
        }
        CellValues::Row(columns) => write_record(out, &plan.inner, columns, row)?,
        leaf => write_leaf(out, leaf, row),
    }
    Ok(())
}

fn write_leaf(out: &mut Vec<u8>, values: &CellValues<'_>, row: usize) {
    match values {
        CellValues::Null => {}
        CellValues::Boolean(values) => out.push(u8::from(values.value(row))),
        CellValues::TinyInt(values) => write_long(out, i64::from(values[row])),
        CellValues::SmallInt(values) => write_long(out, i64::from(values[row])),
        CellValues::Int(values)
        | CellValues::Date(values)
        | CellValues::Time(values)
        | CellValues::IntervalMonths(values) => write_long(out, i64::from(values[row])),
        // A column's unit is that of its schema: milliseconds up to three fraction digits,
        // microseconds up to six.
        CellValues::BigInt(values)
        | CellValues::Timestamp { values, .. }
        | CellValues::IntervalMillis(values) => write_long(out, values[row]),
        CellValues::Float(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        CellValues::Double(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        CellValues::Decimal { unscaled, .. } => write_decimal(out, unscaled[row]),
        CellValues::Text(values) => write_sized(out, values.value(row).as_bytes()),
        CellValues::Bytes(values) => write_sized(out, values.value(row)),
        CellValues::List { .. } | CellValues::Map { .. } | CellValues::Row(_) => {
            unreachable!("nested values are no leaves")
        }
    }
}
