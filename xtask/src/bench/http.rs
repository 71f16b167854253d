//! As much of HTTP as Prometheus pages and Flink's REST need.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const PATIENCE: Duration = Duration::from_secs(60);

/// Asks once and returns the body; any status but 2xx is an error.
pub fn ask(method: &str, address: &str, path: &str, body: &str) -> Result<String> {
    let address = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).with_context(|| format!("connect {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("{method} {path}"))?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer without a head")?;
    let is_well = head.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
    ensure!(is_well, "{method} {path}: {head}\n{body}");
    let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    ensure!(!is_chunked, "{method} {path}: an answer in chunks");
    Ok(body.to_owned())
}

/// GET.
pub fn get(address: &str, path: &str) -> Result<String> {
    ask("GET", address, path, "")
}
