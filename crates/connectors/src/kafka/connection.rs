//! What a client knows of its brokers: whether they answer, what was wrong last, and whether it
//! is something that waiting cannot mend. Fed by librdkafka's callbacks, read by the slot.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::connector::ConnectorContext;
use argus_base::{Env, Error, ErrorKind, Result};
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::statistics::{Broker, Statistics};
use rdkafka::types::RDKafkaErrorCode;

use super::errors;

/// How long authentication may fail in a job that has run before the job fails: a broker that
/// comes up answers before it knows its users.
const AUTHENTICATION_GRACE: Duration = Duration::from_secs(5);
/// How often brokers that are away are asked for a sign of life.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const PROBE_TIMEOUT: Duration = Duration::from_millis(200);
/// A broker that has requests of ours and was silent this long does not answer. Fetches return
/// within a second even where nothing is new.
const SILENCE_MICROS: i64 = 6_000_000;

/// The state of one client's connection. Shared by callbacks, I/O thread and slot.
pub struct Connection {
    env: Env,
    servers: String,
    is_away: AtomicBool,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    last_reason: Option<String>,
    refusal: Option<Refusal>,
}

/// Something that waiting does not mend, and since when it is so.
struct Refusal {
    code: RDKafkaErrorCode,
    reason: String,
    since: Duration,
}

impl Connection {
    /// Nothing is known yet.
    pub fn new(env: Env, servers: &str) -> Arc<Connection> {
        let notes = Mutex::default();
        let is_away = AtomicBool::new(false);
        Arc::new(Connection { env, servers: servers.to_owned(), is_away, notes })
    }

    /// Whether no broker can be reached.
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Acquire)
    }

    /// What the brokers are called in messages.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// The last thing that went wrong, or what is said where nothing is known.
    pub fn last_reason(&self) -> String {
        let reason = self.notes().last_reason.clone();
        reason.unwrap_or_else(|| "no broker answered".into())
    }

    /// The refusal that has lasted longer than a start may wait; see [`start_grace`].
    pub fn refusal(&self, grace: Duration) -> Option<Error> {
        let notes = self.notes();
        let refusal = notes.refusal.as_ref()?;
        let has_lasted = self.env.elapsed().saturating_sub(refusal.since) >= grace;
        if has_lasted { self.error_of(refusal) } else { None }
    }

    /// The refusal that has lasted too long for a running job.
    pub fn lasting_refusal(&self) -> Option<Error> {
        self.refusal(AUTHENTICATION_GRACE)
    }

    /// The brokers have answered a request: that ends an outage and an old refusal.
    pub fn on_answer(&self) {
        self.notes().refusal = None;
        self.set_away(false);
    }

    /// A global error of librdkafka.
    pub fn on_error(&self, error: &KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        if code == RDKafkaErrorCode::PartitionEOF {
            return;
        }
        tracing::debug!(servers = self.servers, %code, reason, "kafka client");
        if code == RDKafkaErrorCode::AllBrokersDown {
            return self.set_away(true);
        }
        let mut notes = self.notes();
        notes.last_reason = Some(reason.to_owned());
        if errors::refusal(code, &self.servers, reason).is_some() && notes.refusal.is_none() {
            let since = self.env.elapsed();
            notes.refusal = Some(Refusal { code, reason: reason.to_owned(), since });
        }
    }

    /// Statistics of the client: brokers that are up end an outage and an old refusal.
    pub fn on_statistics(&self, statistics: &Statistics) {
        if statistics.brokers.values().any(answers) {
            self.on_answer();
        }
    }

    /// Asks for a sign of life. librdkafka connects only where it has something to send; a client
    /// that has nothing would never learn that its brokers are back. Blocks for up to 200 ms.
    pub fn probe<C: ClientContext>(&self, client: &Client<C>, topic: Option<&str>) {
        if client.fetch_metadata(topic, PROBE_TIMEOUT).is_ok() {
            self.on_answer();
        }
    }

    fn set_away(&self, is_away: bool) {
        if self.is_away.swap(is_away, Ordering::AcqRel) == is_away {
            return;
        }
        let servers = &self.servers;
        if is_away {
            tracing::warn!(servers, reason = self.last_reason(), "kafka brokers away, retrying");
        } else {
            tracing::info!(servers, "kafka brokers back");
        }
    }

    fn error_of(&self, refusal: &Refusal) -> Option<Error> {
        errors::refusal(refusal.code, &self.servers, &refusal.reason)
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a refusal may last when a job starts: not at all at first, since what the script says
/// may be wrong; after a restart in the process as long as in a running job.
pub fn start_grace(context: &ConnectorContext) -> Duration {
    if context.is_restart { AUTHENTICATION_GRACE } else { Duration::ZERO }
}

/// Judges refusals where each attempt has a connection of its own.
#[derive(Default)]
pub struct Admission {
    /// When the brokers first refused, of those attempts that none was let in after.
    refused_since: Cell<Option<Duration>>,
    was_let_in: Cell<bool>,
}

impl Admission {
    /// Makes an attempt; its refusal is transient while a broker may be just coming up.
    pub fn attempt<T>(
        &self,
        context: &ConnectorContext,
        attempt: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let error = match attempt() {
            Err(error) if error.kind() == ErrorKind::User && errors::may_pass(&error) => error,
            Err(error) => return Err(error),
            Ok(done) => {
                self.refused_since.set(None);
                self.was_let_in.set(true);
                return Ok(done);
            }
        };
        let now = context.env.elapsed();
        let since = self.refused_since.get().unwrap_or(now);
        self.refused_since.set(Some(since));
        let is_known = self.was_let_in.get();
        let grace = if is_known { AUTHENTICATION_GRACE } else { start_grace(context) };
        if now.saturating_sub(since) >= grace {
            return Err(error);
        }
        Err(Error::transient(error.code(), error.to_string()))
    }
}

/// Whether a broker is connected and answers what it was asked.
pub fn answers(broker: &Broker) -> bool {
    let is_silent = broker.waitresp_cnt > 0 && broker.rxidle > SILENCE_MICROS;
    matches!(broker.state.as_str(), "UP" | "UPDATE") && !is_silent
}

/// librdkafka's log lines: details for whoever asks, since its client is told of errors anyway;
/// but a position that was given up is something to know.
pub fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    if facility == "OFFSET" {
        tracing::warn!(facility, message, "kafka client");
    } else {
        tracing::debug!(?level, facility, message, "kafka client");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestClock, context};

    #[test]
    fn a_refusal_is_final_at_once_until_the_brokers_have_known_the_job() {
        let clock = Arc::new(TestClock::default());
        let mut context = context(&clock, &[]);
        let refused = || Err::<(), Error>(Error::user(errors::AUTHENTICATION, "no"));
        let try_in = |context: &_, admission: &Admission, seconds, answer: fn() -> Result<()>| {
            clock.set(Duration::from_secs(seconds));
            admission.attempt(context, answer).map_err(|error| error.kind())
        };
        let first = Admission::default();
        assert_eq!(try_in(&context, &first, 1, refused), Err(ErrorKind::User));
        // One that was let in, as a follower that has lost its session.
        assert_eq!(try_in(&context, &first, 2, || Ok(())), Ok(()));
        assert_eq!(try_in(&context, &first, 3, refused), Err(ErrorKind::Transient));
        assert_eq!(try_in(&context, &first, 7, refused), Err(ErrorKind::Transient));
        assert_eq!(try_in(&context, &first, 8, refused), Err(ErrorKind::User));

        context.is_restart = true;
        let restarted = Admission::default();
        assert_eq!(try_in(&context, &restarted, 20, refused), Err(ErrorKind::Transient));
        assert_eq!(try_in(&context, &restarted, 24, || Ok(())), Ok(()));
        assert_eq!(try_in(&context, &restarted, 26, refused), Err(ErrorKind::Transient));
        assert_eq!(try_in(&context, &restarted, 31, refused), Err(ErrorKind::User));
        let no_rights = || Err(Error::user(errors::AUTHORIZATION, "no"));
        assert_eq!(try_in(&context, &Admission::default(), 40, no_rights), Err(ErrorKind::User));
    }
}
