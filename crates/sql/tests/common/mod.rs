//! Made-up declarations of connectors under Flink's names, and sessions over them.

use std::collections::BTreeMap;

use argus_base::connector::{
    ConnectorCatalog, ConnectorSpec, DeliveryPlan, FormatSpec, FormatUse, MetadataSpec, SinkMode,
    SinkTable, TableDescriptor,
};
use argus_base::nearest::nearest;
use argus_base::option::OptionError;
use argus_base::{Field, TypeRoot};
use argus_sql::{Session, SessionOptions};

/// Options that every table takes here.
const OPTIONS: &[&str] = &[
    "connector",
    "format",
    "path",
    "topic",
    "properties.bootstrap.servers",
    "scan.startup.mode",
    "scan.bounded.mode",
    "scan.watermark.idle-timeout",
    "scan.watermark.emit.strategy",
    "url",
    "table-name",
    "password",
    "number-of-rows",
];

/// `kafka`, `filesystem`, `jdbc`, `datagen` and `print`.
pub struct Connectors {
    connectors: Vec<ConnectorSpec>,
    json: FormatSpec,
}

impl Connectors {
    /// The declarations.
    pub fn new() -> Connectors {
        let connectors = vec![
            connector("kafka", true, Some(SinkMode::Append)),
            connector("filesystem", true, Some(SinkMode::Append)),
            connector("jdbc", false, Some(SinkMode::UpsertByKey)),
            connector("datagen", true, None),
            connector("print", false, Some(SinkMode::Retract)),
        ];
        let check_schema = |_: &[Field]| Ok(());
        Connectors {
            connectors,
            json: FormatSpec { identifier: "json", options: &[], check_schema },
        }
    }
}

fn connector(identifier: &'static str, source: bool, sink: Option<SinkMode>) -> ConnectorSpec {
    let metadata = |key, root: TypeRoot, writable| {
        let logical_type = root.not_null();
        MetadataSpec { key, logical_type, writable }
    };
    ConnectorSpec {
        identifier,
        source,
        sink,
        format: FormatUse::Body,
        options: &[],
        metadata: vec![
            metadata("timestamp", TypeRoot::timestamp_ltz(3), true),
            metadata("partition", TypeRoot::Int, false),
        ],
    }
}

impl ConnectorCatalog for Connectors {
    fn connector(&self, identifier: &str) -> Option<&ConnectorSpec> {
        self.connectors.iter().find(|spec| spec.identifier == identifier)
    }

    fn connector_names(&self) -> Vec<&'static str> {
        self.connectors.iter().map(|spec| spec.identifier).collect()
    }

    fn format(&self, identifier: &str) -> Option<&FormatSpec> {
        (identifier == "json").then_some(&self.json)
    }

    fn format_names(&self) -> Vec<&'static str> {
        vec!["json"]
    }

    fn check_table(&self, table: &TableDescriptor) -> Result<(), OptionError> {
        for key in table.options.keys() {
            if !OPTIONS.contains(&key.as_str()) {
                let near = nearest(key, OPTIONS.iter().copied()).map(str::to_owned);
                return Err(OptionError::Unknown { key: key.clone(), nearest: near });
            }
        }
        let connector = table.options.get("connector").map_or("", String::as_str);
        if self.connector(connector).is_some() {
            return Ok(());
        }
        let problem = format!("unknown connector; known are {}", self.connector_names().join(", "));
        let (key, value) = ("connector".to_owned(), connector.to_owned());
        Err(OptionError::BadValue { key, value, problem })
    }

    fn is_bounded(&self, table: &TableDescriptor, _settings: &BTreeMap<String, String>) -> bool {
        let is = |key: &str| table.options.contains_key(key);
        match table.options.get("connector").map(String::as_str) {
            Some("kafka") => is("scan.bounded.mode"),
            Some("datagen") => is("number-of-rows"),
            _ => true,
        }
    }

    fn delivery(
        &self,
        sink: &SinkTable<'_>,
        _settings: &BTreeMap<String, String>,
        takes_checkpoints: bool,
    ) -> DeliveryPlan {
        let connector = sink.table.options.get("connector").map_or("", String::as_str);
        let text = match (connector, takes_checkpoints, sink.unstable_key) {
            (_, false, _) => "as they come".to_owned(),
            ("kafka", true, _) => "one transaction a checkpoint".to_owned(),
            ("jdbc", true, None) => "early by key".to_owned(),
            ("jdbc", true, Some(why)) => format!("staged: {why}"),
            _ => "at-least-once".to_owned(),
        };
        DeliveryPlan { text, commits_checkpoints: takes_checkpoints && connector == "kafka" }
    }
}

/// A session; `PASSWORD` is the only variable with a value.
pub fn session(connectors: &Connectors) -> Session<'_> {
    let options = SessionOptions {
        connectors,
        variables: &|name| (name == "PASSWORD").then(|| "it's a secret".to_owned()),
        settings: BTreeMap::new(),
        overrides: BTreeMap::new(),
        time_zone: "Europe/Berlin".to_owned(),
        job_name: "job".to_owned(),
    };
    Session::new(options).expect("no setting is given")
}
