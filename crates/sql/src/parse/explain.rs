//! EXPLAIN.

use sqlparser::tokenizer::Token;

use super::{Parsed, StatementParser};
use crate::statement::{Explain, ExplainTarget, StatementKind};

impl StatementParser<'_> {
    pub(super) fn explain(&mut self) -> Parsed {
        self.expect_words(&["EXPLAIN"])?;
        let _ = self.words(&["PLAN", "FOR"]) || self.words(&["AST", "FOR"]);
        self.details()?;
        if self.words(&["STATEMENT", "SET"]) {
            let target = ExplainTarget::Inserts(self.statement_set()?);
            return Ok(StatementKind::Explain(Explain { target }));
        }
        if self.is_next("CREATE") {
            return self.other("EXPLAIN CREATE");
        }
        let target = match self.is_next("INSERT") {
            true => ExplainTarget::Inserts(vec![self.insert()?]),
            false => ExplainTarget::Query(self.query()?),
        };
        Ok(StatementKind::Explain(Explain { target }))
    }

    /// Which details of Flink's plan are asked for. Ours has one form, so they change nothing.
    fn details(&mut self) -> Parsed<()> {
        const DETAILS: &[&str] =
            &["ESTIMATED_COST", "CHANGELOG_MODE", "PLAN_ADVICE", "JSON_EXECUTION_PLAN"];
        if !DETAILS.iter().any(|word| self.word(word)) {
            return Ok(());
        }
        while self.token(&Token::Comma) {
            if !DETAILS.iter().any(|word| self.word(word)) {
                return Err(self.expected(&format!("one of {}", DETAILS.join(", "))));
            }
        }
        Ok(())
    }
}
