//! What this crate's unit tests share: a clock that is told the time, and a context around it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argus_base::connector::{ConnectorContext, OnError, TableDescriptor};
use argus_base::env::Clock;
use argus_base::time::ProcessingTime;
use argus_base::{Env, Field, TypeRoot};

/// A clock that stands still until it is moved.
#[derive(Default)]
pub struct TestClock {
    nanos: AtomicU64,
}

impl TestClock {
    /// Sets the time since the start.
    pub fn set(&self, elapsed: Duration) {
        self.nanos.store(u64::try_from(elapsed.as_nanos()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> ProcessingTime {
        ProcessingTime(1_700_000_000_000 + i64::try_from(self.elapsed().as_millis()).unwrap())
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }

    fn sleep(&self, duration: Duration) {
        self.set(self.elapsed() + duration);
    }
}

/// A context with these job settings.
pub fn context(clock: &Arc<TestClock>, settings: &[(&str, &str)]) -> ConnectorContext {
    ConnectorContext {
        env: Env::new(Arc::clone(clock) as Arc<dyn Clock>, 7),
        job_name: "job".to_owned(),
        time_zone: "UTC".to_owned(),
        connect_timeout: Duration::from_secs(5),
        on_source_error: OnError::Fail,
        on_sink_error: OnError::Fail,
        settings: options(settings),
        metrics: argus_base::metrics::Registry::default(),
        checkpoints: None,
        is_restart: false,
    }
}

/// A table of these columns and options.
pub fn table(fields: &[(&str, TypeRoot)], written: &[(&str, &str)]) -> TableDescriptor {
    let fields = fields.iter().map(|(name, root)| Field::new(*name, root.clone().nullable()));
    TableDescriptor {
        name: "t".to_owned(),
        options: options(written),
        physical: fields.collect(),
        metadata: Vec::new(),
        primary_key: Vec::new(),
        partition_keys: Vec::new(),
    }
}

fn options(written: &[(&str, &str)]) -> BTreeMap<String, String> {
    written.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A folder of its own, removed at the end.
pub struct TestFolder(pub std::path::PathBuf);

impl TestFolder {
    /// A new empty folder.
    pub fn new() -> TestFolder {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("argus-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        TestFolder(path)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The rows as [`crate::row_text`] writes them.
pub fn rows(fields: &[Field], records: &arrow_array::RecordBatch) -> Vec<String> {
    let batch = argus_base::Batch::inserts(records.clone());
    let text = |index| {
        let mut out = String::new();
        crate::row_text::write_row(&mut out, fields, &batch, index);
        out
    };
    (0..records.num_rows()).map(text).collect()
}

/// Polls until the reader ends: the rows, and what else it said.
pub fn read_all(
    reader: &mut dyn argus_base::source::SourceReader,
    fields: &[Field],
    max_rows: usize,
) -> argus_base::Result<Vec<String>> {
    use argus_base::source::SourcePoll;
    let mut found = Vec::new();
    loop {
        match reader.poll(max_rows, &[])? {
            SourcePoll::Batch(batch) => found.extend(rows(fields, &batch.records)),
            SourcePoll::End => return Ok(found),
            SourcePoll::Empty => std::thread::yield_now(),
            SourcePoll::SplitAdded { .. } | SourcePoll::SplitFinished(_) => {}
        }
    }
}

/// Writes batches as a slot does, to the end of the input.
pub fn write_all(
    writer: &mut dyn argus_base::sink::SinkWriter,
    batches: Vec<argus_base::Batch>,
) -> argus_base::Result<()> {
    use argus_base::sink::SinkStatus;
    for batch in batches {
        while writer.poll()? == SinkStatus::Blocked {
            std::thread::yield_now();
        }
        writer.write(batch)?;
    }
    writer.end_input()?;
    while writer.poll()? != SinkStatus::Drained {
        std::thread::yield_now();
    }
    Ok(())
}
