//! A file that is being uploaded in parts.

use std::sync::Arc;

use argus_base::{Error, Result};
use object_store::PutPayload;
use object_store::multipart::MultipartStore;
use object_store::path::Path;

use super::{Bucket, path};
use crate::filesystem::patience::Patience;
use crate::filesystem::place::NewFile;
use crate::filesystem::prepared::{Hidden, PreparedFile};

/// The upload of one object. Dropped before somebody else has it, it is ended.
pub struct S3File {
    bucket: Arc<Bucket>,
    folder: String,
    name: String,
    key: Path,
    patience: Patience,
    part_bytes: usize,
    /// What the next part begins with.
    buffer: Vec<u8>,
    /// `None` before the first part.
    upload: Option<String>,
    parts: Vec<String>,
    is_handed_over: bool,
}

impl S3File {
    /// A file of which nothing is sent yet.
    pub fn new(
        bucket: &Arc<Bucket>,
        folder: &str,
        name: &str,
        patience: &Patience,
        part_bytes: usize,
    ) -> Result<S3File> {
        Ok(S3File {
            key: bucket.key(&path(folder, name))?,
            bucket: Arc::clone(bucket),
            folder: folder.to_owned(),
            name: name.to_owned(),
            patience: patience.clone(),
            part_bytes,
            buffer: Vec::new(),
            upload: None,
            parts: Vec::new(),
            is_handed_over: false,
        })
    }

    fn begin(&mut self) -> Result<String> {
        if let Some(upload) = &self.upload {
            return Ok(upload.clone());
        }
        let (bucket, key) = (&self.bucket, &self.key);
        let upload = self.patience.insist(|| {
            let begun = bucket.wait(bucket.client.create_multipart(key));
            begun.map_err(|failure| bucket.failed("begin", key, failure))
        })?;
        Ok(self.upload.insert(upload).clone())
    }

    fn send(&mut self, part: Vec<u8>) -> Result<()> {
        let upload = self.begin()?;
        let payload = PutPayload::from(part);
        let (bucket, key, number) = (&self.bucket, &self.key, self.parts.len());
        let part = self.patience.insist(|| {
            let put = bucket.client.put_part(key, &upload, number, payload.clone());
            bucket.wait(put).map_err(|failure| bucket.failed("write", key, failure))
        })?;
        self.parts.push(part.content_id);
        Ok(())
    }

    /// The upload and its parts, which nobody ends any more.
    fn hand_over(&mut self) -> Result<(String, Vec<String>)> {
        let Some(upload) = self.upload.clone() else {
            return Err(Error::bug("a file of S3 is handed over that was not closed"));
        };
        self.is_handed_over = true;
        Ok((upload, std::mem::take(&mut self.parts)))
    }
}

impl NewFile for S3File {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= self.part_bytes {
            let rest = self.buffer.split_off(self.part_bytes);
            let part = std::mem::replace(&mut self.buffer, rest);
            self.send(part)?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let last = std::mem::take(&mut self.buffer);
        if last.is_empty() && !self.parts.is_empty() {
            return Ok(());
        }
        self.send(last)
    }

    /// The name was fixed when the file was begun.
    fn prepare(mut self: Box<Self>, _pending: &str, _visible: &str) -> Result<PreparedFile> {
        let (id, parts) = self.hand_over()?;
        Ok(PreparedFile {
            folder: self.folder.clone(),
            name: self.name.clone(),
            hidden: Hidden::Upload { id, parts },
            n_rows: 0,
        })
    }

    /// The name was fixed when the file was begun.
    fn publish(mut self: Box<Self>, first: u64, _name: &dyn Fn(u64) -> String) -> Result<u64> {
        let (id, parts) = self.hand_over()?;
        self.patience.insist(|| self.bucket.complete(&self.key, &id, &parts))?;
        Ok(first + 1)
    }
}

impl Drop for S3File {
    fn drop(&mut self) {
        let Some(upload) = self.upload.take().filter(|_| !self.is_handed_over) else { return };
        let (client, key) = (self.bucket.client.clone(), self.key.clone());
        // Nobody waits for it: what it does not end, the bucket's own rule will.
        drop(self.bucket.runtime.spawn(async move {
            let _left_to_the_bucket = client.abort_multipart(&key, &upload).await;
        }));
    }
}
