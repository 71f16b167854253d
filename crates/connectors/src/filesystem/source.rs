//! The filesystem source: one split a file, named by its path. A position is the number of
//! messages read of the file, or `end`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use argus_base::connector::{ConnectorContext, ScanSpec, TableDescriptor};
use argus_base::id::{SplitIndex, SubtaskIndex};
use argus_base::source::{
    Source, SourceBatch, SourcePoll, SourceReader, SplitLabel, SplitPosition, SplitStatus,
};
use argus_base::task::{Task, TaskKind, spawn};
use argus_base::{Error, Result};

use super::fetch::{self, Fetched, FetchedRows, Share, Table};
use super::layout::Layout;
use super::listing::{FileEntry, Listing, whole_match};
use super::{code, path};
use crate::table_options::TableOptions;

/// Most that waits between the thread and the slot; the thread waits beyond.
const MAX_QUEUED: usize = 4;
const END: &str = "end";

/// Opens a table for reading.
pub fn open(
    table: &TableDescriptor,
    scan: &ScanSpec,
    context: &ConnectorContext,
    options: &TableOptions,
) -> Result<Arc<dyn Source>> {
    let connector = &options.connector;
    let refused = |problem: String| Error::user(code::CANNOT_READ, problem);
    let pattern = connector.text("source.path.regex-pattern").map(whole_match).transpose();
    let listing = Listing {
        path: path::local(connector.text("path").unwrap_or_default()).map_err(refused)?,
        pattern: pattern.map_err(refused)?,
        partition_keys: table.partition_keys.clone(),
        is_monitored: connector.is_written("source.monitor-interval"),
    };
    let Some(format) = options.body.clone() else {
        return Err(Error::bug("a filesystem table without a format"));
    };
    let default_partition = connector.text("partition.default-name").unwrap_or_default();
    let files = listing.list()?;
    let table = Table {
        name: table.name.clone(),
        listing,
        format,
        layout: Layout::new(table, scan, default_partition),
        monitor_interval: connector.duration("source.monitor-interval"),
        job_name: context.job_name.clone(),
        time_zone: context.time_zone.clone(),
        on_error: context.on_source_error,
        env: context.env.clone(),
        metrics: context.metrics.clone(),
    };
    let max_parallelism = options.scan_parallelism();
    Ok(Arc::new(FileSource { table: Arc::new(table), files, max_parallelism }))
}

struct FileSource {
    table: Arc<Table>,
    /// As listed when the table was opened; a table that is monitored is listed again.
    files: Vec<FileEntry>,
    max_parallelism: Option<usize>,
}

impl Source for FileSource {
    fn max_parallelism(&self) -> Option<usize> {
        let n_files = self.files.len().max(1);
        let useful = if self.is_bounded() { Some(n_files) } else { None };
        match (useful, self.max_parallelism) {
            (Some(useful), Some(asked)) => Some(useful.min(asked)),
            (one, other) => one.or(other),
        }
    }

    fn is_bounded(&self) -> bool {
        self.table.monitor_interval.is_none()
    }

    fn reader(
        &self,
        subtask: SubtaskIndex,
        parallelism: usize,
        positions: &[SplitPosition],
    ) -> Result<Box<dyn SourceReader>> {
        let of_subtask = self.files.iter().enumerate();
        let of_subtask = of_subtask.filter(|(i, _)| i % parallelism == subtask.0);
        let positions = furthest(positions)?;
        let share = Share {
            files: of_subtask.map(|(_, file)| file.clone()).collect(),
            subtask: subtask.0,
            parallelism,
            positions: positions.clone(),
        };
        let (queue, fetched) = sync_channel(MAX_QUEUED);
        let is_abandoned = Arc::new(AtomicBool::new(false));
        let (table, of_thread) = (Arc::clone(&self.table), Arc::clone(&is_abandoned));
        let task = spawn(TaskKind::Io, "files", move || {
            fetch::run(&table, share, &queue, &of_thread);
            Ok(())
        })?;
        let positions = positions.into_iter().map(|(path, n_read)| {
            (path, n_read.map_or_else(|| END.to_owned(), |n_read| n_read.to_string()))
        });
        Ok(Box::new(Reader {
            fetched,
            task: Some(task),
            is_abandoned,
            positions: positions.collect(),
            current: None,
            n_splits: 0,
            rows: None,
            is_done: false,
        }))
    }
}

/// Where to go on in each file. Every reader keeps the positions of all files, also of those that
/// another reads on: the furthest is the true one.
fn furthest(positions: &[SplitPosition]) -> Result<BTreeMap<String, Option<u64>>> {
    let mut furthest = BTreeMap::new();
    for position in positions {
        let (path, n_read) = restore(position)?;
        let known = furthest.entry(path).or_insert(n_read);
        *known = known.zip(n_read).map(|(one, other): (u64, u64)| one.max(other));
    }
    Ok(furthest)
}

fn restore(position: &SplitPosition) -> Result<(String, Option<u64>)> {
    let n_read = match position.position.as_str() {
        END => None,
        number => Some(number.parse().map_err(|_| {
            Error::bug(format!("not a position of a filesystem table: {position:?}"))
        })?),
    };
    Ok((position.split.clone(), n_read))
}

struct Reader {
    fetched: Receiver<Fetched>,
    task: Option<Task<()>>,
    is_abandoned: Arc<AtomicBool>,
    /// By path.
    positions: BTreeMap<String, String>,
    /// Path of the file that is being read.
    current: Option<String>,
    n_splits: usize,
    /// Fetched rows and how many of them were polled.
    rows: Option<(FetchedRows, usize)>,
    is_done: bool,
}

impl Reader {
    fn split(&self) -> SplitIndex {
        SplitIndex(self.n_splits.saturating_sub(1))
    }

    fn take(&mut self, fetched: Fetched) -> Result<SourcePoll> {
        match fetched {
            Fetched::Begun(file) => {
                let path = file.path.to_string_lossy().into_owned();
                let position = self.positions.entry(path.clone());
                position.or_insert_with(|| "0".to_owned());
                self.n_splits += 1;
                self.current = Some(path.clone());
                let label = SplitLabel { topic: path, partition: 0 };
                Ok(SourcePoll::SplitAdded { split: self.split(), label })
            }
            Fetched::Rows(rows) => {
                self.rows = Some((rows, 0));
                Ok(SourcePoll::Empty)
            }
            Fetched::Ended => {
                self.set_position(END.to_owned());
                self.current = None;
                Ok(SourcePoll::SplitFinished(self.split()))
            }
            Fetched::End => {
                self.is_done = true;
                Ok(SourcePoll::End)
            }
            Fetched::Failed(error) => Err(error),
        }
    }

    fn set_position(&mut self, position: String) {
        if let Some(path) = &self.current {
            self.positions.insert(path.clone(), position);
        }
    }

    /// The next rows of what was fetched. Those of one message stay together, since a position
    /// lies between two messages.
    fn slice(&mut self, max_rows: usize) -> Option<SourcePoll> {
        let (rows, offset) = self.rows.take()?;
        let n_rows = rows.records.num_rows();
        let mut end = n_rows.min(offset + max_rows.max(1));
        if let Some(of_row) = &rows.message_of_row {
            while end > offset && end < n_rows && of_row[end] == of_row[end - 1] {
                end += 1;
            }
        }
        let (n, is_last) = (end - offset, end == n_rows);
        let next_message = if is_last {
            rows.n_messages
        } else {
            rows.message_of_row.as_ref().map_or(end as u64, |of_row| u64::from(of_row[end]))
        };
        self.set_position((rows.first_message + next_message).to_string());
        let records = rows.records.slice(offset, n);
        let n_bytes = if is_last { rows.n_bytes } else { 0 };
        if !is_last {
            self.rows = Some((rows, end));
        }
        Some(SourcePoll::Batch(SourceBatch { split: self.split(), records, n_bytes }))
    }

    /// The thread has hung up without saying that it is done.
    fn failure(&mut self) -> Error {
        let ended = self.task.take().map(Task::join);
        match ended {
            Some(Err(error)) => error,
            _ => Error::bug("the thread that reads files ended early"),
        }
    }
}

impl SourceReader for Reader {
    fn poll(&mut self, max_rows: usize, _preferred: &[SplitIndex]) -> Result<SourcePoll> {
        loop {
            if let Some(batch) = self.slice(max_rows) {
                return Ok(batch);
            }
            if self.is_done {
                return Ok(SourcePoll::End);
            }
            match self.fetched.try_recv() {
                Ok(fetched) => match self.take(fetched)? {
                    SourcePoll::Empty => {}
                    poll => return Ok(poll),
                },
                Err(TryRecvError::Empty) => return Ok(SourcePoll::Empty),
                Err(TryRecvError::Disconnected) => return Err(self.failure()),
            }
        }
    }

    fn split_status(&self, split: SplitIndex) -> SplitStatus {
        let is_read = self.current.is_some() && split == self.split();
        if is_read { SplitStatus::Unread { lag_records: 0 } } else { SplitStatus::CaughtUp }
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn positions(&self) -> Vec<SplitPosition> {
        let positions = self.positions.iter();
        positions
            .map(|(split, position)| SplitPosition {
                split: split.clone(),
                position: position.clone(),
            })
            .collect()
    }

    fn checkpoint_completed(&mut self, _positions: &[SplitPosition]) {}
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.is_abandoned.store(true, Ordering::Release);
    }
}

#[cfg(test)]
#[path = "position_tests.rs"]
mod tests;
