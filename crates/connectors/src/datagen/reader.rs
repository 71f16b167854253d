//! The datagen source and its readers: which rows are due, and in which order splits take turns.
//!
//! Split `i` of `k`, named `i/k`, has the rows `n` with `n mod k = i`; its position is its next
//! `n` and the chance that decides its values, `n/seed/moment`. The splits and the chance of the
//! first start stay for ever, so a restored job may have any parallelism and makes the same rows.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argus_base::id::{SplitIndex, SubtaskIndex};
use argus_base::source::{
    Source, SourceBatch, SourcePoll, SourceReader, SplitLabel, SplitPosition, SplitStatus,
};
use argus_base::{Env, Error, Result};

use super::generate::{Items, Plan};
use super::pace::Pace;

const MICROS_PER_MINUTE: i128 = 60_000_000;

/// A datagen table as its readers share it.
pub struct Table {
    /// Its name.
    pub name: String,
    /// What to make of each row, by chance.
    pub plans: PlanMaker,
    /// The chance of a fresh start.
    pub chance: Chance,
    /// Rows in all; `None` without end.
    pub n_rows: Option<u64>,
    /// The rate of all readers together.
    pub pace: Pace,
    /// Time of row 0; `None`: rows happen when they are made.
    pub start_micros: Option<i64>,
    /// `scan.parallelism`.
    pub max_parallelism: Option<usize>,
    /// The clock.
    pub env: Env,
    /// When the first reader began; all keep its pace.
    pub begun: OnceLock<Duration>,
}

/// Makes the plan of a reader.
pub type PlanMaker = Box<dyn Fn(Chance) -> Result<Plan> + Send + Sync>;

/// What decides the values besides the number of the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance {
    /// Of all columns.
    pub seed: u64,
    /// Of the columns that differ from start to start.
    pub moment: u64,
}

/// A datagen table opened for reading.
pub struct DatagenSource(pub Arc<Table>);

impl Source for DatagenSource {
    fn max_parallelism(&self) -> Option<usize> {
        self.0.max_parallelism
    }

    fn is_bounded(&self) -> bool {
        self.0.n_rows.is_some()
    }

    /// At the first start a reader has one split, and one watermark over whatever it reads, as in
    /// Flink. After a restore with fewer readers no split overtakes another.
    fn watermark_per_split(&self) -> bool {
        true
    }

    fn reader(
        &self,
        subtask: SubtaskIndex,
        parallelism: usize,
        positions: &[SplitPosition],
    ) -> Result<Box<dyn SourceReader>> {
        let mut splits = positions.iter().map(Split::restore).collect::<Result<Vec<_>>>()?;
        if splits.is_empty() {
            let (index, n_splits) = (subtask.0 as u64, parallelism as u64);
            let chance = self.0.chance;
            let split = Split { index, n_splits, next: index, chance, is_finished: false };
            return Ok(Box::new(Reader::new(&self.0, vec![split], 0)?));
        }
        splits.sort_by_key(|split| split.index);
        let first_row = splits.iter().map(|split| split.next).min().unwrap_or(0);
        let of_subtask =
            splits.into_iter().enumerate().filter(|(i, _)| i % parallelism == subtask.0);
        let of_subtask = of_subtask.map(|(_, split)| split).collect();
        Ok(Box::new(Reader::new(&self.0, of_subtask, first_row)?))
    }
}

struct Split {
    index: u64,
    n_splits: u64,
    /// The next row to make.
    next: u64,
    chance: Chance,
    is_finished: bool,
}

impl Split {
    fn restore(position: &SplitPosition) -> Result<Split> {
        let parsed = || {
            let (index, n_splits) = position.split.split_once('/')?;
            let (index, n_splits) = (index.parse().ok()?, n_splits.parse().ok()?);
            let mut parts = position.position.splitn(3, '/');
            let next = parts.next()?.parse().ok()?;
            let seed = u64::from_str_radix(parts.next()?, 16).ok()?;
            let moment = u64::from_str_radix(parts.next()?, 16).ok()?;
            let chance = Chance { seed, moment };
            Some(Split { index, n_splits, next, chance, is_finished: false })
        };
        parsed().ok_or_else(|| Error::bug(format!("not a position of datagen: {position:?}")))
    }

    fn position(&self) -> SplitPosition {
        let split = format!("{}/{}", self.index, self.n_splits);
        let Chance { seed, moment } = self.chance;
        SplitPosition { split, position: format!("{}/{seed:x}/{moment:x}", self.next) }
    }
}

struct Reader {
    table: Arc<Table>,
    plan: Plan,
    splits: Vec<Split>,
    /// The row that was due at the begin.
    first_row: u64,
    /// Time that the reader was held up and does not make up for.
    forgiven: Duration,
    n_announced: usize,
}

impl Reader {
    fn new(table: &Arc<Table>, splits: Vec<Split>, first_row: u64) -> Result<Reader> {
        let table = Arc::clone(table);
        let plan = (table.plans)(splits.first().map_or(table.chance, |split| split.chance))?;
        Ok(Reader { table, plan, splits, first_row, forgiven: Duration::ZERO, n_announced: 0 })
    }

    fn elapsed(&self) -> Duration {
        let now = self.table.env.elapsed();
        let begun = *self.table.begun.get_or_init(|| now);
        now.saturating_sub(begun).saturating_sub(self.forgiven)
    }

    /// Rows below the result may be made now.
    fn limit(&self) -> u64 {
        let due = self.first_row.saturating_add(self.table.pace.rows_due(self.elapsed()));
        self.table.n_rows.map_or(due, |n_rows| due.min(n_rows))
    }

    /// The split whose next row is the least.
    fn next_split(&self) -> Option<usize> {
        let unfinished = self.splits.iter().enumerate().filter(|(_, split)| !split.is_finished);
        unfinished.min_by_key(|(_, split)| split.next).map(|(i, _)| i)
    }

    fn batch(&mut self, i: usize, limit: u64, max_rows: usize) -> Result<SourcePoll> {
        let split = &mut self.splits[i];
        let n_due = (limit - split.next).div_ceil(split.n_splits);
        let n = n_due.min(max_rows.max(1) as u64);
        let numbers: Vec<u64> = (0..n).map(|k| split.next + k * split.n_splits).collect();
        split.next += n * split.n_splits;
        let micros = numbers.iter().map(|number| self.table.micros(*number)).collect();
        let records = self.plan.rows(&Items { numbers, micros })?;
        Ok(SourcePoll::Batch(SourceBatch { split: SplitIndex(i), records, n_bytes: 0 }))
    }
}

impl Table {
    fn micros(&self, row: u64) -> i64 {
        let Some(start) = self.start_micros else {
            return self.env.now().0.saturating_mul(1000);
        };
        let after = i128::from(row) * MICROS_PER_MINUTE / i128::from(self.pace.rows_per_minute);
        start.saturating_add(i64::try_from(after).unwrap_or(i64::MAX))
    }
}

impl SourceReader for Reader {
    fn poll(&mut self, max_rows: usize, _preferred: &[SplitIndex]) -> Result<SourcePoll> {
        if self.n_announced < self.splits.len() {
            let split = SplitIndex(self.n_announced);
            self.n_announced += 1;
            let partition = i32::try_from(self.splits[split.0].index).unwrap_or(i32::MAX);
            let label = SplitLabel { topic: self.table.name.clone(), partition };
            return Ok(SourcePoll::SplitAdded { split, label });
        }
        let Some(i) = self.next_split() else { return Ok(SourcePoll::End) };
        let next = self.splits[i].next;
        if self.table.n_rows.is_some_and(|n_rows| next >= n_rows) {
            self.splits[i].is_finished = true;
            return Ok(SourcePoll::SplitFinished(SplitIndex(i)));
        }
        let after_first = next.saturating_sub(self.first_row);
        self.forgiven += self.table.pace.forgiven(self.elapsed(), after_first);
        let limit = self.limit();
        if next >= limit {
            return Ok(SourcePoll::Empty);
        }
        self.batch(i, limit, max_rows)
    }

    fn split_status(&self, split: SplitIndex) -> SplitStatus {
        let Some(split) = self.splits.get(split.0) else { return SplitStatus::CaughtUp };
        let n_due = self.limit().saturating_sub(split.next).div_ceil(split.n_splits);
        match n_due {
            0 => SplitStatus::CaughtUp,
            _ if self.table.pace.speed == 0.0 => SplitStatus::Unread { lag_records: 0 },
            lag_records => SplitStatus::Unread { lag_records },
        }
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn positions(&self) -> Vec<SplitPosition> {
        self.splits.iter().map(Split::position).collect()
    }

    fn checkpoint_completed(&mut self, _positions: &[SplitPosition]) {}
}
