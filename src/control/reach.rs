//! The control socket of one job, from its start to its end.
//!
//! A socket that lies at the place belongs to another worker of the job, dead or alive. It is
//! replaced once this worker has taken the job over, and not before: a start that is refused leaves
//! the other one running, and reachable. A place that was asked for may also be that of another
//! job: as long as its worker answers, it is not ours to have.

use std::path::Path;
use std::time::Duration;

use argus_base::{Env, Error, Result};
use argus_engine::job::JobControl;
use argus_plan::JobGraph;
use argus_state::storage;

use super::Request;
use super::client::Client;
use super::place::{Socket, default_socket, socket_without_folder};
use super::server::{ControlServer, Listening, Outcome};
use super::status::Subject;
use crate::failure::eprint_quietly;
use crate::signal::StopRequest;

/// How long whoever has the place already may take to say who it is.
const INTRODUCTION: Duration = Duration::from_secs(3);

/// The way to a job.
pub struct Reach {
    env: Env,
    stop: StopRequest,
    job: String,
    /// What is told of it, until a server has it.
    subject: Option<Subject>,
    state: State,
}

enum State {
    /// There is no socket, and will be none.
    Closed,
    /// The place is another's until the job has been taken over.
    Waiting(Socket),
    /// It is there, and nobody answers yet.
    Listening(Listening),
    Serving(ControlServer),
}

impl Reach {
    /// Before the job starts. Fails where the socket was asked for and cannot be had; otherwise
    /// that is no reason not to run.
    pub fn begin(
        env: &Env,
        stop: &StopRequest,
        graph: &JobGraph,
        subject: Subject,
        asked_for: Option<&Path>,
    ) -> Result<Reach> {
        if let Some(path) = asked_for {
            refuse_anothers(path, &graph.settings.name, env)?;
        }
        let state = match socket(graph, asked_for) {
            None => State::Closed,
            Some(socket) if graph.settings.checkpoints.is_some() && socket.path.exists() => {
                State::Waiting(socket)
            }
            Some(socket) => open(socket, &graph.settings.name, asked_for)?,
        };
        let (env, stop, job) = (env.clone(), stop.clone(), graph.settings.name.clone());
        Ok(Reach { env, stop, job, subject: Some(subject), state })
    }

    /// Opens it when it is time to. Comes again and again while the job runs.
    pub fn look(&mut self, control: &JobControl) {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Waiting(socket) if control.status().checkpoints.owner.is_some() => {
                // Nobody asked for it so much that the job is to end for it now.
                open(socket, &self.job, None).unwrap_or(State::Closed)
            }
            State::Listening(listening) => self.serve(listening, control),
            other => other,
        };
    }

    /// Tells whoever waits how the job ended, and removes the socket.
    pub fn close(self, outcome: Outcome) {
        match self.state {
            State::Serving(server) => server.close(outcome),
            State::Listening(listening) => listening.remove(),
            State::Waiting(_) | State::Closed => {}
        }
    }

    fn serve(&mut self, listening: Listening, control: &JobControl) -> State {
        let Some(subject) = self.subject.take() else { return State::Closed };
        match listening.serve(&self.env, subject, control, &self.stop) {
            Ok(server) => State::Serving(server),
            Err(error) => {
                tracing::warn!(%error, job = self.job, "the job has no control socket");
                State::Closed
            }
        }
    }
}

/// Where it is to lie; `None` for a job that needs none.
fn socket(graph: &JobGraph, asked_for: Option<&Path>) -> Option<Socket> {
    if let Some(path) = asked_for {
        return Some(Socket::at(path));
    }
    let (checkpoints, job) = (graph.settings.checkpoints.as_ref()?, &graph.settings.name);
    let Some(dir) = &checkpoints.dir else { return Some(socket_without_folder(job)) };
    // Where that fails the job says why, or waits.
    let _told_by_the_job = storage::make_local_folder(dir, job);
    Some(default_socket(dir, job))
}

/// Refuses a place at which the worker of another job answers.
fn refuse_anothers(path: &Path, job: &str, env: &Env) -> Result<()> {
    let asked = Client::connect(path, env, INTRODUCTION)
        .and_then(|mut client| client.ask(&Request::Status {}));
    // Whoever does not answer is dead, or as good as that.
    let status = asked.ok().and_then(|answer| answer.status);
    let Some(other) = status.filter(|status| status.job != job) else { return Ok(()) };
    let message = format!("the worker of the job '{}' (process {}) has it", other.job, other.pid);
    Err(Error::user("AR6003", message).context(format!("listen at {}", path.display())))
}

fn open(socket: Socket, job: &str, asked_for: Option<&Path>) -> Result<State> {
    let (path, is_elsewhere) = (socket.path.display().to_string(), socket.is_elsewhere);
    match Listening::bind(socket) {
        Ok(listening) => {
            if is_elsewhere {
                eprint_quietly(&format!("argus: control={path}\n"));
            }
            Ok(State::Listening(listening))
        }
        Err(error) if asked_for.is_some() => {
            Err(Error::user("AR6003", error.to_string()).context(format!("listen at {path}")))
        }
        Err(error) => {
            tracing::warn!(%error, path, job, "the job has no control socket");
            Ok(State::Closed)
        }
    }
}
