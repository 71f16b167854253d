//! Window TVFs: TUMBLE, HOP and CUMULATE over a table.

use argus_base::nearest::nearest;
use argus_base::{Field, TimeKind, TypeRoot};
use argus_plan::graph::WindowProperty;
use argus_plan::window::{WindowKind, WindowTime};
use argus_plan::{Literal, Operator, Span, Window};
use sqlparser::ast::{self, Expr, FunctionArg, FunctionArgExpr, ObjectName};

use super::code;
use super::expression::ExpressionBinder;
use super::grouping::property_name;
use super::query::Binder;
use super::scope::{Column, Relation};
use crate::diagnostic::Diagnostic;

/// How a window TVF is called.
struct Signature {
    name: &'static str,
    /// Names of the intervals, in order; the last one is optional.
    intervals: &'static [&'static str],
    /// As Flink writes it.
    text: &'static str,
}

const SIGNATURES: &[Signature] = &[
    Signature {
        name: "TUMBLE",
        intervals: &["SIZE", "OFFSET"],
        text: "TUMBLE(TABLE table_name, DESCRIPTOR(timecol), datetime interval[, datetime \
               interval])",
    },
    Signature {
        name: "HOP",
        intervals: &["SLIDE", "SIZE", "OFFSET"],
        text: "HOP(TABLE table_name, DESCRIPTOR(timecol), datetime interval, datetime \
               interval[, datetime interval])",
    },
    Signature {
        name: "CUMULATE",
        intervals: &["STEP", "SIZE", "OFFSET"],
        text: "CUMULATE(TABLE table_name, DESCRIPTOR(timecol), datetime interval, datetime \
               interval[, datetime interval])",
    },
];

impl Binder<'_> {
    /// A table function in FROM.
    pub fn table_function(
        &mut self,
        name: &ObjectName,
        arguments: &[FunctionArg],
        span: Span,
    ) -> Result<Relation, Diagnostic> {
        let name_span = self.span(name);
        let name = name.to_string().to_ascii_uppercase();
        let Some(signature) = SIGNATURES.iter().find(|signature| signature.name == name) else {
            return Err(unknown_table_function(&name, arguments.len(), span, name_span));
        };
        let arguments = by_name(signature, arguments, span)?;
        let input = self.table_argument(arguments[0], signature, span)?;
        let time_index = self.time_column(arguments[1], &input, signature, span)?;
        let mut intervals = Vec::new();
        for argument in &arguments[2..] {
            intervals.push(self.interval(argument, signature)?);
        }
        let wrong = |why: String| Diagnostic::wrong(code::WINDOW, span, why);
        let (kind, rest) = match (signature.name, intervals.as_slice()) {
            ("TUMBLE", [size, rest @ ..]) => (WindowKind::tumble(*size), rest),
            ("HOP", [slide, size, rest @ ..]) => (WindowKind::hop_table(*slide, *size), rest),
            (_, [step, size, rest @ ..]) => (WindowKind::cumulate(*step, *size), rest),
            _ => return Err(wrong(format!("expected {}", signature.text))),
        };
        let kind = kind.map_err(wrong)?;
        let offset = rest.first().copied().unwrap_or(0);
        if kind.size() <= offset.saturating_abs() && matches!(kind, WindowKind::Tumble { .. }) {
            let message = "TUMBLE parameters must satisfy abs(offset) < size".to_owned();
            return Err(wrong(message));
        }
        let offset = offset % kind.size();
        self.refuse_updates("a window", input.node, span)?;
        let time_type = &input.columns[time_index].logical_type.root;
        let time = window_time(time_type, time_index, &self.context.settings.time_zone);
        Ok(self.window_table(input, Window { kind, offset, time }, time_index))
    }

    /// The input with the columns of its windows.
    fn window_table(&mut self, input: Relation, window: Window, time_index: usize) -> Relation {
        let time_root = &input.columns[time_index].logical_type.root;
        let kind = time_root.time_kind();
        let window_time = match time_root {
            TypeRoot::Timestamp { .. } => TypeRoot::Timestamp { precision: 3, kind },
            _ => TypeRoot::TimestampLtz { precision: 3, kind },
        };
        let mut columns: Vec<Column> = input.columns;
        for column in &mut columns {
            column.qualifier.clear();
            column.property = None;
        }
        let added = [
            (WindowProperty::Start, TypeRoot::timestamp(3)),
            (WindowProperty::End, TypeRoot::timestamp(3)),
            (WindowProperty::Time, window_time),
        ];
        for (property, root) in added {
            let column = Column::new(property_name(property), root.not_null());
            columns.push(Column { property: Some(property), ..column });
        }
        let output = columns.iter().map(|c| Field::new(&c.name, c.logical_type.clone())).collect();
        let node = self.plan.add(Operator::WindowTable(window.clone()), &[input.node], output);
        Relation { node, columns, window: Some(window) }
    }

    /// `TABLE t` or `TABLE (query)`.
    fn table_argument(
        &mut self,
        argument: &Expr,
        signature: &Signature,
        span: Span,
    ) -> Result<Relation, Diagnostic> {
        let wrong =
            || Diagnostic::wrong(code::WINDOW, span, format!("expected {}", signature.text));
        let table = match argument {
            Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("TABLE") => {
                if call.over.is_some() {
                    let message = format!("{} takes no PARTITION BY", signature.name);
                    let help = "group by the keys in the aggregation";
                    return Err(Diagnostic::wrong(code::WINDOW, span, message).help(help));
                }
                match &call.args {
                    ast::FunctionArguments::List(list) => match list.args.as_slice() {
                        [FunctionArg::Unnamed(FunctionArgExpr::Expr(table))] => table,
                        _ => return Err(wrong()),
                    },
                    _ => return Err(wrong()),
                }
            }
            other => other,
        };
        match table {
            Expr::Identifier(name) => self.table(&ObjectName::from(vec![name.clone()])),
            Expr::CompoundIdentifier(path) => self.table(&ObjectName::from(path.clone())),
            Expr::Subquery(query) => self.query(query),
            _ => Err(wrong()),
        }
    }

    /// The position of the column in `DESCRIPTOR(column)`, which must be a time attribute.
    fn time_column(
        &self,
        argument: &Expr,
        input: &Relation,
        signature: &Signature,
        span: Span,
    ) -> Result<usize, Diagnostic> {
        let wrong = |why: String| Diagnostic::wrong(code::WINDOW, span, why);
        let Expr::Function(call) = argument else {
            return Err(wrong(format!("expected {}", signature.text)));
        };
        let is_descriptor = call.name.to_string().eq_ignore_ascii_case("DESCRIPTOR");
        let column = match &call.args {
            ast::FunctionArguments::List(list) if is_descriptor => match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(column))] => column,
                _ => return Err(wrong("DESCRIPTOR names exactly one column".to_owned())),
            },
            _ => return Err(wrong(format!("expected {}", signature.text))),
        };
        let bound = ExpressionBinder::new(self, &input.columns, "DESCRIPTOR").bind(column)?;
        let argus_plan::ExpressionKind::Column(index) = bound.kind else {
            return Err(wrong("DESCRIPTOR names a column of the table".to_owned()));
        };
        let root = &bound.logical_type.root;
        if root.time_kind() != TimeKind::Regular {
            return Ok(index);
        }
        let shown = root.to_string();
        let message = if root.is_timestamp() {
            format!(
                "the window function {} requires the timecol is a time attribute type, but is \
                 {shown}",
                signature.text
            )
        } else {
            format!(
                "the window function {} requires the timecol to be TIMESTAMP or TIMESTAMP_LTZ, \
                 but is {shown}",
                signature.text
            )
        };
        let help = "declare it in CREATE TABLE: WATERMARK FOR column AS column - INTERVAL '5' \
                    SECOND; only a column that is passed on unchanged stays a time attribute";
        Err(Diagnostic::wrong(code::WINDOW, self.span(column), message).help(help))
    }

    /// A constant interval in milliseconds.
    fn interval(&self, argument: &Expr, signature: &Signature) -> Result<i64, Diagnostic> {
        let bound = ExpressionBinder::new(self, &[], "a window's size").bind(argument)?;
        match bound.as_literal() {
            Some(Literal::Millis(millis)) => Ok(*millis),
            _ => {
                let message =
                    format!("expected a constant interval of days to seconds: {}", signature.text);
                Err(Diagnostic::wrong(code::WINDOW, self.span(argument), message))
            }
        }
    }
}

fn window_time(root: &TypeRoot, column: usize, zone: &str) -> WindowTime {
    match (root.time_kind(), root) {
        (TimeKind::Proctime, _) => WindowTime::Processing { zone: zone.to_owned() },
        (_, TypeRoot::TimestampLtz { .. }) => {
            WindowTime::EventLocal { column, zone: zone.to_owned() }
        }
        _ => WindowTime::Event { column },
    }
}

fn unknown_table_function(
    name: &str,
    n_arguments: usize,
    span: Span,
    name_span: Span,
) -> Diagnostic {
    if name == "UNNEST" {
        return super::from::unnest_unsupported(span);
    }
    if name == "SESSION" && n_arguments != 3 {
        let message = "expected SESSION(TABLE table_name [PARTITION BY columns], \
                       DESCRIPTOR(timecol), datetime interval)";
        return Diagnostic::wrong(code::WINDOW, span, message);
    }
    if name == "SESSION" {
        let message = "SESSION windows do not run yet";
        let help = "use TUMBLE, HOP or CUMULATE";
        return Diagnostic::unsupported(code::WINDOW_KIND, span, message).help(help);
    }
    let message = format!("no table function is called '{name}'");
    let diagnostic = Diagnostic::wrong(code::UNKNOWN_FUNCTION, name_span, message);
    match nearest(name, SIGNATURES.iter().map(|signature| signature.name)) {
        Some(near) => diagnostic.help(format!("did you mean {near}?")),
        None => diagnostic.help("use TUMBLE, HOP or CUMULATE"),
    }
}

/// The arguments in the order of the signature, DATA and TIMECOL first.
fn by_name<'e>(
    signature: &Signature,
    arguments: &'e [FunctionArg],
    span: Span,
) -> Result<Vec<&'e Expr>, Diagnostic> {
    let wrong = || Diagnostic::wrong(code::WINDOW, span, format!("expected {}", signature.text));
    let mut names = vec!["DATA", "TIMECOL"];
    names.extend(signature.intervals);
    let mut places: Vec<Option<&Expr>> = vec![None; names.len()];
    for (position, argument) in arguments.iter().enumerate() {
        let (place, value) = match argument {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
                let is_meant = |known: &&str| known.eq_ignore_ascii_case(&name.value);
                let place = names.iter().position(is_meant).ok_or_else(wrong)?;
                (place, value)
            }
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (position, value),
            _ => return Err(wrong()),
        };
        let slot = places.get_mut(place).ok_or_else(wrong)?;
        if slot.replace(value).is_some() {
            return Err(wrong());
        }
    }
    let n_required = names.len() - 1;
    if places[..n_required].iter().any(Option::is_none) {
        return Err(wrong());
    }
    Ok(places.into_iter().flatten().collect())
}
