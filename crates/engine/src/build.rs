//! Turns a job graph into slots: fragments from forward edges, queues from all others.

use std::collections::BTreeMap;
use std::sync::Arc;

use argus_base::connector::SinkTable;
use argus_base::id::SubtaskIndex;
use argus_base::logical_type::arrow_schema;
use argus_base::sink::Sink;
use argus_base::source::Source;
use argus_base::{Batch, Error, Field, LogicalType, Result};
use argus_plan::graph::{LengthPolicy, NotNullPolicy, Partitioning, SinkOperator, SourceOperator};
use argus_plan::{Expression, ExpressionKind, JobGraph, NodeId, Operator as Plan};

use crate::exchange::{Channel, Receiver, Sender, Waker};
use crate::expression::{EvaluationContext, ProjectionSet};
use crate::fragment::{Fragment, Head, HeadEntry, Inputs, Node, NodeMetrics, Step, Target};
use crate::job::JobParts;
use crate::metrics;
use crate::operator::calc::Calc;
use crate::operator::length::LengthEnforcer;
use crate::operator::local_window_aggregate::LocalWindowAggregator;
use crate::operator::union::Union;
use crate::operator::window_aggregate::WindowAggregator;
use crate::operator::window_table::WindowTable;
use crate::operator::{Operator, record_batch};
use crate::sink_task::{Constraints, SinkTask};
use crate::slot::{JobOrders, Slot, SlotState, SlotTimes};
use crate::source_head::{SourceHead, ValuesHead};
use crate::source_parts::source_head_parts;

/// The queues of one exchange edge by sender, then receiver.
type Channels = Vec<Vec<Arc<Channel>>>;

/// Builds the slots of a job.
pub(crate) struct Builder<'a> {
    graph: &'a JobGraph,
    parts: &'a JobParts,
    /// Which fragment each node belongs to.
    fragment_of: Vec<usize>,
    wakers: Vec<Arc<Waker>>,
    sources: BTreeMap<NodeId, Arc<dyn Source>>,
    sinks: BTreeMap<NodeId, Arc<dyn Sink>>,
    /// By receiving node and input.
    exchanges: BTreeMap<(NodeId, usize), Channels>,
}

impl<'a> Builder<'a> {
    /// Opens the tables and lays the queues.
    pub(crate) fn new(graph: &'a JobGraph, parts: &'a JobParts) -> Result<Builder<'a>> {
        let n_slots = graph.nodes.iter().map(|node| node.parallelism).max().unwrap_or(1);
        let mut builder = Builder {
            graph,
            parts,
            fragment_of: fragments(graph),
            wakers: (0..n_slots).map(|_| Arc::default()).collect(),
            sources: BTreeMap::new(),
            sinks: BTreeMap::new(),
            exchanges: BTreeMap::new(),
        };
        for id in graph.ids() {
            builder.open(id)?;
        }
        for id in graph.ids() {
            builder.lay_queues(id);
        }
        Ok(builder)
    }

    /// The slots, ready to run.
    pub(crate) fn build(&self) -> Result<Vec<Slot>> {
        let orders: Arc<JobOrders> = Arc::default();
        let mut slots = Vec::new();
        for (index, waker) in self.wakers.iter().enumerate() {
            let context = &self.parts.context;
            slots.push(Slot {
                index,
                fragments: self.fragments_of_slot(index)?,
                waker: waker.clone(),
                state: Arc::new(SlotState::default()),
                orders: orders.clone(),
                env: context.env.clone(),
                times: SlotTimes::new(&context.metrics, &context.job_name, index),
            });
        }
        Ok(slots)
    }

    fn open(&mut self, id: NodeId) -> Result<()> {
        let JobParts { factory, context, collect } = self.parts;
        match &self.graph.node(id).operator {
            Plan::Source(source) => {
                let opened = factory.source(&source.table, &source.scan, context)?;
                self.sources.insert(id, opened);
            }
            Plan::Sink(sink) => {
                let table = SinkTable { table: &sink.table, metadata: &sink.metadata };
                let opened = factory.sinks(&[table], context)?.sinks;
                self.sinks.extend(opened.into_iter().map(|sink| (id, sink)));
            }
            Plan::Collect => {
                let missing = || Error::bug("nobody collects the rows of the query");
                self.sinks.insert(id, collect.clone().ok_or_else(missing)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn lay_queues(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        for (input, edge) in node.inputs.iter().enumerate() {
            if edge.partitioning == Partitioning::Forward {
                continue;
            }
            let n_senders = self.n_subtasks(self.fragment_of[edge.from.0]);
            let waker = |slot: usize| self.wakers[slot].clone();
            let channel = |from, to| Arc::new(Channel::new(waker(from), waker(to)));
            let to_all = |from| (0..node.parallelism).map(|to| channel(from, to)).collect();
            let channels: Channels = (0..n_senders).map(to_all).collect();
            self.exchanges.insert((id, input), channels);
        }
    }

    /// The fragments with a subtask in that slot, inputs before users.
    fn fragments_of_slot(&self, slot: usize) -> Result<Vec<Fragment>> {
        let n_fragments = self.fragment_of.iter().max().map_or(0, |last| last + 1);
        let mut fragments = Vec::new();
        for fragment in (0..n_fragments).filter(|fragment| slot < self.n_subtasks(*fragment)) {
            fragments.push(self.fragment(&self.members(fragment), slot)?);
        }
        Ok(fragments)
    }

    fn members(&self, fragment: usize) -> Vec<NodeId> {
        self.graph.ids().filter(|id| self.fragment_of[id.0] == fragment).collect()
    }

    /// Number of subtasks of a fragment that have any input. Others are not made: they could only
    /// hold watermarks back until they have ended.
    fn n_subtasks(&self, fragment: usize) -> usize {
        let with_input = self.members(fragment).into_iter().map(|id| {
            let node = self.graph.node(id);
            let is_fed = node.inputs.iter().any(|edge| edge.partitioning != Partitioning::Forward);
            match &node.operator {
                Plan::Source(_) => self.n_readers(id),
                Plan::Values(_) => 1,
                _ if is_fed => node.parallelism,
                _ => 0,
            }
        });
        with_input.max().unwrap_or(1)
    }

    /// Number of readers that a source has a use for.
    fn n_readers(&self, id: NodeId) -> usize {
        let parallelism = self.graph.node(id).parallelism;
        let useful = self.sources[&id].max_parallelism();
        parallelism.min(useful.unwrap_or(parallelism).max(1))
    }

    fn fragment(&self, members: &[NodeId], slot: usize) -> Result<Fragment> {
        let position = |id: NodeId| members.iter().position(|member| *member == id);
        let mut heads = Vec::new();
        let mut nodes = Vec::new();
        for (index, id) in members.iter().enumerate() {
            let mut targets = Vec::new();
            let mut senders = Vec::new();
            for (user, input) in self.graph.users(*id) {
                match self.exchanges.get(&(user, input)) {
                    Some(channels) => senders.push(self.sender(user, input, &channels[slot], slot)),
                    None => targets.extend(position(user).map(|node| Target { node, input })),
                }
            }
            for head in self.heads(*id, slot)? {
                let (input, head) = head;
                heads.push(HeadEntry {
                    head,
                    target: Target { node: index, input },
                    is_ended: false,
                });
            }
            let n_inputs = self.graph.node(*id).inputs.len().max(1);
            nodes.push(Node {
                step: self.step(*id, slot)?,
                targets,
                senders,
                inputs: Inputs::new(n_inputs),
                metrics: self.node_metrics(*id, slot),
                held: None,
            });
        }
        Ok(Fragment::new(heads, nodes))
    }

    fn sender(&self, user: NodeId, input: usize, to: &[Arc<Channel>], slot: usize) -> Sender {
        let partitioning = self.graph.node(user).inputs[input].partitioning.clone();
        Sender::new(partitioning, to.to_vec(), self.graph.settings.max_parallelism, slot)
    }

    /// What feeds a node from outside its fragment, by input.
    fn heads(&self, id: NodeId, slot: usize) -> Result<Vec<(usize, Head)>> {
        let node = self.graph.node(id);
        match &node.operator {
            Plan::Source(_) if slot >= self.n_readers(id) => {
                return Ok(vec![(0, Head::Values(ValuesHead::new(None)))]);
            }
            Plan::Source(operator) => {
                let head = self.source_head(id, operator, slot)?;
                return Ok(vec![(0, Head::Source(Box::new(head)))]);
            }
            Plan::Values(rows) => {
                let batch = if slot == 0 { self.values(id, rows)? } else { None };
                return Ok(vec![(0, Head::Values(ValuesHead::new(batch)))]);
            }
            _ => {}
        }
        let mut heads = Vec::new();
        for input in 0..node.inputs.len() {
            if let Some(channels) = self.exchanges.get(&(id, input)) {
                let own = channels.iter().map(|to| to[slot].clone()).collect();
                heads.push((input, Head::Exchange(Receiver::new(own))));
            }
        }
        Ok(heads)
    }

    fn source_head(
        &self,
        id: NodeId,
        operator: &SourceOperator,
        slot: usize,
    ) -> Result<SourceHead> {
        let source = &self.sources[&id];
        let reader = source.reader(SubtaskIndex(slot), self.n_readers(id), &[])?;
        let parts =
            source_head_parts(self.graph, id, operator, source.as_ref(), &self.parts.context)?;
        Ok(SourceHead::new(reader, parts))
    }

    fn values(&self, id: NodeId, rows: &[Vec<argus_plan::Literal>]) -> Result<Option<Batch>> {
        if rows.is_empty() {
            return Ok(None);
        }
        let fields = &self.graph.node(id).output;
        let context = EvaluationContext {
            now: self.parts.context.env.now(),
            watermark: argus_base::time::Watermark::MIN,
        };
        let mut parts = Vec::new();
        for row in rows {
            let cells = row.iter().zip(fields).map(|(literal, field)| {
                Expression::new(
                    ExpressionKind::Literal(literal.clone()),
                    field.logical_type.clone(),
                )
            });
            let cells: Vec<Expression> = cells.collect();
            let set = ProjectionSet::compile(&cells, &self.graph.settings.time_zone)?;
            parts.push(record_batch(&arrow_schema(fields), set.evaluate(&[], 1, &context)?, 1)?);
        }
        let records = arrow_select::concat::concat_batches(&arrow_schema(fields), &parts)?;
        Ok(Some(Batch::inserts(records)))
    }

    fn step(&self, id: NodeId, slot: usize) -> Result<Step> {
        let node = self.graph.node(id);
        let schema = arrow_schema(&node.output);
        let zone = &self.graph.settings.time_zone;
        let operator: Box<dyn Operator> = match &node.operator {
            Plan::Source(_) | Plan::Values(_) => return Ok(Step::Pass),
            Plan::Sink(sink) => return self.sink(id, Some(sink), slot),
            Plan::Collect => return self.sink(id, None, slot),
            Plan::Calc(calc) => Box::new(Calc::new(calc, zone, schema)?),
            Plan::Union => Box::new(Union::new(schema)),
            Plan::WindowTable(window) => Box::new(WindowTable::new(window.clone(), schema)?),
            Plan::WindowAggregate(aggregate) => {
                Box::new(WindowAggregator::new(aggregate, self.input_types(id), schema, false)?)
            }
            Plan::LocalWindowAggregate(aggregate) => {
                Box::new(LocalWindowAggregator::new(aggregate, self.input_types(id))?)
            }
            Plan::GlobalWindowAggregate(aggregate) => {
                let types = self.input_types(node.inputs[0].from);
                Box::new(WindowAggregator::new(aggregate, types, schema, true)?)
            }
        };
        Ok(Step::Operator(operator))
    }

    /// Types of the rows that a node with one input reads.
    fn input_types(&self, id: NodeId) -> Vec<LogicalType> {
        let input = self.graph.node(self.graph.node(id).inputs[0].from);
        input.output.iter().map(|field| field.logical_type.clone()).collect()
    }

    fn sink(&self, id: NodeId, operator: Option<&SinkOperator>, slot: usize) -> Result<Step> {
        let parallelism = self.graph.node(id).parallelism;
        let writer = self.sinks[&id].writer(SubtaskIndex(slot), parallelism)?;
        let context = &self.parts.context;
        let operator_id = self.graph.node(id).id.to_string();
        let labels = [("job", context.job_name.as_str()), ("operator", operator_id.as_str())];
        let fields = self.sink_fields(id, operator);
        let (table, not_null, not_null_columns, length) = match operator {
            None => ("".to_owned(), NotNullPolicy::Error, Vec::new(), LengthPolicy::Ignore),
            Some(sink) => {
                let name = sink.table.name.clone();
                (name, sink.not_null, sink.not_null_columns.clone(), sink.length)
            }
        };
        let constraints = Constraints {
            table,
            not_null,
            not_null_columns,
            lengths: LengthEnforcer::new(length, &fields),
            dropped: context.metrics.counter(&metrics::DROPPED_NULLS, &labels),
        };
        Ok(Step::Sink(Box::new(SinkTask::new(writer, constraints))))
    }

    fn sink_fields(&self, id: NodeId, operator: Option<&SinkOperator>) -> Vec<Field> {
        match operator {
            Some(sink) => sink.table.physical.clone(),
            None => self.graph.node(self.graph.node(id).inputs[0].from).output.clone(),
        }
    }

    fn node_metrics(&self, id: NodeId, slot: usize) -> NodeMetrics {
        let registry = &self.parts.context.metrics;
        let operator = self.graph.node(id).id.to_string();
        let subtask = slot.to_string();
        let labels =
            [("job", self.parts.context.job_name.as_str()), ("operator", operator.as_str())];
        let of_subtask = [labels[0], labels[1], ("subtask", subtask.as_str())];
        NodeMetrics {
            records_in: registry.counter(&metrics::RECORDS_IN, &labels),
            batches_in: registry.counter(&metrics::BATCHES_IN, &labels),
            records_out: registry.counter(&metrics::RECORDS_OUT, &labels),
            bytes_in: registry.counter(&metrics::BYTES_IN, &labels),
            bytes_out: registry.counter(&metrics::BYTES_OUT, &labels),
            late: registry.counter(&metrics::LATE, &labels),
            n_late_shown: 0,
            state_keys: registry.gauge(&metrics::STATE_KEYS, &of_subtask),
        }
    }
}

/// Numbers the fragments: nodes joined by forward edges share one. Inputs of a fragment have
/// smaller numbers than the fragment, unless a union joins it to one of its own users' inputs.
fn fragments(graph: &JobGraph) -> Vec<usize> {
    let mut fragment_of: Vec<usize> = graph.ids().map(|id| id.0).collect();
    for id in graph.ids() {
        for edge in &graph.node(id).inputs {
            if edge.partitioning == Partitioning::Forward {
                let (old, new) = (fragment_of[edge.from.0], fragment_of[id.0]);
                let (least, other) = (old.min(new), old.max(new));
                fragment_of
                    .iter_mut()
                    .filter(|fragment| **fragment == other)
                    .for_each(|f| *f = least);
            }
        }
    }
    let mut used: Vec<usize> = fragment_of.clone();
    used.sort_unstable();
    used.dedup();
    let number = |fragment: &usize| used.iter().position(|known| known == fragment).unwrap_or(0);
    fragment_of.iter().map(number).collect()
}
