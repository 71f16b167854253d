//! The part of HTTP/1.1 that a scraper needs: one GET or HEAD a connection, and one answer.

/// Longest request that is read.
pub const MAX_REQUEST_BYTES: usize = 8 * 1024;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path without its query.
    pub path: String,
    /// Whether only the head is wanted.
    pub head_only: bool,
}

/// What the bytes received so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A whole request.
    Request(Request),
    /// More must come.
    Incomplete,
    /// No request that is answered here: the status to answer with.
    Refused(Status),
}

/// An HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 200
    Ok,
    /// 400
    BadRequest,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 431
    TooLarge,
    /// 503
    Unavailable,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::TooLarge => "431 Request Header Fields Too Large",
            Status::Unavailable => "503 Service Unavailable",
        }
    }
}

/// Looks at what has come in; the body of a request is never read.
pub fn parse(bytes: &[u8]) -> Received {
    let ends = bytes.windows(4).any(|four| four == b"\r\n\r\n")
        || bytes.windows(2).any(|two| two == b"\n\n");
    if !ends {
        let is_full = bytes.len() >= MAX_REQUEST_BYTES;
        return if is_full { Received::Refused(Status::TooLarge) } else { Received::Incomplete };
    }
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else {
        return Received::Refused(Status::BadRequest);
    };
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Received::Refused(Status::BadRequest);
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return Received::Refused(Status::BadRequest);
    }
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Received::Refused(Status::MethodNotAllowed),
    };
    let path = target.split('?').next().unwrap_or_default().to_owned();
    Received::Request(Request { path, head_only })
}

/// An answer after which the connection is closed.
pub fn answer(status: Status, body: &str, head_only: bool) -> String {
    let length = body.len();
    let line = status.line();
    let body = if head_only { "" } else { body };
    format!(
        "HTTP/1.1 {line}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let get = |path: &str| Received::Request(Request { path: path.into(), head_only: false });
        assert_eq!(parse(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), get("/metrics"));
        assert_eq!(parse(b"GET /readyz?a=b HTTP/1.0\n\n"), get("/readyz"));
        assert_eq!(parse(b"GET /metrics HTTP/1.1\r\nHost"), Received::Incomplete);
        let refused = |bytes: &[u8]| match parse(bytes) {
            Received::Refused(status) => Some(status),
            _ => None,
        };
        assert_eq!(refused(b"POST / HTTP/1.1\r\n\r\n"), Some(Status::MethodNotAllowed));
        assert_eq!(refused(b"\x16\x03\x01\xff\r\n\r\n"), Some(Status::BadRequest));
        assert_eq!(refused(b"\r\n\r\n"), Some(Status::BadRequest));
        assert_eq!(refused(b"GET  / HTTP/1.1\r\n\r\n"), Some(Status::BadRequest));
        assert_eq!(refused(&[b'x'; MAX_REQUEST_BYTES]), Some(Status::TooLarge));
    }

    #[test]
    fn answers() {
        let text = answer(Status::Ok, "ok\n", true);
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("Content-Length: 3\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n"), "{text}");
    }
}
