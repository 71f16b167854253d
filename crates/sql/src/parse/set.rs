//! SET, RESET and USE.

use sqlparser::tokenizer::Token;

use super::{Parsed, StatementParser};
use crate::Diagnostic;
use crate::statement::{StatementKind, Use};

impl StatementParser<'_> {
    pub(super) fn set(&mut self) -> Parsed {
        self.expect_words(&["SET"])?;
        match self.parser.peek_token_ref().token {
            Token::EOF => Ok(StatementKind::ShowSettings),
            Token::Word(_) => Err(self.unquoted_setting()),
            _ => Ok(StatementKind::Set(self.setting()?)),
        }
    }

    /// `SET key = value` without quotes, which Flink 2 no longer reads.
    fn unquoted_setting(&self) -> Diagnostic {
        let message = "the key and value of SET must be texts between single quotes";
        Diagnostic::wrong("AR1105", self.peek_span(), message).help("write SET 'key' = 'value'")
    }

    pub(super) fn reset(&mut self) -> Parsed {
        self.expect_words(&["RESET"])?;
        if self.parser.peek_token_ref().token == Token::EOF {
            return Ok(StatementKind::Reset(None));
        }
        Ok(StatementKind::Reset(Some(self.text()?.0)))
    }

    pub(super) fn use_statement(&mut self) -> Parsed {
        self.expect_words(&["USE"])?;
        if self.word("MODULES") {
            return self.other("USE MODULES");
        }
        let is_catalog = self.word("CATALOG");
        Ok(StatementKind::Use(Use { is_catalog, path: self.path()? }))
    }
}
