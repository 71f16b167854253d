//! A table opened for reading: makes the readers.

use argus_base::Result;
use argus_base::connector::{ConnectorContext, ScanSpec, TableDescriptor};
use argus_base::id::SubtaskIndex;
use argus_base::source::{Source, SourceReader, SplitPosition};

use super::options::SourceOptions;
use super::position::decode_all;
use super::reader::{KafkaReader, ReaderOptions};
use super::startup::BoundedMode;

/// A Kafka table that is read.
pub struct KafkaSource {
    table: TableDescriptor,
    scan: ScanSpec,
    context: ConnectorContext,
    options: SourceOptions,
}

impl KafkaSource {
    /// Opens a table. Waits for nobody.
    pub fn new(
        table: &TableDescriptor,
        scan: &ScanSpec,
        context: &ConnectorContext,
    ) -> Result<KafkaSource> {
        let options = SourceOptions::parse(table)
            .map_err(|error| crate::registry::unchecked(table, &error))?;
        options.client.warn_of_ignored(&table.name);
        let (table, scan, context) = (table.clone(), scan.clone(), context.clone());
        Ok(KafkaSource { table, scan, context, options })
    }

    /// The consumer group: without one nothing can be assigned, so one is made up. Nobody joins
    /// it and nothing is committed to it.
    fn group_id(&self) -> String {
        let made_up = || format!("argus-{}-{}", self.context.job_name, self.table.name);
        self.options.group_id.clone().filter(|id| !id.is_empty()).unwrap_or_else(made_up)
    }
}

impl Source for KafkaSource {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn watermark_per_split(&self) -> bool {
        true
    }

    fn is_bounded(&self) -> bool {
        self.options.bounded != BoundedMode::Unbounded
    }

    fn reader(
        &self,
        subtask: SubtaskIndex,
        parallelism: usize,
        positions: &[SplitPosition],
    ) -> Result<Box<dyn SourceReader>> {
        let restored = if positions.is_empty() { None } else { Some(decode_all(positions)?) };
        let reader = KafkaReader::start(ReaderOptions {
            table: &self.table,
            scan: &self.scan,
            context: &self.context,
            source: self.options.clone(),
            group_id: self.group_id(),
            subtask,
            parallelism,
            restored,
        })?;
        Ok(Box::new(reader))
    }
}
