//! SHOW and DESCRIBE.

use sqlparser::tokenizer::Token;

use super::{Parsed, StatementParser};
use crate::statement::{NamePattern, Show, Shown, StatementKind};

impl StatementParser<'_> {
    pub(super) fn show(&mut self) -> Parsed {
        self.expect_words(&["SHOW"])?;
        if self.word("CREATE") {
            return self.show_create();
        }
        if self.word("COLUMNS") {
            if !self.word("FROM") {
                self.expect_words(&["IN"])?;
            }
            let path = self.path()?;
            return Ok(StatementKind::ShowColumns { path, like: self.name_pattern()? });
        }
        let what = if self.word("TABLES") {
            Shown::Tables
        } else if self.word("VIEWS") {
            Shown::Views
        } else if self.word("DATABASES") {
            Shown::Databases
        } else if self.word("CATALOGS") {
            Shown::Catalogs
        } else if self.words(&["CURRENT", "DATABASE"]) {
            Shown::CurrentDatabase
        } else if self.words(&["CURRENT", "CATALOG"]) {
            Shown::CurrentCatalog
        } else {
            return self.other_show();
        };
        let from = if self.word("FROM") || self.word("IN") { Some(self.path()?) } else { None };
        let like = self.name_pattern()?;
        Ok(StatementKind::Show(Show { what, from, like }))
    }

    /// `[NOT] LIKE 'pattern'`.
    pub(super) fn name_pattern(&mut self) -> Parsed<Option<NamePattern>> {
        let is_not = self.word("NOT");
        let ignores_case = self.word("ILIKE");
        if !ignores_case && !self.word("LIKE") {
            return if is_not { Err(self.expected("LIKE")) } else { Ok(None) };
        }
        Ok(Some(NamePattern { is_not, ignores_case, pattern: self.text()?.0 }))
    }

    fn show_create(&mut self) -> Parsed {
        let is_view = self.word("VIEW");
        if !is_view && !self.word("TABLE") {
            return self.other_show();
        }
        Ok(StatementKind::ShowCreate { is_view, path: self.path()? })
    }

    pub(super) fn describe(&mut self) -> Parsed {
        let _ = self.word("DESCRIBE") || self.word("DESC");
        for word in ["CATALOG", "DATABASE", "FUNCTION", "JOB", "MODEL"] {
            let is_object = self.is_next(word)
                && !matches!(self.parser.peek_nth_token_ref(1).token, Token::EOF | Token::Period);
            if is_object {
                return self.other(&format!("DESCRIBE {word}"));
            }
        }
        self.word("EXTENDED");
        Ok(StatementKind::Describe(self.path()?))
    }
}
