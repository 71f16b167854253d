//! Statement tokens → [`Statement`]. One file a family of statements; expressions and queries are
//! parsed by `sqlparser` through [`dialect`]'s hooks.

mod alter;
mod create_table;
mod create_view;
pub mod dialect;
mod explain;
mod expression;
mod insert;
mod json;
mod other;
mod query;
pub mod reserved;
mod set;
mod show;

use std::sync::Arc;

use argus_plan::Span;
use sqlparser::ast;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::Diagnostic;
use crate::script::hint::{self, Hints};
use crate::script::lex::{lex, token_span};
use crate::script::split::{is_word, split};
use crate::script::substitute::{Variables, substitute};
use crate::script::{Source, join, slice, span_of};
use crate::statement::{Name, Path, Statement, StatementKind};
use crate::types::{self, reserved_word};
use dialect::{FlinkDialect, is_structure};

/// Levels of parentheses, sub-queries and calls an expression may have. `sqlparser` counts a few
/// steps a level.
const RECURSION_LIMIT: usize = 64;

/// All statements of a script, in order.
pub fn parse_script(
    source: &Source,
    variables: Variables<'_>,
) -> Result<Vec<Statement>, Diagnostic> {
    let tokens = lex(&substitute(source, variables)?)?;
    split(tokens).into_iter().map(|tokens| parse_statement(source, tokens)).collect()
}

/// One statement.
fn parse_statement(source: &Source, tokens: Vec<TokenWithSpan>) -> Result<Statement, Diagnostic> {
    let (tokens, hints) = hint::extract(tokens, source)?;
    let tokens = query::adapt(tokens)?;
    let ends = tokens.first().zip(tokens.last());
    let span =
        ends.map_or(Span::default(), |(first, last)| join(token_span(first), token_span(last)));
    let dialect = FlinkDialect::new(source.clone());
    let parser = Parser::new(&dialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens.clone());
    let hints = Arc::new(hints);
    let mut parser = StatementParser { parser, dialect: &dialect, source, hints, tokens, span };
    let kind = parser.statement()?;
    parser.expect_end()?;
    Ok(Statement { kind, span })
}

/// Reads one statement.
struct StatementParser<'a> {
    parser: Parser<'a>,
    dialect: &'a FlinkDialect,
    source: &'a Source,
    hints: Arc<Hints>,
    /// The tokens that `parser` reads, for diagnostics.
    tokens: Vec<TokenWithSpan>,
    /// The whole statement.
    span: Span,
}

type Parsed<T = StatementKind> = Result<T, Diagnostic>;

impl StatementParser<'_> {
    fn statement(&mut self) -> Parsed {
        let token = self.parser.peek_token();
        let word = match &token.token {
            Token::Word(Word { value, quote_style: None, .. }) => value.to_ascii_uppercase(),
            Token::LParen => return self.query_statement(),
            _ => return Err(self.expected("a statement")),
        };
        match word.as_str() {
            "SELECT" | "WITH" | "VALUES" | "TABLE" => self.query_statement(),
            "CREATE" => self.create(),
            "DROP" => self.drop(),
            "ALTER" => self.alter(),
            "INSERT" => self.insert_statement(),
            "EXECUTE" => self.execute(),
            "BEGIN" => self.begin(),
            "END" => {
                self.word("END");
                Ok(StatementKind::EndStatementSet)
            }
            "SET" => self.set(),
            "RESET" => self.reset(),
            "USE" => self.use_statement(),
            "SHOW" => self.show(),
            "DESCRIBE" | "DESC" => self.describe(),
            "EXPLAIN" => self.explain(),
            _ => self.other(&word),
        }
    }

    fn query_statement(&mut self) -> Parsed {
        Ok(StatementKind::Query(self.query()?))
    }

    /// A query to the end of its clauses.
    fn query(&mut self) -> Parsed<crate::statement::Query> {
        let first = self.peek_span();
        let query = self.parser.parse_query().map_err(|error| self.diagnose(error))?;
        let span = join(first, self.last_span());
        Ok(crate::statement::Query { query, hints: self.hints.clone(), span })
    }

    fn expression(&mut self) -> Parsed<ast::Expr> {
        self.parser.parse_expr().map_err(|error| self.diagnose(error))
    }

    fn logical_type(&mut self) -> Parsed<argus_base::LogicalType> {
        types::parse_type(&mut self.parser, self.source)
    }

    /// Takes the next token if it is this word, unquoted.
    fn word(&mut self, word: &str) -> bool {
        let found = is_word(self.parser.peek_token_ref(), word);
        if found {
            self.parser.advance_token();
        }
        found
    }

    /// Whether the next token is this word, unquoted.
    fn is_next(&self, word: &str) -> bool {
        is_word(self.parser.peek_token_ref(), word)
    }

    /// Takes these words if all of them are next.
    fn words(&mut self, words: &[&str]) -> bool {
        let all = words.iter().enumerate();
        let found =
            all.into_iter().all(|(n, word)| is_word(self.parser.peek_nth_token_ref(n), word));
        if found {
            words.iter().for_each(|_| self.parser.advance_token());
        }
        found
    }

    fn expect_words(&mut self, words: &[&str]) -> Parsed<()> {
        for word in words {
            if !self.word(word) {
                return Err(self.expected(word));
            }
        }
        Ok(())
    }

    fn token(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    fn expect(&mut self, token: &Token) -> Parsed<()> {
        if self.token(token) { Ok(()) } else { Err(self.expected(&format!("'{token}'"))) }
    }

    fn expect_end(&mut self) -> Parsed<()> {
        let next = self.parser.peek_token_ref();
        match &next.token {
            Token::EOF => Ok(()),
            // Most likely meant as an alias.
            Token::Word(Word { value, quote_style: None, .. })
                if reserved::is_reserved(value) && !is_structure(value) =>
            {
                Err(reserved_word(value, token_span(next)))
            }
            _ => Err(self.expected("the end of the statement")),
        }
    }

    /// A name; reserved words need back-ticks.
    fn name(&mut self) -> Parsed<Name> {
        let token = self.parser.peek_token();
        let Token::Word(word) = token.token else { return Err(self.expected("a name")) };
        let span = span_of(token.span);
        if word.quote_style.is_none() && reserved::is_reserved(&word.value) {
            return Err(reserved_word(&word.value, span));
        }
        self.parser.advance_token();
        Ok(Name { value: word.value, span })
    }

    /// `(a, b, …)`.
    fn names(&mut self) -> Parsed<Vec<Name>> {
        self.list(Self::name)
    }

    /// Items between parentheses, separated by commas; at least one.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect(&Token::LParen)?;
        let mut items = vec![item(self)?];
        while self.token(&Token::Comma) {
            items.push(item(self)?);
        }
        self.expect(&Token::RParen)?;
        Ok(items)
    }

    fn path(&mut self) -> Parsed<Path> {
        let mut parts = vec![self.name()?];
        while parts.len() < 3 && self.token(&Token::Period) {
            parts.push(self.name()?);
        }
        let span = join(parts[0].span, parts[parts.len() - 1].span);
        let mut backwards = parts.into_iter().rev().map(|part| part.value);
        let name = backwards.next().unwrap_or_default();
        let database = backwards.next();
        Ok(Path { catalog: backwards.next(), database, name, span })
    }

    /// A text literal.
    fn text(&mut self) -> Parsed<(String, Span)> {
        let token = self.parser.peek_token();
        let Token::SingleQuotedString(text) = token.token else {
            return Err(self.expected("a text such as 'text'"));
        };
        self.parser.advance_token();
        Ok((text, span_of(token.span)))
    }

    fn peek_span(&self) -> Span {
        match self.parser.peek_token_ref() {
            TokenWithSpan { token: Token::EOF, .. } => {
                Span { start: self.span.end, end: self.span.end }
            }
            token => token_span(token),
        }
    }

    /// Span of the token read last.
    fn last_span(&self) -> Span {
        token_span(self.parser.get_current_token())
    }

    /// What a failure of `sqlparser` means. It never repeats token texts: they may hold the value
    /// of a variable.
    fn diagnose(&self, error: ParserError) -> Diagnostic {
        if let Some(failure) = self.dialect.take_failure() {
            return failure;
        }
        let text = match error {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
            ParserError::RecursionLimitExceeded => {
                let message = "the statement is nested too deeply";
                return Diagnostic::wrong("AR1004", self.span, message);
            }
        };
        let position =
            text.rsplit_once("Column: ").and_then(|(_, column)| column.parse::<u64>().ok());
        let position = position.filter(|column| *column > 0).unwrap_or(u64::MAX);
        let expected =
            text.strip_prefix("Expected: ").and_then(|text| text.split(", found").next());
        let furthest = self.dialect.furthest();
        match expected {
            Some(expected) if position >= furthest => self.unexpected(position, expected),
            _ => self.unexpected(position.max(furthest), ""),
        }
    }

    /// The token at a `sqlparser` column is not what was expected.
    fn unexpected(&self, column: u64, expected: &str) -> Diagnostic {
        let token = self.tokens.iter().find(|token| token.span.start.column == column);
        let end = Span { start: self.span.end, end: self.span.end };
        let span = token.map_or(end, token_span);
        if let Some(TokenWithSpan { token: Token::Word(word), .. }) = token
            && word.quote_style.is_none()
            && reserved::is_reserved(&word.value)
            && expected.contains("identifier")
        {
            return reserved_word(&word.value, span);
        }
        let found = self.shown(span);
        let message = match expected {
            "" => format!("unexpected {found}"),
            "identifier" => format!("expected a name, found {found}"),
            _ => format!("expected {expected}, found {found}"),
        };
        Diagnostic::wrong("AR1001", span, message)
    }

    /// The next token is not what was expected.
    fn expected(&self, what: &str) -> Diagnostic {
        let span = self.peek_span();
        let message = format!("expected {what}, found {}", self.shown(span));
        Diagnostic::wrong("AR1001", span, message)
    }

    /// The text of a span as written, cut where it is long.
    fn shown(&self, span: Span) -> String {
        let text = slice(self.source, span);
        match text.char_indices().nth(40) {
            _ if text.is_empty() => "the end of the statement".to_owned(),
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod parse_tests;
