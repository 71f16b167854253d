//! Java client security properties, said in librdkafka's words.
//!
//! What the protocol does not use is not looked at: with PLAINTEXT an unfinished JAAS line or a
//! trust store of the wrong type does no harm, as scripts with one set of variables for every
//! environment expect.

use std::collections::BTreeMap;

use super::jaas;

/// Client properties by Java name, without `properties.` in front.
pub type Properties = BTreeMap<String, String>;

/// Why a security property is refused. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Java name of the property.
    pub property: &'static str,
    /// What was expected.
    pub problem: String,
}

/// librdkafka settings, in order.
pub type Settings = Vec<(&'static str, String)>;

/// Whether this module answers for the property.
pub fn owns(property: &str) -> bool {
    property == "security.protocol"
        || property.starts_with("sasl.")
        || property.starts_with("ssl.")
        || property.starts_with("security.")
}

/// Properties that [`translate`] reads, and those without which it does the same.
const KNOWN: [&str; 16] = [
    "security.protocol",
    "sasl.mechanism",
    "sasl.jaas.config",
    "sasl.kerberos.service.name",
    "ssl.truststore.type",
    "ssl.truststore.location",
    "ssl.truststore.certificates",
    "ssl.truststore.password",
    "ssl.keystore.type",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.key",
    "ssl.keystore.certificate.chain",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
    "ssl.protocol",
];

/// Security properties without a counterpart, where security is asked for.
pub fn ignored(properties: &Properties) -> Vec<String> {
    let protocol = written(properties, "security.protocol").unwrap_or("PLAINTEXT");
    if protocol.eq_ignore_ascii_case("PLAINTEXT") {
        return Vec::new();
    }
    let names = properties.keys().filter(|name| owns(name) && !KNOWN.contains(&name.as_str()));
    names.cloned().collect()
}

/// Translates all security properties.
pub fn translate(properties: &Properties) -> Result<Settings, Refusal> {
    let protocol = written(properties, "security.protocol").unwrap_or("PLAINTEXT");
    let protocol = protocol.to_ascii_uppercase();
    let (has_sasl, has_ssl) = match protocol.as_str() {
        "PLAINTEXT" => (false, false),
        "SSL" => (false, true),
        "SASL_PLAINTEXT" => (true, false),
        "SASL_SSL" => (true, true),
        _ => {
            let problem = "expected PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL";
            return Err(refusal("security.protocol", problem));
        }
    };
    let mut settings = vec![("security.protocol", protocol.to_ascii_lowercase())];
    if has_sasl {
        sasl(properties, &mut settings)?;
    }
    if has_ssl {
        trust(properties, &mut settings)?;
        identity(properties, &mut settings)?;
        endpoint(properties, &mut settings)?;
    }
    Ok(settings)
}

fn written<'a>(properties: &'a Properties, name: &str) -> Option<&'a str> {
    properties.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn refusal(property: &'static str, problem: impl Into<String>) -> Refusal {
    Refusal { property, problem: problem.into() }
}

fn sasl(properties: &Properties, settings: &mut Settings) -> Result<(), Refusal> {
    let mechanism = written(properties, "sasl.mechanism").unwrap_or("GSSAPI");
    let module = match mechanism {
        "PLAIN" => "PlainLoginModule",
        "SCRAM-SHA-256" | "SCRAM-SHA-512" => "ScramLoginModule",
        _ => {
            let problem = format!(
                "the mechanism {mechanism} is not supported yet; use PLAIN, SCRAM-SHA-256 or \
                 SCRAM-SHA-512"
            );
            return Err(refusal("sasl.mechanism", problem));
        }
    };
    let jaas_refusal = |problem: String| refusal("sasl.jaas.config", problem);
    let line = written(properties, "sasl.jaas.config").ok_or_else(|| {
        jaas_refusal(format!("needed by {mechanism}: '…{module} required username=\"…\" …;'"))
    })?;
    let config = jaas::parse(line).map_err(jaas_refusal)?;
    if config.module != module {
        let found = config.module;
        return Err(jaas_refusal(format!("expected a {module} for {mechanism}, found {found}")));
    }
    if config.option("tokenauth").is_some_and(|value| value == "true") {
        return Err(jaas_refusal("delegation tokens are not supported yet".into()));
    }
    let credential = |name: &str| {
        let value = config.option(name).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| jaas_refusal(format!("has no {name}")))?;
        Ok(value.to_owned())
    };
    settings.push(("sasl.mechanisms", mechanism.to_owned()));
    settings.push(("sasl.username", credential("username")?));
    settings.push(("sasl.password", credential("password")?));
    Ok(())
}

/// How a store of certificates or keys is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StoreType {
    Pem,
    Pkcs12,
    Jks,
}

/// The type as written; else what the file's name says; else Java's default.
fn store_type(
    properties: &Properties,
    type_property: &'static str,
    location: Option<&str>,
) -> Result<StoreType, Refusal> {
    let Some(name) = written(properties, type_property) else {
        let has_end = |end: &str| location.is_some_and(|path| path.ends_with(end));
        return Ok(match () {
            () if has_end(".pem") || has_end(".crt") || location.is_none() => StoreType::Pem,
            () if has_end(".p12") || has_end(".pfx") => StoreType::Pkcs12,
            () => StoreType::Jks,
        });
    };
    match name.to_ascii_uppercase().as_str() {
        "PEM" => Ok(StoreType::Pem),
        "PKCS12" => Ok(StoreType::Pkcs12),
        "JKS" => Ok(StoreType::Jks),
        _ => Err(refusal(type_property, "expected PEM, PKCS12 or JKS")),
    }
}

fn trust(properties: &Properties, settings: &mut Settings) -> Result<(), Refusal> {
    let location = written(properties, "ssl.truststore.location");
    let certificates = written(properties, "ssl.truststore.certificates");
    if location.is_none() && certificates.is_none() {
        return Ok(());
    }
    if store_type(properties, "ssl.truststore.type", location)? != StoreType::Pem {
        let problem = "only PEM trust stores can be read; convert it with 'keytool -exportcert \
                       -rfc' and set 'properties.ssl.truststore.type' = 'PEM'";
        return Err(refusal("ssl.truststore.type", problem));
    }
    match (certificates, location) {
        (Some(pem), _) => settings.push(("ssl.ca.pem", pem.to_owned())),
        (None, Some(path)) => settings.push(("ssl.ca.location", path.to_owned())),
        (None, None) => {}
    }
    Ok(())
}

fn identity(properties: &Properties, settings: &mut Settings) -> Result<(), Refusal> {
    let location = written(properties, "ssl.keystore.location");
    let key = written(properties, "ssl.keystore.key");
    let chain = written(properties, "ssl.keystore.certificate.chain");
    match (location, key, chain) {
        (None, None, None) => return Ok(()),
        (_, Some(key), Some(chain)) => {
            settings.push(("ssl.key.pem", key.to_owned()));
            settings.push(("ssl.certificate.pem", chain.to_owned()));
        }
        (_, None, Some(_)) => return Err(refusal("ssl.keystore.key", KEY_AND_CHAIN)),
        (_, Some(_), None) => return Err(refusal("ssl.keystore.certificate.chain", KEY_AND_CHAIN)),
        (Some(path), None, None) => key_store(properties, path, settings)?,
    }
    if let Some(password) = written(properties, "ssl.key.password") {
        settings.push(("ssl.key.password", password.to_owned()));
    }
    Ok(())
}

const KEY_AND_CHAIN: &str =
    "'ssl.keystore.key' and 'ssl.keystore.certificate.chain' must be written together";

fn key_store(properties: &Properties, path: &str, settings: &mut Settings) -> Result<(), Refusal> {
    match store_type(properties, "ssl.keystore.type", Some(path))? {
        StoreType::Pem => {
            settings.push(("ssl.key.location", path.to_owned()));
            settings.push(("ssl.certificate.location", path.to_owned()));
        }
        StoreType::Pkcs12 => {
            settings.push(("ssl.keystore.location", path.to_owned()));
            let password = written(properties, "ssl.keystore.password").unwrap_or_default();
            settings.push(("ssl.keystore.password", password.to_owned()));
        }
        StoreType::Jks => {
            let problem = "JKS key stores cannot be read; convert it to PEM or PKCS12 and say so \
                           in 'properties.ssl.keystore.type'";
            return Err(refusal("ssl.keystore.type", problem));
        }
    }
    Ok(())
}

fn endpoint(properties: &Properties, settings: &mut Settings) -> Result<(), Refusal> {
    let Some(algorithm) = properties.get("ssl.endpoint.identification.algorithm") else {
        return Ok(());
    };
    let algorithm = match algorithm.trim().to_ascii_lowercase().as_str() {
        "" | "none" => "none",
        "https" => "https",
        _ => {
            let problem = "expected https, or nothing to switch the check off";
            return Err(refusal("ssl.endpoint.identification.algorithm", problem));
        }
    };
    settings.push(("ssl.endpoint.identification.algorithm", algorithm.to_owned()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &[(&str, &str)]) -> Result<String, String> {
        let properties =
            written.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let settings = translate(&properties)
            .map_err(|refusal| format!("{}: {}", refusal.property, refusal.problem))?;
        let lines: Vec<String> =
            settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(lines.join(" "))
    }

    const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required \
                         username=\"alice\" password=\"it's; \\\"good\\\"\";";

    #[test]
    fn plaintext_looks_at_nothing_else() {
        let harmless = [
            ("security.protocol", "PLAINTEXT"),
            ("sasl.mechanism", "NO-SUCH"),
            ("sasl.jaas.config", "nonsense"),
            ("ssl.truststore.type", "JKS"),
            ("ssl.truststore.location", "/x.jks"),
        ];
        assert_eq!(check(&harmless), Ok("security.protocol=plaintext".into()));
        assert_eq!(check(&[]), Ok("security.protocol=plaintext".into()));
    }

    #[test]
    fn sasl() {
        let settings = check(&[
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-256"),
            ("sasl.jaas.config", SCRAM),
            ("ssl.truststore.location", ""),
        ]);
        let expected = "security.protocol=sasl_ssl sasl.mechanisms=SCRAM-SHA-256 \
                        sasl.username=alice sasl.password=it's; \"good\"";
        assert_eq!(settings, Ok(expected.into()));
        let error = check(&[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.jaas.config", SCRAM),
        ]);
        let expected =
            "sasl.jaas.config: expected a PlainLoginModule for PLAIN, found ScramLoginModule";
        assert_eq!(error, Err(expected.into()));
        let error = check(&[("security.protocol", "SASL_SSL")]).unwrap_err();
        assert!(error.contains("GSSAPI is not supported yet"), "{error}");
        let error = check(&[
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.jaas.config", "x.PlainLoginModule required username=\"a\" password=\"\";"),
        ]);
        assert_eq!(error, Err("sasl.jaas.config: has no password".into()));
    }

    #[test]
    fn stores() {
        let settings = check(&[
            ("security.protocol", "SSL"),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", "/ca"),
            ("ssl.keystore.type", "PKCS12"),
            ("ssl.keystore.location", "/me.p12"),
            ("ssl.keystore.password", "changeit"),
            ("ssl.endpoint.identification.algorithm", ""),
        ]);
        let expected = "security.protocol=ssl ssl.ca.location=/ca ssl.keystore.location=/me.p12 \
                        ssl.keystore.password=changeit ssl.endpoint.identification.algorithm=none";
        assert_eq!(settings, Ok(expected.into()));
        let settings = check(&[
            ("security.protocol", "ssl"),
            ("ssl.truststore.certificates", "CA"),
            ("ssl.keystore.key", "KEY"),
            ("ssl.keystore.certificate.chain", "CHAIN"),
            ("ssl.key.password", "secret"),
        ]);
        let expected = "security.protocol=ssl ssl.ca.pem=CA ssl.key.pem=KEY \
                        ssl.certificate.pem=CHAIN ssl.key.password=secret";
        assert_eq!(settings, Ok(expected.into()));
        for store in ["/trust.jks", "/trust.p12"] {
            let error = check(&[("security.protocol", "SSL"), ("ssl.truststore.location", store)]);
            assert!(error.unwrap_err().contains("only PEM trust stores"), "{store}");
        }
    }
}
