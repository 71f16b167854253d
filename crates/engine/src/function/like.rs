//! LIKE: patterns with `%` and `_`.

use std::sync::Arc;

use argus_base::Result;
use argus_plan::ScalarFunction as F;
use arrow_array::{ArrayRef, Scalar, StringViewArray};
use arrow_ord::cmp;
use arrow_string::like::{ends_with, starts_with};
use memchr::memmem;

use super::{Binding, Call, Kernel, refused};

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    if binding.function != F::Like {
        return Ok(None);
    }
    let escape = match binding.arguments.len() {
        3 => binding.literal_text(2),
        _ => Some(""),
    };
    // A pattern that cannot be compiled is an error only of rows that reach it.
    let fixed = binding.literal_text(1).zip(escape).and_then(|(p, e)| Matcher::new(p, e).ok());
    Ok(Some(match fixed {
        Some(matcher) => Box::new(move |call| matcher.matches_all(call)),
        None => Box::new(like),
    }))
}

fn like(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, pattern) = (call.text_of(0), call.text_of(1));
    let escape = (call.arguments.len() == 3).then(|| call.text_of(2));
    let mut last: Option<(String, Matcher)> = None;
    call.try_booleans(|row| {
        let (pattern, escape) = (pattern(row), escape.as_ref().map_or("", |escape| escape(row)));
        let matcher = match last.take() {
            Some((known, matcher)) if known == pattern && call.arguments.len() == 2 => matcher,
            _ => Matcher::new(pattern, escape)?,
        };
        let is_match = matcher.matches(text(row));
        last = Some((pattern.to_owned(), matcher));
        Ok(Some(is_match))
    })
}

/// A compiled pattern.
enum Matcher {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(Box<memmem::Finder<'static>>),
    General(Vec<Token>),
}

enum Token {
    Text(String),
    /// `_`: one character that ends no line.
    One,
    /// `%`: any characters.
    Any,
}

impl Matcher {
    fn new(pattern: &str, escape: &str) -> Result<Matcher> {
        let mut characters = escape.chars();
        let escape_character = characters.next();
        if characters.next().is_some() {
            return Err(refused(format!("the escape '{escape}' is not one character")));
        }
        let tokens = tokens(pattern, escape_character)?;
        Ok(match tokens.as_slice() {
            [] => Matcher::Exact(String::new()),
            [Token::Text(text)] => Matcher::Exact(text.clone()),
            [Token::Text(text), Token::Any] => Matcher::Prefix(text.clone()),
            [Token::Any, Token::Text(text)] => Matcher::Suffix(text.clone()),
            [Token::Any, Token::Text(text), Token::Any] => {
                Matcher::Contains(Box::new(memmem::Finder::new(text).into_owned()))
            }
            _ => Matcher::General(tokens),
        })
    }

    /// For each row whether its text matches; kernels know views that begin or end alike.
    fn matches_all(&self, call: &Call<'_>) -> Result<ArrayRef> {
        let texts = &call.arguments[0];
        let part = |part: &str| Scalar::new(StringViewArray::from(vec![part]));
        if texts.is_constant() {
            let text = call.text_of(0);
            return Ok(call.booleans(|row| self.matches(text(row))));
        }
        let found = match self {
            Matcher::Exact(exact) => cmp::eq(texts, &part(exact))?,
            Matcher::Prefix(prefix) => starts_with(texts, &part(prefix))?,
            Matcher::Suffix(suffix) => ends_with(texts, &part(suffix))?,
            _ => {
                let text = call.text_of(0);
                return Ok(call.booleans(|row| self.matches(text(row))));
            }
        };
        Ok(Arc::new(found))
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Matcher::Exact(exact) => text == exact,
            Matcher::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Matcher::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Matcher::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Matcher::General(tokens) => matches_tokens(tokens, text),
        }
    }
}

fn tokens(pattern: &str, escape: Option<char>) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        let literal = match c {
            _ if Some(c) == escape => match characters.next() {
                Some(next) if next == '%' || next == '_' || Some(next) == escape => next,
                _ => return Err(refused(format!("invalid escape in the pattern '{pattern}'"))),
            },
            '%' => {
                if !matches!(tokens.last(), Some(Token::Any)) {
                    tokens.push(Token::Any);
                }
                continue;
            }
            '_' => {
                tokens.push(Token::One);
                continue;
            }
            _ => c,
        };
        match tokens.last_mut() {
            Some(Token::Text(text)) => text.push(literal),
            _ => tokens.push(Token::Text(literal.to_string())),
        }
    }
    Ok(tokens)
}

/// Greedy with one point of return: where a later part does not fit, the last `%` takes one
/// character more.
fn matches_tokens(tokens: &[Token], text: &str) -> bool {
    let (mut token, mut rest) = (0, text);
    let mut last_any: Option<(usize, &str)> = None;
    loop {
        let next = match tokens.get(token) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Token::Any) => {
                last_any = Some((token, rest));
                token += 1;
                continue;
            }
            Some(Token::Text(text)) => rest.strip_prefix(text.as_str()),
            Some(Token::One) => skip_one(rest),
        };
        if let Some(next) = next {
            token += 1;
            rest = next;
            continue;
        }
        let Some((any, from)) = last_any else { return false };
        let mut characters = from.chars();
        if characters.next().is_none() {
            return false;
        }
        last_any = Some((any, characters.as_str()));
        token = any + 1;
        rest = characters.as_str();
    }
}

fn skip_one(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    let c = characters.next()?;
    let ends_line = matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    (!ends_line).then_some(characters.as_str())
}
