//! Aggregate functions: their names, argument rules and result types.

use argus_base::{LogicalType, TypeRoot};

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// `COUNT(*)`: rows.
    CountStar,
    /// `COUNT(x)`: rows where x is not NULL.
    Count,
    /// Sum in the argument's own integer type (wraps), DECIMAL(38, s), or DOUBLE.
    Sum,
    /// Mean; integers truncate toward zero.
    Avg,
    /// Least.
    Min,
    /// Greatest.
    Max,
    /// First non-NULL in order of arrival.
    FirstValue,
    /// Last non-NULL in order of arrival.
    LastValue,
}

/// One aggregate of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AggregateCall {
    /// Which function.
    pub function: AggregateFunction,
    /// Input column of the argument; `None` for COUNT(*).
    pub argument: Option<usize>,
    /// Each distinct argument counts once.
    pub is_distinct: bool,
    /// Input column of type BOOLEAN: only rows where it is TRUE count.
    pub filter: Option<usize>,
    /// Type of the result.
    pub result: LogicalType,
    /// Name of the output column.
    pub name: String,
    /// Names its state: what is aggregated, in columns of sources. No two aggregates of an
    /// operator have the same, and it stays when the query around the aggregate changes.
    pub state_name: String,
}

/// All functions with their SQL names.
pub const AGGREGATES: &[(&str, AggregateFunction)] = &[
    ("COUNT", AggregateFunction::Count),
    ("SUM", AggregateFunction::Sum),
    ("AVG", AggregateFunction::Avg),
    ("MIN", AggregateFunction::Min),
    ("MAX", AggregateFunction::Max),
    ("FIRST_VALUE", AggregateFunction::FirstValue),
    ("LAST_VALUE", AggregateFunction::LastValue),
];

/// Aggregate functions that Flink has and this engine does not run yet.
pub const NOT_YET: &[&str] = &[
    "SUM0",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "STDDEV",
    "VAR_POP",
    "VAR_SAMP",
    "VARIANCE",
    "COLLECT",
    "LISTAGG",
    "ARRAY_AGG",
    "PERCENTILE",
    "JSON_OBJECTAGG",
    "JSON_ARRAYAGG",
    "RANK",
    "DENSE_RANK",
    "ROW_NUMBER",
    "LEAD",
    "LAG",
    "NTILE",
    "CUME_DIST",
    "PERCENT_RANK",
];

impl AggregateFunction {
    /// The function of that name, in any case. COUNT(*) is told apart by the binder.
    pub fn by_name(name: &str) -> Option<AggregateFunction> {
        let entry = AGGREGATES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        entry.map(|(_, function)| *function)
    }

    /// The SQL name.
    pub fn name(self) -> &'static str {
        let entry = AGGREGATES.iter().find(|(_, function)| *function == self);
        entry.map_or("COUNT", |(name, _)| name)
    }

    /// Type of the result over an argument of that type, which is `None` for COUNT(*).
    ///
    /// Results of functions other than COUNT are nullable, since a group may have no value.
    /// Source: Flink's `SumAggFunction`, `AvgAggFunction` and `LogicalTypeMerging`.
    pub fn result_type(self, argument: Option<&LogicalType>) -> Result<LogicalType, String> {
        let Some(argument) = argument else { return Ok(TypeRoot::BigInt.not_null()) };
        let refused = || Err(format!("{} cannot take an argument of type {argument}", self.name()));
        match self {
            AggregateFunction::CountStar | AggregateFunction::Count => {
                Ok(TypeRoot::BigInt.not_null())
            }
            AggregateFunction::Sum | AggregateFunction::Avg => match argument.root {
                TypeRoot::Decimal { scale, .. } => Ok(self.decimal_result(scale).nullable()),
                _ if argument.root.is_numeric() => Ok(argument.root.clone().nullable()),
                TypeRoot::Null => Ok(TypeRoot::Int.nullable()),
                _ => refused(),
            },
            AggregateFunction::Min | AggregateFunction::Max => match argument.root {
                TypeRoot::Array(_)
                | TypeRoot::Map(..)
                | TypeRoot::Multiset(_)
                | TypeRoot::Row(_) => refused(),
                _ => Ok(argument.materialized().with_nullable(true)),
            },
            AggregateFunction::FirstValue | AggregateFunction::LastValue => {
                Ok(argument.materialized().with_nullable(true))
            }
        }
    }

    fn decimal_result(self, scale: u8) -> TypeRoot {
        let scale = if self == AggregateFunction::Avg { scale.max(6) } else { scale };
        TypeRoot::Decimal { precision: argus_base::logical_type::MAX_DECIMAL_PRECISION, scale }
    }
}
