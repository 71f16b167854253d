//! Script text before parsing: variables, tokens, statements.
//!
//! ```text
//! text as written ─ substitute ─▶ text to parse ─ lex ─▶ tokens ─ split, hint ─▶ statements
//! ```
//!
//! Every token knows the bytes of the text *as written* that it came from; inside a substituted
//! variable that is the whole `${…}`. A token's place is stored in `sqlparser`'s own
//! [`Location`]: line 1, column = byte offset + 1. So the spans of the syntax tree are spans of the
//! script, and [`span_of`] turns them into ours.

pub mod hidden;
pub mod hint;
pub mod lex;
mod literal;
pub mod split;
pub mod substitute;

use std::sync::Arc;

use argus_plan::Span;
use sqlparser::tokenizer::{Location, Span as ParserSpan};

/// The text of a script as written. Cheap to clone.
pub type Source = Arc<str>;

/// The `sqlparser` span that carries a span of the script.
pub fn parser_span(span: Span) -> ParserSpan {
    let location = |offset: u32| Location { line: 1, column: u64::from(offset) + 1 };
    ParserSpan { start: location(span.start), end: location(span.end) }
}

/// The span of the script that a `sqlparser` span carries; both 0 for an empty one.
pub fn span_of(span: ParserSpan) -> Span {
    let offset = |location: Location| u32::try_from(location.column.saturating_sub(1)).unwrap_or(0);
    let (start, end) = (offset(span.start), offset(span.end));
    Span { start, end: end.max(start) }
}

/// The smallest span that holds both.
pub fn join(left: Span, right: Span) -> Span {
    Span { start: left.start.min(right.start), end: left.end.max(right.end) }
}

/// The text of a span; empty where the span lies outside.
pub fn slice(source: &str, span: Span) -> &str {
    source.get(span.start as usize..span.end as usize).unwrap_or("")
}
