//! A bucket of S3 or of a server that speaks its language.
//!
//! A put if absent is a PUT with `If-None-Match: *`. The client repeats a request a few times by
//! itself, so that the answer `false` may come from an earlier attempt of the same call.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::ops::Range;

use argus_base::{Error, Result};
use argus_s3::Failure;
use futures_util::TryStreamExt;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    WriteMultipart,
};
use tokio::runtime::Runtime;

use super::{ObjectInfo, Storage, check_path, part};

/// Larger objects are uploaded in parts.
const MAX_PUT_BYTES: usize = 64 << 20;
/// Size of a part.
const PART_BYTES: usize = 16 << 20;
/// Parts of an object that are on their way at once.
const MAX_PARTS_AT_ONCE: usize = 4;

/// The store.
pub struct S3Storage {
    bucket: String,
    /// What all keys begin with; a slash at its end.
    prefix: String,
    client: AmazonS3,
    /// Of one thread, which serves the sockets; callers wait on threads of their own.
    runtime: Runtime,
}

impl fmt::Debug for S3Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Storage(s3://{}/{})", self.bucket, self.prefix)
    }
}

impl S3Storage {
    /// Opens a bucket below a prefix without a slash at its end. Nothing is sent yet.
    pub fn open(
        bucket: &str,
        prefix: &str,
        settings: &BTreeMap<String, String>,
    ) -> Result<S3Storage> {
        let client = argus_s3::client(bucket, settings)
            .map_err(|why| Error::user("AR5103", format!("the settings of S3: {why}")))?;
        let runtime =
            argus_s3::runtime().map_err(|error| Error::transient("AR9002", error.to_string()))?;
        let (bucket, prefix) = (bucket.to_owned(), format!("{prefix}/"));
        Ok(S3Storage { bucket, prefix, client, runtime })
    }

    fn key(&self, path: &str) -> Result<Path> {
        check_path(path)?;
        let key = Path::parse(format!("{}{path}", self.prefix));
        key.map_err(|error| Error::user("AR5103", format!("no key of S3: {error}")))
    }

    /// Waits for the answer.
    fn wait<T>(
        &self,
        answer: impl Future<Output = object_store::Result<T>>,
    ) -> std::result::Result<T, Failure> {
        self.runtime.block_on(answer).map_err(Failure::of)
    }

    /// The error of a call.
    fn failed(&self, doing: &str, path: &str, failure: Failure) -> Error {
        error(&format!("{doing} s3://{}/{}{path}", self.bucket, self.prefix), failure)
    }
}

impl Storage for S3Storage {
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let key = self.key(path)?;
        let done = match bytes.len() <= MAX_PUT_BYTES {
            true => self.wait(self.client.put(&key, payload(bytes))).map(|_| ()),
            false => self.wait(put_parts(&self.client, &key, bytes)),
        };
        done.map_err(|failure| self.failed("write", path, failure))
    }

    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        let key = self.key(path)?;
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.wait(self.client.put_opts(&key, payload(bytes), create)) {
            Ok(_) => Ok(true),
            Err(Failure::Exists) => Ok(false),
            Err(failure) => Err(self.failed("create", path, failure)),
        }
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let key = self.key(path)?;
        let answer = async { self.client.get(&key).await?.bytes().await };
        match self.wait(answer) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(Failure::Missing) => Ok(None),
            Err(failure) => Err(self.failed("read", path, failure)),
        }
    }

    fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        let key = self.key(path)?;
        // No request can ask for no byte.
        let asked = range.start..range.end.max(range.start.saturating_add(1));
        let asked = Some(GetRange::Bounded(asked));
        let options = GetOptions { range: asked, ..GetOptions::default() };
        let answer = async { self.client.get_opts(&key, options).await?.bytes().await };
        match self.wait(answer) {
            Ok(bytes) => Ok(Some(part(&bytes, 0..range.end.saturating_sub(range.start)))),
            Err(Failure::BehindTheEnd) => Ok(Some(Vec::new())),
            Err(Failure::NotPartial) => Ok(self.get(path)?.map(|bytes| part(&bytes, range))),
            Err(Failure::Missing) => Ok(None),
            Err(failure) => Err(self.failed("read a part of", path, failure)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let folder = self.key(prefix.rsplit_once('/').map_or("", |(folder, _)| folder))?;
        let found: std::result::Result<Vec<_>, Failure> =
            self.wait(self.client.list(Some(&folder)).try_collect());
        let found = found.map_err(|failure| self.failed("list", prefix, failure))?;
        let objects = found.into_iter().filter_map(|object| {
            let path = object.location.as_ref().strip_prefix(&self.prefix)?.to_owned();
            path.starts_with(prefix).then_some(ObjectInfo { path, n_bytes: object.size })
        });
        let mut objects: Vec<ObjectInfo> = objects.collect();
        objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    fn delete(&self, path: &str) -> Result<()> {
        let key = self.key(path)?;
        match self.wait(self.client.delete(&key)) {
            Ok(()) | Err(Failure::Missing) => Ok(()),
            Err(failure) => Err(self.failed("delete", path, failure)),
        }
    }
}

/// The error to tell.
fn error(doing: &str, failure: Failure) -> Error {
    let tell = |message: &str| format!("{doing}: {message}");
    match failure {
        Failure::Refused(message) => Error::user("AR5102", tell(&message)),
        Failure::NotImplemented(message) => Error::user("AR5104", tell(&message)),
        Failure::Away(message) => Error::transient("AR5101", tell(&message)),
        Failure::Missing => Error::user("AR5102", tell("the server says that it is missing")),
        Failure::Exists => Error::transient("AR5101", tell("the server says that it exists")),
        Failure::BehindTheEnd => Error::transient("AR5101", tell("the object is too short")),
        Failure::NotPartial => Error::transient("AR5101", tell("the server sent all of it")),
    }
}

fn payload(bytes: &[u8]) -> PutPayload {
    PutPayload::from(bytes.to_vec())
}

/// Uploads a large object; what was uploaded of it is dropped where that fails.
async fn put_parts(client: &AmazonS3, key: &Path, bytes: &[u8]) -> object_store::Result<()> {
    let upload = client.put_multipart(key).await?;
    let mut writer = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
    for part in bytes.chunks(PART_BYTES) {
        if let Err(error) = writer.wait_for_capacity(MAX_PARTS_AT_ONCE).await {
            writer.abort().await?;
            return Err(error);
        }
        writer.write(part);
    }
    writer.finish().await.map(|_| ())
}

#[cfg(test)]
mod s3_tests;
