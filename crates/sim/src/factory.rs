//! Opens tables for one worker: the connectors' names, the world's systems.

use std::sync::Arc;

use argus_base::connector::{
    ConnectorContext, ConnectorFactory, ScanSpec, SinkSet, SinkTable, TableDescriptor,
};
use argus_base::sink::Sink;
use argus_base::source::Source;
use argus_base::{Error, Result};

use crate::crew::WorkerId;
use crate::system::kafka_source::KafkaSource;
use crate::system::{file_sink, jdbc_sink, kafka_sink};
use crate::world::World;

/// The connectors of one worker.
pub struct Factory {
    /// Where it is.
    pub world: Arc<World>,
    /// Whose calls they make.
    pub worker: WorkerId,
}

impl ConnectorFactory for Factory {
    fn source(
        &self,
        table: &TableDescriptor,
        scan: &ScanSpec,
        context: &ConnectorContext,
    ) -> Result<Arc<dyn Source>> {
        let caller = (Arc::clone(&self.world), self.worker);
        match identifier(table) {
            "kafka" => Ok(Arc::new(KafkaSource::new(caller, table, scan, context)?)),
            other => Err(Error::bug(format!("no simulated source '{other}'"))),
        }
    }

    fn sinks(&self, tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
        let mut sinks: Vec<Option<Arc<dyn Sink>>> = vec![None; tables.len()];
        let mut committers = Vec::new();
        for connector in ["kafka", "jdbc", "filesystem"] {
            let of_connector = |position: &usize| identifier(tables[*position].table) == connector;
            let positions: Vec<usize> = (0..tables.len()).filter(of_connector).collect();
            let own: Vec<SinkTable<'_>> = positions.iter().map(|at| tables[*at]).collect();
            let caller = (&self.world, self.worker);
            let set = match connector {
                "kafka" => kafka_sink::open(caller, &own, context)?,
                "jdbc" => jdbc_sink::open(caller, &own, context)?,
                _ => file_sink::open(caller, &own, context)?,
            };
            for (sink, position) in set.sinks.into_iter().zip(&positions) {
                sinks[*position] = Some(sink);
            }
            committers.extend(set.committers.into_iter().map(|mut committer| {
                committer.sinks.iter_mut().for_each(|sink| *sink = positions[*sink]);
                committer
            }));
        }
        let missing = || Error::bug("a sink that is not simulated");
        let sinks = sinks.into_iter().map(|sink| sink.ok_or_else(missing));
        Ok(SinkSet { sinks: sinks.collect::<Result<_>>()?, committers })
    }
}

fn identifier(table: &TableDescriptor) -> &str {
    table.options.get("connector").map_or("", String::as_str)
}
