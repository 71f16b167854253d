//! Tokens of a script → tokens of each statement.

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// One list a statement, without the semicolon that ends it; empty statements are left out.
/// `STATEMENT SET BEGIN …; …; END` is one statement.
pub fn split(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut statements = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    let mut in_block = false;
    for token in tokens {
        let starts_inner = current
            .last()
            .is_some_and(|last| last.token == Token::SemiColon || is_word(last, "BEGIN"));
        if token.token == Token::SemiColon && !in_block {
            statements.push(std::mem::take(&mut current));
            continue;
        }
        if in_block && starts_inner && is_word(&token, "END") {
            in_block = false;
        }
        let opens_block = is_word(&token, "BEGIN") && ends_with(&current, &["STATEMENT", "SET"]);
        in_block |= opens_block;
        current.push(token);
    }
    statements.push(current);
    statements.retain(|statement| !statement.is_empty());
    statements
}

fn ends_with(tokens: &[TokenWithSpan], words: &[&str]) -> bool {
    let Some(first) = tokens.len().checked_sub(words.len()) else { return false };
    tokens[first..].iter().zip(words).all(|(token, word)| is_word(token, word))
}

/// Whether the token is that word, unquoted, in any case.
pub(crate) fn is_word(token: &TokenWithSpan, expected: &str) -> bool {
    match &token.token {
        Token::Word(word) => {
            word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::lex;
    use super::super::substitute::substitute;
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let tokens = lex(&substitute(text, &|_| None).unwrap()).unwrap();
        let shown: Vec<String> = split(tokens)
            .iter()
            .map(|all| all.iter().map(|t| t.token.to_string()).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn statements() {
        check("a; b 'x;y';; -- c;\n", &["a", "b 'x;y'"]);
        check("BEGIN STATEMENT SET; a; END; b", &["BEGIN STATEMENT SET", "a", "END", "b"]);
        check(
            "EXECUTE STATEMENT SET BEGIN a CASE x END; b; END; c",
            &["EXECUTE STATEMENT SET BEGIN a CASE x END ; b ; END", "c"],
        );
    }
}
