//! A real PostgreSQL server with databases that StreamPulse's tables are in.

use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};

use super::instance::Instance;

/// The tables, indexes, views and functions of the pipeline.
const TABLES: &str = include_str!("../../pipelines/streampulse/postgres.sql");

/// Owns the databases; no superuser.
pub const USER: &str = "pulse";
/// Its password, with what needs care in options and URLs.
pub const PASSWORD: &str = "it's 100% \"secret\" & ; =";

/// One running server.
pub struct Server(pub Instance);

impl Server {
    /// Starts a server.
    pub fn start() -> Server {
        let server = Server(Instance::start("postgres", &["--tls", "--auth", "scram-sha-256"]));
        let password = PASSWORD.replace('\'', "''");
        server.run("postgres", &format!("CREATE ROLE {USER} LOGIN PASSWORD '{password}'"));
        server
    }

    /// A value that the script printed, without `ARGUS_POSTGRES_`.
    pub fn variable(&self, name: &str) -> &str {
        self.0.variable(&format!("ARGUS_POSTGRES_{name}"))
    }

    /// Makes a database; its owner loads the tables, twice, as after an upgrade.
    pub fn create_database(&self, name: &str) {
        self.run("postgres", &format!("CREATE DATABASE {name} OWNER {USER}"));
        let mut owner = self.config(name);
        let mut client = owner.user(USER).password(PASSWORD).connect(NoTls).unwrap();
        for _ in 0..2 {
            client.batch_execute(TABLES).unwrap();
        }
    }

    /// A superuser's connection.
    pub fn client(&self, database: &str) -> Client {
        self.config(database).connect(NoTls).unwrap()
    }

    /// Runs statements as superuser.
    pub fn run(&self, database: &str, sql: &str) {
        self.client(database).batch_execute(sql).expect(sql);
    }

    fn config(&self, database: &str) -> Config {
        let mut config: Config = self.variable("URL").parse().unwrap();
        config.dbname(database).ssl_mode(SslMode::Disable);
        config
    }
}
