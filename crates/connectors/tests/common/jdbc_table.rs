//! A table of the jdbc connector and what writes to it, as a slot does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::{
    ConnectorCatalog, ConnectorContext, ConnectorFactory, OnError, SinkTable, TableDescriptor,
};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{SinkStatus, SinkWriter};
use argus_base::{Batch, Env, Field, Result, RowKind, TypeRoot};
use argus_connectors::registry::Connectors;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};

/// A context of its own, with metrics of its own.
pub fn context(on_sink_error: OnError) -> ConnectorContext {
    ConnectorContext {
        env: Env::system(),
        job_name: "job".to_owned(),
        time_zone: "UTC".to_owned(),
        connect_timeout: Duration::from_secs(20),
        on_source_error: OnError::Fail,
        on_sink_error,
        settings: BTreeMap::new(),
        metrics: argus_base::metrics::Registry::default(),
        checkpoints: None,
        is_restart: false,
    }
}

/// A table of these columns; `name` is that of both the job and the database.
pub fn table(name: &str, url: &str, fields: &[(&str, TypeRoot)], key: &[usize]) -> TableDescriptor {
    let options = [
        ("connector", "jdbc"),
        ("url", url),
        ("table-name", name),
        ("username", "postgres"),
        ("password", "postgres"),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    TableDescriptor {
        name: name.to_owned(),
        options: options.into(),
        physical: fields
            .iter()
            .map(|(name, root)| Field::new(*name, root.clone().nullable()))
            .collect(),
        metadata: Vec::new(),
        primary_key: key.to_vec(),
        partition_keys: Vec::new(),
    }
}

/// A table `(id BIGINT, name STRING)` with the key `id`.
pub fn pairs(name: &str, url: &str) -> TableDescriptor {
    table(name, url, &[("id", TypeRoot::BigInt), ("name", TypeRoot::STRING)], &[0])
}

/// A batch of `pairs`; an empty name is NULL.
pub fn batch(rows: &[(RowKind, i64, &str)]) -> Batch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)));
    let names = rows.iter().map(|row| (!row.2.is_empty()).then_some(row.2));
    let names: ArrayRef = Arc::new(names.collect::<StringViewArray>());
    let records = RecordBatch::try_from_iter([("id", ids), ("name", names)]).expect("one length");
    Batch { records, kinds: Some(rows.iter().map(|row| row.0).collect()) }
}

/// Inserts of `pairs`.
pub fn inserts(ids: std::ops::Range<i64>, name: &str) -> Batch {
    batch(&ids.map(|id| (RowKind::Insert, id, name)).collect::<Vec<_>>())
}

/// Opens a writer.
pub fn writer(table: &TableDescriptor, context: &ConnectorContext) -> Result<Box<dyn SinkWriter>> {
    let connectors = Connectors::new();
    connectors.check_table(table).expect("a good table");
    let table = SinkTable { table, metadata: &[], unstable_key: None };
    connectors.sinks(&[table], context)?.sinks[0].writer(SubtaskIndex(0), 1)
}

/// Waits until the writer takes a batch, and hands it over.
pub fn hand_over(writer: &mut dyn SinkWriter, batch: Batch) -> Result<()> {
    while writer.poll()? == SinkStatus::Blocked {
        Env::system().sleep(Duration::from_millis(1));
    }
    writer.write(batch)
}

/// Waits until what was handed over is durable.
pub fn flush(writer: &mut dyn SinkWriter) -> Result<()> {
    while writer.poll()? == SinkStatus::Blocked {
        Env::system().sleep(Duration::from_millis(1));
    }
    writer.flush(CheckpointId(1))?;
    while writer.flushed().is_none() {
        writer.poll()?;
        Env::system().sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Waits until the input has ended and everything is durable.
pub fn drain(writer: &mut dyn SinkWriter) -> Result<()> {
    while writer.poll()? != SinkStatus::Drained {
        Env::system().sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Writes batches to the end of the input.
pub fn write_all(
    table: &TableDescriptor,
    context: &ConnectorContext,
    batches: Vec<Batch>,
) -> Result<()> {
    let mut writer = writer(table, context)?;
    for batch in batches {
        hand_over(writer.as_mut(), batch)?;
    }
    writer.end_input()?;
    drain(writer.as_mut())
}
