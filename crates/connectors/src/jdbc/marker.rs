//! Markers: rows of the table `argus_commit` beside the job's tables, by which a restart knows
//! which epochs are there, and a former owner that it is one.
//!
//! ```text
//! job  sink          incarnation  epoch
//! j    t             a1…          7       epochs up to checkpoint 7 are in the table t
//! j    t/fence       a1…          3       the owner of generation 3 writes to t
//! ```
//! The owner raises the fence before its first row; every transaction that writes rows begins by
//! reading it under a lock that holds until the transaction ends. So whatever a former owner
//! wrote is there before the fence is raised, and nothing of it comes later. A slash in the name
//! of a table is doubled, which keeps the two kinds of rows apart.

use argus_base::commit::{CommitRecord, Incarnation, Owner};
use argus_base::id::CheckpointId;

use super::code;
use super::session::{Failure, MarkedSession, Parameter};

/// Makes the table of markers.
pub const CREATE: &str = "CREATE TABLE IF NOT EXISTS argus_commit (job text NOT NULL, \
     sink text NOT NULL, incarnation text NOT NULL, epoch bigint NOT NULL, \
     PRIMARY KEY (job, sink))";
/// Reads a marker.
pub const FIND: &str = "SELECT incarnation, epoch FROM argus_commit WHERE job = $1 AND sink = $2";
/// Raises a fence, unless it stands higher for the same incarnation.
const RAISE: &str = "INSERT INTO argus_commit (job, sink, incarnation, epoch) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (job, sink) \
     DO UPDATE SET incarnation = excluded.incarnation, epoch = excluded.epoch \
     WHERE argus_commit.incarnation <> excluded.incarnation \
        OR argus_commit.epoch <= excluded.epoch";
/// Writes a marker over whatever is there.
const RESET: &str = "INSERT INTO argus_commit (job, sink, incarnation, epoch) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (job, sink) \
     DO UPDATE SET incarnation = excluded.incarnation, epoch = excluded.epoch";
/// Advances a marker, if it still stands where it was read.
const ADVANCE: &str = "UPDATE argus_commit SET epoch = $1 \
     WHERE job = $2 AND sink = $3 AND incarnation = $4 AND epoch = $5";

/// Which marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkerKey {
    /// `pipeline.name`.
    pub job: String,
    /// The table of the job, or its fence.
    pub sink: String,
}

/// What a marker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// 16 hexadecimal digits.
    pub incarnation: String,
    /// The last epoch that is in the table; of a fence, its generation.
    pub epoch: i64,
}

/// What one owner says and looks for in a table.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The owner.
    owner: Owner,
    /// Where its epochs are.
    epochs: MarkerKey,
    /// Its fence: as it must be read in each transaction.
    fence: MarkerKey,
}

impl Claim {
    /// The claim of an owner on one of the job's tables, by its name in `DistinctTable`: none is
    /// another's with `/fence` behind it.
    pub fn new(owner: &Owner, sink_name: &str) -> Claim {
        let key = |sink: String| MarkerKey { job: owner.job.clone(), sink };
        let fence = key(format!("{sink_name}/fence"));
        Claim { owner: owner.clone(), epochs: key(sink_name.to_owned()), fence }
    }

    /// Whether the owner carries that incarnation on.
    pub fn is_of(&self, incarnation: &Incarnation) -> bool {
        self.owner.incarnation == *incarnation
    }

    /// Begins a transaction that only the owner may commit; `Fenced` where it no longer is.
    pub fn begin(
        &self,
        session: &mut dyn MarkedSession,
        check_at_once: bool,
    ) -> Result<(), Failure> {
        let wanted = Some(self.raised());
        let found = session.begin_under(check_at_once, &self.fence)?;
        if found == wanted { Ok(()) } else { Err(self.fenced(found.as_ref())) }
    }

    /// Takes the table over from all former owners: what they have not committed cannot be
    /// committed any more. Returns what was committed last.
    pub fn open(&self, session: &mut dyn MarkedSession) -> Result<Option<CommitRecord>, Failure> {
        provide(session)?;
        session.begin_markers()?;
        if session.change_markers(RAISE, &self.fence.with(&self.raised()))? == 0 {
            let found = session.find_marker(FIND, &self.fence.parameters())?;
            session.rollback()?;
            return Err(self.fenced(found.as_ref()));
        }
        let found = session.find_marker(FIND, &self.epochs.parameters())?;
        let own = self.owner.incarnation.as_str();
        if found.as_ref().is_none_or(|found| found.incarnation != own) {
            let nothing = Marker { incarnation: own.to_owned(), epoch: 0 };
            session.change_markers(RESET, &self.epochs.with(&nothing))?;
        }
        session.commit()?;
        Ok(found.and_then(|found| found.record()))
    }

    /// The last epoch of this incarnation that is in the table, read within a transaction.
    pub fn last_epoch(&self, session: &mut dyn MarkedSession) -> Result<i64, Failure> {
        let found = session.find_marker(FIND, &self.epochs.parameters())?;
        match found {
            Some(found) if found.incarnation == self.owner.incarnation.as_str() => Ok(found.epoch),
            other => Err(self.fenced(other.as_ref())),
        }
    }

    /// Advances the marker within a transaction.
    pub fn advance(
        &self,
        session: &mut dyn MarkedSession,
        from: i64,
        to: i64,
    ) -> Result<(), Failure> {
        let [job, sink] = self.epochs.parameters();
        let incarnation = Parameter::Text(self.owner.incarnation.as_str());
        let parameters = [Parameter::Number(to), job, sink, incarnation, Parameter::Number(from)];
        if session.change_markers(ADVANCE, &parameters)? == 1 {
            return Ok(());
        }
        let found = session.find_marker(FIND, &self.epochs.parameters())?;
        Err(self.fenced(found.as_ref()))
    }

    fn raised(&self) -> Marker {
        let incarnation = self.owner.incarnation.to_string();
        Marker { incarnation, epoch: number(self.owner.generation.0) }
    }

    fn fenced(&self, found: Option<&Marker>) -> Failure {
        let Owner { job, incarnation, generation } = &self.owner;
        let now = found.map_or_else(
            || "its row in argus_commit is gone".to_owned(),
            |found| format!("argus_commit has {} of {}", found.epoch, found.incarnation),
        );
        Failure::Fenced(format!(
            "another run of the job '{job}' has taken over: this is generation {} of \
             {incarnation}, {now}",
            generation.0
        ))
    }
}

impl MarkerKey {
    fn parameters(&self) -> [Parameter<'_>; 2] {
        [Parameter::Text(&self.job), Parameter::Text(&self.sink)]
    }

    fn with<'a>(&'a self, marker: &'a Marker) -> [Parameter<'a>; 4] {
        let [job, sink] = self.parameters();
        [job, sink, Parameter::Text(&marker.incarnation), Parameter::Number(marker.epoch)]
    }
}

impl Marker {
    /// `None` where nothing was committed, or what is there was not written by us.
    fn record(self) -> Option<CommitRecord> {
        let checkpoint = u64::try_from(self.epoch).ok().filter(|epoch| *epoch > 0)?;
        let incarnation = Incarnation::parse(&self.incarnation)?;
        let checkpoint = CheckpointId(checkpoint);
        Some(CommitRecord { incarnation, checkpoint, manifest_hash: String::new() })
    }
}

/// A number as the table holds it; ids do not come near its end.
pub fn number(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

/// Sees to it that there is a table of markers.
fn provide(session: &mut dyn MarkedSession) -> Result<(), Failure> {
    if session.has_markers()? {
        return Ok(());
    }
    match session.create_markers(CREATE) {
        // Another sink of the job may have made it in this moment.
        Err(Failure::Data(_) | Failure::User(..)) if session.has_markers()? => Ok(()),
        Err(Failure::Data(reason) | Failure::User(_, reason)) => {
            let message = format!(
                "the table 'argus_commit' is missing and cannot be made ({reason}); \
                 let its owner run: {CREATE};"
            );
            Err(Failure::User(code::NO_MARKERS, message))
        }
        done => done,
    }
}
