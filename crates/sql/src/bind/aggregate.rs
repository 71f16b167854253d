//! Aggregate calls in SELECT and HAVING, and the rule that everything else must be grouped.

use argus_base::LogicalType;
use argus_plan::aggregate::NOT_YET;
use argus_plan::{AggregateFunction, Expression, ExpressionKind, Span};
use sqlparser::ast::{self, Expr};

use super::code;
use super::expression::{ExpressionBinder, at};
use crate::diagnostic::Diagnostic;

/// What an aggregate call means where it stands.
#[derive(Debug)]
pub(super) enum Aggregates {
    /// It is illegal; says where.
    Illegal(&'static str),
    /// It stands inside another aggregate.
    Nested,
    /// It is collected; call `i` is the column that many behind those in scope.
    Collected(Vec<BoundAggregate>),
}

/// An aggregate call over columns in scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BoundAggregate {
    /// Which.
    pub function: AggregateFunction,
    /// `None` for COUNT(*).
    pub argument: Option<Expression>,
    /// DISTINCT, where it makes a difference.
    pub is_distinct: bool,
    /// FILTER (WHERE …).
    pub filter: Option<Expression>,
    /// Type of the result.
    pub result: LogicalType,
}

impl ExpressionBinder<'_, '_> {
    /// An aggregate call; equal ones are computed once.
    pub fn aggregate_call(
        &mut self,
        name: &str,
        call: &ast::Function,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let mut collected = match &mut self.aggregates {
            Aggregates::Collected(collected) => std::mem::take(collected),
            Aggregates::Illegal(place) => {
                let message = format!("aggregate {name} is illegal in {place}");
                return Err(Diagnostic::wrong(code::AGGREGATE_PLACE, span, message));
            }
            Aggregates::Nested => {
                let message = "aggregates cannot be nested";
                let help = "compute the inner one in a sub-query in FROM";
                return Err(Diagnostic::wrong(code::AGGREGATE_PLACE, span, message).help(help));
            }
        };
        let Some(function) = AggregateFunction::by_name(name) else {
            debug_assert!(NOT_YET.iter().any(|known| known.eq_ignore_ascii_case(name)));
            let message = format!("the aggregate {} does not run yet", name.to_ascii_uppercase());
            return Err(Diagnostic::unsupported(code::FUNCTION, span, message));
        };
        self.aggregates = Aggregates::Nested;
        let bound = self.bound_aggregate(function, call, span)?;
        let index = collected.iter().position(|known| *known == bound).unwrap_or_else(|| {
            collected.push(bound.clone());
            collected.len() - 1
        });
        self.aggregates = Aggregates::Collected(collected);
        Ok(at(ExpressionKind::Column(self.columns.len() + index), bound.result, span))
    }

    fn bound_aggregate(
        &mut self,
        function: AggregateFunction,
        call: &ast::Function,
        span: Span,
    ) -> Result<BoundAggregate, Diagnostic> {
        let name = function.name();
        let ast::FunctionArguments::List(list) = &call.args else {
            let message = format!("{name} needs an argument in parentheses");
            return Err(Diagnostic::wrong(code::TYPE_MISMATCH, span, message));
        };
        let has_clause = !list.clauses.is_empty()
            || call.null_treatment.is_some()
            || !call.within_group.is_empty();
        if has_clause {
            let message = format!("clauses within {name}(…) do not run yet");
            return Err(Diagnostic::unsupported(code::FUNCTION, span, message));
        }
        let wants_distinct = list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct);
        let (function, argument) = match list.args.as_slice() {
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)]
                if function == AggregateFunction::Count && !wants_distinct =>
            {
                (AggregateFunction::CountStar, None)
            }
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument))] => {
                (function, Some(self.bind_typed(argument)?))
            }
            [] | [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)] => {
                let message = format!("{name} needs exactly one expression as argument");
                return Err(Diagnostic::wrong(code::TYPE_MISMATCH, span, message));
            }
            _ => {
                let message = format!("{name} of several arguments does not run yet");
                return Err(Diagnostic::unsupported(code::FUNCTION, span, message));
            }
        };
        let filter = call.filter.as_ref();
        let filter = filter.map(|filter| self.filter(filter)).transpose()?;
        let argument_type = argument.as_ref().map(|argument| &argument.logical_type);
        let result = function
            .result_type(argument_type)
            .map_err(|why| Diagnostic::wrong(code::TYPE_MISMATCH, span, why))?;
        // A NOT NULL argument is counted like a row, and extremes do not care for repeats.
        let is_distinct =
            wants_distinct && !matches!(function, AggregateFunction::Min | AggregateFunction::Max);
        Ok(BoundAggregate { function, argument, is_distinct, filter, result })
    }

    fn filter(&mut self, filter: &Expr) -> Result<Expression, Diagnostic> {
        self.condition(filter, "FILTER (WHERE …)")
    }
}

/// The expression over the output of an aggregation, `keys` then aggregates. It was bound over
/// the aggregation's input (`n_input` columns) with the aggregates behind them.
pub(super) fn over_groups(
    expression: &Expression,
    keys: &[Expression],
    n_input: usize,
) -> Result<Expression, Span> {
    if let Some(index) = keys.iter().position(|key| key == expression) {
        let kind = ExpressionKind::Column(index);
        return Ok(Expression { kind, ..expression.clone() });
    }
    let mut result = expression.clone();
    if let ExpressionKind::Column(index) = result.kind {
        let aggregate = index.checked_sub(n_input).ok_or(expression.span)?;
        result.kind = ExpressionKind::Column(keys.len() + aggregate);
        return Ok(result);
    }
    for child in result.children_mut() {
        *child = over_groups(child, keys, n_input)?;
    }
    Ok(result)
}
