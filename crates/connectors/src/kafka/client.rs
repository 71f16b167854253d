//! Settings of the librdkafka clients, checked once, and what all clients share.

use std::collections::BTreeSet;

use argus_base::option::OptionError;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::properties::{self, Role, Setting};
use super::security::{self, Properties};

/// How often librdkafka says how its queues and brokers are, from which lag and outages are seen.
const STATISTICS_INTERVAL_MS: u32 = 500;

/// What a script says of a client, in librdkafka's words, every setting accepted by it.
#[derive(Clone)]
pub struct ClientSettings {
    /// `bootstrap.servers`, which also names the cluster in messages.
    pub servers: String,
    /// Those of security first.
    settings: Vec<(String, String)>,
    n_security: usize,
    /// Java names that have no effect.
    pub ignored: Vec<String>,
}

/// Without the settings: some are secret.
impl std::fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSettings").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl ClientSettings {
    /// Translates and checks `properties.*`.
    pub fn new(properties: &Properties, role: Role) -> Result<ClientSettings, OptionError> {
        let secure = security::translate(properties)
            .map_err(|refusal| bad_value(refusal.property, "******".into(), refusal.problem))?;
        let translated = properties::translate(properties, role).map_err(|(name, problem)| {
            let value = properties.get(&name).cloned().unwrap_or_default();
            bad_value(&name, value, problem)
        })?;
        let mut settings: Vec<(String, String)> =
            secure.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let n_security = settings.len();
        for Setting { property, name, value } in translated.settings {
            if let Err(problem) = accepts(name, &value) {
                return Err(bad_value(&property, value, problem.text));
            }
            settings.push((name.to_owned(), value));
        }
        let mut ignored = translated.ignored;
        ignored.extend(security::ignored(properties));
        for (name, value) in translated.unknown {
            match accepts(&name, &value) {
                Ok(()) => settings.push((name, value)),
                Err(problem) if problem.is_unknown => ignored.push(name),
                Err(problem) => return Err(bad_value(&name, value, problem.text)),
            }
        }
        let servers = properties.get("bootstrap.servers").map(|servers| servers.trim().to_owned());
        let servers = servers.unwrap_or_default();
        if servers.is_empty() {
            return Err(bad_value("bootstrap.servers", servers, "expected host:port".into()));
        }
        Ok(ClientSettings { servers, settings, n_security, ignored })
    }

    /// What the script says of a setting, by librdkafka's name.
    pub fn written(&self, name: &str) -> Option<&str> {
        let mut settings = self.settings.iter();
        settings.find(|(written, _)| written == name).map(|(_, value)| value.as_str())
    }

    /// Whether two clients talk to the same brokers as the same user.
    pub fn is_same_cluster(&self, other: &ClientSettings) -> bool {
        let security = |of: &ClientSettings| of.settings[..of.n_security].to_vec();
        server_set(&self.servers) == server_set(&other.servers) && security(self) == security(other)
    }

    /// Takes what another client's script says besides, for one client that does the work of
    /// both. Returns the settings on which they differ, of which the own value stays.
    pub fn add(&mut self, other: &ClientSettings) -> Vec<String> {
        let mut different = Vec::new();
        for (name, value) in &other.settings {
            match self.written(name) {
                None => self.settings.push((name.clone(), value.clone())),
                Some(own) if own == value => {}
                Some(_) => different.push(name.clone()),
            }
        }
        different
    }

    /// A configuration: what the connector starts from (`defaults`), then the user's settings.
    pub fn config(&self, defaults: &[(&str, String)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "argus");
        config.set("statistics.interval.ms", STATISTICS_INTERVAL_MS.to_string());
        config.set("enable.metrics.push", "false");
        // The Java client's limit.
        config.set("reconnect.backoff.max.ms", "1000");
        for (name, value) in defaults {
            config.set(*name, value);
        }
        for (name, value) in &self.settings {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.servers);
        // A topic that is not there is an error, whatever the broker would do.
        config.set("allow.auto.create.topics", "false");
        config
    }

    /// Says once that some properties have no effect.
    pub fn warn_of_ignored(&self, table: &str) {
        if !self.ignored.is_empty() {
            let properties = self.ignored.join(", ");
            tracing::warn!(table, properties, "kafka properties without effect");
        }
    }
}

fn server_set(servers: &str) -> BTreeSet<&str> {
    servers.split(',').map(str::trim).filter(|server| !server.is_empty()).collect()
}

fn bad_value(property: &str, value: String, problem: String) -> OptionError {
    OptionError::BadValue { key: format!("properties.{property}"), value, problem }
}

struct Problem {
    text: String,
    is_unknown: bool,
}

/// Whether librdkafka takes a setting.
fn accepts(name: &str, value: &str) -> Result<(), Problem> {
    match ClientConfig::new().set(name, value).create_native_config() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(result, text, _, _)) => {
            let is_unknown = result == RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN;
            Err(Problem { text, is_unknown })
        }
        Err(other) => Err(Problem { text: other.to_string(), is_unknown: false }),
    }
}
