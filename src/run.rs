//! `argus run` and `argus explain`: the steps of a script, one after another.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argus_base::connector::{CheckpointContext, ConnectorContext, ConnectorFactory};
use argus_base::fault::KillAt;
use argus_base::metrics::Registry;
use argus_base::sink::Sink;
use argus_base::{Env, Result};
use argus_connectors::registry::Connectors;
use argus_engine::StartOptions;
use argus_engine::job::{self, JobEnd, JobHandle, JobParts};
use argus_plan::graph::{ChangelogMode, JobGraph, Operator};
use argus_sql::session::Step;

use crate::cli::{ExplainArguments, RunArguments};
use crate::control::Reach;
use crate::control::status::Subject;
use crate::failure::{self, Failure};
use crate::jobs;
use crate::output::{self, ClientSink, OutputForm, Printer, write_out};
use crate::script::Script;
use crate::service;
use crate::service::health::Health;
use crate::signal::StopRequest;
use crate::watch::Watch;

/// Runs a script.
pub fn run(arguments: &RunArguments) -> std::result::Result<(), Failure> {
    let env = env_with_faults()?;
    let stop = StopRequest::listen(&env)?;
    let mut script = Script::read(&arguments.script)?;
    if let Some(dir) = &arguments.dir {
        script.settings.insert("execution.checkpointing.dir".to_owned(), dir.clone());
    }
    let steps = script.steps()?;
    jobs::check(arguments, &steps)?;
    let health = Health::new(&env);
    let server = arguments.metrics.map(|at| service::serve(at, &env, &health)).transpose()?;
    let runner = Runner {
        stop,
        env,
        factory: Arc::new(Connectors::new()),
        health,
        address: server.map(|server| server.address),
        form: arguments.output.unwrap_or_else(default_form),
        start: arguments.start.options(),
        control: arguments.control.clone(),
    };
    for step in steps {
        if runner.step(&step)? != JobEnd::Finished {
            break;
        }
    }
    Ok(())
}

/// The machine's world, with the fault that `ARGUS_FAULT` asks for.
fn env_with_faults() -> std::result::Result<Env, Failure> {
    let env = Env::system();
    match std::env::var("ARGUS_FAULT") {
        Err(_) => Ok(env),
        Ok(text) => match KillAt::parse(&text) {
            Ok(fault) => Ok(env.with_faults(Arc::new(fault))),
            Err(error) => Err(Failure::Arguments(format!("ARGUS_FAULT: {error}"))),
        },
    }
}

/// Prints the plan of every job of a script.
pub fn explain(arguments: &ExplainArguments) -> std::result::Result<(), Failure> {
    for plan in Script::read(&arguments.script)?.plans()? {
        write_out(format!("{}\n", plan.trim_end()).as_bytes())?;
    }
    Ok(())
}

fn default_form() -> OutputForm {
    if std::io::stdout().is_terminal() { OutputForm::Table } else { OutputForm::Json }
}

/// What the jobs of a process share.
struct Runner {
    env: Env,
    factory: Arc<dyn ConnectorFactory>,
    stop: StopRequest,
    health: Health,
    /// Where metrics are served, if they are.
    address: Option<SocketAddr>,
    form: OutputForm,
    start: StartOptions,
    /// Where jobs can be reached, if it was said.
    control: Option<PathBuf>,
}

impl Runner {
    /// Prints rows, or runs a job to its end.
    fn step(&self, step: &Step) -> Result<JobEnd> {
        if self.stop.is_asked() {
            return Ok(JobEnd::Stopped);
        }
        match step {
            Step::Rows(rows) => output::rows::print(self.form, rows).map(|()| JobEnd::Finished),
            Step::Job(job) => self.job(&job.graph),
        }
    }

    fn job(&self, graph: &JobGraph) -> Result<JobEnd> {
        let metrics = Registry::default();
        let printer = self.printer(graph);
        let collect = printer.as_ref().map(|printer| {
            let sink: Arc<dyn Sink> = Arc::new(ClientSink::new(Arc::clone(printer)));
            sink
        });
        // Rows wait for the line that announces the job.
        let rows = printer.as_deref().map(lock);
        let world = JobWorld {
            env: &self.env,
            factory: &self.factory,
            metrics: &metrics,
            collect,
            start: self.start.clone(),
        };
        let subject = Subject::new(&self.env, graph, &metrics);
        let asked_for = self.control.as_deref();
        let mut reach = Reach::begin(&self.env, &self.stop, graph, subject, asked_for)?;
        let handle = start(graph, world)?;
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
        let end = watch.wait(handle, rows, &mut reach);
        reach.close(end.as_ref().copied().map_err(failure::render));
        let end = end?;
        if let Some(printer) = printer {
            lock(&printer).finish()?;
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

fn lock(printer: &Mutex<Printer>) -> MutexGuard<'_, Printer> {
    printer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is around a job.
pub struct JobWorld<'a> {
    /// Time and chance.
    pub env: &'a Env,
    /// Opens tables.
    pub factory: &'a Arc<dyn ConnectorFactory>,
    /// The job's own metrics.
    pub metrics: &'a Registry,
    /// Where a SELECT's rows go.
    pub collect: Option<Arc<dyn Sink>>,
    /// How it begins, where it takes checkpoints.
    pub start: StartOptions,
}

/// Starts a job with what its settings say.
pub fn start(graph: &JobGraph, world: JobWorld<'_>) -> Result<JobHandle> {
    let settings = &graph.settings;
    let checkpoints = settings.checkpoints.as_ref().map(|checkpoints| CheckpointContext {
        interval: checkpoints.interval,
        timeout: checkpoints.timeout,
    });
    let context = ConnectorContext {
        env: world.env.clone(),
        job_name: settings.name.clone(),
        time_zone: settings.time_zone.clone(),
        connect_timeout: settings.connect_timeout,
        on_source_error: settings.on_error,
        on_sink_error: settings.on_error,
        settings: settings.written.clone(),
        metrics: world.metrics.clone(),
        checkpoints,
        is_restart: false,
    };
    let factory = Arc::clone(world.factory);
    let JobWorld { collect, start, .. } = world;
    job::start(graph, JobParts { factory, context, collect, start, storage: None })
}
