//! Turns a job graph into slots: fragments from forward edges, queues from all others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use argus_base::id::SubtaskIndex;
use argus_base::logical_type::arrow_schema;
use argus_base::sink::{Delivery, Sink};
use argus_base::source::{Source, SplitPosition};
use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{Batch, Field, LogicalType, Result};
use argus_plan::graph::{
    ChangelogMode, LengthPolicy, NotNullPolicy, Partitioning, SinkOperator, SourceOperator,
};
use argus_plan::{Expression, ExpressionKind, JobGraph, NodeId, Operator as Plan};
use argus_state::manifest::SubtaskState;
use argus_state::snapshot::RestoredState;
use argus_state::spill::{MemoryLimit, StateContext};
use argus_state::spill_folder::SpillFolder;

use crate::checkpoint::{Chains, Mailbox, Orders, PartId, Reporter, RestoredNodes, StagingWriter};
use crate::exchange::{Channel, Receiver, Sender, Waker};
use crate::expression::{EvaluationContext, ProjectionSet};
use crate::fragment::{
    Fragment, FragmentCheckpoints, Head, HeadEntry, Inputs, Node, NodeMetrics, Step, Target,
};
use crate::head_checkpoints::HeadCheckpoints;
use crate::job::JobParts;
use crate::metrics;
use crate::operator::calc::Calc;
use crate::operator::drop_update_before::DropUpdateBefore;
use crate::operator::group_aggregate::{GroupAggregator, GroupOptions};
use crate::operator::length::LengthEnforcer;
use crate::operator::local_window_aggregate::LocalWindowAggregator;
use crate::operator::union::Union;
use crate::operator::window_aggregate::WindowAggregator;
use crate::operator::window_table::WindowTable;
use crate::operator::{Operator, record_batch};
use crate::sink_task::{Constraints, SinkTask, Writer};
use crate::slot::{Slot, SlotState, SlotTimes, Stage};
use crate::source_head::SourceHead;
use crate::source_parts::source_head_parts;
use crate::values_head::ValuesHead;

/// The queues of one exchange edge by sender, then receiver.
type Channels = Vec<Vec<Arc<Channel>>>;

/// What an attempt of a job has besides its graph and parts.
pub(crate) struct Setup {
    pub orders: Arc<Orders>,
    /// The opened sinks.
    pub sinks: BTreeMap<NodeId, Arc<dyn Sink>>,
    /// In a job that takes checkpoints.
    pub checkpoints: Option<CheckpointSetup>,
}

/// The checkpoint side of an attempt.
pub(crate) struct CheckpointSetup {
    pub mailbox: Arc<Mailbox>,
    /// State of a former life.
    pub restored: Option<RestoredNodes>,
}

/// The slots of a job, and what a coordinator needs to know of them.
pub(crate) struct Built {
    pub slots: Vec<Slot>,
    /// Every part that reports at a barrier.
    pub parts: BTreeSet<PartId>,
    /// Heads among them.
    pub n_heads: usize,
    /// Chains that restored subtasks go on with.
    pub chains: Chains,
}

/// Builds the slots of a job.
pub(crate) struct Builder<'a> {
    graph: &'a JobGraph,
    parts: &'a JobParts,
    setup: &'a Setup,
    /// Which fragment each node belongs to.
    fragment_of: Vec<usize>,
    wakers: Vec<Arc<Waker>>,
    sources: BTreeMap<NodeId, Arc<dyn Source>>,
    /// By receiving node and input.
    exchanges: BTreeMap<(NodeId, usize), Channels>,
    memory: Option<Arc<MemoryLimit>>,
    reporting: BTreeSet<PartId>,
    n_heads: usize,
    chains: Chains,
}

impl<'a> Builder<'a> {
    /// Opens the sources and lays the queues.
    pub(crate) fn new(
        graph: &'a JobGraph,
        parts: &'a JobParts,
        setup: &'a Setup,
    ) -> Result<Builder<'a>> {
        let n_slots = graph.nodes.iter().map(|node| node.parallelism).max().unwrap_or(1);
        let limit = graph.settings.memory_limit;
        let memory = limit.map(|limit| memory(graph, parts, limit)).transpose()?;
        let mut builder = Builder {
            graph,
            parts,
            setup,
            fragment_of: fragments(graph),
            wakers: (0..n_slots).map(|_| Arc::default()).collect(),
            sources: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            memory,
            reporting: BTreeSet::new(),
            n_heads: 0,
            chains: Chains::default(),
        };
        for id in graph.ids() {
            builder.open(id)?;
        }
        for id in graph.ids() {
            builder.lay_queues(id);
        }
        setup.orders.set_wakers(builder.wakers.clone());
        Ok(builder)
    }

    /// The slots, ready to run.
    pub(crate) fn build(mut self) -> Result<Built> {
        let mut slots = Vec::new();
        for (index, waker) in self.wakers.clone().into_iter().enumerate() {
            let fragments = self.fragments_of_slot(index)?;
            let context = &self.parts.context;
            slots.push(Slot {
                index,
                fragments,
                waker,
                state: Arc::new(SlotState::default()),
                orders: Arc::clone(&self.setup.orders),
                env: context.env.clone(),
                times: SlotTimes::new(&context.metrics, &context.job_name, index),
                stage: Stage::New,
                looked_at: None,
            });
        }
        let (parts, n_heads, chains) = (self.reporting, self.n_heads, self.chains);
        Ok(Built { slots, parts, n_heads, chains })
    }

    fn open(&mut self, id: NodeId) -> Result<()> {
        let JobParts { factory, context, .. } = self.parts;
        if let Plan::Source(source) = &self.graph.node(id).operator {
            let opened = factory.source(&source.table, &source.scan, context)?;
            self.sources.insert(id, opened);
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
    fn fragments_of_slot(&mut self, slot: usize) -> Result<Vec<Fragment>> {
        let n_fragments = self.fragment_of.iter().max().map_or(0, |last| last + 1);
        let mut fragments = Vec::new();
        for fragment in 0..n_fragments {
            if slot >= self.n_subtasks(fragment) {
                continue;
            }
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

    fn fragment(&mut self, members: &[NodeId], slot: usize) -> Result<Fragment> {
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
            for (input, head) in self.heads(*id, slot)? {
                let target = Target { node: index, input };
                heads.push(HeadEntry { head, target, is_ended: false, is_resting: false });
            }
            nodes.push(self.node(*id, slot, targets, senders)?);
        }
        Ok(Fragment::new(heads, nodes, self.fragment_checkpoints(slot)))
    }

    fn node(
        &mut self,
        id: NodeId,
        slot: usize,
        targets: Vec<Target>,
        senders: Vec<Sender>,
    ) -> Result<Node> {
        let n_inputs = self.graph.node(id).inputs.len().max(1);
        let step = self.step(id, slot)?;
        let mut inputs = Inputs::new(n_inputs);
        let mut restored = None;
        if matches!(step, Step::Operator(_)) {
            restored = self.restore(id, slot, &mut inputs)?;
        }
        let operator = self.graph.node(id).id;
        if self.setup.checkpoints.is_some() {
            self.reporting.insert(PartId { operator, subtask: SubtaskIndex(slot) });
        }
        let metrics = self.node_metrics(id, slot);
        Ok(Node { id: operator, step, targets, senders, inputs, metrics, held: None, restored })
    }

    /// What an operator takes over from a former life.
    fn restore(
        &mut self,
        id: NodeId,
        slot: usize,
        inputs: &mut Inputs,
    ) -> Result<Option<RestoredState>> {
        let checkpoints = self.setup.checkpoints.as_ref();
        let Some(restored) = checkpoints.and_then(|setup| setup.restored.as_ref()) else {
            return Ok(None);
        };
        let node = self.graph.node(id);
        let former = restored.subtasks(node.id);
        // Behind an exchange all subtasks had come equally far; before one, each as far as its
        // source, which may have been at its end.
        let watermark = former.iter().filter_map(|state| state.watermark).min();
        let clock = former.iter().filter_map(|state| state.clock).max();
        let never = ProcessingTime(i64::MIN);
        inputs.restore(watermark.unwrap_or(Watermark::MIN), clock.unwrap_or(never));
        let subtask = SubtaskIndex(slot);
        let Some((state, chain)) = restored.keyed(node.id, subtask, node.parallelism)? else {
            return Ok(None);
        };
        self.chains.restore(PartId { operator: node.id, subtask }, chain);
        Ok(Some(state))
    }

    fn fragment_checkpoints(&self, slot: usize) -> Option<FragmentCheckpoints> {
        Some(FragmentCheckpoints {
            reporter: self.reporter(slot)?,
            env: self.parts.context.env.clone(),
        })
    }

    fn reporter(&self, slot: usize) -> Option<Reporter> {
        let mailbox = Arc::clone(&self.setup.checkpoints.as_ref()?.mailbox);
        Some(Reporter { mailbox, subtask: SubtaskIndex(slot) })
    }

    /// Orders for a head, in a job that takes checkpoints.
    fn head_orders(&self) -> Option<Arc<Orders>> {
        self.setup.checkpoints.as_ref().map(|_| Arc::clone(&self.setup.orders))
    }

    /// What the subtasks of a head had in a former life.
    fn former(&self, id: NodeId) -> &[SubtaskState] {
        let checkpoints = self.setup.checkpoints.as_ref();
        let restored = checkpoints.and_then(|setup| setup.restored.as_ref());
        restored.map_or(&[], |restored| restored.subtasks(self.graph.node(id).id))
    }

    fn sender(&self, user: NodeId, input: usize, to: &[Arc<Channel>], slot: usize) -> Sender {
        let partitioning = self.graph.node(user).inputs[input].partitioning.clone();
        Sender::new(partitioning, to.to_vec(), self.graph.settings.max_parallelism, slot)
    }

    /// What feeds a node from outside its fragment, by input.
    fn heads(&mut self, id: NodeId, slot: usize) -> Result<Vec<(usize, Head)>> {
        let node = self.graph.node(id);
        let own = match &node.operator {
            Plan::Source(_) if slot >= self.n_readers(id) => {
                Some(Head::Values(ValuesHead::new(None, self.head_orders())))
            }
            Plan::Source(operator) => {
                Some(Head::Source(Box::new(self.source_head(id, operator, slot)?)))
            }
            Plan::Values(rows) => {
                let batch = if slot == 0 { self.values(id, rows)? } else { None };
                let mut head = ValuesHead::new(batch, self.head_orders());
                head.restore(self.former(id));
                Some(Head::Values(head))
            }
            _ => None,
        };
        if let Some(head) = own {
            self.n_heads += 1;
            return Ok(vec![(0, head)]);
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
        let former = self.former(id);
        let positions: Vec<SplitPosition> =
            former.iter().flat_map(|state| &state.positions).cloned().collect();
        let (subtask, n_readers) = (SubtaskIndex(slot), self.n_readers(id));
        let reader = source.reader(subtask, n_readers, &positions)?;
        let mut parts =
            source_head_parts(self.graph, id, operator, source.as_ref(), &self.parts.context)?;
        parts.checkpoints = self.head_orders().map(HeadCheckpoints::new);
        if let Some(event_time) = &mut parts.event_time {
            event_time.n_readers = n_readers;
        }
        let mut head = SourceHead::new(reader, parts);
        head.restore(former, subtask);
        Ok(head)
    }

    fn values(&self, id: NodeId, rows: &[Vec<argus_plan::Literal>]) -> Result<Option<Batch>> {
        if rows.is_empty() {
            return Ok(None);
        }
        let fields = &self.graph.node(id).output;
        let context =
            EvaluationContext { now: self.parts.context.env.now(), watermark: Watermark::MIN };
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
                let types = self.input_types(id);
                let context = self.state_context(id, slot);
                Box::new(WindowAggregator::new(aggregate, types, schema, false, context)?)
            }
            Plan::GroupAggregate(aggregate) => {
                let options = GroupOptions {
                    input: self.input_types(id),
                    schema,
                    sends_before: node.changelog == ChangelogMode::Retract,
                    context: self.state_context(id, slot),
                };
                Box::new(GroupAggregator::new(aggregate, options)?)
            }
            Plan::DropUpdateBefore => Box::new(DropUpdateBefore),
            Plan::LocalWindowAggregate(aggregate) => {
                Box::new(LocalWindowAggregator::new(aggregate, self.input_types(id))?)
            }
            Plan::GlobalWindowAggregate(aggregate) => {
                let types = self.input_types(node.inputs[0].from);
                let context = self.state_context(id, slot);
                Box::new(WindowAggregator::new(aggregate, types, schema, true, context)?)
            }
        };
        Ok(Step::Operator(operator))
    }

    /// What the state of a subtask is kept by.
    fn state_context(&self, id: NodeId, slot: usize) -> StateContext {
        StateContext {
            operator: self.graph.node(id).id,
            subtask: SubtaskIndex(slot),
            max_parallelism: self.graph.settings.max_parallelism,
            is_tracked: self.setup.checkpoints.is_some(),
            memory: self.memory.clone(),
        }
    }

    /// Types of the rows that a node with one input reads.
    fn input_types(&self, id: NodeId) -> Vec<LogicalType> {
        let input = self.graph.node(self.graph.node(id).inputs[0].from);
        input.output.iter().map(|field| field.logical_type.clone()).collect()
    }

    fn sink(&self, id: NodeId, operator: Option<&SinkOperator>, slot: usize) -> Result<Step> {
        let node = self.graph.node(id);
        let sink = &self.setup.sinks[&id];
        let is_staged = sink.delivery() == Delivery::Staged && self.setup.checkpoints.is_some();
        let writer = match is_staged {
            true => Writer::Staging(StagingWriter::default()),
            false => Writer::Connector(sink.writer(SubtaskIndex(slot), node.parallelism)?),
        };
        let context = &self.parts.context;
        let operator_id = node.id.to_string();
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
        let task = SinkTask::new(node.id, writer, constraints, self.reporter(slot));
        Ok(Step::Sink(Box::new(task)))
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

/// The memory that state may take, and a folder for what is beyond.
fn memory(graph: &JobGraph, parts: &JobParts, limit: u64) -> Result<Arc<MemoryLimit>> {
    let parent = graph.settings.spill_dir.as_ref().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = SpillFolder::make(&parent, parts.context.env.random())?;
    Ok(Arc::new(MemoryLimit::for_process(limit, folder)))
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
