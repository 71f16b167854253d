//! `argus stop`, `argus savepoint` and `argus status`.

use std::path::PathBuf;
use std::time::Duration;

use argus_base::{Env, Result};
use argus_state::storage;

use super::client::{Client, Trouble};
use super::place::{Socket, default_socket};
use super::{Answer, Request, show};
use crate::cli::worker::{SavepointArguments, StatusArguments, StopArguments, WorkerArguments};
use crate::failure::Failure;
use crate::output::write_out;

/// Where `--dir` comes from without it.
const DIR_VARIABLE: &str = "ARGUS_CHECKPOINT_DIR";

/// Ends a job and waits until its worker is gone.
pub fn stop(arguments: &StopArguments) -> std::result::Result<(), Failure> {
    let request = Request::Stop {
        drain: arguments.drain,
        savepoint: arguments.savepoint || arguments.to.is_some(),
        dir: arguments.to.as_deref().map(storage::absolute),
    };
    let worker = Worker::of(&arguments.worker)?;
    let mut client = worker.connect()?;
    let answer = worker.ask(&mut client, &request)?;
    let ended = client.wait_for_the_end();
    ended.map_err(|trouble| worker.failure(trouble, "the job has ended, and its worker not"))?;
    let end = answer.end;
    let how = end.as_ref().map_or_else(|| "stopped".to_owned(), |end| end.how.clone());
    let checkpoint = end.and_then(|end| end.checkpoint);
    let checkpoint = checkpoint.map_or_else(String::new, |id| format!(" checkpoint={id}"));
    let place = answer.savepoint.map_or_else(String::new, |place| format!(" savepoint={place}"));
    Ok(print(&format!("argus: {how} {}{checkpoint}{place}", worker.name()))?)
}

/// Takes a savepoint and prints where it lies.
pub fn savepoint(arguments: &SavepointArguments) -> std::result::Result<(), Failure> {
    let request = Request::Savepoint { dir: arguments.to.as_deref().map(storage::absolute) };
    let worker = Worker::of(&arguments.worker)?;
    let answer = worker.ask(&mut worker.connect()?, &request)?;
    Ok(print(&answer.savepoint.unwrap_or_default())?)
}

/// Prints how a job is getting on.
pub fn status(arguments: &StatusArguments) -> std::result::Result<(), Failure> {
    let worker = Worker::of(&arguments.worker)?;
    let answer = worker.ask(&mut worker.connect()?, &Request::Status {})?;
    let Some(status) = answer.status else {
        return Err(Failure::Command("the worker told nothing of the job".to_owned()));
    };
    if arguments.json {
        let text = serde_json::to_string_pretty(&status);
        let text = text.map_err(|error| Failure::Command(error.to_string()))?;
        return Ok(print(&text)?);
    }
    Ok(write_out(show::status(&status).as_bytes())?)
}

fn print(line: &str) -> Result<()> {
    write_out(format!("{line}\n").as_bytes())
}

/// The worker that is meant, and where it is looked for.
struct Worker {
    env: Env,
    job: Option<String>,
    socket: PathBuf,
    patience: Duration,
}

impl Worker {
    fn of(arguments: &WorkerArguments) -> std::result::Result<Worker, Failure> {
        let socket = match (&arguments.control, &arguments.job) {
            (Some(path), _) => Socket::at(path),
            (None, Some(job)) => default_socket(&checkpoint_dir(arguments)?, job),
            (None, None) => {
                let expected = "say which job: its name, or --control PATH";
                return Err(Failure::Arguments(expected.to_owned()));
            }
        };
        Ok(Worker {
            env: Env::system(),
            job: arguments.job.clone(),
            socket: socket.path,
            patience: Duration::from_secs(arguments.timeout),
        })
    }

    /// `job=NAME`, or where it was reached.
    fn name(&self) -> String {
        match &self.job {
            Some(job) => format!("job={job}"),
            None => format!("control={}", self.socket.display()),
        }
    }

    fn connect(&self) -> std::result::Result<Client, Failure> {
        let client = Client::connect(&self.socket, &self.env, self.patience);
        client.map_err(|trouble| self.failure(trouble, "the worker did not answer"))
    }

    fn ask(&self, client: &mut Client, request: &Request) -> std::result::Result<Answer, Failure> {
        let slow = "the worker has not done it yet, and goes on with it";
        let answer = client.ask(request).map_err(|trouble| self.failure(trouble, slow))?;
        match answer.error {
            Some(why) => Err(Failure::Command(why)),
            None => Ok(answer),
        }
    }

    fn failure(&self, trouble: Trouble, slow: &str) -> Failure {
        Failure::Command(match trouble {
            Trouble::NoWorker(why) => {
                let of = self.job.as_ref().map_or(String::new(), |job| format!(" of job '{job}'"));
                format!(
                    "no worker{of} is running: {why}\n  = help: --dir is the job's \
                     execution.checkpointing.dir; a worker that has its socket elsewhere says \
                     `argus: control=PATH` at its start"
                )
            }
            Trouble::Slow => format!("{slow}: waited {:?}; --timeout waits longer", self.patience),
            Trouble::Other(why) => why,
        })
    }
}

fn checkpoint_dir(arguments: &WorkerArguments) -> std::result::Result<String, Failure> {
    let dir = arguments.dir.clone().or_else(|| std::env::var(DIR_VARIABLE).ok());
    dir.filter(|dir| !dir.is_empty()).ok_or_else(|| {
        let expected = "where are the checkpoints of the job? Give --dir DIR, set \
                        ARGUS_CHECKPOINT_DIR, or give --control PATH";
        Failure::Arguments(expected.to_owned())
    })
}
