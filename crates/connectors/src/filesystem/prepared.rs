//! Files that are complete and hidden, and the note by which a committer finds them.

use argus_base::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::code;

/// A file that waits for its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedFile {
    /// Its partition's folder below the table's; empty without partitions.
    pub folder: String,
    /// The name under which it becomes visible.
    pub name: String,
    /// Where it is until then.
    pub hidden: Hidden,
    /// Rows in it.
    pub n_rows: u64,
}

/// Where a file is that nobody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// In its folder under that name.
    File(String),
    /// In an upload that was not completed.
    Upload {
        /// The bucket's name of the upload.
        id: String,
        /// The bucket's names of the parts, in order.
        parts: Vec<String>,
    },
}

impl PreparedFile {
    /// Its path below the table's folder when it is visible.
    pub fn path(&self) -> String {
        path(&self.folder, &self.name)
    }

    fn to_json(&self) -> Value {
        let mut json = json!({ "folder": self.folder, "name": self.name, "rows": self.n_rows });
        match &self.hidden {
            Hidden::File(name) => json["hidden"] = json!(name),
            Hidden::Upload { id, parts } => {
                json["upload"] = json!(id);
                json["parts"] = json!(parts);
            }
        }
        json
    }

    fn from_json(json: &Value) -> Option<PreparedFile> {
        let text = |key: &str| json.get(key)?.as_str().map(str::to_owned);
        let hidden = match (text("hidden"), text("upload")) {
            (Some(name), None) => Hidden::File(name),
            (None, Some(id)) => {
                let parts = json.get("parts")?.as_array()?.iter();
                let parts = parts.map(|part| part.as_str().map(str::to_owned));
                Hidden::Upload { id, parts: parts.collect::<Option<_>>()? }
            }
            _ => return None,
        };
        let n_rows = json.get("rows")?.as_u64()?;
        Some(PreparedFile { folder: text("folder")?, name: text("name")?, hidden, n_rows })
    }
}

/// A path below the table's folder.
pub fn path(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The note of an epoch's files.
pub fn note(files: &[PreparedFile]) -> String {
    let files: Vec<Value> = files.iter().map(PreparedFile::to_json).collect();
    json!({ "files": files }).to_string()
}

/// The files of a note.
pub fn files_of(note: &str) -> Result<Vec<PreparedFile>> {
    let json: Option<Value> = serde_json::from_str(note).ok();
    let files = json.as_ref().and_then(|json| json.get("files")?.as_array());
    let files = files.and_then(|files| files.iter().map(PreparedFile::from_json).collect());
    files.ok_or_else(|| {
        let message = "the checkpoint's note of written files cannot be read".to_owned();
        Error::new(ErrorKind::Corrupt, code::LOST_FILE, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_as_they_were_written() {
        let file = |folder: &str, hidden| PreparedFile {
            folder: folder.to_owned(),
            name: "part \"1\"".to_owned(),
            hidden,
            n_rows: 7,
        };
        let parts = vec!["\"etag\"".to_owned(), "b".to_owned()];
        let files = vec![
            file("", Hidden::File(".hidden".to_owned())),
            file("a=1/b=ü", Hidden::Upload { id: "x".to_owned(), parts }),
        ];
        assert_eq!(files_of(&note(&files)).unwrap(), files);
        assert_eq!(files[1].path(), "a=1/b=ü/part \"1\"");
        for wrong in ["", "{}", "{\"files\": [{}]}"] {
            assert_eq!(files_of(wrong).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}
