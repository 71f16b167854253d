//! Hints: `/*+ NAME(…), … */` after SELECT or after a table's name.
//!
//! They are taken out of the tokens before parsing and found again by where they stood.

use argus_plan::Span;
use sqlparser::ast;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::lex::{HINT_END, HINT_START, token_span};
use super::{Source, join, slice, span_of};
use crate::Diagnostic;
use crate::catalog::OptionValue;

/// The hints of one statement.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    placed: Vec<Placed>,
}

#[derive(Clone, Debug)]
struct Placed {
    /// Span of the token it follows: SELECT, or the last word of a table's name.
    after: Span,
    hint: Hint,
}

/// One hint.
#[derive(Clone, Debug)]
pub struct Hint {
    /// In upper case.
    pub name: String,
    /// What stands between its parentheses.
    pub arguments: Vec<HintArgument>,
    /// Name and arguments.
    pub span: Span,
}

/// One argument of a hint.
#[derive(Clone, Debug)]
pub enum HintArgument {
    /// `'key' = 'value'`
    Pair {
        /// Case-sensitive.
        key: String,
        /// Where the key was written.
        key_span: Span,
        /// What it is set to.
        value: OptionValue,
    },
    /// A name or text by itself.
    Name(String),
}

impl Hints {
    /// The hints after a table's name.
    pub fn of_table<'a>(
        &'a self,
        name: &ast::ObjectName,
    ) -> impl Iterator<Item = &'a Hint> + use<'a> {
        let last = name.0.last().and_then(|part| part.as_ident());
        self.after(last.map(|ident| span_of(ident.span)))
    }

    /// The hints after the SELECT of a query.
    pub fn of_select<'a>(
        &'a self,
        select: &ast::Select,
    ) -> impl Iterator<Item = &'a Hint> + use<'a> {
        self.after(Some(span_of(select.select_token.0.span)))
    }

    /// The hints after the token of that span.
    fn after(&self, place: Option<Span>) -> impl Iterator<Item = &Hint> {
        self.placed
            .iter()
            .filter(move |placed| Some(placed.after) == place)
            .map(|placed| &placed.hint)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }
}

impl Hint {
    /// Its pairs, in order; the last of equal keys counts.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, Span, &OptionValue)> {
        self.arguments.iter().filter_map(|argument| match argument {
            HintArgument::Pair { key, key_span, value } => Some((key.as_str(), *key_span, value)),
            HintArgument::Name(_) => None,
        })
    }
}

/// Takes the hints out of a statement's tokens.
pub fn extract(
    tokens: Vec<TokenWithSpan>,
    source: &Source,
) -> Result<(Vec<TokenWithSpan>, Hints), Diagnostic> {
    let mut rest: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut hints = Hints::default();
    let mut inner: Option<(Span, Vec<TokenWithSpan>)> = None;
    for token in tokens {
        let marker = match &token.token {
            Token::Placeholder(text) => Some(text.as_str()),
            _ => None,
        };
        match (marker, &mut inner) {
            (Some(HINT_START), None) => {
                inner = Some((place(rest.last(), &token)?, Vec::new()));
            }
            (Some(HINT_START), Some(_)) => {
                let message = "a hint cannot stand inside a hint";
                return Err(Diagnostic::wrong("AR1001", token_span(&token), message));
            }
            (Some(HINT_END), _) => {
                if let Some((after, found)) = inner.take() {
                    let end = token_span(&token);
                    let parsed = Reader { tokens: &found, at: 0, source, end }.hints()?;
                    hints.placed.extend(parsed.into_iter().map(|hint| Placed { after, hint }));
                }
            }
            (_, Some((_, found))) => found.push(token),
            (_, None) => rest.push(token),
        }
    }
    Ok((rest, hints))
}

/// The token a hint belongs to.
fn place(before: Option<&TokenWithSpan>, hint: &TokenWithSpan) -> Result<Span, Diagnostic> {
    match before {
        Some(token) if matches!(token.token, Token::Word(_)) => Ok(token_span(token)),
        _ => {
            let message = "a hint stands directly after SELECT or after the name of a table";
            Err(Diagnostic::wrong("AR1001", token_span(hint), message))
        }
    }
}

/// Reads the inside of one hint comment.
struct Reader<'a> {
    tokens: &'a [TokenWithSpan],
    at: usize,
    source: &'a Source,
    end: Span,
}

impl Reader<'_> {
    fn hints(mut self) -> Result<Vec<Hint>, Diagnostic> {
        let mut hints = Vec::new();
        while self.at < self.tokens.len() {
            hints.push(self.hint()?);
            self.take(&Token::Comma);
        }
        if hints.is_empty() {
            return Err(self.expected("the name of a hint"));
        }
        Ok(hints)
    }

    fn hint(&mut self) -> Result<Hint, Diagnostic> {
        let (name, first) = self.name()?;
        let mut arguments = Vec::new();
        let mut span = first;
        if self.take(&Token::LParen) {
            while self.peek() != Some(&Token::RParen) {
                arguments.push(self.argument()?);
                if !self.take(&Token::Comma) {
                    break;
                }
            }
            if !self.take(&Token::RParen) {
                return Err(self.expected("')'"));
            }
            span = join(first, token_span(&self.tokens[self.at - 1]));
        }
        Ok(Hint { name: name.to_ascii_uppercase(), arguments, span })
    }

    fn argument(&mut self) -> Result<HintArgument, Diagnostic> {
        let (key, key_span) = self.name()?;
        if !self.take(&Token::Eq) {
            return Ok(HintArgument::Name(key));
        }
        let Some(TokenWithSpan { token: Token::SingleQuotedString(value), span }) =
            self.tokens.get(self.at)
        else {
            return Err(self.expected("a text such as 'value'"));
        };
        self.at += 1;
        let value = option_value(value.clone(), span_of(*span), key_span, self.source);
        Ok(HintArgument::Pair { key, key_span, value })
    }

    /// A name, path or text.
    fn name(&mut self) -> Result<(String, Span), Diagnostic> {
        let Some(token) = self.tokens.get(self.at) else { return Err(self.expected("a name")) };
        let value = match &token.token {
            Token::Word(word) => word.value.clone(),
            Token::SingleQuotedString(text) | Token::Number(text, _) => text.clone(),
            _ => return Err(self.expected("a name")),
        };
        self.at += 1;
        Ok((value, token_span(token)))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expected(&self, what: &str) -> Diagnostic {
        let at = self.tokens.get(self.at).map_or(self.end, token_span);
        Diagnostic::wrong("AR1001", at, format!("a hint needs {what} here"))
    }
}

/// The value of an option, with the texts that may be printed for it and its key.
pub(crate) fn option_value(value: String, span: Span, key_span: Span, source: &str) -> OptionValue {
    let (written, written_key) = (unquoted(source, span), unquoted(source, key_span));
    OptionValue { value, written, written_key, span, key_span }
}

/// The text of a literal as written, without its quotes.
fn unquoted(source: &str, span: Span) -> String {
    let text = slice(source, span);
    let body = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    body.map_or_else(|| text.to_owned(), |body| body.replace("''", "'"))
}
