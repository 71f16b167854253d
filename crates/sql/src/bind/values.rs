//! Rows written in the query: VALUES, and the row of a SELECT without FROM.

use argus_base::{Field, TypeRoot};
use argus_plan::{Expression, ExpressionKind, Literal, Operator, Span};
use sqlparser::ast::Values;

use super::expression::ExpressionBinder;
use super::query::Binder;
use super::scope::{Column, Relation};
use super::{cast, code};
use crate::diagnostic::Diagnostic;

impl Binder<'_> {
    /// VALUES; columns are called `EXPR$0` and so on.
    pub fn values(&mut self, values: &Values, span: Span) -> Result<Relation, Diagnostic> {
        let mut rows: Vec<Vec<Expression>> = Vec::new();
        for row in &values.rows {
            let mut bound = Vec::new();
            for cell in row.iter() {
                bound.push(ExpressionBinder::new(self, &[], "VALUES").bind_typed(cell)?);
            }
            rows.push(bound);
        }
        let n_columns = rows.first().map_or(0, Vec::len);
        if n_columns == 0 || rows.iter().any(|row| row.len() != n_columns) {
            let message = "the rows of VALUES have different numbers of columns";
            return Err(Diagnostic::wrong(code::SINK_SCHEMA, span, message));
        }
        let mut columns = Vec::new();
        for index in 0..n_columns {
            columns.push(unify(&mut rows, index, span)?);
        }
        let node = self.constant_rows(rows, &columns);
        Ok(Relation { node, columns, window: None })
    }

    /// One row for a SELECT without FROM; its column has no name that could be written.
    pub fn one_row(&mut self) -> Relation {
        let zero = Field::new("", TypeRoot::Int.not_null());
        let operator = Operator::Values(vec![vec![Literal::Integer(0)]]);
        let node = self.plan.add(operator, &[], vec![zero]);
        Relation { node, columns: Vec::new(), window: None }
    }

    /// A Values node where all cells are constants, else numbered rows and a CASE a column.
    fn constant_rows(
        &mut self,
        rows: Vec<Vec<Expression>>,
        columns: &[Column],
    ) -> argus_plan::NodeId {
        let literals = |row: &Vec<Expression>| -> Option<Vec<Literal>> {
            row.iter().map(|cell| cell.as_literal().cloned()).collect()
        };
        if let Some(literals) = rows.iter().map(literals).collect() {
            let output = columns.iter().map(|c| Field::new(&c.name, c.logical_type.clone()));
            return self.plan.add(Operator::Values(literals), &[], output.collect());
        }
        let number = TypeRoot::Int.not_null();
        let numbers = (0..).take(rows.len()).map(|n| vec![Literal::Integer(n)]).collect();
        let input =
            self.plan.add(Operator::Values(numbers), &[], vec![Field::new("", number.clone())]);
        let projection = columns.iter().enumerate().map(|(index, column)| {
            let cells = rows.iter().map(|row| row[index].clone()).collect();
            (column.name.clone(), nth(cells, &number, column))
        });
        let projection = projection.collect();
        self.plan.add_calc(input, None, projection)
    }
}

/// Casts a column's cells to their common type.
fn unify(rows: &mut [Vec<Expression>], index: usize, span: Span) -> Result<Column, Diagnostic> {
    let types: Vec<_> = rows.iter().map(|row| &row[index].logical_type).collect();
    let Some(common) = cast::common_type(&types) else {
        let message = format!("column {} of VALUES has values of different types", index + 1);
        return Err(Diagnostic::wrong(code::TYPE_MISMATCH, span, message));
    };
    for row in rows.iter_mut() {
        row[index] = cast::implicit(row[index].clone(), &common.root);
    }
    Ok(Column::new(format!("EXPR${index}"), common))
}

/// The cell of the row whose number the input has.
fn nth(
    mut cells: Vec<Expression>,
    number: &argus_base::LogicalType,
    column: &Column,
) -> Expression {
    let last = cells.pop().expect("VALUES has at least one row");
    if cells.is_empty() {
        return last;
    }
    let equal = argus_plan::function::ScalarFunction::Equal;
    let branches = (0..).zip(cells).map(|(n, cell)| {
        let literal = Expression::new(ExpressionKind::Literal(Literal::Integer(n)), number.clone());
        let arguments = vec![Expression::column(0, number.clone()), literal];
        let when = ExpressionKind::Call { function: equal, arguments };
        (Expression::new(when, TypeRoot::Boolean.not_null()), cell)
    });
    let kind = ExpressionKind::Case { branches: branches.collect(), otherwise: Box::new(last) };
    Expression::new(kind, column.logical_type.clone())
}
