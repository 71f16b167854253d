//! The coordinator of one attempt of a job: a machine that takes one small step at a time, each of
//! at most one call to the store or to an external system, so that whoever drives it can look
//! after other things in between.
//!
//! ```text
//! waiting ──due──▶ aligning ──all parts reported──▶ writing ──▶ publishing ──▶ committing
//!    ▲                                                                             │
//!    └── tidying (followers apply, old checkpoints go, savepoints are copied) ◀────┘
//! ```
//! An alignment that takes too long counts as a failed checkpoint, and is waited for nonetheless:
//! barriers never overtake each other, so the next one could not arrive earlier.
//! Store and servers that are away are waited for without end: the job stalls and goes on by
//! itself. Everything that is no transient error ends the attempt.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use argus_base::commit::{CommitRecord, Owner, Prepared};
use argus_base::fault::FaultPoint;
use argus_base::id::CheckpointId;
use argus_base::time::ProcessingTime;
use argus_base::{Env, Error, ErrorKind, Result};
use argus_plan::explain;
use argus_plan::setting::CheckpointSettings;
use argus_plan::{JobGraph, Operator};
use argus_state::epoch_log::EpochLog;
use argus_state::manifest::{
    KeyedState, Manifest, OperatorState, SectionRef, StagedContent, StagedOutput, SubtaskState,
};
use argus_state::retention;
use argus_state::snapshot::{Run, Sealed};
use argus_state::storage::Storage;
use arrow_array::RecordBatch;

use super::chain::Chains;
use super::encode::{Job, StoredRuns, Uploads, Written};
use super::facts::Facts;
use super::instruments::{Completed, Instruments};
use super::order::{BarrierKind, Orders};
use super::outputs::{Backoff, OpenCommitter, Outputs, staged_record};
use super::recovery::Recovered;
use super::report::{Mailbox, NodeState, Part, PartId, Report};
use super::savepoint::Savepoints;
use super::staging::{Chunk, Permit};
use super::status::Requests;
use crate::job::JobEnd;

/// When to take the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// At once.
    None,
    /// Then, on the clock of `Env::elapsed`, or when the mailbox rings.
    Until(Duration),
    /// Never: the job has ended, and everything is committed.
    Finished,
}

/// What the coordinator is made of, besides what recovery found.
pub(crate) struct CoordinatorParts {
    pub env: Env,
    pub graph: Arc<JobGraph>,
    pub settings: CheckpointSettings,
    pub storage: Arc<dyn Storage>,
    pub orders: Arc<Orders>,
    pub mailbox: Arc<Mailbox>,
    /// Every part that reports.
    pub parts: BTreeSet<PartId>,
    /// Heads among them.
    pub n_heads: usize,
    /// Chains that restored subtasks go on with.
    pub chains: Chains,
    pub instruments: Instruments,
    pub requests: Arc<Requests>,
    pub facts: Arc<Facts>,
}

/// Drives the checkpoints of one attempt.
pub(crate) struct Coordinator {
    parts: CoordinatorParts,
    log: EpochLog,
    owner: Owner,
    commit_point: Option<OpenCommitter>,
    outputs: Outputs,
    uploads: Uploads,
    stored_runs: StoredRuns,
    /// Staged outputs in order of their reports; content comes with the upload.
    tickets: BTreeMap<u64, Ticket>,
    next_ticket: u64,
    /// Chunks that wait for the end of their epoch.
    chunks: BTreeMap<PartId, Vec<u64>>,
    /// The last report of each part.
    latest: BTreeMap<PartId, Latest>,
    next: CheckpointId,
    phase: Phase,
    backoff: Backoff,
    /// Manifests kept, oldest first.
    retained: VecDeque<Arc<Manifest>>,
    n_failures: u64,
    has_noted_commit: bool,
    /// The last checkpoint is committed.
    is_ending: bool,
    next_barrier: Duration,
    savepoints: Savepoints,
}

/// Rows a sink staged, of an epoch that is known once it ends.
struct Ticket {
    part: PartId,
    checkpoint: Option<CheckpointId>,
    section: Option<SectionRef>,
}

/// What a part reported last.
struct Latest {
    checkpoint: CheckpointId,
    state: SubtaskState,
    /// All its runs that live.
    runs: Vec<Run>,
}

enum Phase {
    Waiting,
    Aligning(Pending),
    Writing(Pending),
    Publishing(Pending, Manifest, Vec<u8>),
    Committing(Pending, Manifest, CommitRecord),
    Finished,
}

/// A checkpoint under way.
#[derive(Clone)]
struct Pending {
    checkpoint: CheckpointId,
    kind: BarrierKind,
    began: Duration,
    created_at: ProcessingTime,
    deadline: Duration,
    aligned: Duration,
    written: Duration,
}

impl Coordinator {
    /// Goes on where recovery found the job.
    pub(crate) fn new(parts: CoordinatorParts, log: EpochLog, recovered: Recovered) -> Coordinator {
        let env = parts.env.clone();
        let max_parallelism = parts.graph.settings.max_parallelism;
        let (storage, generation) = (Arc::clone(&parts.storage), recovered.owner.generation);
        let uploads = Uploads::new(env.clone(), storage, max_parallelism, generation);
        // A job that goes on from its own checkpoint runs from its first barrier; others first put
        // on record where they begin. Both wait for that barrier, which is due at once.
        let next_barrier = env.elapsed();
        if let Some(record) = &recovered.record {
            parts.orders.complete(record.checkpoint);
        }
        let own = recovered.manifest.filter(|_| recovered.record.is_some());
        Coordinator {
            uploads,
            log,
            owner: recovered.owner,
            commit_point: recovered.commit_point,
            outputs: recovered.outputs,
            stored_runs: StoredRuns::new(),
            tickets: BTreeMap::new(),
            next_ticket: 0,
            chunks: BTreeMap::new(),
            latest: BTreeMap::new(),
            next: recovered.next,
            phase: Phase::Waiting,
            backoff: Backoff::default(),
            retained: recovered.older.into_iter().chain(own).map(Arc::new).collect(),
            n_failures: 0,
            has_noted_commit: false,
            is_ending: false,
            next_barrier,
            savepoints: Savepoints::new(&env, parts.settings.savepoint_interval),
            parts,
        }
    }

    /// Whether a checkpoint has been committed in this attempt.
    pub(crate) fn has_committed(&self) -> bool {
        self.has_noted_commit
    }

    /// Where its checkpoints lie.
    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.parts.storage
    }

    /// Whether the store or a table is away.
    pub(crate) fn is_stalled(&self) -> bool {
        self.backoff.is_failing() || self.outputs.is_failing()
    }

    /// Makes sure that no other worker has taken the store over.
    pub(crate) fn check(&self) -> Result<()> {
        self.log.check()
    }

    /// Takes a step. An error ends the attempt.
    pub(crate) fn step(&mut self) -> Result<Pause> {
        for report in self.parts.mailbox.take() {
            self.absorb(report)?;
        }
        let now = self.parts.env.elapsed();
        self.parts.instruments.show_age(self.parts.facts.last(), self.parts.env.now());
        if self.backoff.next > now {
            return Ok(Pause::Until(self.backoff.next));
        }
        match std::mem::replace(&mut self.phase, Phase::Waiting) {
            Phase::Waiting => self.wait(now),
            Phase::Aligning(pending) => self.align(pending, now),
            Phase::Writing(pending) => self.write(pending, now),
            Phase::Publishing(pending, manifest, bytes) => self.publish(pending, manifest, bytes),
            Phase::Committing(pending, manifest, record) => self.commit(pending, manifest, record),
            Phase::Finished => {
                self.phase = Phase::Finished;
                Ok(Pause::Finished)
            }
        }
    }

    /// Between two checkpoints.
    fn wait(&mut self, now: Duration) -> Result<Pause> {
        if self.outputs.step()? {
            self.parts.orders.hold(self.outputs.is_full());
            return Ok(Pause::None);
        }
        if self.copy_savepoint() {
            return Ok(Pause::None);
        }
        if !self.uploads.is_empty() {
            self.upload(self.next)?;
            return Ok(Pause::None);
        }
        if self.is_ending {
            return Ok(self.end(now));
        }
        let Some(kind) = self.due(now) else { return Ok(Pause::Until(self.next_look(now))) };
        let checkpoint = self.next;
        self.next = CheckpointId(checkpoint.0 + 1);
        let created_at = self.parts.env.now();
        let (aligned, written) = (now, now);
        let deadline = now + self.parts.settings.timeout;
        let began = now;
        let pending = Pending { checkpoint, kind, began, created_at, deadline, aligned, written };
        self.phase = Phase::Aligning(pending);
        // Rows behind the barrier would wait in an open transaction, for as long as a follower is
        // away.
        self.parts.orders.hold(self.outputs.fills_up());
        self.parts.orders.send_barrier(checkpoint, kind);
        Ok(Pause::None)
    }

    /// The last checkpoint is committed: nothing is left to do but what followers and savepoints
    /// lack.
    fn end(&mut self, now: Duration) -> Pause {
        if let Some(next) = self.outputs.next() {
            return Pause::Until(next);
        }
        if !self.savepoints.is_empty() {
            return Pause::Until(now + Duration::from_millis(20));
        }
        self.phase = Phase::Finished;
        Pause::Finished
    }

    /// Which barrier is due.
    fn due(&mut self, now: Duration) -> Option<BarrierKind> {
        let is_first = self.latest.is_empty() && self.retained.is_empty();
        if !is_first {
            let (stop, asked) = self.parts.requests.take();
            self.savepoints.ask(asked);
            if stop.is_some() {
                return stop;
            }
        }
        if self.outputs.is_full() {
            return None;
        }
        if self.is_exhausted() && !is_first {
            return Some(BarrierKind::Stop);
        }
        let is_wanted = !is_first && self.savepoints.wants_checkpoint(now);
        (is_wanted || now >= self.next_barrier).then_some(BarrierKind::Periodic)
    }

    /// Whether every source has come to its end.
    fn is_exhausted(&self) -> bool {
        self.parts.orders.n_exhausted.load(Ordering::Acquire) == self.parts.n_heads
    }

    fn next_look(&self, now: Duration) -> Duration {
        // Requests do not ring.
        let soon = now + Duration::from_millis(20);
        let followers = self.outputs.next().unwrap_or(soon);
        self.next_barrier.max(now + Duration::from_millis(1)).min(soon).min(followers.max(now))
    }

    /// Waits for the reports.
    fn align(&mut self, pending: Pending, now: Duration) -> Result<Pause> {
        if !self.uploads.is_empty() {
            // Chunks of staged rows go first: their writers may hold the barrier up.
            self.upload(pending.checkpoint)?;
            self.phase = Phase::Aligning(pending);
            return Ok(Pause::None);
        }
        let has_reported = |part: &PartId| {
            self.latest.get(part).is_some_and(|latest| latest.checkpoint >= pending.checkpoint)
        };
        if self.parts.parts.iter().all(has_reported) {
            self.parts.instruments.aligned(now.saturating_sub(pending.began));
            self.phase = Phase::Writing(Pending { aligned: now, ..pending });
            return Ok(Pause::None);
        }
        let is_endless = pending.kind != BarrierKind::Periodic || self.retained.is_empty();
        let is_late = now >= pending.deadline && !is_endless && self.parts.requests.is_ready();
        let deadline = if is_late { self.failed(&pending, now)? } else { pending.deadline };
        self.phase = Phase::Aligning(Pending { deadline, ..pending });
        Ok(Pause::Until(now + Duration::from_millis(20)))
    }

    /// The checkpoint takes too long. Returns when it would have failed once more.
    fn failed(&mut self, pending: &Pending, now: Duration) -> Result<Duration> {
        self.n_failures += 1;
        self.parts.instruments.failed();
        let timeout = self.parts.settings.timeout;
        tracing::warn!(checkpoint = pending.checkpoint.0, ?timeout, "checkpoint timed out");
        if self.n_failures > self.parts.settings.tolerable_failures {
            let message = format!(
                "checkpoint {} was not aligned within {timeout:?}, and \
                 execution.checkpointing.tolerable-failed-checkpoints is {}",
                pending.checkpoint.0, self.parts.settings.tolerable_failures
            );
            return Err(Error::new(ErrorKind::Lost, "AR5207", message));
        }
        Ok(now + timeout)
    }

    /// Writes what has been sealed and staged, a segment a step.
    fn write(&mut self, pending: Pending, now: Duration) -> Result<Pause> {
        if !self.uploads.is_empty() {
            self.upload(pending.checkpoint)?;
            self.phase = Phase::Writing(pending);
            return Ok(Pause::None);
        }
        self.stage_written(pending.checkpoint);
        let manifest = self.manifest(&pending)?;
        let bytes = manifest.encode();
        self.uploads.n_bytes += bytes.len() as u64;
        self.phase = Phase::Publishing(Pending { written: now, ..pending }, manifest, bytes);
        Ok(Pause::None)
    }

    fn upload(&mut self, checkpoint: CheckpointId) -> Result<()> {
        match self.uploads.step(checkpoint) {
            Ok(written) => {
                self.backoff.succeeded();
                written.into_iter().for_each(|written| self.note(written));
                Ok(())
            }
            Err(error) => {
                self.backoff.failed(&self.parts.env, "write to the checkpoint store", error)
            }
        }
    }

    fn note(&mut self, written: Written) {
        match written {
            Written::State(part, seal, section) => self.parts.chains.push(part, seal, section),
            Written::Run(name, section) => {
                self.stored_runs.insert(name, section);
            }
            Written::Staged(number, section) => {
                if let Some(ticket) = self.tickets.get_mut(&number) {
                    ticket.section = Some(section);
                }
            }
        }
    }

    /// Hands the staged rows of ended epochs to the outputs.
    fn stage_written(&mut self, until: CheckpointId) {
        let is_ready = |ticket: &Ticket| {
            ticket.section.is_some() && ticket.checkpoint.is_some_and(|epoch| epoch <= until)
        };
        let ready: Vec<u64> =
            self.tickets.iter().filter(|(_, t)| is_ready(t)).map(|(number, _)| *number).collect();
        for number in ready {
            let Some(Ticket { part, checkpoint: Some(checkpoint), section: Some(section) }) =
                self.tickets.remove(&number)
            else {
                continue;
            };
            let content = StagedContent::Rows(section);
            let (sink, subtask) = (part.operator, part.subtask);
            self.outputs.stage(StagedOutput { sink, subtask, checkpoint, content });
        }
    }

    fn publish(&mut self, pending: Pending, manifest: Manifest, bytes: Vec<u8>) -> Result<Pause> {
        let manifest_hash = Manifest::hash(&bytes);
        let path = Manifest::path(pending.checkpoint, &manifest_hash);
        let env = &self.parts.env;
        if let Err(error) = env.step(FaultPoint::Manifest, || self.parts.storage.put(&path, &bytes))
        {
            self.backoff.failed(env, "write the manifest", error)?;
            self.phase = Phase::Publishing(pending, manifest, bytes);
            return Ok(Pause::None);
        }
        self.backoff.succeeded();
        let record = CommitRecord {
            incarnation: self.owner.incarnation.clone(),
            checkpoint: pending.checkpoint,
            manifest_hash,
        };
        self.phase = Phase::Committing(pending, manifest, record);
        Ok(Pause::None)
    }

    fn commit(
        &mut self,
        pending: Pending,
        manifest: Manifest,
        record: CommitRecord,
    ) -> Result<Pause> {
        let env = self.parts.env.clone();
        let committed = env.step(FaultPoint::Commit, || match &mut self.commit_point {
            Some(open) => open.committer.commit(&record, &[]),
            None => self.log.commit(&record),
        });
        // The log notes the first commit made elsewhere, so that a record that has vanished there
        // is missed, and the last, so that the next start may look for it in either place.
        let is_noted = self.has_noted_commit && pending.kind == BarrierKind::Periodic;
        let noted = committed.and_then(|()| match (&self.commit_point, is_noted) {
            (Some(_), false) => self.log.commit(&record),
            (Some(_), true) => self.log.check(),
            (None, _) => Ok(()),
        });
        if let Err(error) = noted {
            self.backoff.failed(&env, "commit", error)?;
            self.phase = Phase::Committing(pending, manifest, record);
            return Ok(Pause::None);
        }
        self.backoff.succeeded();
        self.completed(pending, manifest, &record);
        Ok(Pause::None)
    }

    fn completed(&mut self, pending: Pending, manifest: Manifest, record: &CommitRecord) {
        let now = self.parts.env.elapsed();
        self.has_noted_commit = true;
        self.n_failures = 0;
        let is_stopped = pending.kind == BarrierKind::Stop && !self.is_exhausted();
        if pending.kind != BarrierKind::Periodic && !is_stopped {
            self.outputs.end_input();
        }
        self.outputs.committed(record);
        self.parts.orders.complete(record.checkpoint);
        let n_full = manifest.segments().iter().map(|segment| segment.n_bytes).sum();
        let n_delta = std::mem::take(&mut self.uploads.n_bytes);
        let completed = Completed {
            checkpoint: record.checkpoint,
            at: self.parts.env.now(),
            whole: now.saturating_sub(pending.began),
            upload: pending.written.saturating_sub(pending.aligned),
            commit: now.saturating_sub(pending.written),
            n_delta,
            n_full,
        };
        self.parts.instruments.completed(completed);
        let pause = self.parts.settings.min_pause;
        let on_schedule = pending.began + self.parts.settings.interval;
        self.next_barrier = on_schedule.max(now + pause);
        self.is_ending = pending.kind != BarrierKind::Periodic;
        match pending.kind {
            BarrierKind::Periodic => {}
            BarrierKind::Drain => self.parts.facts.ended(JobEnd::Drained),
            BarrierKind::Stop if self.is_exhausted() => self.parts.facts.ended(JobEnd::Finished),
            BarrierKind::Stop => self.parts.facts.ended(JobEnd::Stopped),
        }
        let manifest = Arc::new(manifest);
        self.parts.facts.committed(completed, &manifest);
        self.retained.push_back(manifest);
        self.discard();
    }

    /// Deletes what no kept checkpoint needs. What cannot be deleted now is tried with the next.
    fn discard(&mut self) {
        while self.retained.len() > self.parts.settings.n_retained {
            self.retained.pop_front();
        }
        let storage = &self.parts.storage;
        let retained = self.retained.iter().chain(self.savepoints.copied());
        let kept: Vec<&Manifest> = retained.map(Arc::as_ref).collect();
        let unlisted = self.unlisted();
        let deleted = storage.list("").and_then(|listing| {
            let expired = retention::expired(&kept, &listing, self.next);
            for path in expired.iter().filter(|path| !unlisted.contains(path.as_str())) {
                self.parts.env.step(FaultPoint::Discard, || storage.delete(path))?;
            }
            Ok(())
        });
        if let Err(error) = deleted {
            tracing::info!(%error, "old checkpoints could not be deleted now");
        }
    }

    /// Segments that no manifest names yet: staged rows of an epoch that has not ended.
    fn unlisted(&self) -> BTreeSet<String> {
        let sections = self.tickets.values().filter_map(|ticket| ticket.section.as_ref());
        sections.map(|section| section.segment.path.clone()).collect()
    }

    /// Copies savepoints whose checkpoint is committed, and applied everywhere; true when
    /// something was done.
    fn copy_savepoint(&mut self) -> bool {
        let newest = self.retained.back().filter(|_| self.outputs.is_settled());
        self.savepoints.step(newest, &self.parts.graph.settings, &self.parts.storage)
    }

    /// Takes a report in.
    fn absorb(&mut self, report: Report) -> Result<()> {
        let Report { id, checkpoint, part } = report;
        let Some(checkpoint) = checkpoint else {
            if let Part::Chunk(Chunk { rows, permit }) = part {
                let rows = rows.iter().map(staged_record).collect::<Result<Vec<_>>>()?;
                let number = self.ticket(id, None, rows, Some(permit));
                self.chunks.entry(id).or_default().push(number);
            }
            return Ok(());
        };
        let mut latest = Latest { checkpoint, state: SubtaskState::default(), runs: Vec::new() };
        match part {
            Part::Head(state) => latest.state = state,
            Part::Node(node) => self.absorb_node(id, node, &mut latest),
            Part::Sink(prepared) => self.absorb_prepared(id, checkpoint, prepared)?,
            Part::Rows(rows) => {
                for number in self.chunks.remove(&id).unwrap_or_default() {
                    if let Some(ticket) = self.tickets.get_mut(&number) {
                        ticket.checkpoint = Some(checkpoint);
                    }
                }
                if !rows.is_empty() {
                    let rows = rows.iter().map(staged_record).collect::<Result<Vec<_>>>()?;
                    self.ticket(id, Some(checkpoint), rows, None);
                }
            }
            Part::Chunk(_) => return Err(Error::bug("a chunk of a certain checkpoint")),
        }
        self.latest.insert(id, latest);
        Ok(())
    }

    fn absorb_node(&mut self, id: PartId, node: NodeState, latest: &mut Latest) {
        let NodeState { watermark, clock, sealed, seal } = node;
        self.parts.instruments.sealed(seal);
        latest.state.watermark = Some(watermark);
        latest.state.clock = Some(clock);
        let Some(sealed) = sealed else { return };
        let Sealed { scalars, live, rows, runs, n_turns, n_keys, n_bytes } = sealed;
        self.parts.instruments.state(id, n_bytes);
        self.parts.chains.seal(id, n_turns);
        if rows.iter().any(|rows| rows.num_rows() > 0) {
            self.uploads.add(Job::State(id, self.parts.chains.last_seal(id), rows));
        }
        for run in &runs {
            if let Run::Spilled(run) = run
                && !self.stored_runs.contains_key(&run.segment.path)
            {
                self.uploads.add(Job::Run(id, Arc::clone(run)));
            }
        }
        let keyed = KeyedState { scalars, live, n_keys, n_bytes, ..KeyedState::default() };
        latest.state.keyed = Some(keyed);
        latest.runs = runs;
    }

    fn absorb_prepared(
        &mut self,
        id: PartId,
        checkpoint: CheckpointId,
        prepared: Vec<Prepared>,
    ) -> Result<()> {
        for prepared in prepared {
            let Prepared::Note(note) = prepared else {
                return Err(Error::bug("a writer staged rows by itself"));
            };
            let content = StagedContent::Note(note);
            let (sink, subtask) = (id.operator, id.subtask);
            self.outputs.stage(StagedOutput { sink, subtask, checkpoint, content });
        }
        Ok(())
    }

    fn ticket(
        &mut self,
        part: PartId,
        checkpoint: Option<CheckpointId>,
        rows: Vec<RecordBatch>,
        permit: Option<Permit>,
    ) -> u64 {
        let number = self.next_ticket;
        self.next_ticket += 1;
        self.tickets.insert(number, Ticket { part, checkpoint, section: None });
        self.uploads.add(Job::Staged(part, rows, number, permit));
        number
    }

    /// The manifest of a checkpoint all of whose parts are in the store.
    fn manifest(&mut self, pending: &Pending) -> Result<Manifest> {
        let graph = Arc::clone(&self.parts.graph);
        let mut operators = Vec::new();
        for node in &graph.nodes {
            let of_node = self.parts.parts.iter().filter(|part| part.operator == node.id);
            let parts: Vec<PartId> = of_node.copied().collect();
            let subtasks: Vec<SubtaskState> =
                parts.iter().map(|part| self.subtask(*part)).collect::<Result<_>>()?;
            if !matches!(node.operator, Operator::Collect) {
                let name = explain::title(&node.operator);
                operators.push(OperatorState { operator: node.id, name, subtasks });
            }
        }
        self.forget_runs();
        self.savepoints.begin(pending.checkpoint);
        Ok(Manifest {
            job: self.owner.job.clone(),
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            incarnation: self.owner.incarnation.clone(),
            generation: self.owner.generation,
            checkpoint: pending.checkpoint,
            created_at: pending.created_at,
            max_parallelism: graph.settings.max_parallelism,
            operators,
            staged: self.outputs.staged(),
        })
    }

    fn subtask(&self, part: PartId) -> Result<SubtaskState> {
        let latest = self.latest.get(&part);
        let latest = latest.ok_or_else(|| Error::bug("a part of a checkpoint is missing"))?;
        let mut state = latest.state.clone();
        if let Some(keyed) = &mut state.keyed {
            self.parts.chains.describe(part, keyed);
            for run in &latest.runs {
                keyed.runs.push(match run {
                    Run::Stored(section) => section.reference(),
                    Run::Spilled(run) => {
                        let stored = self.stored_runs.get(&run.segment.path).cloned();
                        stored.ok_or_else(|| Error::bug("a run has not reached the store"))?
                    }
                });
            }
        }
        Ok(state)
    }

    /// Forgets runs that no part needs any more.
    fn forget_runs(&mut self) {
        let runs = self.latest.values().flat_map(|latest| &latest.runs);
        let names: BTreeSet<&String> = runs
            .filter_map(|run| match run {
                Run::Spilled(run) => Some(&run.segment.path),
                Run::Stored(_) => None,
            })
            .collect();
        self.stored_runs.retain(|name, _| names.contains(name));
    }
}
