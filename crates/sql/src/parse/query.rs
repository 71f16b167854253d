//! What is changed or checked in a statement's tokens before `sqlparser` reads them.
//!
//! - `FROM TABLE t` → `FROM t`; `BETWEEN ASYMMETRIC` → `BETWEEN`.
//! - `MATCH_RECOGNIZE (… WITHIN INTERVAL '…' …)` loses the WITHIN and the `?` of reluctant
//!   quantifiers, which the tree cannot hold (nothing runs patterns yet);
//!   `SKIP TO v` becomes `SKIP TO LAST v`, which means the same.
//! - A reserved word that can only stand for a name is refused here, where `sqlparser` would take
//!   it for one.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::reserved;
use crate::Diagnostic;
use crate::script::lex::{token_span, word_token};
use crate::script::split::is_word;
use crate::types::reserved_word;

/// UNION, EXCEPT and INTERSECT in one statement.
const MAX_SET_OPERATORS: usize = 250;

/// The tokens as `sqlparser` reads them.
pub(super) fn adapt(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, Diagnostic> {
    check_names(&tokens)?;
    check_length(&tokens)?;
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut in_pattern = false;
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let next = tokens.get(index + 1);
        let after_from =
            out.last().is_some_and(|last| is_word(last, "FROM") || is_word(last, "JOIN"));
        let is_table = is_word(token, "TABLE") && next.is_some_and(is_name);
        if is_table && after_from {
            index += 1;
            continue;
        }
        if is_word(token, "ASYMMETRIC") && out.last().is_some_and(|last| is_word(last, "BETWEEN")) {
            index += 1;
            continue;
        }
        in_pattern = (in_pattern || is_word(token, "PATTERN")) && !is_word(token, "DEFINE");
        if in_pattern && is_word(token, "WITHIN") {
            index += within_length(&tokens[index..]);
            continue;
        }
        if in_pattern && token.token == Token::Question && ends_quantifier(out.last()) {
            index += 1;
            continue;
        }
        out.push(token.clone());
        if is_skip_to_name(&out, next) {
            out.push(TokenWithSpan { token: word_token("LAST"), span: token.span });
        }
        index += 1;
    }
    Ok(out)
}

/// Whether a `?` after the token makes a quantifier reluctant.
fn ends_quantifier(last: Option<&TokenWithSpan>) -> bool {
    let quantifiers = [Token::Mul, Token::Plus, Token::Question, Token::RBrace];
    last.is_some_and(|last| quantifiers.contains(&last.token))
}

/// Tokens of `WITHIN INTERVAL '…' unit [TO unit]`, up to DEFINE.
fn within_length(tokens: &[TokenWithSpan]) -> usize {
    tokens.iter().position(|token| is_word(token, "DEFINE")).unwrap_or(1)
}

/// Whether the last tokens are `SKIP TO` and a variable follows.
fn is_skip_to_name(out: &[TokenWithSpan], next: Option<&TokenWithSpan>) -> bool {
    let [.., skip, to] = out else { return false };
    let is_word_of =
        |token: &TokenWithSpan| ["NEXT", "FIRST", "LAST"].iter().any(|w| is_word(token, w));
    is_word(skip, "SKIP") && is_word(to, "TO") && next.is_some_and(|next| !is_word_of(next))
}

/// Refuses more set operators than the tree, which nests them, should hold.
fn check_length(tokens: &[TokenWithSpan]) -> Result<(), Diagnostic> {
    const WORDS: [&str; 3] = ["UNION", "EXCEPT", "INTERSECT"];
    let mut operators = tokens.iter().filter(|token| WORDS.iter().any(|word| is_word(token, word)));
    match operators.nth(MAX_SET_OPERATORS) {
        None => Ok(()),
        Some(token) => {
            let message = format!("more than {MAX_SET_OPERATORS} set operators in a statement");
            let help = "split the query into views";
            Err(Diagnostic::wrong("AR1004", token_span(token), message).help(help))
        }
    }
}

/// A word that may be a name.
fn is_name(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Word(word) => word.quote_style.is_some() || !reserved::is_reserved(&word.value),
        _ => false,
    }
}

/// Refuses reserved words next to a period, and where only a name can stand between commas or
/// parentheses.
fn check_names(tokens: &[TokenWithSpan]) -> Result<(), Diagnostic> {
    for (index, token) in tokens.iter().enumerate() {
        let Token::Word(word) = &token.token else { continue };
        if word.quote_style.is_some() || !reserved::is_reserved(&word.value) {
            continue;
        }
        let before = index.checked_sub(1).map(|before| &tokens[before].token);
        let after = tokens.get(index + 1).map(|after| &after.token);
        if reserved::is_value(&word.value) && after != Some(&Token::Period) {
            continue;
        }
        let next_to_period = before == Some(&Token::Period) || after == Some(&Token::Period);
        let is_unknown_to_parser =
            word.keyword == sqlparser::keywords::Keyword::NoKeyword && in_list(before, after);
        if next_to_period || is_unknown_to_parser {
            return Err(reserved_word(&word.value, token_span(token)));
        }
    }
    Ok(())
}

fn in_list(before: Option<&Token>, after: Option<&Token>) -> bool {
    matches!(before, Some(Token::LParen | Token::Comma))
        && matches!(after, Some(Token::RParen | Token::Comma))
}
