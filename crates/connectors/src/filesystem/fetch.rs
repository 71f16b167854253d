//! The I/O thread of a reader: lists, reads and decodes files into a bounded queue.
//!
//! ```text
//! listed files ─▶ Begun ─▶ Rows* ─▶ Ended ─▶ … ─▶ End        (bounded)
//!       ▲────────────── monitor interval ─────────────┘      (never Ended for good)
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use argus_base::connector::OnError;
use argus_base::{Env, Error, ErrorKind, Result};
use arrow_array::RecordBatch;

use super::code;
use super::layout::Layout;
use super::listing::{FileEntry, Listing};
use crate::format::{Decoded, Decoder, FormatContext};
use crate::message::MessageBatch;
use crate::metrics::SOURCE_SKIPPED;
use crate::table_options::FormatOptions;

/// Longest pause between two looks at whether the reader is gone.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// A table as its readers and their threads share it.
pub struct Table {
    /// Its name.
    pub name: String,
    /// Where its files are.
    pub listing: Listing,
    /// How bodies are decoded.
    pub format: FormatOptions,
    /// How rows are put together.
    pub layout: Layout,
    /// How often to look for new files; `None` where the table ends.
    pub monitor_interval: Option<Duration>,
    /// `pipeline.name`.
    pub job_name: String,
    /// Session time zone.
    pub time_zone: String,
    /// What to do about records that cannot be decoded.
    pub on_error: OnError,
    /// The clock.
    pub env: Env,
    /// Where skipped records are counted.
    pub metrics: argus_base::metrics::Registry,
}

/// What the thread tells the reader.
pub enum Fetched {
    /// The next rows are of this file.
    Begun(FileEntry),
    /// Rows of the file that has begun.
    Rows(FetchedRows),
    /// The file that has begun has no more.
    Ended,
    /// No file will follow.
    End,
    /// Reading failed for good.
    Failed(Error),
}

/// Rows of consecutive messages of one file.
pub struct FetchedRows {
    /// The rows.
    pub records: RecordBatch,
    /// Number of the first message within its file.
    pub first_message: u64,
    /// Messages read for these rows, those without a row included.
    pub n_messages: u64,
    /// For each row its message, from the first on; `None` where row `i` is message `i`.
    pub message_of_row: Option<Vec<u32>>,
    /// Size of the messages.
    pub n_bytes: u64,
}

/// Which files are one subtask's.
pub struct Share {
    /// Its files of a table that ends, as they were listed at the start.
    pub files: Vec<FileEntry>,
    /// The subtask.
    pub subtask: usize,
    /// Number of subtasks.
    pub parallelism: usize,
    /// Messages read before by path; `None` where a file was read to its end.
    pub positions: BTreeMap<String, Option<u64>>,
}

/// The reader is gone: the thread ends.
struct Gone;

/// The thread's body.
pub fn run(
    table: &Table,
    mut share: Share,
    queue: &SyncSender<Fetched>,
    is_abandoned: &Arc<AtomicBool>,
) {
    let fetcher = Fetcher { table, queue };
    if let Some(interval) = table.monitor_interval {
        // Whether the reader hung up or reading failed, there is nothing left to do.
        let _gone = fetcher.monitor(&mut share, interval, is_abandoned);
        return;
    }
    for file in &share.files {
        if fetcher.fetch(file, &mut share.positions).is_err() {
            return;
        }
    }
    let _gone = fetcher.send(Fetched::End);
}

/// The subtask that reads a file which was found by monitoring: the same for ever.
fn owner(path: &str, parallelism: usize) -> usize {
    let fnv = path.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = argus_base::env::splitmix64(fnv);
    usize::try_from(mixed % parallelism as u64).unwrap_or(0)
}

struct Fetcher<'a> {
    table: &'a Table,
    queue: &'a SyncSender<Fetched>,
}

impl Fetcher<'_> {
    fn send(&self, fetched: Fetched) -> std::result::Result<(), Gone> {
        let failed = matches!(fetched, Fetched::Failed(_));
        self.queue.send(fetched).map_err(|_| Gone)?;
        if failed { Err(Gone) } else { Ok(()) }
    }

    fn monitor(
        &self,
        share: &mut Share,
        interval: Duration,
        is_abandoned: &AtomicBool,
    ) -> std::result::Result<(), Gone> {
        loop {
            let files = match self.table.listing.list() {
                Ok(files) => files,
                Err(error) => return self.send(Fetched::Failed(error)),
            };
            for file in &files {
                let path = file.path.to_string_lossy();
                if owner(&path, share.parallelism) == share.subtask {
                    self.fetch(file, &mut share.positions)?;
                }
            }
            let mut left = interval;
            while !left.is_zero() {
                if is_abandoned.load(Ordering::Acquire) {
                    return Err(Gone);
                }
                let pause = left.min(MAX_PAUSE);
                self.table.env.sleep(pause);
                left -= pause;
            }
        }
    }

    /// Reads a file, or what is left of it, unless it was read to its end before.
    fn fetch(
        &self,
        file: &FileEntry,
        positions: &mut BTreeMap<String, Option<u64>>,
    ) -> std::result::Result<(), Gone> {
        let path = file.path.to_string_lossy().into_owned();
        let n_read = match positions.insert(path, None) {
            Some(None) => return Ok(()),
            Some(Some(n_read)) => n_read,
            None => 0,
        };
        self.send(Fetched::Begun(file.clone()))?;
        match self.read(file, n_read) {
            Ok(gone) => gone?,
            Err(error) if self.may_skip(&error) => self.skip_rest(file, &error),
            Err(error) => {
                let doing = format!("read '{}'", file.path.display());
                return self.send(Fetched::Failed(error.context(doing)));
            }
        }
        self.send(Fetched::Ended)
    }

    fn may_skip(&self, error: &Error) -> bool {
        self.table.on_error == OnError::Skip && error.kind() == ErrorKind::Data
    }

    fn skip_rest(&self, file: &FileEntry, error: &Error) {
        let path = file.path.display();
        tracing::warn!(table = self.table.name, %path, %error, "the rest of a file is skipped");
        self.count_skipped(file, 1);
    }

    fn count_skipped(&self, file: &FileEntry, n: u64) {
        let path = file.path.to_string_lossy();
        let labels = [
            ("job", self.table.job_name.as_str()),
            ("source", self.table.name.as_str()),
            ("topic", path.as_ref()),
            ("partition", "0"),
            ("reason", "decode"),
        ];
        self.table.metrics.counter(&SOURCE_SKIPPED, &labels).add(n);
    }

    fn read(&self, file: &FileEntry, n_read: u64) -> Result<std::result::Result<(), Gone>> {
        let table = self.table;
        refuse_compressed(&file.path)?;
        let opened = File::open(&file.path)
            .map_err(|error| Error::user(code::CANNOT_READ, error.to_string()))?;
        let context = FormatContext {
            schema: &table.layout.body,
            projection: &table.layout.body_projection,
            options: &table.format.options,
            time_zone: &table.time_zone,
        };
        let mut input = (table.format.format.open_file)(&context, Box::new(opened))?;
        let mut first_message = 0;
        while let Some(messages) = input.reader.next_batch()? {
            let n_messages = messages.len() as u64;
            let unread = unread(messages, n_read.saturating_sub(first_message));
            if let Some((messages, n_dropped)) = unread {
                let rows =
                    self.decode(file, &mut *input.decoder, &messages, first_message + n_dropped)?;
                if self.send(Fetched::Rows(rows)).is_err() {
                    return Ok(Err(Gone));
                }
            }
            first_message += n_messages;
        }
        Ok(Ok(()))
    }

    fn decode(
        &self,
        file: &FileEntry,
        decoder: &mut dyn Decoder,
        messages: &MessageBatch,
        first_message: u64,
    ) -> Result<FetchedRows> {
        let decoded: Decoded = decoder.decode(messages)?;
        if let Some(failure) = decoded.failures.first()
            && self.table.on_error == OnError::Fail
        {
            let number = first_message + u64::from(failure.message) + 1;
            let message = format!("record {number}: {}", failure.reason);
            return Err(Error::data(code::BAD_RECORD, message));
        }
        let n_skipped = decoded.failures.len() as u64 + decoded.n_ignored;
        if n_skipped > 0 {
            self.count_skipped(file, n_skipped);
        }
        Ok(FetchedRows {
            records: self.table.layout.batch(file, &decoded.columns, decoded.n_rows)?,
            first_message,
            n_messages: messages.len() as u64,
            message_of_row: decoded.message_of_row,
            n_bytes: messages.ends.last().map_or(0, |end| u64::from(*end)),
        })
    }
}

/// Flink reads files with these endings unpacked.
fn refuse_compressed(path: &Path) -> Result<()> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if ["gz", "gzip", "deflate", "bz2", "xz", "zst"].contains(&ending.as_str()) {
        let message = format!("compressed files ('.{ending}') are not supported yet");
        return Err(Error::user(code::CANNOT_READ, message));
    }
    Ok(())
}

/// What is left when the first `n` messages are dropped, and how many were; `None` for nothing.
fn unread(messages: MessageBatch, n: u64) -> Option<(MessageBatch, u64)> {
    if n == 0 {
        return Some((messages, 0));
    }
    let n_dropped = usize::try_from(n).unwrap_or(usize::MAX);
    if n_dropped >= messages.len() {
        return None;
    }
    let begin = messages.ends[n_dropped - 1];
    let rest = MessageBatch {
        bytes: messages.bytes.slice(begin as usize),
        ends: messages.ends[n_dropped..].iter().map(|end| end - begin).collect(),
        nulls: messages.nulls.map(|nulls| nulls[n_dropped..].to_vec()),
    };
    Some((rest, n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_before_are_dropped() {
        let messages = MessageBatch {
            bytes: arrow_buffer::Buffer::from(b"abbccc".to_vec()),
            ends: vec![1, 3, 6],
            nulls: None,
        };
        let (rest, n) = unread(messages.clone(), 1).unwrap();
        assert_eq!((rest.len(), n), (2, 1));
        assert_eq!((rest.body(0), rest.body(1)), (Some(&b"bb"[..]), Some(&b"ccc"[..])));
        assert!(unread(messages, 3).is_none());
    }

    #[test]
    fn a_path_has_one_owner() {
        let owners: Vec<usize> = (0..100).map(|i| owner(&format!("/f/{i}"), 3)).collect();
        for subtask in 0..3 {
            assert!(owners.iter().filter(|owner| **owner == subtask).count() > 15);
        }
    }
}
