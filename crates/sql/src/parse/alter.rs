//! ALTER: its whole grammar is checked; nothing of it runs yet.

use sqlparser::tokenizer::Token;

use super::{Parsed, StatementParser};

const HELP: &str = "change the CREATE statement instead: a script declares its tables itself";

impl StatementParser<'_> {
    pub(super) fn alter(&mut self) -> Parsed {
        self.expect_words(&["ALTER"])?;
        let what = if self.word("TABLE") {
            self.words(&["IF", "EXISTS"]);
            self.path()?;
            self.alter_table()?;
            "ALTER TABLE"
        } else if self.word("VIEW") {
            self.path()?;
            self.alter_view()?;
            "ALTER VIEW"
        } else {
            self.alter_other()?
        };
        Ok(self.unsupported(what, HELP))
    }

    fn alter_table(&mut self) -> Parsed<()> {
        if self.word("RENAME") {
            return self.rename();
        }
        if self.word("SET") {
            self.options()?;
        } else if self.word("RESET") {
            self.list(Self::text)?;
        } else if self.word("ADD") || self.word("MODIFY") {
            return self.add();
        } else if self.word("DROP") {
            return self.drop_parts();
        } else {
            return Err(self.expected("ADD, MODIFY, DROP, RENAME, SET or RESET"));
        }
        Ok(())
    }

    /// `RENAME [column] TO name`.
    fn rename(&mut self) -> Parsed<()> {
        if !self.word("TO") {
            self.path()?;
            self.expect_words(&["TO"])?;
        }
        self.path().map(|_| ())
    }

    /// ADD or MODIFY of one or of a list of columns, keys and watermarks, of partitions or of a
    /// distribution.
    fn add(&mut self) -> Parsed<()> {
        if self.is_next("DISTRIBUTED") {
            return self.distribution().map(|_| ());
        }
        self.words(&["IF", "NOT", "EXISTS"]);
        if self.is_next("PARTITION") {
            return self.partitions();
        }
        if self.token(&Token::LParen) {
            loop {
                self.added_item()?;
                if !self.token(&Token::Comma) {
                    return self.expect(&Token::RParen);
                }
            }
        }
        self.added_item()
    }

    fn added_item(&mut self) -> Parsed<()> {
        if self.word("WATERMARK") {
            self.expect_words(&["FOR"])?;
            self.path()?;
            self.expect_words(&["AS"])?;
            return self.expression().map(|_| ());
        }
        if self.word("CONSTRAINT") {
            self.name()?;
        }
        if self.words(&["PRIMARY", "KEY"]) {
            self.names()?;
            return self.expect_words(&["NOT", "ENFORCED"]);
        }
        self.path()?;
        if self.word("AS") {
            self.expression()?;
        } else {
            self.logical_type()?;
            if self.word("METADATA") {
                if self.word("FROM") {
                    self.text()?;
                }
                self.word("VIRTUAL");
            } else if self.words(&["PRIMARY", "KEY"]) {
                self.expect_words(&["NOT", "ENFORCED"])?;
            }
        }
        self.comment()?;
        if self.word("AFTER") {
            self.path()?;
        } else {
            self.word("FIRST");
        }
        Ok(())
    }

    fn drop_parts(&mut self) -> Parsed<()> {
        self.words(&["IF", "EXISTS"]);
        if self.words(&["PRIMARY", "KEY"]) || self.word("WATERMARK") || self.word("DISTRIBUTION") {
            return Ok(());
        }
        if self.word("CONSTRAINT") {
            return self.name().map(|_| ());
        }
        if self.is_next("PARTITION") {
            return self.partitions();
        }
        match self.parser.peek_token_ref().token {
            Token::LParen => self.list(Self::path).map(|_| ()),
            _ => self.path().map(|_| ()),
        }
    }

    /// `PARTITION (column = value, …) [WITH (…)] …`.
    fn partitions(&mut self) -> Parsed<()> {
        while self.word("PARTITION") {
            self.list(|parser| {
                parser.name()?;
                parser.expect(&Token::Eq)?;
                parser.expression()
            })?;
            if self.word("WITH") {
                self.options()?;
            }
            self.token(&Token::Comma);
        }
        Ok(())
    }

    fn alter_view(&mut self) -> Parsed<()> {
        if self.word("RENAME") {
            self.expect_words(&["TO"])?;
            return self.path().map(|_| ());
        }
        self.expect_words(&["AS"])?;
        self.query().map(|_| ())
    }

    /// ALTER DATABASE, CATALOG, FUNCTION and MODEL.
    fn alter_other(&mut self) -> Parsed<&'static str> {
        let is_temporary = self.word("TEMPORARY") && self.word("SYSTEM");
        if is_temporary || self.is_next("FUNCTION") {
            self.expect_words(&["FUNCTION"])?;
            self.words(&["IF", "EXISTS"]);
            self.path()?;
            self.expect_words(&["AS"])?;
            self.text()?;
            if self.word("LANGUAGE") {
                self.name()?;
            }
            return Ok("ALTER FUNCTION");
        }
        let kinds = [
            ("DATABASE", "ALTER DATABASE"),
            ("CATALOG", "ALTER CATALOG"),
            ("MODEL", "ALTER MODEL"),
        ];
        let Some((_, what)) = kinds.into_iter().find(|(word, _)| self.word(word)) else {
            return Err(self.expected("TABLE, VIEW, FUNCTION, DATABASE or CATALOG"));
        };
        self.path()?;
        if self.word("SET") {
            self.options()?;
        } else if self.word("RESET") {
            self.list(Self::text)?;
        } else if self.word("RENAME") {
            self.expect_words(&["TO"])?;
            self.path()?;
        } else if self.comment()?.is_none() {
            return Err(self.expected("SET, RESET, RENAME or COMMENT"));
        }
        Ok(what)
    }
}
