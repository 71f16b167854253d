//! Avro schemas, and the one Flink 2.2 derives from a table.
//!
//! The derived schema is a record `record` in the namespace `org.apache.flink.avro.generated`;
//! a ROW in field `f` is a record `record_f`, and so on down. A nullable type is the union
//! `["null", type]`, with the default null where it is a field. On a topic the top-level record
//! stands bare. (Flink's file sink wraps it in a union with null; ours does not, since hardly
//! any other reader takes such a file, and both are read.)
//!
//! | SQL | Avro |
//! |---|---|
//! | BOOLEAN | boolean |
//! | TINYINT, SMALLINT, INT; BIGINT | int; long |
//! | FLOAT, DOUBLE | float, double |
//! | CHAR, VARCHAR | string |
//! | BINARY, VARBINARY | bytes |
//! | DECIMAL(p, s) | bytes, logical type decimal |
//! | DATE; TIME | int, logical types date; time-millis |
//! | TIMESTAMP(p ≤ 3), legacy mapping | long, logical type timestamp-millis |
//! | TIMESTAMP(p), otherwise | long, local-timestamp-millis (p ≤ 3) or -micros (p ≤ 6) |
//! | TIMESTAMP_LTZ(p), otherwise | long, timestamp-millis (p ≤ 3) or -micros (p ≤ 6) |
//! | ARRAY; MAP, MULTISET | array; map, whose keys are strings |

use std::fmt::Write;
use std::sync::Arc;

use argus_base::{Field, LogicalType, TypeRoot};
use arrow_schema::TimeUnit;

/// A schema.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Schema {
    Null,
    Boolean,
    Int(IntKind),
    Long(LongKind),
    Float,
    Double,
    /// `decimal` is the scale, where it is one.
    Bytes {
        decimal: Option<DecimalKind>,
    },
    String,
    Fixed {
        size: usize,
        decimal: Option<DecimalKind>,
    },
    Enum(Arc<[String]>),
    Array(Arc<Schema>),
    Map(Arc<Schema>),
    Record(Arc<Record>),
    Union(Vec<Schema>),
}

/// A record.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    /// Without namespace.
    pub name: String,
    pub fields: Vec<RecordField>,
}

/// A field of a record.
#[derive(Debug, PartialEq)]
pub(super) struct RecordField {
    pub name: String,
    pub schema: Schema,
}

/// What an int stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntKind {
    Plain,
    Date,
    TimeMillis,
}

/// What a long stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LongKind {
    Plain,
    TimeMicros,
    /// A point in time; `local` is a wall clock's.
    Timestamp {
        unit: TimeUnit,
        local: bool,
    },
}

/// Digits of a decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DecimalKind {
    pub precision: u8,
    pub scale: u8,
}

/// The record of a table with these columns. Says which column Avro cannot carry.
pub(super) fn derive(fields: &[Field], legacy_timestamps: bool) -> Result<Arc<Record>, String> {
    derive_record(fields, "record".to_owned(), legacy_timestamps)
        .map_err(|(path, why)| format!("column '{path}': {why}"))
}

/// A path of names, and why what stands there cannot be.
type Refusal = (String, String);

fn derive_record(
    fields: &[Field],
    name: String,
    legacy_timestamps: bool,
) -> Result<Arc<Record>, Refusal> {
    let mut derived: Vec<RecordField> = Vec::new();
    for field in fields {
        let refuse = |why: String| (field.name.clone(), why);
        if !is_name(&field.name) {
            return Err(refuse(
                "an Avro name has only letters, digits and '_', and begins with \
                               no digit"
                    .to_owned(),
            ));
        }
        let nested_name = format!("{name}_{}", field.name);
        let schema = derive_type(&field.logical_type, nested_name, legacy_timestamps);
        let schema = schema.map_err(|(path, why)| {
            let dot = if path.is_empty() { "" } else { "." };
            (format!("{}{dot}{path}", field.name), why)
        })?;
        derived.push(RecordField { name: field.name.clone(), schema });
    }
    Ok(Arc::new(Record { name, fields: derived }))
}

fn derive_type(
    logical_type: &LogicalType,
    name: String,
    legacy_timestamps: bool,
) -> Result<Schema, Refusal> {
    let refuse = |why: String| Err((String::new(), why));
    let schema = match &logical_type.root {
        TypeRoot::Null => return Ok(Schema::Null),
        TypeRoot::Boolean => Schema::Boolean,
        TypeRoot::TinyInt | TypeRoot::SmallInt | TypeRoot::Int => Schema::Int(IntKind::Plain),
        TypeRoot::BigInt => Schema::Long(LongKind::Plain),
        TypeRoot::Float => Schema::Float,
        TypeRoot::Double => Schema::Double,
        TypeRoot::Decimal { precision, scale } => {
            let (precision, scale) = (*precision, *scale);
            Schema::Bytes { decimal: Some(DecimalKind { precision, scale }) }
        }
        TypeRoot::Char(_) | TypeRoot::VarChar(_) => Schema::String,
        TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => Schema::Bytes { decimal: None },
        TypeRoot::Date => Schema::Int(IntKind::Date),
        TypeRoot::Time(_) => Schema::Int(IntKind::TimeMillis),
        TypeRoot::Timestamp { precision, .. } if legacy_timestamps => {
            if *precision > 3 {
                return refuse(format!(
                    "Avro carries {logical_type} only with 'avro.timestamp_mapping.legacy' = \
                     'false'; otherwise at most TIMESTAMP(3)"
                ));
            }
            Schema::Long(LongKind::Timestamp { unit: TimeUnit::Millisecond, local: false })
        }
        TypeRoot::TimestampLtz { .. } if legacy_timestamps => {
            return refuse(format!(
                "Avro carries {logical_type} only with 'avro.timestamp_mapping.legacy' = 'false'"
            ));
        }
        TypeRoot::Timestamp { precision, .. } | TypeRoot::TimestampLtz { precision, .. } => {
            let local = matches!(logical_type.root, TypeRoot::Timestamp { .. });
            let unit = argus_base::logical_type::timestamp_unit(*precision);
            if unit == TimeUnit::Nanosecond {
                return refuse(format!(
                    "Avro carries at most six fraction digits, not {logical_type}"
                ));
            }
            Schema::Long(LongKind::Timestamp { unit, local })
        }
        TypeRoot::Array(element) => {
            Schema::Array(Arc::new(derive_type(element, name, legacy_timestamps)?))
        }
        TypeRoot::Map(key, _) | TypeRoot::Multiset(key) if !key.root.is_character() => {
            return refuse(format!("keys in Avro are strings, so they cannot be {key}"));
        }
        TypeRoot::Map(_, value) => {
            Schema::Map(Arc::new(derive_type(value, name, legacy_timestamps)?))
        }
        // A count is never NULL, but this is what Flink writes.
        TypeRoot::Multiset(_) => Schema::Map(Arc::new(nullable(Schema::Int(IntKind::Plain)))),
        TypeRoot::Row(fields) => Schema::Record(derive_record(fields, name, legacy_timestamps)?),
        TypeRoot::IntervalYearMonth | TypeRoot::IntervalDayTime => {
            return refuse(format!("Avro has nothing for {logical_type}"));
        }
    };
    Ok(if logical_type.nullable { nullable(schema) } else { schema })
}

fn nullable(schema: Schema) -> Schema {
    Schema::Union(vec![Schema::Null, schema])
}

fn is_name(name: &str) -> bool {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts_well && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A derived record as JSON, as Avro's Java library prints it.
pub(super) fn render(record: &Record) -> String {
    let mut out = String::new();
    render_record(&mut out, record, "\"namespace\":\"org.apache.flink.avro.generated\",");
    out
}

fn render_record(out: &mut String, record: &Record, namespace: &str) {
    push(out, format_args!("{{\"type\":\"record\",\"name\":\"{}\",{namespace}", record.name));
    out.push_str("\"fields\":[");
    for (i, field) in record.fields.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        push(out, format_args!("{comma}{{\"name\":\"{}\",\"type\":", field.name));
        render_schema(out, &field.schema);
        if matches!(field.schema, Schema::Union(_)) {
            out.push_str(",\"default\":null");
        }
        out.push('}');
    }
    out.push_str("]}");
}

fn render_schema(out: &mut String, schema: &Schema) {
    match schema {
        Schema::Null => out.push_str("\"null\""),
        Schema::Boolean => out.push_str("\"boolean\""),
        Schema::Int(IntKind::Plain) => out.push_str("\"int\""),
        Schema::Int(IntKind::Date) => render_logical(out, "int", "date"),
        Schema::Int(IntKind::TimeMillis) => render_logical(out, "int", "time-millis"),
        Schema::Long(LongKind::Plain) => out.push_str("\"long\""),
        Schema::Long(LongKind::TimeMicros) => render_logical(out, "long", "time-micros"),
        Schema::Long(LongKind::Timestamp { unit, local }) => {
            let local = if *local { "local-" } else { "" };
            let unit = match unit {
                TimeUnit::Second | TimeUnit::Millisecond => "millis",
                TimeUnit::Microsecond => "micros",
                TimeUnit::Nanosecond => "nanos",
            };
            render_logical(out, "long", &format!("{local}timestamp-{unit}"));
        }
        Schema::Float => out.push_str("\"float\""),
        Schema::Double => out.push_str("\"double\""),
        Schema::String => out.push_str("\"string\""),
        Schema::Bytes { decimal: None } => out.push_str("\"bytes\""),
        Schema::Bytes { decimal: Some(DecimalKind { precision, scale }) } => push(
            out,
            format_args!(
                "{{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":{precision},\
                 \"scale\":{scale}}}"
            ),
        ),
        Schema::Array(element) => render_around(out, "{\"type\":\"array\",\"items\":", element),
        Schema::Map(value) => render_around(out, "{\"type\":\"map\",\"values\":", value),
        Schema::Record(record) => render_record(out, record, ""),
        Schema::Union(branches) => {
            out.push('[');
            for (i, branch) in branches.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                render_schema(out, branch);
            }
            out.push(']');
        }
        Schema::Fixed { .. } | Schema::Enum(_) => unreachable!("no table has such a schema"),
    }
}

fn render_logical(out: &mut String, wire: &str, logical: &str) {
    push(out, format_args!("{{\"type\":\"{wire}\",\"logicalType\":\"{logical}\"}}"));
}

fn render_around(out: &mut String, opening: &str, inner: &Schema) {
    out.push_str(opening);
    render_schema(out, inner);
    out.push('}');
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a string takes every character");
}
