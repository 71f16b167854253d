//! The worker's side of the control socket: a thread that accepts, and one short-lived thread a
//! connection. Nothing that a client sends can end the process, but `stop`.
//!
//! Bounds: [`MAX_CONNECTIONS`] at a time, further ones wait in the system's queue; of those at most
//! [`MAX_WAITING`] wait for a savepoint or the end of the job.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use argus_base::task::{TaskKind, spawn};
use argus_base::{Env, Result};
use argus_engine::StopKind;
use argus_engine::job::{JobControl, JobEnd};

use super::place::Socket;
use super::status::Subject;
use super::{Answer, End, MAX_REQUEST_BYTES, Request};
use crate::signal::StopRequest;

/// Most connections served at a time.
const MAX_CONNECTIONS: usize = 8;
/// Most of them that wait for something.
const MAX_WAITING: usize = 4;
/// How long one read or write may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a whole request may take to come in.
const MOST_READING: Duration = Duration::from_secs(5);
/// Pause between two looks for a connection.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a process that ends waits for its last answers to be taken.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A socket that is there, before its job is.
pub struct Listening {
    listener: UnixListener,
    socket: Socket,
    /// Device and number of the file: another worker may put its own in the place.
    file: (u64, u64),
}

/// A socket that answers for a job.
pub struct ControlServer {
    desk: Arc<Desk>,
    socket: Socket,
    file: (u64, u64),
}

/// How a job ended: how, or the rendered reason of its failure.
pub type Outcome = std::result::Result<JobEnd, String>;

/// What the threads of a server share.
struct Desk {
    env: Env,
    subject: Subject,
    control: JobControl,
    stop: StopRequest,
    outcome: Mutex<Option<Outcome>>,
    has_ended: Condvar,
    is_closing: AtomicBool,
    n_open: AtomicUsize,
    n_waiting: AtomicUsize,
}

impl Listening {
    /// Makes the socket. One that is there is replaced, whoever listens; any other file is left
    /// alone.
    pub fn bind(socket: Socket) -> io::Result<Listening> {
        socket.make_folder()?;
        match fs::symlink_metadata(&socket.path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::other("something that is no socket is there"));
            }
            _ => {}
        }
        let unfinished = socket.unfinished();
        remove_if_there(&unfinished)?;
        let listener = UnixListener::bind(&unfinished)?;
        let placed = place(&listener, &unfinished, &socket.path);
        if placed.is_err() {
            remove_if_there(&unfinished)?;
        }
        let file = placed?;
        Ok(Listening { listener, socket, file })
    }

    /// Takes it away again.
    pub fn remove(self) {
        remove_own(&self.socket, self.file);
    }

    /// Begins to answer.
    pub fn serve(
        self,
        env: &Env,
        subject: Subject,
        control: &JobControl,
        stop: &StopRequest,
    ) -> Result<ControlServer> {
        let desk = Arc::new(Desk {
            env: env.clone(),
            subject,
            control: control.clone(),
            stop: stop.clone(),
            outcome: Mutex::new(None),
            has_ended: Condvar::new(),
            is_closing: AtomicBool::new(false),
            n_open: AtomicUsize::new(0),
            n_waiting: AtomicUsize::new(0),
        });
        let (listener, for_thread) = (self.listener, Arc::clone(&desk));
        // Nobody joins the thread: it ends with the job.
        drop(spawn(TaskKind::Service, "control", move || {
            accept_all(&listener, &for_thread);
            Ok(())
        })?);
        Ok(ControlServer { desk, socket: self.socket, file: self.file })
    }
}

/// Puts a socket under its name.
fn place(listener: &UnixListener, unfinished: &Path, path: &Path) -> io::Result<(u64, u64)> {
    listener.set_nonblocking(true)?;
    fs::set_permissions(unfinished, fs::Permissions::from_mode(0o600))?;
    let file = identity(unfinished)?;
    fs::rename(unfinished, path)?;
    Ok(file)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Removes a socket, unless it is another's now.
fn remove_own(socket: &Socket, own: (u64, u64)) {
    if identity(&socket.path).is_ok_and(|file| file == own)
        && let Err(error) = remove_if_there(&socket.path)
    {
        tracing::debug!(%error, "the control socket stays");
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl ControlServer {
    /// Tells whoever waits how the job ended, and removes the socket, unless it is another's now.
    pub fn close(self, outcome: Outcome) {
        let desk = &self.desk;
        *desk.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        desk.has_ended.notify_all();
        desk.is_closing.store(true, Ordering::Release);
        remove_own(&self.socket, self.file);
        let until = desk.env.elapsed() + LAST_ANSWERS;
        while desk.n_waiting.load(Ordering::Acquire) > 0 && desk.env.elapsed() < until {
            desk.env.sleep(Duration::from_millis(5));
        }
    }
}

fn accept_all(listener: &UnixListener, desk: &Arc<Desk>) {
    while !desk.is_closing.load(Ordering::Acquire) {
        if desk.n_open.load(Ordering::Acquire) >= MAX_CONNECTIONS {
            desk.env.sleep(PAUSE);
            continue;
        }
        match listener.accept() {
            Ok((stream, _)) => serve_one(stream, desk),
            Err(error) => {
                if error.kind() != io::ErrorKind::WouldBlock {
                    tracing::debug!(%error, "no control connection accepted");
                }
                desk.env.sleep(PAUSE);
            }
        }
    }
}

fn serve_one(stream: UnixStream, desk: &Arc<Desk>) {
    desk.n_open.fetch_add(1, Ordering::AcqRel);
    let for_thread = Arc::clone(desk);
    let spawned = spawn(TaskKind::Service, "control-client", move || {
        let _open = Counted(&for_thread.n_open);
        if let Err(error) = converse(stream, &for_thread) {
            tracing::debug!(%error, "a control client went away");
        }
        Ok(())
    });
    if let Err(error) = spawned {
        desk.n_open.fetch_sub(1, Ordering::AcqRel);
        tracing::warn!(%error, "a control client was turned away");
    }
}

/// Counts something down when it is over.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn converse(mut stream: UnixStream, desk: &Desk) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = match receive(&mut stream, &desk.env)? {
        Ok(request) => request,
        Err(why) => return send(&mut stream, &Answer::refused(why)),
    };
    if request == (Request::Status {}) {
        let status = Some(Box::new(desk.subject.status(&desk.control, desk.stop.is_asked())));
        return send(&mut stream, &Answer { ok: true, status, ..Answer::default() });
    }
    let n_waiting = desk.n_waiting.fetch_add(1, Ordering::AcqRel);
    let _waiting = Counted(&desk.n_waiting);
    if n_waiting >= MAX_WAITING {
        return send(&mut stream, &Answer::refused("too many others wait already"));
    }
    let is_stop = matches!(request, Request::Stop { .. });
    send(&mut stream, &desk.carry_out(request))?;
    if is_stop {
        // The end of the stream is to say that the process is gone.
        std::mem::forget(stream);
    }
    Ok(())
}

/// Reads the line of the request, or says what is wrong with it.
fn receive(stream: &mut UnixStream, env: &Env) -> io::Result<std::result::Result<Request, String>> {
    let until = env.elapsed() + MOST_READING;
    let mut bytes = Vec::new();
    let mut chunk = [0; 512];
    while !bytes.contains(&b'\n') {
        let n_read = stream.read(&mut chunk)?;
        bytes.extend_from_slice(&chunk[..n_read]);
        if bytes.len() > MAX_REQUEST_BYTES {
            return Ok(Err(format!("a request has at most {MAX_REQUEST_BYTES} bytes")));
        }
        if n_read == 0 || env.elapsed() > until {
            break;
        }
    }
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let read = serde_json::from_slice(line);
    Ok(read.map_err(|error| format!("this is no request: {error}")))
}

fn send(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer).map_err(io::Error::other)?;
    line.push(b'\n');
    stream.write_all(&line)
}

impl Desk {
    /// Does what is asked, and waits until it is done.
    fn carry_out(&self, request: Request) -> Answer {
        match request {
            Request::Status {} => Answer::refused("a status does not wait"),
            Request::Savepoint { dir } => match self.control.savepoint(dir).wait() {
                Ok(place) => Answer { ok: true, savepoint: Some(place), ..Answer::default() },
                Err(why) => Answer::refused(why),
            },
            Request::Stop { drain, savepoint, dir } => self.stop(drain, savepoint, dir),
        }
    }

    fn stop(&self, drain: bool, savepoint: bool, dir: Option<String>) -> Answer {
        let kind = if drain { StopKind::Drain } else { StopKind::Keep };
        let pending = savepoint.then(|| self.control.stop_with_savepoint(kind, dir));
        // Whoever watches the job passes it on, or ends a job that has not begun.
        self.stop.ask(kind);
        let saved = pending.map(|pending| pending.wait());
        let how = match self.wait_for_the_end() {
            Ok(JobEnd::Drained) => "drained",
            Ok(JobEnd::Stopped) => "stopped",
            Ok(JobEnd::Finished) => "finished",
            Err(why) => return Answer::refused(why),
        };
        let checkpoint = self.control.status().checkpoints.last.map(|last| last.checkpoint.0);
        let end = End { how: how.to_owned(), checkpoint };
        let (place, error) = match saved {
            _ if drain && how == "stopped" => {
                (None, Some("the job has ended before its windows could fire".to_owned()))
            }
            None => (None, None),
            Some(Ok(place)) => (Some(place), None),
            Some(Err(why)) => (None, Some(format!("the job has ended without savepoint: {why}"))),
        };
        let ok = error.is_none();
        Answer { ok, error, savepoint: place, end: Some(end), status: None }
    }

    fn wait_for_the_end(&self) -> Outcome {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = self.has_ended.wait_while(outcome, |outcome| outcome.is_none());
        let ended = ended.unwrap_or_else(PoisonError::into_inner);
        ended.clone().unwrap_or(Ok(JobEnd::Stopped))
    }
}
