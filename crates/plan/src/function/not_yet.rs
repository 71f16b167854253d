//! Functions that Flink 2.2 has and this engine does not run yet.

/// In upper case. RAND and RAND_INTEGER exist without a seed only.
const NOT_YET: &[&str] = &[
    "CURRENT_DATABASE",
    "GROUP_ID",
    "GROUPING",
    "GROUPING_ID",
    "IS JSON",
    "IS NOT JSON",
    "JSON",
    "JSON_ARRAY",
    "JSON_EXISTS",
    "JSON_OBJECT",
    "JSON_QUERY",
    "JSON_QUOTE",
    "JSON_STRING",
    "JSON_UNQUOTE",
    "JSON_VALUE",
    "ML_PREDICT",
    "MULTISET",
    "OBJECT_OF",
    "OBJECT_UPDATE",
    "PARSE_JSON",
    "PERCENTILE",
    "PRINTF",
    "SOURCE_WATERMARK",
    "STREAMRECORD_TIMESTAMP",
    "TRY_PARSE_JSON",
];

/// Whether Flink 2.2 has a scalar function of that name, in any case, that is not in the table.
pub fn has_not_yet(name: &str) -> bool {
    NOT_YET.iter().any(|known| known.eq_ignore_ascii_case(name))
}
