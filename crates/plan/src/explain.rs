//! EXPLAIN: the job graph as text.
//!
//! Operators stand in the graph's order, inputs before users, each once however many read it:
//!
//! ```text
//! job 'name', parallelism 2, 128 key groups, time zone UTC
//! checkpoints every 10s to s3://bucket/prefix, commit point: the Kafka cluster of shipped
//!
//! 1 Source orders (kafka)                    2 subtasks  +I  id 0123456789abcdef
//!     reads       ts, price
//!     output      ts TIMESTAMP(3) *ROWTIME*, price INT
//! 2 Calc ← 1                                 2 subtasks  +I  id …
//! ```
//!
//! No option of a table is printed but its connector: options may hold secrets.

use argus_base::connector::{ProjectedField, Projection, TableDescriptor};
use argus_base::{Field, TimeKind};

use crate::graph::{
    ChangelogMode, Edge, LengthPolicy, Node, NodeId, NotNullPolicy, Operator, Partitioning,
    SinkOperator, SourceOperator, WindowAggregate, WindowProperty, WindowSource,
};
use crate::window::{Window, WindowTime};
use crate::{AggregateCall, Expression, JobGraph, text};

/// Column at which the facts of an operator's first line begin.
const FACTS_COLUMN: usize = 52;

/// The text of a job graph; ends with a newline.
pub fn explain(graph: &JobGraph) -> String {
    let settings = &graph.settings;
    let mut out = format!(
        "job '{}', parallelism {}, {} key groups, time zone {}\n{}\n\n",
        settings.name,
        settings.parallelism,
        settings.max_parallelism,
        settings.time_zone,
        checkpoints(graph)
    );
    for id in graph.ids() {
        out += &explain_node(graph, id);
    }
    out
}

/// How checkpoints are taken, and where one is committed.
fn checkpoints(graph: &JobGraph) -> String {
    let Some(settings) = &graph.settings.checkpoints else { return "no checkpoints".to_owned() };
    if graph.nodes.iter().any(|node| node.operator == Operator::Collect) {
        return "no checkpoints: the rows go to the client".to_owned();
    }
    let place = settings.dir.as_deref().map_or("memory".to_owned(), without_login);
    let commits = |operator: &Operator| match operator {
        Operator::Sink(sink) if sink.delivery.commits_checkpoints => Some(named(&sink.table)),
        _ => None,
    };
    let commit_point = match graph.nodes.iter().find_map(|node| commits(&node.operator)) {
        Some(sink) => format!("the cluster of {sink}"),
        None => "the checkpoint store".to_owned(),
    };
    format!("checkpoints every {:?} to {place}, commit point: {commit_point}", settings.interval)
}

/// A place without a user name and password before its host.
pub fn without_login(place: &str) -> String {
    let Some((scheme, rest)) = place.split_once("://") else { return place.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

fn explain_node(graph: &JobGraph, id: NodeId) -> String {
    let node = graph.node(id);
    let head = format!("{} {}{}", id.0 + 1, title(&node.operator), inputs(graph, node));
    let subtasks = if node.parallelism == 1 { "subtask" } else { "subtasks" };
    let changelog = match node.changelog {
        ChangelogMode::Append => "+I",
        ChangelogMode::Upsert => "+I +U -D",
        ChangelogMode::Retract => "+I -U +U -D",
    };
    let users = graph.users(id).len();
    let shared = if users > 1 { format!("  shared by {users}") } else { String::new() };
    let facts = format!("{} {subtasks}  {changelog}  id {}{shared}", node.parallelism, node.id);
    let mut out = format!("{head:<FACTS_COLUMN$}  {facts}\n");
    for (what, text) in details(graph, node) {
        out += &format!("    {what:<10} {text}\n");
    }
    out
}

/// What an operator is called.
pub fn title(operator: &Operator) -> String {
    match operator {
        Operator::Source(source) => format!("Source {}", named(&source.table)),
        Operator::Sink(sink) => format!("Sink {}", named(&sink.table)),
        Operator::Values(rows) => format!("Values of {} rows", rows.len()),
        Operator::Calc(_) => "Calc".to_owned(),
        Operator::Union => "Union".to_owned(),
        Operator::WindowTable(_) => "WindowTable".to_owned(),
        Operator::WindowAggregate(_) => "WindowAggregate".to_owned(),
        Operator::LocalWindowAggregate(_) => "LocalWindowAggregate".to_owned(),
        Operator::GlobalWindowAggregate(_) => "GlobalWindowAggregate".to_owned(),
        Operator::GroupAggregate(_) => "GroupAggregate".to_owned(),
        Operator::DropUpdateBefore => "DropUpdateBefore".to_owned(),
        Operator::Collect => "Collect".to_owned(),
    }
}

fn named(table: &TableDescriptor) -> String {
    let connector = table.options.get("connector").map_or("?", String::as_str);
    format!("{} ({connector})", table.name)
}

/// ` ← 1, hash(k) 2`
fn inputs(graph: &JobGraph, node: &Node) -> String {
    let edge = |edge: &Edge| {
        let from = edge.from.0 + 1;
        match &edge.partitioning {
            Partitioning::Forward => from.to_string(),
            Partitioning::Hash(keys) => {
                let fields = &graph.node(edge.from).output;
                let keys: Vec<String> = keys.iter().map(|&key| column_name(fields, key)).collect();
                format!("hash({}) {from}", keys.join(", "))
            }
            Partitioning::Rebalance => format!("rebalance {from}"),
            Partitioning::Single => format!("single {from}"),
        }
    };
    match node.inputs.as_slice() {
        [] => String::new(),
        edges => format!(" ← {}", edges.iter().map(edge).collect::<Vec<String>>().join(", ")),
    }
}

type Details = Vec<(&'static str, String)>;

fn details(graph: &JobGraph, node: &Node) -> Details {
    let below: &[Field] = match node.inputs.first() {
        Some(edge) => &graph.node(edge.from).output,
        None => &[],
    };
    let mut details = match &node.operator {
        Operator::Source(source) => source_details(source, node),
        Operator::Sink(sink) => sink_details(sink, below),
        Operator::Calc(calc) => {
            let mut details = Details::new();
            if let Some(filter) = &calc.filter {
                details.push(("where", expression(filter, below)));
            }
            details.push(("computes", projection(&calc.projection, node, below)));
            details
        }
        Operator::WindowTable(window) => vec![("window", assigned(window, below))],
        Operator::WindowAggregate(aggregate) | Operator::LocalWindowAggregate(aggregate) => {
            aggregate_details(aggregate, below)
        }
        Operator::GlobalWindowAggregate(aggregate) => {
            let local = node.inputs.first().map(|edge| graph.node(edge.from));
            let first = local.and_then(|local| local.inputs.first());
            let fields: &[Field] = first.map_or(&[], |edge| &graph.node(edge.from).output);
            aggregate_details(aggregate, fields)
        }
        Operator::GroupAggregate(aggregate) => {
            let mut details = grouped_details(&aggregate.keys, &aggregate.aggregates, below);
            details.extend(aggregate.ttl.map(|ttl| ("keeps", format!("keys for {ttl:?}"))));
            if graph.settings.memory_limit.is_some() {
                details.push((
                    "memory",
                    "keys beyond the limit are spilled, and looked up on disk".to_owned(),
                ));
            }
            details
        }
        Operator::Values(_) | Operator::Union | Operator::DropUpdateBefore | Operator::Collect => {
            Details::new()
        }
    };
    if !node.output.is_empty() {
        details.push(("output", columns(&node.output)));
    }
    details
}

fn source_details(source: &SourceOperator, node: &Node) -> Details {
    let mut details = Details::new();
    let mut reads = projected(&source.scan.physical, &source.table.physical);
    let metadata = source.scan.metadata.iter();
    reads.extend(metadata.map(|&index| format!("metadata {}", source.table.metadata[index].key)));
    details.push(("reads", reads.join(", ")));
    let produced = source.scan.output(&source.table);
    let is_plain = source.projection.iter().enumerate().all(|(index, expression)| {
        matches!(expression.kind, crate::ExpressionKind::Column(column) if column == index)
    });
    if !is_plain || source.projection.len() != produced.len() {
        details.push(("computes", projection(&source.projection, node, &produced)));
    }
    if let Some(watermark) = &source.watermark {
        let mut text = expression(&watermark.expression, &node.output);
        if let Some(timeout) = watermark.idle_timeout {
            text += &format!(", idle after {timeout:?}");
        }
        details.push(("watermark", text));
        let closing: Vec<String> = watermark.closing.iter().map(text::window).collect();
        if !closing.is_empty() {
            details.push(("closes", closing.join(", ")));
        }
    }
    details
}

fn sink_details(sink: &SinkOperator, below: &[Field]) -> Details {
    let mut details = vec![("writes", columns(below))];
    if !sink.table.primary_key.is_empty() {
        let fields = &sink.table.physical;
        let key: Vec<String> =
            sink.table.primary_key.iter().map(|&index| column_name(fields, index)).collect();
        details.push(("key", key.join(", ")));
    }
    if !sink.metadata.is_empty() {
        let keys: Vec<&str> =
            sink.metadata.iter().map(|&index| sink.table.metadata[index].key.as_str()).collect();
        details.push(("metadata", keys.join(", ")));
    }
    if !sink.not_null_columns.is_empty() {
        let names: Vec<String> =
            sink.not_null_columns.iter().map(|&index| column_name(below, index)).collect();
        let policy = match sink.not_null {
            NotNullPolicy::Error => "fails the job",
            NotNullPolicy::Drop => "drops the row",
        };
        details.push(("not null", format!("{}: NULL {policy}", names.join(", "))));
    }
    match sink.length {
        LengthPolicy::Ignore => {}
        LengthPolicy::TrimPad => details.push(("length", "texts are cut or padded".to_owned())),
        LengthPolicy::Error => details.push(("length", "a longer text fails the job".to_owned())),
    }
    if !sink.delivery.text.is_empty() {
        details.push(("delivery", sink.delivery.text.clone()));
    }
    details
}

fn aggregate_details(aggregate: &WindowAggregate, below: &[Field]) -> Details {
    let name = |index: usize| column_name(below, index);
    let mut details = grouped_details(&aggregate.keys, &aggregate.aggregates, below);
    let window = match &aggregate.window {
        WindowSource::Assign(window) => assigned(window, below),
        WindowSource::Attached { start, end, window } => {
            format!("{} from {} and {}", text::window(window), name(*start), name(*end))
        }
    };
    details.insert(usize::from(!aggregate.keys.is_empty()), ("window", window));
    let property = |property: &WindowProperty| match property {
        WindowProperty::Start => "start",
        WindowProperty::End => "end",
        WindowProperty::Time => "time",
    };
    let properties: Vec<&str> = aggregate.properties.iter().map(property).collect();
    if !properties.is_empty() {
        details.push(("of window", properties.join(", ")));
    }
    details
}

/// Keys and aggregates.
fn grouped_details(keys: &[usize], aggregates: &[AggregateCall], below: &[Field]) -> Details {
    let name = |index: usize| column_name(below, index);
    let mut details = Details::new();
    if !keys.is_empty() {
        let keys: Vec<String> = keys.iter().map(|&key| name(key)).collect();
        details.push(("by", keys.join(", ")));
    }
    let call = |call: &AggregateCall| format!("{} AS {}", text::aggregate(call, &name), call.name);
    let calls: Vec<String> = aggregates.iter().map(call).collect();
    if !calls.is_empty() {
        details.push(("computes", calls.join(", ")));
    }
    details
}

/// The window and the time it is cut on.
fn assigned(window: &Window, below: &[Field]) -> String {
    let time = match &window.time {
        WindowTime::Event { column } => format!("on {}", column_name(below, *column)),
        WindowTime::EventLocal { column, zone } => {
            format!("on {} in {zone}", column_name(below, *column))
        }
        WindowTime::Processing { zone } => format!("on processing time in {zone}"),
    };
    format!("{} {time}", text::window(window))
}

fn expression(expression: &Expression, below: &[Field]) -> String {
    let text = text::expression(expression, &|index| column_name(below, index));
    without_parentheses(&text).to_owned()
}

/// The text without parentheses around all of it.
fn without_parentheses(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) else {
        return text;
    };
    let mut depth = 0_i32;
    for c in inner.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth < 0 {
            return text;
        }
    }
    // Parentheses in texts may not balance; then nothing is taken away.
    if depth == 0 { inner } else { text }
}

/// The expressions with the names of the columns they make.
fn projection(expressions: &[Expression], node: &Node, below: &[Field]) -> String {
    let one = |(index, expression): (usize, &Expression)| {
        let text = self::expression(expression, below);
        let name = column_name(&node.output, index);
        if text == name { text } else { format!("{text} AS {name}") }
    };
    expressions.iter().enumerate().map(one).collect::<Vec<String>>().join(", ")
}

/// Names of the wanted columns; below a ROW the wanted fields as `row.field`.
fn projected(projection: &Projection, fields: &[Field]) -> Vec<String> {
    let mut names = Vec::new();
    for ProjectedField { index, nested } in &projection.0 {
        let name = column_name(fields, *index);
        let inner = fields.get(*index).map(|field| &field.logical_type.root);
        match (nested, inner) {
            (Some(nested), Some(argus_base::TypeRoot::Row(fields))) => {
                let inner = projected(nested, fields).into_iter();
                names.extend(inner.map(|field| format!("{name}.{field}")));
            }
            _ => names.push(name),
        }
    }
    names
}

fn columns(fields: &[Field]) -> String {
    let one = |field: &Field| {
        let attribute = match field.logical_type.root.time_kind() {
            TimeKind::Regular => "",
            TimeKind::Rowtime => " *ROWTIME*",
            TimeKind::Proctime => " *PROCTIME*",
        };
        format!("{} {}{attribute}", field.name, field.logical_type)
    };
    fields.iter().map(one).collect::<Vec<String>>().join(", ")
}

fn column_name(fields: &[Field], index: usize) -> String {
    fields.get(index).map_or_else(|| format!("${index}"), |field| field.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_login() {
        assert_eq!(without_login("s3://key:secret@bucket/a@b"), "s3://bucket/a@b");
        assert_eq!(without_login("file:///a@b"), "file:///a@b");
        assert_eq!(without_login("/a@b"), "/a@b");
    }

    #[test]
    fn only_parentheses_around_all_are_taken_away() {
        assert_eq!(without_parentheses("(a + (b))"), "a + (b)");
        assert_eq!(without_parentheses("(a) + (b)"), "(a) + (b)");
        assert_eq!(without_parentheses("f(a)"), "f(a)");
        assert_eq!(without_parentheses("(a || '(')"), "(a || '(')");
    }
}
