//! TLS as `sslmode` says.

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode};
use postgres_openssl::MakeTlsConnector;

use crate::jdbc::url::{PostgresUrl, SslMode};

/// What makes TLS connections; says which file cannot be read.
pub fn connector(url: &PostgresUrl) -> Result<MakeTlsConnector, String> {
    let mut builder = SslConnector::builder(SslMethod::tls()).map_err(|error| error.to_string())?;
    if let Some(file) = &url.ssl_root_cert {
        builder.set_ca_file(file).map_err(|error| cannot_read("sslrootcert", file, &error))?;
    }
    if let Some((certificate, key)) = &url.ssl_identity {
        builder
            .set_certificate_chain_file(certificate)
            .map_err(|error| cannot_read("sslcert", certificate, &error))?;
        builder
            .set_private_key_file(key, SslFiletype::PEM)
            .map_err(|error| cannot_read("sslkey", key, &error))?;
    }
    // As libpq has it, 'require' with a root certificate verifies the chain.
    let verifies_chain = match url.ssl_mode {
        SslMode::VerifyCa | SslMode::VerifyFull => true,
        SslMode::Require => url.ssl_root_cert.is_some(),
        SslMode::Disable | SslMode::Prefer => false,
    };
    builder.set_verify(if verifies_chain { SslVerifyMode::PEER } else { SslVerifyMode::NONE });
    let verifies_host = url.ssl_mode == SslMode::VerifyFull;
    let mut connector = MakeTlsConnector::new(builder.build());
    connector.set_callback(move |connection, _host| {
        connection.set_verify_hostname(verifies_host);
        Ok(())
    });
    Ok(connector)
}

fn cannot_read(parameter: &str, file: &std::path::Path, error: &ErrorStack) -> String {
    let first = error.errors().first().and_then(openssl::error::Error::reason);
    let reason = first.unwrap_or("no certificate in it");
    format!("{parameter} '{}' cannot be read: {reason}", file.display())
}
