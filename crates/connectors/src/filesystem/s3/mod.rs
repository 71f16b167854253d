//! Files below a prefix of a bucket.
//!
//! A file is an upload in parts, of which nobody sees anything until it is completed, and which is
//! completed by its commit. An upload that no checkpoint knows of stays until the bucket's own
//! rule for incomplete uploads ends it, since a bucket cannot say whose an upload is.

mod file;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use argus_base::{Error, Result};
use argus_s3::Failure;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tokio::runtime::Runtime;

use super::code;
use super::local::lost;
use super::patience::Patience;
use super::place::{NewFile, NewNames, Place};
use super::prepared::{Hidden, PreparedFile, path};
use file::S3File;

/// A part holds at least as much, but for the last one of a file.
const LEAST_PART_BYTES: usize = 8 << 20;
/// Parts of a file that has its greatest size; a server takes 10,000.
const MAX_PARTS: u64 = 5_000;
/// Each holds a part in memory.
const MAX_OPEN_FILES: usize = 32;

/// A prefix of a bucket.
pub struct S3Place {
    bucket: Arc<Bucket>,
    part_bytes: usize,
}

/// A bucket and its client.
struct Bucket {
    name: String,
    /// What all keys begin with; empty, or a slash at its end.
    prefix: String,
    client: AmazonS3,
    runtime: Runtime,
}

impl S3Place {
    /// The place below a prefix, which is empty or ends with a slash. Nothing is sent yet.
    pub fn new(
        name: &str,
        prefix: &str,
        settings: &BTreeMap<String, String>,
        max_file_bytes: u64,
    ) -> Result<S3Place> {
        let client = argus_s3::client(name, settings)
            .map_err(|why| Error::user(code::REFUSED, format!("the settings of S3: {why}")))?;
        let runtime =
            argus_s3::runtime().map_err(|error| Error::transient("AR9002", error.to_string()))?;
        let (name, prefix) = (name.to_owned(), prefix.to_owned());
        let least = usize::try_from(max_file_bytes / MAX_PARTS).unwrap_or(LEAST_PART_BYTES);
        Ok(S3Place {
            bucket: Arc::new(Bucket { name, prefix, client, runtime }),
            part_bytes: least.max(LEAST_PART_BYTES),
        })
    }
}

impl Bucket {
    fn key(&self, path: &str) -> Result<Path> {
        let key = Path::parse(format!("{}{path}", self.prefix));
        key.map_err(|error| Error::user(code::REFUSED, format!("no key of S3: {error}")))
    }

    /// Waits for the answer.
    fn wait<T>(
        &self,
        answer: impl Future<Output = object_store::Result<T>>,
    ) -> std::result::Result<T, Failure> {
        self.runtime.block_on(answer).map_err(Failure::of)
    }

    fn failed(&self, doing: &str, key: &Path, failure: Failure) -> Error {
        let doing = format!("{doing} s3://{}/{key}", self.name);
        match failure {
            Failure::Away(message) => Error::transient(code::AWAY, format!("{doing}: {message}")),
            Failure::Refused(message) | Failure::NotImplemented(message) => {
                Error::user(code::REFUSED, format!("{doing}: {message}"))
            }
            other => Error::user(code::REFUSED, format!("{doing}: {other:?}")),
        }
    }

    fn put(&self, key: &Path, bytes: &[u8], mode: PutMode) -> std::result::Result<(), Failure> {
        let payload = PutPayload::from(bytes.to_vec());
        self.wait(self.client.put_opts(key, payload, mode.into())).map(drop)
    }

    /// Completes an upload; one that was completed before stays as it is.
    fn complete(&self, key: &Path, id: &str, parts: &[String]) -> Result<()> {
        let part = |id: &String| PartId { content_id: id.clone() };
        let parts = parts.iter().map(part).collect();
        match self.wait(self.client.complete_multipart(key, &id.to_owned(), parts)) {
            Ok(_) => Ok(()),
            Err(Failure::Missing) => self.must_be_there(key, id),
            Err(failure) => Err(self.failed("complete", key, failure)),
        }
    }

    /// The upload is gone: it was completed, else its file is lost.
    fn must_be_there(&self, key: &Path, id: &str) -> Result<()> {
        match self.wait(self.client.head(key)) {
            Ok(_) => Ok(()),
            Err(Failure::Missing) => {
                Err(lost(&format!("s3://{}/{key}", self.name), &format!("the upload {id}")))
            }
            Err(failure) => Err(self.failed("look for", key, failure)),
        }
    }
}

impl Place for S3Place {
    fn name(&self) -> String {
        format!("s3 s3://{}/{}", self.bucket.name, self.bucket.prefix)
    }

    /// Sees whether the bucket is there and may be read.
    fn make(&self) -> Result<()> {
        self.read(".argus").map(drop)
    }

    fn max_open_files(&self) -> usize {
        MAX_OPEN_FILES
    }

    fn create(
        &self,
        folder: &str,
        names: &NewNames,
        patience: &Patience,
    ) -> Result<Box<dyn NewFile>> {
        let file = S3File::new(&self.bucket, folder, &names.fixed, patience, self.part_bytes)?;
        Ok(Box::new(file))
    }

    fn publish(&self, file: &PreparedFile) -> Result<()> {
        let Hidden::Upload { id, parts } = &file.hidden else {
            return Err(Error::bug("a bucket was given a hidden file"));
        };
        self.bucket.complete(&self.bucket.key(&file.path())?, id, parts)
    }

    fn settle(&self, _folders: &[&str]) -> Result<()> {
        Ok(())
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let key = self.bucket.key(path)?;
        let answer = async { self.bucket.client.get(&key).await?.bytes().await };
        match self.bucket.wait(answer) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(Failure::Missing) => Ok(None),
            Err(failure) => Err(self.bucket.failed("read", &key, failure)),
        }
    }

    fn write_new(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        let key = self.bucket.key(path)?;
        match self.bucket.put(&key, bytes, PutMode::Create) {
            Ok(()) => Ok(true),
            Err(Failure::Exists) => Ok(false),
            Err(failure) => Err(self.bucket.failed("write", &key, failure)),
        }
    }

    fn touch(&self, path: &str) -> Result<()> {
        let key = self.bucket.key(path)?;
        let done = self.bucket.put(&key, &[], PutMode::Overwrite);
        done.map_err(|failure| self.bucket.failed("write", &key, failure))
    }

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let key = self.bucket.key(folder)?;
        let found = self.bucket.wait(self.bucket.client.list_with_delimiter(Some(&key)));
        let found = found.map_err(|failure| self.bucket.failed("list", &key, failure))?;
        let names = found.objects.iter().filter_map(|object| object.location.filename());
        Ok(names.map(str::to_owned).collect())
    }

    fn hidden_files(&self, _depth: usize) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn remove(&self, path: &str) -> Result<()> {
        let key = self.bucket.key(path)?;
        match self.bucket.wait(self.bucket.client.delete(&key)) {
            Ok(()) | Err(Failure::Missing) => Ok(()),
            Err(failure) => Err(self.bucket.failed("delete", &key, failure)),
        }
    }
}

#[cfg(test)]
mod tests;
