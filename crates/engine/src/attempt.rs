//! How one attempt of a job begins: the start order, and slots built of what it found.

use std::collections::BTreeMap;
use std::sync::Arc;

use argus_base::connector::{SinkSet, SinkTable};
use argus_base::id::OperatorId;
use argus_base::{Error, ErrorKind, Result};
use argus_plan::setting::CheckpointSettings;
use argus_plan::{JobGraph, NodeId, Operator};
use argus_state::epoch_log::EpochLog;
use argus_state::storage::{self, MemoryStorage, Storage};

use crate::build::{Builder, Built, CheckpointSetup, Setup};
use crate::checkpoint::{
    Coordinator, CoordinatorParts, Instruments, Mailbox, Orders, Recovered, Recovery, RestoredNodes,
};
use crate::control::Control;
use crate::job::{JobParts, JobShared};
use crate::slot::Slot;

/// An attempt about to begin.
pub(crate) struct Attempt<'a> {
    pub graph: &'a Arc<JobGraph>,
    pub parts: &'a JobParts,
    pub shared: &'a Arc<JobShared>,
    /// Opened by the first attempt, kept for the next.
    pub storage: &'a mut Option<Arc<dyn Storage>>,
}

impl Attempt<'_> {
    /// Goes through the start order and builds what is to run; may wait for servers.
    pub(crate) fn prepare(&mut self) -> Result<(Vec<Slot>, Control)> {
        let mailbox = Arc::new(Mailbox::default());
        let orders = Arc::new(Orders::default());
        let (nodes, set) = self.open_sinks()?;
        let sinks = self.sinks(&nodes, &set)?;
        let Some(settings) = self.graph.settings.checkpoints.clone() else {
            let setup = Setup { orders: Arc::clone(&orders), sinks, checkpoints: None };
            let slots = Builder::new(self.graph, self.parts, &setup)?.build()?.slots;
            return Ok((slots, self.control(orders, mailbox, None)));
        };
        let storage = self.open_storage(&settings)?;
        let (log, recovered) = self.recover(&storage, &nodes, set)?;
        self.shared.facts.began(&recovered.owner, recovered.manifest.as_ref());
        let restored = recovered.manifest.as_ref().map(|manifest| {
            let allowed = &self.parts.start.allow_state_loss;
            let open = || RestoredNodes::open(manifest, &storage, allowed);
            self.recovery(&storage).insist("open the checkpoint", open)
        });
        let restored = restored.transpose()?;
        let checkpoints = CheckpointSetup { mailbox: Arc::clone(&mailbox), restored };
        let setup = Setup { orders: Arc::clone(&orders), sinks, checkpoints: Some(checkpoints) };
        let built = Builder::new(self.graph, self.parts, &setup)?.build()?;
        let Built { slots, parts, n_heads, chains } = built;
        let context = &self.parts.context;
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
            instruments: Instruments::new(&context.metrics, &context.job_name),
            requests: Arc::clone(&self.shared.requests),
            facts: Arc::clone(&self.shared.facts),
        };
        let coordinator = Some(Coordinator::new(parts, log, recovered));
        Ok((slots, self.control(orders, mailbox, coordinator)))
    }

    fn control(
        &self,
        orders: Arc<Orders>,
        mailbox: Arc<Mailbox>,
        coordinator: Option<Coordinator>,
    ) -> Control {
        let env = self.parts.context.env.clone();
        Control::new(env, Arc::clone(self.shared), orders, mailbox, coordinator)
    }

    /// All sinks of the graph in order, opened together.
    fn open_sinks(&self) -> Result<(Vec<NodeId>, SinkSet)> {
        let (mut nodes, mut tables) = (Vec::new(), Vec::new());
        for id in self.graph.ids() {
            if let Operator::Sink(sink) = &self.graph.node(id).operator {
                nodes.push(id);
                let unstable_key = sink.unstable_key.as_deref();
                let (table, metadata) = (&sink.table, sink.metadata.as_slice());
                tables.push(SinkTable { table, metadata, unstable_key });
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
        // Servers that were there once are waited for without end.
        let is_restart = self.parts.context.is_restart;
        let patience = (!is_restart).then_some(self.graph.settings.connect_timeout);
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
    ) -> Result<(EpochLog, Recovered)> {
        let sinks: Vec<OperatorId> = nodes.iter().map(|id| self.graph.node(*id).id).collect();
        self.recovery(storage).run(set, &sinks)
    }

    /// Where a restart would follow: another worker may have taken over, and then must not be
    /// fenced by this one. If it has not, a system that has fenced the job may be taken back.
    pub(crate) fn name_owner(&self, error: Error, coordinator: Option<&Coordinator>) -> Error {
        let is_final =
            matches!(error.kind(), ErrorKind::Data | ErrorKind::User | ErrorKind::Corrupt);
        let Some(coordinator) = coordinator.filter(|_| !is_final) else { return error };
        let storage = coordinator.storage();
        let checked =
            self.recovery(storage).insist("look at the epoch log", || coordinator.check());
        checked.err().filter(is_taken_over).unwrap_or(error)
    }
}

/// Whether another worker owns the job's store: then there is nothing to come back to.
pub(crate) fn is_taken_over(error: &Error) -> bool {
    error.code() == argus_state::epoch_log::TAKEN_OVER
}
