//! Regular expressions, in the dialect of java.util.regex.

use argus_base::TypeRoot;

use super::signature::{Kind, nullable, propagate, take};
use super::{FunctionSpec, ScalarFunction as F};

const TEXT: Kind = Kind::Text;
const BAD: &str = "NULL for a pattern that is no regular expression.";

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(
        F::SimilarTo,
        "SIMILAR TO",
        "a SIMILAR TO pattern [ESCAPE character]",
        "SQL regular expression over the whole text.",
        |a| propagate(take(a, &[TEXT, TEXT], &[TEXT])?, TypeRoot::Boolean),
    )
    .fallible(),
    FunctionSpec::new(
        F::Regexp,
        "REGEXP",
        "REGEXP(a, pattern)",
        "Whether a part matches; FALSE for a bad or empty pattern.",
        |a| propagate(take(a, &[TEXT, TEXT], &[])?, TypeRoot::Boolean),
    ),
    FunctionSpec::new(
        F::RegexpReplace,
        "REGEXP_REPLACE",
        "REGEXP_REPLACE(a, pattern, replacement)",
        "Every match; the replacement is taken as it is, without groups. NULL for a bad pattern.",
        |a| propagate(take(a, &[TEXT, TEXT, TEXT], &[])?, TypeRoot::STRING),
    ),
    FunctionSpec::new(
        F::RegexpExtract,
        "REGEXP_EXTRACT",
        "REGEXP_EXTRACT(a, pattern[, group])",
        "The group, by default 0, of the first match; NULL where there is none.",
        |a| nullable(take(a, &[TEXT, TEXT], &[Kind::Int])?, TypeRoot::STRING),
    ),
    FunctionSpec::new(
        F::RegexpExtractAll,
        "REGEXP_EXTRACT_ALL",
        "REGEXP_EXTRACT_ALL(a, pattern[, group])",
        "The group, by default 1, of every match.",
        |a| {
            let element = Box::new(TypeRoot::STRING.nullable());
            nullable(take(a, &[TEXT, TEXT], &[Kind::Int])?, TypeRoot::Array(element))
        },
    ),
    FunctionSpec::new(F::RegexpCount, "REGEXP_COUNT", "REGEXP_COUNT(a, pattern)", BAD, |a| {
        nullable(take(a, &[TEXT, TEXT], &[])?, TypeRoot::Int)
    }),
    FunctionSpec::new(F::RegexpInstr, "REGEXP_INSTR", "REGEXP_INSTR(a, pattern)", BAD, |a| {
        nullable(take(a, &[TEXT, TEXT], &[])?, TypeRoot::Int)
    }),
    FunctionSpec::new(F::RegexpSubstr, "REGEXP_SUBSTR", "REGEXP_SUBSTR(a, pattern)", BAD, |a| {
        nullable(take(a, &[TEXT, TEXT], &[])?, TypeRoot::STRING)
    }),
];
