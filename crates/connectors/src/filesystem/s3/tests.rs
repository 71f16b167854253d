//! What a commit makes of answers that a real server gives rarely, from one that gives prepared
//! ones. What a real one does is in `tests/filesystem_s3.rs`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use argus_base::ErrorKind;
use argus_base::task::{TaskKind, spawn};

use super::*;

/// A place whose server gives these answers, one a connection.
fn place(answers: &'static [&'static str]) -> S3Place {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        for (connection, answer) in listener.incoming().zip(answers) {
            connection.and_then(|connection| serve(connection, answer)).unwrap();
        }
        Ok(())
    };
    drop(spawn(TaskKind::Io, "s3-answers", serve).unwrap());
    let settings = [("endpoint", endpoint.as_str()), ("access-key", "a"), ("secret-key", "b")];
    let settings = settings.map(|(name, value)| (format!("s3.{name}"), value.to_owned()));
    S3Place::new("bucket", "prefix/", &settings.into(), 1 << 27).unwrap()
}

/// Reads the head of a request and answers it.
fn serve(mut connection: TcpStream, answer: &str) -> std::io::Result<()> {
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
    let length = body.len();
    let headers = "connection: close\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT";
    write!(
        connection,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\netag: \"e\"\r\n{headers}\r\n\r\n{body}"
    )
}

fn publish(answers: &'static [&'static str]) -> Result<()> {
    let hidden = Hidden::Upload { id: "upload".to_owned(), parts: vec!["e".to_owned()] };
    let (folder, name) = ("k=1".to_owned(), "part-1".to_owned());
    place(answers).publish(&PreparedFile { folder, name, hidden, n_rows: 1 })
}

const GONE: &str = "404 Not Found\n<Error><Code>NoSuchUpload</Code></Error>";

#[test]
fn an_upload_that_is_gone_was_completed_or_is_lost() {
    publish(&[GONE, "200 OK"]).unwrap();
    let error = publish(&[GONE, "404 Not Found"]).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "AR3406"), "{error}");
    let text = error.to_string();
    assert!(text.contains("s3://bucket/prefix/k=1/part-1") && text.contains("upload"), "{text}");
}

#[test]
fn a_refused_commit_is_the_users() {
    let error = publish(&["403 Forbidden\n<Error><Code>AccessDenied</Code></Error>"]).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR3410"), "{error}");
}
