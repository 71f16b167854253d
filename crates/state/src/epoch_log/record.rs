//! A record of the epoch log as a file: a line `argus-epoch 1 <XXH3-64 of the rest>` and JSON.

use argus_base::commit::{CommitRecord, Generation, Incarnation};
use argus_base::id::CheckpointId;
use argus_base::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::framed::{Frame, hex};

/// Where all records lie.
pub(super) const FOLDER: &str = "epoch/";

const FRAME: Frame = Frame { name: "argus-epoch", version: 1, code: "AR5108" };

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Its number, from 1, which is its file's name too.
    pub number: u64,
    /// What it was written for.
    pub kind: RecordKind,
    /// Whose it is.
    pub generation: Generation,
    /// Tells the records of one worker from those of all others.
    pub token: u64,
    /// What is committed with it.
    pub committed: Option<CommitRecord>,
}

/// Why a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RecordKind {
    /// A worker has taken over.
    Takeover,
    /// A checkpoint is committed.
    Commit,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordForm {
    engine: String,
    number: u64,
    kind: RecordKind,
    generation: u64,
    #[serde(with = "hex")]
    token: u64,
    committed: Option<CommittedForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommittedForm {
    incarnation: String,
    checkpoint: u64,
    manifest_hash: String,
}

/// Path of the record of that number.
pub(super) fn path(number: u64) -> String {
    format!("{FOLDER}{number:020}")
}

/// The number of the record at a path; `None` for a path that is none.
pub(super) fn number_of(record_path: &str) -> Option<u64> {
    let number = record_path.strip_prefix(FOLDER)?.parse().ok()?;
    (path(number) == record_path).then_some(number)
}

impl Record {
    /// Whether the same worker wrote both.
    pub fn is_by_writer_of(&self, other: &Record) -> bool {
        (self.token, self.generation) == (other.token, other.generation)
    }

    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        let committed = self.committed.as_ref().map(|committed| CommittedForm {
            incarnation: committed.incarnation.as_str().to_owned(),
            checkpoint: committed.checkpoint.0,
            manifest_hash: committed.manifest_hash.clone(),
        });
        FRAME.encode(&RecordForm {
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            number: self.number,
            kind: self.kind,
            generation: self.generation.0,
            token: self.token,
            committed,
        })
    }

    /// Reads the file of that number.
    pub fn decode(number: u64, bytes: &[u8]) -> Result<Record> {
        let title = format!("record {}", path(number));
        let form: RecordForm = FRAME.decode(&title, bytes)?;
        let senseless = |what: &str| -> Error { FRAME.broken(&title, what) };
        if form.number != number {
            return Err(senseless("is that of another number"));
        }
        let committed = match form.committed {
            Some(committed) => Some(CommitRecord {
                incarnation: Incarnation::parse(&committed.incarnation)
                    .ok_or_else(|| senseless("names no incarnation"))?,
                checkpoint: CheckpointId(committed.checkpoint),
                manifest_hash: committed.manifest_hash,
            }),
            None => None,
        };
        let (kind, generation) = (form.kind, Generation(form.generation));
        Ok(Record { number, kind, generation, token: form.token, committed })
    }
}

#[cfg(test)]
mod tests {
    use argus_base::ErrorKind;

    use super::*;

    #[test]
    fn no_broken_byte_goes_unseen() {
        let incarnation = Incarnation::new(3);
        let (checkpoint, manifest_hash) = (CheckpointId(u64::MAX), "ab".repeat(16));
        let record = Record {
            number: 12,
            kind: RecordKind::Commit,
            generation: Generation(2),
            token: u64::MAX - 1,
            committed: Some(CommitRecord { incarnation, checkpoint, manifest_hash }),
        };
        let mut bytes = record.encode();
        assert_eq!(Record::decode(12, &bytes).unwrap(), record);
        let check = |number, bytes: &[u8]| match Record::decode(number, bytes) {
            Ok(found) => assert_eq!(found, record),
            Err(error) => {
                assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "AR5108"));
                assert!(error.to_string().contains(&path(number)), "{error}");
            }
        };
        check(13, &bytes);
        for at in 0..bytes.len() {
            check(12, &bytes[..at]);
            bytes[at] ^= 0x11;
            check(12, &bytes);
            bytes[at] ^= 0x11;
        }
    }

    #[test]
    fn paths_have_numbers() {
        assert_eq!(number_of(&path(7)), Some(7));
        assert_eq!(number_of("epoch/7"), None);
        assert_eq!(number_of("epoch/+0000000000000000007"), None);
        assert_eq!(number_of("manifest/00000000000000000007"), None);
    }
}
