//! Identities: a fingerprint of what each operator does and of the rows it does it to, taken of
//! the bound plan before rewrites.
//!
//! Columns are named by where their values come from, not by position, so a new column of a
//! table or of a select list changes nothing for the operators that do not read it. A Calc
//! without a condition does not change which rows there are and is not seen by the operators
//! behind it; nor are the aggregates of an aggregation, so adding one keeps the others' state.

use std::collections::HashSet;

use argus_base::id::OperatorId;
use argus_base::key_group::key_hash;
use argus_plan::fingerprint::Fingerprints;
use argus_plan::graph::{WindowAggregate, WindowProperty};
use argus_plan::{JobGraph, NodeId, Operator, text};

/// Longest text that says where a column comes from, in bytes; a hash stands for a longer one.
/// Without a bound a column that is read twice on each of many levels of views would double on
/// each.
const MAX_COLUMN_TEXT: usize = 4096;

/// What a node's users see of it.
struct Lineage {
    /// The rows.
    rows: OperatorId,
    /// Where the values of each column come from.
    columns: Vec<String>,
}

/// Gives every node its identity.
pub(super) fn assign(graph: &mut JobGraph) {
    let mut fingerprints = Fingerprints::default();
    let mut lineages: Vec<Lineage> = Vec::new();
    for id in graph.ids() {
        let inputs: Vec<OperatorId> =
            graph.node(id).inputs.iter().map(|edge| lineages[edge.from.0].rows).collect();
        let (canonical, columns) = describe(graph, id, &lineages);
        graph.nodes[id.0].id = fingerprints.id(&canonical, &inputs);
        let is_transparent = match &graph.node(id).operator {
            Operator::Calc(calc) => calc.filter.is_none(),
            _ => false,
        };
        let rows = if is_transparent { inputs[0] } else { rows_id(&canonical, &inputs) };
        let columns = columns.into_iter().map(shortened).collect();
        lineages.push(Lineage { rows, columns });
    }
}

/// Gives nodes that rewrites made out of others identities of their own. Operators with state
/// keep theirs.
pub(super) fn make_unique(graph: &mut JobGraph) {
    let is_new = |operator: &Operator| {
        matches!(operator, Operator::Calc(_) | Operator::Union | Operator::WindowTable(_))
    };
    let kept = graph.nodes.iter().filter(|node| !is_new(&node.operator));
    let mut seen: HashSet<OperatorId> = kept.map(|node| node.id).collect();
    for node in graph.nodes.iter_mut().filter(|node| is_new(&node.operator)) {
        let (original, mut ordinal) = (node.id, 1_u64);
        while !seen.insert(node.id) {
            node.id = rows_id(&format!("made of another, {ordinal}"), &[original]);
            ordinal += 1;
        }
    }
}

fn shortened(text: String) -> String {
    if text.len() <= MAX_COLUMN_TEXT {
        return text;
    }
    format!("#{:016x}", key_hash(text.as_bytes()))
}

/// As a fingerprint, but the same for equal ones.
fn rows_id(canonical: &str, inputs: &[OperatorId]) -> OperatorId {
    let mut bytes = canonical.as_bytes().to_vec();
    for input in inputs {
        bytes.extend_from_slice(&input.0.to_le_bytes());
    }
    OperatorId(key_hash(&bytes))
}

/// What the node does, and the lineage of its columns.
fn describe(graph: &JobGraph, id: NodeId, lineages: &[Lineage]) -> (String, Vec<String>) {
    let node = graph.node(id);
    let below = node.inputs.first().map(|edge| lineages[edge.from.0].columns.as_slice());
    let below = below.unwrap_or_default();
    let column = |index: usize| below[index].clone();
    match &node.operator {
        Operator::Source(source) => {
            let names = node.output.iter().map(|field| format!("`{}`", field.name)).collect();
            (format!("source {}", source.table.name), names)
        }
        Operator::Values(rows) => {
            let names = (0..node.output.len()).map(|i| format!("value {i}")).collect();
            (format!("values {}", rows.len()), names)
        }
        Operator::Calc(calc) => {
            let texts = calc.projection.iter().map(|e| text::expression(e, &column));
            let filter = calc.filter.as_ref().map(|filter| text::expression(filter, &column));
            let canonical = match filter {
                Some(filter) => format!("filter {filter}"),
                None => "calc".to_owned(),
            };
            (canonical, texts.collect())
        }
        Operator::Union => ("union".to_owned(), below.to_vec()),
        Operator::WindowTable(window) => {
            let time = window.time.column().map_or_else(|| "proctime".to_owned(), column);
            let shown = text::window(window);
            let bounds = ["start", "end", "time"].map(|bound| format!("{bound} of {shown}"));
            let columns = below.iter().cloned().chain(bounds).collect();
            (format!("window {shown} over {time}"), columns)
        }
        Operator::WindowAggregate(aggregate)
        | Operator::LocalWindowAggregate(aggregate)
        | Operator::GlobalWindowAggregate(aggregate) => describe_aggregate(aggregate, &column),
        Operator::Sink(sink) => (format!("sink {}", sink.table.name), Vec::new()),
        Operator::Collect => ("collect".to_owned(), below.to_vec()),
    }
}

fn describe_aggregate(
    aggregate: &WindowAggregate,
    column: &dyn Fn(usize) -> String,
) -> (String, Vec<String>) {
    let keys: Vec<String> = aggregate.keys.iter().map(|&key| column(key)).collect();
    let window = text::window(aggregate.window.window());
    let canonical = format!("window aggregate {window} by {}", keys.join(", "));
    let calls = aggregate.aggregates.iter().map(|call| text::aggregate(call, column));
    let bounds = aggregate.properties.iter().map(|property| {
        let bound = match property {
            WindowProperty::Start => "start",
            WindowProperty::End => "end",
            WindowProperty::Time => "time",
        };
        format!("{bound} of {window}")
    });
    let columns = keys.into_iter().chain(calls).chain(bounds).collect();
    (canonical, columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_catalog::graph;

    /// The identity of the first aggregation of a query over `bids` with these columns.
    fn aggregate_id(columns: &str, query: &str) -> OperatorId {
        let script = format!(
            "CREATE TABLE bids ({columns}, WATERMARK FOR ts AS ts) WITH ('connector' = 'file'); \
             {query}"
        );
        let graph = graph(&script).unwrap();
        let is_aggregate = |node: &&argus_plan::Node| {
            matches!(
                node.operator,
                Operator::WindowAggregate(_) | Operator::GlobalWindowAggregate(_)
            )
        };
        graph.nodes.iter().find(is_aggregate).unwrap().id
    }

    fn query(what: &str, rest: &str) -> String {
        format!(
            "SELECT {what} FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY)) \
             GROUP BY k, window_start, window_end {rest}"
        )
    }

    #[test]
    fn state_survives_what_does_not_concern_it() {
        let columns = "ts TIMESTAMP(3), k STRING, n INT";
        let id = aggregate_id(columns, &query("k, COUNT(*)", ""));
        let same =
            |columns: &str, query: &str| assert_eq!(aggregate_id(columns, query), id, "{query}");
        same("extra INT, k STRING, ts TIMESTAMP(3), n INT", &query("k, COUNT(*)", ""));
        same(columns, &query("window_end, SUM(n), COUNT(*), k", "HAVING SUM(n) > 1"));
        same(columns, &format!("CREATE VIEW v AS {}; SELECT * FROM v", query("COUNT(*) AS c", "")));
        same(columns, &format!("SET 'parallelism.default' = '4'; {}", query("COUNT(*)", "")));
    }

    #[test]
    fn a_column_read_twice_by_each_of_many_views_stays_small() {
        let view = |n: usize| format!("CREATE VIEW v{} AS SELECT n + n AS n FROM v{n};", n + 1);
        let views: String = (0..40).map(view).collect();
        let script = |last: &str| {
            format!(
                "CREATE TABLE t (n INT) WITH ('connector' = 'file'); \
                 CREATE VIEW v0 AS SELECT n {last} AS n FROM t; {views} \
                 SELECT n FROM v40 WHERE n > 1"
            )
        };
        let last_id = |script: &str| graph(script).unwrap().nodes.last().unwrap().id;
        assert_eq!(last_id(&script("+ 1")), last_id(&script("+ 1")));
        assert_ne!(last_id(&script("+ 1")), last_id(&script("+ 2")));
    }

    #[test]
    fn other_keys_windows_and_rows_are_other_state() {
        let columns = "ts TIMESTAMP(3), k STRING, n INT";
        let base = query("COUNT(*)", "");
        let id = aggregate_id(columns, &base);
        for other in [
            base.replace("BY k", "BY n"),
            base.replace("'1' DAY", "'2' DAY"),
            base.replace("GROUP", "WHERE n > 1 GROUP"),
        ] {
            assert_ne!(aggregate_id(columns, &other), id, "{other}");
        }
    }
}
