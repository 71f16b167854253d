//! Where a checkpoint directory lies: what its text means, and how a job is called in there.

use std::path::PathBuf;

use argus_base::{Error, Result};
use xxhash_rust::xxh3::xxh3_128;

/// Schemes of S3: Flink's names for the same thing through different clients.
const S3_SCHEMES: [&str; 3] = ["s3", "s3a", "s3p"];
/// Longest name of a job in the store; file systems take 255 bytes.
const MAX_COMPONENT: usize = 200;
/// What is kept of a longer one, before the hash of all of it.
const KEPT_OF_LONG: usize = 160;

/// A checkpoint directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket, and in it the beginning of all paths: empty, or with a slash at its end.
    Bucket { bucket: String, prefix: String },
}

impl Place {
    /// Reads `execution.checkpointing.dir`.
    pub fn parse(dir: &str) -> Result<Place> {
        let Some((scheme, rest)) = split_scheme(dir) else {
            return folder(dir, dir.to_owned());
        };
        if scheme.eq_ignore_ascii_case("file") {
            return file_uri(dir, rest);
        }
        if S3_SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return bucket(dir, rest);
        }
        let known = "known are a path, file://, s3://, s3a:// and s3p://";
        Err(refused(dir, &format!("the scheme '{scheme}' is not known: {known}")))
    }
}

fn refused(dir: &str, why: &str) -> Error {
    Error::user("AR5103", format!("execution.checkpointing.dir '{dir}': {why}"))
}

/// Whether the text of a directory names a scheme.
pub(super) fn is_uri(dir: &str) -> bool {
    split_scheme(dir).is_some()
}

/// The scheme and what follows its colon, where there is one; `/a:b` and `a:b` have none.
fn split_scheme(dir: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = dir.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    (is_scheme && rest.starts_with('/')).then_some((scheme, rest))
}

/// `file:/a` or `file:///a`.
fn file_uri(dir: &str, rest: &str) -> Result<Place> {
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(after) => after.strip_prefix("localhost").unwrap_or(after),
    };
    if !path.starts_with('/') {
        return Err(refused(dir, "a host stands where the path should begin: file:///path"));
    }
    let decoded = decode(path).ok_or_else(|| refused(dir, "a % without two digits behind it"))?;
    folder(dir, decoded)
}

fn folder(dir: &str, path: String) -> Result<Place> {
    if path.trim().is_empty() || path.contains('\0') {
        return Err(refused(dir, "the path is empty or not one"));
    }
    Ok(Place::Folder(PathBuf::from(path)))
}

fn bucket(dir: &str, rest: &str) -> Result<Place> {
    let after = rest.strip_prefix("//").ok_or_else(|| refused(dir, "expected s3://bucket/path"))?;
    let (bucket, path) = after.split_once('/').unwrap_or((after, ""));
    if bucket.contains('@') {
        let shown = dir.rsplit_once('@').map_or(dir, |(_, after)| after);
        return Err(refused(shown, "keys are set with s3.access-key and s3.secret-key"));
    }
    if bucket.is_empty() {
        return Err(refused(dir, "the bucket is missing: s3://bucket/path"));
    }
    let parts = path.split('/').filter(|part| !part.is_empty());
    let mut prefix = String::new();
    for part in parts {
        if part == "." || part == ".." {
            return Err(refused(dir, "a path in a bucket has no . and no .."));
        }
        prefix.push_str(part);
        prefix.push('/');
    }
    Ok(Place::Bucket { bucket: bucket.to_owned(), prefix })
}

/// The percent-decoded text; `None` where it is malformed.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

/// A job's name as one component of a path: what is not of `[A-Za-z0-9._=-]`, and a dot in front,
/// is percent-encoded; the end of a long one becomes `~` and its hash.
pub(super) fn component(job: &str) -> String {
    let mut name = String::new();
    for byte in job.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"._=-".contains(&byte);
        if is_plain && !(byte == b'.' && name.is_empty()) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.is_empty() {
        return "~".to_owned();
    }
    if name.len() > MAX_COMPONENT {
        name.truncate(KEPT_OF_LONG);
        name.push_str(&format!("~{:032x}", xxh3_128(job.as_bytes())));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dir: &str, expected: &str) {
        let found = match Place::parse(dir) {
            Ok(Place::Folder(path)) => format!("folder {}", path.display()),
            Ok(Place::Bucket { bucket, prefix }) => format!("bucket {bucket} [{prefix}]"),
            Err(error) => format!("{} {:?}", error.code(), error.kind()),
        };
        assert_eq!(found, expected, "{dir}");
    }

    #[test]
    fn directories_are_read() {
        check("/var/argus", "folder /var/argus");
        check("checkpoints", "folder checkpoints");
        check("./a:b", "folder ./a:b");
        check("file:///var/my%20argus", "folder /var/my argus");
        check("file:/var/argus", "folder /var/argus");
        check("file://localhost/var", "folder /var");
        check("s3://bucket", "bucket bucket []");
        check("S3A://bucket//a/b/", "bucket bucket [a/b/]");
        check("s3p://bucket/a", "bucket bucket [a/]");
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        for dir in ["", " ", "file://host/a", "file:///%4", "s3:///a", "s3:/a", "s3://b/../a"] {
            check(dir, "AR5103 User");
        }
        let error = Place::parse("s3://key:secret@bucket/a").unwrap_err();
        assert!(!error.to_string().contains("secret@"), "{error}");
        let error = Place::parse("hdfs://name/a").unwrap_err();
        assert!(error.to_string().contains("'hdfs' is not known: known are"), "{error}");
    }

    #[test]
    fn a_job_is_one_component() {
        assert_eq!(component("order-totals_1.0"), "order-totals_1.0");
        assert_eq!(component("..a/b %"), "%2E.a%2Fb%20%25");
        assert_eq!(component("é"), "%C3%A9");
        assert_eq!(component(""), "~");
    }

    #[test]
    fn long_names_stay_apart() {
        let long = |last: &str| component(&("x".repeat(300) + last));
        assert_ne!(long("a"), long("b"));
        assert_eq!(long("a").len(), 193);
        assert_eq!(component(&"x".repeat(200)).len(), 200);
    }
}
