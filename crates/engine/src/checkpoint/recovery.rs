//! The start order, of a process and of every restart inside it: take the store's fence, fence the
//! external systems, read the commit record, restore exactly that checkpoint, let followers apply
//! what was staged, discard what lies above.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::{CommitRecord, Generation, Incarnation, Owner};
use argus_base::connector::SinkSet;
use argus_base::fault::FaultPoint;
use argus_base::id::{CheckpointId, OperatorId, SubtaskIndex};
use argus_base::key_group::key_group_range;
use argus_base::time::Watermark;
use argus_base::{Env, Error, ErrorKind, Result};
use argus_plan::{JobGraph, Operator};
use argus_state::epoch_log::{EpochLog, Takeover};
use argus_state::manifest::{
    KeyedState, Manifest, OperatorState, SectionRef, StagedOutput, SubtaskState,
};
use argus_state::retention;
use argus_state::segment::{SegmentReader, SegmentRef};
use argus_state::snapshot::{RestoredPart, RestoredState, Section};
use argus_state::storage::{ObjectInfo, Storage};

use super::chain::merged;
use super::matching;
use super::new_life::has_begun;
use super::outputs::{Backoff, OpenCommitter, Outputs};
use super::savepoint;
use crate::attempt::is_taken_over;
use crate::job::JobShared;

/// The code of the error that means: the job was stopped while it waited for a server.
pub(crate) const GIVEN_UP: &str = "AR5205";
/// What is said where `--accept-duplicates` does not help.
const NO_OLDER: &str = "no older checkpoint can be read either, --fresh begins anew";

/// How a job begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartOptions {
    /// Forget what is in the store.
    pub fresh: bool,
    /// Begin from a savepoint: a path, `file://…` or `s3://…`.
    pub from_savepoint: Option<String>,
    /// Where the committed checkpoint cannot be read, or there is no record of it, take the newest
    /// one that can be: rows may come twice.
    pub accept_duplicates: bool,
    /// Operators, by id or name, whose state may be dropped.
    pub allow_state_loss: Vec<String>,
}

/// What a start goes through.
pub(crate) struct Recovery<'a> {
    pub env: &'a Env,
    pub graph: &'a JobGraph,
    pub storage: Arc<dyn Storage>,
    pub options: &'a StartOptions,
    /// How long servers that are away are waited for; `None`: without end.
    pub patience: Option<Duration>,
    /// Says whether the job is to end: waiting is given up.
    pub shared: &'a JobShared,
}

/// Where a job goes on.
pub(crate) struct Recovered {
    pub owner: Owner,
    /// The commit point, where it is not the epoch log.
    pub commit_point: Option<OpenCommitter>,
    pub outputs: Outputs,
    /// The restored checkpoint.
    pub manifest: Option<Manifest>,
    /// Checkpoints before it that are kept, oldest first.
    pub older: Vec<Manifest>,
    /// Its record, where it is on record for this incarnation.
    pub record: Option<CommitRecord>,
    /// The next checkpoint's number.
    pub next: CheckpointId,
}

/// What the store and the commit point say.
struct Found {
    manifest: Option<Manifest>,
    record: Option<CommitRecord>,
    incarnation: Incarnation,
}

impl Recovery<'_> {
    /// Goes through the start order. `sinks` are the operators of the set's sinks, in its order.
    pub(crate) fn run(&self, set: SinkSet, sinks: &[OperatorId]) -> Result<(EpochLog, Recovered)> {
        let (commit_point, followers) = split(set, sinks);
        let is_first = self.patience.is_some();
        if is_first {
            self.check_before(commit_point.is_some())?;
        }
        let token = self.env.random();
        let take_over = || self.take_over(token);
        let (mut log, takeover) = self.insist("take over the checkpoint store", || {
            self.env.step(FaultPoint::Fence, take_over)
        })?;
        match self.go_on(&mut log, takeover, commit_point, followers) {
            Ok(recovered) => Ok((log, recovered)),
            // Whatever has gone wrong: what a worker finds that was overtaken says nothing.
            Err(error) => Err(log.check().err().filter(is_taken_over).unwrap_or(error)),
        }
    }

    /// Takes the store over, whatever is left of its log where nobody needs what it says.
    fn take_over(&self, token: u64) -> Result<(EpochLog, Takeover)> {
        let options = self.options;
        let storage = Arc::clone(&self.storage);
        if !options.fresh && options.from_savepoint.is_none() && !options.accept_duplicates {
            return EpochLog::take_over(storage, token);
        }
        // Tables know the generations of former workers too.
        let newest = self.storage.list("manifest/")?.pop();
        let bytes = newest.map(|newest| self.storage.get(&newest.path)).transpose()?.flatten();
        let newest = bytes.and_then(|bytes| Manifest::decode(&bytes).ok());
        let known = newest.map_or(Generation(0), |manifest| manifest.generation);
        EpochLog::take_over_damaged(storage, token, known)
    }

    /// Goes on as the owner of the store. Nothing is opened or deleted without another look whether
    /// it still is: calls may be tried for a long time, while a newer worker starts and commits.
    fn go_on(
        &self,
        log: &mut EpochLog,
        takeover: Takeover,
        mut commit_point: Option<OpenCommitter>,
        followers: Vec<OpenCommitter>,
    ) -> Result<Recovered> {
        let highest = self.insist("list the checkpoint store", || {
            Ok(retention::highest_id(&self.storage.list("")?))
        })?;
        let mut next = CheckpointId(highest.map_or(0, |highest| highest.0) + 1);
        let recorded = self.read_record(log, &takeover, commit_point.as_mut())?;
        if let Some(record) = &recorded {
            next = next.max(CheckpointId(record.checkpoint.0 + 1));
        }
        let has_former = recorded.is_some() || takeover.committed.is_some();
        let mut found = self.find(&takeover, recorded, commit_point.is_some(), &mut next)?;
        if let Some(manifest) = &found.manifest {
            let lost = matching::check(manifest, self.graph, &self.options.allow_state_loss)?;
            for operator in lost {
                let name = &operator.name;
                tracing::warn!(operator = %operator.operator, name, "state dropped");
            }
        }
        let owner = self.owner(found.incarnation.clone(), takeover.generation);
        let is_new = found.record.is_none();
        if is_new && (has_former || found.manifest.is_some()) {
            let first = self.first_of_life(&owner, next, found.manifest.take());
            let record = self.begin_life(&first, log, commit_point.as_mut())?;
            next = CheckpointId(next.0 + 1);
            if has_begun(&first) {
                found = Found { manifest: Some(first), record: Some(record), ..found };
            }
        }
        let outputs = self.open_followers(log, followers, &owner, &found)?;
        let mut older = Vec::new();
        if found.record.is_some() {
            self.discard_above(log, found.manifest.as_ref())?;
            older = self.older(found.manifest.as_ref())?;
        }
        let Found { manifest, record, .. } = found;
        if let Some(manifest) = &manifest {
            let (checkpoint, generation) = (manifest.checkpoint.0, takeover.generation.0);
            tracing::info!(checkpoint, generation, "checkpoint restored");
            if has_fired_all(manifest, self.graph) {
                tracing::warn!(
                    checkpoint,
                    "the job had come to the end of its input and has fired every window: rows \
                     that have come since are late for windows; --fresh reads everything again"
                );
            }
        }
        Ok(Recovered { owner, commit_point, outputs, manifest, older, record, next })
    }

    /// Refuses a script that does not fit before anything is taken over, so that a worker that runs
    /// may go on. What cannot be read now is judged after the takeover.
    fn check_before(&self, is_external: bool) -> Result<()> {
        let manifest = match &self.options.from_savepoint {
            Some(path) => {
                let look = || savepoint::look(path, self.graph).map(|(_, manifest)| manifest);
                Some(self.insist("read the savepoint", look)?)
            }
            None if self.options.fresh => None,
            None => {
                let look = || EpochLog::look(self.storage.as_ref());
                let seen = self.insist("look at the epoch log", look);
                match seen.or_else(|error| self.forgive_damage(error))? {
                    Some(takeover) => takeover
                        .committed
                        .and_then(|record| self.look_at_newest(&record, is_external)),
                    None => {
                        self.check_no_log()?;
                        None
                    }
                }
            }
        };
        let allowed = &self.options.allow_state_loss;
        manifest
            .map_or(Ok(()), |manifest| matching::check(&manifest, self.graph, allowed).map(|_| ()))
    }

    fn forgive_damage<T>(&self, error: Error) -> Result<Option<T>> {
        let is_forgiven = self.options.accept_duplicates && error.kind() == ErrorKind::Corrupt;
        if is_forgiven { Ok(None) } else { Err(error) }
    }

    /// The checkpoint that is about to be restored, or one like it; where the commit point is
    /// elsewhere nobody knows which it is.
    fn look_at_newest(&self, record: &CommitRecord, is_external: bool) -> Option<Manifest> {
        if !is_external {
            return self.read_manifest(record).ok();
        }
        let newest = self.storage.list("manifest/").ok()?.pop()?;
        let manifest = Manifest::decode(&self.storage.get(&newest.path).ok()??).ok()?;
        (manifest.incarnation == record.incarnation).then_some(manifest)
    }

    /// A store without an epoch log is new.
    fn check_no_log(&self) -> Result<()> {
        let manifests = self.insist("list manifests", || self.storage.list("manifest/"))?;
        if manifests.is_empty() || self.options.accept_duplicates {
            return Ok(());
        }
        let message = "the checkpoint store has checkpoints, but no epoch log that says which of \
                       them was committed: was it copied without the folder 'epoch'? \
                       --accept-duplicates goes on from the newest checkpoint, --fresh begins anew";
        Err(Error::user("AR5203", message))
    }

    fn owner(&self, incarnation: Incarnation, generation: Generation) -> Owner {
        Owner { job: self.graph.settings.name.clone(), incarnation, generation }
    }

    /// Fences the commit point and reads what was committed last.
    fn read_record(
        &self,
        log: &EpochLog,
        takeover: &Takeover,
        commit_point: Option<&mut OpenCommitter>,
    ) -> Result<Option<CommitRecord>> {
        let Some(open) = commit_point else { return Ok(takeover.committed.clone()) };
        let known = takeover.committed.as_ref().map(|record| record.incarnation.clone());
        let incarnation = known.unwrap_or_else(|| Incarnation::new(self.env.random()));
        let owner = self.owner(incarnation, takeover.generation);
        let what = format!("open {}", open.committer.name());
        self.insist_as_owner(log, &what, || open.committer.open(&owner))
    }

    /// Chooses the checkpoint to restore.
    fn find(
        &self,
        takeover: &Takeover,
        recorded: Option<CommitRecord>,
        is_external: bool,
        next: &mut CheckpointId,
    ) -> Result<Found> {
        let anew = || Incarnation::new(self.env.random());
        if let Some(path) = &self.options.from_savepoint {
            let place = (*next, takeover.generation);
            let copy = || savepoint::fetch(path, self.storage.as_ref(), place, self.graph);
            let manifest = self.insist("read the savepoint", copy)?;
            *next = CheckpointId(next.0 + 1);
            return Ok(Found { manifest: Some(manifest), record: None, incarnation: anew() });
        }
        if self.options.fresh {
            return Ok(Found { manifest: None, record: None, incarnation: anew() });
        }
        let Some(record) = recorded else {
            return self.find_without_record(takeover, is_external);
        };
        match self.insist("read the committed checkpoint", || self.read(&record)) {
            Ok(manifest) => {
                let incarnation = record.incarnation.clone();
                let (manifest, record) = has_begun(&manifest).then_some((manifest, record)).unzip();
                Ok(Found { manifest, record, incarnation })
            }
            Err(error) if error.kind() == ErrorKind::Corrupt && self.options.accept_duplicates => {
                tracing::warn!(code = error.code(), %error, "the committed checkpoint is left out");
                let mut older = self.list_manifests()?;
                let limit = Manifest::path(record.checkpoint, "");
                older.retain(|path| *path < limit);
                older.reverse();
                let found = self.first_readable(&older, Some(&record.incarnation))?;
                found.ok_or_else(|| error.context(NO_OLDER))
            }
            Err(error) => Err(error.context(format!(
                "restore checkpoint {}; --accept-duplicates takes an older one, --fresh \
                 begins anew",
                record.checkpoint.0
            ))),
        }
    }

    /// The commit point has no record: a first start, or something is wrong.
    fn find_without_record(&self, takeover: &Takeover, is_external: bool) -> Result<Found> {
        let Some(noted) = takeover.committed.as_ref().filter(|_| is_external) else {
            // Without an epoch log any checkpoint may have been committed.
            let has_no_log = self.options.accept_duplicates && !is_external;
            let mut candidates = if has_no_log { self.list_manifests()? } else { Vec::new() };
            candidates.reverse();
            let incarnation = Incarnation::new(self.env.random());
            let anew = Found { manifest: None, record: None, incarnation };
            return Ok(self.first_readable(&candidates, None)?.unwrap_or(anew));
        };
        if self.options.accept_duplicates {
            // The oldest that may have been committed last: what is above may not have been.
            let mut candidates = self.list_manifests()?;
            let floor = Manifest::path(noted.checkpoint, "");
            let n_below = candidates.partition_point(|path| *path < floor);
            candidates[..n_below].reverse();
            candidates.rotate_left(n_below);
            let found = self.first_readable(&candidates, Some(&noted.incarnation))?;
            return found.ok_or_else(|| corrupt(NO_OLDER.to_owned()));
        }
        let message = format!(
            "the store knows that checkpoint {} was committed, and the commit point has no record \
             of any: was the script given another Kafka cluster, or were the offsets of its group \
             deleted? --accept-duplicates goes on from an older checkpoint, --fresh begins anew",
            noted.checkpoint.0
        );
        Err(Error::user("AR5203", message))
    }

    /// The manifest of a record.
    fn read_manifest(&self, record: &CommitRecord) -> Result<Manifest> {
        let path = Manifest::path(record.checkpoint, &record.manifest_hash);
        let bytes = self.storage.get(&path)?;
        let bytes = bytes.ok_or_else(|| corrupt(format!("{path} is missing")))?;
        if Manifest::hash(&bytes) != record.manifest_hash {
            return Err(corrupt(format!("{path} is not the one that was committed")));
        }
        Manifest::decode(&bytes)
    }

    /// The manifest of a record, with all its segments there.
    fn read(&self, record: &CommitRecord) -> Result<Manifest> {
        let manifest = self.read_manifest(record)?;
        // What is wrong deep inside is found when it is loaded; where there is a choice, before.
        for segment in manifest.segments() {
            let opened = SegmentReader::open(Arc::clone(&self.storage), segment)?;
            if self.options.accept_duplicates {
                opened.verify()?;
            }
        }
        Ok(manifest)
    }

    /// Paths of all manifests, oldest first.
    fn list_manifests(&self) -> Result<Vec<String>> {
        let listing = self.insist("list manifests", || self.storage.list("manifest/"))?;
        Ok(listing.into_iter().map(|object| object.path).collect())
    }

    /// The first of these manifests that can be read with all its segments, and is of that
    /// incarnation where there is one.
    fn first_readable(
        &self,
        candidates: &[String],
        incarnation: Option<&Incarnation>,
    ) -> Result<Option<Found>> {
        for path in candidates {
            let candidate = self.insist("read a manifest", || self.storage.get(path))?;
            let Some(bytes) = candidate else { continue };
            let Ok(manifest) = Manifest::decode(&bytes) else { continue };
            let segments = manifest.segments();
            let is_whole = |segment: &&SegmentRef| {
                let opened = SegmentReader::open(Arc::clone(&self.storage), segment);
                opened.and_then(|opened| opened.verify()).is_ok()
            };
            let is_own = incarnation.is_none_or(|incarnation| manifest.incarnation == *incarnation);
            if is_own && segments.iter().all(is_whole) {
                let incarnation = manifest.incarnation.clone();
                let (checkpoint, manifest_hash) = (manifest.checkpoint, Manifest::hash(&bytes));
                let record =
                    CommitRecord { incarnation: incarnation.clone(), checkpoint, manifest_hash };
                return Ok(Some(Found {
                    manifest: Some(manifest),
                    record: Some(record),
                    incarnation,
                }));
            }
        }
        Ok(None)
    }

    /// Opens the followers and lets them apply what was staged.
    fn open_followers(
        &self,
        log: &EpochLog,
        followers: Vec<OpenCommitter>,
        owner: &Owner,
        found: &Found,
    ) -> Result<Outputs> {
        let mut outputs = Outputs::new(self.env.clone(), Arc::clone(&self.storage));
        let record = found.record.as_ref();
        for mut follower in followers {
            let what = format!("open {}", follower.committer.name());
            let marker = self.insist_as_owner(log, &what, || follower.committer.open(owner))?;
            self.check_marker(&follower, marker.as_ref(), owner, record)?;
            outputs.add(follower, marker, owner, record);
        }
        if let Some(manifest) = &found.manifest {
            self.check_followed(manifest, &outputs)?;
            outputs.restore(&manifest.staged);
        }
        while !outputs.is_settled() {
            if self.shared.is_given_up() {
                return Err(given_up());
            }
            self.shared.note_round();
            if outputs.next().is_some_and(|next| next <= self.env.elapsed()) {
                self.insist("look at the epoch log", || log.check())?;
                outputs.step()?;
            } else {
                self.env.sleep(Duration::from_millis(20));
            }
        }
        Ok(outputs)
    }

    /// A table never has more than what was committed, unless commits are now looked for elsewhere
    /// than they were made.
    fn check_marker(
        &self,
        follower: &OpenCommitter,
        marker: Option<&CommitRecord>,
        owner: &Owner,
        record: Option<&CommitRecord>,
    ) -> Result<()> {
        let own = marker.filter(|marker| marker.incarnation == owner.incarnation);
        let Some(own) = own.filter(|_| !self.options.accept_duplicates) else { return Ok(()) };
        if record.is_some_and(|record| own.checkpoint <= record.checkpoint) {
            return Ok(());
        }
        let restored = record.map_or_else(
            || "none".to_owned(),
            |record| format!("checkpoint {}", record.checkpoint.0),
        );
        let message = format!(
            "{} has the rows of checkpoint {}, and the last one on record is {restored}: was the \
             checkpoint folder replaced by an older copy, or the first exactly-once Kafka sink, \
             where checkpoints were committed, taken out of the script? Put back what was changed, \
             or --accept-duplicates",
            follower.committer.name(),
            own.checkpoint.0
        );
        Err(Error::user("AR5208", message))
    }

    /// What a sink had staged needs somebody who applies it.
    fn check_followed(&self, manifest: &Manifest, outputs: &Outputs) -> Result<()> {
        let is_lost = |staged: &&StagedOutput| !outputs.is_followed(staged.sink);
        for lost in manifest.staged.iter().filter(is_lost) {
            let operator = manifest.operators.iter().find(|state| state.operator == lost.sink);
            if operator.is_none_or(|operator| {
                matching::is_allowed(operator, &self.options.allow_state_loss)
            }) {
                continue;
            }
            let name = operator.map_or("", |operator| operator.name.as_str());
            let message = format!(
                "{name} ({}) has rows of checkpoint {} that it has not written yet, and is no \
                 longer a sink that would: change the script back until it has, or give \
                 --allow-state-loss {}",
                lost.sink, manifest.checkpoint.0, lost.sink
            );
            return Err(Error::user("AR5201", message));
        }
        Ok(())
    }

    /// The checkpoints of this life of the job before the one that is resumed, as many as are kept.
    fn older(&self, restored: Option<&Manifest>) -> Result<Vec<Manifest>> {
        let settings = self.graph.settings.checkpoints.as_ref();
        let n_kept = settings.map_or(0, |settings| settings.n_retained.saturating_sub(1));
        let Some(restored) = restored.filter(|_| n_kept > 0) else { return Ok(Vec::new()) };
        self.insist("read older manifests", || {
            let mut older = VecDeque::new();
            let listing = self.storage.list("manifest/")?;
            let below = Manifest::path(restored.checkpoint, "");
            for object in listing.iter().rev().filter(|object| object.path < below).take(n_kept) {
                let bytes = self.storage.get(&object.path)?;
                // A damaged one is of no use to anybody.
                let manifest = bytes.and_then(|bytes| Manifest::decode(&bytes).ok());
                let is_own = |manifest: &Manifest| manifest.incarnation == restored.incarnation;
                manifest.filter(is_own).into_iter().for_each(|m| older.push_front(m));
            }
            Ok(older.into())
        })
    }

    /// Deletes what was uploaded after the checkpoint that is resumed.
    fn discard_above(&self, log: &EpochLog, restored: Option<&Manifest>) -> Result<()> {
        self.insist("discard what was not committed", || {
            let listing = self.storage.list("")?;
            // After, not before: so nothing that was listed is a newer owner's.
            log.check()?;
            if let Some(restored) = restored {
                report_torn(&listing, restored.checkpoint, self.storage.as_ref());
            }
            for path in retention::above(restored, &listing) {
                self.env.step(FaultPoint::Discard, || self.storage.delete(&path))?;
            }
            Ok(())
        })
    }

    /// Makes attempts, each only while the store is still the worker's own.
    pub(super) fn insist_as_owner<T>(
        &self,
        log: &EpochLog,
        what: &str,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        self.insist(what, || log.check().and_then(|()| attempt()))
    }

    /// Makes attempts until one gives something else than a transient error.
    pub(crate) fn insist<T>(
        &self,
        what: &str,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let began = self.env.elapsed();
        let mut backoff = Backoff::default();
        loop {
            match attempt() {
                Ok(done) => return Ok(done),
                Err(error) => {
                    let waited = self.env.elapsed().saturating_sub(began);
                    if self.patience.is_some_and(|patience| waited >= patience) {
                        return Err(error.context(what.to_owned()));
                    }
                    backoff.failed(self.env, what, error)?;
                }
            }
            while self.env.elapsed() < backoff.next {
                if self.shared.is_given_up() {
                    return Err(given_up());
                }
                self.shared.note_round();
                self.env.sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Tells of uploads above the restored checkpoint that are damaged; they are dropped either way.
fn report_torn(listing: &[ObjectInfo], restored: CheckpointId, storage: &dyn Storage) {
    let above = Manifest::path(CheckpointId(restored.0 + 1), "");
    let manifests = listing.iter().filter(|object| object.path.starts_with("manifest/"));
    for object in manifests.filter(|object| object.path >= above) {
        let Ok(Some(bytes)) = storage.get(&object.path) else { continue };
        match Manifest::decode(&bytes) {
            Ok(_) => {
                tracing::info!(path = object.path, "a checkpoint that was not committed is dropped")
            }
            Err(error) => {
                let code = error.code();
                tracing::warn!(code, %error, "a damaged checkpoint, not committed, is dropped")
            }
        }
    }
}

/// Whether the job has windows, and each has seen the end of its input.
fn has_fired_all(manifest: &Manifest, graph: &JobGraph) -> bool {
    let is_window = |operator: &&OperatorState| {
        let mut nodes = graph.nodes.iter().filter(|node| node.id == operator.operator);
        nodes.any(|node| {
            matches!(
                node.operator,
                Operator::WindowAggregate(_) | Operator::GlobalWindowAggregate(_)
            )
        })
    };
    let windows = manifest.operators.iter().filter(is_window);
    let mut watermarks = windows
        .flat_map(|operator| &operator.subtasks)
        .filter_map(|subtask| subtask.watermark)
        .peekable();
    watermarks.peek().is_some() && watermarks.all(|watermark| watermark == Watermark::MAX)
}

/// The commit point, if one of the committers is it, and the followers.
fn split(set: SinkSet, sinks: &[OperatorId]) -> (Option<OpenCommitter>, Vec<OpenCommitter>) {
    let mut commit_point = None;
    let mut followers = Vec::new();
    for committer in set.committers {
        let open = OpenCommitter {
            sinks: committer.sinks.iter().map(|sink| sinks[*sink]).collect(),
            committer: committer.committer,
        };
        if committer.is_commit_point {
            commit_point = Some(open);
        } else {
            followers.push(open);
        }
    }
    (commit_point, followers)
}

fn corrupt(message: String) -> Error {
    Error::new(ErrorKind::Corrupt, "AR5204", message)
}

/// The error of that code.
pub(crate) fn given_up() -> Error {
    Error::transient(GIVEN_UP, "the job was stopped before it had started")
}

/// The state of a former life by operator, ready to be loaded.
pub(crate) struct RestoredNodes {
    operators: BTreeMap<OperatorId, OperatorState>,
    segments: BTreeMap<SegmentRef, Arc<SegmentReader>>,
    max_parallelism: u16,
    /// Operators whose state may be lost, by id or name.
    allow_state_loss: Vec<String>,
}

impl RestoredNodes {
    /// Opens the segments of a checkpoint.
    pub(crate) fn open(
        manifest: &Manifest,
        storage: &Arc<dyn Storage>,
        allow_state_loss: &[String],
    ) -> Result<RestoredNodes> {
        let mut segments = BTreeMap::new();
        for operator in &manifest.operators {
            for keyed in operator.subtasks.iter().filter_map(|subtask| subtask.keyed.as_ref()) {
                for SectionRef { segment, .. } in keyed.runs.iter().chain(&keyed.chain) {
                    if !segments.contains_key(segment) {
                        let reader = SegmentReader::open(Arc::clone(storage), segment)?;
                        segments.insert(segment.clone(), Arc::new(reader));
                    }
                }
            }
        }
        let operators = manifest.operators.iter().map(|state| (state.operator, state.clone()));
        let max_parallelism = manifest.max_parallelism;
        let allow_state_loss = allow_state_loss.to_vec();
        let operators = operators.collect();
        Ok(RestoredNodes { operators, segments, max_parallelism, allow_state_loss })
    }

    /// What the former subtasks of an operator had; empty where it is new.
    pub(crate) fn subtasks(&self, operator: OperatorId) -> &[SubtaskState] {
        self.operators.get(&operator).map_or(&[], |state| &state.subtasks)
    }

    /// The keyed state that a subtask takes over, and the sections of its chain.
    pub(crate) fn keyed(
        &self,
        operator: OperatorId,
        subtask: SubtaskIndex,
        parallelism: usize,
    ) -> Result<Option<(RestoredState, Vec<SectionRef>)>> {
        let former = self.subtasks(operator);
        let own = key_group_range(subtask.0, parallelism, self.max_parallelism);
        let (mut parts, mut chains) = (Vec::new(), Vec::new());
        for (index, state) in former.iter().enumerate() {
            let theirs = key_group_range(index, former.len(), self.max_parallelism);
            let groups = own.start.max(theirs.start)..own.end.min(theirs.end);
            let Some(keyed) = state.keyed.as_ref().filter(|_| !groups.is_empty()) else { continue };
            parts.push(self.part(keyed, groups)?);
            chains.push(keyed.chain.as_slice());
        }
        let state = self.operators.get(&operator);
        let allows_loss =
            state.is_some_and(|state| matching::is_allowed(state, &self.allow_state_loss));
        Ok((!parts.is_empty()).then(|| (RestoredState { allows_loss, parts }, merged(&chains))))
    }

    fn part(&self, keyed: &KeyedState, groups: std::ops::Range<u16>) -> Result<RestoredPart> {
        let section = |reference: &SectionRef| {
            let segment = self.segments.get(&reference.segment);
            let segment = segment.ok_or_else(|| Error::bug("a segment was not opened"))?;
            Ok(Section { segment: Arc::clone(segment), section: reference.section })
        };
        Ok(RestoredPart {
            groups,
            scalars: keyed.scalars.clone(),
            live: keyed.live.clone(),
            runs: keyed.runs.iter().map(section).collect::<Result<_>>()?,
            chain: keyed.chain.iter().map(section).collect::<Result<_>>()?,
        })
    }
}
