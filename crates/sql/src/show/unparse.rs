//! Expressions as Flink prints them: names between back-ticks, keywords in upper case, only the
//! parentheses that are needed.
//!
//! Computed columns and watermarks are printed so by DESCRIBE and SHOW CREATE TABLE. What Flink's
//! parser rewrites is printed rewritten (`NULLIF`, `CASE x WHEN`, `YEAR(t)`, `TRIM(x)`). A part
//! that holds a variable is printed as written, so no value of a variable shows. So is a form that
//! stands in no such expression.

use std::cell::Cell;

use sqlparser::ast::{self, Expr, Spanned};

use super::create::{quoted, text};
use super::unparse_call;
use super::unparse_type::type_text;
use crate::script::{slice, span_of};

/// How tightly an operator binds, after Calcite's table; an operand that binds less tightly gets
/// parentheses.
type Precedence = u8;

const OR: Precedence = 22;
const AND: Precedence = 24;
const NOT: Precedence = 26;
const IS: Precedence = 28;
const COMPARISON: Precedence = 30;
const LIKE: Precedence = 32;
const PLUS: Precedence = 40;
const TIMES: Precedence = 60;
const SIGN: Precedence = 80;
const ATOM: Precedence = 100;

/// The text of an expression in Flink's spelling; variables stay as written.
pub fn expression_text(expression: &Expr, source: &str) -> String {
    Printer::new(source, None).print(expression).0
}

/// Prints parts of one expression.
pub(super) struct Printer<'a> {
    pub(super) source: &'a str,
    /// In a query: the alias that columns are printed with.
    alias: Option<&'a str>,
    /// Whether some part was printed as written because its form is not known here.
    pub(super) is_unknown: Cell<bool>,
}

impl<'a> Printer<'a> {
    pub(super) fn new(source: &'a str, alias: Option<&'a str>) -> Printer<'a> {
        Printer { source, alias, is_unknown: Cell::new(false) }
    }

    /// The text and how tightly it binds.
    fn print(&self, expression: &Expr) -> (String, Precedence) {
        let written = slice(self.source, span_of(expression.span()));
        let is_variable = written.starts_with("${") && written.find('}') == Some(written.len() - 1);
        if is_variable {
            return (written.to_owned(), ATOM);
        }
        match expression {
            Expr::Nested(inner) => self.print(inner),
            Expr::Identifier(ident) => (self.qualified(&[self.name(ident)]), ATOM),
            Expr::CompoundIdentifier(parts) => {
                let parts: Vec<String> = parts.iter().map(|ident| self.name(ident)).collect();
                (self.qualified(&parts), ATOM)
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                (self.access(root, access_chain), ATOM)
            }
            Expr::Value(value) => self.value(value),
            Expr::TypedString(typed) => {
                let kind = typed.data_type.to_string();
                (format!("{kind} {}", self.value(&typed.value).0), ATOM)
            }
            Expr::Interval(interval) => (self.interval(interval), ATOM),
            Expr::UnaryOp { op: ast::UnaryOperator::Not, expr } => {
                (format!("NOT {}", self.operand(expr, NOT)), NOT)
            }
            Expr::UnaryOp { op, expr } => self.signed(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::Case { operand, conditions, else_result, .. } => {
                (self.case(operand.as_deref(), conditions, else_result.as_deref()), ATOM)
            }
            Expr::Cast { kind, expr, data_type, .. } => {
                let name = if *kind == ast::CastKind::TryCast { "TRY_CAST" } else { "CAST" };
                let to = type_text(data_type, self.source);
                (format!("{name}({} AS {to})", self.print(expr).0), ATOM)
            }
            Expr::Array(array) => (format!("ARRAY[{}]", self.list(&array.elem)), ATOM),
            Expr::Tuple(items) => (format!("ROW({})", self.list(items)), ATOM),
            _ => self.predicate(expression),
        }
    }

    /// The text of a part that stands by itself, such as an argument.
    pub(super) fn plain(&self, expression: &Expr) -> String {
        self.print(expression).0
    }

    pub(super) fn list(&self, expressions: &[Expr]) -> String {
        expressions.iter().map(|e| self.plain(e)).collect::<Vec<String>>().join(", ")
    }

    /// An operand that must bind at least that tightly.
    fn operand(&self, expression: &Expr, least: Precedence) -> String {
        let (text, precedence) = self.print(expression);
        if precedence < least { format!("({text})") } else { text }
    }

    /// The parts of a column's name, behind the alias where one is wanted and not written.
    fn qualified(&self, parts: &[String]) -> String {
        match self.alias.map(quoted) {
            Some(alias) if parts.len() == 1 || parts[0] != alias => {
                format!("{alias}.{}", parts.join("."))
            }
            _ => parts.join("."),
        }
    }

    pub(super) fn name(&self, ident: &ast::Ident) -> String {
        let written = slice(self.source, span_of(ident.span));
        if written.contains("${") { written.to_owned() } else { quoted(&ident.value) }
    }

    fn value(&self, value: &ast::ValueWithSpan) -> (String, Precedence) {
        let written = slice(self.source, span_of(value.span));
        if written.contains("${") {
            return (written.to_owned(), ATOM);
        }
        let printed = match &value.value {
            ast::Value::Number(number, _) => match number.strip_prefix('.') {
                Some(fraction) => format!("0.{fraction}"),
                None => number.to_uppercase(),
            },
            ast::Value::SingleQuotedString(value) => text_literal(value, written),
            ast::Value::HexStringLiteral(digits) => format!("X'{}'", digits.to_uppercase()),
            ast::Value::Boolean(value) => value.to_string().to_uppercase(),
            ast::Value::Null => "NULL".to_owned(),
            _ => written.to_owned(),
        };
        (printed, ATOM)
    }

    fn access(&self, root: &Expr, chain: &[ast::AccessExpr]) -> String {
        let mut out = self.operand(root, ATOM);
        for access in chain {
            match access {
                ast::AccessExpr::Dot(field) => out += &format!(".{}", self.plain(field)),
                ast::AccessExpr::Subscript(ast::Subscript::Index { index }) => {
                    out += &format!("[{}]", self.plain(index));
                }
                ast::AccessExpr::Subscript(other) => out += &format!("[{other}]"),
            }
        }
        out
    }

    pub(super) fn interval(&self, interval: &ast::Interval) -> String {
        let written = slice(self.source, span_of(interval.value.span()));
        let value = match interval.value.as_ref() {
            _ if written.contains("${") => written.to_owned(),
            Expr::Value(ast::ValueWithSpan {
                value: ast::Value::SingleQuotedString(value),
                ..
            }) => match value.strip_prefix('-') {
                Some(value) => format!("-{}", text(value)),
                None => text(value),
            },
            other => self.plain(other),
        };
        let precision = |digits: Option<u64>| digits.map_or(String::new(), |d| format!("({d})"));
        let unit = |field: &ast::DateTimeField| field.to_string().to_uppercase();
        let first = interval.leading_field.as_ref().map_or(String::new(), unit);
        let mut out = format!("INTERVAL {value} {first}{}", precision(interval.leading_precision));
        if let Some(last) = &interval.last_field {
            let digits = precision(interval.fractional_seconds_precision);
            out += &format!(" TO {}{digits}", unit(last));
        }
        out
    }

    /// `-1` for a number, `- x` for everything else.
    fn signed(&self, op: ast::UnaryOperator, inner: &Expr) -> (String, Precedence) {
        let (text, precedence) = self.print(inner);
        let is_number =
            matches!(inner, Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(..), .. }));
        if is_number {
            return (format!("{op}{text}"), ATOM);
        }
        let text = if precedence < SIGN { format!("({text})") } else { text };
        (format!("{op} {text}"), SIGN)
    }

    fn binary(&self, left: &Expr, op: &ast::BinaryOperator, right: &Expr) -> (String, Precedence) {
        use ast::BinaryOperator as Op;
        let precedence = match op {
            Op::Or => OR,
            Op::And => AND,
            Op::Plus | Op::Minus => PLUS,
            Op::Multiply | Op::Divide | Op::Modulo | Op::StringConcat => TIMES,
            _ => COMPARISON,
        };
        let (left, right) = (self.operand(left, precedence), self.operand(right, precedence + 1));
        (format!("{left} {op} {right}"), precedence)
    }

    /// CASE with an operand is printed as comparisons, and ELSE always.
    fn case(
        &self,
        operand: Option<&Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Expr>,
    ) -> String {
        let mut out = "CASE".to_owned();
        for branch in conditions {
            let condition = match operand {
                Some(operand) => {
                    let left = self.operand(operand, COMPARISON);
                    format!("{left} = {}", self.operand(&branch.condition, COMPARISON + 1))
                }
                None => self.plain(&branch.condition),
            };
            out += &format!(" WHEN {condition} THEN {}", self.plain(&branch.result));
        }
        let otherwise = otherwise.map_or_else(|| "NULL".to_owned(), |expr| self.plain(expr));
        out + &format!(" ELSE {otherwise} END")
    }

    fn predicate(&self, expression: &Expr) -> (String, Precedence) {
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        let is = |inner: &Expr, what: &str| (format!("{} {what}", self.operand(inner, IS + 1)), IS);
        match expression {
            Expr::IsNull(inner) => is(inner, "IS NULL"),
            Expr::IsNotNull(inner) => is(inner, "IS NOT NULL"),
            Expr::IsTrue(inner) => is(inner, "IS TRUE"),
            Expr::IsNotTrue(inner) => is(inner, "IS NOT TRUE"),
            Expr::IsFalse(inner) => is(inner, "IS FALSE"),
            Expr::IsNotFalse(inner) => is(inner, "IS NOT FALSE"),
            Expr::IsUnknown(inner) => is(inner, "IS UNKNOWN"),
            Expr::IsNotUnknown(inner) => is(inner, "IS NOT UNKNOWN"),
            Expr::IsDistinctFrom(left, right) => self.infix(left, "IS DISTINCT FROM", right),
            Expr::IsNotDistinctFrom(left, right) => self.infix(left, "IS NOT DISTINCT FROM", right),
            Expr::Like { negated, expr, pattern, escape_char, .. } => {
                self.like(expr, &format!("{}LIKE", not(negated)), pattern, escape_char.as_ref())
            }
            Expr::SimilarTo { negated, expr, pattern, escape_char } => self.like(
                expr,
                &format!("{}SIMILAR TO", not(negated)),
                pattern,
                escape_char.as_ref(),
            ),
            Expr::Between { expr, negated, low, high } => {
                let operands = [expr, low, high].map(|e| self.operand(e, LIKE + 1));
                let [value, low, high] = operands;
                (format!("{value} {}BETWEEN ASYMMETRIC {low} AND {high}", not(negated)), LIKE)
            }
            Expr::InList { expr, list, negated } => {
                let value = self.operand(expr, LIKE + 1);
                (format!("{value} {}IN ({})", not(negated), self.list(list)), LIKE)
            }
            other => unparse_call::print(self, other),
        }
    }

    fn infix(&self, left: &Expr, what: &str, right: &Expr) -> (String, Precedence) {
        let (left, right) = (self.operand(left, COMPARISON), self.operand(right, COMPARISON + 1));
        (format!("{left} {what} {right}"), COMPARISON)
    }

    fn like(
        &self,
        value: &Expr,
        what: &str,
        pattern: &Expr,
        escape: Option<&ast::ValueWithSpan>,
    ) -> (String, Precedence) {
        let (value, pattern) = (self.operand(value, LIKE + 1), self.operand(pattern, LIKE + 1));
        let escape = escape.map_or(String::new(), |c| format!(" ESCAPE {}", self.value(c).0));
        (format!("{value} {what} {pattern}{escape}"), LIKE)
    }
}

/// A text as Flink prints it: other letters than ASCII as escapes, `E'…'` and `U&'…'` with the
/// name of their character set.
fn text_literal(value: &str, written: &str) -> String {
    if matches!(written.as_bytes().first(), Some(b'e' | b'E' | b'u' | b'U')) {
        return format!("_UTF16{}", text(value));
    }
    if value.is_ascii() {
        return text(value);
    }
    let escape = |unit: u16| match u8::try_from(unit) {
        Ok(b'\'') => "''".to_owned(),
        Ok(b'\\') => "\\\\".to_owned(),
        Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
        _ => format!("\\{unit:04x}"),
    };
    format!("u&'{}'", value.encode_utf16().map(escape).collect::<String>())
}

#[cfg(test)]
#[path = "unparse_tests.rs"]
mod tests;
