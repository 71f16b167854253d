//! The other side of the control socket: one question to a worker.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use argus_base::Env;

use super::{Answer, Request};

/// Longest answer: a job with thousands of partitions tells of each.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Why there is no answer.
#[derive(Debug)]
pub enum Trouble {
    /// There is no socket, or nobody listens there any more.
    NoWorker(String),
    /// The worker did not answer in time.
    Slow,
    /// Anything else.
    Other(String),
}

/// A connection to a worker.
pub struct Client {
    stream: UnixStream,
    env: Env,
    /// When patience is over, on the clock of `env`.
    until: Duration,
}

impl Client {
    /// Connects; everything together may take as long as `patience`.
    pub fn connect(socket: &Path, env: &Env, patience: Duration) -> Result<Client, Trouble> {
        let stream = UnixStream::connect(socket).map_err(|error| refused(socket, &error))?;
        Ok(Client { stream, env: env.clone(), until: env.elapsed() + patience })
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, Trouble> {
        let mut line =
            serde_json::to_vec(request).map_err(|error| Trouble::Other(error.to_string()))?;
        line.push(b'\n');
        self.stream.write_all(&line).map_err(|error| other(&error))?;
        let mut answer = Vec::new();
        while answer.last() != Some(&b'\n') {
            if !self.read(&mut answer)? {
                let why = "the worker ended without an answer";
                return Err(Trouble::Other(why.to_owned()));
            }
            if answer.len() > MAX_ANSWER_BYTES {
                return Err(Trouble::Other("the answer has no end".to_owned()));
            }
        }
        let read = serde_json::from_slice(&answer);
        read.map_err(|error| Trouble::Other(format!("the answer makes no sense: {error}")))
    }

    /// Waits until the worker's process has ended.
    pub fn wait_for_the_end(&mut self) -> Result<(), Trouble> {
        let mut rest = Vec::new();
        while self.read(&mut rest)? {
            rest.clear();
        }
        Ok(())
    }

    /// Reads some more; false at the end of the stream.
    fn read(&mut self, into: &mut Vec<u8>) -> Result<bool, Trouble> {
        let left = self.until.saturating_sub(self.env.elapsed());
        if left.is_zero() {
            return Err(Trouble::Slow);
        }
        self.stream.set_read_timeout(Some(left)).map_err(|error| other(&error))?;
        let mut chunk = [0; 8 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(n_read) => {
                into.extend_from_slice(&chunk[..n_read]);
                Ok(true)
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(Trouble::Slow),
                // The process has ended with something unread.
                ErrorKind::ConnectionReset => Ok(false),
                ErrorKind::Interrupted => Ok(true),
                _ => Err(other(&error)),
            },
        }
    }
}

fn refused(socket: &Path, error: &io::Error) -> Trouble {
    let socket = socket.display();
    match error.kind() {
        ErrorKind::NotFound => Trouble::NoWorker(format!("there is no control socket {socket}")),
        ErrorKind::ConnectionRefused => {
            Trouble::NoWorker(format!("nobody listens at {socket}: its worker has died"))
        }
        _ => Trouble::Other(format!("connect to {socket}: {error}")),
    }
}

fn other(error: &io::Error) -> Trouble {
    Trouble::Other(format!("talk to the worker: {error}"))
}
