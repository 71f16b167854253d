//! CREATE TABLE.

use sqlparser::tokenizer::Token;

use super::{Parsed, StatementParser};
use crate::Diagnostic;
use crate::script::hint::option_value;
use crate::script::join;
use crate::show::create::quoted;
use crate::show::unparse::expression_text;
use crate::statement::{
    ColumnDefinition, ColumnDefinitionKind, CreateTable, KeyDefinition, Like, LikeFeature,
    LikeOption, LikeStrategy, Name, Path, Setting, StatementKind, WatermarkDefinition,
};

impl StatementParser<'_> {
    /// After `CREATE [TEMPORARY] TABLE`.
    pub(super) fn create_table(&mut self, is_temporary: bool) -> Parsed {
        let if_not_exists = self.words(&["IF", "NOT", "EXISTS"]);
        let mut table = empty(self.path()?, is_temporary, if_not_exists);
        if self.token(&Token::LParen) {
            self.items(&mut table)?;
        }
        self.clauses(&mut table)?;
        if self.word("LIKE") {
            table.like = Some(self.like()?);
        } else if self.word("AS") {
            table.query = Some(self.query()?);
        }
        Ok(StatementKind::CreateTable(Box::new(table)))
    }

    /// Columns, watermark and key, to the closing parenthesis.
    fn items(&mut self, table: &mut CreateTable) -> Parsed<()> {
        loop {
            let is_key =
                self.is_next("CONSTRAINT") || self.is_next("PRIMARY") || self.is_next("UNIQUE");
            if self.is_next("WATERMARK") {
                self.watermark(table)?;
            } else if is_key {
                self.key(table)?;
            } else {
                self.column(table)?;
            }
            if !self.token(&Token::Comma) {
                return self.expect(&Token::RParen);
            }
        }
    }

    fn watermark(&mut self, table: &mut CreateTable) -> Parsed<()> {
        let start = self.peek_span();
        self.expect_words(&["WATERMARK", "FOR"])?;
        let column = self.name()?;
        if self.token(&Token::Period) {
            let span = join(column.span, self.name()?.span);
            let message = "the rowtime must be a column of the table, not a field of one";
            let help = "add a computed column for the field and use that";
            return Err(Diagnostic::wrong("AR1101", span, message).help(help));
        }
        self.expect_words(&["AS"])?;
        let expression = self.expression()?;
        let span = join(start, self.last_span());
        if table.watermark.is_some() {
            return Err(Diagnostic::wrong("AR1101", span, "a table has one WATERMARK at most"));
        }
        let text = expression_text(&expression, self.source);
        table.watermark = Some(WatermarkDefinition { column, expression, text, span });
        Ok(())
    }

    /// `[CONSTRAINT name] PRIMARY KEY (columns) NOT ENFORCED`.
    fn key(&mut self, table: &mut CreateTable) -> Parsed<()> {
        let start = self.peek_span();
        let name = if self.word("CONSTRAINT") { Some(self.name()?.value) } else { None };
        if self.is_next("UNIQUE") {
            let message = "UNIQUE is not supported by Flink SQL";
            let help = "write PRIMARY KEY (…) NOT ENFORCED";
            return Err(Diagnostic::wrong("AR1102", self.peek_span(), message).help(help));
        }
        self.expect_words(&["PRIMARY", "KEY"])?;
        let columns = self.names()?;
        let key = KeyDefinition { name, columns, span: join(start, self.last_span()) };
        self.put_key(table, key)
    }

    /// `NOT ENFORCED` and that it is the only key.
    fn put_key(&mut self, table: &mut CreateTable, key: KeyDefinition) -> Parsed<()> {
        if !self.words(&["NOT", "ENFORCED"]) {
            self.word("ENFORCED");
            let message = "a PRIMARY KEY must be NOT ENFORCED: the engine does not own the data";
            let help = "write NOT ENFORCED after the key";
            return Err(Diagnostic::wrong("AR1102", key.span, message).help(help));
        }
        if table.primary_key.is_some() {
            let message = "a table has one PRIMARY KEY at most";
            return Err(Diagnostic::wrong("AR1102", key.span, message));
        }
        table.primary_key = Some(key);
        Ok(())
    }

    fn column(&mut self, table: &mut CreateTable) -> Parsed<()> {
        let name = self.name()?;
        if matches!(self.parser.peek_token_ref().token, Token::Comma | Token::RParen) {
            let kind = ColumnDefinitionKind::NameOnly;
            table.columns.push(ColumnDefinition { name, kind, comment: None });
            return Ok(());
        }
        if self.word("AS") {
            let expression = Box::new(self.expression()?);
            let text = expression_text(&expression, self.source);
            let kind = ColumnDefinitionKind::Computed { expression, text };
            let comment = self.comment()?;
            table.columns.push(ColumnDefinition { name, kind, comment });
            return Ok(());
        }
        let logical_type = self.logical_type()?;
        if self.word("METADATA") {
            let key = if self.word("FROM") { Some(self.text()?.0) } else { None };
            let is_virtual = self.word("VIRTUAL");
            let kind = ColumnDefinitionKind::Metadata { logical_type, key, is_virtual };
            let comment = self.comment()?;
            table.columns.push(ColumnDefinition { name, kind, comment });
            return Ok(());
        }
        self.column_key(table, &name)?;
        let kind = ColumnDefinitionKind::Physical(logical_type);
        let comment = self.comment()?;
        table.columns.push(ColumnDefinition { name, kind, comment });
        Ok(())
    }

    /// `[CONSTRAINT name] PRIMARY KEY NOT ENFORCED` behind a column.
    fn column_key(&mut self, table: &mut CreateTable, column: &Name) -> Parsed<()> {
        let start = self.peek_span();
        let name = if self.word("CONSTRAINT") { Some(self.name()?.value) } else { None };
        if self.words(&["PRIMARY", "KEY"]) {
            let span = join(start, self.last_span());
            return self
                .put_key(table, KeyDefinition { name, columns: vec![column.clone()], span });
        }
        match name {
            Some(_) => Err(self.expected("PRIMARY KEY")),
            None => Ok(()),
        }
    }

    pub(super) fn comment(&mut self) -> Parsed<Option<String>> {
        Ok(if self.word("COMMENT") { Some(self.text()?.0) } else { None })
    }

    /// COMMENT, DISTRIBUTED, PARTITIONED BY, WITH.
    fn clauses(&mut self, table: &mut CreateTable) -> Parsed<()> {
        table.comment = self.comment()?;
        if self.is_next("DISTRIBUTED") {
            table.distribution = Some(self.distribution()?);
        }
        if self.words(&["PARTITIONED", "BY"]) {
            table.partition_keys = self.names()?;
        }
        if self.word("WITH") {
            table.options = self.options()?;
        }
        Ok(())
    }

    /// `DISTRIBUTED [BY [HASH|RANGE] (columns)] [INTO n BUCKETS]`, in Flink's spelling.
    pub(super) fn distribution(&mut self) -> Parsed<String> {
        self.expect_words(&["DISTRIBUTED"])?;
        let mut text = "DISTRIBUTED".to_owned();
        if self.word("BY") {
            let kind = ["HASH", "RANGE"].into_iter().find(|kind| self.word(kind)).unwrap_or("");
            let columns: Vec<String> =
                self.names()?.iter().map(|name| quoted(&name.value)).collect();
            text += &format!(" BY {kind}({})", columns.join(", "));
        }
        if self.word("INTO") {
            let Token::Number(buckets, _) = self.parser.next_token().token else {
                return Err(self.expected("a number of buckets"));
            };
            self.expect_words(&["BUCKETS"])?;
            text += &format!(" INTO {buckets} BUCKETS");
        }
        Ok(text)
    }

    /// `('key' = 'value', …)`; the list may be empty.
    pub(super) fn options(&mut self) -> Parsed<Vec<Setting>> {
        if self.parser.consume_tokens(&[Token::LParen, Token::RParen]) {
            return Ok(Vec::new());
        }
        self.list(Self::setting)
    }

    /// `'key' = 'value'`.
    pub(super) fn setting(&mut self) -> Parsed<Setting> {
        let (key, key_span) = self.text()?;
        self.expect(&Token::Eq)?;
        let (value, span) = self.text()?;
        Ok(Setting { key, key_span, value: option_value(value, span, key_span, self.source) })
    }

    fn like(&mut self) -> Parsed<Like> {
        let source = self.path()?;
        let mut options = Vec::new();
        if self.token(&Token::LParen) {
            while !self.token(&Token::RParen) {
                options.push(self.like_option()?);
            }
        }
        Ok(Like { source, options })
    }

    fn like_option(&mut self) -> Parsed<LikeOption> {
        const FEATURES: &[(&str, LikeFeature)] = &[
            ("ALL", LikeFeature::All),
            ("CONSTRAINTS", LikeFeature::Constraints),
            ("DISTRIBUTION", LikeFeature::Distribution),
            ("GENERATED", LikeFeature::Generated),
            ("METADATA", LikeFeature::Metadata),
            ("OPTIONS", LikeFeature::Options),
            ("PARTITIONS", LikeFeature::Partitions),
            ("WATERMARKS", LikeFeature::Watermarks),
        ];
        let start = self.peek_span();
        let strategy = if self.word("INCLUDING") {
            LikeStrategy::Including
        } else if self.word("EXCLUDING") {
            LikeStrategy::Excluding
        } else if self.word("OVERWRITING") {
            LikeStrategy::Overwriting
        } else {
            return Err(self.expected("INCLUDING, EXCLUDING or OVERWRITING"));
        };
        let feature =
            FEATURES.iter().find(|(word, _)| self.word(word)).map(|(_, feature)| *feature);
        let Some(feature) = feature else {
            let words: Vec<&str> = FEATURES.iter().map(|(word, _)| *word).collect();
            return Err(self.expected(&format!("one of {}", words.join(", "))));
        };
        Ok(LikeOption { strategy, feature, span: join(start, self.last_span()) })
    }
}

fn empty(path: Path, is_temporary: bool, if_not_exists: bool) -> CreateTable {
    CreateTable {
        path,
        is_temporary,
        if_not_exists,
        columns: Vec::new(),
        watermark: None,
        primary_key: None,
        comment: None,
        distribution: None,
        partition_keys: Vec::new(),
        options: Vec::new(),
        like: None,
        query: None,
    }
}
