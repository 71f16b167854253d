//! What becomes of rows that change: which operators and sinks take them.

use std::collections::BTreeSet;

use argus_base::connector::{SinkMode, TableDescriptor};
use argus_plan::{NodeId, Operator, Span};

use super::code;
use super::query::Binder;
use crate::diagnostic::Diagnostic;
use crate::rewrite::changelog::{updating, upsert_keys};

impl Binder<'_> {
    /// Whether rows of a node change after they were emitted.
    pub fn is_updating(&self, node: NodeId) -> bool {
        updating(&self.plan.nodes)[node.0]
    }

    /// Operators that need rows which never change.
    pub fn refuse_updates(&self, what: &str, node: NodeId, span: Span) -> Result<(), Diagnostic> {
        if !self.is_updating(node) {
            return Ok(());
        }
        let message = format!("{what} over the changing rows of an aggregation does not run yet");
        let help = "aggregate by window below; such rows are final";
        Err(Diagnostic::unsupported(code::GROUP_AGGREGATION, span, message).help(help))
    }

    /// Whether no two rows of a node are equal at one time.
    pub fn is_distinct(&self, node: NodeId) -> bool {
        self.is_updating(node) && !upsert_keys(&self.plan.nodes, node).is_empty()
    }

    /// Whether a sink takes what reaches it.
    pub fn check_changes(
        &self,
        table: &TableDescriptor,
        mode: SinkMode,
        node: NodeId,
        span: Span,
    ) -> Result<(), Diagnostic> {
        if !self.is_updating(node) {
            return Ok(());
        }
        match mode {
            SinkMode::Append => Err(takes_no_updates(table, span)),
            SinkMode::UpsertByKey if table.primary_key.is_empty() => Err(needs_key(table, span)),
            SinkMode::UpsertByKey => self.check_upsert_key(table, node, span),
            SinkMode::Retract => self.check_order(table, node, span),
        }
    }

    /// Rows that share a primary key must not be known by different keys before: which of them
    /// counts would have to be remembered.
    fn check_upsert_key(
        &self,
        table: &TableDescriptor,
        node: NodeId,
        span: Span,
    ) -> Result<(), Diagnostic> {
        let primary_key: BTreeSet<usize> = table.primary_key.iter().copied().collect();
        let keys = upsert_keys(&self.plan.nodes, node);
        let materialize = self.context.settings.written.get("table.exec.sink.upsert-materialize");
        let is_off = materialize.is_some_and(|word| word.eq_ignore_ascii_case("NONE"));
        if is_off || keys.iter().any(|key| key.is_subset(&primary_key)) {
            return Ok(());
        }
        let names = |key: &BTreeSet<usize>| {
            let names = key.iter().map(|&index| table.physical[index].name.as_str());
            names.collect::<Vec<&str>>().join(", ")
        };
        let message = format!(
            "the query's rows are not known by the PRIMARY KEY ({}) of '{}'; finding the row of a \
             key that counts does not run yet",
            names(&primary_key),
            table.name
        );
        let known = keys.iter().find(|key| key.iter().all(|&i| i < table.physical.len()));
        let help = match known {
            Some(key) => format!("declare PRIMARY KEY ({}) NOT ENFORCED", names(key)),
            None => "group by the columns of the primary key".to_owned(),
        };
        Err(Diagnostic::unsupported(code::CONSTRUCT, span, message).help(help))
    }

    /// As Flink: rows stay in order where each subtask goes on to one of its own.
    fn check_order(
        &self,
        table: &TableDescriptor,
        node: NodeId,
        span: Span,
    ) -> Result<(), Diagnostic> {
        let written = table.options.get("sink.parallelism");
        let written: Option<usize> = written.and_then(|text| text.trim().parse().ok());
        let below = if self.is_of_one_group(node) { 1 } else { self.context.settings.parallelism };
        let (Some(own), true) = (written, table.primary_key.is_empty()) else { return Ok(()) };
        if own == below {
            return Ok(());
        }
        let message = format!(
            "the sink '{}' has the parallelism {own}, but the query that updates its rows \
             {below}: without a primary key the updates would lose their order",
            table.name
        );
        let help = "declare a PRIMARY KEY, or leave 'sink.parallelism' out";
        Err(Diagnostic::wrong(code::SINK_MODE, span, message).help(help))
    }

    fn is_of_one_group(&self, node: NodeId) -> bool {
        let is_global = |operator: &Operator| match operator {
            Operator::GroupAggregate(aggregate) => aggregate.keys.is_empty(),
            _ => false,
        };
        self.plan.is_below(node, is_global)
    }
}

fn takes_no_updates(table: &TableDescriptor, span: Span) -> Diagnostic {
    let connector = table.options.get("connector").map_or("", String::as_str);
    let message = format!(
        "the table '{}' does not take the updates that an aggregation without a window makes: the \
         connector '{connector}' only appends",
        table.name
    );
    let help = "aggregate by window, whose rows are final, or write to a table with a PRIMARY KEY \
                whose connector updates rows, such as 'jdbc'";
    Diagnostic::wrong(code::SINK_MODE, span, message).help(help)
}

fn needs_key(table: &TableDescriptor, span: Span) -> Diagnostic {
    let message = format!(
        "the table '{}' needs a PRIMARY KEY to take the updates that an aggregation without a \
         window makes",
        table.name
    );
    let help = "declare PRIMARY KEY (…) NOT ENFORCED on the columns that are grouped by";
    Diagnostic::wrong(code::SINK_MODE, span, message).help(help)
}
