//! PostgreSQL: one connection a writer, one prepared statement for any number of rows.
//!
//! ```sql
//! INSERT INTO "t" ("k", "v") SELECT u.c0, u.c1::numeric
//!   FROM UNNEST($1::int4[], $2::text[]) AS u (c0, c1)
//!   ON CONFLICT ("k") DO UPDATE SET "v" = EXCLUDED."v"
//! ```
//! A parameter is a column of the batch: native where the server's conversion is lossless, else
//! as text that the server reads.

mod binding;
mod catalog;
mod failure;
mod statement;
mod tls;

use std::time::Duration;

use argus_base::connector::{ConnectorContext, TableDescriptor};
use argus_base::{Error, Field, Result};
use arrow_array::RecordBatch;
use postgres::types::{ToSql, Type};
use postgres::{Client, Config, SimpleQueryMessage, Statement};
use postgres_openssl::MakeTlsConnector;

use super::code;
use super::marker::{FIND, Marker, MarkerKey};
use super::session::{Dialect, Failure, MarkedSession, Parameter, Session};
use super::url::{PostgresUrl, SslMode};
use binding::{Binding, parameter};
use failure::failure;
use statement::{delete_sql, literal, quote, upsert_sql};

/// How long a server may leave what we sent unacknowledged before it counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a lock of somebody else, by preparing a statement as well: a committer works
/// on the thread that also stops the job, and what waits keeps the job's markers from others.
/// Then the transaction is taken back, and tried again as after an outage.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '10s'";
/// Begins a transaction whose locks end soon after its client has: a process that stands still
/// keeps its connection, and nobody could take the table over from it. Whoever does waits for
/// 60 s at its start where nothing else is said, which is well beyond.
const BEGIN_GUARDED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     SET LOCAL idle_in_transaction_session_timeout = '20s'";

/// A table in a PostgreSQL database.
pub struct Postgres {
    url: PostgresUrl,
    table_name: String,
    fields: Vec<Field>,
    primary_key: Vec<usize>,
    time_zone: String,
    tls: MakeTlsConnector,
}

impl Postgres {
    /// Reads the certificates; the server is not asked yet.
    pub fn new(
        url: PostgresUrl,
        table_name: &str,
        table: &TableDescriptor,
        context: &ConnectorContext,
    ) -> Result<Postgres> {
        let tls = tls::connector(&url).map_err(|why| Error::user(code::BAD_OPTION, why))?;
        Ok(Postgres {
            url,
            table_name: table_name.to_owned(),
            fields: table.physical.clone(),
            primary_key: table.primary_key.clone(),
            time_zone: context.time_zone.clone(),
            tls,
        })
    }

    fn config(&self) -> Config {
        let url = &self.url;
        let mut config = Config::new();
        for (host, port) in &url.hosts {
            config.host(host).port(*port);
        }
        config.dbname(&url.database);
        if let Some(user) = &url.user {
            config.user(user);
        }
        if let Some(password) = &url.password {
            config.password(password);
        }
        config.ssl_mode(match url.ssl_mode {
            SslMode::Disable => postgres::config::SslMode::Disable,
            SslMode::Prefer => postgres::config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                postgres::config::SslMode::Require
            }
        });
        if url.hosts.len() > 1 {
            // One of them is the primary.
            config.target_session_attrs(postgres::config::TargetSessionAttrs::ReadWrite);
        }
        config.application_name(url.application_name.as_deref().unwrap_or("argus"));
        config.connect_timeout(url.connect_timeout).tcp_user_timeout(LOST_AFTER);
        config.keepalives_idle(LOST_AFTER);
        config
    }

    fn prepare(&self, mut client: Client) -> std::result::Result<PostgresSession, Failure> {
        client.batch_execute(&self.session_sql()).map_err(failure)?;
        let table = catalog::find_table(&mut client, &self.table_name)?;
        let bindings = catalog::bind(&mut client, &table, &self.fields, &self.primary_key)?;
        let upsert = upsert_sql(&table.name, &bindings, &self.primary_key);
        let upsert = client.prepare(&upsert).map_err(failure)?;
        let delete = if self.primary_key.is_empty() {
            None
        } else {
            let delete = delete_sql(&table.name, &bindings, &self.primary_key);
            Some(client.prepare(&delete).map_err(failure)?)
        };
        let primary_key = self.primary_key.clone();
        Ok(PostgresSession { client, bindings, primary_key, upsert, delete })
    }

    /// Waits are bounded from here on. Texts without a zone are read in the session's; what a
    /// server's settings might change about the reading of texts is set.
    fn session_sql(&self) -> String {
        let zone = self.time_zone.replace('\'', "''");
        let mut sql =
            format!("{LOCK_TIMEOUT}; SET TimeZone = '{zone}'; SET DateStyle = 'ISO, YMD'");
        if !self.url.schemas.is_empty() {
            let schemas = self.url.schemas.iter().map(|schema| quote(schema));
            sql.push_str("; SET search_path = ");
            sql.push_str(&schemas.collect::<Vec<_>>().join(", "));
        }
        sql
    }

    /// Says where, since the reasons of servers and sockets do not.
    fn at_this_place(&self, failure: Failure) -> Failure {
        let place = &self.url;
        match failure {
            Failure::Transient(reason) => Failure::Transient(format!("{place}: {reason}")),
            Failure::Data(reason) => Failure::Data(reason),
            Failure::User(code, message) => Failure::User(code, format!("{place}: {message}")),
            fenced @ Failure::Fenced(_) => fenced,
        }
    }
}

impl Dialect for Postgres {
    fn place(&self) -> String {
        format!("postgresql {}", self.url)
    }

    fn connect(&self) -> std::result::Result<Box<dyn MarkedSession>, Failure> {
        let client = self.config().connect(self.tls.clone()).map_err(failure);
        let session = client.and_then(|client| self.prepare(client));
        match session {
            Ok(session) => Ok(Box::new(session)),
            Err(failure) => Err(self.at_this_place(failure)),
        }
    }
}

struct PostgresSession {
    client: Client,
    bindings: Vec<Binding>,
    primary_key: Vec<usize>,
    upsert: Statement,
    delete: Option<Statement>,
}

impl PostgresSession {
    fn run(&mut self, sql: &str) -> std::result::Result<(), Failure> {
        self.client.batch_execute(sql).map_err(failure)
    }
}

fn execute(
    client: &mut Client,
    statement: &Statement,
    parameters: &[Box<dyn ToSql + Sync + '_>],
) -> std::result::Result<(), Failure> {
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(AsRef::as_ref).collect();
    client.execute(statement, &parameters).map(|_| ()).map_err(failure)
}

impl Session for PostgresSession {
    fn begin(&mut self, check_at_once: bool) -> std::result::Result<(), Failure> {
        self.run(if check_at_once { "BEGIN; SET CONSTRAINTS ALL IMMEDIATE" } else { "BEGIN" })
    }

    fn upsert(&mut self, rows: &RecordBatch) -> std::result::Result<(), Failure> {
        let columns = self.bindings.iter().zip(rows.columns());
        let parameters: Vec<_> =
            columns.map(|(binding, column)| parameter(binding, column.as_ref())).collect();
        execute(&mut self.client, &self.upsert, &parameters)
    }

    fn delete(&mut self, rows: &RecordBatch) -> std::result::Result<(), Failure> {
        let Some(delete) = &self.delete else {
            let message = "rows are deleted from a table without a primary key";
            return Err(Failure::User(code::MISMATCH, message.to_owned()));
        };
        let keys = self.primary_key.iter();
        let parameters: Vec<_> =
            keys.map(|&key| parameter(&self.bindings[key], rows.column(key).as_ref())).collect();
        execute(&mut self.client, delete, &parameters)
    }

    fn begin_part(&mut self) -> std::result::Result<(), Failure> {
        self.run("SAVEPOINT part")
    }

    fn end_part(&mut self, keep: bool) -> std::result::Result<(), Failure> {
        self.run(if keep {
            "RELEASE SAVEPOINT part"
        } else {
            "ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part"
        })
    }

    fn commit(&mut self) -> std::result::Result<(), Failure> {
        self.run("COMMIT")
    }

    fn rollback(&mut self) -> std::result::Result<(), Failure> {
        self.run("ROLLBACK")
    }

    fn ping(&mut self) -> std::result::Result<(), Failure> {
        self.client.is_valid(PING_TIMEOUT).map_err(failure)
    }
}

impl MarkedSession for PostgresSession {
    fn has_markers(&mut self) -> std::result::Result<bool, Failure> {
        let sql = "SELECT to_regclass('argus_commit') IS NOT NULL";
        let row = self.client.query_one(sql, &[]).map_err(failure)?;
        row.try_get(0).map_err(failure)
    }

    fn create_markers(&mut self, sql: &str) -> std::result::Result<(), Failure> {
        self.run(sql)
    }

    fn begin_under(
        &mut self,
        check_at_once: bool,
        key: &MarkerKey,
    ) -> std::result::Result<Option<Marker>, Failure> {
        // One message, since each write begins with it.
        let constraints = if check_at_once { "; SET CONSTRAINTS ALL IMMEDIATE" } else { "" };
        let find = FIND.replace("$1", &literal(&key.job)).replace("$2", &literal(&key.sink));
        let sql = format!("{BEGIN_GUARDED}{constraints}; {find} FOR SHARE");
        let messages = self.client.simple_query(&sql).map_err(failure)?;
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).zip(row.get(1)?.parse().ok()),
            _ => None,
        });
        Ok(row.map(|(incarnation, epoch)| Marker { incarnation: incarnation.to_owned(), epoch }))
    }

    fn begin_markers(&mut self) -> std::result::Result<(), Failure> {
        self.run(BEGIN_GUARDED)
    }

    fn find_marker(
        &mut self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> std::result::Result<Option<Marker>, Failure> {
        let row = self.client.query_typed_opt(sql, &typed(parameters)).map_err(failure)?;
        let Some(row) = row else { return Ok(None) };
        let incarnation = row.try_get(0).map_err(failure)?;
        Ok(Some(Marker { incarnation, epoch: row.try_get(1).map_err(failure)? }))
    }

    fn change_markers(
        &mut self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> std::result::Result<u64, Failure> {
        self.client.execute_typed(sql, &typed(parameters)).map_err(failure)
    }
}

fn typed<'a>(parameters: &'a [Parameter<'a>]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    let typed = parameters.iter().map(|parameter| -> (&(dyn ToSql + Sync), Type) {
        match parameter {
            Parameter::Text(text) => (text, Type::TEXT),
            Parameter::Number(number) => (number, Type::INT8),
        }
    });
    typed.collect()
}
