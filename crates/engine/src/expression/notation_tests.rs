//! For tests: SQL expressions without tables to bound expressions, by a small parser that leaves
//! types to the function table.

use argus_base::logical_type::Field;
use argus_base::{LogicalType, TypeRoot};
use argus_plan::function::{Argument, least_common_type, lookup};
use argus_plan::{Expression, ExpressionKind, Literal};

use crate::function::calendar::Instant;
use crate::function::datetime_text::{parse_date, parse_time, parse_timestamp};

type Parsed<T> = Result<T, String>;

/// Parses and binds an expression; columns are `$0 INT`, `$1 STRING NOT NULL` and the like.
pub(crate) fn parse(text: &str) -> Parsed<Expression> {
    let mut parser = Parser { tokens: tokenize(text)?, at: 0 };
    let expression = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(expression),
        other => Err(format!("unexpected {other:?}")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// In upper case.
    Word(String),
    Number(String),
    Text(String),
    Bytes(Vec<u8>),
    Column(usize),
    Symbol(&'static str),
    End,
}

fn tokenize(text: &str) -> Parsed<Vec<Token>> {
    const SYMBOLS: &[&str] = &[
        "<>", "<=", ">=", "||", "(", ")", "[", "]", ",", "+", "-", "*", "/", "%", "=", "<", ">",
        ".",
    ];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let first = rest.chars().next().unwrap();
        if let Some(unicode) = rest.strip_prefix("U&'") {
            let (body, after) = quoted(unicode)?;
            tokens.push(Token::Text(unescape(&body)));
            rest = after;
        } else if let Some(hex) = rest.strip_prefix("X'") {
            let (body, after) = quoted(hex)?;
            let digit = |i: usize| u8::from_str_radix(&body[i..i + 2], 16).unwrap();
            tokens.push(Token::Bytes((0..body.len()).step_by(2).map(digit).collect()));
            rest = after;
        } else if let Some(body) = rest.strip_prefix('\'') {
            let (body, after) = quoted(body)?;
            tokens.push(Token::Text(body));
            rest = after;
        } else if first.is_ascii_digit() {
            let end = number_end(rest);
            tokens.push(Token::Number(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if let Some(index) = rest.strip_prefix('$') {
            let end = index.find(|c: char| !c.is_ascii_digit()).unwrap_or(index.len());
            tokens.push(Token::Column(index[..end].parse().unwrap()));
            rest = &index[end..];
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_uppercase()));
            rest = &rest[end..];
        } else {
            let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
            let symbol = symbol.ok_or_else(|| format!("unexpected {first:?}"))?;
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        }
        rest = rest.trim_start();
    }
    tokens.push(Token::End);
    Ok(tokens)
}

fn quoted(rest: &str) -> Parsed<(String, &str)> {
    let mut body = String::new();
    let mut characters = rest.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if c != '\'' {
            body.push(c);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            body.push('\'');
        } else {
            return Ok((body, &rest[at + 1..]));
        }
    }
    Err("a quote is not closed".to_owned())
}

fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.extend(char::from_u32(u32::from_str_radix(&part[..4], 16).unwrap()));
        out.push_str(&part[4..]);
    }
    out
}

fn number_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let is_exponent_sign =
            end > 0 && matches!(bytes[end - 1], b'e' | b'E') && matches!(bytes[end], b'+' | b'-');
        let is_part = bytes[end].is_ascii_digit() || matches!(bytes[end], b'.' | b'e' | b'E');
        if !is_part && !is_exponent_sign {
            break;
        }
        end += 1;
    }
    end
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn next(&mut self) -> Token {
        let token = self.tokens[self.at].clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        self.at += usize::from(is_it);
        is_it
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Word(found) if found == word);
        self.at += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, what: &str) -> Parsed<()> {
        match self.take_symbol(what) || self.take_word(what) {
            true => Ok(()),
            false => Err(format!("expected {what}, found {:?}", self.peek())),
        }
    }

    fn word(&mut self) -> Parsed<String> {
        match self.next() {
            Token::Word(word) => Ok(word),
            other => Err(format!("expected a word, found {other:?}")),
        }
    }

    fn text(&mut self) -> Parsed<String> {
        match self.next() {
            Token::Text(text) => Ok(text),
            other => Err(format!("expected a text, found {other:?}")),
        }
    }

    fn expression(&mut self, least: u8) -> Parsed<Expression> {
        let mut left = self.unary(least)?;
        loop {
            let start = self.at;
            match self.infix(left.clone(), least)? {
                Some(next) => left = next,
                None => {
                    self.at = start;
                    return Ok(left);
                }
            }
        }
    }

    fn unary(&mut self, least: u8) -> Parsed<Expression> {
        if least <= 3 && self.take_word("NOT") {
            let operand = self.expression(3)?;
            return call("NOT", vec![operand]);
        }
        if self.take_symbol("+") {
            return self.expression(8);
        }
        if self.take_symbol("-") {
            let operand = self.expression(8)?;
            return match (&operand.kind, &operand.logical_type.root) {
                (ExpressionKind::Literal(Literal::Integer(value)), _) => {
                    Ok(literal(Literal::Integer(-value), operand.logical_type.root.clone()))
                }
                (ExpressionKind::Literal(Literal::Decimal(value)), _) => {
                    Ok(literal(Literal::Decimal(-value), operand.logical_type.root.clone()))
                }
                _ => call("- (unary)", vec![operand]),
            };
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Parsed<Expression> {
        let mut operand = self.primary()?;
        while self.take_symbol("[") {
            let index = self.expression(0)?;
            self.expect("]")?;
            operand = call("[]", vec![operand, index])?;
        }
        Ok(operand)
    }

    fn infix(&mut self, left: Expression, least: u8) -> Parsed<Option<Expression>> {
        let token = self.next();
        let binary: Option<(u8, &str)> = match &token {
            Token::Word(word) if word == "OR" => Some((1, "OR")),
            Token::Word(word) if word == "AND" => Some((2, "AND")),
            Token::Symbol(s @ ("=" | "<>" | "<" | "<=" | ">" | ">=")) => Some((5, s)),
            Token::Symbol(s @ ("+" | "-" | "||")) => Some((6, s)),
            Token::Symbol(s @ ("*" | "/" | "%")) => Some((7, s)),
            _ => None,
        };
        if let Some((level, name)) = binary {
            if level < least.max(1) || (level == least && least > 0) {
                return Ok(None);
            }
            let right = self.expression(level)?;
            return Ok(Some(match name {
                "OR" => {
                    bool_kind(ExpressionKind::Or(vec![left.clone(), right.clone()]), &[left, right])
                }
                "AND" => bool_kind(
                    ExpressionKind::And(vec![left.clone(), right.clone()]),
                    &[left, right],
                ),
                _ => call(name, vec![left, right])?,
            }));
        }
        if least > 4 {
            return Ok(None);
        }
        match token {
            Token::Word(word) => self.word_infix(left, &word),
            _ => Ok(None),
        }
    }

    fn word_infix(&mut self, left: Expression, word: &str) -> Parsed<Option<Expression>> {
        let is_not = word == "NOT";
        let word = if is_not { self.word()? } else { word.to_owned() };
        let result = match word.as_str() {
            "IS" => {
                let not = if self.take_word("NOT") { "NOT " } else { "" };
                if self.take_word("DISTINCT") {
                    self.expect("FROM")?;
                    let right = self.expression(5)?;
                    call(&format!("IS {not}DISTINCT FROM"), vec![left, right])?
                } else {
                    let test = self.word()?;
                    call(&format!("IS {not}{test}"), vec![left])?
                }
            }
            "LIKE" | "SIMILAR" => {
                if word == "SIMILAR" {
                    self.expect("TO")?;
                }
                let name = if word == "LIKE" { "LIKE" } else { "SIMILAR TO" };
                let mut arguments = vec![left, self.expression(5)?];
                if self.take_word("ESCAPE") {
                    arguments.push(self.expression(5)?);
                }
                call(name, arguments)?
            }
            "IN" => {
                self.expect("(")?;
                let mut arguments = vec![left];
                arguments.extend(self.list(")")?);
                call("IN", arguments)?
            }
            "BETWEEN" => {
                let is_symmetric = self.take_word("SYMMETRIC");
                let low = self.expression(5)?;
                self.expect("AND")?;
                let high = self.expression(5)?;
                let between = |low: &Expression, high: &Expression| -> Parsed<Expression> {
                    let both = [
                        call(">=", vec![left.clone(), low.clone()])?,
                        call("<=", vec![left.clone(), high.clone()])?,
                    ];
                    Ok(bool_kind(ExpressionKind::And(both.to_vec()), &both))
                };
                let plain = between(&low, &high)?;
                match is_symmetric {
                    false => plain,
                    true => {
                        let both = [plain, between(&high, &low)?];
                        bool_kind(ExpressionKind::Or(both.to_vec()), &both)
                    }
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(if is_not { call("NOT", vec![result])? } else { result }))
    }

    fn list(&mut self, end: &str) -> Parsed<Vec<Expression>> {
        let mut items = Vec::new();
        if self.take_symbol(end) {
            return Ok(items);
        }
        loop {
            items.push(self.expression(0)?);
            if self.take_symbol(end) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }

    fn primary(&mut self) -> Parsed<Expression> {
        match self.next() {
            Token::Number(number) => number_literal(&number),
            Token::Text(text) => Ok(text_literal(&text)),
            Token::Bytes(bytes) => {
                let length = u32::try_from(bytes.len()).unwrap();
                Ok(literal(Literal::Bytes(bytes.into()), TypeRoot::Binary(length)))
            }
            Token::Column(index) => Ok(Expression::column(index, self.logical_type()?)),
            Token::Symbol("(") => self.parenthesis(),
            Token::Word(word) => self.word_primary(&word),
            other => Err(format!("unexpected {other:?}")),
        }
    }

    /// `(a)`, `(a - b) unit` and `(a, b) OVERLAPS (c, d)`.
    fn parenthesis(&mut self) -> Parsed<Expression> {
        let start = self.at;
        if let Ok(difference) = self.difference() {
            return Ok(difference);
        }
        self.at = start;
        let mut items = self.list(")")?;
        if items.len() == 1 {
            return Ok(items.remove(0));
        }
        self.expect("OVERLAPS")?;
        self.expect("(")?;
        items.extend(self.list(")")?);
        call("OVERLAPS", items)
    }

    fn difference(&mut self) -> Parsed<Expression> {
        let left = self.postfix()?;
        self.expect("-")?;
        let right = self.postfix()?;
        self.expect(")")?;
        let unit = self.word()?;
        call("MINUS TO", vec![text_literal(&unit), left, right])
    }

    fn word_primary(&mut self, word: &str) -> Parsed<Expression> {
        match word {
            "TRUE" => return Ok(literal(Literal::Boolean(true), TypeRoot::Boolean)),
            "FALSE" => return Ok(literal(Literal::Boolean(false), TypeRoot::Boolean)),
            "NULL" => return Ok(Expression::null(TypeRoot::Null)),
            "CASE" => return self.case(),
            "INTERVAL" => return self.interval(),
            "ARRAY" | "MAP" if self.take_symbol("[") => {
                let items = self.list("]")?;
                return call(word, items);
            }
            "DATE" => {
                let days = parse_date(&self.text()?).ok_or("bad date")?;
                return Ok(literal(Literal::Date(days), TypeRoot::Date));
            }
            "TIME" => {
                let millis = parse_time(&self.text()?).ok_or("bad time")?;
                return Ok(literal(Literal::Time(millis), TypeRoot::Time(0)));
            }
            "TIMESTAMP" => return self.timestamp(),
            _ => {}
        }
        if !self.take_symbol("(") {
            return call(word, Vec::new());
        }
        self.special_call(word)
    }

    fn timestamp(&mut self) -> Parsed<Expression> {
        let text = self.text()?;
        let at = parse_timestamp(&text).ok_or("bad timestamp")?;
        let precision = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let precision = u8::try_from(precision).unwrap();
        let Instant { seconds, nanos } = at;
        let per_second = match precision {
            0..=3 => 1_000,
            4..=6 => 1_000_000,
            _ => 1_000_000_000,
        };
        let value = seconds * per_second + i64::from(nanos) / (1_000_000_000 / per_second);
        Ok(literal(Literal::Timestamp(value), TypeRoot::timestamp(precision)))
    }

    fn special_call(&mut self, word: &str) -> Parsed<Expression> {
        match word {
            "CAST" | "TRY_CAST" => {
                let input = self.expression(0)?;
                self.expect("AS")?;
                let to = self.logical_type()?;
                self.expect(")")?;
                let is_try = word == "TRY_CAST";
                let to = to.with_nullable(is_try || input.logical_type.nullable);
                Ok(Expression::new(ExpressionKind::Cast { input: Box::new(input), is_try }, to))
            }
            "EXTRACT" => {
                let unit = self.word()?;
                self.expect("FROM")?;
                let value = self.expression(0)?;
                self.expect(")")?;
                call("EXTRACT", vec![text_literal(&unit), value])
            }
            "TIMESTAMPADD" | "TIMESTAMPDIFF" => {
                let mut arguments = vec![text_literal(&self.word()?)];
                self.expect(",")?;
                arguments.extend(self.list(")")?);
                call(word, arguments)
            }
            "FLOOR" | "CEIL" => {
                let value = self.expression(0)?;
                if self.take_symbol(")") {
                    return call(word, vec![value]);
                }
                self.expect("TO")?;
                let unit = self.word()?;
                self.expect(")")?;
                call(&format!("{word} TO"), vec![text_literal(&unit), value])
            }
            "TRIM" => self.trim(),
            "POSITION" => {
                let needle = self.expression(5)?;
                self.expect("IN")?;
                let text = self.expression(0)?;
                self.expect(")")?;
                call("POSITION", vec![needle, text])
            }
            "SUBSTRING" | "OVERLAY" => self.keyword_call(word),
            "COALESCE" | "IFNULL" | "IF" | "NULLIF" => self.lazy_call(word),
            _ => {
                let arguments = self.list(")")?;
                call(word, arguments)
            }
        }
    }

    fn lazy_call(&mut self, word: &str) -> Parsed<Expression> {
        let mut items = self.list(")")?;
        let mut last = || items.pop().ok_or_else(|| "too few arguments".to_owned());
        match word {
            "IF" => {
                let (otherwise, then) = (last()?, last()?);
                case_of(vec![(last()?, then)], otherwise)
            }
            "NULLIF" => {
                let (b, a) = (last()?, last()?);
                let is_equal = call("=", vec![a.clone(), b])?;
                case_of(vec![(is_equal, Expression::null(a.logical_type.root.clone()))], a)
            }
            _ => {
                let types: Vec<&LogicalType> =
                    items.iter().map(|item| &item.logical_type).collect();
                let nullable = types.iter().all(|each| each.nullable);
                let common = least_common_type(&types).ok_or("no common type")?;
                let cast = |item: Expression| {
                    let nullable = item.logical_type.nullable;
                    item.cast(common.with_nullable(nullable))
                };
                let items = items.into_iter().map(cast).collect();
                let common = common.with_nullable(nullable);
                Ok(Expression::new(ExpressionKind::Coalesce(items), common))
            }
        }
    }

    fn trim(&mut self) -> Parsed<Expression> {
        let side = ["BOTH", "LEADING", "TRAILING"].into_iter().find(|side| self.take_word(side));
        let first = self.expression(0)?;
        if !self.take_word("FROM") {
            self.expect(")")?;
            return call("TRIM", vec![text_literal("BOTH"), text_literal(" "), first]);
        }
        let text = self.expression(0)?;
        self.expect(")")?;
        call("TRIM", vec![text_literal(side.unwrap_or("BOTH")), first, text])
    }

    fn keyword_call(&mut self, word: &str) -> Parsed<Expression> {
        let mut arguments = vec![self.expression(0)?];
        while !self.take_symbol(")") {
            let is_separator = self.take_symbol(",")
                || ["FROM", "FOR", "PLACING"].into_iter().any(|keyword| self.take_word(keyword));
            if !is_separator {
                return Err(format!("unexpected {:?}", self.peek()));
            }
            arguments.push(self.expression(0)?);
        }
        call(word, arguments)
    }

    fn case(&mut self) -> Parsed<Expression> {
        let operand = match self.peek() {
            Token::Word(word) if word == "WHEN" => None,
            _ => Some(self.expression(0)?),
        };
        let mut branches = Vec::new();
        while self.take_word("WHEN") {
            let mut condition = self.expression(0)?;
            if let Some(operand) = &operand {
                condition = call("=", vec![operand.clone(), condition])?;
            }
            self.expect("THEN")?;
            branches.push((condition, self.expression(0)?));
        }
        let otherwise = match self.take_word("ELSE") {
            true => self.expression(0)?,
            false => Expression::null(TypeRoot::Null),
        };
        self.expect("END")?;
        case_of(branches, otherwise)
    }

    fn interval(&mut self) -> Parsed<Expression> {
        let is_minus = self.take_symbol("-");
        let text = self.text()?;
        let unit = self.word()?;
        let last = if self.take_word("TO") { self.word()? } else { unit.clone() };
        if self.take_symbol("(") {
            self.list(")")?;
        }
        let (negative, body) = match text.strip_prefix('-') {
            Some(body) => (true, body),
            None => (is_minus, text.as_str()),
        };
        let sign = if negative { -1 } else { 1 };
        let numbers: Vec<f64> =
            body.split([' ', ':', '-']).map(|part| part.parse().unwrap()).collect();
        if matches!(last.as_str(), "YEAR" | "MONTH" | "QUARTER") {
            let months = match (unit.as_str(), numbers.as_slice()) {
                ("YEAR", [years, months]) => years * 12.0 + months,
                ("YEAR", [years]) => years * 12.0,
                ("QUARTER", [quarters]) => quarters * 3.0,
                (_, all) => all[0],
            };
            return Ok(literal(Literal::Months(sign * months as i32), TypeRoot::IntervalYearMonth));
        }
        let units = [
            ("WEEK", 604_800_000.0),
            ("DAY", 86_400_000.0),
            ("HOUR", 3_600_000.0),
            ("MINUTE", 60_000.0),
            ("SECOND", 1000.0),
        ];
        let first = units.iter().position(|(name, _)| *name == unit).ok_or("bad unit")?;
        let millis: f64 = numbers.iter().zip(&units[first..]).map(|(n, (_, size))| n * size).sum();
        let millis = i64::from(sign) * millis.round() as i64;
        Ok(literal(Literal::Millis(millis), TypeRoot::IntervalDayTime))
    }

    fn logical_type(&mut self) -> Parsed<LogicalType> {
        let name = self.word()?;
        let root = match name.as_str() {
            "BOOLEAN" => TypeRoot::Boolean,
            "TINYINT" => TypeRoot::TinyInt,
            "SMALLINT" => TypeRoot::SmallInt,
            "INT" | "INTEGER" => TypeRoot::Int,
            "BIGINT" => TypeRoot::BigInt,
            "FLOAT" => TypeRoot::Float,
            "DOUBLE" => TypeRoot::Double,
            "STRING" => TypeRoot::STRING,
            "BYTES" => TypeRoot::BYTES,
            "DATE" => TypeRoot::Date,
            "CHAR" => TypeRoot::Char(self.parameters(&[1])?[0]),
            "VARCHAR" => TypeRoot::VarChar(self.parameters(&[1])?[0]),
            "BINARY" => TypeRoot::Binary(self.parameters(&[1])?[0]),
            "VARBINARY" => TypeRoot::VarBinary(self.parameters(&[1])?[0]),
            "TIME" => TypeRoot::Time(self.parameters(&[0])?[0] as u8),
            "TIMESTAMP" => {
                let precision = self.parameters(&[6])?[0] as u8;
                match self.take_word("WITH") {
                    true => {
                        for word in ["LOCAL", "TIME", "ZONE"] {
                            self.expect(word)?;
                        }
                        TypeRoot::timestamp_ltz(precision)
                    }
                    false => TypeRoot::timestamp(precision),
                }
            }
            "TIMESTAMP_LTZ" => TypeRoot::timestamp_ltz(self.parameters(&[6])?[0] as u8),
            "DECIMAL" => {
                let parameters = self.parameters(&[10, 0])?;
                TypeRoot::Decimal { precision: parameters[0] as u8, scale: parameters[1] as u8 }
            }
            "INTERVAL" => {
                let unit = self.word()?;
                self.parameters(&[0])?;
                match unit.as_str() {
                    "YEAR" | "MONTH" => TypeRoot::IntervalYearMonth,
                    _ => TypeRoot::IntervalDayTime,
                }
            }
            "ARRAY" => TypeRoot::Array(Box::new(self.children()?.remove(0).logical_type)),
            "MULTISET" => TypeRoot::Multiset(Box::new(self.children()?.remove(0).logical_type)),
            "MAP" => {
                let mut children = self.children()?;
                let key = Box::new(children.remove(0).logical_type);
                TypeRoot::Map(key, Box::new(children.remove(0).logical_type))
            }
            "ROW" => TypeRoot::Row(self.children()?),
            _ => return Err(format!("unknown type {name}")),
        };
        let is_not_null = self.take_word("NOT");
        if is_not_null {
            self.expect("NULL")?;
        }
        Ok(LogicalType { root, nullable: !is_not_null })
    }

    fn parameters(&mut self, defaults: &[u32]) -> Parsed<Vec<u32>> {
        let mut parameters = defaults.to_vec();
        if self.take_symbol("(") {
            for slot in &mut parameters {
                if let Token::Number(number) = self.next() {
                    *slot = number.parse().unwrap();
                }
                if !self.take_symbol(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        Ok(parameters)
    }

    /// `<type, …>` or `<name type, …>`; names are in lower case.
    fn children(&mut self) -> Parsed<Vec<Field>> {
        self.expect("<")?;
        let mut fields = Vec::new();
        loop {
            let start = self.at;
            let (name, logical_type) = match self.logical_type() {
                Ok(logical_type) => (String::new(), logical_type),
                Err(_) => {
                    self.at = start;
                    (self.word()?.to_lowercase(), self.logical_type()?)
                }
            };
            fields.push(Field::new(name, logical_type));
            if self.take_symbol(">") {
                return Ok(fields);
            }
            self.expect(",")?;
        }
    }
}

fn literal(literal: Literal, root: TypeRoot) -> Expression {
    Expression::new(ExpressionKind::Literal(literal), root.not_null())
}

fn text_literal(text: &str) -> Expression {
    let length = u32::try_from(text.chars().count()).unwrap();
    literal(Literal::Text(text.into()), TypeRoot::Char(length))
}

fn number_literal(text: &str) -> Parsed<Expression> {
    if text.contains(['e', 'E']) {
        let value = text.parse().map_err(|_| format!("bad number {text}"))?;
        return Ok(literal(Literal::Double(value), TypeRoot::Double));
    }
    if let Some((whole, fraction)) = text.split_once('.') {
        let digits = format!("{whole}{fraction}");
        let value = digits.parse().map_err(|_| format!("bad number {text}"))?;
        let (precision, scale) =
            (u8::try_from(digits.len()).unwrap(), u8::try_from(fraction.len()).unwrap());
        return Ok(literal(Literal::Decimal(value), TypeRoot::Decimal { precision, scale }));
    }
    let value: i64 = text.parse().map_err(|_| format!("bad number {text}"))?;
    let root = if i32::try_from(value).is_ok() { TypeRoot::Int } else { TypeRoot::BigInt };
    Ok(literal(Literal::Integer(value), root))
}

fn bool_kind(kind: ExpressionKind, operands: &[Expression]) -> Expression {
    let nullable = operands.iter().any(|operand| operand.logical_type.nullable);
    Expression::new(kind, LogicalType { root: TypeRoot::Boolean, nullable })
}

fn case_of(branches: Vec<(Expression, Expression)>, otherwise: Expression) -> Parsed<Expression> {
    let results = branches.iter().map(|(_, then)| then).chain([&otherwise]);
    let types: Vec<&LogicalType> = results.map(|result| &result.logical_type).collect();
    let common = least_common_type(&types).ok_or("no common type")?;
    let cast = |result: Expression| {
        let nullable = result.logical_type.nullable;
        result.cast(common.with_nullable(nullable))
    };
    let branches = branches.into_iter().map(|(when, then)| (when, cast(then))).collect();
    let kind = ExpressionKind::Case { branches, otherwise: Box::new(cast(otherwise)) };
    Ok(Expression::new(kind, common))
}

/// A call bound by the function table, with the casts that it asks for.
pub(crate) fn call(name: &str, arguments: Vec<Expression>) -> Parsed<Expression> {
    let spec = lookup(name).ok_or_else(|| format!("no function {name}"))?;
    let views: Vec<Argument<'_>> = arguments
        .iter()
        .map(|each| Argument { logical_type: &each.logical_type, literal: each.as_literal() })
        .collect();
    let resolved = (spec.resolve)(&views).map_err(|problem| format!("refused: {problem}"))?;
    let cast = |(argument, to): (Expression, LogicalType)| argument.cast(to);
    let arguments = arguments.into_iter().zip(resolved.arguments).map(cast).collect();
    let kind = ExpressionKind::Call { function: spec.function, arguments };
    Ok(Expression::new(kind, resolved.result))
}
