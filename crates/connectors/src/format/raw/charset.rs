//! The charsets that Java has everywhere, but for UTF-32.

/// A charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Ascii,
    Latin1,
    /// `Utf16` reads the order from a mark, big-endian where there is none, and writes a mark.
    Utf16,
    Utf16Be,
    Utf16Le,
}

impl Charset {
    /// The charset of that name or alias, in any case.
    pub fn named(name: &str) -> Option<Charset> {
        Some(match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" => Charset::Utf8,
            "US-ASCII" | "ASCII" => Charset::Ascii,
            "ISO-8859-1" | "ISO8859_1" | "LATIN1" => Charset::Latin1,
            "UTF-16" | "UTF16" => Charset::Utf16,
            "UTF-16BE" => Charset::Utf16Be,
            "UTF-16LE" => Charset::Utf16Le,
            _ => return None,
        })
    }

    /// The text of the bytes; `None` where they are the UTF-8 that it is. What stands for
    /// nothing becomes U+FFFD.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        let is_utf8 = match self {
            Charset::Utf8 => std::str::from_utf8(bytes).is_ok(),
            Charset::Ascii | Charset::Latin1 => bytes.is_ascii(),
            _ => false,
        };
        if is_utf8 {
            return None;
        }
        Some(match self {
            Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Charset::Ascii => {
                let ascii =
                    |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' };
                bytes.iter().map(ascii).collect()
            }
            Charset::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Charset::Utf16Be => decode_utf16(bytes, u16::from_be_bytes),
            Charset::Utf16Le => decode_utf16(bytes, u16::from_le_bytes),
            Charset::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => decode_utf16(rest, u16::from_le_bytes),
                [0xfe, 0xff, rest @ ..] => decode_utf16(rest, u16::from_be_bytes),
                _ => decode_utf16(bytes, u16::from_be_bytes),
            },
        })
    }

    /// Appends the bytes of the text. What the charset does not have becomes `?`.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Charset::Utf8 => out.extend_from_slice(text.as_bytes()),
            Charset::Ascii => encode_bytes(text, 0x7f, out),
            Charset::Latin1 => encode_bytes(text, 0xff, out),
            Charset::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Charset::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Charset::Utf16 => {
                if !text.is_empty() {
                    out.extend_from_slice(&[0xfe, 0xff]);
                }
                Charset::Utf16Be.encode(text, out);
            }
        }
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::from_utf16_lossy(&pairs.iter().copied().map(unit).collect::<Vec<_>>());
    if !rest.is_empty() {
        text.push('\u{fffd}');
    }
    text
}

fn encode_bytes(text: &str, last: u8, out: &mut Vec<u8>) {
    let byte = |c: char| u8::try_from(c).ok().filter(|byte| *byte <= last).unwrap_or(b'?');
    out.extend(text.chars().map(byte));
}
