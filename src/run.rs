//! `argus run`: reads a script and runs its jobs one after another.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use argus_base::connector::{ConnectorContext, ConnectorFactory};
use argus_base::metrics::Registry;
use argus_base::sink::Sink;
use argus_base::{Env, Result};
use argus_engine::job::{self, JobEnd, JobHandle, JobParts};
use argus_plan::graph::{ChangelogMode, JobGraph, Operator};

use crate::output::{ClientSink, OutputForm, Printer};
use crate::service::health::Health;
use crate::signal::StopRequest;
use crate::watch::Watch;

/// What the jobs of a process share.
pub struct Runner {
    /// Time and chance.
    pub env: Env,
    /// Opens tables.
    pub factory: Arc<dyn ConnectorFactory>,
    /// Whether a signal has come.
    pub stop: StopRequest,
    /// What the server tells.
    pub health: Health,
    /// Where metrics are served, if they are.
    pub address: Option<SocketAddr>,
    /// How rows are printed.
    pub form: OutputForm,
}

impl Runner {
    /// Runs a job to its end.
    pub fn run(&self, graph: &JobGraph) -> Result<JobEnd> {
        let metrics = Registry::default();
        let printer = self.printer(graph);
        let collect = printer.as_ref().map(|printer| {
            let sink: Arc<dyn Sink> = Arc::new(ClientSink::new(Arc::clone(printer)));
            sink
        });
        let handle = start(graph, &self.env, &self.factory, &metrics, collect)?;
        let watch = Watch {
            env: &self.env,
            metrics: &metrics,
            stop: &self.stop,
            health: &self.health,
            job_name: &graph.settings.name,
            parallelism: graph.settings.parallelism,
            address: self.address,
            prints_rows: printer.is_some(),
        };
        let end = watch.wait(handle)?;
        if let Some(printer) = printer {
            printer.lock().unwrap_or_else(PoisonError::into_inner).finish()?;
        }
        Ok(end)
    }

    /// The printer of a job that ends in the client.
    fn printer(&self, graph: &JobGraph) -> Option<Arc<Mutex<Printer>>> {
        let collect = graph.nodes.iter().find(|node| node.operator == Operator::Collect)?;
        let has_kinds = collect.changelog != ChangelogMode::Append;
        let printer = Printer::new(self.form, collect.output.clone(), has_kinds);
        Some(Arc::new(Mutex::new(printer)))
    }
}

/// Starts a job with what its settings say.
pub fn start(
    graph: &JobGraph,
    env: &Env,
    factory: &Arc<dyn ConnectorFactory>,
    metrics: &Registry,
    collect: Option<Arc<dyn Sink>>,
) -> Result<JobHandle> {
    let settings = &graph.settings;
    let context = ConnectorContext {
        env: env.clone(),
        job_name: settings.name.clone(),
        time_zone: settings.time_zone.clone(),
        connect_timeout: settings.connect_timeout,
        on_source_error: settings.on_error,
        on_sink_error: settings.on_error,
        settings: settings.written.clone(),
        metrics: metrics.clone(),
    };
    job::start(graph, JobParts { factory: Arc::clone(factory), context, collect })
}
