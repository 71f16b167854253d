//! Reads `sasl.jaas.config`, the Java client's way of writing a user name and a password.
//!
//! ```text
//! <login module class> required|requisite|sufficient|optional (<name>=<value>)* ;
//! ```
//! A value is bare, or stands in `"` or `'` with C escapes, as Java's own tokenizer reads it.

/// What is written in a JAAS line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JaasConfig {
    /// Class name without its package: `PlainLoginModule`.
    pub module: String,
    /// Options in written order.
    pub options: Vec<(String, String)>,
}

impl JaasConfig {
    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a JAAS line. The error never repeats a value: it may be a password.
pub fn parse(text: &str) -> Result<JaasConfig, String> {
    let mut tokens = Tokens { rest: text };
    let class = tokens.word().ok_or("expected a login module class")?;
    let module = class.rsplit('.').next().unwrap_or_default().to_owned();
    let flag = tokens.word().unwrap_or_default();
    if !["required", "requisite", "sufficient", "optional"].contains(&flag.as_str()) {
        return Err(format!("expected 'required' after the class name {class}"));
    }
    let mut options = Vec::new();
    loop {
        tokens.skip_space();
        if tokens.take(';') {
            tokens.skip_space();
            let is_end = tokens.rest.is_empty();
            return if is_end { Ok(JaasConfig { module, options }) } else { Err(ONE_ONLY.into()) };
        }
        let name = tokens.word().ok_or("expected ';' at the end")?;
        tokens.skip_space();
        if !tokens.take('=') {
            return Err(format!("expected '=' after the option '{name}'"));
        }
        let value = tokens.value().map_err(|why| format!("option '{name}': {why}"))?;
        options.push((name, value));
    }
}

const ONE_ONLY: &str = "only one login module can be given";

struct Tokens<'a> {
    rest: &'a str,
}

impl Tokens<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, wanted: char) -> bool {
        let stripped = self.rest.strip_prefix(wanted);
        self.rest = stripped.unwrap_or(self.rest);
        stripped.is_some()
    }

    fn word(&mut self) -> Option<String> {
        self.skip_space();
        let ends_word = |c: char| c.is_whitespace() || matches!(c, '=' | ';' | '"' | '\'');
        let end = self.rest.find(ends_word).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn value(&mut self) -> Result<String, &'static str> {
        self.skip_space();
        for quote in ['"', '\''] {
            if self.take(quote) {
                return self.quoted(quote);
            }
        }
        self.word().ok_or("expected a value")
    }

    fn quoted(&mut self, quote: char) -> Result<String, &'static str> {
        let mut value = String::new();
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => value.push(escaped(&mut chars).ok_or("the escape is not complete")?),
                _ if c == quote => {
                    self.rest = chars.as_str();
                    return Ok(value);
                }
                _ => value.push(c),
            }
        }
        Err("the closing quote is missing")
    }
}

/// What stands for the characters after a backslash: a control character, up to three octal
/// digits (at most 377), or the character itself.
fn escaped(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let first = chars.next()?;
    let Some(mut code) = first.to_digit(8) else {
        return Some(match first {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            other => other,
        });
    };
    let most_digits = if code <= 3 { 3 } else { 2 };
    for _ in 1..most_digits {
        let Some(digit) = chars.as_str().chars().next().and_then(|c| c.to_digit(8)) else { break };
        chars.next();
        code = code * 8 + digit;
    }
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(String, Vec<(String, String)>), String> {
        parse(text).map(|config| (config.module, config.options))
    }

    fn pairs(options: &[(&str, &str)]) -> Vec<(String, String)> {
        options.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn reads_modules_and_options() {
        let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                     username=\"alice\" password='p w';";
        let expected = pairs(&[("username", "alice"), ("password", "p w")]);
        assert_eq!(check(plain), Ok(("PlainLoginModule".into(), expected)));
        let scram = " x.ScramLoginModule  required\n username = bob password=a-b ; ";
        let expected = pairs(&[("username", "bob"), ("password", "a-b")]);
        assert_eq!(check(scram), Ok(("ScramLoginModule".into(), expected)));
        let empty = "M required username=\"\" password=\"\";";
        assert_eq!(check(empty).unwrap().1, pairs(&[("username", ""), ("password", "")]));
    }

    #[test]
    fn reads_escapes_as_java_does() {
        let config = parse(r#"M required p="a\"b\\c'\t\1018\;";"#).unwrap();
        assert_eq!(config.option("p"), Some("a\"b\\c'\tA8;"));
        assert_eq!(parse(r"M required p='\477';").unwrap().option("p"), Some("'7"));
        assert_eq!(parse("M required p='a;b=c';").unwrap().option("p"), Some("a;b=c"));
    }

    #[test]
    fn refuses_without_showing_values() {
        for (text, expected) in [
            ("", "expected a login module class"),
            ("M username=\"a\";", "expected 'required' after the class name M"),
            ("M required username=\"a\"", "expected ';' at the end"),
            ("M required username;", "expected '=' after the option 'username'"),
            ("M required password=\"geheim;", "option 'password': the closing quote is missing"),
            ("M required a=b; N required;", ONE_ONLY),
        ] {
            assert_eq!(check(text).unwrap_err(), expected, "{text}");
        }
    }
}
