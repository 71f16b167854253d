//! String functions. Positions and lengths are in code points, the first is 1.

use argus_base::logical_type::MAX_LENGTH;
use argus_base::{LogicalType, TypeRoot};

use super::merging::least_common_type;
use super::signature::{Kind, count, length, not_null, nullable, propagate, take, take_many};
use super::{Argument, FunctionSpec, Resolved, ScalarFunction as F};

const TEXT: Kind = Kind::Text;
const INT: Kind = Kind::Int;

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(
        F::Like,
        "LIKE",
        "a LIKE pattern [ESCAPE character]",
        "% stands for any text, _ for any character; there is no default escape character.",
        like,
    )
    .fallible(),
    FunctionSpec::new(F::ConcatOperator, "||", "a || b", "One after the other.", concat_operator),
    FunctionSpec::new(F::Concat, "CONCAT", "CONCAT(a, …)", "NULL where any argument is.", |a| {
        propagate(take_many(a, &[], TEXT, 1)?, TypeRoot::STRING)
    }),
    FunctionSpec::new(
        F::ConcatWs,
        "CONCAT_WS",
        "CONCAT_WS(separator, a, …)",
        "Skips NULL arguments; NULL where the separator is.",
        |a| propagate(take_many(a, &[], TEXT, 1)?, TypeRoot::STRING),
    )
    .custom_nulls(),
    FunctionSpec::new(F::Upper, "UPPER", "UPPER(a)", "In upper case.", same_text),
    FunctionSpec::new(F::Lower, "LOWER", "LOWER(a)", "In lower case.", same_text),
    FunctionSpec::new(F::CharLength, "CHAR_LENGTH", "CHAR_LENGTH(a)", "Code points.", |a| {
        propagate(take(a, &[TEXT], &[])?, TypeRoot::Int)
    })
    .aliases(&["CHARACTER_LENGTH"]),
    FunctionSpec::new(
        F::Substring,
        "SUBSTRING",
        "SUBSTRING(a FROM start [FOR length])",
        "A negative start counts from the end; NULL for a negative length.",
        |a| part(take(a, &[TEXT, INT], &[INT])?),
    )
    .aliases(&["SUBSTR"]),
    FunctionSpec::new(
        F::Trim,
        "TRIM",
        "TRIM([BOTH | LEADING | TRAILING] [characters] FROM a)",
        "Arguments: the side as a literal, the characters, the text.",
        trim,
    ),
    FunctionSpec::new(F::Ltrim, "LTRIM", "LTRIM(a[, characters])", "Spaces by default.", trim_side),
    FunctionSpec::new(F::Rtrim, "RTRIM", "RTRIM(a[, characters])", "Spaces by default.", trim_side),
    FunctionSpec::new(F::Btrim, "BTRIM", "BTRIM(a[, characters])", "Spaces by default.", |a| {
        propagate(take(a, &[TEXT], &[TEXT])?, TypeRoot::STRING)
    }),
    FunctionSpec::new(F::Repeat, "REPEAT", "REPEAT(a, times)", "Empty for 0 or less.", |a| {
        propagate(take(a, &[TEXT, INT], &[])?, TypeRoot::STRING)
    }),
    FunctionSpec::new(F::Replace, "REPLACE", "REPLACE(a, old, new)", "Every occurrence.", |a| {
        propagate(take(a, &[TEXT, TEXT, TEXT], &[])?, TypeRoot::STRING)
    }),
    FunctionSpec::new(
        F::Position,
        "POSITION",
        "POSITION(a IN b)",
        "Position of a in b, 0 where absent.",
        |a| propagate(take(a, &[TEXT, TEXT], &[INT])?, TypeRoot::Int),
    ),
    FunctionSpec::new(
        F::Instr,
        "INSTR",
        "INSTR(a, b[, start[, occurrence]])",
        "Position of b in a, 0 where absent; a negative start searches from the end.",
        |a| propagate(take(a, &[TEXT, TEXT], &[INT, INT])?, TypeRoot::Int),
    )
    .fallible(),
    FunctionSpec::new(
        F::Locate,
        "LOCATE",
        "LOCATE(a, b[, start])",
        "Position of a in b from start on, 0 where absent.",
        |a| propagate(take(a, &[TEXT, TEXT], &[INT])?, TypeRoot::Int),
    ),
    FunctionSpec::new(
        F::Overlay,
        "OVERLAY",
        "OVERLAY(a PLACING b FROM start [FOR length])",
        "Replaces length characters; as many as b has without a length.",
        overlay,
    ),
    FunctionSpec::new(
        F::Lpad,
        "LPAD",
        "LPAD(a, length, padding)",
        "Cut where longer; NULL for a negative length or where an empty padding is needed.",
        pad,
    ),
    FunctionSpec::new(
        F::Rpad,
        "RPAD",
        "RPAD(a, length, padding)",
        "Cut where longer; NULL for a negative length or where an empty padding is needed.",
        pad,
    ),
    FunctionSpec::new(F::Left, "LEFT", "LEFT(a, n)", "The first n characters.", |a| {
        part(take(a, &[TEXT, INT], &[])?)
    }),
    FunctionSpec::new(F::Right, "RIGHT", "RIGHT(a, n)", "The last n characters.", |a| {
        part(take(a, &[TEXT, INT], &[])?)
    }),
    FunctionSpec::new(
        F::SplitIndex,
        "SPLIT_INDEX",
        "SPLIT_INDEX(a, delimiter, index)",
        "The part at index, from 0; NULL beyond the last. An integer delimiter is a character.",
        split_index,
    ),
    FunctionSpec::new(
        F::Split,
        "SPLIT",
        "SPLIT(a, delimiter)",
        "All parts, empty ones too.",
        |a| {
            let element = Box::new(TypeRoot::STRING.nullable());
            propagate(take(a, &[TEXT, TEXT], &[])?, TypeRoot::Array(element))
        },
    ),
    FunctionSpec::new(
        F::StrToMap,
        "STR_TO_MAP",
        "STR_TO_MAP(a[, list_delimiter, key_delimiter])",
        "Delimiters are regular expressions, by default ',' and '='.",
        str_to_map,
    )
    .fallible(),
    FunctionSpec::new(F::Ascii, "ASCII", "ASCII(a)", "First byte; 0 for empty text.", |a| {
        propagate(take(a, &[TEXT], &[])?, TypeRoot::Int)
    }),
    FunctionSpec::new(F::Chr, "CHR", "CHR(n)", "The character n modulo 256.", |a| {
        nullable(take(a, &[Kind::BigInt], &[])?, TypeRoot::STRING)
    }),
    FunctionSpec::new(F::Initcap, "INITCAP", "INITCAP(a)", "Each word capitalised.", same_text),
    FunctionSpec::new(F::Reverse, "REVERSE", "REVERSE(a)", "Last character first.", |a| {
        nullable(take(a, &[TEXT], &[])?, TypeRoot::STRING)
    }),
    FunctionSpec::new(
        F::Translate,
        "TRANSLATE",
        "TRANSLATE(a, from, to)",
        "Each character of from becomes that of to, or nothing where to is shorter.",
        |a| propagate(take(a, &[TEXT, TEXT, TEXT], &[])?, TypeRoot::STRING),
    )
    .aliases(&["TRANSLATE3"])
    .custom_nulls(),
    FunctionSpec::new(F::Elt, "ELT", "ELT(index, a, …)", "Argument at index, from 1.", elt)
        .custom_nulls(),
    FunctionSpec::new(F::StartsWith, "STARTSWITH", "STARTSWITH(a, b)", "Case matters.", affix),
    FunctionSpec::new(F::EndsWith, "ENDSWITH", "ENDSWITH(a, b)", "Case matters.", affix),
    FunctionSpec::new(F::IsAlpha, "IS_ALPHA", "IS_ALPHA(a)", "FALSE for NULL.", is_class)
        .custom_nulls(),
    FunctionSpec::new(F::IsDecimal, "IS_DECIMAL", "IS_DECIMAL(a)", "FALSE for NULL.", is_class)
        .custom_nulls(),
    FunctionSpec::new(F::IsDigit, "IS_DIGIT", "IS_DIGIT(a)", "FALSE for NULL.", is_class)
        .custom_nulls(),
];

fn like(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    propagate(take(arguments, &[TEXT, TEXT], &[TEXT])?, TypeRoot::Boolean)
}

fn concat_operator(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let arguments = take(arguments, &[TEXT, TEXT], &[])?;
    let (a, b) = (&arguments[0].root, &arguments[1].root);
    let total = length(a).saturating_add(length(b)).min(MAX_LENGTH);
    let root = match (a, b) {
        (TypeRoot::Char(_), TypeRoot::Char(_)) => TypeRoot::Char(total),
        _ => TypeRoot::VarChar(total),
    };
    propagate(arguments, root)
}

fn same_text(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let arguments = take(arguments, &[TEXT], &[])?;
    let root = arguments[0].root.clone();
    propagate(arguments, root)
}

/// A part of the first argument: no longer than it, and nullable.
fn part(arguments: Vec<LogicalType>) -> Result<Resolved, String> {
    let root = TypeRoot::VarChar(length(&arguments[0].root));
    nullable(arguments, root)
}

fn trim(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let arguments = take(arguments, &[TEXT, TEXT, TEXT], &[])?;
    let root = TypeRoot::VarChar(length(&arguments[2].root));
    propagate(arguments, root)
}

fn trim_side(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let arguments = take(arguments, &[TEXT], &[TEXT])?;
    let root = TypeRoot::VarChar(length(&arguments[0].root));
    propagate(arguments, root)
}

fn overlay(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let arguments = take(arguments, &[TEXT, TEXT, INT], &[INT])?;
    let total = length(&arguments[0].root).saturating_add(length(&arguments[1].root));
    propagate(arguments, TypeRoot::VarChar(total.min(MAX_LENGTH)))
}

fn pad(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    propagate(take(arguments, &[TEXT, INT, TEXT], &[])?, TypeRoot::STRING)
}

fn split_index(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let is_code = arguments.get(1).is_some_and(|each| each.logical_type.root.is_integer());
    let delimiter = if is_code { INT } else { TEXT };
    nullable(take(arguments, &[TEXT, delimiter, INT], &[])?, TypeRoot::STRING)
}

fn str_to_map(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    if arguments.len() == 2 {
        return Err("expected 1 or 3 arguments, found 2".to_owned());
    }
    let text = || Box::new(TypeRoot::STRING.nullable());
    nullable(take(arguments, &[TEXT], &[TEXT, TEXT])?, TypeRoot::Map(text(), text()))
}

fn elt(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take_many(arguments, &[INT], Kind::TextOrBytes, 2)?;
    let values: Vec<&LogicalType> = taken[1..].iter().collect();
    let common = least_common_type(&values).ok_or("text and binary arguments are mixed")?;
    nullable(taken, common.root)
}

fn affix(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[Kind::TextOrBytes, Kind::TextOrBytes], &[])?;
    if taken[0].root.is_character() != taken[1].root.is_character() {
        return Err("text and binary arguments are mixed".to_owned());
    }
    propagate(taken, TypeRoot::Boolean)
}

fn is_class(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 1, 1)?;
    let kind = match arguments[0].logical_type.root.is_numeric() {
        true => Kind::Numeric,
        false => TEXT,
    };
    not_null(take(arguments, &[kind], &[])?, TypeRoot::Boolean)
}
