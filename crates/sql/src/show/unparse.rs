//! Expressions as Flink prints them.

use sqlparser::ast::{self, Spanned};

use crate::script::{slice, span_of};

/// The text of an expression in Flink's spelling; variables stay as written.
pub fn expression_text(expression: &ast::Expr, source: &str) -> String {
    slice(source, span_of(expression.span())).to_owned()
}
