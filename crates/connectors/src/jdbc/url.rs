//! JDBC URLs of PostgreSQL and SQLite.
//!
//! ```text
//! jdbc:postgresql://host:port,host:port/database?key=value&key=value
//! jdbc:sqlite:FILE
//! ```
//! Errors never repeat the URL: it may hold a password.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A parsed URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// A server.
    Postgres(Box<PostgresUrl>),
    /// A file.
    Sqlite(PathBuf),
}

/// Where a PostgreSQL database is and how to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// Tried in this order.
    pub hosts: Vec<(String, u16)>,
    /// Name of the database.
    pub database: String,
    /// User; the server's default where `None`.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// How much TLS.
    pub ssl_mode: SslMode,
    /// File with the certificates that are trusted; the system's where `None`.
    pub ssl_root_cert: Option<PathBuf>,
    /// The client's own certificate and key.
    pub ssl_identity: Option<(PathBuf, PathBuf)>,
    /// Schemas to look for tables in; the server's default where empty.
    pub schemas: Vec<String>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// Name shown among the server's sessions.
    pub application_name: Option<String>,
}

/// `sslmode`, as libpq and the Java driver define it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS where the server has it.
    Prefer,
    /// TLS, to whomever.
    Require,
    /// TLS, to a server with a certificate that is trusted.
    VerifyCa,
    /// TLS, to a server with a trusted certificate of the host's name.
    VerifyFull,
}

/// The password is left out.
impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

/// Hosts and database, for messages.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.hosts.iter().map(|(host, port)| format!("{host}:{port}"));
        write!(f, "{}/{}", hosts.collect::<Vec<_>>().join(","), self.database)
    }
}

const DEFAULT_PORT: u16 = 5432;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Parameters of the Java driver that change nothing here.
const IGNORED: [&str; 9] = [
    "reWriteBatchedInserts",
    "stringtype",
    "prepareThreshold",
    "tcpKeepAlive",
    "loginTimeout",
    "socketTimeout",
    "targetServerType",
    "loadBalanceHosts",
    "binaryTransfer",
];

/// Reads a URL; user name and password of the table's options go before the URL's own.
pub fn parse(url: &str, login: Option<(&str, &str)>) -> Result<Url, String> {
    let after_jdbc = url.strip_prefix("jdbc:").ok_or("expected a URL that begins with jdbc:")?;
    let (kind, rest) = after_jdbc.split_once(':').unwrap_or((after_jdbc, ""));
    match kind {
        "postgresql" => parse_postgres(rest, login).map(|url| Url::Postgres(Box::new(url))),
        "sqlite" => {
            let file = rest.split('?').next().unwrap_or_default();
            let file = file.strip_prefix("file:").unwrap_or(file);
            if file.is_empty() || file == ":memory:" {
                return Err("expected jdbc:sqlite:FILE".to_owned());
            }
            Ok(Url::Sqlite(PathBuf::from(file)))
        }
        other => Err(format!(
            "databases of the kind '{other}' are not supported yet; postgresql and sqlite are"
        )),
    }
}

fn parse_postgres(rest: &str, login: Option<(&str, &str)>) -> Result<PostgresUrl, String> {
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = match place.strip_prefix("//") {
        Some(after_slashes) => after_slashes.split_once('/').unwrap_or((after_slashes, "")),
        None => ("", place.trim_start_matches('/')),
    };
    let mut url = PostgresUrl {
        hosts: hosts.split(',').map(host_and_port).collect::<Result<_, _>>()?,
        database: decode(database)?,
        user: login.map(|(user, _)| user.to_owned()),
        password: login.map(|(_, password)| password.to_owned()),
        ssl_mode: SslMode::Prefer,
        ssl_root_cert: None,
        ssl_identity: None,
        schemas: Vec::new(),
        connect_timeout: CONNECT_TIMEOUT,
        application_name: None,
    };
    let (mut certificate, mut key) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value)?;
        match name {
            "sslcert" => certificate = Some(PathBuf::from(value)),
            "sslkey" => key = Some(PathBuf::from(value)),
            _ => url.set(name, value)?,
        }
    }
    url.ssl_identity = certificate.zip(key);
    if url.database.is_empty() {
        url.database = url.user.clone().ok_or("expected a database: //host:port/database")?;
    }
    Ok(url)
}

impl PostgresUrl {
    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "user" if self.user.is_none() => self.user = Some(value),
            "password" if self.password.is_none() => self.password = Some(value),
            "user" | "password" => {}
            "sslmode" => self.ssl_mode = ssl_mode(&value)?,
            "ssl" if value != "false" => self.ssl_mode = SslMode::VerifyFull,
            "ssl" => {}
            "sslrootcert" if value == "system" || value.is_empty() => self.ssl_root_cert = None,
            "sslrootcert" => self.ssl_root_cert = Some(PathBuf::from(value)),
            "currentSchema" => {
                self.schemas = value.split(',').map(|name| name.trim().to_owned()).collect();
            }
            "connectTimeout" => {
                let seconds = value.parse::<u64>();
                let seconds = seconds.map_err(|_| "connectTimeout is no number of seconds")?;
                self.connect_timeout =
                    if seconds == 0 { CONNECT_TIMEOUT } else { Duration::from_secs(seconds) };
            }
            "ApplicationName" => self.application_name = Some(value),
            other if IGNORED.contains(&other) => {}
            other => return Err(format!("the parameter '{other}' is not supported")),
        }
        Ok(())
    }
}

fn ssl_mode(value: &str) -> Result<SslMode, String> {
    match value {
        "disable" => Ok(SslMode::Disable),
        "allow" | "prefer" | "" => Ok(SslMode::Prefer),
        "require" => Ok(SslMode::Require),
        "verify-ca" => Ok(SslMode::VerifyCa),
        "verify-full" => Ok(SslMode::VerifyFull),
        other => Err(format!(
            "sslmode '{other}' is none of disable, prefer, require, verify-ca, verify-full"
        )),
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(address) => {
            let (address, rest) = address.split_once(']').ok_or("an IPv6 address ends with ]")?;
            (address, rest.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        None | Some("") => DEFAULT_PORT,
        Some(port) => port.parse().map_err(|_| format!("'{port}' is no port"))?,
    };
    Ok((if host.is_empty() { "localhost".to_owned() } else { decode(host)? }, port))
}

/// Undoes `%XX`.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digits = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = digits.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.ok_or("a % is not followed by two hexadecimal digits")?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(url: &str) -> PostgresUrl {
        match parse(url, None).unwrap() {
            Url::Postgres(url) => *url,
            Url::Sqlite(path) => panic!("{path:?}"),
        }
    }

    #[test]
    fn postgres_urls() {
        let url = postgres(
            "jdbc:postgresql://a:1,[::1]/my%20db?sslmode=verify-ca&sslrootcert=/ca.pem\
             &currentSchema=x,y&user=me&password=p%26q",
        );
        assert_eq!(url.hosts, [("a".to_owned(), 1), ("::1".to_owned(), 5432)]);
        assert_eq!(url.to_string(), "a:1,::1:5432/my db");
        assert_eq!(url.ssl_mode, SslMode::VerifyCa);
        assert_eq!(url.schemas, ["x", "y"]);
        assert_eq!(url.password.as_deref(), Some("p&q"));
        assert!(!format!("{url:?}").contains("p&q"));
        assert_eq!(postgres("jdbc:postgresql:db").to_string(), "localhost:5432/db");
        let from_options = parse("jdbc:postgresql://h/d?user=x&password=y", Some(("u", "p")));
        let Ok(Url::Postgres(url)) = from_options else { panic!("{from_options:?}") };
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("u"), Some("p")));
    }

    #[test]
    fn others() {
        assert_eq!(parse("jdbc:sqlite:/a/b.db", None), Ok(Url::Sqlite("/a/b.db".into())));
        for wrong in [
            "postgresql://h/d",
            "jdbc:mysql://h/d",
            "jdbc:postgresql://h:x/d",
            "jdbc:postgresql://h/d?sslmode=on",
            "jdbc:postgresql://h/d?bogus=1",
            "jdbc:sqlite:",
        ] {
            assert!(parse(wrong, None).is_err(), "{wrong}");
        }
    }
}
