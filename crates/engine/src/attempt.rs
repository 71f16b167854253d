//! One attempt of a job: from the start order to the end of its slots.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use argus_base::connector::{SinkSet, SinkTable};
use argus_base::id::OperatorId;
use argus_base::task::{Task, TaskKind, spawn};
use argus_base::{Error, ErrorKind, Result};
use argus_plan::setting::CheckpointSettings;
use argus_plan::{JobGraph, NodeId, Operator};
use argus_state::storage::{self, MemoryStorage, Storage};

use crate::build::{Builder, Built, CheckpointSetup, Setup};
use crate::checkpoint::{
    Coordinator, CoordinatorParts, Instruments, Mailbox, Orders, Pause, Recovered, Recovery,
    RestoredNodes,
};
use crate::job::{JobEnd, JobParts, JobShared, Running};
use crate::slot::Slot;

/// First pause between two looks at the slots; a job of a few rows ends at once.
const SHORT_PAUSE: Duration = Duration::from_micros(200);
/// Longest time between two looks at the slots.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// An attempt about to run.
pub(crate) struct Attempt<'a> {
    pub graph: &'a Arc<JobGraph>,
    pub parts: &'a JobParts,
    pub shared: &'a JobShared,
    /// Opened by the first attempt, kept for the next.
    pub storage: &'a mut Option<Arc<dyn Storage>>,
    /// Servers that are away are waited for without end: they were there once.
    pub is_restart: bool,
    /// Set once a checkpoint has been committed.
    pub has_committed: bool,
    /// Set once every server was there.
    pub was_ready: bool,
}

/// An attempt ready to run.
struct Prepared {
    slots: Vec<Slot>,
    orders: Arc<Orders>,
    coordinator: Option<Coordinator>,
    mailbox: Arc<Mailbox>,
}

impl Attempt<'_> {
    /// Runs to the end. The first failure is the attempt's; slots that ended because another failed
    /// have none.
    pub(crate) fn run(&mut self) -> Result<JobEnd> {
        let Prepared { slots, orders, mut coordinator, mailbox } = self.prepare()?;
        let states = slots.iter().map(|slot| Arc::clone(&slot.state)).collect();
        self.shared.set_running(Some(Running { orders: Arc::clone(&orders), states }));
        let mut tasks = Vec::new();
        for slot in slots {
            let name = format!("slot-{}", slot.index);
            tasks.push(spawn(TaskKind::Slot, &name, move || slot.run())?);
        }
        let mut result = Ok(());
        let mut pause = SHORT_PAUSE;
        while !tasks.iter().all(Task::is_finished) {
            if self.shared.abort.load(Ordering::Acquire) {
                orders.abort();
            }
            self.was_ready |= self.shared.is_ready();
            result = result.and(self.look(&orders, coordinator.as_mut(), &mailbox, pause));
            pause = (pause * 2).min(LOOK_INTERVAL);
        }
        for task in tasks {
            result = result.and(task.join());
        }
        if result.is_ok() && !orders.abort.load(Ordering::Acquire) {
            result = self.finish(coordinator.as_mut(), &mailbox);
        }
        self.has_committed = coordinator.as_ref().is_some_and(Coordinator::has_committed);
        if let Err(error) = result {
            return Err(self.name_owner(error, coordinator.as_ref()));
        }
        let is_stopped =
            self.shared.requests.stop().is_some() || self.shared.abort.load(Ordering::Acquire);
        Ok(if is_stopped { JobEnd::Stopped } else { JobEnd::Finished })
    }

    /// One step beside the running slots.
    fn look(
        &self,
        orders: &Arc<Orders>,
        coordinator: Option<&mut Coordinator>,
        mailbox: &Mailbox,
        pause: Duration,
    ) -> Result<()> {
        let env = &self.parts.context.env;
        let Some(coordinator) = coordinator.filter(|_| !orders.abort.load(Ordering::Acquire))
        else {
            if self.shared.requests.stop().is_some() {
                orders.stop.store(true, Ordering::Release);
            }
            mailbox.waker.wait(pause);
            return Ok(());
        };
        self.shared.requests.set_ready(self.shared.is_ready());
        match coordinator.step() {
            Ok(Pause::None) => {}
            Ok(Pause::Until(time)) => {
                mailbox.waker.wait(time.saturating_sub(env.elapsed()).min(LOOK_INTERVAL));
            }
            Ok(Pause::Finished) => mailbox.waker.wait(Duration::from_millis(1)),
            Err(error) => {
                orders.abort();
                return Err(error);
            }
        }
        Ok(())
    }

    /// The slots have ended: what is left is to commit the last checkpoint.
    fn finish(&self, coordinator: Option<&mut Coordinator>, mailbox: &Mailbox) -> Result<()> {
        let Some(coordinator) = coordinator else { return Ok(()) };
        let env = &self.parts.context.env;
        loop {
            match coordinator.step()? {
                Pause::Finished => return Ok(()),
                Pause::None => {}
                Pause::Until(time) => mailbox.waker.wait(time.saturating_sub(env.elapsed())),
            }
            if self.shared.abort.load(Ordering::Acquire) {
                return Err(Error::transient("AR5205", "the job was aborted"));
            }
        }
    }

    fn prepare(&mut self) -> Result<Prepared> {
        let mailbox = Arc::new(Mailbox::default());
        let orders = Arc::new(Orders::default());
        let (nodes, set) = self.open_sinks()?;
        let sinks = self.sinks(&nodes, &set)?;
        let Some(settings) = self.graph.settings.checkpoints.clone() else {
            let setup = Setup { orders: Arc::clone(&orders), sinks, checkpoints: None };
            let slots = Builder::new(self.graph, self.parts, &setup)?.build()?.slots;
            return Ok(Prepared { slots, orders, coordinator: None, mailbox });
        };
        let storage = self.open_storage(&settings)?;
        let recovered = self.recover(&storage, &nodes, set)?;
        let restored = recovered.manifest.as_ref();
        let restored =
            restored.map(|manifest| RestoredNodes::open(manifest, &storage)).transpose()?;
        let checkpoints = CheckpointSetup { mailbox: Arc::clone(&mailbox), restored };
        let setup = Setup { orders: Arc::clone(&orders), sinks, checkpoints: Some(checkpoints) };
        let built = Builder::new(self.graph, self.parts, &setup)?.build()?;
        let Built { slots, parts, n_heads, chains } = built;
        let context = &self.parts.context;
        let last = Arc::clone(&self.shared.last_checkpoint);
        let parts = CoordinatorParts {
            env: context.env.clone(),
            graph: Arc::clone(self.graph),
            settings,
            storage,
            orders: Arc::clone(&orders),
            mailbox: Arc::clone(&mailbox),
            parts,
            n_heads,
            chains,
            instruments: Instruments::new(&context.metrics, &context.job_name, last),
            requests: Arc::clone(&self.shared.requests),
        };
        let coordinator = Some(Coordinator::new(parts, recovered));
        Ok(Prepared { slots, orders, coordinator, mailbox })
    }

    /// All sinks of the graph in order, opened together.
    fn open_sinks(&self) -> Result<(Vec<NodeId>, SinkSet)> {
        let (mut nodes, mut tables) = (Vec::new(), Vec::new());
        for id in self.graph.ids() {
            if let Operator::Sink(sink) = &self.graph.node(id).operator {
                nodes.push(id);
                tables.push(SinkTable { table: &sink.table, metadata: &sink.metadata });
            }
        }
        let set = self.parts.factory.sinks(&tables, &self.parts.context)?;
        Ok((nodes, set))
    }

    fn sinks(
        &self,
        nodes: &[NodeId],
        set: &SinkSet,
    ) -> Result<BTreeMap<NodeId, Arc<dyn argus_base::sink::Sink>>> {
        let mut sinks: BTreeMap<_, _> =
            nodes.iter().copied().zip(set.sinks.iter().cloned()).collect();
        for id in self.graph.ids() {
            if self.graph.node(id).operator == Operator::Collect {
                let missing = || Error::bug("nobody collects the rows of the query");
                sinks.insert(id, self.parts.collect.clone().ok_or_else(missing)?);
            }
        }
        Ok(sinks)
    }

    fn open_storage(&mut self, settings: &CheckpointSettings) -> Result<Arc<dyn Storage>> {
        if let Some(storage) = self.storage.as_ref() {
            return Ok(Arc::clone(storage));
        }
        let opened: Arc<dyn Storage> = match &settings.dir {
            None => Arc::new(MemoryStorage::default()),
            Some(dir) => {
                let (job, written) = (&self.graph.settings.name, &self.graph.settings.written);
                let env = &self.parts.context.env;
                self.recovery(&(Arc::new(MemoryStorage::default()) as Arc<dyn Storage>))
                    .insist("open the checkpoint store", || storage::open(dir, job, written, env))?
            }
        };
        *self.storage = Some(Arc::clone(&opened));
        Ok(opened)
    }

    fn recovery<'b>(&'b self, storage: &Arc<dyn Storage>) -> Recovery<'b> {
        let patience = (!self.is_restart).then_some(self.graph.settings.connect_timeout);
        Recovery {
            env: &self.parts.context.env,
            graph: self.graph,
            storage: Arc::clone(storage),
            options: &self.parts.start,
            patience,
            shared: self.shared,
        }
    }

    fn recover(
        &self,
        storage: &Arc<dyn Storage>,
        nodes: &[NodeId],
        set: SinkSet,
    ) -> Result<Recovered> {
        let sinks: Vec<OperatorId> = nodes.iter().map(|id| self.graph.node(*id).id).collect();
        self.recovery(storage).run(set, &sinks)
    }

    /// Where an external system was fenced, another worker has taken over if it holds the store
    /// too; otherwise the job may take the system back.
    fn name_owner(&self, error: Error, coordinator: Option<&Coordinator>) -> Error {
        let Some(coordinator) = coordinator.filter(|_| error.kind() == ErrorKind::Fenced) else {
            return error;
        };
        let storage = coordinator.storage();
        let checked =
            self.recovery(storage).insist("look at the epoch log", || coordinator.check());
        checked.err().unwrap_or(error)
    }
}

/// Whether another worker owns the job's store: then there is nothing to come back to.
pub(crate) fn is_taken_over(error: &Error) -> bool {
    error.code() == argus_state::epoch_log::TAKEN_OVER
}
