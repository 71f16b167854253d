//! Paths: a column of a node's output, then fields of ROWs below it; and sets of them, which say
//! what of an output is read.

use std::collections::{BTreeMap, BTreeSet};

use argus_base::connector::{ProjectedField, Projection};
use argus_plan::{Expression, ExpressionKind};

/// A column, then a field of it, a field of that …
pub(super) type Path = Vec<usize>;

/// What is read of an output. Where something is read whole, its parts are not listed.
#[derive(Clone, Debug, Default)]
pub(super) struct Need(BTreeSet<Path>);

impl Need {
    /// Reads a path.
    pub fn add(&mut self, path: Path) {
        let is_covered = (1..=path.len()).any(|n| self.0.contains(&path[..n]));
        if is_covered {
            return;
        }
        self.0.retain(|known| !known.starts_with(&path));
        self.0.insert(path);
    }

    /// Reads a column whole.
    pub fn add_column(&mut self, index: usize) {
        self.add(vec![index]);
    }

    /// Reads what an expression reads.
    pub fn add_expression(&mut self, expression: &Expression) {
        if let Some(path) = path_of(expression) {
            self.add(path);
            return;
        }
        for child in expression.children() {
            self.add_expression(child);
        }
    }

    /// The paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter()
    }

    /// The columns of which something is read, in order.
    pub fn columns(&self) -> BTreeSet<usize> {
        self.0.iter().map(|path| path[0]).collect()
    }

    /// Whether nothing is read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The path that an expression is, where it is nothing else.
pub(super) fn path_of(expression: &Expression) -> Option<Path> {
    match &expression.kind {
        ExpressionKind::Column(index) => Some(vec![*index]),
        ExpressionKind::Field { input, index } => {
            let mut path = path_of(input)?;
            path.push(*index);
            Some(path)
        }
        _ => None,
    }
}

/// The expression over an output that is laid out as these paths, each of which stands where its
/// position says. Every path that the expression reads lies at or below one of them.
pub(super) fn relocate(expression: &Expression, layout: &[Path]) -> Expression {
    let mut result = expression.clone();
    relocate_in_place(&mut result, layout);
    result
}

fn relocate_in_place(expression: &mut Expression, layout: &[Path]) {
    if let Some(path) = path_of(expression)
        && let Some(place) = layout.iter().position(|known| *known == path)
    {
        expression.kind = ExpressionKind::Column(place);
        return;
    }
    debug_assert!(
        !matches!(expression.kind, ExpressionKind::Column(_)),
        "a column that is read stands in the layout, or something above it does"
    );
    for child in expression.children_mut() {
        relocate_in_place(child, layout);
    }
}

/// What a connector must produce for these paths, which all begin below `n_columns`.
pub(super) fn projection(paths: &BTreeSet<Path>) -> Projection {
    let mut parts: BTreeMap<usize, BTreeSet<Path>> = BTreeMap::new();
    for path in paths {
        parts.entry(path[0]).or_default().insert(path[1..].to_vec());
    }
    let field = |(index, rest): (usize, BTreeSet<Path>)| {
        let is_whole = rest.iter().any(Vec::is_empty);
        ProjectedField { index, nested: (!is_whole).then(|| projection(&rest)) }
    };
    Projection(parts.into_iter().map(field).collect())
}
