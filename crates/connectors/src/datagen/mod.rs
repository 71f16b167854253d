//! `datagen`: made-up rows at a chosen rate, with Flink's options and a seed.
//!
//! With a seed, column `c` of row `n` depends on (seed, path of `c`, `n`) alone, so parallelism,
//! batching and what the job reads change nothing. Row `n` belongs to split `n mod splits`.

mod column;
mod generate;
mod pace;
mod reader;
mod settings;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use argus_base::connector::{
    ConnectorContext, ConnectorSpec, FormatUse, ScanSpec, TableDescriptor,
};
use argus_base::option::{OptionError, OptionKind, OptionSpec};
use argus_base::source::Source;
use argus_base::{Error, Field, Result};

use crate::registry::unchecked;
use crate::table_options::TableOptions;
use column::{Column, Columns};
use generate::Plan;
use pace::Pace;
use reader::{Chance, DatagenSource, PlanMaker, Table};
use settings::Settings;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "rows-per-second",
        OptionKind::Int { min: 1, max: i64::MAX },
        "Rows a second of all readers together.",
    )
    .default("10000"),
    OptionSpec::new(
        "number-of-rows",
        OptionKind::Int { min: 0, max: i64::MAX },
        "Rows in all; without end where not written.",
    ),
    OptionSpec::new(
        "fields.*.kind",
        OptionKind::Enum(&["random", "sequence"]),
        "How the column's values are made; a sequence ends the table when it is used up.",
    )
    .default("random"),
    OptionSpec::new(
        "fields.*.min",
        OptionKind::Text,
        "Least random value, inclusive; the type's own least where not written.",
    ),
    OptionSpec::new(
        "fields.*.max",
        OptionKind::Text,
        "Greatest random value, inclusive; the type's own greatest where not written.",
    ),
    OptionSpec::new(
        "fields.*.max-past",
        OptionKind::Duration,
        "How far a random timestamp may lie before its row's time.",
    )
    .default("0 s"),
    OptionSpec::new(
        "fields.*.length",
        OptionKind::Int { min: 1, max: i32::MAX as i64 },
        "Length of a text or of bytes (100, or that of the type), or number of elements (3).",
    ),
    OptionSpec::new(
        "fields.*.var-len",
        OptionKind::Bool,
        "Whether the length of a text or of bytes is random, from 1 to `length`.",
    )
    .default("false"),
    OptionSpec::new(
        "fields.*.null-rate",
        OptionKind::Double,
        "Share of values that are NULL, from 0 to 1.",
    )
    .default("0"),
    OptionSpec::new(
        "fields.*.start",
        OptionKind::Int { min: i64::MIN, max: i64::MAX },
        "First value of a sequence.",
    ),
    OptionSpec::new(
        "fields.*.end",
        OptionKind::Int { min: i64::MIN, max: i64::MAX },
        "Last value of a sequence.",
    ),
];

/// The declaration.
pub fn spec() -> ConnectorSpec {
    ConnectorSpec {
        identifier: "datagen",
        source: true,
        sink: None,
        format: FormatUse::None,
        options: OPTIONS,
        metadata: Vec::new(),
    }
}

/// Checks that every column can be made as its options say.
pub fn check(table: &TableDescriptor) -> std::result::Result<(), OptionError> {
    let options = TableOptions::check(table, &spec())?;
    Columns::plan(&table.physical, &options.connector, &table.options).map(|_| ())
}

/// Opens a table for reading.
pub fn source(
    table: &TableDescriptor,
    scan: &ScanSpec,
    context: &ConnectorContext,
) -> Result<Arc<dyn Source>> {
    let refused = |error: OptionError| unchecked(table, &error);
    let options = TableOptions::check(table, &spec()).map_err(refused)?;
    let columns = Columns::plan(&table.physical, &options.connector, &table.options);
    let columns = columns.map_err(refused)?;
    let settings = Settings::read(&context.settings)?;
    let chance = Chance {
        seed: settings.seed.unwrap_or_else(|| context.env.random()),
        moment: context.env.now().0.cast_unsigned() ^ context.env.random(),
    };
    let per_minute = options.connector.int("rows-per-second").unwrap_or(1).saturating_mul(60);
    let per_minute = settings.rows_per_minute.unwrap_or(per_minute.unsigned_abs());
    let n_rows = settings
        .number_of_rows
        .unwrap_or_else(|| options.connector.int("number-of-rows").map(i64::unsigned_abs));
    let n_rows = least(n_rows, columns.n_sequence_rows);
    let table = Table {
        name: table.name.clone(),
        plans: plans(table, scan, context, &settings, &options)?,
        chance,
        n_rows,
        pace: Pace { rows_per_minute: per_minute, speed: settings.speed },
        start_micros: settings.start_micros,
        max_parallelism: options.scan_parallelism(),
        env: context.env.clone(),
        begun: OnceLock::new(),
    };
    Ok(Arc::new(DatagenSource(Arc::new(table))))
}

/// Whether a column has the same values when rows are made again. Without a seed random ones are
/// those of the start, which only a checkpoint keeps; without `argus.datagen.start` times are
/// those of the moment, and fresh columns those of the start.
pub fn is_same_on_replay(
    table: &TableDescriptor,
    column: usize,
    settings: &BTreeMap<String, String>,
) -> bool {
    let Ok(options) = TableOptions::check(table, &spec()) else { return false };
    let columns = Columns::plan(&table.physical, &options.connector, &table.options);
    let (Ok(columns), Ok(settings)) = (columns, Settings::read(settings)) else { return false };
    let generator = &columns.columns[column].generator;
    let is_fresh = settings.fresh_columns.contains(&table.physical[column].name);
    generator.is_sequence()
        || settings.seed.is_some()
            && (settings.start_micros.is_some() || !is_fresh && !generator.tells_time())
}

fn least(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (one, other) => one.or(other),
    }
}

/// Makes plans of what was checked, for a chance that a restored reader brings along.
fn plans(
    table: &TableDescriptor,
    scan: &ScanSpec,
    context: &ConnectorContext,
    settings: &Settings,
    options: &TableOptions,
) -> Result<PlanMaker> {
    let (table, scan, context) = (table.clone(), scan.clone(), context.clone());
    let fresh_columns = match settings.start_micros {
        None => settings.fresh_columns.clone(),
        Some(_) => Vec::new(),
    };
    let connector = options.connector.clone();
    let maker = move |chance: Chance| {
        let columns = Columns::plan(&table.physical, &connector, &table.options);
        let mut columns = columns.map_err(|error| unchecked(&table, &error))?;
        columns.seed(chance.seed);
        freshen(&mut columns.columns, &fresh_columns, chance.moment, &table.physical);
        Plan::new(&columns.columns, &scan.physical, &table, &context)
    };
    maker(Chance::default())?;
    Ok(Box::new(maker))
}

/// Mixes the moment of the start into the named columns, so that two runs differ in them.
fn freshen(columns: &mut [Column], names: &[String], moment: u64, fields: &[Field]) {
    for (column, field) in columns.iter_mut().zip(fields) {
        if names.contains(&field.name) {
            column.mix(moment);
        }
    }
}

fn setting_error(key: &str, value: &str, problem: &str) -> Error {
    Error::user("AR3201", format!("setting '{key}' = '{value}': {problem}"))
}

#[cfg(test)]
#[path = "datagen_tests.rs"]
mod tests;
