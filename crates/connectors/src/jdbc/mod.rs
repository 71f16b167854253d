//! `jdbc`: rows into PostgreSQL and SQLite, appended, or upserted by the table's primary key.
//!
//! A writer gathers rows on its I/O thread and writes each batch in one transaction. A server
//! that is away is waited for; a row that it refuses for its content is found by halving the
//! batch, and skipped or fatal as the job says. Delivery is at least once, which upserts make
//! harmless. What a database must be able to do is in `session`; the two that can are `postgres`
//! and `sqlite`. A marker for exactly-once commits would be one more statement of a session's
//! transaction.

mod changes;
mod isolate;
mod postgres;
mod session;
mod sqlite;
mod text;
mod url;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::{
    ConnectorContext, ConnectorSpec, FormatUse, SinkMode, SinkSet, SinkTable, TableDescriptor,
};
use argus_base::id::SubtaskIndex;
use argus_base::option::{OptionError, OptionKind, OptionSpec, Options};
use argus_base::sink::{Sink, SinkWriter};
use argus_base::{Error, Result};

use crate::background::BackgroundWriter;
use crate::registry::unchecked;
use crate::table_options::TableOptions;
use session::Dialect;
use url::Url;
use writer::{Policy, Writer};

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

/// Opens the tables that a job writes.
pub fn sinks(tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
    crate::registry::open_each(sink, tables, context)
}

fn sink(
    table: &TableDescriptor,
    _metadata: &[usize],
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>> {
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
    let max_rows = connector.int("sink.buffer-flush.max-rows").unwrap_or(0);
    let interval = connector.duration("sink.buffer-flush.interval").unwrap_or_default();
    let pause = connector.duration("connection.max-retry-timeout").unwrap_or(MAX_PAUSE);
    let policy = Policy {
        max_rows: usize::try_from(max_rows).ok().filter(|n| *n > 0).unwrap_or(MAX_ROWS),
        max_wait: Some(interval).filter(|interval| !interval.is_zero()),
        max_pause: pause.clamp(Duration::from_millis(100), MAX_PAUSE),
        connect_timeout: context.connect_timeout,
        on_error: context.on_sink_error,
    };
    // SQLite lets one writer in at a time.
    let max_parallelism = if is_sqlite { Some(1) } else { options.sink_parallelism() };
    let table = Arc::new(table.clone());
    Ok(Arc::new(JdbcSink { table, dialect, policy, context: context.clone(), max_parallelism }))
}

fn parse_url(options: &Options) -> std::result::Result<Url, String> {
    let login = options.text("username").zip(options.text("password"));
    url::parse(options.text("url").unwrap_or_default(), login)
}

struct JdbcSink {
    table: Arc<TableDescriptor>,
    dialect: Arc<dyn Dialect>,
    policy: Policy,
    context: ConnectorContext,
    max_parallelism: Option<usize>,
}

impl Sink for JdbcSink {
    fn max_parallelism(&self) -> Option<usize> {
        self.max_parallelism
    }

    fn writer(&self, _subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let (table, dialect) = (Arc::clone(&self.table), Arc::clone(&self.dialect));
        let (policy, context) = (self.policy, self.context.clone());
        let writer = BackgroundWriter::start("jdbc", move |state| {
            Writer::new(table, dialect, policy, &context, state)
        })?;
        Ok(Box::new(writer))
    }
}
