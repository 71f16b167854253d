//! Codes of the binder's diagnostics; each has a page in `docs/error`. 12xx: Flink refuses it
//! too. 22xx: this engine does not run it yet.

/// No table or view has that name.
pub const UNKNOWN_TABLE: &str = "AR1201";
/// No column or field has that name.
pub const UNKNOWN_COLUMN: &str = "AR1202";
/// Several columns have that name.
pub const AMBIGUOUS_COLUMN: &str = "AR1203";
/// No function has that name.
pub const UNKNOWN_FUNCTION: &str = "AR1204";
/// An operator or function does not take values of these types.
pub const TYPE_MISMATCH: &str = "AR1205";
/// A column is neither grouped nor aggregated.
pub const NOT_GROUPED: &str = "AR1206";
/// An aggregate stands where none may.
pub const AGGREGATE_PLACE: &str = "AR1207";
/// A window function is called wrongly.
pub const WINDOW: &str = "AR1208";
/// The query's columns do not fit the sink's.
pub const SINK_SCHEMA: &str = "AR1209";
/// A table's options are wrong.
pub const TABLE_OPTIONS: &str = "AR1210";
/// A literal is malformed or out of range.
pub const LITERAL: &str = "AR1211";
/// A table's computed column, metadata column or watermark is wrong.
pub const DECLARATION: &str = "AR1212";
/// It parses, but Flink SQL has no such construct.
pub const NOT_FLINK: &str = "AR1213";
/// Flink cannot run it on a stream.
pub const NOT_STREAMING: &str = "AR1214";
/// The sink does not take the changes that the query makes.
pub const SINK_MODE: &str = "AR1215";

/// Aggregation without a window, DISTINCT included.
pub const GROUP_AGGREGATION: &str = "AR2201";
/// Joins of every kind.
pub const JOIN: &str = "AR2202";
/// OVER windows, Top-N and deduplication.
pub const OVER: &str = "AR2203";
/// ORDER BY and LIMIT.
pub const SORT: &str = "AR2204";
/// UNION, INTERSECT and EXCEPT.
pub const SET_OPERATION: &str = "AR2205";
/// Sub-queries in expressions.
pub const SUBQUERY: &str = "AR2206";
/// SESSION windows and the older group windows.
pub const WINDOW_KIND: &str = "AR2207";
/// MATCH_RECOGNIZE.
pub const MATCH_RECOGNIZE: &str = "AR2208";
/// A function of Flink.
pub const FUNCTION: &str = "AR2209";
/// Any other construct of Flink.
pub const CONSTRUCT: &str = "AR2210";
/// A connector, a format or a mode of one.
pub const CONNECTOR: &str = "AR2211";
