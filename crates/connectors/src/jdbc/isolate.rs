//! Finds the rows that a database refuses, by halving a batch in parts of one transaction.

use arrow_array::RecordBatch;

use super::session::{Failure, Session};

/// What to do with rows.
#[derive(Clone, Copy)]
pub enum Action {
    /// Upsert them.
    Upsert,
    /// Delete them.
    Delete,
}

impl Action {
    /// Does it.
    pub fn apply(self, session: &mut dyn Session, rows: &RecordBatch) -> Result<(), Failure> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        match self {
            Action::Upsert => session.upsert(rows),
            Action::Delete => session.delete(rows),
        }
    }
}

/// Applies the rows that the database takes, within an open transaction. The result has the
/// reason for each that it refuses.
pub fn apply_each(
    session: &mut dyn Session,
    action: Action,
    rows: &RecordBatch,
) -> Result<Vec<String>, Failure> {
    let mut refused = Vec::new();
    // The first half lies on top.
    let mut ranges = vec![(0, rows.num_rows())];
    while let Some((start, length)) = ranges.pop() {
        if length == 0 {
            continue;
        }
        session.begin_part()?;
        match action.apply(session, &rows.slice(start, length)) {
            Ok(()) => session.end_part(true)?,
            Err(Failure::Data(reason)) => {
                session.end_part(false)?;
                if length == 1 {
                    refused.push(reason);
                    continue;
                }
                let half = length / 2;
                ranges.push((start + half, length - half));
                ranges.push((start, half));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, Int32Array};

    use super::*;

    /// Refuses negative numbers and keeps the others.
    #[derive(Default)]
    struct Positive {
        parts: Vec<Vec<i32>>,
        kept: Vec<i32>,
        n_statements: usize,
    }

    impl Session for Positive {
        fn begin(&mut self, _check_at_once: bool) -> Result<(), Failure> {
            Ok(())
        }

        fn upsert(&mut self, rows: &RecordBatch) -> Result<(), Failure> {
            self.n_statements += 1;
            let numbers = rows.column(0).as_primitive::<Int32Type>().values();
            if let Some(bad) = numbers.iter().find(|number| **number < 0) {
                return Err(Failure::Data(format!("{bad} is negative")));
            }
            self.parts.last_mut().unwrap().extend(numbers);
            Ok(())
        }

        fn delete(&mut self, _rows: &RecordBatch) -> Result<(), Failure> {
            Ok(())
        }

        fn begin_part(&mut self) -> Result<(), Failure> {
            self.parts.push(Vec::new());
            Ok(())
        }

        fn end_part(&mut self, keep: bool) -> Result<(), Failure> {
            let part = self.parts.pop().unwrap();
            if keep {
                self.kept.extend(part);
            }
            Ok(())
        }

        fn commit(&mut self) -> Result<(), Failure> {
            Ok(())
        }

        fn rollback(&mut self) -> Result<(), Failure> {
            Ok(())
        }

        fn ping(&mut self) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[test]
    fn only_the_bad_rows_are_left_out() {
        let numbers: Vec<i32> = (0..100).map(|n| if n == 37 || n == 99 { -n } else { n }).collect();
        let column: ArrayRef = Arc::new(Int32Array::from(numbers));
        let rows = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let mut session = Positive::default();
        let refused = apply_each(&mut session, Action::Upsert, &rows).unwrap();
        assert_eq!(refused, ["-37 is negative", "-99 is negative"]);
        let expected: Vec<i32> = (0..100).filter(|n| *n != 37 && *n != 99).collect();
        assert_eq!(session.kept, expected);
        assert!(session.n_statements < 40, "{}", session.n_statements);
    }
}
