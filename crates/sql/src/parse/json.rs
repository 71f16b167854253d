//! The JSON functions, whose clauses stand between their parentheses.
//!
//! `JSON_VALUE(j, p RETURNING INT DEFAULT 0 ON EMPTY)` becomes a call with named arguments for the
//! clauses: `RETURNING => CAST(NULL AS INT)`, `` `DEFAULT ON EMPTY` => 0 ``; a clause without a
//! value has its own text as value: `` `NULL ON EMPTY` => 'NULL ON EMPTY' ``. `KEY k VALUE v` gives
//! two arguments.

use sqlparser::ast::{self, Expr};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::dialect::FlinkDialect;
use super::expression::{named_call, take};
use crate::script::lex::token_span;
use crate::types;

/// Whether the function has clauses of its own.
pub(super) fn is_json_function(upper: &str) -> bool {
    matches!(
        upper,
        "JSON_VALUE"
            | "JSON_QUERY"
            | "JSON_EXISTS"
            | "JSON_OBJECT"
            | "JSON_ARRAY"
            | "JSON_OBJECTAGG"
            | "JSON_ARRAYAGG"
    )
}

/// Reads a call; the name is next.
pub(super) fn parse(dialect: &FlinkDialect, parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let mut args = Vec::new();
    while parser.peek_token_ref().token != Token::RParen {
        if let Some(clause) = clause(dialect, parser)? {
            args.push(clause);
            continue;
        }
        let is_key = take(parser, "KEY");
        args.push(unnamed(parser.parse_expr()?));
        let has_value = take(parser, "VALUE") || parser.consume_token(&Token::Colon);
        if has_value {
            args.push(unnamed(parser.parse_expr()?));
        } else if is_key {
            return parser.expected("VALUE", parser.peek_token());
        }
        let goes_on = parser.consume_token(&Token::Comma);
        if !goes_on && !starts_clause(parser) && parser.peek_token_ref().token != Token::RParen {
            return parser.expected("',' or ')'", parser.peek_token());
        }
    }
    parser.expect_token(&Token::RParen)?;
    Ok(named_call(&name.token.to_string(), &name, args))
}

fn starts_clause(parser: &Parser<'_>) -> bool {
    const FIRST: &[&str] = &[
        "RETURNING",
        "NULL",
        "ERROR",
        "DEFAULT",
        "TRUE",
        "FALSE",
        "UNKNOWN",
        "EMPTY",
        "WITH",
        "WITHOUT",
        "ABSENT",
    ];
    FIRST.iter().any(|word| crate::script::split::is_word(parser.peek_token_ref(), word))
}

/// One clause, if one is next.
fn clause(
    dialect: &FlinkDialect,
    parser: &mut Parser<'_>,
) -> Result<Option<ast::FunctionArg>, ParserError> {
    let first = parser.peek_token();
    if take(parser, "RETURNING") {
        let span = token_span(parser.peek_token_ref());
        let logical_type =
            types::parse_type(parser, dialect.source()).map_err(|error| dialect.fail(error))?;
        let null = Expr::Value(ast::Value::Null.with_span(first.span));
        let arg = Expr::Cast {
            kind: ast::CastKind::Cast,
            expr: Box::new(null),
            data_type: types::to_data_type(&logical_type, span),
            array: false,
            format: None,
        };
        return Ok(Some(named("RETURNING", &first, arg)));
    }
    if take(parser, "DEFAULT") {
        let value = parser.parse_expr()?;
        parser.expect_keyword_is(Keyword::ON)?;
        let when = parser.next_token().token.to_string().to_ascii_uppercase();
        return Ok(Some(named(&format!("DEFAULT ON {when}"), &first, value)));
    }
    let Some(text) = words(parser) else { return Ok(None) };
    let value = Expr::Value(ast::Value::SingleQuotedString(text.clone()).with_span(first.span));
    Ok(Some(named(&text, &first, value)))
}

/// A clause made of words only.
fn words(parser: &mut Parser<'_>) -> Option<String> {
    const CLAUSES: &[&str] = &[
        "NULL ON EMPTY",
        "NULL ON ERROR",
        "NULL ON NULL",
        "ABSENT ON NULL",
        "ERROR ON EMPTY",
        "ERROR ON ERROR",
        "TRUE ON ERROR",
        "FALSE ON ERROR",
        "UNKNOWN ON ERROR",
        "EMPTY ARRAY ON EMPTY",
        "EMPTY ARRAY ON ERROR",
        "EMPTY OBJECT ON EMPTY",
        "EMPTY OBJECT ON ERROR",
        "WITHOUT ARRAY WRAPPER",
        "WITHOUT WRAPPER",
        "WITH CONDITIONAL ARRAY WRAPPER",
        "WITH CONDITIONAL WRAPPER",
        "WITH UNCONDITIONAL ARRAY WRAPPER",
        "WITH UNCONDITIONAL WRAPPER",
        "WITH ARRAY WRAPPER",
        "WITH WRAPPER",
    ];
    let is_next = |clause: &&&str| {
        let mut words = clause.split(' ').enumerate();
        words.all(|(n, word)| crate::script::split::is_word(parser.peek_nth_token_ref(n), word))
    };
    let found = CLAUSES.iter().find(is_next)?;
    for _ in found.split(' ') {
        parser.advance_token();
    }
    Some((*found).to_owned())
}

fn unnamed(expr: Expr) -> ast::FunctionArg {
    ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr))
}

fn named(name: &str, token: &TokenWithSpan, value: Expr) -> ast::FunctionArg {
    let mut ident = ast::Ident::new(name);
    ident.span = token.span;
    ast::FunctionArg::Named {
        name: ident,
        arg: ast::FunctionArgExpr::Expr(value),
        operator: ast::FunctionArgOperator::RightArrow,
    }
}
