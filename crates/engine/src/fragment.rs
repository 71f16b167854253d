//! A fragment: one or more heads and the operators chained behind them, stepped together.
//!
//! A step takes one element from a head, or one more piece from an operator that has not emitted
//! everything, and carries what comes of it through the chain to senders and sinks. It is only
//! taken while every one of those has credit, so what a step makes is the bound on how far a
//! queue is overfilled.
//!
//! ```text
//! running ──every head ended, nothing left to emit──▶ draining ──every sink durable──▶ done
//! ```
//!
//! A head whose barrier has come rests until the barrier has come from every head, so that no node
//! sees a row behind the barrier before it has sealed its state.

use argus_base::fault::FaultPoint;
use argus_base::id::{CheckpointId, OperatorId};
use argus_base::metrics::{Counter, Gauge};
use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{Batch, Element, Env, Result};
use argus_state::snapshot::RestoredState;

use crate::checkpoint::{NodeState, Part, Reporter};
use crate::exchange::{Receiver, Sender};
use crate::expression::EvaluationContext;
use crate::operator::{Emission, Operator, Output};
use crate::sink_task::SinkTask;
use crate::source_head::SourceHead;
use crate::values_head::ValuesHead;
use crate::watermark::WatermarkMerge;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Something was done.
    Made,
    /// No input is ready.
    Idle,
    /// An output has no credit.
    Blocked,
    /// Everything is done.
    Finished,
}

/// Where elements come from.
pub(crate) enum Head {
    Source(Box<SourceHead>),
    Values(ValuesHead),
    Exchange(Receiver),
}

/// A head and the node input it feeds.
pub(crate) struct HeadEntry {
    pub head: Head,
    pub target: Target,
    pub is_ended: bool,
    /// Its barrier has come, and not yet all others'.
    pub is_resting: bool,
}

/// An input of a node of the same fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub node: usize,
    pub input: usize,
}

/// What a node does.
pub(crate) enum Step {
    /// Passes on what its head brings.
    Pass,
    Operator(Box<dyn Operator>),
    Sink(Box<SinkTask>),
}

/// One operator of the chain.
pub(crate) struct Node {
    pub id: OperatorId,
    pub step: Step,
    pub targets: Vec<Target>,
    pub senders: Vec<Sender>,
    pub inputs: Inputs,
    pub metrics: NodeMetrics,
    /// What is forwarded once the operator has emitted everything.
    pub held: Option<Element>,
    /// Keyed state of a former life, until it is loaded.
    pub restored: Option<RestoredState>,
}

/// What has come over the inputs of a node.
pub(crate) struct Inputs {
    merge: WatermarkMerge,
    now: ProcessingTime,
    n_barriers: usize,
    n_inputs: usize,
}

/// The metrics of a node.
pub(crate) struct NodeMetrics {
    pub records_in: Counter,
    pub batches_in: Counter,
    pub records_out: Counter,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    /// Of all subtasks together.
    pub late: Counter,
    /// What this subtask has added to `late`.
    pub n_late_shown: u64,
    pub state_keys: Gauge,
}

/// Heads and nodes, inputs before users.
pub(crate) struct Fragment {
    pub heads: Vec<HeadEntry>,
    pub nodes: Vec<Node>,
    checkpoints: Option<FragmentCheckpoints>,
    /// Nodes that answered `More`, the last one first to go on.
    resuming: Vec<usize>,
    next_head: usize,
}

/// A fragment's part in checkpoints.
pub(crate) struct FragmentCheckpoints {
    pub reporter: Reporter,
    pub env: Env,
}

impl Inputs {
    /// Goes on at the watermark and the clock of a former life.
    pub(crate) fn restore(&mut self, watermark: Watermark, clock: ProcessingTime) {
        self.merge.advance_to(watermark);
        self.now = clock;
    }

    pub(crate) fn new(n_inputs: usize) -> Inputs {
        let merge = WatermarkMerge::new(n_inputs);
        Inputs { merge, now: ProcessingTime(i64::MIN), n_barriers: 0, n_inputs }
    }

    fn context(&self) -> EvaluationContext {
        EvaluationContext { now: self.now, watermark: self.merge.merged() }
    }

    /// The elements that the node sees of one that came over an input, in order.
    fn merge(&mut self, input: usize, element: Element) -> Vec<Element> {
        let merged = match element {
            Element::Batch(_) => {
                let was_idle = self.merge.activity(input);
                return if was_idle { vec![Element::Active, element] } else { vec![element] };
            }
            Element::Active => {
                let was_idle = self.merge.activity(input);
                return if was_idle { vec![element] } else { Vec::new() };
            }
            Element::Tick(now) => {
                let is_newer = now > self.now;
                self.now = self.now.max(now);
                return if is_newer { vec![element] } else { Vec::new() };
            }
            Element::Barrier(_) => {
                self.n_barriers += 1;
                let has_come = self.n_barriers == self.n_inputs;
                if has_come {
                    self.n_barriers = 0;
                }
                return if has_come { vec![element] } else { Vec::new() };
            }
            Element::Watermark(watermark) => self.merge.watermark(input, watermark),
            Element::Idle => self.merge.idle(input),
            Element::End => self.merge.end(input),
        };
        let mut seen: Vec<Element> = merged.advanced.map(Element::Watermark).into_iter().collect();
        if merged.became_idle {
            seen.push(Element::Idle);
        }
        if matches!(element, Element::End) && self.merge.is_ended() {
            seen.push(Element::End);
        }
        seen
    }
}

impl Fragment {
    pub(crate) fn new(
        heads: Vec<HeadEntry>,
        nodes: Vec<Node>,
        checkpoints: Option<FragmentCheckpoints>,
    ) -> Fragment {
        Fragment { heads, nodes, checkpoints, resuming: Vec::new(), next_head: 0 }
    }

    /// Loads the state of a former life; may take seconds.
    pub(crate) fn load(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            if let (Some(state), Step::Operator(operator)) = (node.restored.take(), &mut node.step)
            {
                let what = || format!("restore operator {}", node.id);
                operator.restore(state).map_err(|error| error.context(what()))?;
            }
        }
        Ok(())
    }

    /// Takes one step, if it may.
    pub(crate) fn step(&mut self) -> Result<Progress> {
        if !self.has_credit()? {
            self.pause_heads();
            return Ok(Progress::Blocked);
        }
        if let Some(node) = self.resuming.last().copied() {
            self.resume(node)?;
            return Ok(Progress::Made);
        }
        for _ in 0..self.heads.len() {
            let index = self.next_head;
            self.next_head = (self.next_head + 1) % self.heads.len();
            if self.heads[index].is_resting {
                continue;
            }
            if let Some(element) = self.heads[index].poll()? {
                self.take(index, element)?;
                return Ok(Progress::Made);
            }
        }
        let all_ended = self.heads.iter().all(|entry| entry.is_ended);
        if !all_ended {
            return Ok(Progress::Idle);
        }
        let all_done = self.sinks().all(|sink| sink.is_done());
        Ok(if all_done { Progress::Finished } else { Progress::Idle })
    }

    fn take(&mut self, index: usize, element: Element) -> Result<()> {
        let target = self.heads[index].target;
        self.heads[index].is_ended |= matches!(element, Element::End);
        if let Element::Barrier(checkpoint) = element {
            self.heads[index].is_resting = true;
            self.report_head(index, checkpoint);
            let all_came = self.heads.iter().all(|head| head.is_resting || head.is_ended);
            if all_came {
                self.heads.iter_mut().for_each(|head| head.is_resting = false);
            }
        }
        self.deliver(target, element)
    }

    fn report_head(&self, index: usize, checkpoint: CheckpointId) {
        let Some(checkpoints) = &self.checkpoints else { return };
        let entry = &self.heads[index];
        let state = match &entry.head {
            Head::Source(head) => head.state(),
            Head::Values(head) => head.state(),
            Head::Exchange(_) => return,
        };
        let id = self.nodes[entry.target.node].id;
        checkpoints.reporter.report(id, checkpoint, Part::Head(state));
    }

    /// Ends the sources of the fragment where they stand.
    pub(crate) fn stop(&mut self) {
        for entry in &mut self.heads {
            match &mut entry.head {
                Head::Source(head) => head.stop(),
                Head::Values(head) => head.stop(),
                Head::Exchange(_) => {}
            }
        }
    }

    /// Whether every source has its positions and every sink is connected.
    pub(crate) fn is_ready(&mut self) -> bool {
        let sources = self.heads.iter().all(|entry| match &entry.head {
            Head::Source(head) => head.is_ready(),
            Head::Values(_) | Head::Exchange(_) => true,
        });
        sources && self.sinks().all(|sink| sink.is_ready())
    }

    fn sinks(&self) -> impl Iterator<Item = &SinkTask> {
        self.nodes.iter().filter_map(|node| match &node.step {
            Step::Sink(sink) => Some(sink.as_ref()),
            Step::Pass | Step::Operator(_) => None,
        })
    }

    fn has_credit(&mut self) -> Result<bool> {
        let mut has_credit = true;
        for node in &mut self.nodes {
            has_credit &= node.senders.iter().all(Sender::has_credit);
            if let Step::Sink(sink) = &mut node.step {
                // Every sink is moved on, also those behind one that is blocked.
                has_credit &= sink.advance()?;
            }
        }
        Ok(has_credit)
    }

    fn pause_heads(&mut self) {
        for entry in &mut self.heads {
            if let Head::Source(head) = &mut entry.head {
                head.pause();
            }
        }
    }

    /// Lets a node emit one more piece.
    fn resume(&mut self, index: usize) -> Result<()> {
        let mut output = Output::default();
        let emission = match &mut self.nodes[index].step {
            Step::Operator(operator) => operator.resume(&mut output)?,
            Step::Pass | Step::Sink(_) => Emission::Done,
        };
        let mut forwarded: Vec<Element> = output.batches.into_iter().map(Element::Batch).collect();
        if emission == Emission::Done {
            self.resuming.retain(|node| *node != index);
            let held = self.nodes[index].held.take();
            if let Some(Element::Barrier(checkpoint)) = &held {
                self.seal(index, *checkpoint)?;
            }
            forwarded.extend(held);
        }
        for element in forwarded {
            self.forward(index, element)?;
        }
        self.nodes[index].show_state();
        Ok(())
    }

    /// Carries an element through a node and everything behind it.
    fn deliver(&mut self, target: Target, element: Element) -> Result<()> {
        for element in self.nodes[target.node].inputs.merge(target.input, element) {
            // Nothing reaches an operator before it has emitted what came before.
            while self.resuming.contains(&target.node) {
                self.resume(target.node)?;
            }
            let barrier = match &element {
                Element::Barrier(checkpoint) => Some(*checkpoint),
                _ => None,
            };
            let (elements, emission) = self.nodes[target.node].take(target.input, element)?;
            match (emission, barrier) {
                (Emission::More, _) => self.resuming.push(target.node),
                (Emission::Done, Some(checkpoint)) => self.seal(target.node, checkpoint)?,
                (Emission::Done, None) => {}
            }
            for element in elements {
                self.forward(target.node, element)?;
            }
        }
        Ok(())
    }

    /// Reports what an operator holds at a barrier. Heads and sinks report themselves.
    fn seal(&mut self, index: usize, checkpoint: CheckpointId) -> Result<()> {
        let Some(checkpoints) = &self.checkpoints else { return Ok(()) };
        let Some(node) = self.nodes[index].seal(checkpoints)? else { return Ok(()) };
        let id = self.nodes[index].id;
        checkpoints.reporter.report(id, checkpoint, Part::Node(node));
        Ok(())
    }

    /// Sends an element to everything that reads the node.
    fn forward(&mut self, index: usize, element: Element) -> Result<()> {
        let node = &mut self.nodes[index];
        if let Element::Batch(batch) = &element {
            node.metrics.records_out.add(batch.n_rows() as u64);
            node.metrics.bytes_out.add(batch.n_bytes() as u64);
        }
        for sender in &mut node.senders {
            sender.send(&element)?;
        }
        for position in 0..self.nodes[index].targets.len() {
            let target = self.nodes[index].targets[position];
            self.deliver(target, element.clone())?;
        }
        Ok(())
    }
}

impl Node {
    /// `None` where nothing is reported: the head or the sink does.
    fn seal(&mut self, checkpoints: &FragmentCheckpoints) -> Result<Option<NodeState>> {
        let Step::Operator(operator) = &mut self.step else { return Ok(None) };
        let env = &checkpoints.env;
        let began = env.elapsed();
        let sealed = env.step(FaultPoint::Seal, || operator.seal())?;
        let seal = env.elapsed().saturating_sub(began);
        Ok(Some(NodeState {
            watermark: self.inputs.merge.merged(),
            clock: self.inputs.now,
            sealed,
            seal,
        }))
    }

    /// What comes of an element: what to forward now, and whether more follows. The element
    /// itself is forwarded last, or held back until everything has been emitted.
    fn take(&mut self, input: usize, element: Element) -> Result<(Vec<Element>, Emission)> {
        let operator = match &mut self.step {
            Step::Pass => return Ok((vec![element], Emission::Done)),
            Step::Sink(sink) => {
                write(sink, &self.metrics, element)?;
                return Ok((Vec::new(), Emission::Done));
            }
            Step::Operator(operator) => operator,
        };
        let mut output = Output::default();
        let emission = match &element {
            Element::Batch(batch) => {
                self.metrics.take(batch);
                operator.process(input, batch.clone(), &self.inputs.context(), &mut output)?
            }
            Element::Watermark(watermark) => operator.watermark(*watermark, &mut output)?,
            Element::Tick(now) => operator.tick(*now, &mut output)?,
            Element::End => operator.end(&mut output)?,
            Element::Idle => operator.idle(&mut output)?,
            Element::Barrier(_) => operator.before_barrier(&mut output)?,
            Element::Active => Emission::Done,
        };
        self.show_state();
        let mut forwarded: Vec<Element> = output.batches.into_iter().map(Element::Batch).collect();
        let in_band = (!matches!(element, Element::Batch(_))).then_some(element);
        match emission {
            Emission::Done => forwarded.extend(in_band),
            Emission::More => self.held = in_band,
        }
        Ok((forwarded, emission))
    }

    fn show_state(&mut self) {
        let Step::Operator(operator) = &self.step else { return };
        let n_late = operator.n_late();
        self.metrics.late.add(n_late - self.metrics.n_late_shown);
        self.metrics.n_late_shown = n_late;
        #[allow(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
        self.metrics.state_keys.set(operator.n_keys() as f64);
    }
}

fn write(sink: &mut SinkTask, metrics: &NodeMetrics, element: Element) -> Result<()> {
    match element {
        Element::Batch(batch) => {
            metrics.take(&batch);
            sink.push(batch)
        }
        Element::End => {
            sink.end();
            Ok(())
        }
        Element::Barrier(checkpoint) => {
            sink.barrier(checkpoint);
            Ok(())
        }
        Element::Watermark(Watermark(_)) | Element::Tick(_) | Element::Idle | Element::Active => {
            Ok(())
        }
    }
}

impl NodeMetrics {
    fn take(&self, batch: &Batch) {
        self.records_in.add(batch.n_rows() as u64);
        self.bytes_in.add(batch.n_bytes() as u64);
        self.batches_in.add(1);
    }
}

impl HeadEntry {
    fn poll(&mut self) -> Result<Option<Element>> {
        match &mut self.head {
            Head::Source(head) => head.poll(),
            Head::Values(head) => Ok(head.poll()),
            Head::Exchange(receiver) => Ok(receiver.poll()),
        }
    }
}
