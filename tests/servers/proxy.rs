//! Stands in front of an HTTP server; told to, it answers with an error by itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use argus_base::task::{TaskKind, spawn};

const REFUSED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A running proxy; every request has a connection of its own.
pub struct Proxy {
    /// `http://127.0.0.1:…`.
    pub address: String,
    state: Arc<State>,
}

struct State {
    /// Host and port of the server.
    server: String,
    is_broken: AtomicBool,
    n_refused: AtomicU64,
}

impl Proxy {
    /// Starts a proxy in front of `http://HOST:PORT`.
    pub fn start(server: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let (is_broken, n_refused) = (AtomicBool::new(false), AtomicU64::new(0));
        let state = Arc::new(State { server, is_broken, n_refused });
        let shared = Arc::clone(&state);
        let accept = move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // Whoever hangs up in the middle has no use for an answer.
                let serve = move || {
                    let _hung_up = state.serve(client);
                    Ok(())
                };
                drop(spawn(TaskKind::Io, "proxied", serve)?);
            }
            Ok(())
        };
        // It ends with the process.
        drop(spawn(TaskKind::Io, "proxy", accept).unwrap());
        Proxy { address, state }
    }

    /// From now on every request fails with 503, or none does.
    pub fn set_broken(&self, is_broken: bool) {
        self.state.is_broken.store(is_broken, Ordering::Release);
    }

    /// Requests that failed so.
    pub fn n_refused(&self) -> u64 {
        self.state.n_refused.load(Ordering::Acquire)
    }
}

impl State {
    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let (mut head, mut n_body) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                n_body = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            if !name.eq_ignore_ascii_case("connection") {
                head.extend_from_slice(line.as_bytes());
            }
        }
        head.extend_from_slice(b"Connection: close\r\n\r\n");
        let mut body = vec![0; n_body];
        reader.read_exact(&mut body)?;
        if self.is_broken.load(Ordering::Acquire) {
            self.n_refused.fetch_add(1, Ordering::AcqRel);
            return client.write_all(REFUSED);
        }
        let mut server = TcpStream::connect(&self.server)?;
        server.write_all(&head)?;
        server.write_all(&body)?;
        std::io::copy(&mut server, &mut client)?;
        Ok(())
    }
}
