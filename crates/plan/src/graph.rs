//! The job graph: what a job computes, as operators with typed edges.
//!
//! Nodes stand in an order in which inputs come before their users. The same graph serves the
//! rewrites (before exchanges and parallelism are set) and the engine (after).

use std::time::Duration;

use argus_base::Field;
use argus_base::connector::{DeliveryPlan, ScanSpec, SinkMode, TableDescriptor};
use argus_base::id::OperatorId;

use crate::JobSettings;
use crate::aggregate::AggregateCall;
use crate::expression::{Expression, Literal};
use crate::window::Window;

/// Position of a node in [`JobGraph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// One job.
#[derive(Clone, Debug)]
pub struct JobGraph {
    /// What the SET statements said.
    pub settings: JobSettings,
    /// Inputs before users.
    pub nodes: Vec<Node>,
}

/// An operator and how its inputs reach it.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub operator: Operator,
    /// Its inputs, in order.
    pub inputs: Vec<Edge>,
    /// Columns of its output; empty for sinks.
    pub output: Vec<Field>,
    /// Stable identity, shown by EXPLAIN and used as metric label and for its state.
    pub id: OperatorId,
    /// Number of subtasks, at least 1.
    pub parallelism: usize,
    /// What its output carries.
    pub changelog: ChangelogMode,
}

/// How rows go from one operator to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The sender.
    pub from: NodeId,
    /// Which subtask gets a row.
    pub partitioning: Partitioning,
}

/// Which subtask of the receiver gets a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Partitioning {
    /// The subtask of the same index; both sides have the same parallelism.
    Forward,
    /// The owner of the key group of these columns.
    Hash(Vec<usize>),
    /// Each in turn, batch by batch.
    Rebalance,
    /// The only one.
    Single,
}

/// Which row kinds an edge carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangelogMode {
    /// +I only.
    Append,
    /// +I, +U and −D by key.
    Upsert,
    /// All four.
    Retract,
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Reads a table: produced columns → computed columns → watermark.
    Source(Box<SourceOperator>),
    /// Constant rows; all of the node's output types.
    Values(Vec<Vec<Literal>>),
    /// Keeps the rows where the condition is TRUE, then computes the output columns.
    Calc(Calc),
    /// All inputs one after the other; they have the same types.
    Union,
    /// A bare window TVF: each row once per window it lies in, with `window_start`, `window_end`
    /// and `window_time` appended.
    WindowTable(Window),
    /// Aggregates rows by key and window, in one step.
    WindowAggregate(WindowAggregate),
    /// First of two steps: partial accumulators by key and slice, before the exchange. Its output
    /// columns are the keys, the slice's end (BIGINT), then the accumulators' columns, whose
    /// layout is the engine's own.
    LocalWindowAggregate(WindowAggregate),
    /// Second of two steps: merges the partial accumulators. `keys` and `aggregates` still speak
    /// of the input of the local step.
    GlobalWindowAggregate(WindowAggregate),
    /// Aggregates rows by key; every row brings the key's result up to date.
    GroupAggregate(GroupAggregate),
    /// Takes −U away, for a user that knows rows by their key.
    DropUpdateBefore,
    /// Writes a table.
    Sink(Box<SinkOperator>),
    /// Hands the rows of a SELECT to the client.
    Collect,
}

/// Condition and projection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Calc {
    /// BOOLEAN over the input.
    pub filter: Option<Expression>,
    /// One an output column, over the input.
    pub projection: Vec<Expression>,
}

/// A scan and the time it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceOperator {
    /// The table.
    pub table: TableDescriptor,
    /// What the connector produces.
    pub scan: ScanSpec,
    /// The output columns, over the produced ones: physical, metadata (cast) and computed
    /// columns. The rowtime column is among them, since the watermark needs it.
    pub projection: Vec<Expression>,
    /// Event time, where the table declares it.
    pub watermark: Option<WatermarkSpec>,
}

/// The WATERMARK clause and the options about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatermarkSpec {
    /// Position of the rowtime column in the source's output.
    pub rowtime: usize,
    /// The watermark, over the source's output; TIMESTAMP(3) or TIMESTAMP_LTZ(3).
    pub expression: Expression,
    /// After this long without rows a split no longer holds the watermark back.
    pub idle_timeout: Option<Duration>,
    /// Least distance in wall-clock time between two watermarks that no window needs; 0 sends
    /// one after every batch.
    pub emit_interval: Duration,
    /// Windows whose lateness rows of this source decide: a watermark that closes the slice of a
    /// row is sent before that row. Their `time` speaks of the source's output.
    pub closing: Vec<Window>,
}

/// Keys, windows and aggregates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowAggregate {
    /// Input columns of the key, besides the window.
    pub keys: Vec<usize>,
    /// The windows.
    pub window: WindowSource,
    /// In output order.
    pub aggregates: Vec<AggregateCall>,
    /// Which window properties follow the aggregates in the output, in this order.
    pub properties: Vec<WindowProperty>,
}

/// Where the windows of an aggregation come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WindowSource {
    /// Assigned from the time attribute.
    Assign(Window),
    /// Already in columns of the input, made by an earlier window; TIMESTAMP(3) both. Fires by
    /// the watermark like the windows of `window`.
    Attached {
        /// Column of the start.
        start: usize,
        /// Column of the end.
        end: usize,
        /// The window that was attached; its `time` says which time line start and end are on.
        window: Window,
    },
}

impl WindowSource {
    /// The windows, wherever they come from.
    pub fn window(&self) -> &Window {
        match self {
            WindowSource::Assign(window) | WindowSource::Attached { window, .. } => window,
        }
    }
}

/// Keys and aggregates without a window. The output has the keys, then the aggregates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupAggregate {
    /// Input columns of the key; without any, all rows are one group.
    pub keys: Vec<usize>,
    /// In output order.
    pub aggregates: Vec<AggregateCall>,
    /// A key that got no row for this long is forgotten; `None` keeps it for ever.
    pub ttl: Option<Duration>,
}

/// A column that a window offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowProperty {
    /// `window_start`, TIMESTAMP(3) NOT NULL.
    Start,
    /// `window_end`, exclusive, TIMESTAMP(3) NOT NULL.
    End,
    /// `window_time` = end − 1 ms, typed like the time attribute and itself one.
    Time,
}

/// A table written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkOperator {
    /// The table.
    pub table: TableDescriptor,
    /// Written metadata columns, positions in `TableDescriptor::metadata`. The input has the
    /// physical columns, then these.
    pub metadata: Vec<usize>,
    /// Which changes the connector takes.
    pub mode: SinkMode,
    /// What a NULL in a NOT NULL column does.
    pub not_null: NotNullPolicy,
    /// Positions of the NOT NULL columns of the input whose values may be NULL.
    pub not_null_columns: Vec<usize>,
    /// What a text longer than its CHAR or VARCHAR does.
    pub length: LengthPolicy,
    /// Why the primary keys of rows that come again after a failure may be others, as
    /// [`crate::replay`] found it.
    pub unstable_key: Option<String>,
    /// How its rows become visible, for EXPLAIN.
    pub delivery: DeliveryPlan,
}

/// `table.exec.sink.not-null-enforcer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotNullPolicy {
    /// The job fails.
    Error,
    /// The row is dropped and counted.
    Drop,
}

/// `table.exec.sink.type-length-enforcer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LengthPolicy {
    /// Written as it is.
    Ignore,
    /// Cut or padded.
    TrimPad,
    /// The job fails.
    Error,
}

impl JobGraph {
    /// The node of that id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Ids in order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// The users of a node, with the position among each user's inputs.
    pub fn users(&self, id: NodeId) -> Vec<(NodeId, usize)> {
        let inputs = |user: NodeId| self.node(user).inputs.iter().enumerate();
        let uses =
            self.ids().flat_map(|user| inputs(user).map(move |(i, edge)| (user, i, edge.from)));
        uses.filter(|(_, _, from)| *from == id).map(|(user, i, _)| (user, i)).collect()
    }
}
