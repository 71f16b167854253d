//! What a client knows of its brokers: whether they answer, what was wrong last, and whether it
//! is something that waiting cannot mend. Fed by librdkafka's callbacks, read by the slot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::{Env, Error};
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::statistics::{Broker, Statistics};
use rdkafka::types::RDKafkaErrorCode;

use super::errors;

/// How long authentication may fail in a running job before the job fails: a broker that comes
/// up answers before it knows its users.
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

    /// The refusal there is, however young. For the start of a job.
    pub fn refusal(&self) -> Option<Error> {
        self.notes().refusal.as_ref().and_then(|refusal| self.error_of(refusal))
    }

    /// The refusal that has lasted too long. For a running job.
    pub fn lasting_refusal(&self) -> Option<Error> {
        let notes = self.notes();
        let refusal = notes.refusal.as_ref()?;
        let has_lasted = self.env.elapsed().saturating_sub(refusal.since) >= AUTHENTICATION_GRACE;
        if has_lasted { self.error_of(refusal) } else { None }
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
            self.notes().refusal = None;
            self.set_away(false);
        }
    }

    /// Asks for a sign of life. librdkafka connects only where it has something to send; a client
    /// that has nothing would never learn that its brokers are back. Blocks for up to 200 ms.
    pub fn probe<C: ClientContext>(&self, client: &Client<C>, topic: Option<&str>) {
        if client.fetch_metadata(topic, PROBE_TIMEOUT).is_ok() {
            self.notes().refusal = None;
            self.set_away(false);
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
