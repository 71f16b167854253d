//! Flink's logical types, their SQL spelling, and the one Arrow layout each of them has.
//!
//! | logical type | Arrow |
//! |---|---|
//! | BOOLEAN, TINYINT … BIGINT, FLOAT, DOUBLE | Boolean, Int8 … Int64, Float32, Float64 |
//! | DECIMAL(p, s) | Decimal128(p, s) |
//! | CHAR(n), VARCHAR(n), STRING | Utf8View |
//! | BINARY(n), VARBINARY(n), BYTES | BinaryView |
//! | DATE | Date32 |
//! | TIME(p) | Time32(Millisecond) |
//! | TIMESTAMP(p) | Timestamp(unit of p, no zone) |
//! | TIMESTAMP_LTZ(p) | Timestamp(unit of p, "UTC") |
//! | INTERVAL YEAR TO MONTH | Interval(YearMonth) |
//! | INTERVAL DAY TO SECOND | Duration(Millisecond) |
//! | ARRAY, MAP, MULTISET, ROW | List, Map, Map to Int32, Struct |
//!
//! The unit of a timestamp is milliseconds for p ≤ 3, microseconds for p ≤ 6, else nanoseconds
//! (then the range is 1677-09-21 to 2262-04-11).

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Fields, IntervalUnit, Schema, TimeUnit};

/// Length of STRING and BYTES: Flink's maximum.
pub const MAX_LENGTH: u32 = i32::MAX as u32;
/// Highest precision of DECIMAL.
pub const MAX_DECIMAL_PRECISION: u8 = 38;

/// A logical type with its nullability, which in SQL is part of the type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogicalType {
    /// What kind of value.
    pub root: TypeRoot,
    /// Whether NULL is a value of the type.
    pub nullable: bool,
}

/// Whether a timestamp is plain data or the time attribute of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeKind {
    /// Plain data.
    Regular,
    /// The event-time attribute: watermarks of the stream speak about this column.
    Rowtime,
    /// The processing-time attribute, PROCTIME().
    Proctime,
}

/// A logical type without nullability.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the SQL types of the same name")]
pub enum TypeRoot {
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    /// `precision` 1 to 38, `scale` 0 to `precision`.
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// Length in code points.
    Char(u32),
    /// Greatest length in code points; [`MAX_LENGTH`] is STRING.
    VarChar(u32),
    /// Length in bytes.
    Binary(u32),
    /// Greatest length in bytes; [`MAX_LENGTH`] is BYTES.
    VarBinary(u32),
    Date,
    /// Fraction digits 0 to 9 as declared; values have milliseconds.
    Time(u8),
    /// Fraction digits 0 to 9.
    Timestamp {
        precision: u8,
        kind: TimeKind,
    },
    /// Fraction digits 0 to 9.
    TimestampLtz {
        precision: u8,
        kind: TimeKind,
    },
    IntervalYearMonth,
    IntervalDayTime,
    Array(Box<LogicalType>),
    Map(Box<LogicalType>, Box<LogicalType>),
    Multiset(Box<LogicalType>),
    Row(Vec<Field>),
    /// The type of a bare NULL.
    Null,
}

/// A named field of a ROW or a column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Case-sensitive.
    pub name: String,
    /// Type of its values.
    pub logical_type: LogicalType,
}

impl Field {
    /// A field of the given name and type.
    pub fn new(name: impl Into<String>, logical_type: LogicalType) -> Field {
        Field { name: name.into(), logical_type }
    }

    /// The Arrow field of the same name.
    pub fn to_arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.logical_type.to_arrow(), self.logical_type.nullable)
    }
}

impl TypeRoot {
    /// The nullable type of this root.
    pub fn nullable(self) -> LogicalType {
        LogicalType { root: self, nullable: true }
    }

    /// The NOT NULL type of this root.
    pub fn not_null(self) -> LogicalType {
        LogicalType { root: self, nullable: false }
    }

    /// VARCHAR of the greatest length.
    pub const STRING: TypeRoot = TypeRoot::VarChar(MAX_LENGTH);
    /// VARBINARY of the greatest length.
    pub const BYTES: TypeRoot = TypeRoot::VarBinary(MAX_LENGTH);

    /// A plain TIMESTAMP(p).
    pub const fn timestamp(precision: u8) -> TypeRoot {
        TypeRoot::Timestamp { precision, kind: TimeKind::Regular }
    }

    /// A plain TIMESTAMP_LTZ(p).
    pub const fn timestamp_ltz(precision: u8) -> TypeRoot {
        TypeRoot::TimestampLtz { precision, kind: TimeKind::Regular }
    }

    /// TINYINT, SMALLINT, INT or BIGINT.
    pub fn is_integer(&self) -> bool {
        matches!(self, TypeRoot::TinyInt | TypeRoot::SmallInt | TypeRoot::Int | TypeRoot::BigInt)
    }

    /// FLOAT or DOUBLE.
    pub fn is_approximate(&self) -> bool {
        matches!(self, TypeRoot::Float | TypeRoot::Double)
    }

    /// An integer, DECIMAL, FLOAT or DOUBLE.
    pub fn is_numeric(&self) -> bool {
        self.is_integer() || self.is_approximate() || matches!(self, TypeRoot::Decimal { .. })
    }

    /// CHAR or VARCHAR.
    pub fn is_character(&self) -> bool {
        matches!(self, TypeRoot::Char(_) | TypeRoot::VarChar(_))
    }

    /// BINARY or VARBINARY.
    pub fn is_binary(&self) -> bool {
        matches!(self, TypeRoot::Binary(_) | TypeRoot::VarBinary(_))
    }

    /// TIMESTAMP or TIMESTAMP_LTZ.
    pub fn is_timestamp(&self) -> bool {
        matches!(self, TypeRoot::Timestamp { .. } | TypeRoot::TimestampLtz { .. })
    }

    /// The kind of a timestamp; `Regular` for every other type.
    pub fn time_kind(&self) -> TimeKind {
        match self {
            TypeRoot::Timestamp { kind, .. } | TypeRoot::TimestampLtz { kind, .. } => *kind,
            _ => TimeKind::Regular,
        }
    }

    /// The same type as plain data, no longer a time attribute.
    pub fn materialized(&self) -> TypeRoot {
        match self {
            TypeRoot::Timestamp { precision, .. } => TypeRoot::timestamp(*precision),
            TypeRoot::TimestampLtz { precision, .. } => TypeRoot::timestamp_ltz(*precision),
            other => other.clone(),
        }
    }

    fn to_arrow(&self) -> DataType {
        match self {
            TypeRoot::Boolean => DataType::Boolean,
            TypeRoot::TinyInt => DataType::Int8,
            TypeRoot::SmallInt => DataType::Int16,
            TypeRoot::Int => DataType::Int32,
            TypeRoot::BigInt => DataType::Int64,
            TypeRoot::Float => DataType::Float32,
            TypeRoot::Double => DataType::Float64,
            TypeRoot::Decimal { precision, scale } => {
                DataType::Decimal128(*precision, scale.cast_signed())
            }
            TypeRoot::Char(_) | TypeRoot::VarChar(_) => DataType::Utf8View,
            TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => DataType::BinaryView,
            TypeRoot::Date => DataType::Date32,
            TypeRoot::Time(_) => DataType::Time32(TimeUnit::Millisecond),
            TypeRoot::Timestamp { precision, .. } => {
                DataType::Timestamp(timestamp_unit(*precision), None)
            }
            TypeRoot::TimestampLtz { precision, .. } => {
                DataType::Timestamp(timestamp_unit(*precision), Some("UTC".into()))
            }
            TypeRoot::IntervalYearMonth => DataType::Interval(IntervalUnit::YearMonth),
            TypeRoot::IntervalDayTime => DataType::Duration(TimeUnit::Millisecond),
            TypeRoot::Array(element) => DataType::List(Arc::new(ArrowField::new(
                "element",
                element.to_arrow(),
                element.nullable,
            ))),
            TypeRoot::Map(key, value) => map_to_arrow(key, value),
            TypeRoot::Multiset(element) => map_to_arrow(element, &TypeRoot::Int.not_null()),
            TypeRoot::Row(fields) => DataType::Struct(arrow_fields(fields)),
            TypeRoot::Null => DataType::Null,
        }
    }
}

impl LogicalType {
    /// The Arrow type of the values.
    pub fn to_arrow(&self) -> DataType {
        self.root.to_arrow()
    }

    /// The same root with the given nullability.
    pub fn with_nullable(&self, nullable: bool) -> LogicalType {
        LogicalType { root: self.root.clone(), nullable }
    }

    /// The same type as plain data, no longer a time attribute.
    pub fn materialized(&self) -> LogicalType {
        LogicalType { root: self.root.materialized(), nullable: self.nullable }
    }
}

/// The unit in which a timestamp of that many fraction digits is kept.
pub fn timestamp_unit(precision: u8) -> TimeUnit {
    match precision {
        0..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}

/// The Arrow fields of a list of fields, in order.
pub fn arrow_fields(fields: &[Field]) -> Fields {
    fields.iter().map(Field::to_arrow).collect()
}

/// The Arrow schema of a table with these columns.
pub fn arrow_schema(fields: &[Field]) -> Arc<Schema> {
    Arc::new(Schema::new(arrow_fields(fields)))
}

fn map_to_arrow(key: &LogicalType, value: &LogicalType) -> DataType {
    let entries = Fields::from(vec![
        ArrowField::new("key", key.to_arrow(), false),
        ArrowField::new("value", value.to_arrow(), value.nullable),
    ]);
    DataType::Map(Arc::new(ArrowField::new("entries", DataType::Struct(entries), false)), false)
}

impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)?;
        if !self.nullable && self.root != TypeRoot::Null {
            f.write_str(" NOT NULL")?;
        }
        Ok(())
    }
}

/// Flink's summary string, as DESCRIBE and SHOW CREATE TABLE print it.
impl fmt::Display for TypeRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeRoot::Boolean => f.write_str("BOOLEAN"),
            TypeRoot::TinyInt => f.write_str("TINYINT"),
            TypeRoot::SmallInt => f.write_str("SMALLINT"),
            TypeRoot::Int => f.write_str("INT"),
            TypeRoot::BigInt => f.write_str("BIGINT"),
            TypeRoot::Float => f.write_str("FLOAT"),
            TypeRoot::Double => f.write_str("DOUBLE"),
            TypeRoot::Decimal { precision, scale } => write!(f, "DECIMAL({precision}, {scale})"),
            TypeRoot::Char(length) => write!(f, "CHAR({length})"),
            TypeRoot::VarChar(MAX_LENGTH) => f.write_str("STRING"),
            TypeRoot::VarChar(length) => write!(f, "VARCHAR({length})"),
            TypeRoot::Binary(length) => write!(f, "BINARY({length})"),
            TypeRoot::VarBinary(MAX_LENGTH) => f.write_str("BYTES"),
            TypeRoot::VarBinary(length) => write!(f, "VARBINARY({length})"),
            TypeRoot::Date => f.write_str("DATE"),
            TypeRoot::Time(precision) => write!(f, "TIME({precision})"),
            TypeRoot::Timestamp { precision, .. } => write!(f, "TIMESTAMP({precision})"),
            TypeRoot::TimestampLtz { precision, .. } => write!(f, "TIMESTAMP_LTZ({precision})"),
            TypeRoot::IntervalYearMonth => f.write_str("INTERVAL YEAR TO MONTH"),
            TypeRoot::IntervalDayTime => f.write_str("INTERVAL DAY TO SECOND(3)"),
            TypeRoot::Array(element) => write!(f, "ARRAY<{element}>"),
            TypeRoot::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
            TypeRoot::Multiset(element) => write!(f, "MULTISET<{element}>"),
            TypeRoot::Row(fields) => {
                f.write_str("ROW<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    let name = field.name.replace('`', "``");
                    write!(f, "{comma}`{name}` {}", field.logical_type)?;
                }
                f.write_str(">")
            }
            TypeRoot::Null => f.write_str("NULL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_flinks() {
        let row = TypeRoot::Row(vec![
            Field::new("a", TypeRoot::STRING.not_null()),
            Field::new("b", TypeRoot::Array(Box::new(TypeRoot::Int.nullable())).nullable()),
        ]);
        assert_eq!(row.not_null().to_string(), "ROW<`a` STRING NOT NULL, `b` ARRAY<INT>> NOT NULL");
        assert_eq!(TypeRoot::timestamp_ltz(3).nullable().to_string(), "TIMESTAMP_LTZ(3)");
    }

    #[test]
    fn timestamps_have_the_smallest_unit_that_holds_them() {
        assert_eq!(timestamp_unit(0), TimeUnit::Millisecond);
        assert_eq!(timestamp_unit(3), TimeUnit::Millisecond);
        assert_eq!(timestamp_unit(4), TimeUnit::Microsecond);
        assert_eq!(timestamp_unit(9), TimeUnit::Nanosecond);
    }
}
