//! What answers of a server mean, from a server that gives prepared ones. What a real one does is
//! in `tests/s3.rs`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use argus_base::ErrorKind;

use super::*;

/// Gives the answers one after the other, the last one for ever; keeps what was asked.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answers: &'static [&'static str]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heads = asked.clone();
        let serve = move || {
            for (n, connection) in listener.incoming().enumerate() {
                let answer = answers.get(n).or(answers.last()).expect("an answer");
                heads.lock().unwrap().push(serve(connection?, answer)?);
            }
            Ok(())
        };
        let serve = move || {
            let ended: std::io::Result<()> = serve();
            ended.map_err(|error| Error::bug(error.to_string()))
        };
        argus_base::task::spawn(argus_base::task::TaskKind::Io, "s3-answers", serve).unwrap();
        Server { address, asked }
    }

    fn storage(&self) -> S3Storage {
        open(&[("s3.endpoint", &self.address)])
    }
}

/// Reads a request without looking at its body, and answers it. An empty answer closes the line.
fn serve(mut connection: TcpStream, answer: &str) -> std::io::Result<String> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let n = connection.read(&mut part)?;
        request.extend_from_slice(&part[..n]);
        if n == 0 {
            break;
        }
    }
    let (status, body) = answer.split_once('\n').unwrap_or((answer, ""));
    if !answer.is_empty() {
        let length = body.len();
        write!(
            connection,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\netag: \"e\"\r\n\
             last-modified: Sat, 21 Nov 2026 10:00:00 GMT\r\nconnection: close\r\n\r\n{body}"
        )?;
    }
    Ok(String::from_utf8_lossy(&request).into_owned())
}

fn open(settings: &[(&str, &str)]) -> S3Storage {
    let keys = [("s3.access-key", "key"), ("s3.secret-key", "secret"), ("s3.region", "eu-north-1")];
    let settings = keys.iter().chain(settings).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    S3Storage::open("bucket", "jobs/a%20b", &settings.collect()).unwrap()
}

fn said<T: fmt::Debug>(result: Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?} {}", error.kind(), error.code()),
    }
}

#[test]
fn creating_is_a_conditional_put() {
    let server = Server::new(&["200 OK"]);
    assert!(server.storage().put_if_absent("epoch/1", b"x").unwrap());
    let asked = server.asked.lock().unwrap().remove(0).to_ascii_lowercase();
    assert!(asked.starts_with("put /bucket/jobs/a%2520b/epoch/1 http/1.1\r\n"), "{asked}");
    assert!(asked.contains("\r\nif-none-match: *\r\n"), "{asked}");
    assert!(asked.contains("credential=key/") && asked.contains("/eu-north-1/s3/"), "{asked}");
}

#[test]
fn answers_to_a_conditional_put() {
    let check = |answers: &'static [&'static str], expected: &str| {
        let storage = Server::new(answers).storage();
        assert_eq!(said(storage.put_if_absent("epoch/1", b"x")), expected, "{answers:?}");
    };
    check(&["412 Precondition Failed"], "false");
    check(&["304 Not Modified"], "false");
    check(&["409 Conflict\n<Code>ConditionalRequestConflict</Code>"], "Transient AR5101");
    check(&["501 Not Implemented\n<Code>NotImplemented</Code>"], "User AR5104");
    check(&["403 Forbidden\n<Code>AccessDenied</Code>"], "User AR5102");
    check(&["404 Not Found\n<Code>NoSuchBucket</Code>"], "User AR5102");
    // The client tries again by itself: the first attempt may have been the one that counts.
    check(&["500 Internal Server Error", "412 Precondition Failed"], "false");
    check(&["503 Slow Down", "200 OK"], "true");
}

#[test]
fn errors_say_who_can_change_them() {
    let check = |answer: &'static [&'static str], expected: &str| {
        let storage = Server::new(answer).storage();
        assert_eq!(said(storage.get("a")), expected, "{answer:?}");
    };
    check(&["404 Not Found\n<Code>NoSuchKey</Code>"], "None");
    check(&["404 Not Found\n<Code>NoSuchBucket</Code>"], "User AR5102");
    check(&["400 Bad Request\n<Code>ExpiredToken</Code>"], "User AR5102");
    check(&["400 Bad Request\n<Code>RequestTimeout</Code>"], "Transient AR5101");
    check(&["401 Unauthorized"], "User AR5102");
    check(&["403 Forbidden\n<Code>SignatureDoesNotMatch</Code>"], "User AR5102");
    check(&["403 Forbidden\n<Code>RequestTimeTooSkewed</Code>"], "Transient AR5101");
    check(&["301 Moved Permanently"], "User AR5102");
}

#[test]
fn a_server_that_fails_is_waited_for() {
    for answer in [&["500 Internal Server Error"][..], &[""]] {
        let storage = Server::new(answer).storage();
        let error = storage.list("").unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Transient, "AR5101"), "{error}");
        let place = "list s3://bucket/jobs/a%20b/: ";
        assert!(error.to_string().starts_with(place), "{error}");
    }
}

#[test]
fn no_server_is_waited_for() {
    let vacant = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let storage = open(&[("s3.endpoint", &format!("http://{vacant}"))]);
    assert_eq!(said(storage.get("a")), "Transient AR5101");
}

#[test]
fn a_part_behind_the_end_is_empty() {
    let server = Server::new(&["416 Range Not Satisfiable\n<Code>InvalidRange</Code>"]);
    assert_eq!(said(server.storage().get_range("a", 10..20)), "Some([])");
}

#[test]
fn a_server_may_send_all_instead_of_a_part() {
    let server = Server::new(&["200 OK\n0123456789"]);
    assert_eq!(server.storage().get_range("a", 3..5).unwrap().unwrap(), b"34");
}

#[test]
fn wrong_settings_are_refused() {
    let refused = |settings: &[(&str, &str)]| {
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        S3Storage::open("bucket", "job", &settings).unwrap_err().code()
    };
    assert_eq!(refused(&[("s3.endpoint", "ftp://host")]), "AR5103");
    assert_eq!(
        refused(&[("s3.endpoint", "http://host"), ("s3.path.style.access", "perhaps")]),
        "AR5103"
    );
    assert_eq!(refused(&[("s3.access-key", "a")]), "AR5103");
}
