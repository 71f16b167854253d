//! Compiles a writer's schema and the wanted columns into steps: what to read, what to skip.
//!
//! Between Avro's schema resolution and ours there are two differences. Timestamps of another
//! unit and decimals of another scale are converted, where Avro takes the bare number; and an
//! enum may be read as text.

use argus_base::{Field, LogicalType, TypeRoot};
use arrow_schema::TimeUnit;

use super::schema::{DecimalKind, LongKind, Record, Schema};

/// Most steps of a program: a schema that names one record over and over grows without end.
const MAX_STEPS: usize = 100_000;

/// How to read one value into its column.
#[derive(Debug)]
pub(super) enum Op {
    /// No bytes; a NULL.
    Null,
    Boolean,
    /// Into an integer, FLOAT, DOUBLE, DATE or TIME.
    Int,
    /// Into a BIGINT, FLOAT or DOUBLE.
    Long,
    /// Into a timestamp.
    Timestamp(TimeUnit),
    /// Into a TIME.
    TimeMicros,
    /// Into a FLOAT or DOUBLE.
    Float,
    Double,
    /// Into text or bytes.
    Sized,
    Fixed(usize),
    Enum(std::sync::Arc<[String]>),
    /// Into a DECIMAL; `size` is that of a fixed, `scale` the writer's.
    Decimal {
        size: Option<usize>,
        scale: u8,
    },
    /// A union of null, at that position, and something.
    Nullable {
        null_index: i64,
        op: Box<Op>,
    },
    Union(Vec<Op>),
    /// A branch of a union that does not fit the column.
    Mismatch(String),
    Array(Items),
    Map(Items),
    Record(RecordOp),
}

/// The items of an array or map.
#[derive(Debug)]
pub(super) struct Items {
    /// How one is read.
    pub op: Box<Op>,
    /// How one is skipped.
    pub skip: Skip,
    /// Whether one takes no bytes, so that their number says nothing about the message's length.
    pub is_empty: bool,
}

/// How to read a record into the columns of a row.
#[derive(Debug, Default)]
pub(super) struct RecordOp {
    pub steps: Vec<Step>,
    /// Columns the writer does not have.
    pub absent: Vec<usize>,
}

/// A step of a record.
#[derive(Debug)]
pub(super) enum Step {
    Skip(Skip),
    Read { target: usize, name: Box<str>, op: Op },
}

/// How to pass over a value.
#[derive(Debug)]
pub(super) enum Skip {
    /// So many bytes.
    Bytes(usize),
    /// An int or long.
    Number,
    /// Bytes or a string.
    Sized,
    Sequence(Vec<Skip>),
    Union(Vec<Skip>),
    Array {
        item: Box<Skip>,
        is_empty: bool,
    },
    Map(Box<Skip>),
}

/// Compiles a top-level schema, a record or a union with one, for wanted columns.
pub(super) fn compile(writer: &Schema, wanted: &[Field]) -> Result<Op, String> {
    let row = TypeRoot::Row(wanted.to_vec()).nullable();
    let op = Compiler { n_steps: 0 }.op(writer, &row)?;
    match op {
        Op::Record(_) | Op::Nullable { .. } | Op::Union(_) => Ok(op),
        _ => Err("expected a record at the top of the schema".to_owned()),
    }
}

/// How to pass over a whole value.
pub(super) fn compile_skip(writer: &Schema) -> Result<Skip, String> {
    Compiler { n_steps: 0 }.skip(writer)
}

struct Compiler {
    n_steps: usize,
}

impl Compiler {
    fn count(&mut self) -> Result<(), String> {
        self.n_steps += 1;
        if self.n_steps > MAX_STEPS { Err("the schema is too large".to_owned()) } else { Ok(()) }
    }

    fn op(&mut self, writer: &Schema, wanted: &LogicalType) -> Result<Op, String> {
        self.count()?;
        Ok(match (writer, &wanted.root) {
            (Schema::Union(branches), _) => self.union(branches, wanted)?,
            (Schema::Null, _) => Op::Null,
            (Schema::Boolean, TypeRoot::Boolean) => Op::Boolean,
            (
                Schema::Int(_),
                TypeRoot::TinyInt
                | TypeRoot::SmallInt
                | TypeRoot::Int
                | TypeRoot::BigInt
                | TypeRoot::Float
                | TypeRoot::Double
                | TypeRoot::Date
                | TypeRoot::Time(_),
            ) => Op::Int,
            (Schema::Long(_), TypeRoot::BigInt | TypeRoot::Float | TypeRoot::Double) => Op::Long,
            (Schema::Long(kind), root) if root.is_timestamp() => match kind {
                LongKind::Timestamp { unit, .. } => Op::Timestamp(*unit),
                _ => Op::Timestamp(TimeUnit::Millisecond),
            },
            (Schema::Long(LongKind::TimeMicros), TypeRoot::Time(_)) => Op::TimeMicros,
            (Schema::Float, root) if root.is_approximate() => Op::Float,
            (Schema::Double, TypeRoot::Double) => Op::Double,
            (Schema::Bytes { decimal }, TypeRoot::Decimal { scale, .. }) => {
                Op::Decimal { size: None, scale: scale_of(*decimal, *scale) }
            }
            (Schema::Fixed { size, decimal }, TypeRoot::Decimal { scale, .. }) => {
                Op::Decimal { size: Some(*size), scale: scale_of(*decimal, *scale) }
            }
            (Schema::String | Schema::Bytes { .. }, root)
                if root.is_character() || root.is_binary() =>
            {
                Op::Sized
            }
            (Schema::Fixed { size, .. }, root) if root.is_binary() => Op::Fixed(*size),
            (Schema::Enum(symbols), root) if root.is_character() => Op::Enum(symbols.clone()),
            (Schema::Array(item), TypeRoot::Array(element)) => {
                Op::Array(self.items(item, element)?)
            }
            (Schema::Map(item), TypeRoot::Map(key, value)) if key.root.is_character() => {
                Op::Map(self.items(item, value)?)
            }
            (Schema::Map(item), TypeRoot::Multiset(key)) if key.root.is_character() => {
                Op::Map(self.items(item, &TypeRoot::Int.not_null())?)
            }
            (Schema::Record(record), TypeRoot::Row(fields)) => {
                Op::Record(self.record(record, fields)?)
            }
            _ => return Err(format!("{} cannot be read as {wanted}", name_of(writer))),
        })
    }

    fn items(&mut self, item: &Schema, wanted: &LogicalType) -> Result<Items, String> {
        let (op, skip) = (Box::new(self.op(item, wanted)?), self.skip(item)?);
        Ok(Items { op, is_empty: skip.is_empty(), skip })
    }

    fn union(&mut self, branches: &[Schema], wanted: &LogicalType) -> Result<Op, String> {
        let mut ops: Vec<Op> = Vec::new();
        for branch in branches {
            ops.push(self.op(branch, wanted).unwrap_or_else(Op::Mismatch));
        }
        if let Some(Op::Mismatch(why)) = ops.iter().find(|op| matches!(op, Op::Mismatch(_)))
            && ops.iter().all(|op| matches!(op, Op::Mismatch(_) | Op::Null))
        {
            return Err(why.clone());
        }
        if ops.len() == 2
            && let Some(null_index) = ops.iter().position(|op| matches!(op, Op::Null))
        {
            let op = Box::new(ops.swap_remove(1 - null_index));
            return Ok(Op::Nullable { null_index: null_index as i64, op });
        }
        Ok(Op::Union(ops))
    }

    fn record(&mut self, record: &Record, wanted: &[Field]) -> Result<RecordOp, String> {
        let mut compiled = RecordOp::default();
        for field in &record.fields {
            self.count()?;
            let target = wanted.iter().position(|wanted| wanted.name == field.name);
            let Some(target) = target else {
                let skip = self.skip(&field.schema)?;
                compiled.push_skip(skip);
                continue;
            };
            let op = self
                .op(&field.schema, &wanted[target].logical_type)
                .map_err(|why| format!("field '{}': {why}", field.name))?;
            compiled.steps.push(Step::Read { target, name: field.name.as_str().into(), op });
        }
        for (target, field) in wanted.iter().enumerate() {
            if record.fields.iter().any(|written| written.name == field.name) {
                continue;
            }
            if !field.logical_type.nullable {
                return Err(format!("field '{}' is not there, but is NOT NULL", field.name));
            }
            compiled.absent.push(target);
        }
        Ok(compiled)
    }

    fn skip(&mut self, schema: &Schema) -> Result<Skip, String> {
        self.count()?;
        Ok(match schema {
            Schema::Null => Skip::Bytes(0),
            Schema::Boolean => Skip::Bytes(1),
            Schema::Int(_) | Schema::Long(_) | Schema::Enum(_) => Skip::Number,
            Schema::Float => Skip::Bytes(4),
            Schema::Double => Skip::Bytes(8),
            Schema::Bytes { .. } | Schema::String => Skip::Sized,
            Schema::Fixed { size, .. } => Skip::Bytes(*size),
            Schema::Array(item) => {
                let item = self.skip(item)?;
                Skip::Array { is_empty: item.is_empty(), item: Box::new(item) }
            }
            Schema::Map(item) => Skip::Map(Box::new(self.skip(item)?)),
            Schema::Union(branches) => {
                let skips: Result<_, String> = branches.iter().map(|b| self.skip(b)).collect();
                Skip::Union(skips?)
            }
            Schema::Record(record) => {
                let mut sequence = Vec::new();
                for field in &record.fields {
                    push_skip(&mut sequence, self.skip(&field.schema)?);
                }
                Skip::Sequence(sequence)
            }
        })
    }
}

impl RecordOp {
    fn push_skip(&mut self, skip: Skip) {
        let mut sequence = Vec::new();
        push_skip(&mut sequence, skip);
        for skip in sequence {
            match (self.steps.last_mut(), skip) {
                (Some(Step::Skip(Skip::Bytes(last))), Skip::Bytes(more)) => *last += more,
                (_, skip) => self.steps.push(Step::Skip(skip)),
            }
        }
    }
}

/// Appends a step, flat and with runs of plain bytes as one.
fn push_skip(sequence: &mut Vec<Skip>, skip: Skip) {
    match (sequence.last_mut(), skip) {
        (_, Skip::Bytes(0)) => {}
        (_, Skip::Sequence(inner)) => inner.into_iter().for_each(|s| push_skip(sequence, s)),
        (Some(Skip::Bytes(last)), Skip::Bytes(more)) => *last = last.saturating_add(more),
        (_, skip) => sequence.push(skip),
    }
}

impl Skip {
    /// Whether the value takes no bytes.
    fn is_empty(&self) -> bool {
        match self {
            Skip::Bytes(n_bytes) => *n_bytes == 0,
            Skip::Sequence(steps) => steps.iter().all(Skip::is_empty),
            _ => false,
        }
    }
}

fn scale_of(decimal: Option<DecimalKind>, wanted: u8) -> u8 {
    decimal.map_or(wanted, |decimal| decimal.scale)
}

fn name_of(schema: &Schema) -> &'static str {
    match schema {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Int(_) => "int",
        Schema::Long(_) => "long",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Bytes { .. } => "bytes",
        Schema::String => "string",
        Schema::Fixed { .. } => "fixed",
        Schema::Enum(_) => "enum",
        Schema::Array(_) => "array",
        Schema::Map(_) => "map",
        Schema::Record(_) => "record",
        Schema::Union(_) => "union",
    }
}
