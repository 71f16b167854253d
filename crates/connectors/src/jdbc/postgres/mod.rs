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
use postgres::types::ToSql;
use postgres::{Client, Config, Statement};
use postgres_openssl::MakeTlsConnector;

use super::code;
use super::session::{Dialect, Failure, Session};
use super::url::{PostgresUrl, SslMode};
use binding::{Binding, parameter};
use failure::failure;
use statement::{delete_sql, quote, upsert_sql};

/// How long a server may leave what we sent unacknowledged before it counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

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

    /// Texts without a zone are read in the session's; what a server's settings might change
    /// about the reading of texts is set.
    fn session_sql(&self) -> String {
        let zone = self.time_zone.replace('\'', "''");
        let mut sql = format!("SET TimeZone = '{zone}'; SET DateStyle = 'ISO, YMD'");
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
        }
    }
}

impl Dialect for Postgres {
    fn connect(&self) -> std::result::Result<Box<dyn Session>, Failure> {
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
