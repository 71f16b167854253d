//! `jdbc`: rows into PostgreSQL and SQLite, appended, or upserted by the table's primary key.
//!
//! A writer gathers rows on its I/O thread and writes each batch in one transaction. A server
//! that is away is waited for; a row that it refuses for its content is found by halving the
//! batch, and skipped or fatal as the job says. What a database must be able to do is in
//! `session`; the two that can are `postgres` and `sqlite`.
//!
//! Without checkpoints delivery is at least once. With checkpoints a table with a primary key is
//! written early: after a failure its rows come again with the same keys, so that once the job has
//! caught up the table is as if nothing had happened; until then a value may go back to an earlier
//! one. The rows of a table without a key, or whose keys may differ when they come again, or of any
//! where the job says 'exactly-once', are staged with the checkpoint, and the table's committer
//! applies them after its commit. How it knows what is there is told in `marker`.

mod changes;
mod committer;
mod isolate;
mod marker;
mod postgres;
mod session;
mod sink_metrics;
mod sqlite;
mod staged;
mod text;
mod url;
mod writer;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use argus_base::connector::{
    ConnectorContext, ConnectorSpec, FormatUse, SinkCommitter, SinkMode, SinkSet, SinkTable,
    TableDescriptor,
};
use argus_base::id::SubtaskIndex;
use argus_base::option::{OptionError, OptionKind, OptionSpec, Options};
use argus_base::sink::{Delivery, Sink, SinkWriter};
use argus_base::{Error, Result};

use crate::background::BackgroundWriter;
use crate::distinct::{DistinctTable, distinct};
use crate::registry::unchecked;
use crate::table_options::TableOptions;
use committer::{JdbcCommitter, Place, SharedClaim};
use session::Dialect;
use url::Url;
use writer::{Policy, Target, Writer};

const COUNT: OptionKind = OptionKind::Int { min: 0, max: i32::MAX as i64 };
const NOT_YET: &str = "Accepted; reading from databases is not supported yet.";

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "url",
        OptionKind::Text,
        "jdbc:postgresql://host:port/database?sslmode=…&currentSchema=… or jdbc:sqlite:FILE.",
    )
    .required(),
    OptionSpec::new("table-name", OptionKind::Text, "Table in the database, or schema.table.")
        .required(),
    OptionSpec::new("driver", OptionKind::Text, "Accepted; the URL says which database it is."),
    OptionSpec::new("username", OptionKind::Text, "User of the database."),
    OptionSpec::new("password", OptionKind::Text, "Password of the user.").secret(),
    OptionSpec::new(
        "connection.max-retry-timeout",
        OptionKind::Duration,
        "Longest pause between two attempts to reach the server, at most 5 s.",
    )
    .default("60 s"),
    OptionSpec::new(
        "sink.buffer-flush.max-rows",
        COUNT,
        "As many rows are written without waiting for more; 0 means 8192.",
    )
    .default("100"),
    OptionSpec::new(
        "sink.buffer-flush.interval",
        OptionKind::Duration,
        "Longest time a row waits for more; 0 s means until there are enough.",
    )
    .default("1 s"),
    OptionSpec::new(
        "sink.max-retries",
        COUNT,
        "Accepted; a server that is away is waited for without end.",
    )
    .default("3"),
    OptionSpec::new("scan.*", OptionKind::Text, NOT_YET),
    OptionSpec::new("lookup.*", OptionKind::Text, NOT_YET),
    OptionSpec::new("filter.handling.policy", OptionKind::Text, NOT_YET),
];

/// Longest pause between two attempts, whatever the option says.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// Rows that are enough where `sink.buffer-flush.max-rows` is 0.
const MAX_ROWS: usize = 8192;

/// The setting that has a table with a primary key staged.
const GUARANTEE: &str = "argus.jdbc.delivery-guarantee";

/// Codes of this connector's errors.
mod code {
    /// An option that the database cannot be reached with.
    pub const BAD_OPTION: &str = "AR3501";
    /// The database was not reached in time at the start.
    pub const UNREACHABLE: &str = "AR3502";
    /// The database refuses the login or the use of the table, or TLS failed.
    pub const REFUSED: &str = "AR3503";
    /// The table in the database does not fit the table of the job.
    pub const MISMATCH: &str = "AR3504";
    /// The database refuses a row for its content.
    pub const BAD_ROW: &str = "AR3505";
    /// The table of markers is not there and cannot be made.
    pub const NO_MARKERS: &str = "AR3506";
    /// Another run of the job has taken the table over.
    pub const FENCED: &str = "AR3507";
}

/// The declaration.
pub fn spec() -> ConnectorSpec {
    ConnectorSpec {
        identifier: "jdbc",
        source: false,
        sink: Some(SinkMode::UpsertByKey),
        format: FormatUse::None,
        options: OPTIONS,
        metadata: Vec::new(),
    }
}

/// Checks the URL and that user name and password come together; asks no server.
pub fn check(table: &TableDescriptor) -> std::result::Result<(), OptionError> {
    let options = TableOptions::check(table, &spec())?.connector;
    if options.is_written("username") != options.is_written("password") {
        let both = "options 'username' and 'password' are written both or not at all";
        return Err(OptionError::Conflict(both.to_owned()));
    }
    // The value is not shown: it may hold a password.
    parse_url(&options)
        .map(|_| ())
        .map_err(|problem| OptionError::Conflict(format!("option 'url': {problem}")))
}

/// What a table is called in its database.
fn name_of(table: &TableDescriptor) -> &str {
    table.options.get("table-name").map_or(table.name.as_str(), String::as_str)
}

/// Opens the tables that a job writes.
pub fn sinks(tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
    let mut sinks: Vec<Option<Arc<dyn Sink>>> = vec![None; tables.len()];
    let mut committers = Vec::new();
    for DistinctTable { table, sink_name, positions } in distinct(tables, name_of) {
        let written = positions.iter().map(|position| tables[*position]);
        let delivery = delivery(written, context);
        let sink = sink(table, &sink_name, delivery, context)
            .map_err(|error| error.context(format!("open the table '{}'", table.name)))?;
        let sink = Arc::new(sink);
        for &position in &positions {
            sinks[position] = Some(Arc::clone(&sink) as Arc<dyn Sink>);
        }
        if sink.delivery != Delivery::AtLeastOnce {
            let committer = Box::new(sink.committer());
            committers.push(SinkCommitter { sinks: positions, committer, is_commit_point: false });
        }
    }
    Ok(SinkSet { sinks: sinks.into_iter().flatten().collect(), committers })
}

fn sink(
    table: &TableDescriptor,
    marker_name: &str,
    delivery: Delivery,
    context: &ConnectorContext,
) -> Result<JdbcSink> {
    let options = TableOptions::check(table, &spec()).map_err(|error| unchecked(table, &error))?;
    let connector = &options.connector;
    let refused = |problem: String| Error::user(code::BAD_OPTION, problem);
    let table_name = connector.text("table-name").unwrap_or_default();
    let url = parse_url(connector).map_err(refused)?;
    let is_sqlite = matches!(url, Url::Sqlite(_));
    let dialect: Arc<dyn Dialect> = match url {
        Url::Postgres(url) => Arc::new(postgres::Postgres::new(*url, table_name, table, context)?),
        Url::Sqlite(path) => Arc::new(sqlite::Sqlite::new(path, table_name, table)),
    };
    Ok(JdbcSink {
        table: Arc::new(table.clone()),
        marker_name: marker_name.to_owned(),
        dialect,
        policy: policy(connector, context),
        context: context.clone(),
        delivery,
        claim: SharedClaim::default(),
        // SQLite lets one writer in at a time.
        max_parallelism: if is_sqlite { Some(1) } else { options.sink_parallelism() },
    })
}

fn policy(options: &Options, context: &ConnectorContext) -> Policy {
    let max_rows = options.int("sink.buffer-flush.max-rows").unwrap_or(0);
    let interval = options.duration("sink.buffer-flush.interval").unwrap_or_default();
    let pause = options.duration("connection.max-retry-timeout").unwrap_or(MAX_PAUSE);
    Policy {
        max_rows: usize::try_from(max_rows).ok().filter(|n| *n > 0).unwrap_or(MAX_ROWS),
        max_wait: Some(interval).filter(|interval| !interval.is_zero()),
        max_pause: pause.clamp(Duration::from_millis(100), MAX_PAUSE),
        connect_timeout: context.connect_timeout,
        on_error: context.on_sink_error,
    }
}

/// How the rows of a table become visible. One INSERT whose keys may differ has those of all
/// others into the table staged as well.
fn delivery<'a>(
    mut written: impl Iterator<Item = SinkTable<'a>>,
    context: &ConnectorContext,
) -> Delivery {
    if context.checkpoints.is_none() {
        return Delivery::AtLeastOnce;
    }
    let is_early = written.all(|sink| matches!(early(&sink, &context.settings), Early::Yes));
    if is_early { Delivery::Idempotent } else { Delivery::Staged }
}

/// Whether rows are written before their checkpoint commits.
pub(crate) enum Early<'a> {
    /// Those that come again after a failure are written over themselves.
    Yes,
    /// The table has no key, or the job does not want it.
    No,
    /// Not all of them would be found again by their keys, for this reason.
    KeyMayDiffer(&'a str),
}

/// Whether the rows of a table are written early in a job that takes checkpoints.
pub(crate) fn early<'a>(sink: &SinkTable<'a>, settings: &BTreeMap<String, String>) -> Early<'a> {
    let guarantee = settings.get(GUARANTEE).map_or("", String::as_str);
    if sink.table.primary_key.is_empty() || guarantee.eq_ignore_ascii_case("exactly-once") {
        return Early::No;
    }
    sink.unstable_key.map_or(Early::Yes, Early::KeyMayDiffer)
}

fn parse_url(options: &Options) -> std::result::Result<Url, String> {
    let login = options.text("username").zip(options.text("password"));
    url::parse(options.text("url").unwrap_or_default(), login)
}

struct JdbcSink {
    table: Arc<TableDescriptor>,
    marker_name: String,
    dialect: Arc<dyn Dialect>,
    policy: Policy,
    context: ConnectorContext,
    delivery: Delivery,
    claim: SharedClaim,
    max_parallelism: Option<usize>,
}

impl JdbcSink {
    fn committer(&self) -> JdbcCommitter {
        let place = Place {
            table: Arc::clone(&self.table),
            marker_name: self.marker_name.clone(),
            dialect: Arc::clone(&self.dialect),
        };
        JdbcCommitter::new(place, &self.context, Arc::clone(&self.claim))
    }
}

impl Sink for JdbcSink {
    fn max_parallelism(&self) -> Option<usize> {
        self.max_parallelism
    }

    fn delivery(&self) -> Delivery {
        self.delivery
    }

    fn writer(&self, _subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_claimed = claim.is_some();
        match self.delivery {
            Delivery::AtLeastOnce => {}
            Delivery::Idempotent if is_claimed => {}
            _ => return Err(Error::bug("a writer of a table that is staged, or not yet open")),
        }
        let (table, dialect) = (Arc::clone(&self.table), Arc::clone(&self.dialect));
        let (policy, context) = (self.policy, self.context.clone());
        let writer = BackgroundWriter::start("jdbc", move |state| {
            Writer::new(Target { table, dialect, claim }, policy, &context, state)
        })?;
        Ok(Box::new(writer))
    }
}
