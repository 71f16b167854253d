//! Encodes rows as JSON objects, as Jackson prints what Flink makes of them.
//!
//! Learned from Flink 2.2: decimals lose their trailing zeros (100.00 is `1E+2`) unless
//! `encode.decimal-as-plain-number` is set, which keeps them all; a TIME loses its fraction;
//! `encode.ignore-null-fields` is about the fields of rows, not about elements and map values.

use argus_base::{Field, LogicalType, Result, TypeRoot};
use arrow_array::ArrayRef;

use super::super::base64_text;
use super::super::cells::{CellValues, Cells, all_cells, elements};
use super::super::number::{
    write_decimal, write_decimal_stripped, write_double, write_float, write_integer,
};
use super::super::temporal::{DateTime, Standard, write_date, write_time, write_timestamp};
use super::super::{Encoded, Encoder, FormatContext};
use super::text::write_string;

/// What the options say about encoding.
#[derive(Clone)]
pub(super) struct EncodeOptions {
    pub standard: Standard,
    pub plain_decimals: bool,
    pub ignore_null_fields: bool,
    pub null_key: NullKey,
}

/// What to do about a NULL key of a map.
#[derive(Clone)]
pub(super) enum NullKey {
    Fail,
    Drop,
    Literal(String),
}

/// Encoder of one writer.
pub(super) struct JsonEncoder {
    schema: Vec<Field>,
    plan: RowPlan,
    options: EncodeOptions,
}

/// The names of a type's fields, as they are written.
enum Plan {
    Leaf,
    Element(Box<Plan>),
    Row(RowPlan),
}

struct RowPlan {
    /// `"name":` and the plan of its value.
    fields: Vec<(Vec<u8>, Plan)>,
}

impl JsonEncoder {
    /// An encoder of whole rows.
    pub fn new(context: &FormatContext<'_>, options: EncodeOptions) -> JsonEncoder {
        let schema = context.schema.to_vec();
        JsonEncoder { plan: RowPlan::new(&schema), schema, options }
    }
}

impl Encoder for JsonEncoder {
    fn encode(&mut self, columns: &[ArrayRef], n_rows: usize) -> Result<Encoded> {
        let cells = all_cells(columns, &self.schema)?;
        let mut encoded = Encoded::default();
        for row in 0..n_rows {
            let start = encoded.bytes.len();
            if let Err(reason) = self.row(&mut encoded.bytes, &self.plan, &cells, row) {
                encoded.bytes.truncate(start);
                encoded.failures.push((row, reason));
            }
            encoded.ends.push(encoded.bytes.len());
        }
        Ok(encoded)
    }
}

impl RowPlan {
    fn new(fields: &[Field]) -> RowPlan {
        let named = |field: &Field| {
            let mut name = Vec::new();
            write_string(&mut name, field.name.as_bytes());
            name.push(b':');
            (name, Plan::new(&field.logical_type))
        };
        RowPlan { fields: fields.iter().map(named).collect() }
    }
}

impl Plan {
    fn new(logical_type: &LogicalType) -> Plan {
        match &logical_type.root {
            TypeRoot::Array(value) | TypeRoot::Map(_, value) => {
                Plan::Element(Box::new(Plan::new(value)))
            }
            TypeRoot::Multiset(_) => Plan::Element(Box::new(Plan::Leaf)),
            TypeRoot::Row(fields) => Plan::Row(RowPlan::new(fields)),
            _ => Plan::Leaf,
        }
    }
}

impl JsonEncoder {
    fn row(
        &self,
        out: &mut Vec<u8>,
        plan: &RowPlan,
        cells: &[Cells<'_>],
        row: usize,
    ) -> std::result::Result<(), String> {
        out.push(b'{');
        let start = out.len();
        for ((name, plan), cells) in plan.fields.iter().zip(cells) {
            if self.options.ignore_null_fields && cells.is_null(row) {
                continue;
            }
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(name);
            self.value(out, plan, cells, row)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn value(
        &self,
        out: &mut Vec<u8>,
        plan: &Plan,
        cells: &Cells<'_>,
        row: usize,
    ) -> std::result::Result<(), String> {
        if cells.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match (&cells.values, plan) {
            (CellValues::List { offsets, element }, Plan::Element(plan)) => {
                out.push(b'[');
                let elements = elements(offsets, row);
                for i in elements.clone() {
                    if i > elements.start {
                        out.push(b',');
                    }
                    self.value(out, plan, element, i)?;
                }
                out.push(b']');
            }
            (CellValues::Map { offsets, keys, values }, Plan::Element(plan)) => {
                out.push(b'{');
                let start = out.len();
                for i in elements(offsets, row) {
                    let before = out.len();
                    if before > start {
                        out.push(b',');
                    }
                    if self.key(out, keys, i)? {
                        self.value(out, plan, values, i)?;
                    } else {
                        out.truncate(before);
                    }
                }
                out.push(b'}');
            }
            (CellValues::Row(columns), Plan::Row(plan)) => self.row(out, plan, columns, row)?,
            (values, _) => self.leaf(out, values, row),
        }
        Ok(())
    }

    /// Writes `"key":`; false where the entry is to be dropped.
    fn key(
        &self,
        out: &mut Vec<u8>,
        keys: &Cells<'_>,
        i: usize,
    ) -> std::result::Result<bool, String> {
        let CellValues::Text(texts) = &keys.values else { unreachable!("keys are text") };
        let key = match &self.options.null_key {
            _ if !keys.is_null(i) => texts.value(i),
            NullKey::Literal(literal) => literal,
            NullKey::Drop => return Ok(false),
            NullKey::Fail => {
                return Err("a map with a NULL key; map-null-key.mode can drop the entry or \
                            write a literal"
                    .to_owned());
            }
        };
        write_string(out, key.as_bytes());
        out.push(b':');
        Ok(true)
    }

    fn leaf(&self, out: &mut Vec<u8>, values: &CellValues<'_>, row: usize) {
        match values {
            CellValues::Null => out.extend_from_slice(b"null"),
            CellValues::Boolean(values) => {
                out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
            }
            CellValues::TinyInt(values) => write_integer(out, i64::from(values[row])),
            CellValues::SmallInt(values) => write_integer(out, i64::from(values[row])),
            CellValues::Int(values) | CellValues::IntervalMonths(values) => {
                write_integer(out, i64::from(values[row]));
            }
            CellValues::BigInt(values) | CellValues::IntervalMillis(values) => {
                write_integer(out, values[row]);
            }
            CellValues::Float(values) if values[row].is_finite() => write_float(out, values[row]),
            CellValues::Float(values) => quoted(out, |out| write_float(out, values[row])),
            CellValues::Double(values) if values[row].is_finite() => {
                write_double(out, values[row]);
            }
            CellValues::Double(values) => quoted(out, |out| write_double(out, values[row])),
            CellValues::Decimal { unscaled, scale } if self.options.plain_decimals => {
                write_decimal(out, unscaled[row], *scale);
            }
            CellValues::Decimal { unscaled, scale } => {
                write_decimal_stripped(out, unscaled[row], *scale);
            }
            CellValues::Text(values) => write_string(out, values.value(row).as_bytes()),
            CellValues::Bytes(values) => quoted(out, |out| {
                base64_text::write(out, values.value(row));
            }),
            CellValues::Date(values) => quoted(out, |out| write_date(out, i64::from(values[row]))),
            CellValues::Time(values) => quoted(out, |out| {
                write_time(out, i64::from(values[row] / 1000) * 1_000_000_000);
            }),
            CellValues::Timestamp { values, unit, local } => quoted(out, |out| {
                let timestamp = DateTime::from_unit(values[row], *unit);
                write_timestamp(out, timestamp, self.options.standard, *local);
            }),
            CellValues::List { .. } | CellValues::Map { .. } | CellValues::Row(_) => {
                unreachable!("nested values have nested plans")
            }
        }
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}
