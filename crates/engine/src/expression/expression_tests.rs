//! Laziness, sharing and folding of compiled expressions.
