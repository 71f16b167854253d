//! The blocking half of a writer of files: one open file a partition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use argus_base::commit::Prepared;
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::{Batch, Error, Result};
use arrow_array::{ArrayRef, UInt64Array};

use super::hidden::{FileNumber, Names};
use super::part_file::{ClosedPart, PartFile};
use super::partition;
use super::patience::Patience;
use super::place::NewNames;
use super::prepared::note;
use super::sink::Target;
use crate::background::Worker;

/// Writes one subtask's rows.
pub struct FolderWriter {
    target: Arc<Target>,
    subtask: SubtaskIndex,
    patience: Patience,
    visibility: Visibility,
    /// By partition folder, relative to the table's; empty without partitions.
    open: BTreeMap<String, PartFile>,
    closed: Vec<ClosedPart>,
}

/// When files become visible.
pub enum Visibility {
    /// When their epoch is committed.
    ByEpoch(Names),
    /// At the end of the input.
    AtTheEnd,
}

impl FolderWriter {
    /// A writer that has written nothing.
    pub fn new(
        target: Arc<Target>,
        subtask: SubtaskIndex,
        patience: Patience,
        visibility: Visibility,
    ) -> FolderWriter {
        let (open, closed) = (BTreeMap::new(), Vec::new());
        FolderWriter { target, subtask, patience, visibility, open, closed }
    }

    fn rows_of_partitions(
        &self,
        columns: &[ArrayRef],
        n_rows: usize,
    ) -> BTreeMap<String, Vec<u64>> {
        let mut rows: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for row in 0..n_rows {
            let folders = self.target.key_columns.iter().map(|&column| {
                let field = &self.target.fields[column];
                let name = self.target.partition_name(column, columns[column].as_ref(), row);
                partition::folder(&field.name, &name)
            });
            let folder = folders.collect::<Vec<_>>().join("/");
            rows.entry(folder).or_default().push(row as u64);
        }
        rows
    }

    /// `columns` are the table's, of one partition.
    fn write_rows(&mut self, folder: &str, columns: &[ArrayRef], n_rows: usize) -> Result<()> {
        let body: Vec<ArrayRef> =
            self.target.body_columns.iter().map(|column| Arc::clone(&columns[*column])).collect();
        let target = Arc::clone(&self.target);
        let part = self.part(folder)?;
        let before = part.n_bytes();
        let failures = part.write(&body, n_rows)?;
        target.n_bytes.add(part.n_bytes() - before);
        let age = target.env.elapsed().saturating_sub(part.opened_at());
        let is_full = part.n_bytes() >= target.max_file_bytes || age >= target.max_file_age;
        target.judge(&failures)?;
        if is_full && let Some(part) = self.open.remove(folder) {
            self.closed.push(part.close()?);
        }
        Ok(())
    }

    fn part(&mut self, folder: &str) -> Result<&mut PartFile> {
        if !self.open.contains_key(folder) {
            self.make_room()?;
            let random = self.target.env.random();
            let subtask = self.subtask.0;
            let names = match &self.visibility {
                Visibility::ByEpoch(names) => NewNames {
                    hidden: names.in_progress(self.subtask, random),
                    fixed: names.fixed(self.subtask, random),
                },
                Visibility::AtTheEnd => NewNames {
                    hidden: format!(".part-{subtask}.inprogress-{random:016x}"),
                    fixed: format!("part-{subtask}-{random:016x}"),
                },
            };
            let target = &self.target;
            let file = target.place.create(folder, &names, &self.patience)?;
            let part = PartFile::new(folder, file, target.file_writer()?, target.env.elapsed());
            self.open.insert(folder.to_owned(), part);
        }
        self.open.get_mut(folder).ok_or_else(|| Error::bug("a file was just opened"))
    }

    /// Closes the file that was begun first where there are as many as may be.
    fn make_room(&mut self) -> Result<()> {
        if self.open.len() < self.target.place.max_open_files() {
            return Ok(());
        }
        let oldest = self.open.iter().min_by_key(|(_, part)| part.opened_at());
        let Some(folder) = oldest.map(|(folder, _)| folder.clone()) else { return Ok(()) };
        if let Some(part) = self.open.remove(&folder) {
            self.closed.push(part.close()?);
        }
        Ok(())
    }

    fn close_all(&mut self) -> Result<Vec<ClosedPart>> {
        while let Some((_, part)) = self.open.pop_first() {
            self.closed.push(part.close()?);
        }
        Ok(std::mem::take(&mut self.closed))
    }

    /// Makes everything visible under names that are free.
    fn publish_all(&mut self) -> Result<()> {
        let mut next: BTreeMap<String, u64> = BTreeMap::new();
        let mut n_rows = 0;
        let subtask = self.subtask.0;
        for part in self.close_all()? {
            n_rows += part.n_rows;
            let number = next.entry(part.folder.clone()).or_default();
            *number = part.publish(*number, &|number| format!("part-{subtask}-{number}"))?;
        }
        self.target.n_records.add(n_rows);
        let folders: BTreeSet<String> = next.into_keys().collect();
        self.target.end_writer(folders, &self.patience)
    }
}

impl Worker for FolderWriter {
    fn open(&mut self) -> Result<()> {
        let target = &self.target;
        self.patience.insist_for(target.connect_timeout, || target.place.make())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let columns = batch.records.columns();
        if self.target.key_columns.is_empty() {
            return self.write_rows("", columns, batch.n_rows());
        }
        for (folder, rows) in self.rows_of_partitions(columns, batch.n_rows()) {
            let rows = UInt64Array::from(rows);
            let taken = arrow_select::take::take_arrays(columns, &rows, None)?;
            self.write_rows(&folder, &taken, rows.len())?;
        }
        Ok(())
    }

    fn flush(&mut self, checkpoint: CheckpointId) -> Result<Vec<Prepared>> {
        let Visibility::ByEpoch(names) = &self.visibility else { return Ok(Vec::new()) };
        let names = names.clone();
        let mut files = Vec::new();
        // A file whose rows were all refused is none.
        let parts = self.close_all()?.into_iter().filter(|part| part.n_rows > 0);
        for part in parts {
            let number = self.target.next_number.fetch_add(1, Ordering::Relaxed);
            let number = FileNumber { checkpoint, subtask: self.subtask, number };
            files.push(part.prepare(&names.pending(number), &names.visible(number))?);
        }
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let folders: BTreeSet<&str> = files.iter().map(|file| file.folder.as_str()).collect();
        let folders: Vec<&str> = folders.into_iter().collect();
        self.patience.insist(|| self.target.place.settle(&folders))?;
        Ok(vec![Prepared::Note(note(&files))])
    }

    fn finish(&mut self) -> Result<()> {
        match self.visibility {
            Visibility::AtTheEnd => self.publish_all(),
            Visibility::ByEpoch(_) if self.open.is_empty() && self.closed.is_empty() => Ok(()),
            Visibility::ByEpoch(_) => Err(Error::bug("input ended behind the last checkpoint")),
        }
    }
}
