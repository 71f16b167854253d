//! Arithmetic operators and numeric functions.

use super::FunctionSpec;

pub(super) const SPECS: &[FunctionSpec] = &[];
