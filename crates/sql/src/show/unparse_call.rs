//! Calls as Flink prints them.

use sqlparser::ast::{self, Expr, Spanned};

use super::create::{quoted, text};
use super::unparse::Printer;
use crate::script::{slice, span_of};

/// Functions that Flink's parser knows; it prints their names in upper case and all others as
/// written, between back-ticks. Taken from `FlinkSqlOperatorTable` of Flink 2.2.1.
const KNOWN: &str = "
    ABS ACOS APPROX_COUNT_DISTINCT ARRAY_AGG ASCII ASIN ATAN ATAN2 AVG BIN CARDINALITY CEIL
    CHARACTER_LENGTH CHAR_LENGTH CHR COALESCE COLLECT CONCAT CONCAT_WS CONVERT_TZ COS COSH COT COUNT
    CUME_DIST CURRENT_DATABASE CURRENT_DATE CURRENT_ROW_TIMESTAMP CURRENT_TIME CURRENT_TIMESTAMP
    DATE_FORMAT DECODE DEGREES DENSE_RANK E ELEMENT ENCODE EXP FIRST_VALUE FROM_BASE64
    FROM_UNIXTIME HASH_CODE HEX IF INITCAP INSTR IS_ALPHA IS_DECIMAL IS_DIGIT LAST_VALUE LEFT
    LISTAGG LN LOCALTIME LOCALTIMESTAMP LOCATE LOG LOG10 LOG2 LOWER LPAD LTRIM MAP MAX MD5 MIN MOD
    MULTISET NOW NTILE PARSE_URL PI POWER PROCTIME RADIANS RAND RAND_INTEGER RANK REGEXP
    REGEXP_EXTRACT REGEXP_REPLACE REPEAT REPLACE REVERSE RIGHT ROUND ROW ROW_NUMBER RPAD RTRIM SHA1
    SHA2 SHA224 SHA256 SHA384 SHA512 SIGN SIN SINH SOURCE_WATERMARK SPLIT_INDEX SQRT STDDEV_POP
    STDDEV_SAMP STR_TO_MAP SUBSTR SUBSTRING SUM TAN TANH TIMESTAMPADD TIMESTAMPDIFF TO_BASE64
    TO_DATE TO_TIMESTAMP TRUNCATE TRY_PARSE_JSON UNIX_TIMESTAMP UPPER UUID VAR_POP VAR_SAMP
";

/// Functions of one time that are EXTRACT of the unit of their name.
const UNITS: &[&str] = &[
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAYOFYEAR",
    "DAYOFMONTH",
    "DAYOFWEEK",
    "HOUR",
    "MINUTE",
    "SECOND",
];

/// A call, or any other form as written; both bind as tightly as a name.
pub(super) fn print(printer: &Printer<'_>, expression: &Expr) -> (String, u8) {
    let text = match expression {
        Expr::Function(function) => function_call(printer, function),
        Expr::Extract { field, expr, .. } => {
            format!("EXTRACT({} FROM {})", field.to_string().to_uppercase(), printer.plain(expr))
        }
        Expr::Ceil { expr, field } => rounded(printer, "CEIL", expr, field),
        Expr::Floor { expr, field } => rounded(printer, "FLOOR", expr, field),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let all = [Some(expr), substring_from.as_ref(), substring_for.as_ref()];
            let all: Vec<String> = all.into_iter().flatten().map(|e| printer.plain(e)).collect();
            format!("SUBSTRING({})", all.join(", "))
        }
        Expr::Trim { expr, trim_where, trim_what, .. } => {
            let side = trim_where.map_or_else(|| "BOTH".to_owned(), |side| side.to_string());
            let what = trim_what.as_ref().map_or_else(|| "' '".to_owned(), |e| printer.plain(e));
            format!("TRIM({side} {what} FROM {})", printer.plain(expr))
        }
        Expr::Position { expr, r#in } => {
            format!("POSITION({} IN {})", printer.plain(expr), printer.plain(r#in))
        }
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            let [value, what, from] = [expr, overlay_what, overlay_from].map(|e| printer.plain(e));
            let length = overlay_for.as_ref().map(|e| format!(" FOR {}", printer.plain(e)));
            format!("OVERLAY({value} PLACING {what} FROM {from}{})", length.unwrap_or_default())
        }
        other => {
            printer.is_unknown.set(true);
            slice(printer.source, span_of(other.span())).to_owned()
        }
    };
    (text, 100)
}

/// `FLOOR(x)` of a number, `FLOOR(x TO unit)` of a time, where Flink puts calls between
/// parentheses.
fn rounded(printer: &Printer<'_>, name: &str, inner: &Expr, field: &ast::CeilFloorKind) -> String {
    let value = printer.plain(inner);
    match field {
        ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => {
            format!("{name}({value})")
        }
        ast::CeilFloorKind::DateTimeField(unit) => {
            let is_cast = matches!(inner, Expr::Cast { .. });
            let value = if is_cast { format!("({value})") } else { value };
            format!("{name}({value} TO {})", unit.to_string().to_uppercase())
        }
        ast::CeilFloorKind::Scale(scale) => format!("{name}({value}, {scale})"),
    }
}

fn function_call(printer: &Printer<'_>, function: &ast::Function) -> String {
    let written = function.name.0.last().and_then(|part| part.as_ident());
    let written = written.map_or("", |ident| ident.value.as_str());
    let upper = written.to_uppercase();
    let list = match &function.args {
        ast::FunctionArguments::List(list) => list,
        // CURRENT_DATE and its like.
        _ => return upper,
    };
    let arguments: Vec<&Expr> = list.args.iter().filter_map(unnamed).collect();
    match (upper.as_str(), arguments.as_slice()) {
        ("NULLIF", [left, right]) => {
            let (left, right) = (printer.plain(left), printer.plain(right));
            return format!("CASE WHEN {left} = {right} THEN NULL ELSE {left} END");
        }
        ("MAP" | "MULTISET", _) if written_with_brackets(printer, function) => {
            return format!("{upper}[{}]", plain_list(printer, &arguments));
        }
        (name, [inner]) if name.starts_with("IS ") => {
            return format!("{} {name}", printer.plain(inner));
        }
        (unit, [time]) if UNITS.contains(&unit) => {
            return format!("EXTRACT({} FROM {})", extracted(unit), printer.plain(time));
        }
        (name @ ("TIMESTAMPADD" | "TIMESTAMPDIFF"), [Expr::Identifier(unit), rest @ ..]) => {
            let unit = unit.value.to_uppercase();
            return format!("{name}({unit}, {})", plain_list(printer, rest));
        }
        _ => {}
    }
    if function.over.is_some() || !function.within_group.is_empty() || !list.clauses.is_empty() {
        printer.is_unknown.set(true);
    }
    let arguments: Vec<String> = list.args.iter().map(|arg| argument(printer, arg)).collect();
    let separator = if upper.starts_with("JSON_") { " " } else { ", " };
    let n_plain = list.args.iter().filter(|arg| unnamed(arg).is_some()).count();
    let (plain, clauses) = arguments.split_at(n_plain.min(arguments.len()));
    let mut text = plain.join(", ");
    if !clauses.is_empty() {
        let separator = if plain.is_empty() { "" } else { separator };
        text += &format!("{separator}{}", clauses.join(separator));
    }
    if list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct) {
        text = format!("DISTINCT {text}");
    }
    let is_known = KNOWN.split_whitespace().any(|known| known == upper) || separator == " ";
    let name = if is_known { upper } else { quoted(written) };
    let filter = function.filter.as_ref().map(|f| format!(" FILTER (WHERE {})", printer.plain(f)));
    format!("{name}({text}){}", filter.unwrap_or_default())
}

/// DAYOFYEAR and its like have units of their own.
fn extracted(function: &str) -> &str {
    match function {
        "DAYOFYEAR" => "DOY",
        "DAYOFMONTH" => "DAY",
        "DAYOFWEEK" => "DOW",
        unit => unit,
    }
}

fn unnamed(argument: &ast::FunctionArg) -> Option<&Expr> {
    match argument {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

fn plain_list(printer: &Printer<'_>, arguments: &[&Expr]) -> String {
    arguments.iter().map(|e| printer.plain(e)).collect::<Vec<String>>().join(", ")
}

/// An argument; the named ones of the JSON functions are their clauses.
fn argument(printer: &Printer<'_>, argument: &ast::FunctionArg) -> String {
    match argument {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => printer.plain(expr),
        ast::FunctionArg::Named { name, arg: ast::FunctionArgExpr::Expr(value), .. } => {
            clause(printer, &name.value, value)
        }
        other => other.to_string(),
    }
}

fn clause(printer: &Printer<'_>, name: &str, value: &Expr) -> String {
    match value {
        Expr::Cast { data_type, .. } if name == "RETURNING" => {
            format!("RETURNING {}", super::unparse_type::type_text(data_type, printer.source))
        }
        Expr::Value(ast::ValueWithSpan {
            value: ast::Value::SingleQuotedString(words), ..
        }) if words == name => name.to_owned(),
        other => match name.strip_prefix("DEFAULT ") {
            Some(when) => format!("DEFAULT {} {when}", printer.plain(other)),
            None => format!("{} => {}", text(name), printer.plain(other)),
        },
    }
}

/// Whether `MAP` or `MULTISET` was followed by a bracket, not a parenthesis.
fn written_with_brackets(printer: &Printer<'_>, function: &ast::Function) -> bool {
    let end = function.name.0.last().and_then(|part| part.as_ident());
    let end = end.map_or(0, |ident| span_of(ident.span).end as usize);
    printer.source.get(end..).is_some_and(|rest| rest.trim_start().starts_with('['))
}
