//! Expressions: AST → bound expression. This file decides which construct it is; operators and
//! functions are bound in `call`, the lazy ones in `conditional`, constants in `literal`.

use argus_base::{LogicalType, TypeRoot};
use argus_plan::{Expression, ExpressionKind, Span};
use sqlparser::ast::{self, Expr, Spanned};

use super::aggregate::Aggregates;
use super::query::Binder;
use super::scope::{self, Column};
use super::{cast, code};
use crate::diagnostic::Diagnostic;
use crate::script::span_of;
use crate::types::bind_data_type;

/// Deepest nesting of an expression. The binder, the rewrites and the engine walk expressions
/// recursively; this keeps them far from the end of a thread's stack.
const MAX_DEPTH: usize = 200;

/// The place of a computed column's expression.
pub(super) const COMPUTED: &str = "a computed column";

/// Binds the expressions of one place in a query.
pub(super) struct ExpressionBinder<'b, 'a> {
    /// The query around.
    pub binder: &'b Binder<'a>,
    /// Columns in scope; positions of the bound expressions are theirs.
    pub columns: &'b [Column],
    /// Where aggregate calls go. A call becomes a column behind those in scope.
    pub aggregates: Aggregates,
    depth: usize,
}

impl<'b, 'a> ExpressionBinder<'b, 'a> {
    /// For expressions without aggregates; `place` is what they would be illegal in.
    pub fn new(
        binder: &'b Binder<'a>,
        columns: &'b [Column],
        place: &'static str,
    ) -> ExpressionBinder<'b, 'a> {
        Self::with(binder, columns, Aggregates::Illegal(place))
    }

    /// For expressions with the given treatment of aggregates.
    pub fn with(
        binder: &'b Binder<'a>,
        columns: &'b [Column],
        aggregates: Aggregates,
    ) -> ExpressionBinder<'b, 'a> {
        ExpressionBinder { binder, columns, aggregates, depth: 0 }
    }

    /// The bytes of a part of the statement.
    pub fn span(&self, part: &impl Spanned) -> Span {
        self.binder.span(part)
    }

    /// Binds an expression of any type.
    pub fn bind(&mut self, expression: &Expr) -> Result<Expression, Diagnostic> {
        if self.depth == MAX_DEPTH {
            let message = format!("the expression is nested more than {MAX_DEPTH} levels deep");
            return Err(Diagnostic::wrong(code::NOT_FLINK, self.span(expression), message));
        }
        self.depth += 1;
        let bound = self.dispatch(expression);
        self.depth -= 1;
        bound
    }

    /// Binds an expression whose type must be known: a bare NULL has none.
    pub fn bind_typed(&mut self, expression: &Expr) -> Result<Expression, Diagnostic> {
        let bound = self.bind(expression)?;
        if bound.logical_type.root == TypeRoot::Null {
            return Err(untyped_null(bound.span));
        }
        Ok(bound)
    }

    /// Binds a condition; `what` says which, for the message.
    pub fn condition(&mut self, condition: &Expr, what: &str) -> Result<Expression, Diagnostic> {
        let bound = self.bind(condition)?;
        match bound.logical_type.root {
            TypeRoot::Boolean => Ok(bound),
            TypeRoot::Null => Ok(Expression::null(TypeRoot::Boolean)),
            _ => {
                let message =
                    format!("{what} must be a condition, but its type is {}", bound.logical_type);
                Err(Diagnostic::wrong(code::TYPE_MISMATCH, self.span(condition), message))
            }
        }
    }

    fn dispatch(&mut self, expression: &Expr) -> Result<Expression, Diagnostic> {
        let span = self.span(expression);
        match expression {
            Expr::Identifier(name) => scope::resolve(self.columns, &[&name.value], span),
            Expr::CompoundIdentifier(path) => {
                let path: Vec<&str> = path.iter().map(|part| part.value.as_str()).collect();
                scope::resolve(self.columns, &path, span)
            }
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            Expr::Nested(inner) => self.bind(inner),
            Expr::Value(_) | Expr::Prefixed { .. } | Expr::TypedString(_) | Expr::Interval(_) => {
                self.literal(expression)
            }
            Expr::Function(function) => self.function(function, span),
            Expr::Cast { kind, expr, data_type, .. } => self.cast(kind, expr, data_type, span),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, span),
            Expr::UnaryOp { op, expr } => self.unary(op, expr, span),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), span)
            }
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated, span),
            Expr::Between { expr, negated, low, high } => {
                self.between(expr, (low, high), *negated, span)
            }
            Expr::Array(array) => self.array(&array.elem, span),
            Expr::Map(map) => {
                let pairs = map.entries.iter().flat_map(|entry| [&*entry.key, &*entry.value]);
                self.map(&pairs.collect::<Vec<&Expr>>(), span)
            }
            Expr::Tuple(values) => self.row(values, span),
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
                if let Aggregates::Illegal(COMPUTED) = self.aggregates {
                    let message = format!("a sub-query is illegal in {COMPUTED}");
                    return Err(Diagnostic::wrong(code::DECLARATION, span, message));
                }
                let message = "sub-queries in expressions do not run yet";
                let help = "join or aggregate in a view instead, or compute the value beforehand";
                Err(Diagnostic::unsupported(code::SUBQUERY, span, message).help(help))
            }
            _ => self.special_syntax(expression, span),
        }
    }

    /// Elements, values of a key, and fields behind an expression: `a[1].b`.
    fn access(&mut self, root: &Expr, chain: &[ast::AccessExpr]) -> Result<Expression, Diagnostic> {
        let mut value = self.bind(root)?;
        for access in chain {
            value = match access {
                ast::AccessExpr::Dot(Expr::Identifier(name)) => {
                    let span = span_of(name.span);
                    scope::field(value, &name.value, span)?
                }
                ast::AccessExpr::Subscript(ast::Subscript::Index { index }) => {
                    let span = self.span(index);
                    let index = self.bind(index)?;
                    self.item(value, index, span)?
                }
                _ => {
                    return Err(
                        self.not_flink("this way to take a part of a value", self.span(root))
                    );
                }
            };
        }
        Ok(value)
    }

    fn cast(
        &mut self,
        kind: &ast::CastKind,
        input: &Expr,
        data_type: &ast::DataType,
        span: Span,
    ) -> Result<Expression, Diagnostic> {
        let is_try = match kind {
            ast::CastKind::Cast => false,
            ast::CastKind::TryCast => true,
            _ => return Err(self.not_flink("this form of CAST", span)),
        };
        let input = self.bind(input)?;
        let to = bind_data_type(data_type)?;
        cast::explicit(input, to, is_try, span)
    }

    /// A construct that the parser accepts and Flink does not.
    pub fn not_flink(&self, what: &str, span: Span) -> Diagnostic {
        Diagnostic::wrong(code::NOT_FLINK, span, format!("{what} is not Flink SQL"))
    }
}

/// A NULL without a type where one is needed.
pub(super) fn untyped_null(span: Span) -> Diagnostic {
    let message = "illegal use of NULL: it has no type here";
    Diagnostic::wrong(code::TYPE_MISMATCH, span, message).help("write CAST(NULL AS type)")
}

/// A bound expression written at `span`.
pub(super) fn at(kind: ExpressionKind, logical_type: LogicalType, span: Span) -> Expression {
    Expression { kind, logical_type, span }
}
