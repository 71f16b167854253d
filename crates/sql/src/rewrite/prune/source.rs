//! Pruning a source: its output columns, then what the connector produces for them.

use std::collections::BTreeSet;

use argus_base::connector::{Projection, ScanSpec, TableDescriptor};
use argus_base::{Field, LogicalType, TypeRoot};
use argus_plan::graph::SourceOperator;
use argus_plan::{Expression, ExpressionKind, JobGraph, NodeId, Operator};

use super::super::path::{self, Need, Path, path_of, relocate};
use super::descend;

/// Keeps what is read and what the watermark needs. Gives the layout of the output.
pub(super) fn prune(
    graph: &mut JobGraph,
    id: NodeId,
    mut source: SourceOperator,
    need: &Need,
) -> Vec<Path> {
    let fields = graph.node(id).output.clone();
    let mut need = need.clone();
    if let Some(watermark) = &source.watermark {
        need.add_column(watermark.rowtime);
        need.add_expression(&watermark.expression);
    }
    if need.is_empty() {
        need.add_column(cheapest(&fields));
    }
    let mut layout = Vec::new();
    let mut projection = Vec::new();
    let mut output = Vec::new();
    for read in need.paths() {
        let whole = source.projection[read[0]].clone();
        let (name, part) = descend(&fields[read[0]].name, whole, &read[1..]);
        output.push(Field::new(name, part.logical_type.clone()));
        projection.push(part);
        layout.push(read.clone());
    }
    if let Some(watermark) = &mut source.watermark {
        watermark.expression = relocate(&watermark.expression, &layout);
        let is_rowtime = |path: &Path| *path == [watermark.rowtime];
        let rowtime = layout.iter().position(is_rowtime);
        watermark.rowtime = rowtime.expect("the rowtime column is always needed");
    }
    source.projection = projection;
    prune_scan(&mut source);
    graph.nodes[id.0].operator = Operator::Source(Box::new(source));
    graph.nodes[id.0].output = output;
    layout
}

/// The column that costs the least to produce: rows must be counted even if nothing is read.
fn cheapest(fields: &[Field]) -> usize {
    let is_small = |field: &Field| {
        let root = &field.logical_type.root;
        root.is_numeric()
            || root.is_timestamp()
            || matches!(root, TypeRoot::Boolean | TypeRoot::Date)
    };
    fields.iter().position(is_small).unwrap_or(0)
}

/// Produces only what the output's expressions read.
fn prune_scan(source: &mut SourceOperator) {
    let n_physical = source.table.physical.len();
    let mut need = Need::default();
    source.projection.iter().for_each(|expression| need.add_expression(expression));
    if need.is_empty() {
        need.add_column(cheapest(&source.table.physical));
    }
    let physical: BTreeSet<Path> =
        need.paths().filter(|path| path[0] < n_physical).cloned().collect();
    let columns = need.columns().into_iter();
    let metadata = columns.filter_map(|index| index.checked_sub(n_physical)).collect();
    let pruned = ScanSpec { physical: path::projection(&physical), metadata };
    for expression in &mut source.projection {
        over_scan(expression, &pruned, &source.table);
    }
    source.scan = pruned;
}

/// Rewrites an expression over all columns of a table to one over what a scan produces.
fn over_scan(expression: &mut Expression, scan: &ScanSpec, table: &TableDescriptor) {
    if path_of(expression).is_some() {
        path_over_scan(expression, scan, table);
        return;
    }
    for child in expression.children_mut() {
        over_scan(child, scan, table);
    }
}

/// The same for a path. Gives what of the value is produced; `None` is all of it.
fn path_over_scan<'s>(
    expression: &mut Expression,
    scan: &'s ScanSpec,
    table: &TableDescriptor,
) -> Option<&'s Projection> {
    let expect = "what is read is produced";
    let nested = match &mut expression.kind {
        ExpressionKind::Column(index) => match index.checked_sub(table.physical.len()) {
            Some(metadata) => {
                let place = scan.metadata.iter().position(|kept| *kept == metadata);
                *index = scan.physical.0.len() + place.expect(expect);
                None
            }
            None => {
                let place = scan.physical.0.iter().position(|kept| kept.index == *index);
                *index = place.expect(expect);
                scan.physical.0[*index].nested.as_ref()
            }
        },
        ExpressionKind::Field { input, index } => {
            let row = path_over_scan(input, scan, table)?;
            *index = row.0.iter().position(|kept| kept.index == *index).expect(expect);
            row.0[*index].nested.as_ref()
        }
        _ => None,
    };
    if let Some(nested) = nested {
        prune_type(&mut expression.logical_type, nested);
    }
    nested
}

fn prune_type(logical_type: &mut LogicalType, wanted: &Projection) {
    if let TypeRoot::Row(fields) = &logical_type.root {
        logical_type.root = TypeRoot::Row(wanted.apply(fields));
    }
}
