//! SQL types as Flink spells them → logical types.
//!
//! Our own type parser, since `sqlparser` knows neither `ROW<…>`, `MAP<…>`, `MULTISET<…>` nor
//! nested `NOT NULL`. The type of a CAST passes through `sqlparser`'s tree as a custom type whose
//! name is Flink's spelling; [`bind_data_type`] reads it back.

use argus_base::logical_type::{MAX_DECIMAL_PRECISION, MAX_LENGTH};
use argus_base::{Field, LogicalType, TypeRoot};
use argus_plan::Span;
use sqlparser::ast;
use sqlparser::ast::Spanned;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::Diagnostic;
use crate::parse::dialect::FlinkDialect;
use crate::parse::reserved;
use crate::script::lex::{lex, token_span};
use crate::script::split::is_word;
use crate::script::substitute::substitute;
use crate::script::{join, slice, span_of};

/// Fraction digits of a time.
const MAX_TIME_PRECISION: u32 = 9;
/// Levels of nesting a type may have.
const MAX_DEPTH: usize = 32;

/// The logical type of a type in `sqlparser`'s tree; nullable unless NOT NULL is written.
pub fn bind_data_type(data_type: &ast::DataType) -> Result<LogicalType, Diagnostic> {
    let (text, span) = match data_type {
        ast::DataType::Custom(name, _) => match &name.0[..] {
            [ast::ObjectNamePart::Identifier(ident)] => (ident.value.clone(), span_of(ident.span)),
            _ => (name.to_string(), span_of(name.span())),
        },
        other => (other.to_string(), Span::default()),
    };
    parse_text(&text).map_err(|mut error| {
        error.span = Some(span);
        error
    })
}

/// A type by itself.
pub fn parse_text(text: &str) -> Result<LogicalType, Diagnostic> {
    let tokens = lex(&substitute(text, &|_| None)?)?;
    let dialect = FlinkDialect::new(text.into());
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let logical_type = parse_type(&mut parser, text)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let message = "unexpected text after the type";
        return Err(Diagnostic::wrong("AR1001", token_span(&rest), message));
    }
    Ok(logical_type)
}

/// The tree's form of a type: a custom type named by Flink's spelling.
pub(crate) fn to_data_type(logical_type: &LogicalType, span: Span) -> ast::DataType {
    let mut ident = ast::Ident::with_quote('`', logical_type.to_string());
    ident.span = crate::script::parser_span(span);
    ast::DataType::Custom(ast::ObjectName::from(vec![ident]), Vec::new())
}

/// Reads a type, `NOT NULL` included, from a parser.
pub(crate) fn parse_type(parser: &mut Parser<'_>, source: &str) -> Result<LogicalType, Diagnostic> {
    TypeParser { parser, source, depth: 0 }.logical_type()
}

struct TypeParser<'a, 'b> {
    parser: &'a mut Parser<'b>,
    source: &'a str,
    depth: usize,
}

impl TypeParser<'_, '_> {
    fn logical_type(&mut self) -> Result<LogicalType, Diagnostic> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("the type is nested more than {MAX_DEPTH} levels deep");
            return Err(Diagnostic::wrong("AR1004", self.peek_span(), message));
        }
        let mut logical_type = self.root()?.nullable();
        loop {
            logical_type.nullable = self.nullability(logical_type.nullable)?;
            // Postfix collections: `INT NOT NULL ARRAY`.
            logical_type = if self.take("ARRAY") {
                TypeRoot::Array(Box::new(logical_type)).nullable()
            } else if self.take("MULTISET") {
                TypeRoot::Multiset(Box::new(logical_type)).nullable()
            } else {
                break;
            };
        }
        self.depth -= 1;
        Ok(logical_type)
    }

    fn nullability(&mut self, before: bool) -> Result<bool, Diagnostic> {
        if self.take("NOT") {
            self.expect_word("NULL")?;
            return Ok(false);
        }
        // In `RETURNING INT NULL ON EMPTY` the NULL belongs to the clause.
        let is_clause = is_word(self.parser.peek_nth_token_ref(1), "ON");
        Ok(!is_clause && self.take("NULL") || before)
    }

    fn root(&mut self) -> Result<TypeRoot, Diagnostic> {
        let token = self.parser.next_token();
        let span = token_span(&token);
        let Token::Word(word) = &token.token else {
            return Err(self.unexpected(span, "a type"));
        };
        if word.quote_style.is_some() {
            return Err(unknown_type(&word.value, span));
        }
        match word.value.to_ascii_uppercase().as_str() {
            "BOOLEAN" => Ok(TypeRoot::Boolean),
            "TINYINT" => Ok(TypeRoot::TinyInt),
            "SMALLINT" => Ok(TypeRoot::SmallInt),
            "INT" | "INTEGER" => Ok(TypeRoot::Int),
            "BIGINT" => Ok(TypeRoot::BigInt),
            "FLOAT" | "REAL" => Ok(TypeRoot::Float),
            "DOUBLE" => {
                self.take("PRECISION");
                Ok(TypeRoot::Double)
            }
            "DATE" => Ok(TypeRoot::Date),
            "STRING" => Ok(TypeRoot::STRING),
            "BYTES" => Ok(TypeRoot::BYTES),
            "DECIMAL" | "DEC" | "NUMERIC" => self.decimal(span),
            "CHAR" | "CHARACTER" | "VARCHAR" | "BINARY" | "VARBINARY" => self.sized(&word.value),
            "TIME" => self.time(),
            "TIMESTAMP" => self.timestamp(span),
            "TIMESTAMP_LTZ" => Ok(TypeRoot::timestamp_ltz(self.precision(6)?)),
            "INTERVAL" => self.interval(),
            "ARRAY" => Ok(TypeRoot::Array(Box::new(self.one_argument()?))),
            "MULTISET" => Ok(TypeRoot::Multiset(Box::new(self.one_argument()?))),
            "MAP" => self.map(),
            "ROW" => self.row(),
            "NULL" => Ok(TypeRoot::Null),
            "RAW" | "VARIANT" => {
                let message = format!("the type {} is not supported yet", word.value);
                let help = "use STRING or BYTES and read the value with functions";
                Err(Diagnostic::unsupported("AR2002", span, message).help(help))
            }
            _ => Err(unknown_type(&word.value, span)),
        }
    }

    fn decimal(&mut self, span: Span) -> Result<TypeRoot, Diagnostic> {
        let (mut precision, mut scale) = (10, 0);
        if self.take_token(&Token::LParen) {
            precision = self.clamped(u32::from(MAX_DECIMAL_PRECISION))?;
            if self.take_token(&Token::Comma) {
                scale = self.clamped(u32::from(MAX_DECIMAL_PRECISION))?;
            }
            self.expect(&Token::RParen)?;
        }
        if precision == 0 {
            let message = "the precision of DECIMAL must be from 1 to 38";
            return Err(Diagnostic::wrong("AR1005", span, message));
        }
        if scale > precision {
            let message =
                format!("the scale of DECIMAL({precision}, {scale}) is greater than its precision");
            return Err(Diagnostic::wrong("AR1005", span, message));
        }
        let byte = |value: u32| u8::try_from(value).unwrap_or(MAX_DECIMAL_PRECISION);
        Ok(TypeRoot::Decimal { precision: byte(precision), scale: byte(scale) })
    }

    /// CHAR, VARCHAR, BINARY and VARBINARY. Without a length CHAR and BINARY have one, the others
    /// the greatest.
    fn sized(&mut self, name: &str) -> Result<TypeRoot, Diagnostic> {
        let upper = name.to_ascii_uppercase();
        let is_varying = upper.starts_with("VAR") || self.take("VARYING");
        let mut length = if is_varying { MAX_LENGTH } else { 1 };
        if self.take_token(&Token::LParen) {
            length = self.clamped(MAX_LENGTH)?;
            self.expect(&Token::RParen)?;
        }
        Ok(match (upper.contains("BINARY"), is_varying) {
            (true, true) => TypeRoot::VarBinary(length),
            (true, false) => TypeRoot::Binary(length),
            (false, true) => TypeRoot::VarChar(length),
            (false, false) => TypeRoot::Char(length),
        })
    }

    /// Whatever precision is written, Flink's planner makes it TIME(0).
    fn time(&mut self) -> Result<TypeRoot, Diagnostic> {
        self.precision(0)?;
        if self.take("WITHOUT") {
            self.expect_word("TIME")?;
            self.expect_word("ZONE")?;
        }
        Ok(TypeRoot::Time(0))
    }

    fn timestamp(&mut self, span: Span) -> Result<TypeRoot, Diagnostic> {
        let precision = self.precision(6)?;
        if self.take("WITHOUT") {
            self.expect_word("TIME")?;
            self.expect_word("ZONE")?;
            return Ok(TypeRoot::timestamp(precision));
        }
        if !self.take("WITH") {
            return Ok(TypeRoot::timestamp(precision));
        }
        let is_local = self.take("LOCAL");
        self.expect_word("TIME")?;
        self.expect_word("ZONE")?;
        if is_local {
            return Ok(TypeRoot::timestamp_ltz(precision));
        }
        let message = "TIMESTAMP WITH TIME ZONE is not supported by Flink SQL";
        let help = format!("write TIMESTAMP_LTZ({precision}) or TIMESTAMP({precision})");
        Err(Diagnostic::wrong("AR1005", span, message).help(help))
    }

    fn precision(&mut self, default: u8) -> Result<u8, Diagnostic> {
        if !self.take_token(&Token::LParen) {
            return Ok(default);
        }
        let precision = self.clamped(MAX_TIME_PRECISION)?;
        self.expect(&Token::RParen)?;
        Ok(u8::try_from(precision).unwrap_or(9))
    }

    fn interval(&mut self) -> Result<TypeRoot, Diagnostic> {
        const MONTHS: &[&str] = &["YEAR", "QUARTER", "MONTH"];
        const TIMES: &[&str] = &["DAY", "HOUR", "MINUTE", "SECOND"];
        let is_months = MONTHS.iter().any(|unit| self.take(unit));
        if !is_months && !TIMES.iter().any(|unit| self.take(unit)) {
            return Err(
                self.unexpected(self.peek_span(), "YEAR, MONTH, DAY, HOUR, MINUTE or SECOND")
            );
        }
        self.interval_precision()?;
        if self.take("TO") {
            let units = if is_months { MONTHS } else { TIMES };
            if !units.iter().any(|unit| self.take(unit)) {
                return Err(self.unexpected(self.peek_span(), &units.join(" or ")));
            }
            self.interval_precision()?;
        }
        Ok(if is_months { TypeRoot::IntervalYearMonth } else { TypeRoot::IntervalDayTime })
    }

    fn interval_precision(&mut self) -> Result<(), Diagnostic> {
        if self.take_token(&Token::LParen) {
            self.clamped(MAX_TIME_PRECISION)?;
            if self.take_token(&Token::Comma) {
                self.clamped(MAX_TIME_PRECISION)?;
            }
            self.expect(&Token::RParen)?;
        }
        Ok(())
    }

    fn one_argument(&mut self) -> Result<LogicalType, Diagnostic> {
        self.expect(&Token::Lt)?;
        let argument = self.logical_type()?;
        self.expect(&Token::Gt)?;
        Ok(argument)
    }

    fn map(&mut self) -> Result<TypeRoot, Diagnostic> {
        self.expect(&Token::Lt)?;
        let key = self.logical_type()?;
        self.expect(&Token::Comma)?;
        let value = self.logical_type()?;
        self.expect(&Token::Gt)?;
        Ok(TypeRoot::Map(Box::new(key), Box::new(value)))
    }

    fn row(&mut self) -> Result<TypeRoot, Diagnostic> {
        if self.take_token(&Token::Neq) {
            return Ok(TypeRoot::Row(Vec::new()));
        }
        let is_angle = self.take_token(&Token::Lt);
        let end = if is_angle { Token::Gt } else { Token::RParen };
        if !is_angle {
            self.expect(&Token::LParen)?;
        }
        let mut fields: Vec<Field> = Vec::new();
        while self.parser.peek_token_ref().token != end {
            let span = self.peek_span();
            let field = self.field()?;
            if fields.iter().any(|known| known.name == field.name) {
                let message = format!("the field '{}' stands in the ROW twice", field.name);
                return Err(Diagnostic::wrong("AR1005", span, message));
            }
            fields.push(field);
            if !self.take_token(&Token::Comma) {
                break;
            }
        }
        self.expect(&end)?;
        Ok(TypeRoot::Row(fields))
    }

    fn field(&mut self) -> Result<Field, Diagnostic> {
        let token = self.parser.next_token();
        let span = token_span(&token);
        let Token::Word(word) = &token.token else {
            return Err(self.unexpected(span, "the name of a field"));
        };
        if word.quote_style.is_none() && reserved::is_reserved(&word.value) {
            return Err(reserved_word(&word.value, span));
        }
        let logical_type = self.logical_type()?;
        // A comment of a field says nothing to the engine.
        self.take("COMMENT");
        if matches!(self.parser.peek_token_ref().token, Token::SingleQuotedString(_)) {
            self.parser.advance_token();
        }
        Ok(Field::new(&word.value, logical_type))
    }

    /// A length or precision. As Flink does, one above the greatest counts as the greatest.
    fn clamped(&mut self, max: u32) -> Result<u32, Diagnostic> {
        let token = self.parser.next_token();
        let span = token_span(&token);
        let Token::Number(text, _) = &token.token else {
            return Err(self.unexpected(span, "a whole number"));
        };
        match text.parse::<i32>() {
            Ok(number) => Ok(number.cast_unsigned().min(max)),
            Err(_) => {
                let message = format!("expected a whole number from 0 to {MAX_LENGTH}");
                Err(Diagnostic::wrong("AR1005", span, message))
            }
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = match &self.parser.peek_token_ref().token {
            Token::Word(next) => {
                next.quote_style.is_none() && next.value.eq_ignore_ascii_case(word)
            }
            _ => false,
        };
        if found {
            self.parser.advance_token();
        }
        found
    }

    fn take_token(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Diagnostic> {
        if self.take(word) { Ok(()) } else { Err(self.unexpected(self.peek_span(), word)) }
    }

    fn expect(&mut self, token: &Token) -> Result<(), Diagnostic> {
        if self.take_token(token) {
            return Ok(());
        }
        Err(self.unexpected(self.peek_span(), &format!("'{token}'")))
    }

    fn peek_span(&self) -> Span {
        token_span(self.parser.peek_token_ref())
    }

    fn unexpected(&self, span: Span, expected: &str) -> Diagnostic {
        let found = slice(self.source, span);
        if found.is_empty() {
            let end = u32::try_from(self.source.trim_end().len()).unwrap_or(u32::MAX);
            let at = Span { start: end, end };
            return Diagnostic::wrong("AR1001", at, format!("expected {expected}, found the end"));
        }
        Diagnostic::wrong("AR1001", join(span, span), format!("expected {expected}, found {found}"))
    }
}

fn unknown_type(name: &str, span: Span) -> Diagnostic {
    const NAMES: &[&str] = &[
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INT",
        "BIGINT",
        "FLOAT",
        "DOUBLE",
        "DATE",
        "STRING",
        "BYTES",
        "DECIMAL",
        "CHAR",
        "VARCHAR",
        "BINARY",
        "VARBINARY",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMP_LTZ",
        "INTERVAL",
        "ARRAY",
        "MULTISET",
        "MAP",
        "ROW",
    ];
    let diagnostic = Diagnostic::wrong("AR1005", span, format!("'{name}' is no type of Flink SQL"));
    match argus_base::nearest::nearest(name, NAMES.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean {near}?")),
        None => diagnostic,
    }
}

/// A reserved word stands where a name should.
pub(crate) fn reserved_word(word: &str, span: Span) -> Diagnostic {
    let message = format!("'{word}' is a reserved word and no name");
    Diagnostic::wrong("AR1003", span, message)
        .help(format!("write it between back-ticks: `{word}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse_text(text) {
            Ok(logical_type) => {
                let spelled = logical_type.to_string();
                assert_eq!(parse_text(&spelled).unwrap(), logical_type, "{spelled}");
                spelled
            }
            Err(error) => error.message,
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn spellings() {
        check("int", "INT");
        check("VARCHAR", "STRING");
        check("CHARACTER VARYING(3) NOT NULL", "VARCHAR(3) NOT NULL");
        check("CHAR", "CHAR(1)");
        check("BINARY VARYING", "BYTES");
        check("DEC", "DECIMAL(10, 0)");
        check("NUMERIC(5)", "DECIMAL(5, 0)");
        check("DOUBLE PRECISION", "DOUBLE");
        check("TIME(3)", "TIME(0)");
        check("TIMESTAMP", "TIMESTAMP(6)");
        check("TIMESTAMP(3) WITHOUT TIME ZONE", "TIMESTAMP(3)");
        check("TIMESTAMP(3) WITH LOCAL TIME ZONE", "TIMESTAMP_LTZ(3)");
        check("INTERVAL DAY TO SECOND(3)", "INTERVAL DAY TO SECOND(3)");
        check("INTERVAL MONTH", "INTERVAL YEAR TO MONTH");
    }

    #[test]
    fn nested() {
        check("ARRAY<INT NOT NULL> NOT NULL", "ARRAY<INT NOT NULL> NOT NULL");
        check("INT ARRAY", "ARRAY<INT>");
        check("INT NOT NULL ARRAY NOT NULL", "ARRAY<INT NOT NULL> NOT NULL");
        check("MAP<STRING, ARRAY<ARRAY<INT>>>", "MAP<STRING, ARRAY<ARRAY<INT>>>");
        check("ROW(a INT, `b c` STRING 'text')", "ROW<`a` INT, `b c` STRING>");
        check("ROW<a ROW<b MULTISET<DATE>> NOT NULL>", "ROW<`a` ROW<`b` MULTISET<DATE>> NOT NULL>");
        check("ROW<>", "ROW<>");
    }

    #[test]
    fn too_much_is_the_most() {
        check("DECIMAL(40, 2)", "DECIMAL(38, 2)");
        check("TIMESTAMP(10)", "TIMESTAMP(9)");
        check("VARCHAR(0)", "VARCHAR(0)");
    }

    #[test]
    fn refused() {
        check("VARCHAR(3000000000)", "expected a whole number from 0 to 2147483647");
        check("DECIMAL(0)", "the precision of DECIMAL must be from 1 to 38");
        check("DECIMAL(3, 4)", "the scale of DECIMAL(3, 4) is greater than its precision");
        check("TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE is not supported by Flink SQL");
        check("INTT", "'INTT' is no type of Flink SQL");
        check("ARRAY<INT", "expected '>', found the end");
        check("ROW<value INT>", "'value' is a reserved word and no name");
        check("ROW<a INT, a INT>", "the field 'a' stands in the ROW twice");
        check(&"ARRAY<".repeat(40), "the type is nested more than 32 levels deep");
    }
}
