//! A database: tables with or without a key, and the markers beside them. Transactions happen one
//! after another, whole or not at all.

use std::collections::BTreeMap;

use argus_base::commit::{CommitRecord, Incarnation, Owner};
use argus_base::id::CheckpointId;
use argus_base::{Error, ErrorKind, Result};

/// Code of the error of an owner that has been fenced.
pub const FENCED: &str = "AR3507";

/// The database.
#[derive(Default)]
pub struct Database {
    tables: BTreeMap<String, TableRows>,
    markers: BTreeMap<MarkerKey, Marker>,
}

/// The rows of a table.
#[derive(Clone, Debug, Default)]
pub struct TableRows {
    /// By key, of a table with one.
    pub keyed: BTreeMap<String, String>,
    /// In order, of a table without.
    pub appended: Vec<String>,
    /// Every row that was ever written.
    pub written: Vec<String>,
}

/// Job and sink; of a fence with `/fence` behind the sink.
type MarkerKey = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Marker {
    incarnation: Incarnation,
    /// An epoch; of a fence, a generation.
    number: u64,
}

/// A row on its way: its key, where the table has one, and all of it.
pub type Row = (Option<String>, String);

/// Who writes to which table.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The owner.
    pub owner: Owner,
    /// The table.
    pub table: String,
}

impl Claim {
    fn epochs(&self) -> MarkerKey {
        (self.owner.job.clone(), self.table.clone())
    }

    fn fence(&self) -> MarkerKey {
        (self.owner.job.clone(), format!("{}/fence", self.table))
    }

    fn raised(&self) -> Marker {
        let incarnation = self.owner.incarnation.clone();
        Marker { incarnation, number: self.owner.generation.0 }
    }

    fn fenced(&self) -> Error {
        let message = format!(
            "another run has taken the table '{}' over from generation {}",
            self.table, self.owner.generation.0
        );
        Error::new(ErrorKind::Fenced, FENCED, message)
    }
}

impl Database {
    /// The rows of a table.
    pub fn table(&self, name: &str) -> TableRows {
        self.tables.get(name).cloned().unwrap_or_default()
    }

    /// Raises the fence of an owner, and finds what was committed last.
    pub fn open(&mut self, claim: &Claim) -> Result<Option<CommitRecord>> {
        let (raised, fence) = (claim.raised(), claim.fence());
        let is_higher = |found: &&Marker| {
            found.incarnation == raised.incarnation && found.number > raised.number
        };
        if self.markers.get(&fence).filter(is_higher).is_some() {
            return Err(claim.fenced());
        }
        self.markers.insert(fence, raised);
        let incarnation = &claim.owner.incarnation;
        let found = self.markers.get(&claim.epochs()).cloned();
        if found.as_ref().is_none_or(|found| found.incarnation != *incarnation) {
            let marker = Marker { incarnation: incarnation.clone(), number: 0 };
            self.markers.insert(claim.epochs(), marker);
        }
        let found = found.filter(|found| found.number > 0);
        Ok(found.map(|found| CommitRecord {
            incarnation: found.incarnation,
            checkpoint: CheckpointId(found.number),
            manifest_hash: String::new(),
        }))
    }

    /// Writes rows at once, under the fence.
    pub fn write(&mut self, claim: &Claim, rows: &[Row]) -> Result<()> {
        self.check(claim)?;
        self.put(&claim.table, rows);
        Ok(())
    }

    /// The last epoch that is in the table, under the fence.
    pub fn last_epoch(&self, claim: &Claim) -> Result<u64> {
        self.check(claim)?;
        let own = |found: &&Marker| found.incarnation == claim.owner.incarnation;
        let marker = self.markers.get(&claim.epochs()).filter(own);
        marker.map(|marker| marker.number).ok_or_else(|| claim.fenced())
    }

    /// Writes the rows of epochs that follow `from`, and advances the marker.
    pub fn apply(&mut self, claim: &Claim, rows: &[Row], (from, to): (u64, u64)) -> Result<()> {
        if self.last_epoch(claim)? != from {
            return Err(claim.fenced());
        }
        self.put(&claim.table, rows);
        let incarnation = claim.owner.incarnation.clone();
        self.markers.insert(claim.epochs(), Marker { incarnation, number: to });
        Ok(())
    }

    fn check(&self, claim: &Claim) -> Result<()> {
        let is_ours = self.markers.get(&claim.fence()) == Some(&claim.raised());
        if is_ours { Ok(()) } else { Err(claim.fenced()) }
    }

    fn put(&mut self, table: &str, rows: &[Row]) {
        let table = self.tables.entry(table.to_owned()).or_default();
        for (key, row) in rows {
            table.written.push(row.clone());
            match key {
                Some(key) => drop(table.keyed.insert(key.clone(), row.clone())),
                None => table.appended.push(row.clone()),
            }
        }
    }
}
