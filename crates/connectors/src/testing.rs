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
