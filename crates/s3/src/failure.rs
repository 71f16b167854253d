//! What an error of the S3 client means, and what happens next.

use std::error::Error as _;

/// Longest part of an answer that is shown.
const MAX_MESSAGE_BYTES: usize = 600;

/// Why a request failed.
#[derive(Debug)]
pub enum Failure {
    /// There is no such object.
    Missing,
    /// There is one already.
    Exists,
    /// The object ends before the range.
    BehindTheEnd,
    /// All of the object came instead of a part, which a server may send.
    NotPartial,
    /// The user must change something.
    Refused(String),
    /// The server does not know the request, such as a condition.
    NotImplemented(String),
    /// The server is away or busy.
    Away(String),
}

impl Failure {
    /// The client tells the status of an answer in its message only.
    pub fn of(error: object_store::Error) -> Failure {
        let message = message(&error);
        let says = |code: &str| message.contains(code);
        let status = status(&message);
        match error {
            object_store::Error::NotFound { .. } if !says("NoSuchBucket") => Failure::Missing,
            // Two conditional puts at once, of which it is not said who wins.
            object_store::Error::AlreadyExists { .. } if status == Some(409) => {
                Failure::Away(message)
            }
            object_store::Error::AlreadyExists { .. } => Failure::Exists,
            _ if says("certificate verify failed") || says("wrong version number") => {
                Failure::Refused(message)
            }
            // The clock is wrong, or the process was asleep between signing and sending.
            _ if says("RequestTimeTooSkewed") => Failure::Away(message),
            object_store::Error::NotFound { .. }
            | object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. }
            | object_store::Error::InvalidPath { .. } => Failure::Refused(message),
            _ => match status {
                Some(416) => Failure::BehindTheEnd,
                Some(501) => Failure::NotImplemented(message),
                Some(408 | 409 | 425 | 429) => Failure::Away(message),
                // An upload that came to a halt has this status too.
                Some(400) if says("RequestTimeout") => Failure::Away(message),
                Some(300..=499) => Failure::Refused(message),
                // Another region than that of the bucket.
                None if says("redirect without LOCATION") => Failure::Refused(message),
                None if says("non-partial response") => Failure::NotPartial,
                _ => Failure::Away(message),
            },
        }
    }
}

/// What went wrong, with the causes that the error itself does not tell.
fn message(error: &object_store::Error) -> String {
    let mut message = cut(&error.to_string()).to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(cut(&text)) {
            message.push_str(": ");
            message.push_str(cut(&text));
        }
        cause = error.source();
    }
    message
}

/// The status of the answer that a message tells of.
fn status(message: &str) -> Option<u16> {
    let (_, after) = message.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_nobody_vouches_for_is_the_users() {
        let cause = std::io::Error::other("certificate verify failed");
        let source = object_store::client::HttpError::new(
            object_store::client::HttpErrorKind::Connect,
            cause,
        );
        let error = object_store::Error::Generic { store: "S3", source: Box::new(source) };
        let Failure::Refused(message) = Failure::of(error) else { panic!("it is refused") };
        assert!(message.ends_with("certificate verify failed"), "{message}");
    }

    #[test]
    fn long_answers_are_cut() {
        let source = "ä".repeat(1_000).into();
        let Failure::Away(message) =
            Failure::of(object_store::Error::Generic { store: "S3", source })
        else {
            panic!("it is away")
        };
        assert!(message.len() < 2 * MAX_MESSAGE_BYTES + 100, "{} bytes", message.len());
    }
}
