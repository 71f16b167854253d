//! How the values of a column reach a column of the database.

use std::borrow::Cow;

use argus_base::{Field, LogicalType, TypeRoot};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use postgres::types::ToSql;

use super::catalog::DbColumn;
use crate::jdbc::text::{write_instant, write_sql};

/// A column of the job's table bound to one of the database's.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Name in the database.
    pub column: String,
    /// Type in the database without its length, as SQL.
    pub column_type: String,
    /// Type in the job.
    pub logical_type: LogicalType,
    /// How the parameter is sent.
    pub encoding: Encoding,
    /// What the server makes of it before it goes into the column; `None` where the assignment
    /// itself converts, and refuses what does not fit.
    pub cast: Option<String>,
}

/// The element type of the parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// bool.
    Bool,
    /// int2.
    Int2,
    /// int4.
    Int4,
    /// int8.
    Int8,
    /// float4.
    Float4,
    /// float8.
    Float8,
    /// text, of a character column.
    Text,
    /// bytea.
    Bytes,
    /// text, of any other column.
    Formatted,
}

impl Encoding {
    /// Name of the type.
    pub fn sql_type(self) -> &'static str {
        match self {
            Encoding::Bool => "bool",
            Encoding::Int2 => "int2",
            Encoding::Int4 => "int4",
            Encoding::Int8 => "int8",
            Encoding::Float4 => "float4",
            Encoding::Float8 => "float8",
            Encoding::Text | Encoding::Formatted => "text",
            Encoding::Bytes => "bytea",
        }
    }
}

/// What a database type is to a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Bool,
    Integer,
    Real,
    Numeric,
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
    Array,
    Interval,
    /// json, uuid, an enum: whatever reads its own text.
    Other,
}

fn family(column: &DbColumn) -> Family {
    match column.base_type.as_str() {
        "bool" => Family::Bool,
        "int2" | "int4" | "int8" | "oid" => Family::Integer,
        "float4" | "float8" => Family::Real,
        "numeric" | "money" => Family::Numeric,
        "text" | "varchar" | "bpchar" | "name" | "citext" => Family::Text,
        "bytea" => Family::Bytes,
        "date" => Family::Date,
        "time" | "timetz" => Family::Time,
        "timestamp" | "timestamptz" => Family::Timestamp,
        "interval" => Family::Interval,
        _ if column.is_array => Family::Array,
        _ => Family::Other,
    }
}

impl Binding {
    /// Binds a column; says why where no value of the one could be kept in the other.
    pub fn new(field: &Field, column: &DbColumn) -> Result<Binding, String> {
        let Some((encoding, cast)) = conversion(&field.logical_type.root, column) else {
            return Err(format!(
                "the column '{}' of type {} cannot be written to '{}' of type {}",
                field.name, field.logical_type.root, column.name, column.type_name
            ));
        };
        Ok(Binding {
            column: column.name.clone(),
            column_type: column.type_sql.clone(),
            logical_type: field.logical_type.clone(),
            encoding,
            cast,
        })
    }

    /// The value in a SELECT list from `u (c0, …)`.
    pub fn expression(&self, i: usize) -> String {
        self.cast.as_ref().map_or_else(|| format!("u.c{i}"), |cast| format!("u.c{i}::{cast}"))
    }
}

/// How values are sent and cast, or `None` where they cannot be kept.
///
/// A cast to the column's own type would cut what is too long; the assignment refuses it. float4
/// and float8 are sent to numeric as text, since the server's own conversion rounds them.
fn conversion(root: &TypeRoot, column: &DbColumn) -> Option<(Encoding, Option<String>)> {
    use Family::{Array, Bool, Bytes, Date, Integer, Numeric, Other, Real, Text, Time, Timestamp};
    let family = family(column);
    let plain = |encoding| Some((encoding, None));
    let cast = |name: &str| Some((Encoding::Formatted, Some(name.to_owned())));
    match (root, family) {
        (TypeRoot::Char(_) | TypeRoot::VarChar(_), Text) => plain(Encoding::Text),
        (TypeRoot::Char(_) | TypeRoot::VarChar(_), Other) => {
            Some((Encoding::Text, Some(column.type_sql.clone())))
        }
        (TypeRoot::Boolean, Bool) => plain(Encoding::Bool),
        (TypeRoot::TinyInt | TypeRoot::SmallInt, Integer | Real | Numeric) => plain(Encoding::Int2),
        (TypeRoot::Int, Integer | Real | Numeric) => plain(Encoding::Int4),
        (TypeRoot::BigInt, Integer | Real | Numeric) => plain(Encoding::Int8),
        (TypeRoot::Float, Real) => plain(Encoding::Float4),
        (TypeRoot::Double, Real) => plain(Encoding::Float8),
        (TypeRoot::Float | TypeRoot::Double, Numeric) => cast("numeric"),
        (TypeRoot::Decimal { .. }, Numeric | Real) => cast("numeric"),
        (TypeRoot::Decimal { scale: 0, .. }, Integer) => cast("numeric"),
        (TypeRoot::Binary(_) | TypeRoot::VarBinary(_), Bytes) => plain(Encoding::Bytes),
        (TypeRoot::Date, Date | Timestamp) => cast("date"),
        (TypeRoot::Time(_), Time) => cast("time"),
        (TypeRoot::Timestamp { .. }, Timestamp) => cast("timestamp"),
        (TypeRoot::TimestampLtz { .. }, Timestamp) => cast("timestamptz"),
        (TypeRoot::Array(element), Array) if has_text(&element.root) => cast(&column.type_sql),
        (_, Text) if has_text(root) => plain(Encoding::Formatted),
        _ => None,
    }
}

/// Whether the text of a value says all of it.
fn has_text(root: &TypeRoot) -> bool {
    let is_time = matches!(root, TypeRoot::Date | TypeRoot::Time(_)) || root.is_timestamp();
    is_time || root.is_numeric() || root.is_character() || *root == TypeRoot::Boolean
}

/// The parameter of a column's values.
pub fn parameter<'a>(binding: &Binding, array: &'a dyn Array) -> Box<dyn ToSql + Sync + 'a> {
    match binding.encoding {
        Encoding::Bool => Box::new(array.as_boolean().iter().collect::<Vec<_>>()),
        Encoding::Int2 => Box::new(small_integers(array)),
        Encoding::Int4 => Box::new(array.as_primitive::<Int32Type>().iter().collect::<Vec<_>>()),
        Encoding::Int8 => Box::new(array.as_primitive::<Int64Type>().iter().collect::<Vec<_>>()),
        Encoding::Float4 => {
            Box::new(array.as_primitive::<Float32Type>().iter().collect::<Vec<_>>())
        }
        Encoding::Float8 => {
            Box::new(array.as_primitive::<Float64Type>().iter().collect::<Vec<_>>())
        }
        Encoding::Text => {
            let values = array.as_string_view().iter();
            Box::new(
                values.map(|value| value.map(Cow::Borrowed)).collect::<Vec<Option<Cow<str>>>>(),
            )
        }
        Encoding::Bytes => Box::new(array.as_binary_view().iter().collect::<Vec<Option<&[u8]>>>()),
        Encoding::Formatted => Box::new(texts(&binding.logical_type, array)),
    }
}

fn small_integers(array: &dyn Array) -> Vec<Option<i16>> {
    match array.as_primitive_opt::<Int8Type>() {
        Some(tiny) => tiny.iter().map(|value| value.map(i16::from)).collect(),
        None => array.as_primitive::<Int16Type>().iter().collect(),
    }
}

fn texts(logical_type: &LogicalType, array: &dyn Array) -> Vec<Option<String>> {
    let is_instant = matches!(logical_type.root, TypeRoot::TimestampLtz { .. });
    let text = |i: usize| {
        let mut out = String::new();
        if is_instant {
            write_instant(&mut out, array, i);
        } else {
            write_sql(&mut out, logical_type, array, i);
        }
        out
    };
    (0..array.len()).map(|i| (!array.is_null(i)).then(|| text(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(root: TypeRoot, base_type: &str) -> Option<(Encoding, Option<String>)> {
        let column = DbColumn {
            name: "c".to_owned(),
            base_type: base_type.to_owned(),
            type_name: base_type.to_owned(),
            type_sql: base_type.to_owned(),
            is_array: base_type.starts_with('_'),
            must_be_written: false,
        };
        conversion(&root, &column)
    }

    #[test]
    fn what_can_be_kept_is_taken_and_nothing_else() {
        let decimal = |scale| TypeRoot::Decimal { precision: 10, scale };
        assert_eq!(bind(TypeRoot::BigInt, "int4"), Some((Encoding::Int8, None)));
        assert_eq!(bind(TypeRoot::STRING, "varchar"), Some((Encoding::Text, None)));
        assert_eq!(bind(TypeRoot::STRING, "uuid"), Some((Encoding::Text, Some("uuid".into()))));
        let numeric = Some((Encoding::Formatted, Some("numeric".to_owned())));
        assert_eq!(bind(decimal(2), "numeric"), numeric);
        assert_eq!(bind(TypeRoot::Double, "numeric"), numeric);
        assert_eq!(bind(decimal(0), "int8"), numeric);
        assert!(bind(TypeRoot::Array(Box::new(TypeRoot::Int.nullable())), "_int4").is_some());
        for (root, base_type) in [
            (decimal(2), "int8"),
            (TypeRoot::Double, "int8"),
            (TypeRoot::STRING, "int4"),
            (TypeRoot::STRING, "timestamp"),
            (TypeRoot::timestamp(3), "date"),
            (TypeRoot::BYTES, "text"),
            (TypeRoot::Row(Vec::new()), "jsonb"),
        ] {
            assert_eq!(bind(root.clone(), base_type), None, "{root} {base_type}");
        }
    }
}
