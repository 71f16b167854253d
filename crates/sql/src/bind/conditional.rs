//! Constructs that evaluate lazily: CASE, IF, COALESCE, IFNULL, NULLIF, BETWEEN, AND, OR.

use argus_base::TypeRoot;
use argus_plan::{Expression, ExpressionKind, Span};
use sqlparser::ast::{CaseWhen, Expr};

use super::expression::{ExpressionBinder, at};
use super::{cast, code};
use crate::diagnostic::Diagnostic;

impl ExpressionBinder<'_, '_> {
    /// CASE in both forms. `CASE x WHEN y` compares as `x = y`.
    pub fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let operand = operand.map(|operand| self.bind(operand)).transpose()?;
        let mut whens = Vec::new();
        let mut thens = Vec::new();
        for branch in conditions {
            whens.push(match &operand {
                None => self.condition(&branch.condition, "WHEN of CASE")?,
                Some(operand) => {
                    let value = self.bind(&branch.condition)?;
                    let span = value.span;
                    self.call("=", vec![operand.clone(), value], span)?
                }
            });
            thens.push(self.bind(&branch.result)?);
        }
        thens.push(match otherwise {
            Some(otherwise) => self.bind(otherwise)?,
            None => Expression::null(TypeRoot::Null),
        });
        self.branches(whens, thens, span)
    }

    /// A CASE of bound parts; `thens` has one more than `whens`, the ELSE.
    fn branches(
        &self,
        whens: Vec<Expression>,
        thens: Vec<Expression>,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let all_null = thens.iter().all(|then| then.logical_type.root == TypeRoot::Null);
        if all_null {
            return Err(self.untyped_null("CASE or COALESCE", span));
        }
        let Some((mut thens, logical_type)) = cast::to_common(thens) else {
            let message = "illegal mixing of types in CASE or COALESCE";
            return Err(Diagnostic::wrong(code::TYPE_MISMATCH, span, message));
        };
        let otherwise = Box::new(thens.pop().expect("the ELSE is always there"));
        let branches = whens.into_iter().zip(thens).collect();
        Ok(at(ExpressionKind::Case { branches, otherwise }, logical_type, span))
    }

    /// IF, COALESCE, IFNULL and NULLIF; `None` for any other name.
    pub fn lazy_function(
        &mut self,
        name: &str,
        arguments: &[&Expr],
        span: Span,
    ) -> Option<Result<Expression, Diagnostic>> {
        let name = name.to_ascii_uppercase();
        Some(match (name.as_str(), arguments) {
            ("IF", [when, then, otherwise]) => self.if_function(when, [then, otherwise], span),
            ("COALESCE", [_, ..]) | ("IFNULL", [_, _]) => self.coalesce(arguments, span),
            ("NULLIF", [left, right]) => self.nullif(left, right, span),
            ("IF" | "COALESCE" | "IFNULL" | "NULLIF", _) => {
                let expected = match name.as_str() {
                    "IF" => "3 arguments",
                    "COALESCE" => "at least 1 argument",
                    _ => "2 arguments",
                };
                let message = format!("{name} expects {expected}, but has {}", arguments.len());
                Err(Diagnostic::wrong(code::TYPE_MISMATCH, span, message))
            }
            _ => return None,
        })
    }

    fn if_function(
        &mut self,
        when: &Expr,
        thens: [&Expr; 2],
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let when = self.condition(when, "the first argument of IF")?;
        let thens = vec![self.bind_typed(thens[0])?, self.bind_typed(thens[1])?];
        self.branches(vec![when], thens, span)
    }

    fn coalesce(&mut self, operands: &[&Expr], span: Span) -> Result<Expression, Diagnostic> {
        let mut bound = Vec::new();
        for operand in operands {
            bound.push(self.bind(operand)?);
        }
        let all_null = bound.iter().all(|each| each.logical_type.root == TypeRoot::Null);
        if all_null {
            return Err(self.untyped_null("COALESCE", span));
        }
        let nullable = bound.iter().all(|each| each.logical_type.nullable);
        let Some((operands, common)) = cast::to_common(bound) else {
            let message = "illegal mixing of types in CASE or COALESCE";
            return Err(Diagnostic::wrong(code::TYPE_MISMATCH, span, message));
        };
        Ok(at(ExpressionKind::Coalesce(operands), common.with_nullable(nullable), span))
    }

    fn nullif(&mut self, left: &Expr, right: &Expr, span: Span) -> Result<Expression, Diagnostic> {
        let (left, right) = (self.bind(left)?, self.bind(right)?);
        let equal = self.call("=", vec![left.clone(), right], span)?;
        self.branches(vec![equal], vec![Expression::null(TypeRoot::Null), left], span)
    }

    /// `x BETWEEN a AND b` is `x >= a AND x <= b`.
    pub fn between(
        &mut self,
        value: &Expr,
        (low, high): (&Expr, &Expr),
        negated: bool,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let value = self.bind(value)?;
        let (low, high) = (self.bind(low)?, self.bind(high)?);
        let (below, above) = if negated { ("<", ">") } else { (">=", "<=") };
        let below = self.call(below, vec![value.clone(), low], span)?;
        let above = self.call(above, vec![value, high], span)?;
        Ok(if negated { any(vec![below, above], span) } else { all(vec![below, above], span) })
    }

    fn untyped_null(&self, what: &str, span: Span) -> Diagnostic {
        let message = format!("{what} has no type: all its values are NULL");
        let help = "write CAST(NULL AS type)";
        Diagnostic::wrong(code::TYPE_MISMATCH, span, message).help(help)
    }
}

/// The conjunction; nested ones are one.
pub(crate) fn all(operands: Vec<Expression>, span: Span) -> Expression {
    let flatten = |operand: Expression| match operand.kind {
        ExpressionKind::And(inner) => inner,
        _ => vec![operand],
    };
    connect(operands.into_iter().flat_map(flatten).collect(), ExpressionKind::And, span)
}

/// The disjunction; nested ones are one.
pub(super) fn any(operands: Vec<Expression>, span: Span) -> Expression {
    let flatten = |operand: Expression| match operand.kind {
        ExpressionKind::Or(inner) => inner,
        _ => vec![operand],
    };
    connect(operands.into_iter().flat_map(flatten).collect(), ExpressionKind::Or, span)
}

fn connect(
    mut operands: Vec<Expression>,
    kind: fn(Vec<Expression>) -> ExpressionKind,
    span: Span,
) -> Expression {
    if operands.len() == 1 {
        return operands.remove(0);
    }
    let nullable = operands.iter().any(|operand| operand.logical_type.nullable);
    let logical_type = argus_base::LogicalType { root: TypeRoot::Boolean, nullable };
    at(kind(operands), logical_type, span)
}
