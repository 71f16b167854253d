//! How a bucket is reached: Flink's settings, else the environment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig};

use crate::crypto::OpenSsl;

/// Until a connection stands.
const CONNECT_TIMEOUT: &str = "5s";
/// For a request with its answer.
const REQUEST_TIMEOUT: &str = "60s";
/// What the client tries by itself; the caller goes on for as long as it wants.
const RETRIES: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(1),
        base: 2.0,
    },
    max_retries: 3,
    retry_timeout: Duration::from_secs(5),
};

/// A client of the bucket; says which setting is wrong. Nothing is sent yet.
pub fn client(bucket: &str, settings: &BTreeMap<String, String>) -> Result<AmazonS3, String> {
    let setting = |name: &str| settings.get(name).map(String::as_str);
    let given = [
        ("s3.access-key", AmazonS3ConfigKey::AccessKeyId),
        ("s3.secret-key", AmazonS3ConfigKey::SecretAccessKey),
        ("s3.session-token", AmazonS3ConfigKey::Token),
        ("s3.region", AmazonS3ConfigKey::Region),
    ];
    let mut builder = AmazonS3Builder::from_env();
    for (name, key) in given {
        if let Some(value) = setting(name) {
            builder = builder.with_config(key, value);
        }
    }
    let from_environment = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    let from_environment = from_environment.iter().find_map(|key| builder.get_config_value(key));
    if let Some(endpoint) = setting("s3.endpoint").map(str::to_owned).or(from_environment) {
        let is_path_style = is_path_style(setting("s3.path.style.access"))?;
        builder = with_endpoint(builder, &endpoint, bucket, is_path_style)?;
    }
    let client = builder
        .with_bucket_name(bucket)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout), CONNECT_TIMEOUT)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
        .with_retry(RETRIES)
        .with_disable_bulk_delete(true)
        .with_crypto_provider(Arc::new(OpenSsl))
        .build();
    client.map_err(|error| error.to_string())
}

/// Servers other than Amazon's rarely have a name for each bucket.
fn is_path_style(setting: Option<&str>) -> Result<bool, String> {
    match setting.map(str::to_ascii_lowercase).as_deref() {
        None | Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err("s3.path.style.access is true or false".to_owned()),
    }
}

fn with_endpoint(
    builder: AmazonS3Builder,
    endpoint: &str,
    bucket: &str,
    is_path_style: bool,
) -> Result<AmazonS3Builder, String> {
    let (scheme, host) = endpoint.split_once("://").unwrap_or(("https", endpoint));
    let is_plain = match scheme.to_ascii_lowercase().as_str() {
        "http" => true,
        "https" => false,
        _ => return Err(format!("s3.endpoint '{endpoint}' is no http or https address")),
    };
    let host = host.trim_end_matches('/');
    let address = match is_path_style {
        true => format!("{scheme}://{host}"),
        false => format!("{scheme}://{bucket}.{host}"),
    };
    Ok(builder
        .with_config(AmazonS3ConfigKey::S3Endpoint, address)
        .with_virtual_hosted_style_request(!is_path_style)
        .with_allow_http(is_plain))
}
