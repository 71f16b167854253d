//! Files of one line and JSON: `NAME VERSION XXH3-64-of-the-rest`, so that a torn or changed one
//! is known, and one of a later format too.

use argus_base::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

/// A kind of file.
pub(crate) struct Frame {
    /// The word it begins with.
    pub name: &'static str,
    /// The format written, and the newest that is read.
    pub version: u32,
    /// Code of the error where it cannot be read.
    pub code: &'static str,
}

impl Frame {
    /// The file that holds `content`.
    pub fn encode(&self, content: &impl Serialize) -> Vec<u8> {
        let body = serde_json::to_string(content);
        let body = body.expect("a tree of numbers, texts and lists has a JSON form") + "\n";
        let line = self.line(self.version, body.as_bytes());
        (line + "\n" + &body).into_bytes()
    }

    fn line(&self, version: u32, body: &[u8]) -> String {
        format!("{} {version} {:016x}", self.name, xxh3_64(body))
    }

    /// The file, called `title` in the message, cannot be used.
    pub fn broken(&self, title: &str, what: &str) -> Error {
        Error::new(ErrorKind::Corrupt, self.code, format!("{title} {what}"))
    }

    /// What a file holds; `Corrupt` where it is torn, changed, or of a later format.
    pub fn decode<T: DeserializeOwned>(&self, title: &str, bytes: &[u8]) -> Result<T> {
        let broken = |what: &str| self.broken(title, what);
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let line = end.and_then(|end| std::str::from_utf8(&bytes[..end]).ok());
        let body = &bytes[end.map_or(0, |end| end + 1)..];
        let mut words = line.unwrap_or_default().split(' ');
        let is_named = words.next() == Some(self.name);
        let version = words.next().and_then(|version| version.parse::<u32>().ok());
        let (true, Some(version)) = (is_named, version.filter(|version| *version > 0)) else {
            return Err(broken("does not begin like one"));
        };
        if version > self.version {
            return Err(self.later(title, version, body));
        }
        if line != Some(self.line(version, body).as_str()) {
            return Err(broken("is torn or has changed"));
        }
        serde_json::from_slice(body).map_err(|error| broken(&format!("makes no sense: {error}")))
    }

    /// A later format keeps the word `engine`.
    fn later(&self, title: &str, version: u32, body: &[u8]) -> Error {
        let fields: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let engine = fields.as_ref().and_then(|fields| fields.get("engine")?.as_str());
        let engine = engine.unwrap_or("of an unknown version");
        let newest = self.version;
        Error::new(
            ErrorKind::Corrupt,
            "AR5109",
            format!(
                "{title} has format {version}, written by Argus {engine}; \
                 this engine reads formats up to {newest}"
            ),
        )
    }
}

/// 64 bits as 16 hexadecimal digits, which every reader of JSON keeps exact.
pub(crate) mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bits: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{bits:016x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bits = u64::from_str_radix(&text, 16).ok().filter(|_| text.len() == 16);
        bits.ok_or_else(|| D::Error::custom("expected 16 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { name: "argus-note", version: 1, code: "AR5107" };

    fn check(text: &str, expected: &str) {
        let found = match FRAME.decode::<Vec<u32>>("note a", text.as_bytes()) {
            Ok(content) => format!("{content:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                format!("{}: {error}", error.code())
            }
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn files_are_checked() {
        let good = String::from_utf8(FRAME.encode(&[1, 2])).unwrap();
        check(&good, "[1, 2]");
        check(&good.replace('2', "3"), "AR5107: note a is torn or has changed");
        check(&good[..good.len() - 1], "AR5107: note a is torn or has changed");
        check(&good.replace("note 1", "note 01"), "AR5107: note a is torn or has changed");
        for text in ["", "argus-note", "argus-note 1", "argus-note x y\n", "argus-log 1 0\n[]"] {
            check(text, "AR5107: note a does not begin like one");
        }
        let other = String::from_utf8(FRAME.encode(&["x"])).unwrap();
        assert!(FRAME.decode::<Vec<u32>>("note a", other.as_bytes()).is_err());
    }

    #[test]
    fn a_later_format_says_who_wrote_it() {
        let limits = "this engine reads formats up to 1";
        check(
            "argus-note 2 whatever\n{\"engine\": \"7.1.0\"}",
            &format!("AR5109: note a has format 2, written by Argus 7.1.0; {limits}"),
        );
        check(
            "argus-note 2 whatever\nnew",
            &format!(
                "AR5109: note a has format 2, written by Argus of an unknown version; {limits}"
            ),
        );
    }
}
