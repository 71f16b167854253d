//! Rows, arrays and maps. Positions in arrays start with 1.

use argus_base::logical_type::Field;
use argus_base::{LogicalType, TypeRoot};

use super::merging::{least_common_type, least_restrictive_type};
use super::signature::{Kind, count, not_null, nullable, propagate, take, take_many};
use super::{Argument, FunctionSpec, Resolved, ScalarFunction as F};

const ARRAY: Kind = Kind::Array;
const ABSENT: &str = "The first position, 0 where absent.";
const NO_COPIES: &str = "Without repeats, in order of first appearance.";

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(F::Row, "ROW", "ROW(a, …)", "Fields are named EXPR$0, EXPR$1, …", row)
        .custom_nulls(),
    FunctionSpec::new(F::Array, "ARRAY", "ARRAY[a, …]", "Elements of one type.", array)
        .custom_nulls(),
    FunctionSpec::new(F::Map, "MAP", "MAP[key, value, …]", "The last of equal keys stays.", map)
        .custom_nulls(),
    FunctionSpec::new(
        F::ElementAt,
        "[]",
        "array[position], map[key]",
        "NULL where absent; a literal position below 1 is refused.",
        element_at,
    )
    .fallible(),
    FunctionSpec::new(F::Cardinality, "CARDINALITY", "CARDINALITY(a)", "Entries.", cardinality),
    FunctionSpec::new(F::Element, "ELEMENT", "ELEMENT(array)", "The only element.", element)
        .fallible(),
    FunctionSpec::new(
        F::ArrayContains,
        "ARRAY_CONTAINS",
        "ARRAY_CONTAINS(array, a)",
        "NULL is found as well.",
        |a| search(a, TypeRoot::Boolean),
    )
    .custom_nulls(),
    FunctionSpec::new(F::ArrayDistinct, "ARRAY_DISTINCT", "ARRAY_DISTINCT(array)", NO_COPIES, same),
    FunctionSpec::new(F::ArrayAppend, "ARRAY_APPEND", "ARRAY_APPEND(array, a)", "Last.", add)
        .custom_nulls(),
    FunctionSpec::new(F::ArrayPrepend, "ARRAY_PREPEND", "ARRAY_PREPEND(array, a)", "First.", add)
        .custom_nulls(),
    FunctionSpec::new(
        F::ArrayConcat,
        "ARRAY_CONCAT",
        "ARRAY_CONCAT(array, …)",
        "All elements in order.",
        |a| combine(a, 1, usize::MAX),
    ),
    FunctionSpec::new(F::ArrayExcept, "ARRAY_EXCEPT", "ARRAY_EXCEPT(a, b)", NO_COPIES, |a| {
        combine(a, 2, 2)
    }),
    FunctionSpec::new(
        F::ArrayIntersect,
        "ARRAY_INTERSECT",
        "ARRAY_INTERSECT(a, b)",
        NO_COPIES,
        |a| combine(a, 2, 2),
    ),
    FunctionSpec::new(F::ArrayUnion, "ARRAY_UNION", "ARRAY_UNION(a, b)", NO_COPIES, |a| {
        combine(a, 2, 2)
    }),
    FunctionSpec::new(
        F::ArrayJoin,
        "ARRAY_JOIN",
        "ARRAY_JOIN(array, delimiter[, for_null])",
        "Skips NULL elements where for_null is not given.",
        array_join,
    ),
    FunctionSpec::new(F::ArrayMax, "ARRAY_MAX", "ARRAY_MAX(array)", "Skips NULL.", extreme),
    FunctionSpec::new(F::ArrayMin, "ARRAY_MIN", "ARRAY_MIN(array)", "Skips NULL.", extreme),
    FunctionSpec::new(
        F::ArrayPosition,
        "ARRAY_POSITION",
        "ARRAY_POSITION(array, a)",
        ABSENT,
        |a| search(a, TypeRoot::Int),
    ),
    FunctionSpec::new(
        F::ArrayRemove,
        "ARRAY_REMOVE",
        "ARRAY_REMOVE(array, a)",
        "Every equal element.",
        array_remove,
    )
    .custom_nulls(),
    FunctionSpec::new(
        F::ArrayReverse,
        "ARRAY_REVERSE",
        "ARRAY_REVERSE(array)",
        "Last element first.",
        same,
    ),
    FunctionSpec::new(
        F::ArraySlice,
        "ARRAY_SLICE",
        "ARRAY_SLICE(array, start[, end])",
        "Both ends included; negative positions count from the end.",
        array_slice,
    ),
    FunctionSpec::new(
        F::ArraySort,
        "ARRAY_SORT",
        "ARRAY_SORT(array[, ascending[, nulls_first]])",
        "Ascending with NULL first by default.",
        array_sort,
    ),
    FunctionSpec::new(F::MapKeys, "MAP_KEYS", "MAP_KEYS(map)", "In no order.", |a| {
        entries(a, |key, _| key)
    }),
    FunctionSpec::new(F::MapValues, "MAP_VALUES", "MAP_VALUES(map)", "In no order.", |a| {
        entries(a, |_, value| value)
    }),
    FunctionSpec::new(F::MapEntries, "MAP_ENTRIES", "MAP_ENTRIES(map)", "In no order.", |a| {
        entries(a, |key, value| {
            TypeRoot::Row(vec![Field::new("key", key), Field::new("value", value)]).nullable()
        })
    }),
    FunctionSpec::new(
        F::MapFromArrays,
        "MAP_FROM_ARRAYS",
        "MAP_FROM_ARRAYS(keys, values)",
        "Fails where the lengths differ.",
        map_from_arrays,
    )
    .fallible(),
    FunctionSpec::new(
        F::MapUnion,
        "MAP_UNION",
        "MAP_UNION(map, …)",
        "The last of equal keys stays.",
        map_union,
    ),
];

fn row(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take_many(arguments, &[], Kind::Any, 1)?;
    let named = taken.iter().enumerate();
    let fields = named.map(|(i, each)| Field::new(format!("EXPR${i}"), each.clone())).collect();
    not_null(taken, TypeRoot::Row(fields))
}

/// The type of the elements of a constructor.
fn constructed(types: &[&LogicalType]) -> Result<LogicalType, String> {
    let common = least_restrictive_type(types).ok_or("the values have no common type")?;
    Ok(common.materialized())
}

/// The common type of several arrays or maps.
fn common(types: &[&LogicalType]) -> Result<LogicalType, String> {
    let common = least_common_type(types).ok_or("the arguments have no common type")?;
    Ok(common.materialized())
}

fn array(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 1, usize::MAX)?;
    let types: Vec<&LogicalType> = arguments.iter().map(|each| each.logical_type).collect();
    let element = constructed(&types)?;
    let taken = vec![element.clone(); types.len()];
    not_null(taken, TypeRoot::Array(Box::new(element)))
}

fn map(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 2, usize::MAX)?;
    if arguments.len() % 2 == 1 {
        return Err("a key has no value".to_owned());
    }
    let every_other =
        |from: usize| arguments.iter().skip(from).step_by(2).map(|each| each.logical_type);
    let key = constructed(&every_other(0).collect::<Vec<_>>())?;
    let value = constructed(&every_other(1).collect::<Vec<_>>())?;
    let taken = (0..arguments.len()).map(|i| if i % 2 == 0 { key.clone() } else { value.clone() });
    not_null(taken.collect(), TypeRoot::Map(Box::new(key), Box::new(value)))
}

fn element_at(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    use crate::expression::Literal;
    count(arguments, 2, 2)?;
    let container = arguments[0].logical_type;
    match &container.root {
        TypeRoot::Array(element) => {
            let taken = take(arguments, &[ARRAY, Kind::Int], &[])?;
            if let Some(Literal::Integer(position)) = arguments[1].literal
                && *position < 1
            {
                return Err(format!("an array position starts at 1, but is {position}"));
            }
            nullable(taken, element.root.clone())
        }
        TypeRoot::Map(key, value) => {
            let found = arguments[1].logical_type;
            if least_common_type(&[key, found]).is_none() {
                return Err(format!("the key must be of type {key}, but is {found}"));
            }
            let taken = vec![container.clone(), key.with_nullable(found.nullable)];
            nullable(taken, value.root.clone())
        }
        _ => Err(format!("expected an ARRAY or a MAP, found {container}")),
    }
}

fn cardinality(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 1, 1)?;
    let found = arguments[0].logical_type;
    match found.root {
        TypeRoot::Array(_) | TypeRoot::Map(..) | TypeRoot::Multiset(_) => {
            propagate(vec![found.clone()], TypeRoot::Int)
        }
        _ => Err(format!("expected an ARRAY, MAP or MULTISET, found {found}")),
    }
}

/// The element type of the array in front; the caller checked that it is one.
fn element_type(array: &LogicalType) -> Result<LogicalType, String> {
    match &array.root {
        TypeRoot::Array(element) => Ok((**element).clone()),
        _ => Err(format!("expected an ARRAY, found {array}")),
    }
}

fn element(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[ARRAY], &[])?;
    let root = element_type(&taken[0])?.root;
    nullable(taken, root)
}

fn same(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[ARRAY], &[])?;
    let root = taken[0].root.clone();
    propagate(taken, root)
}

/// The array and a value that fits its elements without narrowing; the element type is nullable
/// where the value is.
fn with_value(arguments: &[Argument<'_>]) -> Result<(Vec<LogicalType>, LogicalType), String> {
    let taken = take(arguments, &[ARRAY, Kind::Any], &[])?;
    let element = element_type(&taken[0])?;
    let common = least_common_type(&[&element, &taken[1]]).filter(|common| {
        let same_width = common.root == element.root;
        same_width || (common.root.is_character() && element.root.is_character())
    });
    let Some(_) = common else {
        return Err(format!("the elements are {element}, the value is {}", taken[1]));
    };
    let nullable = element.nullable || taken[1].nullable;
    let value = element.with_nullable(taken[1].nullable);
    Ok((vec![taken[0].clone(), value], element.with_nullable(nullable)))
}

fn search(arguments: &[Argument<'_>], root: TypeRoot) -> Result<Resolved, String> {
    propagate(with_value(arguments)?.0, root)
}

fn add(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let (taken, element) = with_value(arguments)?;
    let is_nullable = taken[0].nullable;
    let root = TypeRoot::Array(Box::new(element));
    Ok(Resolved { arguments: taken, result: root.nullable().with_nullable(is_nullable) })
}

fn array_remove(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let (taken, _) = with_value(arguments)?;
    let result = taken[0].clone();
    Ok(Resolved { arguments: taken, result })
}

fn combine(arguments: &[Argument<'_>], least: usize, most: usize) -> Result<Resolved, String> {
    count(arguments, least, most)?;
    let taken = take_many(arguments, &[], ARRAY, least)?;
    let common = common(&taken.iter().collect::<Vec<_>>())?;
    let cast = taken.iter().map(|each| common.with_nullable(each.nullable)).collect();
    propagate(cast, common.root)
}

fn array_join(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[ARRAY, Kind::Text], &[Kind::Text])?;
    if !element_type(&taken[0])?.root.is_character() {
        return Err(format!("the elements must be text, but the array is {}", taken[0]));
    }
    propagate(taken, TypeRoot::STRING)
}

fn extreme(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    element(arguments)
}

fn array_slice(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[ARRAY, Kind::Int], &[Kind::Int])?;
    let root = taken[0].root.clone();
    propagate(taken, root)
}

fn array_sort(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[ARRAY], &[Kind::Boolean, Kind::Boolean])?;
    let root = taken[0].root.clone();
    propagate(taken, root)
}

fn entries(
    arguments: &[Argument<'_>],
    entry: fn(LogicalType, LogicalType) -> LogicalType,
) -> Result<Resolved, String> {
    let taken = take(arguments, &[Kind::Map], &[])?;
    let TypeRoot::Map(key, value) = &taken[0].root else {
        return Err(format!("expected a MAP, found {}", taken[0]));
    };
    let root = TypeRoot::Array(Box::new(entry((**key).clone(), (**value).clone())));
    propagate(taken, root)
}

fn map_from_arrays(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[ARRAY, ARRAY], &[])?;
    let (key, value) = (element_type(&taken[0])?, element_type(&taken[1])?);
    propagate(taken, TypeRoot::Map(Box::new(key), Box::new(value)))
}

fn map_union(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take_many(arguments, &[], Kind::Map, 1)?;
    let common = common(&taken.iter().collect::<Vec<_>>())?;
    let cast = taken.iter().map(|each| common.with_nullable(each.nullable)).collect();
    propagate(cast, common.root)
}
