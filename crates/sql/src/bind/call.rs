//! Operators and scalar functions: what the function table says of their arguments is carried
//! out here, for calls and for every construct with syntax of its own.

use argus_base::{Field, LogicalType, TypeRoot};
use argus_plan::aggregate::{self, AggregateFunction};
use argus_plan::function::{self, Argument};
use argus_plan::{Expression, ExpressionKind, Literal, ScalarFunction, Span};
use sqlparser::ast::{self, BinaryOperator, CeilFloorKind, Expr, UnaryOperator};

use super::expression::{ExpressionBinder, at};
use super::{cast, code, conditional};
use crate::diagnostic::Diagnostic;

/// The older group windows and what belongs to them, which are called like functions.
const GROUP_WINDOWS: &[&str] = &["TUMBLE", "HOP", "SESSION"];

impl ExpressionBinder<'_, '_> {
    /// A call of the function table by name, arguments cast to what the table asks for.
    pub fn call(
        &self,
        name: &str,
        arguments: Vec<Expression>,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let Some(spec) = function::lookup(name) else { return Err(unknown_function(name, span)) };
        let types = arguments.iter().map(|argument| Argument {
            logical_type: &argument.logical_type,
            literal: argument.as_literal(),
        });
        let resolved = (spec.resolve)(&types.collect::<Vec<Argument<'_>>>()).map_err(|why| {
            // The table's own words stand alone where they name the operator already.
            let message = match why.strip_prefix("cannot apply") {
                Some(_) => why,
                None => format!("cannot apply {}: {why}", spec.signature),
            };
            Diagnostic::wrong(code::TYPE_MISMATCH, span, message)
        })?;
        let pairs = arguments.into_iter().zip(&resolved.arguments);
        let arguments = pairs.map(|(argument, to)| cast::implicit(argument, &to.root)).collect();
        let kind = ExpressionKind::Call { function: spec.function, arguments };
        Ok(at(kind, resolved.result, span))
    }

    /// A binary operator.
    pub fn binary(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let name = match operator {
            BinaryOperator::And => {
                let operands = vec![
                    self.condition(left, "an operand of AND")?,
                    self.condition(right, "an operand of AND")?,
                ];
                return Ok(conditional::all(operands, span));
            }
            BinaryOperator::Or => {
                let operands = vec![
                    self.condition(left, "an operand of OR")?,
                    self.condition(right, "an operand of OR")?,
                ];
                return Ok(conditional::any(operands, span));
            }
            BinaryOperator::Plus => "+",
            BinaryOperator::Minus => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::Modulo => "%",
            BinaryOperator::StringConcat => "||",
            BinaryOperator::Eq => "=",
            BinaryOperator::NotEq => "<>",
            BinaryOperator::Lt => "<",
            BinaryOperator::LtEq => "<=",
            BinaryOperator::Gt => ">",
            BinaryOperator::GtEq => ">=",
            BinaryOperator::Overlaps => "OVERLAPS",
            other => return Err(self.not_flink(&format!("the operator {other}"), span)),
        };
        let operands = vec![self.bind(left)?, self.bind(right)?];
        self.call(name, operands, span)
    }

    /// NOT and signs.
    pub fn unary(
        &mut self,
        operator: &UnaryOperator,
        operand: &Expr,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        match operator {
            UnaryOperator::Not => {
                let operand = self.condition(operand, "the operand of NOT")?;
                self.call("NOT", vec![operand], span)
            }
            UnaryOperator::Minus => {
                if let Expr::Value(value) = operand
                    && matches!(value.value, ast::Value::Number(..))
                {
                    return self.negative_number(&value.value, span);
                }
                let operand = self.bind(operand)?;
                if let Some(Literal::Millis(millis)) = operand.as_literal() {
                    let literal = ExpressionKind::Literal(Literal::Millis(-millis));
                    return Ok(at(literal, operand.logical_type, span));
                }
                self.call(ScalarFunction::Negate.spec().name, vec![operand], span)
            }
            UnaryOperator::Plus => {
                let operand = self.bind(operand)?;
                if operand.logical_type.root.is_numeric() {
                    return Ok(operand);
                }
                let message = format!("cannot apply + to {}", operand.logical_type);
                Err(Diagnostic::wrong(code::TYPE_MISMATCH, span, message))
            }
            other => Err(self.not_flink(&format!("the operator {other}"), span)),
        }
    }

    /// A function written as a call: aggregate, lazy, constructor or scalar.
    pub fn function(
        &mut self,
        function: &ast::Function,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let name = function.name.to_string().replace('`', "");
        let is_aggregate = AggregateFunction::by_name(&name).is_some()
            || aggregate::NOT_YET.iter().any(|known| known.eq_ignore_ascii_case(&name));
        if function.over.is_some() {
            let message = format!("{name} OVER (…) does not run yet");
            let help = "aggregate over a window: GROUP BY window_start, window_end of a TUMBLE, \
                        HOP or CUMULATE table";
            return Err(Diagnostic::unsupported(code::OVER, span, message).help(help));
        }
        if is_aggregate {
            return self.aggregate_call(&name, function, span);
        }
        if function.filter.is_some() {
            let message = format!("FILTER belongs to aggregates, and {name} is none");
            return Err(Diagnostic::wrong(code::AGGREGATE_PLACE, span, message));
        }
        let arguments = self.plain_arguments(&name, &function.args, span)?;
        if let Some(bound) = self.lazy_function(&name, &arguments, span) {
            return bound;
        }
        let is_group_window = |known: &&str| {
            let upper = name.to_ascii_uppercase();
            upper.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        if GROUP_WINDOWS.iter().any(is_group_window) {
            let message = format!("the group window {name}(…) does not run yet");
            let help = "write the window as a table: FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), \
                        INTERVAL '1' MINUTE)) GROUP BY window_start, window_end";
            return Err(Diagnostic::unsupported(code::WINDOW_KIND, span, message).help(help));
        }
        if ["TIMESTAMPDIFF", "TIMESTAMPADD"].iter().any(|f| f.eq_ignore_ascii_case(&name)) {
            return self.with_unit(&name, &arguments, span);
        }
        let mut bound = Vec::new();
        for argument in arguments {
            bound.push(self.bind(argument)?);
        }
        self.call(&name, bound, span)
    }

    /// The arguments of a call without DISTINCT, names and clauses.
    fn plain_arguments<'e>(
        &self,
        name: &str,
        arguments: &'e ast::FunctionArguments,
        span: Span,
    ) -> Result<Vec<&'e Expr>, Diagnostic> {
        let list = match arguments {
            ast::FunctionArguments::None => return Ok(Vec::new()),
            ast::FunctionArguments::List(list) => list,
            ast::FunctionArguments::Subquery(_) => {
                let message = "sub-queries as arguments do not run yet";
                return Err(Diagnostic::unsupported(code::SUBQUERY, span, message));
            }
        };
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            let message = format!("these clauses of {name} do not run yet");
            return Err(Diagnostic::unsupported(code::FUNCTION, span, message));
        }
        let plain = |argument: &'e ast::FunctionArg| match argument {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expression)) => Ok(expression),
            other => Err(self.not_flink(&format!("the argument {other} of {name}"), span)),
        };
        list.args.iter().map(plain).collect()
    }

    /// A function whose first argument is a unit of time: `TIMESTAMPDIFF(DAY, a, b)`.
    fn with_unit(
        &mut self,
        name: &str,
        arguments: &[&Expr],
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let Some((Expr::Identifier(unit), rest)) = arguments.split_first() else {
            let message = format!("the first argument of {name} is a unit of time such as MINUTE");
            return Err(Diagnostic::wrong(code::TYPE_MISMATCH, span, message));
        };
        let mut bound = vec![text_literal(&unit.value.to_ascii_uppercase())];
        for argument in rest {
            bound.push(self.bind(argument)?);
        }
        self.call(name, bound, span)
    }

    /// IN over a list of values.
    pub fn in_list(
        &mut self,
        value: &Expr,
        list: &[Expr],
        negated: bool,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let mut operands = vec![self.bind(value)?];
        for element in list {
            operands.push(self.bind(element)?);
        }
        self.negated(negated, "IN", operands, span)
    }

    /// The call, or NOT of it.
    fn negated(
        &self,
        negated: bool,
        name: &str,
        arguments: Vec<Expression>,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let call = self.call(name, arguments, span)?;
        if negated { self.call("NOT", vec![call], span) } else { Ok(call) }
    }

    /// `ARRAY[a, b]`.
    pub fn array(&mut self, elements: &[Expr], span: Span) -> Result<Expression, Diagnostic> {
        let elements = self.bind_all(elements)?;
        self.call(ScalarFunction::Array.spec().name, elements, span)
    }

    /// `MAP[k, v, …]`.
    pub fn map(&mut self, pairs: &[&Expr], span: Span) -> Result<Expression, Diagnostic> {
        let mut bound = Vec::new();
        for part in pairs {
            bound.push(self.bind(part)?);
        }
        self.call(ScalarFunction::Map.spec().name, bound, span)
    }

    /// `(a, b)` and `ROW(a, b)`; fields are called `EXPR$0` and so on.
    pub fn row(&mut self, values: &[Expr], span: Span) -> Result<Expression, Diagnostic> {
        let values = self.bind_all(values)?;
        self.call(ScalarFunction::Row.spec().name, values, span)
    }

    /// The element of an array or the value of a map; for a ROW the field at a constant place.
    pub fn item(
        &self,
        value: Expression,
        index: Expression,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        if let TypeRoot::Row(fields) = &value.logical_type.root {
            return row_item(&value, fields, &index, span);
        }
        self.call(ScalarFunction::ElementAt.spec().name, vec![value, index], span)
    }

    fn bind_all(&mut self, expressions: &[Expr]) -> Result<Vec<Expression>, Diagnostic> {
        expressions.iter().map(|expression| self.bind(expression)).collect()
    }

    /// Functions and operators with syntax of their own.
    pub fn special_syntax(
        &mut self,
        expression: &Expr,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        match expression {
            Expr::IsNull(e) => self.test("IS NULL", &[e], span),
            Expr::IsNotNull(e) => self.test("IS NOT NULL", &[e], span),
            Expr::IsTrue(e) => self.test("IS TRUE", &[e], span),
            Expr::IsNotTrue(e) => self.test("IS NOT TRUE", &[e], span),
            Expr::IsFalse(e) => self.test("IS FALSE", &[e], span),
            Expr::IsNotFalse(e) => self.test("IS NOT FALSE", &[e], span),
            Expr::IsUnknown(e) => self.test("IS NULL", &[e], span),
            Expr::IsNotUnknown(e) => self.test("IS NOT NULL", &[e], span),
            Expr::IsDistinctFrom(a, b) => self.test("IS DISTINCT FROM", &[a, b], span),
            Expr::IsNotDistinctFrom(a, b) => self.test("IS NOT DISTINCT FROM", &[a, b], span),
            Expr::Extract { field, expr, .. } => self.unit_call("EXTRACT", field, expr, span),
            Expr::Floor { expr, field } => self.rounded(("FLOOR", "FLOOR TO"), expr, field, span),
            Expr::Ceil { expr, field } => self.rounded(("CEIL", "CEIL TO"), expr, field, span),
            Expr::Position { expr, r#in } => self.test("POSITION", &[expr, r#in], span),
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut parts: Vec<&Expr> = vec![expr, overlay_what, overlay_from];
                parts.extend(overlay_for.as_deref());
                self.test("OVERLAY", &parts, span)
            }
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let mut parts: Vec<&Expr> = vec![expr];
                parts.extend(substring_from.as_deref());
                parts.extend(substring_for.as_deref());
                self.test("SUBSTRING", &parts, span)
            }
            Expr::Trim { expr, trim_where, trim_what, trim_characters: None } => {
                let mode = trim_where.map_or("BOTH".to_owned(), |mode| mode.to_string());
                let what = match trim_what {
                    Some(what) => self.bind(what)?,
                    None => text_literal(" "),
                };
                let text = self.bind(expr)?;
                self.call("TRIM", vec![text_literal(&mode), what, text], span)
            }
            _ => self.pattern(expression, span),
        }
    }

    /// LIKE and SIMILAR TO.
    fn pattern(&mut self, expression: &Expr, span: Span) -> Result<Expression, Diagnostic> {
        let (name, negated, expr, pattern, escape) = match expression {
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                ("LIKE", *negated, expr, pattern, escape_char)
            }
            Expr::SimilarTo { negated, expr, pattern, escape_char } => {
                ("SIMILAR TO", *negated, expr, pattern, escape_char)
            }
            other => return Err(self.not_flink(&format!("the expression {other}"), span)),
        };
        let mut operands = vec![self.bind(expr)?, self.bind(pattern)?];
        if let Some(escape) = escape {
            operands.push(self.literal(&Expr::Value(escape.clone()))?);
        }
        self.negated(negated, name, operands, span)
    }

    fn test(
        &mut self,
        name: &str,
        operands: &[&Expr],
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let mut bound = Vec::new();
        for operand in operands {
            bound.push(self.bind(operand)?);
        }
        self.call(name, bound, span)
    }

    fn unit_call(
        &mut self,
        name: &str,
        unit: &ast::DateTimeField,
        operand: &Expr,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let unit = text_literal(&unit.to_string().to_ascii_uppercase());
        let operand = self.bind(operand)?;
        self.call(name, vec![unit, operand], span)
    }

    fn rounded(
        &mut self,
        (of_number, of_time): (&str, &str),
        operand: &Expr,
        field: &CeilFloorKind,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        match field {
            CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => {
                self.test(of_number, &[operand], span)
            }
            CeilFloorKind::DateTimeField(unit) => self.unit_call(of_time, unit, operand, span),
            CeilFloorKind::Scale(_) => Err(self.not_flink("a scale of FLOOR or CEIL", span)),
        }
    }
}

fn row_item(
    row: &Expression,
    fields: &[Field],
    index: &Expression,
    span: Span,
) -> Result<Expression, Diagnostic> {
    let place = match index.as_literal() {
        Some(Literal::Integer(place)) => usize::try_from(*place - 1).ok(),
        Some(Literal::Text(name)) => fields.iter().position(|field| *field.name == **name),
        _ => None,
    };
    let Some((index, field)) = place.and_then(|i| fields.get(i).map(|field| (i, field))) else {
        let message = format!("no such field in {}", row.logical_type);
        return Err(Diagnostic::wrong(code::UNKNOWN_COLUMN, span, message));
    };
    let nullable = field.logical_type.nullable || row.logical_type.nullable;
    let kind = ExpressionKind::Field { input: Box::new(row.clone()), index };
    Ok(at(kind, field.logical_type.with_nullable(nullable), span))
}

/// A text the planner made up.
pub(super) fn text_literal(text: &str) -> Expression {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let logical_type: LogicalType = TypeRoot::Char(length).not_null();
    Expression::new(ExpressionKind::Literal(Literal::Text(text.into())), logical_type)
}

fn unknown_function(name: &str, span: Span) -> Diagnostic {
    if function::has_not_yet(name) {
        let message = format!("the function {} does not run yet", name.to_ascii_uppercase());
        return Diagnostic::unsupported(code::FUNCTION, span, message);
    }
    let message = format!("no function is called '{name}'");
    let diagnostic = Diagnostic::wrong(code::UNKNOWN_FUNCTION, span, message);
    match function::nearest_name(name) {
        Some(near) => diagnostic.help(format!("did you mean {near}?")),
        None => diagnostic,
    }
}
