//! The control socket: how `argus stop`, `savepoint` and `status` reach a running worker.
//!
//! A Unix socket of mode 0600. A connection carries one request, a line of JSON, and one answer,
//! another line:
//!
//! ```text
//! {"command":"status"}
//!     {"ok":true,"status":{…}}
//! {"command":"savepoint","dir":"/backups"}
//!     {"ok":true,"savepoint":"/backups/savepoint-orders-41-5f0c21d3"}
//! {"command":"stop","drain":true,"savepoint":false}
//!     {"ok":true,"end":{"how":"stopped","checkpoint":42}}
//! anything that fails
//!     {"ok":false,"error":"why"}
//! ```
//! `dir` may be null or missing: the settings say where savepoints go. The answer to `stop` comes
//! when the job has ended; the worker keeps that connection open until its process ends, so the
//! end of the stream says that it is gone. A request has at most 4 KiB and comes within seconds;
//! 8 connections are served at a time, 4 of which may wait for a savepoint or the end.
//!
//! `place` says where the socket lies, `reach` when it is there, `server` is the worker's side,
//! `client` and `command` the other one, `status` what is told of a job and `show` how people see
//! it.

mod client;
mod command;
mod place;
mod reach;
mod server;
mod show;
pub mod status;

use serde::{Deserialize, Serialize};

pub use command::{savepoint, status as print_status, stop};
pub use reach::Reach;

use status::Status;

/// Longest request.
const MAX_REQUEST_BYTES: usize = 4 * 1024;

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How the job is getting on.
    Status {},
    /// Take a savepoint and say where it lies.
    Savepoint {
        /// The folder.
        #[serde(default)]
        dir: Option<String>,
    },
    /// End the job with a last checkpoint.
    Stop {
        /// Fire every window before.
        #[serde(default)]
        drain: bool,
        /// Make a savepoint of where it ends.
        #[serde(default)]
        savepoint: bool,
        /// The savepoint's folder.
        #[serde(default)]
        dir: Option<String>,
    },
}

/// What is answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it was done.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// To `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Box<Status>>,
    /// Where the savepoint lies, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<String>,
    /// To `stop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// How a job has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// `stopped`, `drained`, or `finished` where its input ended just then.
    pub how: String,
    /// Its last checkpoint.
    pub checkpoint: Option<u64>,
}

impl Answer {
    fn refused(why: impl Into<String>) -> Answer {
        Answer { error: Some(why.into()), ..Answer::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Request> {
        serde_json::from_str(text).ok()
    }

    #[test]
    fn requests_are_read() {
        assert_eq!(read(r#"{"command":"status"}"#), Some(Request::Status {}));
        let savepoint = |dir: Option<&str>| Request::Savepoint { dir: dir.map(str::to_owned) };
        assert_eq!(read(r#"{"command":"savepoint"}"#), Some(savepoint(None)));
        assert_eq!(read(r#"{"command":"savepoint","dir":null}"#), Some(savepoint(None)));
        assert_eq!(read(r#"{"command":"savepoint","dir":"/a"}"#), Some(savepoint(Some("/a"))));
        let stop = Request::Stop { drain: true, savepoint: false, dir: None };
        assert_eq!(read(r#"{"command":"stop","drain":true}"#), Some(stop));
        for wrong in ["", "{}", r#"{"command":"start"}"#, r#"{"command":"stop","drian":true}"#] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn answers_say_what_matters() {
        let refused = serde_json::to_string(&Answer::refused("no")).unwrap();
        assert_eq!(refused, r#"{"ok":false,"error":"no"}"#);
        let end = End { how: "stopped".to_owned(), checkpoint: Some(4) };
        let answer = Answer { ok: true, end: Some(end), ..Answer::default() };
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(text, r#"{"ok":true,"end":{"how":"stopped","checkpoint":4}}"#);
        assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer);
    }
}
