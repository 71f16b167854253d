//! Forms of expressions that `sqlparser` does not know or reads differently from Flink.
//!
//! | Flink | in the tree |
//! |---|---|
//! | `CAST(x AS type)`, `TRY_CAST` | `Cast` with a custom type, see [`crate::types`] |
//! | `INTERVAL '1' DAYS` | `Interval` with singular units |
//! | `ARRAY[…]`, `MAP[…]`, `MULTISET[…]` | `Array`; calls of `MAP` and `MULTISET` |
//! | `TABLE t PARTITION BY k` as an argument | call of `TABLE` with a window |
//! | `JSON_VALUE(… RETURNING t NULL ON EMPTY)` | call with named arguments for the clauses |
//! | `x IS [NOT] JSON …` | call of `IS JSON …` |

use sqlparser::ast::{self, Expr};
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::dialect::FlinkDialect;
use super::{json, reserved};
use crate::script::lex::token_span;
use crate::script::{join, split};
use crate::types;

type Parsed = Option<Result<Expr, ParserError>>;

/// The expression that starts with this unquoted word, where it is one of ours. The word is next.
pub(super) fn special(dialect: &FlinkDialect, parser: &mut Parser<'_>, word: &Word) -> Parsed {
    let next = parser.peek_nth_token_ref(1).token.clone();
    let upper = word.value.to_ascii_uppercase();
    match (upper.as_str(), &next) {
        ("CAST" | "TRY_CAST", Token::LParen) => Some(cast(dialect, parser, &upper)),
        ("INTERVAL", Token::SingleQuotedString(_) | Token::Plus | Token::Minus) => {
            Some(interval(parser))
        }
        ("INTERVAL", Token::Number(..) | Token::LParen) => Some(computed_interval(parser)),
        ("ARRAY", Token::LBracket) => Some(array(parser)),
        ("MAP" | "MULTISET", Token::LBracket) => Some(collection(parser)),
        ("TABLE", Token::LParen | Token::Word(_)) => Some(table_argument(parser)),
        ("RUNNING" | "FINAL", Token::Word(_))
            if parser.peek_nth_token_ref(2).token == Token::LParen =>
        {
            parser.advance_token();
            Some(parser.parse_prefix())
        }
        (name, Token::LParen) if json::is_json_function(name) => Some(json::parse(dialect, parser)),
        _ => None,
    }
}

/// What follows an operand, where it is one of ours.
pub(super) fn infix(dialect: &FlinkDialect, parser: &mut Parser<'_>, left: &Expr) -> Parsed {
    if is_difference(parser) {
        return Some(difference(parser, left));
    }
    if let Some(is_negated) = symmetric(parser) {
        return Some(between_symmetric(dialect, parser, left, is_negated));
    }
    if !parser.peek_keyword(Keyword::IS) {
        return None;
    }
    let at = |n: usize| parser.peek_nth_token_ref(n);
    let is_not = split::is_word(at(1), "NOT");
    let json_at = 1 + usize::from(is_not);
    if !split::is_word(at(json_at), "JSON") {
        return None;
    }
    let name = at(json_at).clone();
    for _ in 0..=json_at {
        parser.advance_token();
    }
    let kinds = ["VALUE", "OBJECT", "ARRAY", "SCALAR"];
    let kind = kinds.into_iter().find(|kind| take(parser, kind)).unwrap_or("VALUE");
    let not = if is_not { "NOT " } else { "" };
    Some(Ok(call(&format!("IS {not}JSON {kind}"), &name, vec![left.clone()])))
}

/// How many operators lead down the left side of an expression, at most `limit`.
pub(super) fn chain_length(expr: &Expr, limit: usize) -> usize {
    let mut length = 0;
    let mut at = expr;
    while length < limit {
        at = match at {
            Expr::BinaryOp { left, .. } | Expr::AnyOp { left, .. } | Expr::AllOp { left, .. } => {
                left
            }
            Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::IsDistinctFrom(inner, _)
            | Expr::IsNotDistinctFrom(inner, _) => inner,
            Expr::Like { expr, .. }
            | Expr::ILike { expr, .. }
            | Expr::SimilarTo { expr, .. }
            | Expr::RLike { expr, .. }
            | Expr::InList { expr, .. }
            | Expr::InSubquery { expr, .. }
            | Expr::Between { expr, .. }
            | Expr::Collate { expr, .. }
            | Expr::AtTimeZone { timestamp: expr, .. } => expr,
            _ => return length,
        };
        length += 1;
    }
    length
}

fn cast(dialect: &FlinkDialect, parser: &mut Parser<'_>, name: &str) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.advance_token();
    let expr = parser.parse_expr()?;
    parser.expect_keyword_is(Keyword::AS)?;
    let first = token_span(parser.peek_token_ref());
    let logical_type =
        types::parse_type(parser, dialect.source()).map_err(|error| dialect.fail(error))?;
    let span = join(first, token_span(parser.get_current_token()));
    parser.expect_token(&Token::RParen)?;
    let kind = if name == "CAST" { ast::CastKind::Cast } else { ast::CastKind::TryCast };
    let data_type = types::to_data_type(&logical_type, span);
    Ok(Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None })
}

fn interval(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.advance_token();
    let is_negative = parser.consume_token(&Token::Minus);
    if !is_negative {
        let _ = parser.consume_token(&Token::Plus);
    }
    let mut value = parser.parse_value()?;
    if let (true, ast::Value::SingleQuotedString(text)) = (is_negative, &mut value.value) {
        *text = format!("-{text}");
    }
    let leading_field = unit(parser)?;
    let (leading_precision, second_precision) = precisions(parser)?;
    let mut last_field = None;
    let mut fractional_seconds_precision = second_precision;
    if parser.parse_keyword(Keyword::TO) {
        last_field = Some(unit(parser)?);
        fractional_seconds_precision = precisions(parser)?.0;
    }
    Ok(Expr::Interval(ast::Interval {
        value: Box::new(Expr::Value(value)),
        leading_field: Some(leading_field),
        leading_precision,
        last_field,
        fractional_seconds_precision,
    }))
}

/// A unit of an interval; the plural means the same.
fn unit(parser: &mut Parser<'_>) -> Result<ast::DateTimeField, ParserError> {
    let units = [
        ("YEAR", ast::DateTimeField::Year),
        ("QUARTER", ast::DateTimeField::Quarter),
        ("MONTH", ast::DateTimeField::Month),
        ("WEEK", ast::DateTimeField::Week(None)),
        ("DAY", ast::DateTimeField::Day),
        ("HOUR", ast::DateTimeField::Hour),
        ("MINUTE", ast::DateTimeField::Minute),
        ("SECOND", ast::DateTimeField::Second),
    ];
    for (name, field) in units {
        if take(parser, name) || take(parser, &format!("{name}S")) {
            return Ok(field);
        }
    }
    parser.expected("a unit of time such as SECOND, MINUTE or DAY", parser.peek_token())
}

/// `(p)` or `(p, s)` after a unit.
fn precisions(parser: &mut Parser<'_>) -> Result<(Option<u64>, Option<u64>), ParserError> {
    if !parser.consume_token(&Token::LParen) {
        return Ok((None, None));
    }
    let first = parser.parse_literal_uint()?;
    let second = match parser.consume_token(&Token::Comma) {
        true => Some(parser.parse_literal_uint()?),
        false => None,
    };
    parser.expect_token(&Token::RParen)?;
    Ok((Some(first), second))
}

/// `INTERVAL 5 SECOND` and `INTERVAL (x) SECOND`: x times an interval of one.
fn computed_interval(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let keyword = parser.next_token();
    let factor = parser.parse_prefix()?;
    let leading_field = unit(parser)?;
    let one = ast::Value::SingleQuotedString("1".to_owned()).with_span(keyword.span);
    let one = ast::Interval {
        value: Box::new(Expr::Value(one)),
        leading_field: Some(leading_field),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    };
    let (left, right) = (Box::new(factor), Box::new(Expr::Interval(one)));
    let product = Expr::BinaryOp { left, op: ast::BinaryOperator::Multiply, right };
    Ok(Expr::Nested(Box::new(product)))
}

/// Whether a closing parenthesis was read last and a unit of time is next: `(a - b) DAY`.
pub(super) fn is_difference(parser: &Parser<'_>) -> bool {
    let is_unit = match &parser.peek_token_ref().token {
        Token::Word(word) => word.quote_style.is_none() && reserved::is_unit(&word.value),
        _ => false,
    };
    is_unit && parser.get_current_token().token == Token::RParen
}

/// `(a - b) DAY TO SECOND`: an interval whose value is the difference.
fn difference(parser: &mut Parser<'_>, left: &Expr) -> Result<Expr, ParserError> {
    let leading_field = Some(unit(parser)?);
    let (leading_precision, mut fractional_seconds_precision) = precisions(parser)?;
    let mut last_field = None;
    if parser.parse_keyword(Keyword::TO) {
        last_field = Some(unit(parser)?);
        fractional_seconds_precision = precisions(parser)?.0;
    }
    Ok(Expr::Interval(ast::Interval {
        value: Box::new(left.clone()),
        leading_field,
        leading_precision,
        last_field,
        fractional_seconds_precision,
    }))
}

/// Whether `[NOT] BETWEEN SYMMETRIC` is next, and whether with NOT.
fn symmetric(parser: &Parser<'_>) -> Option<bool> {
    let is = |n: usize, word: &str| split::is_word(parser.peek_nth_token_ref(n), word);
    let is_negated = is(0, "NOT");
    let at = usize::from(is_negated);
    (is(at, "BETWEEN") && is(at + 1, "SYMMETRIC")).then_some(is_negated)
}

/// `x BETWEEN SYMMETRIC a AND b` is `(x BETWEEN a AND b OR x BETWEEN b AND a)`.
fn between_symmetric(
    dialect: &FlinkDialect,
    parser: &mut Parser<'_>,
    value: &Expr,
    is_negated: bool,
) -> Result<Expr, ParserError> {
    for _ in 0..2 + usize::from(is_negated) {
        parser.advance_token();
    }
    let precedence = dialect.prec_value(Precedence::Between);
    let first = parser.parse_subexpr(precedence)?;
    parser.expect_keyword_is(Keyword::AND)?;
    let second = parser.parse_subexpr(precedence)?;
    let between = |low: &Expr, high: &Expr| Expr::Between {
        expr: Box::new(value.clone()),
        negated: is_negated,
        low: Box::new(low.clone()),
        high: Box::new(high.clone()),
    };
    let (left, right) = (between(&first, &second), between(&second, &first));
    let op = if is_negated { ast::BinaryOperator::And } else { ast::BinaryOperator::Or };
    let both = Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) };
    Ok(Expr::Nested(Box::new(both)))
}

fn array(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.advance_token();
    let elem = bracketed(parser)?;
    Ok(Expr::Array(ast::Array { elem, named: true }))
}

/// `MAP[k, v, …]` and `MULTISET[v, …]`.
fn collection(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.next_token();
    let elements = bracketed(parser)?;
    Ok(call(&name.token.to_string(), &name, elements))
}

fn bracketed(parser: &mut Parser<'_>) -> Result<Vec<Expr>, ParserError> {
    parser.expect_token(&Token::LBracket)?;
    if parser.consume_token(&Token::RBracket) {
        return Ok(Vec::new());
    }
    let elements = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_token(&Token::RBracket)?;
    Ok(elements)
}

/// `TABLE t [PARTITION BY …] [ORDER BY …]` or `TABLE (query)`, argument of a table function.
fn table_argument(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.next_token();
    let table = if parser.consume_token(&Token::LParen) {
        let query = parser.parse_query()?;
        parser.expect_token(&Token::RParen)?;
        Expr::Subquery(query)
    } else {
        let parts = parser.parse_object_name(true)?.0;
        let mut idents: Vec<ast::Ident> =
            parts.iter().filter_map(|part| part.as_ident().cloned()).collect();
        match idents.len() {
            1 => Expr::Identifier(idents.remove(0)),
            _ => Expr::CompoundIdentifier(idents),
        }
    };
    let mut partition_by = Vec::new();
    if parser.parse_keywords(&[Keyword::PARTITION, Keyword::BY]) {
        partition_by = keys(parser)?;
    }
    let mut order_by = Vec::new();
    if parser.parse_keywords(&[Keyword::ORDER, Keyword::BY]) {
        order_by.push(parser.parse_order_by_expr()?);
        while another_key(parser) {
            parser.advance_token();
            order_by.push(parser.parse_order_by_expr()?);
        }
    }
    let mut made = call("TABLE", &name, vec![table]);
    let has_window = !partition_by.is_empty() || !order_by.is_empty();
    if let (true, Expr::Function(function)) = (has_window, &mut made) {
        function.over = Some(ast::WindowType::WindowSpec(ast::WindowSpec {
            window_name: None,
            partition_by,
            order_by,
            window_frame: None,
        }));
    }
    Ok(made)
}

/// Partition keys, with or without parentheses. Without, a comma that is followed by something
/// that is no further key ends them: `TABLE t PARTITION BY k, DESCRIPTOR(ts)`.
fn keys(parser: &mut Parser<'_>) -> Result<Vec<Expr>, ParserError> {
    if parser.consume_token(&Token::LParen) {
        let keys = parser.parse_comma_separated(Parser::parse_expr)?;
        parser.expect_token(&Token::RParen)?;
        return Ok(keys);
    }
    let mut keys = vec![parser.parse_expr()?];
    while another_key(parser) {
        parser.advance_token();
        keys.push(parser.parse_expr()?);
    }
    Ok(keys)
}

/// Whether a comma and a further key are next.
fn another_key(parser: &Parser<'_>) -> bool {
    let [comma, name, after] = parser.peek_tokens_ref::<3>();
    let is_argument =
        matches!(after.token, Token::LParen | Token::RArrow | Token::SingleQuotedString(_));
    comma.token == Token::Comma && matches!(name.token, Token::Word(_)) && !is_argument
}

/// A call of a function of that name, which was written at `token`.
pub(super) fn call(name: &str, token: &TokenWithSpan, arguments: Vec<Expr>) -> Expr {
    let unnamed = |expr| ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr));
    named_call(name, token, arguments.into_iter().map(unnamed).collect())
}

/// The same with arguments of any kind.
pub(super) fn named_call(name: &str, token: &TokenWithSpan, args: Vec<ast::FunctionArg>) -> Expr {
    let mut ident = ast::Ident::new(name);
    ident.span = token.span;
    let list = ast::FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Expr::Function(ast::Function {
        name: ast::ObjectName::from(vec![ident]),
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// Takes the next token if it is that unquoted word.
pub(super) fn take(parser: &mut Parser<'_>, word: &str) -> bool {
    let found = split::is_word(parser.peek_token_ref(), word);
    if found {
        parser.advance_token();
    }
    found
}
