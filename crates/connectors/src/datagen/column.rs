//! What each column is made of: options and types read once into generators.
//!
//! A nested value has a path: `r.f` is field `f` of the ROW `r`, `a.element` an element of the
//! ARRAY or MULTISET `a`, `m.key` and `m.value` are the halves of a MAP's entry. Options of a path
//! are `fields.<path>.<name>`.

use std::collections::BTreeMap;

use argus_base::env::splitmix64;
use argus_base::logical_type::MAX_LENGTH;
use argus_base::nearest::nearest;
use argus_base::option::{OptionError, Options};
use argus_base::{Field, LogicalType, TypeRoot};

const DEFAULT_LENGTH: usize = 100;
const DEFAULT_ELEMENTS: usize = 3;
/// Flink's greatest period: 10,000 years.
const MAX_MONTHS: i64 = 120_000;

/// All columns of a table.
pub struct Columns {
    /// One per physical column.
    pub columns: Vec<Column>,
    /// Rows until the shortest sequence is used up; `None` without sequences.
    pub n_sequence_rows: Option<u64>,
}

/// A column, or a value inside one.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its own stream of random numbers: mixed from its path and the seed.
    pub stream: u64,
    /// Share of NULLs.
    pub null_rate: f64,
    /// Type of the values.
    pub logical_type: LogicalType,
    /// How they are made.
    pub generator: Generator,
}

/// How values are made.
#[derive(Clone, Debug)]
pub enum Generator {
    /// `start + n` for row `n`.
    Sequence {
        /// Value of row 0.
        start: i64,
    },
    /// True or false.
    Boolean,
    /// Whole numbers, both ends inclusive; also the intervals.
    Integer {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// FLOAT, DOUBLE and DECIMAL between the bounds.
    Real {
        /// Least.
        min: f64,
        /// Greatest.
        max: f64,
    },
    /// Hexadecimal digits.
    Text(Length),
    /// Any bytes.
    Bytes(Length),
    /// The row's own date or time of day.
    RowTime,
    /// The row's own time less up to this many milliseconds.
    Timestamp {
        /// Greatest distance to the row's time.
        max_past_ms: i64,
    },
    /// `n` elements.
    Array(usize, Box<Column>),
    /// `n` entries, fewer where keys repeat.
    Map(usize, Box<Column>, Box<Column>),
    /// One value a field.
    Row(Vec<Column>),
}

/// Length of a text or of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// The length, or the greatest.
    pub length: usize,
    /// Whether it is random, from 1 on.
    pub variable: bool,
}

impl Column {
    /// Makes the column's values, and those inside, depend on `salt` too.
    pub fn mix(&mut self, salt: u64) {
        self.stream = splitmix64(self.stream ^ salt);
        match &mut self.generator {
            Generator::Array(_, element) => element.mix(salt),
            Generator::Map(_, key, value) => {
                key.mix(salt);
                value.mix(salt);
            }
            Generator::Row(fields) => fields.iter_mut().for_each(|field| field.mix(salt)),
            _ => {}
        }
    }
}

impl Generator {
    /// Whether it counts rows, and nothing else decides.
    pub fn is_sequence(&self) -> bool {
        matches!(self, Generator::Sequence { .. })
    }

    /// Whether a value or a part of one is the time of its row.
    pub fn tells_time(&self) -> bool {
        match self {
            Generator::RowTime | Generator::Timestamp { .. } => true,
            Generator::Array(_, element) => element.generator.tells_time(),
            Generator::Map(_, key, value) => {
                key.generator.tells_time() || value.generator.tells_time()
            }
            Generator::Row(fields) => fields.iter().any(|field| field.generator.tells_time()),
            _ => false,
        }
    }
}

impl Columns {
    /// Reads the options of every column. `written` are all options of the table.
    pub fn plan(
        fields: &[Field],
        options: &Options,
        written: &BTreeMap<String, String>,
    ) -> Result<Columns, OptionError> {
        let mut planner = Planner { options, known: Vec::new() };
        let mut columns = Vec::new();
        let mut n_sequence_rows: Option<u64> = None;
        for field in fields {
            let kind = planner.key(&field.name, "kind");
            if options.word(&kind) == Some("sequence") {
                let (column, n_rows) = planner.sequence(field)?;
                n_sequence_rows = Some(n_sequence_rows.map_or(n_rows, |n| n.min(n_rows)));
                columns.push(column);
            } else {
                columns.push(planner.random(&field.name, &field.logical_type)?);
            }
        }
        planner.refuse_unknown(written)?;
        Ok(Columns { columns, n_sequence_rows })
    }

    /// Makes every value depend on the seed.
    pub fn seed(&mut self, seed: u64) {
        let salt = splitmix64(seed);
        self.columns.iter_mut().for_each(|column| column.mix(salt));
    }
}

struct Planner<'a> {
    options: &'a Options,
    /// Options that mean something for this table.
    known: Vec<String>,
}

impl Planner<'_> {
    fn key(&mut self, path: &str, name: &str) -> String {
        let key = format!("fields.{path}.{name}");
        self.known.push(key.clone());
        key
    }

    fn refuse_unknown(&self, written: &BTreeMap<String, String>) -> Result<(), OptionError> {
        let fields = written.keys().filter(|key| key.starts_with("fields."));
        let unknown = fields.into_iter().find(|key| !self.known.contains(key));
        unknown.map_or(Ok(()), |key| {
            let near = nearest(key, self.known.iter().map(String::as_str));
            Err(OptionError::Unknown { key: key.clone(), nearest: near.map(str::to_owned) })
        })
    }

    fn sequence(&mut self, field: &Field) -> Result<(Column, u64), OptionError> {
        let name = &field.name;
        let start = self.sequence_bound(name, "start")?;
        let end = self.sequence_bound(name, "end")?;
        if end < start {
            let message = format!("option 'fields.{name}.end' is below 'fields.{name}.start'");
            return Err(OptionError::Conflict(message));
        }
        let root = &field.logical_type.root;
        let fits = |least: i64, greatest: i64| start >= least && end <= greatest;
        let does_fit = match root {
            TypeRoot::TinyInt => fits(i8::MIN.into(), i8::MAX.into()),
            TypeRoot::SmallInt => fits(i16::MIN.into(), i16::MAX.into()),
            TypeRoot::Int | TypeRoot::Float | TypeRoot::Double => {
                fits(i32::MIN.into(), i32::MAX.into())
            }
            TypeRoot::Decimal { precision, scale } => {
                let largest = 10_i128.pow(u32::from(precision - scale)) - 1;
                i128::from(start.unsigned_abs().max(end.unsigned_abs())) <= largest
            }
            TypeRoot::BigInt => true,
            _ => root.is_character() || root.is_binary(),
        };
        if !does_fit {
            let message = format!("the column '{name}' of type {root} cannot hold its sequence");
            return Err(OptionError::Conflict(message));
        }
        let n_rows = end.wrapping_sub(start).cast_unsigned().saturating_add(1);
        Ok((column(name, &field.logical_type, 0.0, Generator::Sequence { start }), n_rows))
    }

    fn sequence_bound(&mut self, name: &str, bound: &str) -> Result<i64, OptionError> {
        let key = self.key(name, bound);
        self.options.int(&key).ok_or_else(|| {
            let help = format!("The column '{name}' is a sequence, which needs a {bound}.");
            OptionError::Missing { key, help }
        })
    }

    fn random(&mut self, path: &str, logical_type: &LogicalType) -> Result<Column, OptionError> {
        let null_rate = self.null_rate(path, logical_type)?;
        let generator = match &logical_type.root {
            TypeRoot::Boolean => Generator::Boolean,
            TypeRoot::TinyInt => self.integer(path, i8::MIN.into(), i8::MAX.into())?,
            TypeRoot::SmallInt => self.integer(path, i16::MIN.into(), i16::MAX.into())?,
            TypeRoot::Int => self.integer(path, i32::MIN.into(), i32::MAX.into())?,
            TypeRoot::BigInt | TypeRoot::IntervalDayTime => {
                self.integer(path, i64::MIN, i64::MAX)?
            }
            TypeRoot::IntervalYearMonth => self.integer(path, 0, MAX_MONTHS)?,
            TypeRoot::Float => self.real(path, f64::from(f32::MAX))?,
            TypeRoot::Double => self.real(path, f64::MAX)?,
            TypeRoot::Decimal { precision, scale } => {
                let whole = 10f64.powi(i32::from(*precision) - i32::from(*scale));
                self.real(path, whole - 10f64.powi(-i32::from(*scale)))?
            }
            TypeRoot::Char(length) => Generator::Text(fixed(*length)),
            TypeRoot::Binary(length) => Generator::Bytes(fixed(*length)),
            TypeRoot::VarChar(longest) => Generator::Text(self.length(path, *longest)?),
            TypeRoot::VarBinary(longest) => Generator::Bytes(self.length(path, *longest)?),
            TypeRoot::Date | TypeRoot::Time(_) => Generator::RowTime,
            TypeRoot::Timestamp { .. } | TypeRoot::TimestampLtz { .. } => self.timestamp(path),
            TypeRoot::Array(element) => {
                let element = self.random(&format!("{path}.element"), element)?;
                Generator::Array(self.n_elements(path), Box::new(element))
            }
            TypeRoot::Map(key, value) => self.map(path, key, value)?,
            TypeRoot::Multiset(element) => self.multiset(path, element)?,
            TypeRoot::Row(fields) => {
                let paths = fields.iter().map(|field| (format!("{path}.{}", field.name), field));
                let columns = paths.map(|(path, field)| self.random(&path, &field.logical_type));
                Generator::Row(columns.collect::<Result<_, _>>()?)
            }
            TypeRoot::Null => {
                let message = format!("the column '{path}' of type NULL cannot be made up");
                return Err(OptionError::Conflict(message));
            }
        };
        Ok(column(path, logical_type, null_rate, generator))
    }

    fn map(
        &mut self,
        path: &str,
        key: &LogicalType,
        value: &LogicalType,
    ) -> Result<Generator, OptionError> {
        let key = self.random(&format!("{path}.key"), &key.with_nullable(false))?;
        let value = self.random(&format!("{path}.value"), value)?;
        Ok(Generator::Map(self.n_elements(path), Box::new(key), Box::new(value)))
    }

    fn multiset(&mut self, path: &str, element: &LogicalType) -> Result<Generator, OptionError> {
        let element = self.random(&format!("{path}.element"), &element.with_nullable(false))?;
        let count = Generator::Integer { min: 0, max: 10 };
        let count = column(&format!("{path}.count"), &TypeRoot::Int.not_null(), 0.0, count);
        Ok(Generator::Map(self.n_elements(path), Box::new(element), Box::new(count)))
    }

    fn null_rate(&mut self, path: &str, logical_type: &LogicalType) -> Result<f64, OptionError> {
        let key = self.key(path, "null-rate");
        let rate = self.options.double(&key).unwrap_or(0.0);
        if !(0.0..=1.0).contains(&rate) {
            return Err(bad_value(&key, rate, "expected a number from 0 to 1"));
        }
        if rate > 0.0 && !logical_type.nullable {
            return Err(bad_value(&key, rate, "the column is NOT NULL"));
        }
        Ok(rate)
    }

    fn integer(&mut self, path: &str, least: i64, greatest: i64) -> Result<Generator, OptionError> {
        let bounds = least..=greatest;
        let read = |key: &str, text: &str| {
            let number = text.trim().parse::<i64>().ok().filter(|number| bounds.contains(number));
            let expected = format!("expected a whole number from {least} to {greatest}");
            number.ok_or_else(|| bad_value(key, text, &expected))
        };
        let (min_key, max_key) = (self.key(path, "min"), self.key(path, "max"));
        let min = self.options.text(&min_key).map_or(Ok(least), |text| read(&min_key, text))?;
        let max = self.options.text(&max_key).map_or(Ok(greatest), |text| read(&max_key, text))?;
        if max < min {
            return Err(bad_value(&max_key, max, &format!("is below the least value {min}")));
        }
        Ok(Generator::Integer { min, max })
    }

    /// Without a least value numbers begin at 0: so does Flink, whose least value is the
    /// smallest positive double.
    fn real(&mut self, path: &str, largest: f64) -> Result<Generator, OptionError> {
        let read = |key: &str, text: &str| {
            let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| bad_value(key, text, "expected a number"))
        };
        let (min_key, max_key) = (self.key(path, "min"), self.key(path, "max"));
        let min = self.options.text(&min_key).map_or(Ok(0.0), |text| read(&min_key, text))?;
        let max = self.options.text(&max_key).map_or(Ok(largest), |text| read(&max_key, text))?;
        if max < min {
            return Err(bad_value(&max_key, max, &format!("is below the least value {min}")));
        }
        Ok(Generator::Real { min: min.max(-largest), max: max.min(largest) })
    }

    fn timestamp(&mut self, path: &str) -> Generator {
        let key = self.key(path, "max-past");
        let max_past = self.options.duration(&key).unwrap_or_default().as_millis();
        Generator::Timestamp { max_past_ms: i64::try_from(max_past).unwrap_or(i64::MAX) }
    }

    fn length(&mut self, path: &str, longest: u32) -> Result<Length, OptionError> {
        let key = self.key(path, "length");
        let longest = longest as usize;
        let default = if longest == MAX_LENGTH as usize { DEFAULT_LENGTH } else { longest };
        let written = self.options.int(&key).and_then(|length| usize::try_from(length).ok());
        let length = written.unwrap_or(default);
        if length > longest {
            return Err(bad_value(&key, length, &format!("the type holds {longest} at most")));
        }
        let variable = self.key(path, "var-len");
        Ok(Length { length, variable: self.options.bool(&variable) })
    }

    fn n_elements(&mut self, path: &str) -> usize {
        let key = self.key(path, "length");
        let written = self.options.int(&key).and_then(|length| usize::try_from(length).ok());
        written.unwrap_or(DEFAULT_ELEMENTS)
    }
}

fn fixed(length: u32) -> Length {
    Length { length: length as usize, variable: false }
}

fn bad_value(key: &str, value: impl std::fmt::Display, problem: &str) -> OptionError {
    let (key, value) = (key.to_owned(), value.to_string());
    OptionError::BadValue { key, value, problem: problem.to_owned() }
}

fn column(path: &str, logical_type: &LogicalType, null_rate: f64, generator: Generator) -> Column {
    Column { stream: hash(path), null_rate, logical_type: logical_type.clone(), generator }
}

/// FNV-1a, mixed. Pinned: with a seed it decides the values for ever.
fn hash(path: &str) -> u64 {
    let fnv = path.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    splitmix64(fnv)
}
