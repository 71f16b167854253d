//! Flink SQL as a dialect of `sqlparser`: what its hooks let us say.
//!
//! The dialect also keeps what a hook cannot return: the diagnostic of a definite mistake, and how
//! far parsing came, since `sqlparser` tries alternatives and forgets why each failed.

use std::cell::{Cell, RefCell};

use argus_plan::Span;
use sqlparser::ast;
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};

use super::{expression, reserved};
use crate::Diagnostic;
use crate::script::lex::token_span;
use crate::script::{Source, slice};
use crate::types::reserved_word;

/// Operators in one chain such as `a + b + c …`.
const MAX_CHAIN: usize = 500;

/// The dialect, made for one statement.
#[derive(Debug)]
pub struct FlinkDialect {
    source: Source,
    failure: RefCell<Option<Diagnostic>>,
    furthest: Cell<u64>,
}

/// Words that begin an expression without being a value or a call.
const STARTERS: &[&str] = &["CASE", "NOT"];

/// Words that begin an expression before a text.
const TYPED_STARTERS: &[&str] = &["INTERVAL", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ"];

/// Words that structure a query: where one stands instead of an expression, something is missing.
const STRUCTURE: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "BY",
    "LIMIT",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "JOIN",
    "INNER",
    "CROSS",
    "ON",
    "AND",
    "OR",
    "AS",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "IN",
    "IS",
    "LIKE",
    "BETWEEN",
    "SET",
    "WITH",
    "INTO",
    "VALUES",
    "USING",
    "WINDOW",
    "QUALIFY",
];

/// Whether the word structures a query.
pub(super) fn is_structure(word: &str) -> bool {
    STRUCTURE.iter().any(|known| known.eq_ignore_ascii_case(word))
}

impl FlinkDialect {
    /// The dialect for statements of a script.
    pub fn new(source: Source) -> FlinkDialect {
        FlinkDialect { source, failure: RefCell::new(None), furthest: Cell::new(0) }
    }

    /// The text of the script as written.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Ends parsing with a diagnostic, whatever alternatives are left: this error is the one that
    /// `sqlparser` never swallows.
    pub(super) fn fail(&self, diagnostic: Diagnostic) -> ParserError {
        self.failure.borrow_mut().get_or_insert(diagnostic);
        ParserError::RecursionLimitExceeded
    }

    /// The diagnostic that ended parsing, if one did.
    pub(super) fn take_failure(&self) -> Option<Diagnostic> {
        self.failure.borrow_mut().take()
    }

    /// Column of the furthest token at which an expression was expected or could go on.
    pub(super) fn furthest(&self) -> u64 {
        self.furthest.get()
    }

    fn note(&self, parser: &Parser<'_>) {
        let token = parser.peek_token_ref();
        let column = if token.token == Token::EOF { u64::MAX } else { token.span.start.column };
        self.furthest.set(self.furthest.get().max(column));
    }

    /// Refuses a reserved word where an expression should start.
    fn check_word(&self, word: &Word, span: Span, parser: &Parser<'_>) -> Result<(), ParserError> {
        let next = &parser.peek_nth_token_ref(1).token;
        let is_call = *next == Token::LParen;
        let is_unit_argument = *next == Token::Comma && reserved::is_unit(&word.value);
        let is_table_argument = word.keyword == Keyword::TABLE && matches!(next, Token::Word(_));
        let is_constructor = *next == Token::LBracket
            && ["ARRAY", "MULTISET"].iter().any(|name| name.eq_ignore_ascii_case(&word.value));
        let fine = !reserved::is_reserved(&word.value)
            || is_call
            || is_constructor
            || is_table_argument
            || is_unit_argument
            || reserved::is_value(&word.value);
        if fine {
            return Ok(());
        }
        if is_structure(&word.value) {
            let message = format!("expected an expression, found {}", slice(&self.source, span));
            return Err(self.fail(Diagnostic::wrong("AR1001", span, message)));
        }
        let is_interval = word.keyword == Keyword::INTERVAL && matches!(next, Token::Number(..));
        let is_typed_text = is_interval
            || matches!(next, Token::SingleQuotedString(_) | Token::Plus | Token::Minus);
        let is_in =
            |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(&word.value));
        if is_in(STARTERS) || is_in(TYPED_STARTERS) && is_typed_text {
            Ok(())
        } else {
            Err(self.fail(reserved_word(&word.value, span)))
        }
    }

    /// Whether a word may be an alias. The parser has read it already.
    fn may_be_alias(&self, parser: &Parser<'_>) -> bool {
        match &parser.get_current_token().token {
            Token::Word(word) => word.quote_style.is_some() || !reserved::is_reserved(&word.value),
            _ => true,
        }
    }
}

impl Dialect for FlinkDialect {
    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_' || c == '$'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_' || c == '$'
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '`'
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_match_recognize(&self) -> bool {
        true
    }

    fn supports_named_fn_args_with_rarrow_operator(&self) -> bool {
        true
    }

    fn supports_named_fn_args_with_eq_operator(&self) -> bool {
        false
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        keyword != Keyword::NoKeyword
    }

    fn is_column_alias(&self, _keyword: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.may_be_alias(parser)
    }

    fn is_select_item_alias(&self, _explicit: bool, _: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.may_be_alias(parser)
    }

    fn is_table_alias(&self, _keyword: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.may_be_alias(parser)
    }

    fn is_table_factor_alias(&self, _explicit: bool, _: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.may_be_alias(parser)
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        self.note(parser);
        // A unit after `(a - b)` belongs to it like an index.
        expression::is_difference(parser).then(|| Ok(self.prec_value(Precedence::DoubleColon)))
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<ast::Expr, ParserError>> {
        self.note(parser);
        let token = parser.peek_token_ref();
        let span = token_span(token);
        let Token::Word(word) = &token.token else { return None };
        if word.quote_style.is_some() {
            return None;
        }
        let word = word.clone();
        if let Err(error) = self.check_word(&word, span, parser) {
            return Some(Err(error));
        }
        expression::special(self, parser, &word)
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        left: &ast::Expr,
        _precedence: u8,
    ) -> Option<Result<ast::Expr, ParserError>> {
        if expression::chain_length(left, MAX_CHAIN) >= MAX_CHAIN {
            let span = token_span(parser.peek_token_ref());
            let message = format!("more than {MAX_CHAIN} operators follow each other");
            let help = "group some of them with parentheses, or use IN (…) or CASE";
            return Some(Err(self.fail(Diagnostic::wrong("AR1004", span, message).help(help))));
        }
        expression::infix(self, parser, left)
    }
}
