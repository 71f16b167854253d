//! What the engine is told when Kafka refuses something, and the codes it is told by.

use argus_base::{Error, ErrorKind};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

/// No broker answered within `argus.connect.timeout`.
pub const UNREACHABLE: &str = "AR3301";
/// The broker refuses user name or password.
pub const AUTHENTICATION: &str = "AR3302";
/// The user may not do this.
pub const AUTHORIZATION: &str = "AR3303";
/// The topic is not there, or no longer.
pub const MISSING_TOPIC: &str = "AR3304";
/// The broker's certificate is not trusted, or ours is refused.
pub const TLS: &str = "AR3305";
/// No offset is committed and nothing says where to begin.
pub const NO_OFFSET: &str = "AR3306";
/// A message cannot be decoded.
pub const UNDECODABLE: &str = "AR3307";
/// Kafka refuses a message for what it is.
pub const REFUSED_MESSAGE: &str = "AR3308";
/// The client refuses its settings.
pub const SETTINGS: &str = "AR3309";
/// A row cannot be encoded.
pub const UNENCODABLE: &str = "AR3310";
/// The broker will not take messages any more.
pub const DELIVERY: &str = "AR3311";
/// The broker will not give messages any more.
pub const CONSUMPTION: &str = "AR3312";

/// Exactly-once was asked for in a job that takes no checkpoints.
pub const NO_CHECKPOINTS: &str = "AR3314";
/// Exactly-once without a name that only this job has.
pub const NO_NAME: &str = "AR3315";
/// The brokers allow no transaction as long as the job's may become.
pub const TRANSACTION_TIMEOUT: &str = "AR3316";
/// Another producer has taken over, or the brokers ended the transaction.
pub const FENCED: &str = "AR3317";
/// A transaction cannot be committed any more.
pub const LOST_TRANSACTION: &str = "AR3318";
/// The group's offset is no commit record.
pub const FOREIGN_RECORD: &str = "AR3319";
/// A commit was not answered.
pub const COMMIT: &str = "AR3320";
/// A checkpoint failed when rows behind it had been sent already.
pub const APART: &str = "AR3321";
/// One cluster is written to under two names.
pub const TWO_NAMES: &str = "AR3322";
/// A restored offset is not there any more.
pub const LOST_OFFSET: &str = "AR3323";
/// The brokers do not say what is committed.
pub const UNDECIDED: &str = "AR3324";

/// The error of a code that no waiting mends; `None` where trying again may help.
pub fn refusal(code: RDKafkaErrorCode, what: &str, reason: &str) -> Option<Error> {
    use RDKafkaErrorCode as Code;
    let (error_code, problem) = match code {
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState => (AUTHENTICATION, "authentication failed"),
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => (AUTHORIZATION, "no rights"),
        Code::SSL if is_about_trust(reason) => (TLS, "the TLS handshake failed"),
        _ => return None,
    };
    Some(Error::user(error_code, format!("{what}: {problem}: {reason}")))
}

/// The error of a call about a transaction. Transient where the same call may be made again.
pub fn of_transaction(error: &KafkaError, what: &str) -> Error {
    let KafkaError::Transaction(cause) = error else {
        return Error::transient(COMMIT, format!("{what}: {}", reason(error)));
    };
    let reason = cause.string();
    if let Some(refusal) = refusal(cause.code(), what, &reason) {
        return refusal;
    }
    if let Some(fenced) = fenced(cause.code(), &reason) {
        return fenced.context(what);
    }
    if cause.is_retriable() && !cause.is_fatal() && !cause.txn_requires_abort() {
        return Error::transient(COMMIT, format!("{what}: {reason}"));
    }
    lost_transaction(&reason).context(what)
}

/// The error of a producer that has been fenced; `None` where the code says something else.
pub fn fenced(code: RDKafkaErrorCode, reason: &str) -> Option<Error> {
    use RDKafkaErrorCode as Code;
    if !matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch) {
        return None;
    }
    let message = format!(
        "another producer with the same 'sink.transactional-id-prefix' has taken over, or the \
         transaction was open for longer than 'transaction.timeout.ms': {reason}"
    );
    Some(Error::new(ErrorKind::Fenced, FENCED, message))
}

/// The error of a transaction of which rows are missing: the job goes back to what is committed.
pub fn lost_transaction(reason: &str) -> Error {
    let message = format!("the transaction cannot be committed any more: {reason}");
    Error::new(ErrorKind::Lost, LOST_TRANSACTION, message)
}

/// Whether a TLS failure is about certificates; others happen while a broker comes and goes.
fn is_about_trust(reason: &str) -> bool {
    const SIGNS: [&str; 6] =
        ["certificate", "unknown ca", "alert", "self-signed", "self signed", "no start line"];
    let reason = reason.to_ascii_lowercase();
    SIGNS.iter().any(|sign| reason.contains(sign))
}

/// The error of a client that could not be made: its settings contradict each other, or name a
/// file that is not there.
pub fn bad_settings(error: &KafkaError, config: &ClientConfig) -> Error {
    let reason = match error {
        KafkaError::ClientCreation(reason) => match reason.split_once(".location failed") {
            // librdkafka does not say which file.
            Some((name, rest)) => {
                let path = config.get(&format!("{name}.location")).unwrap_or_default();
                format!("{name}.location '{path}' cannot be used{rest}")
            }
            None => reason.clone(),
        },
        // The value may be a secret.
        KafkaError::ClientConfig(_, reason, name, _) => format!("{name}: {reason}"),
        other => other.to_string(),
    };
    Error::user(SETTINGS, format!("the Kafka client refuses its settings: {reason}"))
}

/// Whether a running job goes on after an error of a lookup: brokers that are away, or that come
/// up and do not know their users yet, are judged by how long it lasts.
pub fn may_pass(error: &Error) -> bool {
    [UNREACHABLE, AUTHENTICATION, TLS].contains(&error.code())
}

/// The brokers hold the offsets of a job's group back.
pub fn undecided(group: &str) -> Error {
    let message = format!(
        "a transaction that writes to the offsets of the group '{group}' is neither committed nor \
         aborted; where this lasts, kafka-transactions.sh find-hanging shows it"
    );
    Error::transient(UNDECIDED, message)
}

/// What librdkafka says of an error, without rdkafka's own words around it.
pub fn reason(error: &KafkaError) -> String {
    error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string())
}

/// The final error of something that was tried until the time was up.
pub fn unreachable(message: String) -> Error {
    Error::new(ErrorKind::Transient, UNREACHABLE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_waiting_cannot_mend_is_a_refusal() {
        let code = |code, reason| refusal(code, "x:1", reason).map(|error| error.code());
        assert_eq!(code(RDKafkaErrorCode::Authentication, "bad"), Some(AUTHENTICATION));
        assert_eq!(code(RDKafkaErrorCode::TopicAuthorizationFailed, "bad"), Some(AUTHORIZATION));
        let untrusted = "SSL handshake failed: certificate verify failed: self-signed";
        assert_eq!(code(RDKafkaErrorCode::SSL, untrusted), Some(TLS));
        assert_eq!(code(RDKafkaErrorCode::SSL, "SSL handshake failed: Disconnected"), None);
        assert_eq!(code(RDKafkaErrorCode::BrokerTransportFailure, "refused"), None);
    }
}
