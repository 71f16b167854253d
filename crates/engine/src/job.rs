//! A running job: slots made from a job graph, and the handle that watches and stops them.
//!
//! Nodes joined by forward edges form a fragment; subtask `i` of every fragment runs in slot `i`.
//! All other edges are exchanges.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use argus_base::Result;
use argus_base::connector::{ConnectorContext, ConnectorFactory};
use argus_base::sink::Sink;
use argus_base::task::{Task, TaskKind, spawn};
use argus_plan::JobGraph;

use crate::build::Builder;
use crate::slot::{JobOrders, SlotState};

/// What a job needs besides its graph.
pub struct JobParts {
    /// Opens the tables.
    pub factory: Arc<dyn ConnectorFactory>,
    /// What connectors get to know of the job.
    pub context: ConnectorContext,
    /// Where a SELECT's rows go. Must be there when the graph ends in `Operator::Collect`.
    pub collect: Option<Arc<dyn Sink>>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// Every source ended by itself and every row is durable.
    Finished,
    /// It was stopped; what had been emitted is durable.
    Stopped,
}

/// A running job. Dropping the handle aborts it.
pub struct JobHandle {
    orders: Arc<JobOrders>,
    states: Vec<Arc<SlotState>>,
    tasks: Vec<Task<()>>,
}

/// Starts a job. Servers are reached by its threads: an unreachable one shows up later, in
/// `is_ready` or as the job's failure.
pub fn start(graph: &JobGraph, parts: JobParts) -> Result<JobHandle> {
    let slots = Builder::new(graph, &parts)?.build()?;
    let orders = slots.first().map(|slot| slot.orders.clone()).unwrap_or_default();
    let states = slots.iter().map(|slot| slot.state.clone()).collect();
    let mut handle = JobHandle { orders, states, tasks: Vec::new() };
    for slot in slots {
        let name = format!("slot-{}", slot.index);
        handle.tasks.push(spawn(TaskKind::Slot, &name, move || slot.run())?);
    }
    Ok(handle)
}

impl JobHandle {
    /// Whether every source has its positions and every sink is connected, now.
    pub fn is_ready(&self) -> bool {
        self.states.iter().all(|state| state.is_ready.load(Ordering::Acquire))
    }

    /// Whether all slots have ended.
    pub fn is_finished(&self) -> bool {
        self.tasks.iter().all(Task::is_finished)
    }

    /// Rounds of all slots so far. A number that does not grow for seconds is a slot that hangs.
    pub fn n_rounds(&self) -> u64 {
        self.states.iter().map(|state| state.n_rounds.load(Ordering::Relaxed)).sum()
    }

    /// Ends the sources where they stand. Windows that the watermark has not passed are not
    /// written; what has been emitted is made durable.
    pub fn stop(&self) {
        self.orders.stop.store(true, Ordering::Release);
    }

    /// Ends all slots at once; what is on its way may be lost.
    pub fn abort(&self) {
        self.orders.abort.store(true, Ordering::Release);
    }

    /// Waits for the end. The first failure, in order of slots, is the job's; slots that ended
    /// because another failed have none.
    pub fn wait(mut self) -> Result<JobEnd> {
        let mut result = Ok(());
        for task in std::mem::take(&mut self.tasks) {
            result = result.and(task.join());
        }
        result?;
        let is_stopped =
            self.orders.stop.load(Ordering::Acquire) || self.orders.abort.load(Ordering::Acquire);
        Ok(if is_stopped { JobEnd::Stopped } else { JobEnd::Finished })
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        self.abort();
    }
}
