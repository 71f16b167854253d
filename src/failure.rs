//! Why the process ends early: what is printed, and the exit code.

use std::process::ExitCode;

use argus_base::{Error, ErrorKind};

/// Finished, or stopped.
pub const SUCCESS: u8 = 0;
/// Failed while it ran.
pub const FAILED: u8 = 1;
/// Wrong script or arguments.
pub const WRONG: u8 = 2;
/// A construct of Flink that does not run here yet.
pub const UNSUPPORTED: u8 = 3;

/// Another worker owns the job.
pub const FENCED: u8 = 4;
/// The committed checkpoint cannot be read.
pub const CORRUPT: u8 = 5;

fn exit_code(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Fenced => FENCED,
        ErrorKind::Corrupt => CORRUPT,
        _ => FAILED,
    }
}

/// Why the process ends early.
#[derive(Debug)]
pub enum Failure {
    /// A script is wrong, or asks for what is not there yet; with the rendered diagnostic.
    Script {
        /// As rustc would print it, with a newline at its end.
        rendered: String,
        /// [`WRONG`] or [`UNSUPPORTED`].
        exit_code: u8,
    },
    /// The arguments are wrong: one sentence.
    Arguments(String),
    /// A job failed.
    Run(Error),
    /// A command could not be carried out: one sentence, and perhaps lines of help.
    Command(String),
    /// Nobody reads standard output any more, which is no failure.
    ReaderGone,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        if error.code() == crate::output::READER_GONE {
            Failure::ReaderGone
        } else {
            Failure::Run(error)
        }
    }
}

impl Failure {
    /// Says on standard error why, and turns into the exit code.
    pub fn report(&self) -> ExitCode {
        let (text, exit_code) = match self {
            Failure::Script { rendered, exit_code } => (rendered.clone(), *exit_code),
            Failure::Arguments(message) => (format!("error: {message}\n"), WRONG),
            Failure::Run(error) => (render(error), exit_code(error)),
            // A worker tells of its failure as it would itself.
            Failure::Command(message) if message.starts_with("error") => (message.clone(), FAILED),
            Failure::Command(message) => (format!("error: {message}\n"), FAILED),
            Failure::ReaderGone => (String::new(), SUCCESS),
        };
        eprint_quietly(&text);
        ExitCode::from(exit_code)
    }
}

/// Writes to standard error; that it is closed is nobody's business any more.
pub fn eprint_quietly(text: &str) {
    let _closed = std::io::Write::write_all(&mut std::io::stderr().lock(), text.as_bytes());
}

/// A run-time error as rustc would print it.
pub fn render(error: &Error) -> String {
    let code = error.code();
    let help = help(code, error.kind());
    format!("error[{code}]: {error}\n  = help: {help}\n  = note: docs/error/{code}.md says more\n")
}

/// What to do about it.
fn help(code: &str, kind: ErrorKind) -> &'static str {
    match (code, kind) {
        ("AR5207", _) => {
            "find out what holds rows up (argus status, --metrics), or raise \
             execution.checkpointing.timeout"
        }
        (_, ErrorKind::Transient) => "it was tried again until the time for it was over",
        (_, ErrorKind::Data) if code.starts_with("AR4") && code != "AR4002" => {
            "keep such rows away with WHERE, or write an expression that bears them"
        }
        (_, ErrorKind::Data) => {
            "SET 'argus.source.on-error' = 'skip' skips and counts such records instead"
        }
        (_, ErrorKind::User) => "mend it and start the job again",
        (_, ErrorKind::Lost) => "start the job again: it goes on from its last checkpoint",
        (_, ErrorKind::Fenced) => {
            "nothing of this worker was committed after that; a job that is to run twice needs \
             two names (pipeline.name)"
        }
        ("AR3406", _) => {
            "put the file back, or the table's former path; --fresh or --from-savepoint begins a \
             new life of the job"
        }
        ("AR5301", _) => {
            "start the job again: it goes on from its last checkpoint; and see what clears \
             argus.state.spill-dir"
        }
        (_, ErrorKind::Corrupt) => {
            "argus state show DIR/JOB says what is damaged; --accept-duplicates goes on from an \
             older checkpoint, --fresh begins anew"
        }
        (_, ErrorKind::Bug) => "this is a mistake in Argus; please report it with the script",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_the_worker_that_lost_from_the_state_that_is_broken() {
        let of = |kind| exit_code(&Error::new(kind, "AR5105", ""));
        assert_eq!([ErrorKind::Fenced, ErrorKind::Corrupt, ErrorKind::User].map(of), [4, 5, 1]);
    }

    #[test]
    fn run_time_errors_look_like_rustcs() {
        let error = Error::user("AR3102", "disk full").context("print rows");
        let expected = "error[AR3102]: print rows: disk full\n  \
                        = help: mend it and start the job again\n  \
                        = note: docs/error/AR3102.md says more\n";
        assert_eq!(render(&error), expected);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let failure = Failure::from(Error::user("AR3101", "gone"));
        assert!(matches!(failure, Failure::ReaderGone));
    }
}
