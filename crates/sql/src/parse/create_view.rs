//! CREATE and DROP, and CREATE VIEW.

use sqlparser::tokenizer::Token;

use super::{Parsed, StatementParser};
use crate::script::slice;
use crate::statement::{CreateView, Drop, StatementKind};

impl StatementParser<'_> {
    pub(super) fn create(&mut self) -> Parsed {
        self.expect_words(&["CREATE"])?;
        let or_replace = self.words(&["OR", "REPLACE"]) || self.words(&["OR", "ALTER"]);
        let is_temporary = self.word("TEMPORARY");
        if or_replace {
            return self.other_create(is_temporary);
        }
        if self.word("TABLE") {
            return self.create_table(is_temporary);
        }
        if self.word("VIEW") {
            return self.create_view(is_temporary);
        }
        self.other_create(is_temporary)
    }

    /// After `CREATE [TEMPORARY] VIEW`.
    fn create_view(&mut self, is_temporary: bool) -> Parsed {
        let if_not_exists = self.words(&["IF", "NOT", "EXISTS"]);
        let path = self.path()?;
        let columns = match self.parser.peek_token_ref().token {
            Token::LParen => Some(self.names()?),
            _ => None,
        };
        let comment = self.comment()?;
        self.expect_words(&["AS"])?;
        let query = self.query()?;
        let text = slice(self.source, query.span).to_owned();
        let source = self.source.clone();
        let view =
            CreateView { path, is_temporary, if_not_exists, columns, comment, query, text, source };
        Ok(StatementKind::CreateView(Box::new(view)))
    }

    pub(super) fn drop(&mut self) -> Parsed {
        self.expect_words(&["DROP"])?;
        let is_temporary = self.word("TEMPORARY");
        let is_view = self.word("VIEW");
        if !is_view && !self.word("TABLE") {
            return self.other_drop();
        }
        let if_exists = self.words(&["IF", "EXISTS"]);
        let path = self.path()?;
        Ok(StatementKind::Drop(Drop { is_view, is_temporary, if_exists, path }))
    }
}
