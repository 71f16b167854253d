//! The `path` option: a local path, or a place in a bucket.

use std::path::PathBuf;

/// Schemes of buckets in Flink.
const S3_SCHEMES: [&str; 3] = ["s3", "s3a", "s3p"];

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Into the file system.
    Local(PathBuf),
    /// Into a bucket of S3.
    S3 {
        /// Its name.
        bucket: String,
        /// What keys begin with; empty, or a slash at its end.
        prefix: String,
    },
}

impl Location {
    /// Reads a plain path or a URI; says why where it is neither.
    pub fn parse(path: &str) -> Result<Location, String> {
        let Some((scheme, rest)) = path.split_once(':') else {
            return local(path).map(Location::Local);
        };
        if !S3_SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
            return local(path).map(Location::Local);
        }
        let expected = || "expected s3://bucket/path".to_owned();
        let rest = rest.strip_prefix("//").ok_or_else(expected)?;
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') {
            return Err("keys are set with s3.access-key and s3.secret-key".to_owned());
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if bucket.is_empty() || parts.iter().any(|part| matches!(*part, "." | "..")) {
            return Err(expected());
        }
        let prefix = parts.iter().map(|part| format!("{part}/")).collect();
        Ok(Location::S3 { bucket: bucket.to_owned(), prefix })
    }
}

/// The local path of a plain path or a `file:` URI; says why where it is neither.
pub fn local(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() {
        return Err("expected a path".to_owned());
    }
    let Some((scheme, rest)) = path.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return Ok(PathBuf::from(path));
    };
    if !scheme.eq_ignore_ascii_case("file") {
        let known = "file:// is, and s3:// for writing";
        return Err(format!("the scheme '{scheme}' is not supported; {known}"));
    }
    let Some(after_slashes) = rest.strip_prefix("//") else { return Ok(PathBuf::from(rest)) };
    let on_host = after_slashes.strip_prefix("localhost").unwrap_or(after_slashes);
    if !on_host.starts_with('/') {
        return Err("expected file:///absolute/path".to_owned());
    }
    Ok(PathBuf::from(on_host))
}

/// One letter is no scheme but a name; so is a text with other characters.
fn is_scheme(text: &str) -> bool {
    let all_allowed = text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    text.len() > 1 && all_allowed && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_uris() {
        for (text, path) in [
            ("/a/b", "/a/b"),
            ("a/b:c", "a/b:c"),
            ("file:///a/b", "/a/b"),
            ("file:/a/b", "/a/b"),
            ("file://localhost/a", "/a"),
        ] {
            assert_eq!(local(text), Ok(PathBuf::from(path)), "{text}");
        }
        assert!(local("").is_err());
        assert!(local("s3://bucket/key").unwrap_err().contains("'s3'"));
        assert!(local("file://host/a").is_err());
        assert_eq!(Location::parse("a:b"), Ok(Location::Local("a:b".into())));
    }

    #[test]
    fn buckets() {
        for (text, prefix) in [
            ("s3://b", ""),
            ("s3a://b/", ""),
            ("S3p://b/a//c/", "a/c/"),
            ("s3://b/a b%/ü", "a b%/ü/"),
        ] {
            let (bucket, prefix) = ("b".to_owned(), prefix.to_owned());
            assert_eq!(Location::parse(text), Ok(Location::S3 { bucket, prefix }), "{text}");
        }
        for wrong in ["s3:b", "s3:///a", "s3://b/../c", "s3://key:secret@b/a"] {
            let error = Location::parse(wrong).unwrap_err();
            assert!(!error.contains("secret@"), "{error}");
        }
    }
}
