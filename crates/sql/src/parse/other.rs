//! Statements of Flink that this engine reads and does not run.

use sqlparser::tokenizer::Token;

use super::{Parsed, StatementParser};
use crate::Diagnostic;
use crate::statement::StatementKind;

/// First words of statements with what to do instead.
const STATEMENTS: &[(&str, &str)] = &[
    ("ADD", "functions from JAR files do not run here; remove the statement if nothing uses them"),
    ("REMOVE", "functions from JAR files do not run here; remove the statement"),
    ("ANALYZE", "remove the statement: no plan here depends on statistics"),
    ("CALL", "procedures belong to catalogs that do not run here"),
    ("COMPILE", "run the script itself: its operators keep their identity when it is edited"),
    ("EXECUTE PLAN", "run the script the plan was compiled from"),
    ("LOAD", "remove the statement: the built-in functions are always there"),
    ("UNLOAD", "remove the statement: the built-in functions are always there"),
    ("USE MODULES", "remove the statement: the built-in functions are always there"),
    ("STOP", "stop the job from outside, with a signal"),
    ("DESCRIBE CATALOG", "there is one catalog: default_catalog"),
    ("DESCRIBE DATABASE", "there is one database: default_database"),
    ("DESCRIBE FUNCTION", "functions of your own do not run here"),
    ("DESCRIBE JOB", "a script here runs its own jobs only"),
    ("DESCRIBE MODEL", "models do not run here"),
    ("EXPLAIN CREATE", "explain the query after AS by itself"),
];

/// First words of statements that Flink refuses on streams.
const BATCH_ONLY: &[&str] = &["DELETE", "UPDATE", "TRUNCATE", "MERGE"];

impl StatementParser<'_> {
    /// A statement that starts with these words, some of which are read already.
    pub(super) fn other(&mut self, words: &str) -> Parsed {
        if BATCH_ONLY.contains(&words) {
            let message = format!("{words} does not work on streams");
            let help = "Flink runs it in batch mode and on few connectors only; write INSERT INTO";
            return Err(Diagnostic::wrong("AR1103", self.peek_span(), message).help(help));
        }
        let Some((_, help)) = STATEMENTS.iter().find(|(known, _)| *known == words) else {
            return Err(self.unknown_statement(words));
        };
        self.skip();
        Ok(self.unsupported(words, help))
    }

    fn unknown_statement(&self, word: &str) -> Diagnostic {
        const KNOWN: &[&str] = &[
            "SELECT", "WITH", "VALUES", "CREATE", "DROP", "ALTER", "INSERT", "EXECUTE", "BEGIN",
            "END", "SET", "RESET", "USE", "SHOW", "DESCRIBE", "EXPLAIN",
        ];
        let diagnostic = self.expected("a statement");
        match argus_base::nearest::nearest(word, KNOWN.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean {near}?")),
            None => diagnostic,
        }
    }

    /// CREATE of something else than a table or view.
    pub(super) fn other_create(&mut self, is_temporary: bool) -> Parsed {
        if self.word("FUNCTION") || (is_temporary && self.words(&["SYSTEM", "FUNCTION"])) {
            return self.create_function();
        }
        if self.word("CATALOG") {
            self.words(&["IF", "NOT", "EXISTS"]);
            self.path()?;
            self.comment()?;
            if self.word("WITH") {
                self.options()?;
            }
            return Ok(self.unsupported("CREATE CATALOG", "declare its tables with CREATE TABLE"));
        }
        if self.word("DATABASE") {
            self.words(&["IF", "NOT", "EXISTS"]);
            self.path()?;
            self.comment()?;
            if self.word("WITH") {
                self.options()?;
            }
            let help = "use default_database, and names that tell the tables apart";
            return Ok(self.unsupported("CREATE DATABASE", help));
        }
        if self.words(&["MATERIALIZED", "TABLE"]) {
            self.skip();
            let help = "write CREATE TABLE and INSERT INTO";
            return Ok(self.unsupported("CREATE MATERIALIZED TABLE", help));
        }
        for word in ["MODEL", "CONNECTION"] {
            if self.word(word) {
                self.skip();
                let help = "nothing here uses it; remove the statement";
                return Ok(self.unsupported(&format!("CREATE {word}"), help));
            }
        }
        if self.word("TABLE") {
            self.skip();
            let help = "write DROP TABLE IF EXISTS, CREATE TABLE and INSERT INTO";
            return Ok(self.unsupported("CREATE OR REPLACE TABLE", help));
        }
        Err(self.expected("TABLE, VIEW, FUNCTION, CATALOG or DATABASE"))
    }

    /// `name AS 'class' [LANGUAGE l] [USING JAR 'path', …]`.
    fn create_function(&mut self) -> Parsed {
        self.words(&["IF", "NOT", "EXISTS"]);
        self.path()?;
        self.expect_words(&["AS"])?;
        self.text()?;
        if self.word("LANGUAGE") && !["JAVA", "SCALA", "PYTHON"].iter().any(|l| self.word(l)) {
            return Err(self.expected("JAVA, SCALA or PYTHON"));
        }
        if self.word("USING") {
            loop {
                if !self.word("JAR") && !self.word("FILE") && !self.word("ARCHIVE") {
                    return Err(self.expected("JAR"));
                }
                self.text()?;
                if !self.token(&Token::Comma) {
                    break;
                }
            }
        }
        let help = "functions of your own do not run here; use the built-in ones";
        Ok(self.unsupported("CREATE FUNCTION", help))
    }

    /// DROP of something else than a table or view.
    pub(super) fn other_drop(&mut self) -> Parsed {
        self.word("SYSTEM");
        const KINDS: &[&str] = &["FUNCTION", "CATALOG", "DATABASE", "MODEL", "CONNECTION"];
        let kind = KINDS.iter().find(|kind| self.word(kind)).copied();
        let is_materialized = kind.is_none() && self.words(&["MATERIALIZED", "TABLE"]);
        let Some(kind) = kind.or(is_materialized.then_some("MATERIALIZED TABLE")) else {
            return Err(self.expected("TABLE, VIEW, FUNCTION, CATALOG or DATABASE"));
        };
        self.words(&["IF", "EXISTS"]);
        self.path()?;
        let _ = self.word("RESTRICT") || self.word("CASCADE");
        Ok(self.unsupported(&format!("DROP {kind}"), "remove the statement: there is none"))
    }

    /// SHOW of something that is not listed here.
    pub(super) fn other_show(&mut self) -> Parsed {
        const LISTS: &[&str] = &[
            "FUNCTIONS",
            "MODULES",
            "JARS",
            "JOBS",
            "PARTITIONS",
            "PROCEDURES",
            "MODELS",
            "CATALOG",
            "MATERIALIZED",
            "MODEL",
            "CONNECTIONS",
        ];
        let _ = self.word("USER") || self.word("FULL");
        if !LISTS.iter().any(|word| self.is_next(word)) {
            return Err(self.expected("TABLES, VIEWS, DATABASES, CATALOGS or CREATE TABLE"));
        }
        self.skip();
        let help = "SHOW TABLES, SHOW VIEWS, SHOW CREATE TABLE and DESCRIBE run here";
        Ok(self.unsupported("this SHOW statement", help))
    }

    pub(super) fn unsupported(&self, what: &str, help: &str) -> StatementKind {
        let message = format!("{what} is not supported yet");
        StatementKind::Unsupported(Diagnostic::unsupported("AR2001", self.span, message).help(help))
    }

    /// Reads the rest of the statement.
    fn skip(&mut self) {
        while self.parser.peek_token_ref().token != Token::EOF {
            self.parser.advance_token();
        }
    }
}
