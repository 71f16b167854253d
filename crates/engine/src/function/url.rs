//! PARSE_URL, URL_ENCODE, URL_DECODE, as java.net reads and writes URLs.

use argus_base::Result;
use argus_plan::ScalarFunction as F;
use arrow_array::ArrayRef;

use super::{Binding, Call, Kernel};

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    Ok(Some(match binding.function {
        F::ParseUrl => Box::new(parse_url),
        F::UrlEncode => Box::new(|call| {
            let text = call.text_of(0);
            call.texts(|row, out| {
                encode(text(row), out);
                Ok(true)
            })
        }),
        F::UrlDecode => Box::new(|call| {
            let text = call.text_of(0);
            call.texts(|row, out| Ok(decode(text(row), out)))
        }),
        _ => return Ok(None),
    }))
}

fn parse_url(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, part) = (call.text_of(0), call.text_of(1));
    let key = (call.arguments.len() == 3).then(|| call.text_of(2));
    Ok(call.parts(|row| {
        let url = Url::parse(text(row))?;
        match &key {
            None => url.part(part(row)),
            Some(key) if part(row) == "QUERY" => parameter(url.query?, key(row)),
            Some(_) => None,
        }
    }))
}

/// Where the parts of a URL stand in its text.
struct Url<'a> {
    protocol: &'a str,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    file: &'a str,
    fragment: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Only protocols that java.net knows make a URL.
    fn parse(text: &'a str) -> Option<Url<'a>> {
        const PROTOCOLS: &[&str] = &["http", "https", "ftp", "file", "mailto", "jar"];
        let (protocol, rest) = text.trim_matches(|c| c <= ' ').split_once(':')?;
        if !PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(protocol)) {
            return None;
        }
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (authority, file) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        let (path, query) = match file.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (file, None),
        };
        Some(Url { protocol, authority, path, query, file, fragment })
    }

    fn part(&self, name: &str) -> Option<&'a str> {
        let user_and_host = || self.authority.map(|authority| authority.rsplit_once('@'));
        match name {
            "HOST" => {
                let authority = self.authority.unwrap_or_default();
                let host = user_and_host().flatten().map_or(authority, |(_, host)| host);
                let end = match host.find(']') {
                    Some(bracket) => bracket + 1,
                    None => host.find(':').unwrap_or(host.len()),
                };
                Some(&host[..end])
            }
            "PATH" => Some(self.path),
            "QUERY" => self.query,
            "REF" => self.fragment,
            "PROTOCOL" => Some(self.protocol),
            "FILE" => Some(self.file),
            "AUTHORITY" => self.authority,
            "USERINFO" => user_and_host().flatten().map(|(user, _)| user),
            _ => None,
        }
    }
}

/// The first value of a parameter of the query, as it stands there.
fn parameter<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
}

fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'*' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

/// Writes the decoded text; false where an escape is broken.
fn decode(text: &str, out: &mut String) -> bool {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return false };
                bytes.push((high << 4 | low) as u8);
            }
            _ => bytes.push(byte),
        }
    }
    out.push_str(&String::from_utf8_lossy(&bytes));
    true
}
