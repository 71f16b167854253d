//! CREATE TABLE … LIKE: what is taken over from the other table.
//!
//! Source of the rules: Flink's `MergeTableLikeUtil`. Physical columns are always taken. Without
//! options everything is, and options of the new table go before those of the other.

use super::{check_path, unknown_object};
use crate::Diagnostic;
use crate::catalog::{Catalog, Column, ColumnKind, Object, Table};
use crate::statement::{CreateTable, Like, LikeFeature, LikeOption, LikeStrategy};

/// The features that are not ALL.
const FEATURES: [LikeFeature; 7] = [
    LikeFeature::Constraints,
    LikeFeature::Distribution,
    LikeFeature::Generated,
    LikeFeature::Metadata,
    LikeFeature::Options,
    LikeFeature::Partitions,
    LikeFeature::Watermarks,
];

/// Features that OVERWRITING is allowed for.
const OVERWRITABLE: [LikeFeature; 4] =
    [LikeFeature::Generated, LikeFeature::Metadata, LikeFeature::Options, LikeFeature::Watermarks];

/// The declared table with what its LIKE clause takes over.
pub(super) fn merge(
    declared: Table,
    clause: &Like,
    catalog: &Catalog,
    create: &CreateTable,
) -> Result<Table, Diagnostic> {
    check_path(&clause.source)?;
    let base = match catalog.get(&clause.source.name) {
        Some(Object::Table(table)) => table,
        Some(Object::View(_)) => {
            let message = format!("'{}' is a view, and LIKE takes a table", clause.source.name);
            return Err(Diagnostic::wrong("AR1108", clause.source.span, message));
        }
        None => return Err(unknown_object("table", &clause.source, catalog)),
    };
    let merge = Merge { strategies: Strategies::of(&clause.options)?, base, clause };
    let mut table = Table { columns: merge.columns(&declared.columns, create)?, ..declared };
    merge.watermark(&mut table, create)?;
    merge.key(&mut table, create)?;
    merge.partitions(&mut table, create)?;
    merge.options(&mut table, create)?;
    // Flink takes the distribution whatever the options say.
    table.distribution = table.distribution.or_else(|| base.distribution.clone());
    Ok(table)
}

/// What is done with each feature.
struct Strategies(Vec<(LikeFeature, LikeStrategy)>);

impl Strategies {
    fn of(options: &[LikeOption]) -> Result<Strategies, Diagnostic> {
        for (index, option) in options.iter().enumerate() {
            let is_overwriting = option.strategy == LikeStrategy::Overwriting;
            if is_overwriting && !OVERWRITABLE.contains(&option.feature) {
                let message = "OVERWRITING works for GENERATED, METADATA, OPTIONS and WATERMARKS";
                return Err(Diagnostic::wrong("AR1108", option.span, message));
            }
            if options[..index].iter().any(|other| other.feature == option.feature) {
                let message = "each feature can be named only once";
                return Err(Diagnostic::wrong("AR1108", option.span, message));
            }
        }
        let written = |feature| options.iter().find(|option| option.feature == feature);
        let strategy = |feature| match written(feature).or_else(|| written(LikeFeature::All)) {
            Some(option) => option.strategy,
            None if feature == LikeFeature::Options => LikeStrategy::Overwriting,
            None => LikeStrategy::Including,
        };
        Ok(Strategies(FEATURES.into_iter().map(|feature| (feature, strategy(feature))).collect()))
    }

    fn get(&self, feature: LikeFeature) -> LikeStrategy {
        let found = self.0.iter().find(|(known, _)| *known == feature);
        found.map_or(LikeStrategy::Including, |(_, strategy)| *strategy)
    }
}

struct Merge<'a> {
    strategies: Strategies,
    base: &'a Table,
    clause: &'a Like,
}

impl Merge<'_> {
    fn takes(&self, feature: LikeFeature) -> bool {
        self.strategies.get(feature) != LikeStrategy::Excluding
    }

    /// The columns of the base that are taken, then the declared ones.
    fn columns(
        &self,
        declared: &[Column],
        create: &CreateTable,
    ) -> Result<Vec<Column>, Diagnostic> {
        let taken = self.base.columns.iter().filter(|column| match feature_of(column) {
            Some(feature) => self.takes(feature),
            None => true,
        });
        let mut columns: Vec<Column> = taken.cloned().map(materialized).collect();
        for (column, definition) in declared.iter().zip(&create.columns) {
            let Some(known) = columns.iter_mut().find(|known| known.name == column.name) else {
                columns.push(column.clone());
                continue;
            };
            let feature = feature_of(column).filter(|feature| feature_of(known) == Some(*feature));
            let is_overwriting = feature
                .is_some_and(|feature| self.strategies.get(feature) == LikeStrategy::Overwriting);
            if !is_overwriting {
                return Err(duplicate_column(&definition.name, feature));
            }
            *known = column.clone();
        }
        Ok(columns)
    }

    fn watermark(&self, table: &mut Table, create: &CreateTable) -> Result<(), Diagnostic> {
        let Some(base) =
            self.base.watermark.as_ref().filter(|_| self.takes(LikeFeature::Watermarks))
        else {
            return Ok(());
        };
        match &create.watermark {
            None => table.watermark = Some(base.clone()),
            Some(written)
                if self.strategies.get(LikeFeature::Watermarks) == LikeStrategy::Including =>
            {
                let message =
                    format!("the table '{}' has a watermark already", self.clause.source.name);
                let help = "write EXCLUDING WATERMARKS or OVERWRITING WATERMARKS after LIKE";
                return Err(Diagnostic::wrong("AR1108", written.span, message).help(help));
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn key(&self, table: &mut Table, create: &CreateTable) -> Result<(), Diagnostic> {
        if self.base.primary_key.is_none() || !self.takes(LikeFeature::Constraints) {
            return Ok(());
        }
        if let Some(written) = &create.primary_key {
            let message =
                format!("the table '{}' has a primary key already", self.clause.source.name);
            let help = "write EXCLUDING CONSTRAINTS after LIKE";
            return Err(Diagnostic::wrong("AR1108", written.span, message).help(help));
        }
        table.primary_key = self.base.primary_key.clone();
        Ok(())
    }

    fn partitions(&self, table: &mut Table, create: &CreateTable) -> Result<(), Diagnostic> {
        if self.base.partition_keys.is_empty() || !self.takes(LikeFeature::Partitions) {
            return Ok(());
        }
        if let Some(written) = create.partition_keys.first() {
            let message = format!("the table '{}' has partitions already", self.clause.source.name);
            let help = "write EXCLUDING PARTITIONS after LIKE";
            return Err(Diagnostic::wrong("AR1108", written.span, message).help(help));
        }
        table.partition_keys.clone_from(&self.base.partition_keys);
        Ok(())
    }

    fn options(&self, table: &mut Table, create: &CreateTable) -> Result<(), Diagnostic> {
        if !self.takes(LikeFeature::Options) {
            return Ok(());
        }
        let is_including = self.strategies.get(LikeFeature::Options) == LikeStrategy::Including;
        let repeated =
            create.options.iter().find(|option| self.base.options.contains_key(&option.key));
        if let (true, Some(option)) = (is_including, repeated) {
            let message = format!(
                "the table '{}' has the option '{}' already",
                self.clause.source.name, option.key
            );
            let help = "write EXCLUDING OPTIONS or OVERWRITING OPTIONS after LIKE";
            return Err(Diagnostic::wrong("AR1108", option.key_span, message).help(help));
        }
        for (key, value) in &self.base.options {
            table.options.entry(key.clone()).or_insert_with(|| value.clone());
        }
        Ok(())
    }
}

fn feature_of(column: &Column) -> Option<LikeFeature> {
    match column.kind {
        ColumnKind::Physical => None,
        ColumnKind::Metadata { .. } => Some(LikeFeature::Metadata),
        ColumnKind::Computed { .. } => Some(LikeFeature::Generated),
    }
}

/// The column as plain data: whether it is the rowtime is said by the new table's watermark.
fn materialized(mut column: Column) -> Column {
    column.logical_type = column.logical_type.materialized();
    column
}

fn duplicate_column(name: &crate::statement::Name, feature: Option<LikeFeature>) -> Diagnostic {
    let message = format!("the table after LIKE has a column '{}' already", name.value);
    let diagnostic = Diagnostic::wrong("AR1108", name.span, message);
    match feature {
        Some(LikeFeature::Generated) => {
            diagnostic.help("write EXCLUDING GENERATED or OVERWRITING GENERATED after LIKE")
        }
        Some(LikeFeature::Metadata) => {
            diagnostic.help("write EXCLUDING METADATA or OVERWRITING METADATA after LIKE")
        }
        _ => diagnostic.help("physical columns are always taken: leave the column out"),
    }
}
