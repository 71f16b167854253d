//! Parts and escapes of URLs.

use argus_base::TypeRoot;

use super::signature::{Kind, nullable, take};
use super::{FunctionSpec, ScalarFunction as F};

const TEXT: Kind = Kind::Text;

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(
        F::ParseUrl,
        "PARSE_URL",
        "PARSE_URL(url, part[, key])",
        "Part: HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE or USERINFO.",
        |a| nullable(take(a, &[TEXT, TEXT], &[TEXT])?, TypeRoot::STRING),
    ),
    FunctionSpec::new(F::UrlEncode, "URL_ENCODE", "URL_ENCODE(a)", "As in a form.", |a| {
        nullable(take(a, &[TEXT], &[])?, TypeRoot::STRING)
    }),
    FunctionSpec::new(
        F::UrlDecode,
        "URL_DECODE",
        "URL_DECODE(a)",
        "NULL where an escape is broken.",
        |a| nullable(take(a, &[TEXT], &[])?, TypeRoot::STRING),
    ),
];
