//! Sinks of every kind under one name each, for scenarios that draw which one they write.

use super::{CommitPoint, MAIN, kafka};
use crate::expectation::{Exactly, Expectation, Place, Rows};

/// Where rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkKind {
    /// A topic of the main cluster.
    Topic,
    /// A table with a key: written at once, the same rows again where the job goes back.
    Keyed,
    /// A table without a key: staged with the checkpoint.
    Plain,
    /// Files.
    Files,
}

impl SinkKind {
    /// All of them.
    pub const ALL: [SinkKind; 4] =
        [SinkKind::Topic, SinkKind::Keyed, SinkKind::Plain, SinkKind::Files];

    /// The statement that declares it.
    pub fn table(self, name: &str, columns: &str, key: &str) -> String {
        let key = match self {
            SinkKind::Keyed => format!(", PRIMARY KEY ({key}) NOT ENFORCED"),
            SinkKind::Topic | SinkKind::Plain | SinkKind::Files => String::new(),
        };
        let options = match self {
            SinkKind::Topic => kafka(name, ""),
            SinkKind::Keyed | SinkKind::Plain => format!(
                "'connector' = 'jdbc', 'table-name' = '{name}', \
                 'url' = 'jdbc:postgresql://localhost/simulated'"
            ),
            SinkKind::Files => format!(
                "'connector' = 'filesystem', 'format' = 'json', 'path' = '{}'",
                folder(name)
            ),
        };
        format!("CREATE TABLE {name} ({columns}{key}) WITH ({options});\n")
    }

    /// Where its rows become visible.
    pub fn place(self, name: &str) -> Place {
        match self {
            SinkKind::Topic => {
                Place::Topic { servers: MAIN.to_owned(), topic: name.to_owned(), order: None }
            }
            SinkKind::Keyed | SinkKind::Plain => Place::Table(name.to_owned()),
            SinkKind::Files => Place::Folder(folder(name)),
        }
    }
}

/// Exactly these rows in a sink; a table whose key they all are has equal ones once.
pub fn exactly(sink: SinkKind, name: &str, mut rows: Rows) -> Box<dyn Expectation> {
    if sink == SinkKind::Keyed {
        rows.values_mut().for_each(|n_equal| *n_equal = 1);
    }
    Box::new(Exactly { place: sink.place(name), rows })
}

/// Where the checkpoints of a job with these sinks are committed.
pub fn commit_point(sinks: &[SinkKind]) -> CommitPoint {
    let has_topic = sinks.contains(&SinkKind::Topic);
    if has_topic { CommitPoint::Cluster(MAIN.to_owned()) } else { CommitPoint::Store }
}

fn folder(name: &str) -> String {
    format!("file:///simulated/{name}")
}
