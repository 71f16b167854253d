//! Comparison and tests for NULL and truth.

use super::FunctionSpec;

pub(super) const SPECS: &[FunctionSpec] = &[];
