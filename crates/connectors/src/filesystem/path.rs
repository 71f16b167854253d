//! The `path` option as a local path.

use std::path::PathBuf;

/// The local path of a plain path or a `file:` URI; says why where it is neither.
pub fn local(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() {
        return Err("expected a path".to_owned());
    }
    let Some((scheme, rest)) = path.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return Ok(PathBuf::from(path));
    };
    if !scheme.eq_ignore_ascii_case("file") {
        return Err(format!("the scheme '{scheme}' is not supported; only local files are"));
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
    }
}
