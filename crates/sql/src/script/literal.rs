//! What the text of a string literal means: doubled quotes, `U&'…'` and `E'…'` escapes.

/// The value of `'…'` without its quotes.
pub(super) fn plain(body: &str) -> String {
    body.replace("''", "'")
}

/// The value of `U&'…'` without prefix and quotes: `\263A` and `\+01F600`.
pub(super) fn unicode(body: &str, escape: char) -> Result<String, String> {
    let body = plain(body);
    let mut out = String::with_capacity(body.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = body.as_str();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != escape || rest.starts_with(escape) {
            flush(&mut units, &mut out)?;
            out.push(c);
            rest = if c == escape { &rest[c.len_utf8()..] } else { rest };
            continue;
        }
        let digits = rest.get(..4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits =
            digits.ok_or_else(|| format!("'{escape}' must be followed by four hex digits"))?;
        units.push(u16::from_str_radix(digits, 16).map_err(|error| error.to_string())?);
        rest = &rest[4..];
    }
    flush(&mut units, &mut out)?;
    Ok(out)
}

/// UTF-16 units as Java writes them, surrogate pairs included.
fn flush(units: &mut Vec<u16>, out: &mut String) -> Result<(), String> {
    let text =
        String::from_utf16(units).map_err(|_| "a lone surrogate is no character".to_owned())?;
    out.push_str(&text);
    units.clear();
    Ok(())
}

/// The value of `E'…'` without prefix and quotes.
pub(super) fn escaped(body: &str) -> Result<String, String> {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '\'' {
            rest = rest.strip_prefix('\'').unwrap_or(rest);
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(kind) = rest.chars().next() else {
            return Err("a backslash ends the literal".to_owned());
        };
        rest = &rest[kind.len_utf8()..];
        let (value, used) = escape(kind, rest)?;
        out.push(value);
        rest = &rest[used..];
    }
    Ok(out)
}

/// The character of one escape and how many bytes after its letter it takes.
fn escape(kind: char, rest: &str) -> Result<(char, usize), String> {
    match kind {
        'b' => Ok(('\u{8}', 0)),
        'f' => Ok(('\u{c}', 0)),
        'n' => Ok(('\n', 0)),
        'r' => Ok(('\r', 0)),
        't' => Ok(('\t', 0)),
        'x' => number(rest, 16, 1, 2),
        'u' => number(rest, 16, 4, 4),
        'U' => number(rest, 16, 8, 8),
        '0'..='7' => {
            let first = kind.to_digit(8).unwrap_or(0);
            let more: String = rest.chars().take(2).take_while(|c| c.is_digit(8)).collect();
            let value = more.chars().fold(first, |sum, c| sum * 8 + c.to_digit(8).unwrap_or(0));
            let value = char::from_u32(value).ok_or("not a character")?;
            Ok((value, more.len()))
        }
        other => Ok((other, 0)),
    }
}

fn number(rest: &str, radix: u32, least: usize, most: usize) -> Result<(char, usize), String> {
    let length = rest.chars().take(most).take_while(|c| c.is_digit(radix)).count();
    if length < least {
        return Err(format!("the escape needs {least} hex digits"));
    }
    let code = u32::from_str_radix(&rest[..length], radix).map_err(|error| error.to_string())?;
    let value = char::from_u32(code).ok_or_else(|| format!("{code:X} is no character"))?;
    Ok((value, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicode_literals() {
        assert_eq!(unicode("a\\263Ab", '\\').unwrap(), "a\u{263A}b");
        assert_eq!(unicode("!D83D!DE00 !!", '!').unwrap(), "\u{1F600} !");
        assert!(unicode("\\26", '\\').is_err());
        assert!(unicode("\\D83D", '\\').is_err());
    }

    #[test]
    fn escaped_literals() {
        assert_eq!(escaped("a\\n\\t\\\\ \\' ''").unwrap(), "a\n\t\\ ' '");
        assert_eq!(escaped("\\101\\x42\\u0043\\U00000044").unwrap(), "ABCD");
        assert!(escaped("\\u12").is_err());
    }
}
