//! Text → tokens, by Flink's (Calcite's) lexical rules.
//!
//! The tokens are `sqlparser`'s. A word gets a keyword only if it is one of Flink's, so the words
//! of other dialects stay plain names. Comments are dropped; a hint's `/*+` and `*/` become the
//! markers that [`super::hint`] takes out again.

use argus_plan::Span;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::substitute::Substituted;
use super::{join, literal, parser_span, span_of};
use crate::Diagnostic;
use crate::parse::reserved;

/// Text of the token that stands for `/*+`.
pub(super) const HINT_START: &str = "/*+";
/// Text of the token that stands for the `*/` of a hint.
pub(super) const HINT_END: &str = "*/";

/// The tokens of a script, with places in the text as written.
pub fn lex(text: &Substituted) -> Result<Vec<TokenWithSpan>, Diagnostic> {
    let mut lexer = Lexer { text, at: 0, in_hint: false, tokens: Vec::new() };
    while lexer.at < text.text.len() {
        lexer.next()?;
    }
    if lexer.in_hint {
        let end = text.text.len();
        let at = text.written(end.saturating_sub(1), end);
        return Err(
            Diagnostic::wrong("AR1001", at, "the hint is not closed").help("end it with */")
        );
    }
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a Substituted,
    at: usize,
    in_hint: bool,
    tokens: Vec<TokenWithSpan>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text.text[self.at..]
    }

    fn push(&mut self, token: Token, length: usize) {
        let span = self.text.written(self.at, self.at + length);
        self.tokens.push(TokenWithSpan { token, span: parser_span(span) });
        self.at += length;
    }

    fn error(&self, length: usize, message: impl Into<String>) -> Diagnostic {
        let end = (self.at + length).min(self.text.text.len());
        Diagnostic::wrong("AR1001", self.text.written(self.at, end), message)
    }

    fn next(&mut self) -> Result<(), Diagnostic> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let second = bytes.get(1).copied().unwrap_or(0);
        match (bytes[0], second) {
            (b' ' | b'\t' | b'\n' | b'\r' | 0x0c, _) => self.at += 1,
            (b'-', b'-') | (b'/', b'/') => self.line_comment(),
            (b'/', b'*') => self.block_comment()?,
            (b'*', b'/') if self.in_hint => {
                self.in_hint = false;
                self.push(Token::Placeholder(HINT_END.to_owned()), 2);
            }
            (b'\'', _) => self.text_literal(0, |body| Ok(literal::plain(body)))?,
            (b'E' | b'e', b'\'') => self.text_literal(1, literal::escaped)?,
            (b'U' | b'u', b'&') if bytes.get(2) == Some(&b'\'') => self.unicode_literal()?,
            (b'X' | b'x', b'\'') => self.hex_literal()?,
            (b'N' | b'n', b'\'') => self.text_literal(1, |body| Ok(literal::plain(body)))?,
            (b'`', _) => self.quoted_name()?,
            (b'"', _) => {
                let help =
                    "write names between back-ticks (`name`) and texts between single quotes";
                return Err(self.error(1, "a double quote starts no name and no text").help(help));
            }
            (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => self.number(),
            _ => match rest.chars().next() {
                Some(c) if is_name_start(c) => self.word(),
                Some(c) if c.is_whitespace() => self.at += c.len_utf8(),
                Some(c) => self.symbol(c)?,
                None => {}
            },
        }
        Ok(())
    }

    fn line_comment(&mut self) {
        let rest = self.rest();
        self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
    }

    fn block_comment(&mut self) -> Result<(), Diagnostic> {
        let rest = self.rest();
        if rest.starts_with(HINT_START) {
            self.in_hint = true;
            self.push(Token::Placeholder(HINT_START.to_owned()), 3);
            return Ok(());
        }
        match rest[2..].find("*/") {
            Some(end) => self.at += end + 4,
            None => return Err(self.error(2, "the comment is not closed").help("end it with */")),
        }
        Ok(())
    }

    /// The bytes of `'…'` from its opening quote on, quotes included.
    fn quoted_length(&self, from: usize, quote: u8, has_escapes: bool) -> Option<usize> {
        let bytes = &self.rest().as_bytes()[from..];
        let mut at = 1;
        while at < bytes.len() {
            if has_escapes && bytes[at] == b'\\' {
                at += 2;
            } else if bytes[at] != quote {
                at += 1;
            } else if bytes.get(at + 1) == Some(&quote) {
                at += 2;
            } else {
                return Some(at + 1);
            }
        }
        None
    }

    /// A literal with a prefix of that many bytes.
    fn text_literal(
        &mut self,
        prefix: usize,
        decode: impl Fn(&str) -> Result<String, String>,
    ) -> Result<(), Diagnostic> {
        let has_escapes = prefix == 1 && matches!(self.rest().as_bytes()[0], b'e' | b'E');
        let Some(quoted) = self.quoted_length(prefix, b'\'', has_escapes) else {
            return Err(self.error(prefix + 1, "the text is not closed").help("end it with '"));
        };
        let length = prefix + quoted;
        let body = &self.rest()[prefix + 1..length - 1];
        let value = decode(body).map_err(|why| self.error(length, why))?;
        self.push_text(value, length);
        Ok(())
    }

    /// Adds a text; texts that follow each other are one, as in the SQL standard.
    fn push_text(&mut self, value: String, length: usize) {
        let span = self.text.written(self.at, self.at + length);
        if let Some(TokenWithSpan { token: Token::SingleQuotedString(before), span: whole }) =
            self.tokens.last_mut()
        {
            before.push_str(&value);
            *whole = parser_span(join(span_of(*whole), span));
            self.at += length;
            return;
        }
        self.push(Token::SingleQuotedString(value), length);
    }

    fn unicode_literal(&mut self) -> Result<(), Diagnostic> {
        let Some(quoted) = self.quoted_length(2, b'\'', false) else {
            return Err(self.error(3, "the text is not closed").help("end it with '"));
        };
        let length = 2 + quoted;
        let body = &self.rest()[3..length - 1];
        let (escape, more) = uescape(&self.rest()[length..]).unwrap_or(('\\', 0));
        let value = literal::unicode(body, escape).map_err(|why| self.error(length, why))?;
        self.push_text(value, length + more);
        Ok(())
    }

    fn hex_literal(&mut self) -> Result<(), Diagnostic> {
        let Some(quoted) = self.quoted_length(1, b'\'', false) else {
            return Err(self.error(2, "the literal is not closed").help("end it with '"));
        };
        let body = self.rest()[2..quoted].to_owned();
        let is_hex = body.len().is_multiple_of(2) && body.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex {
            let message = "a binary literal is an even number of hex digits: X'0AFF'";
            return Err(self.error(1 + quoted, message));
        }
        self.push(Token::HexStringLiteral(body), 1 + quoted);
        Ok(())
    }

    fn quoted_name(&mut self) -> Result<(), Diagnostic> {
        let Some(length) = self.quoted_length(0, b'`', false) else {
            return Err(self.error(1, "the name is not closed").help("end it with `"));
        };
        let value = self.rest()[1..length - 1].replace("``", "`");
        if value.is_empty() {
            return Err(self.error(length, "a name cannot be empty"));
        }
        let word = Word { value, quote_style: Some('`'), keyword: Keyword::NoKeyword };
        self.push(Token::Word(word), length);
        Ok(())
    }

    fn number(&mut self) {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut length = digits(0);
        if bytes.get(length) == Some(&b'.') {
            length += 1;
            length += digits(length);
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits((length + 1 + sign).min(bytes.len()));
            if exponent > 0 {
                length += 1 + sign + exponent;
            }
        }
        let value = self.rest()[..length].to_owned();
        self.push(Token::Number(value, false), length);
    }

    fn word(&mut self) {
        let rest = self.rest();
        let length = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
        self.push(word_token(&rest[..length]), length);
    }

    fn symbol(&mut self, c: char) -> Result<(), Diagnostic> {
        let (token, length) = match (c, self.rest().as_bytes().get(1)) {
            ('<', Some(b'>')) => (Token::Neq, 2),
            ('<', Some(b'=')) => (Token::LtEq, 2),
            ('>', Some(b'=')) => (Token::GtEq, 2),
            ('=', Some(b'>')) => (Token::RArrow, 2),
            ('|', Some(b'|')) => (Token::StringConcat, 2),
            ('!', Some(b'=')) => {
                return Err(self.error(2, "!= is not an operator of Flink SQL").help("write <>"));
            }
            ('<', _) => (Token::Lt, 1),
            ('>', _) => (Token::Gt, 1),
            ('=', _) => (Token::Eq, 1),
            ('|', _) => (Token::Pipe, 1),
            ('+', _) => (Token::Plus, 1),
            ('-', _) => (Token::Minus, 1),
            ('*', _) => (Token::Mul, 1),
            ('/', _) => (Token::Div, 1),
            ('%', _) => (Token::Mod, 1),
            ('(', _) => (Token::LParen, 1),
            (')', _) => (Token::RParen, 1),
            ('[', _) => (Token::LBracket, 1),
            (']', _) => (Token::RBracket, 1),
            ('{', _) => (Token::LBrace, 1),
            ('}', _) => (Token::RBrace, 1),
            (',', _) => (Token::Comma, 1),
            (';', _) => (Token::SemiColon, 1),
            ('.', _) => (Token::Period, 1),
            (':', _) => (Token::Colon, 1),
            ('^', _) => (Token::Caret, 1),
            ('?', _) => (Token::Question, 1),
            _ => {
                let shown =
                    if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
                return Err(
                    self.error(c.len_utf8(), format!("the character {shown} has no meaning here"))
                );
            }
        };
        self.push(token, length);
        Ok(())
    }
}

/// The token of an unquoted word.
pub(crate) fn word_token(word: &str) -> Token {
    let mut token = Token::make_word(word, None);
    if let Token::Word(made) = &mut token
        && !reserved::is_keyword(word)
    {
        made.keyword = Keyword::NoKeyword;
    }
    token
}

/// The escape character of a `UESCAPE 'c'` that follows, and its length in bytes.
fn uescape(rest: &str) -> Option<(char, usize)> {
    let word = rest.trim_start();
    let keyword = word.get(..7).filter(|text| text.eq_ignore_ascii_case("UESCAPE"))?;
    let quoted = word[keyword.len()..].trim_start();
    let escape = quoted.strip_prefix('\'')?.chars().next()?;
    let after = quoted[1 + escape.len_utf8()..].strip_prefix('\'')?;
    Some((escape, rest.len() - after.len()))
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The span of a token, as ours.
pub(crate) fn token_span(token: &TokenWithSpan) -> Span {
    span_of(token.span)
}

#[cfg(test)]
mod tests {
    use super::super::substitute::substitute;
    use super::*;

    fn check(text: &str) -> String {
        let text = substitute(text, &|_| None).unwrap();
        match lex(&text) {
            Ok(tokens) => {
                let shown = tokens.iter().map(|t| format!("{}", t.token));
                shown.collect::<Vec<_>>().join(" ")
            }
            Err(error) => format!("{} at {:?}", error.message, error.span.unwrap().start),
        }
    }

    #[test]
    fn tokens() {
        assert_eq!(check("SELECT a.b -- no\n /* no */ , `x``y` // no"), "SELECT a . b , `x`y`");
        assert_eq!(check("1 1.5 .5 1. 1E5 1.5e-3 1e"), "1 1.5 .5 1. 1E5 1.5e-3 1 e");
        assert_eq!(check("a<>b <= >= => || ->"), "a <> b <= >= => || - >");
        assert_eq!(
            check("X'0aff' E'a\\'b' U&'\\263A' U&'!263A' UESCAPE '!'"),
            "X'0aff' 'a'b\u{263A}\u{263A}'"
        );
        assert_eq!(check("ARRAY<ARRAY<INT>>"), "ARRAY < ARRAY < INT > >");
    }

    #[test]
    fn hints_are_marked() {
        assert_eq!(check("t /*+ OPTIONS('a'='b') */ x"), "t /*+ OPTIONS ( 'a' = 'b' ) */ x");
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        assert_eq!(check("'abc"), "the text is not closed at 0");
        assert_eq!(check("a /* b"), "the comment is not closed at 2");
        assert_eq!(check("`a"), "the name is not closed at 0");
        assert_eq!(check("a \"b\""), "a double quote starts no name and no text at 2");
        assert_eq!(check("a != b"), "!= is not an operator of Flink SQL at 2");
        assert_eq!(check("a # b"), "the character # has no meaning here at 2");
    }

    #[test]
    fn words_of_other_dialects_are_names() {
        let Token::Word(word) = word_token("PREWHERE") else { panic!("no word") };
        assert_eq!(word.keyword, Keyword::NoKeyword);
        let Token::Word(word) = word_token("select") else { panic!("no word") };
        assert_eq!(word.keyword, Keyword::SELECT);
    }
}
