//! The metrics server: a thread that accepts, and one short-lived thread a connection.
//!
//! At most [`MAX_CONNECTIONS`] are served at a time, each for at most a few seconds; further ones
//! wait in the system's queue. Nothing that a client sends can end the process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use argus_base::task::{TaskKind, spawn};
use argus_base::{Env, Error, Result};

use super::health::Health;
use super::request::{MAX_REQUEST_BYTES, Received, Request, Status, answer, parse};

/// Most connections served at a time.
const MAX_CONNECTIONS: usize = 16;
/// How long one read or write may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a whole request may take to come in.
const MOST_READING: Duration = Duration::from_secs(5);
/// Pause when all connections are taken, or none can be accepted.
const PAUSE: Duration = Duration::from_millis(20);

/// A server that listens until the process ends.
pub struct Server {
    /// Where it listens: the real port, also where 0 was asked for.
    pub address: SocketAddr,
}

/// What is served.
#[derive(Clone)]
struct Pages {
    env: Env,
    health: Health,
}

/// Listens there and answers.
pub fn serve(address: SocketAddr, env: &Env, health: &Health) -> Result<Server> {
    let doing = || format!("listen on {address} for metrics");
    let cannot = |error: std::io::Error| Error::user("AR6001", error.to_string()).context(doing());
    let listener = TcpListener::bind(address).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let pages = Pages { env: env.clone(), health: health.clone() };
    // Nobody joins the thread: it ends with the process.
    drop(spawn(TaskKind::Service, "metrics", move || accept_all(&listener, &pages))?);
    Ok(Server { address })
}

fn accept_all(listener: &TcpListener, pages: &Pages) -> Result<()> {
    let n_open = Arc::new(AtomicUsize::new(0));
    loop {
        if n_open.load(Ordering::Acquire) >= MAX_CONNECTIONS {
            pages.env.sleep(PAUSE);
            continue;
        }
        match listener.accept() {
            Ok((stream, _)) => serve_one(stream, pages, &n_open),
            Err(error) => {
                tracing::debug!(%error, "no connection accepted");
                pages.env.sleep(PAUSE);
            }
        }
    }
}

fn serve_one(stream: TcpStream, pages: &Pages, n_open: &Arc<AtomicUsize>) {
    n_open.fetch_add(1, Ordering::AcqRel);
    let open = Open(Arc::clone(n_open));
    let pages = pages.clone();
    let spawned = spawn(TaskKind::Service, "metrics-client", move || {
        let _open = open;
        if let Err(error) = converse(stream, &pages) {
            tracing::debug!(%error, "a metrics client went away");
        }
        Ok(())
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "a metrics client was turned away");
    }
}

/// Counts a connection for as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn converse(mut stream: TcpStream, pages: &Pages) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let text = match receive(&mut stream, &pages.env)? {
        Received::Request(request) => pages.page(&request),
        Received::Refused(status) => answer(status, "", false),
        Received::Incomplete => return Ok(()),
    };
    stream.write_all(text.as_bytes())
}

fn receive(stream: &mut TcpStream, env: &Env) -> std::io::Result<Received> {
    let until = env.elapsed() + MOST_READING;
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let n_read = stream.read(&mut chunk)?;
        let room = MAX_REQUEST_BYTES - bytes.len();
        bytes.extend_from_slice(&chunk[..n_read.min(room)]);
        match parse(&bytes) {
            Received::Incomplete if n_read > 0 && env.elapsed() < until => {}
            decided => return Ok(decided),
        }
    }
}

impl Pages {
    fn page(&self, request: &Request) -> String {
        let state = |is_so: bool, yes: &'static str, no: &'static str| {
            if is_so { (Status::Ok, yes.to_owned()) } else { (Status::Unavailable, no.to_owned()) }
        };
        let (status, body) = match request.path.as_str() {
            "/metrics" => (Status::Ok, self.health.metrics().render()),
            "/healthz" => state(self.health.is_alive(), "ok\n", "no progress\n"),
            "/readyz" => state(self.health.is_ready(), "ready\n", "not ready\n"),
            _ => (Status::NotFound, "there is /metrics, /healthz, /readyz\n".to_owned()),
        };
        answer(status, &body, request.head_only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn pages_say_what_is() {
        let env = Env::system();
        let health = Health::new(&env);
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = serve(any_port, &env, &health).unwrap();
        let get =
            |path: &str| ask(server.address, format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
        assert!(get("/readyz").starts_with("HTTP/1.1 503 "));
        health.set_ready(true);
        assert!(get("/readyz").ends_with("\r\n\r\nready\n"));
        assert!(get("/healthz").starts_with("HTTP/1.1 200 "));
        assert!(get("/").starts_with("HTTP/1.1 404 "));
        assert!(ask(server.address, b"\xff\xfe\r\n\r\n").starts_with("HTTP/1.1 400 "));
        assert!(get("/metrics").starts_with("HTTP/1.1 200 "), "it still answers after garbage");
    }
}
