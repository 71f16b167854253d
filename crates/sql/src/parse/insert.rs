//! INSERT and statement sets.

use std::sync::Arc;

use sqlparser::ast;
use sqlparser::tokenizer::Token;

use super::{Parsed, StatementParser};
use crate::Diagnostic;
use crate::script::{join, parser_span};
use crate::statement::{Insert, Name, StatementKind};

impl StatementParser<'_> {
    pub(super) fn insert_statement(&mut self) -> Parsed {
        Ok(StatementKind::Insert(Box::new(self.insert()?)))
    }

    /// `INSERT INTO table [PARTITION (…)] [(columns)] query`; its hints were taken out before.
    pub(super) fn insert(&mut self) -> Parsed<Insert> {
        let start = self.peek_span();
        self.expect_words(&["INSERT"])?;
        if self.is_next("OVERWRITE") {
            let message = "INSERT OVERWRITE is not supported on streams";
            let help = "write INSERT INTO; Flink runs INSERT OVERWRITE in batch mode only";
            return Err(Diagnostic::wrong("AR1103", self.peek_span(), message).help(help));
        }
        self.expect_words(&["INTO"])?;
        let (table, table_name) = self.sink_name()?;
        let partition = match self.word("PARTITION") {
            true => self.list(Self::partition)?,
            false => Vec::new(),
        };
        let columns = if self.is_column_list() { Some(self.names()?) } else { None };
        let query = self.query()?;
        let span = join(start, self.last_span());
        let hints = Arc::clone(&self.hints);
        Ok(Insert { table, table_name, hints, partition, columns, query, span })
    }

    /// The sink's path, also as a name of the tree.
    fn sink_name(&mut self) -> Parsed<(crate::statement::Path, ast::ObjectName)> {
        let path = self.path()?;
        let last = self.last_span();
        let parts = [path.catalog.clone(), path.database.clone(), Some(path.name.clone())];
        let idents = parts.into_iter().flatten().map(|part| {
            let mut ident = ast::Ident::new(part);
            ident.span = parser_span(last);
            ident
        });
        let name = ast::ObjectName::from(idents.collect::<Vec<_>>());
        Ok((path, name))
    }

    /// `column = constant`.
    fn partition(&mut self) -> Parsed<(Name, ast::Expr)> {
        let column = self.name()?;
        self.expect(&Token::Eq)?;
        Ok((column, self.expression()?))
    }

    /// Whether the parenthesis that is next starts names, not a query.
    fn is_column_list(&self) -> bool {
        let [open, first, after] = self.parser.peek_tokens_ref::<3>();
        open.token == Token::LParen
            && matches!(first.token, Token::Word(_))
            && matches!(after.token, Token::Comma | Token::RParen)
    }

    /// `EXECUTE STATEMENT SET BEGIN … END`, `EXECUTE INSERT …`, `EXECUTE query`.
    pub(super) fn execute(&mut self) -> Parsed {
        self.expect_words(&["EXECUTE"])?;
        if self.words(&["STATEMENT", "SET"]) {
            return Ok(StatementKind::StatementSet(self.statement_set()?));
        }
        if self.is_next("INSERT") {
            return self.insert_statement();
        }
        if self.is_next("PLAN") {
            return self.other("EXECUTE PLAN");
        }
        self.query_statement()
    }

    /// `BEGIN insert; … END`.
    pub(super) fn statement_set(&mut self) -> Parsed<Vec<Insert>> {
        self.expect_words(&["BEGIN"])?;
        let mut inserts = Vec::new();
        while !self.word("END") {
            inserts.push(self.insert()?);
            self.expect(&Token::SemiColon)?;
        }
        if inserts.is_empty() {
            let message = "a statement set needs at least one INSERT";
            return Err(Diagnostic::wrong("AR1104", self.span, message));
        }
        Ok(inserts)
    }

    pub(super) fn begin(&mut self) -> Parsed {
        self.expect_words(&["BEGIN", "STATEMENT", "SET"])?;
        Ok(StatementKind::BeginStatementSet)
    }
}
