//! Base64 as Jackson reads and writes it: the standard alphabet with padding, no line feeds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The bytes a text stands for. White space may stand between groups of four characters, and
/// groups may follow one that is padded; a group without its padding is refused.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return Some(bytes);
    }
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        let n_blanks = rest.iter().take_while(|byte| **byte <= b' ').count();
        rest = &rest[n_blanks..];
        if rest.is_empty() {
            return Some(bytes);
        }
        let group = rest.get(..4)?;
        bytes.extend_from_slice(&STANDARD.decode(group).ok()?);
        rest = &rest[4..];
    }
}

/// Appends the text that stands for the bytes.
pub(crate) fn write(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_four() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(decode(text.as_bytes()).as_deref(), expected.map(str::as_bytes), "{text}");
        };
        check("", Some(""));
        check("QUI=", Some("AB"));
        check(" QUI= \n", Some("AB"));
        check("QQ== QQ==", Some("AA"));
        check("QQ==QQ==", Some("AA"));
        check("Q Q==", None);
        check("QQ", None);
        check("QQ=", None);
        check("Q_==", None);
        let mut out = Vec::new();
        write(&mut out, b"AB");
        assert_eq!(out, b"QUI=");
    }
}
