//! Functions of the clock attribute, the watermark, chance and the type system.

use argus_base::TypeRoot;
use argus_base::logical_type::TimeKind;

use super::signature::{count, not_null, nullable, take};
use super::temporal::watermark;
use super::{Argument, FunctionSpec, Resolved, ScalarFunction as F};

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(
        F::Proctime,
        "PROCTIME",
        "PROCTIME()",
        "The processing-time attribute.",
        |a| {
            let root = TypeRoot::TimestampLtz { precision: 3, kind: TimeKind::Proctime };
            not_null(take(a, &[], &[])?, root)
        },
    )
    .volatile(),
    FunctionSpec::new(
        F::CurrentWatermark,
        "CURRENT_WATERMARK",
        "CURRENT_WATERMARK(rowtime)",
        "The watermark of the operator; NULL before the first.",
        watermark,
    )
    .custom_nulls()
    .volatile(),
    FunctionSpec::new(F::Uuid, "UUID", "UUID()", "Version 4, a new one each row.", |a| {
        not_null(take(a, &[], &[])?, TypeRoot::Char(36))
    })
    .volatile(),
    FunctionSpec::new(F::Typeof, "TYPEOF", "TYPEOF(a)", "The type's name.", typeof_function)
        .custom_nulls(),
];

fn typeof_function(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 1, 2)?;
    nullable(arguments.iter().map(|each| each.logical_type.clone()).collect(), TypeRoot::STRING)
}
