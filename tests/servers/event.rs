//! Downloads as messages: the bare Avro body of `download.avsc`, written by hand.

use super::kafka::Message;

/// 2025-01-15 12:00:00 UTC.
pub const BASE_MILLIS: i64 = 1_736_942_400_000;

/// What differs between the downloads of a test.
#[derive(Clone, Debug)]
pub struct Event {
    /// `event_id`.
    pub id: String,
    /// `timestamp`, after [`BASE_MILLIS`].
    pub at_millis: i64,
    /// `content.content_id`.
    pub content_id: String,
    /// `download.status`.
    pub status: &'static str,
}

impl Event {
    /// A failed download, so that `event_log` has it.
    pub fn failed(id: &str, at_millis: i64) -> Event {
        let content_id = "mov_one".to_owned();
        Event { id: id.to_owned(), at_millis, content_id, status: "failed" }
    }

    /// The body of the message.
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        text(&mut out, &self.id);
        long(&mut out, BASE_MILLIS.wrapping_add(self.at_millis));
        text(&mut out, "user_1");
        for field in [&self.content_id, "One", "movie", "action"] {
            text(&mut out, field);
        }
        long(&mut out, 2048);
        out.extend(19.99f32.to_le_bytes());
        text(&mut out, self.status);
        long(&mut out, 60);
        out.extend(30f32.to_le_bytes());
        out.extend([0, 0]);
        for field in ["EU-Berlin", "Berlin", "iPhone 15 Pro", "iOS 18.1", "wifi"] {
            text(&mut out, field);
        }
        out
    }

    /// The message, for partition 0.
    pub fn message(&self) -> Message {
        message(Some(self.body()))
    }
}

/// A message for partition 0.
pub fn message(value: Option<Vec<u8>>) -> Message {
    Message { phase: 1, partition: 0, key: None, value }
}

fn text(out: &mut Vec<u8>, text: &str) {
    long(out, i64::try_from(text.len()).unwrap());
    out.extend_from_slice(text.as_bytes());
}

/// Zigzag, seven bits a byte.
fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}
