//! Bound expressions: every name resolved to a position, every type known, every implicit cast
//! written out.

use std::sync::Arc;

use argus_base::{LogicalType, TypeRoot};

use crate::function::ScalarFunction;

/// Where in the script an expression was written: byte offsets, `end` exclusive. Both 0 for what
/// the planner made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// After the last byte.
    pub end: u32,
}

/// A bound expression. Equality and hashing ignore the span, so equal expressions are computed
/// once wherever they were written.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What it computes.
    pub kind: ExpressionKind,
    /// Type of the result.
    pub logical_type: LogicalType,
    /// Where it was written.
    pub span: Span,
}

/// What an expression computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExpressionKind {
    /// The input column at this position.
    Column(usize),
    /// A field of a ROW; NULL where the row is.
    Field {
        /// The row.
        input: Box<Expression>,
        /// Position of the field.
        index: usize,
    },
    /// A constant of the expression's type.
    Literal(Literal),
    /// A scalar function or operator over evaluated arguments, whose types are exactly those
    /// that its entry of the function table asks for.
    Call {
        /// Which.
        function: ScalarFunction,
        /// In order.
        arguments: Vec<Expression>,
    },
    /// Conversion to the expression's type.
    Cast {
        /// What is converted.
        input: Box<Expression>,
        /// TRY_CAST: NULL instead of failure.
        is_try: bool,
    },
    /// Three-valued AND; later operands are evaluated only for rows that need them.
    And(Vec<Expression>),
    /// Three-valued OR; later operands are evaluated only for rows that need them.
    Or(Vec<Expression>),
    /// Searched CASE; each branch is evaluated only for the rows that reach it.
    Case {
        /// Conditions and results, in order. Results have the expression's type.
        branches: Vec<(Expression, Expression)>,
        /// ELSE; a NULL literal where none was written.
        otherwise: Box<Expression>,
    },
    /// The first operand that is not NULL; later ones are evaluated only for rows that need them.
    Coalesce(Vec<Expression>),
}

/// A constant. Its exact meaning comes with the expression's type.
#[derive(Clone, Debug)]
pub enum Literal {
    /// NULL of any type.
    Null,
    /// BOOLEAN.
    Boolean(bool),
    /// TINYINT to BIGINT.
    Integer(i64),
    /// DECIMAL: the unscaled value.
    Decimal(i128),
    /// FLOAT and DOUBLE.
    Double(f64),
    /// CHAR and VARCHAR.
    Text(Arc<str>),
    /// BINARY and VARBINARY.
    Bytes(Arc<[u8]>),
    /// DATE: days since 1970-01-01.
    Date(i32),
    /// TIME: milliseconds since midnight.
    Time(i32),
    /// TIMESTAMP and TIMESTAMP_LTZ, in the unit of the type's precision.
    Timestamp(i64),
    /// INTERVAL YEAR TO MONTH.
    Months(i32),
    /// INTERVAL DAY TO SECOND, in milliseconds.
    Millis(i64),
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.kind == other.kind && self.logical_type == other.logical_type
    }
}

impl Eq for Expression {}

impl std::hash::Hash for Expression {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.logical_type.hash(state);
    }
}

/// Doubles are equal when their bits are, so that equality is an equivalence.
impl PartialEq for Literal {
    fn eq(&self, other: &Literal) -> bool {
        match (self, other) {
            (Literal::Null, Literal::Null) => true,
            (Literal::Boolean(a), Literal::Boolean(b)) => a == b,
            (Literal::Integer(a), Literal::Integer(b)) => a == b,
            (Literal::Decimal(a), Literal::Decimal(b)) => a == b,
            (Literal::Double(a), Literal::Double(b)) => a.to_bits() == b.to_bits(),
            (Literal::Text(a), Literal::Text(b)) => a == b,
            (Literal::Bytes(a), Literal::Bytes(b)) => a == b,
            (Literal::Date(a), Literal::Date(b)) | (Literal::Time(a), Literal::Time(b)) => a == b,
            (Literal::Timestamp(a), Literal::Timestamp(b)) => a == b,
            (Literal::Months(a), Literal::Months(b)) => a == b,
            (Literal::Millis(a), Literal::Millis(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Literal {}

impl std::hash::Hash for Literal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Literal::Null => {}
            Literal::Boolean(value) => value.hash(state),
            Literal::Integer(value) | Literal::Timestamp(value) | Literal::Millis(value) => {
                value.hash(state);
            }
            Literal::Decimal(value) => value.hash(state),
            Literal::Double(value) => value.to_bits().hash(state),
            Literal::Text(value) => value.hash(state),
            Literal::Bytes(value) => value.hash(state),
            Literal::Date(value) | Literal::Time(value) | Literal::Months(value) => {
                value.hash(state)
            }
        }
    }
}

impl Expression {
    /// An expression the planner made up.
    pub fn new(kind: ExpressionKind, logical_type: LogicalType) -> Expression {
        Expression { kind, logical_type, span: Span::default() }
    }

    /// The input column at that position.
    pub fn column(index: usize, logical_type: LogicalType) -> Expression {
        Expression::new(ExpressionKind::Column(index), logical_type)
    }

    /// NULL of a type.
    pub fn null(root: TypeRoot) -> Expression {
        Expression::new(ExpressionKind::Literal(Literal::Null), root.nullable())
    }

    /// A conversion, or the expression itself where it has that type already.
    #[must_use]
    pub fn cast(self, to: LogicalType) -> Expression {
        if self.logical_type == to {
            return self;
        }
        let span = self.span;
        let kind = ExpressionKind::Cast { input: Box::new(self), is_try: false };
        Expression { kind, logical_type: to, span }
    }

    /// The constant, where it is one.
    pub fn as_literal(&self) -> Option<&Literal> {
        match &self.kind {
            ExpressionKind::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// The expressions it is made of, in order.
    pub fn children(&self) -> Vec<&Expression> {
        match &self.kind {
            ExpressionKind::Column(_) | ExpressionKind::Literal(_) => Vec::new(),
            ExpressionKind::Field { input, .. } | ExpressionKind::Cast { input, .. } => vec![input],
            ExpressionKind::Call { arguments: all, .. }
            | ExpressionKind::And(all)
            | ExpressionKind::Or(all)
            | ExpressionKind::Coalesce(all) => all.iter().collect(),
            ExpressionKind::Case { branches, otherwise } => {
                let pairs = branches.iter().flat_map(|(when, then)| [when, then]);
                pairs.chain([otherwise.as_ref()]).collect()
            }
        }
    }

    /// The same, for changing them in place.
    pub fn children_mut(&mut self) -> Vec<&mut Expression> {
        match &mut self.kind {
            ExpressionKind::Column(_) | ExpressionKind::Literal(_) => Vec::new(),
            ExpressionKind::Field { input, .. } | ExpressionKind::Cast { input, .. } => vec![input],
            ExpressionKind::Call { arguments: all, .. }
            | ExpressionKind::And(all)
            | ExpressionKind::Or(all)
            | ExpressionKind::Coalesce(all) => all.iter_mut().collect(),
            ExpressionKind::Case { branches, otherwise } => {
                let pairs = branches.iter_mut().flat_map(|(when, then)| [when, then]);
                pairs.chain([otherwise.as_mut()]).collect()
            }
        }
    }

    /// Calls `visit` with every input column it reads, repeats included.
    pub fn visit_columns(&self, visit: &mut impl FnMut(usize)) {
        if let ExpressionKind::Column(index) = self.kind {
            visit(index);
        }
        for child in self.children() {
            child.visit_columns(visit);
        }
    }

    /// Replaces every input column by what `replacement` says of its position.
    pub fn map_columns(&mut self, replacement: &impl Fn(usize) -> ExpressionKind) {
        if let ExpressionKind::Column(index) = self.kind {
            self.kind = replacement(index);
            return;
        }
        for child in self.children_mut() {
            child.map_columns(replacement);
        }
    }

    /// Replaces every input column by the expression at its position.
    pub fn substitute(&mut self, columns: &[Expression]) {
        if let ExpressionKind::Column(index) = self.kind {
            *self = columns[index].clone();
            return;
        }
        for child in self.children_mut() {
            child.substitute(columns);
        }
    }

    /// Whether it is the input column at that position.
    pub fn is_column(&self, index: usize) -> bool {
        matches!(self.kind, ExpressionKind::Column(own) if own == index)
    }

    /// Whether the same input always gives the same result: no clock, no chance, no watermark.
    pub fn is_deterministic(&self) -> bool {
        self.volatile_function().is_none()
            && self.children().into_iter().all(Expression::is_deterministic)
    }

    /// Its function, where it is a call that may give another result for the same arguments.
    pub fn volatile_function(&self) -> Option<ScalarFunction> {
        match &self.kind {
            // It reads the clock only where it is given no time.
            ExpressionKind::Call { function: ScalarFunction::UnixTimestamp, arguments }
                if !arguments.is_empty() =>
            {
                None
            }
            ExpressionKind::Call { function, .. } if !function.spec().is_deterministic => {
                Some(*function)
            }
            _ => None,
        }
    }
}
