//! Runs the steps of a program over one message.

use arrow_schema::TimeUnit;

use super::super::column::{Column, Values};
use super::super::keys::last_of_equal_keys;
use super::super::number::power_of_ten;
use super::super::problem::{Outcome, Problem};
use super::program::{Items, Op, RecordOp, Skip, Step};
use super::wire::{Cursor, decimal_of};

/// Most items without bytes in one array or map: their number is all that bounds them.
const MAX_EMPTY_ITEMS: u64 = 1 << 16;

/// Reads values of one message.
pub(super) struct Reader<'a> {
    pub cursor: Cursor<'a>,
    /// Whether text is checked at once. Otherwise the finished column finds that something is
    /// no UTF-8, but not in which message.
    pub checks_text: bool,
}

impl Reader<'_> {
    /// Reads a record as row number `length` of the columns.
    #[inline]
    pub fn record(&mut self, op: &RecordOp, columns: &mut [Column]) -> Outcome<()> {
        for step in &op.steps {
            match step {
                Step::Skip(skip) => self.skip(skip)?,
                Step::Read { target, name, op } => {
                    let outcome = self.value(op, &mut columns[*target]);
                    outcome.map_err(|problem| problem.in_field(name.as_bytes()))?;
                }
            }
        }
        for target in &op.absent {
            push_null(&mut columns[*target])?;
        }
        Ok(())
    }

    /// Appends one value.
    #[inline]
    pub fn value(&mut self, op: &Op, column: &mut Column) -> Outcome<()> {
        match op {
            Op::Sized => self.sized(column)?,
            Op::Nullable { null_index, op } => {
                let index = self.cursor.long()?;
                return match index {
                    0 | 1 if index == *null_index => push_null(column),
                    0 | 1 => self.value(op, column),
                    _ => Err(no_branch(index, 2)),
                };
            }
            Op::Int => self.int(column)?,
            Op::Long => self.long(column)?,
            Op::Boolean => match &mut column.values {
                Values::Boolean(values) => values.append(self.cursor.boolean()?),
                _ => return mismatched(),
            },
            Op::Timestamp(unit) => self.timestamp(*unit, column)?,
            Op::Float => self.float(column)?,
            Op::Double => match &mut column.values {
                Values::Double(values) => values.push(f64::from_le_bytes(self.cursor.fixed()?)),
                _ => return mismatched(),
            },
            Op::Record(op) => match &mut column.values {
                Values::Row(columns) => self.record(op, columns)?,
                _ => return mismatched(),
            },
            Op::Decimal { size, scale } => return self.decimal(*size, *scale, column),
            _ => return self.rare_value(op, column),
        }
        column.mark_valid();
        Ok(())
    }

    fn rare_value(&mut self, op: &Op, column: &mut Column) -> Outcome<()> {
        match (op, &mut column.values) {
            (Op::Null, _) => return push_null(column),
            (Op::Union(ops), _) => {
                let index = self.cursor.long()?;
                let op = usize::try_from(index).ok().and_then(|index| ops.get(index));
                let op = op.ok_or_else(|| no_branch(index, ops.len()))?;
                return self.value(op, column);
            }
            (Op::Mismatch(why), _) => return Err(Problem::value(why.clone())),
            (Op::TimeMicros, Values::Time(values)) => {
                values.push(time_of_day(self.cursor.long()? / 1000)?);
            }
            (Op::Fixed(size), Values::Bytes(views)) => {
                let span = self.cursor.span(*size as i64)?;
                views.push_shared(self.cursor.data, span.start, span.end);
            }
            (Op::Enum(symbols), Values::Text(views)) => {
                let index = self.cursor.long()?;
                let symbol = usize::try_from(index).ok().and_then(|index| symbols.get(index));
                let symbol = symbol.ok_or_else(|| no_branch(index, symbols.len()))?;
                if !views.push_copied(symbol.as_bytes()) {
                    return Err(too_much_text());
                }
            }
            (Op::Array(items), Values::List { element, .. }) => self.array(items, element)?,
            (Op::Map(items), Values::Map { keys, values, .. }) => self.map(items, keys, values)?,
            _ => return mismatched(),
        }
        column.mark_valid();
        Ok(())
    }

    #[inline]
    fn sized(&mut self, column: &mut Column) -> Outcome<()> {
        let span = self.cursor.sized()?;
        match &mut column.values {
            Values::Text(views) => {
                if self.checks_text {
                    check_text(self.cursor.slice(span.clone()))?;
                }
                views.push_shared(self.cursor.data, span.start, span.end);
            }
            Values::Bytes(views) => views.push_shared(self.cursor.data, span.start, span.end),
            _ => return mismatched(),
        }
        Ok(())
    }

    #[inline]
    fn int(&mut self, column: &mut Column) -> Outcome<()> {
        let value = self.cursor.int()?;
        match &mut column.values {
            Values::Int(values) | Values::Date(values) => values.push(value),
            // Flink narrows without a look.
            Values::SmallInt(values) => values.push(value as i16),
            Values::TinyInt(values) => values.push(value as i8),
            Values::BigInt(values) => values.push(i64::from(value)),
            Values::Float(values) => values.push(value as f32),
            Values::Double(values) => values.push(f64::from(value)),
            Values::Time(values) => values.push(time_of_day(i64::from(value))?),
            _ => return mismatched(),
        }
        Ok(())
    }

    #[inline]
    fn long(&mut self, column: &mut Column) -> Outcome<()> {
        let value = self.cursor.long()?;
        match &mut column.values {
            Values::BigInt(values) => values.push(value),
            Values::Float(values) => values.push(value as f32),
            Values::Double(values) => values.push(value as f64),
            _ => return mismatched(),
        }
        Ok(())
    }

    #[inline]
    fn float(&mut self, column: &mut Column) -> Outcome<()> {
        let value = f32::from_le_bytes(self.cursor.fixed()?);
        match &mut column.values {
            Values::Float(values) => values.push(value),
            Values::Double(values) => values.push(f64::from(value)),
            _ => return mismatched(),
        }
        Ok(())
    }

    #[inline]
    fn timestamp(&mut self, from: TimeUnit, column: &mut Column) -> Outcome<()> {
        let value = self.cursor.long()?;
        let Values::Timestamp { values, unit, .. } = &mut column.values else {
            return mismatched();
        };
        let (from, to) = (per_second(from), per_second(*unit));
        let converted = if from == to {
            Some(value)
        } else if from < to {
            value.checked_mul(to / from)
        } else {
            Some(value.div_euclid(from / to))
        };
        let out_of_range = || Problem::value(format!("{value} is out of a timestamp's range"));
        values.push(converted.ok_or_else(out_of_range)?);
        Ok(())
    }

    fn decimal(&mut self, size: Option<usize>, from: u8, column: &mut Column) -> Outcome<()> {
        let span = match size {
            Some(size) => self.cursor.span(size as i64)?,
            None => self.cursor.sized()?,
        };
        if span.is_empty() {
            return Err(Problem::value("expected a decimal, found no byte"));
        }
        let Values::Decimal { unscaled, precision, scale } = &mut column.values else {
            return mismatched();
        };
        let value = decimal_of(self.cursor.slice(span)).and_then(|v| rescale(v, from, *scale));
        match value {
            Some(value) if value.unsigned_abs() < power_of_ten(*precision).unsigned_abs() => {
                unscaled.push(value);
                column.mark_valid();
                Ok(())
            }
            // More digits than the type has: NULL, as in Flink.
            _ => push_null(column),
        }
    }

    fn array(&mut self, items: &Items, element: &mut Column) -> Outcome<()> {
        loop {
            let n_items = self.block(items.is_empty)?;
            if n_items == 0 {
                return Ok(());
            }
            for _ in 0..n_items {
                self.value(&items.op, element)?;
            }
        }
    }

    /// Finds all entries before it reads their values: of equal keys only the last has one.
    fn map(&mut self, items: &Items, keys: &mut Column, values: &mut Column) -> Outcome<()> {
        let mut entries = Vec::new();
        loop {
            let n_items = self.block(false)?;
            if n_items == 0 {
                break;
            }
            for _ in 0..n_items {
                let span = self.cursor.sized()?;
                let key = self.cursor.slice(span.clone());
                check_text(key)?;
                entries.push((key, (span.start, self.cursor.at)));
                self.skip(&items.skip)?;
            }
        }
        let end = self.cursor.at;
        for (key, (start, at)) in last_of_equal_keys(entries) {
            let Values::Text(views) = &mut keys.values else { return mismatched() };
            views.push_shared(self.cursor.data, start, start + key.len());
            keys.mark_valid();
            self.cursor.at = at;
            self.value(&items.op, values)?;
        }
        self.cursor.at = end;
        Ok(())
    }

    fn block(&mut self, is_empty: bool) -> Outcome<u64> {
        let n_items = self.cursor.block()?;
        if is_empty && n_items > MAX_EMPTY_ITEMS {
            return Err(Problem::value(format!(
                "expected at most {MAX_EMPTY_ITEMS} items without bytes, found {n_items}"
            )));
        }
        Ok(n_items)
    }

    /// Passes over one value.
    #[inline]
    pub fn skip(&mut self, skip: &Skip) -> Outcome<()> {
        match skip {
            Skip::Sized => {
                self.cursor.sized()?;
            }
            Skip::Number => {
                self.cursor.long()?;
            }
            Skip::Bytes(n_bytes) => {
                self.cursor.span(*n_bytes as i64)?;
            }
            Skip::Union(branches) => {
                let index = self.cursor.long()?;
                let branch = usize::try_from(index).ok().and_then(|index| branches.get(index));
                self.skip(branch.ok_or_else(|| no_branch(index, branches.len()))?)?;
            }
            _ => self.skip_nested(skip)?,
        }
        Ok(())
    }

    #[inline(never)]
    fn skip_nested(&mut self, skip: &Skip) -> Outcome<()> {
        match skip {
            Skip::Sequence(steps) => steps.iter().try_for_each(|step| self.skip(step)),
            Skip::Array { item, is_empty } => loop {
                let n_items = self.block(*is_empty)?;
                if n_items == 0 {
                    return Ok(());
                }
                for _ in 0..n_items {
                    self.skip(item)?;
                }
            },
            Skip::Map(item) => loop {
                let n_items = self.block(false)?;
                if n_items == 0 {
                    return Ok(());
                }
                for _ in 0..n_items {
                    self.cursor.sized()?;
                    self.skip(item)?;
                }
            },
            leaf => self.skip(leaf),
        }
    }
}

fn push_null(column: &mut Column) -> Outcome<()> {
    let pushed = column.push_null();
    if pushed { Ok(()) } else { Err(Problem::value("found null, but its type is NOT NULL")) }
}

fn check_text(bytes: &[u8]) -> Outcome<()> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(Problem::value("expected a string, found bytes that are no UTF-8")),
    }
}

fn time_of_day(millis: i64) -> Outcome<i32> {
    match i32::try_from(millis) {
        Ok(millis @ 0..86_400_000) => Ok(millis),
        _ => Err(Problem::value(format!("{millis} ms are no time of day"))),
    }
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// An unscaled value at another scale, rounded half up.
fn rescale(value: i128, from: u8, to: u8) -> Option<i128> {
    if from <= to {
        return value.checked_mul(power_of_ten(to - from));
    }
    let power = power_of_ten(from - to);
    let (quotient, rest) = (value / power, (value % power).abs());
    Some(if rest >= power - rest { quotient + value.signum() } else { quotient })
}

#[cold]
fn no_branch(index: i64, n_branches: usize) -> Box<Problem> {
    Problem::value(format!("expected a choice of {n_branches}, found number {index}"))
}

#[cold]
fn too_much_text() -> Box<Problem> {
    Problem::value("too much text in one batch")
}

#[cold]
fn mismatched<T>() -> Outcome<T> {
    unreachable!("the program was compiled for these columns")
}
