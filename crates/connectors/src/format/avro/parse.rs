//! Reads a writer's schema from its JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_schema::TimeUnit;
use serde_json::{Map, Value};

use super::schema::{DecimalKind, IntKind, LongKind, Record, RecordField, Schema};

/// The schema a text says. Records that contain themselves are refused: no column holds them.
pub(super) fn parse(json: &str) -> Result<Schema, String> {
    let value = serde_json::from_str(json).map_err(|error| format!("no JSON: {error}"))?;
    Parser::default().schema(&value, "")
}

#[derive(Default)]
struct Parser {
    /// Named types by full name.
    named: BTreeMap<String, Schema>,
    /// Full names of the records around the current place.
    open: BTreeSet<String>,
}

impl Parser {
    fn schema(&mut self, value: &Value, namespace: &str) -> Result<Schema, String> {
        match value {
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => {
                let branches: Result<_, String> =
                    branches.iter().map(|branch| self.schema(branch, namespace)).collect();
                Ok(Schema::Union(branches?))
            }
            Value::Object(object) => match object.get("type") {
                Some(Value::String(kind)) => self.object(kind, object, namespace),
                Some(inner) => self.schema(inner, namespace),
                None => Err("a schema without a type".to_owned()),
            },
            other => Err(format!("expected a schema, found {other}")),
        }
    }

    /// A primitive type or a name defined before.
    fn named(&self, name: &str, namespace: &str) -> Result<Schema, String> {
        Ok(match name {
            "null" => Schema::Null,
            "boolean" => Schema::Boolean,
            "int" => Schema::Int(IntKind::Plain),
            "long" => Schema::Long(LongKind::Plain),
            "float" => Schema::Float,
            "double" => Schema::Double,
            "bytes" => Schema::Bytes { decimal: None },
            "string" => Schema::String,
            _ => {
                let full_name = full_name(name, namespace);
                if self.open.contains(&full_name) {
                    return Err(format!("the record {full_name} contains itself"));
                }
                let found = self.named.get(&full_name).or_else(|| self.named.get(name));
                return found.cloned().ok_or_else(|| format!("unknown type {full_name}"));
            }
        })
    }

    fn object(
        &mut self,
        kind: &str,
        object: &Map<String, Value>,
        namespace: &str,
    ) -> Result<Schema, String> {
        let logical = object.get("logicalType").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "record" | "error" => self.record(object, namespace),
            "enum" => {
                let symbols: Option<Arc<[String]>> = array(object, "symbols")?
                    .iter()
                    .map(|s| s.as_str().map(str::to_owned))
                    .collect();
                let symbols = symbols.ok_or("the symbols of an enum are strings")?;
                self.define(object, namespace, Schema::Enum(symbols))
            }
            "fixed" => {
                let size = object.get("size").and_then(Value::as_u64);
                let size = size.and_then(|size| i32::try_from(size).ok());
                let size = size.ok_or("a fixed without a size")? as usize;
                let decimal = if logical == "decimal" { decimal(object) } else { None };
                self.define(object, namespace, Schema::Fixed { size, decimal })
            }
            "array" => {
                let items = object.get("items").ok_or("an array without items")?;
                Ok(Schema::Array(Arc::new(self.schema(items, namespace)?)))
            }
            "map" => {
                let values = object.get("values").ok_or("a map without values")?;
                Ok(Schema::Map(Arc::new(self.schema(values, namespace)?)))
            }
            "int" => Ok(Schema::Int(match logical {
                "date" => IntKind::Date,
                "time-millis" => IntKind::TimeMillis,
                _ => IntKind::Plain,
            })),
            "long" => Ok(Schema::Long(long_kind(logical))),
            "bytes" if logical == "decimal" => Ok(Schema::Bytes { decimal: decimal(object) }),
            _ => self.named(kind, namespace),
        }
    }

    fn record(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<Schema, String> {
        let full_name = name_of(object, namespace)?;
        let inner_namespace = full_name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        self.open.insert(full_name.clone());
        let mut fields = Vec::new();
        for field in array(object, "fields")? {
            let name = field.get("name").and_then(Value::as_str).ok_or("a field without a name")?;
            let schema = field.get("type").ok_or_else(|| format!("field '{name}' has no type"))?;
            let schema = self.schema(schema, inner_namespace)?;
            if fields.iter().any(|other: &RecordField| other.name == name) {
                return Err(format!("two fields have the name '{name}'"));
            }
            fields.push(RecordField { name: name.to_owned(), schema });
        }
        self.open.remove(&full_name);
        let name = full_name.rsplit('.').next().unwrap_or_default().to_owned();
        self.define(object, namespace, Schema::Record(Arc::new(Record { name, fields })))
    }

    fn define(
        &mut self,
        object: &Map<String, Value>,
        namespace: &str,
        schema: Schema,
    ) -> Result<Schema, String> {
        self.named.insert(name_of(object, namespace)?, schema.clone());
        Ok(schema)
    }
}

fn name_of(object: &Map<String, Value>, namespace: &str) -> Result<String, String> {
    let name = object.get("name").and_then(Value::as_str).ok_or("a named type without a name")?;
    let own = object.get("namespace").and_then(Value::as_str);
    Ok(full_name(name, own.unwrap_or(namespace)))
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        return name.to_owned();
    }
    format!("{namespace}.{name}")
}

fn array<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a Vec<Value>, String> {
    object.get(key).and_then(Value::as_array).ok_or_else(|| format!("a named type without {key}"))
}

fn long_kind(logical: &str) -> LongKind {
    let (local, name) = match logical.strip_prefix("local-") {
        Some(name) => (true, name),
        None => (false, logical),
    };
    let unit = match name {
        "timestamp-millis" => TimeUnit::Millisecond,
        "timestamp-micros" => TimeUnit::Microsecond,
        "timestamp-nanos" => TimeUnit::Nanosecond,
        "time-micros" => return LongKind::TimeMicros,
        _ => return LongKind::Plain,
    };
    LongKind::Timestamp { unit, local }
}

/// A decimal of digits that we can hold; any other is bare bytes.
fn decimal(object: &Map<String, Value>) -> Option<DecimalKind> {
    let digits = |key| object.get(key).and_then(Value::as_u64).and_then(|n| u8::try_from(n).ok());
    let (precision, scale) = (digits("precision")?, digits("scale").unwrap_or(0));
    (precision <= 38 && scale <= 38).then_some(DecimalKind { precision, scale })
}
