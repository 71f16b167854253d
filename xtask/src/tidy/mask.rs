//! Rust text with comments and the insides of literals blanked out, so that rules can look for
//! code by plain text. Every line keeps its number, every byte its place.

/// The text with blanks in the place of comments, strings and characters.
pub fn mask(text: &str) -> String {
    let mut masker = Masker { bytes: text.as_bytes(), at: 0, out: Vec::with_capacity(text.len()) };
    while masker.at < masker.bytes.len() {
        masker.step();
    }
    String::from_utf8_lossy(&masker.out).into_owned()
}

struct Masker<'a> {
    bytes: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

impl Masker<'_> {
    fn step(&mut self) {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(b"//") {
            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            self.blank(length);
        } else if rest.starts_with(b"/*") {
            self.blank(block_comment(rest));
        } else if rest[0] == b'"' {
            self.blank(string(rest));
        } else if rest[0] == b'\'' {
            match character(rest) {
                Some(length) => self.blank(length),
                None => self.keep(1),
            }
        } else if rest[0] == b'r' && !self.is_inside_word() {
            match raw_string(rest) {
                Some(length) => self.blank(length),
                None => self.keep(1),
            }
        } else {
            self.keep(1);
        }
    }

    /// Whether the byte goes on with a name; a `b` or `c` of its own in front of a literal does not
    /// count.
    fn is_inside_word(&self) -> bool {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let before = |n: usize| self.at.checked_sub(n).map(|at| self.bytes[at]);
        match before(1) {
            Some(b'b' | b'c') => before(2).is_some_and(is_word),
            Some(byte) => is_word(byte),
            None => false,
        }
    }

    fn keep(&mut self, length: usize) {
        self.out.extend_from_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
    }

    fn blank(&mut self, length: usize) {
        let hidden = &self.bytes[self.at..self.at + length];
        self.out.extend(hidden.iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
        self.at += length;
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `'x'`, but not the `'a` of a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|byte| *byte == b'\'')?;
        return Some(end + 4);
    }
    // One code point: at most four bytes.
    let end = rest.iter().skip(2).take(4).position(|byte| *byte == b'\'')? + 2;
    let is_one = std::str::from_utf8(&rest[1..end]).is_ok_and(|text| text.chars().count() == 1);
    is_one.then_some(end + 1)
}

fn raw_string(rest: &[u8]) -> Option<usize> {
    let n_hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + n_hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.extend(std::iter::repeat_n(b'#', n_hashes));
    let inside = 2 + n_hashes;
    let found = rest[inside..].windows(end.len()).position(|window| window == end)?;
    Some(inside + found + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_remains() {
        assert_eq!(mask("a // {\nb"), "a     \nb");
        assert_eq!(mask("a /* /* } */ */ b"), "a               b");
        assert_eq!(mask(r#"f("}\"{", x)"#), "f(      , x)");
        assert_eq!(mask("f('{', '\\'', 'a')"), "f(   ,     ,    )");
        assert_eq!(mask("fn f<'a>(x: &'a str)"), "fn f<'a>(x: &'a str)");
        assert_eq!(
            mask("g(r#\"{\"#, br\"}\")"),
            format!("g({}, b{})", " ".repeat(6), " ".repeat(4))
        );
        assert_eq!(mask("for\"x\""), "for   ");
    }
}
