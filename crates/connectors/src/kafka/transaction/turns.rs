//! Whose turn it is: which of a job's two transactions takes the rows of an epoch. Decides only;
//! the caller begins and commits.
//!
//! ```text
//! slot:  free ──first row──▶ open ──commit of its last epoch begins──▶ committing ──▶ free
//! ```
//!
//! Rows of an epoch wait until the commit of the epoch before has begun, and then take the other
//! slot. Only then is it certain that the two epochs become visible one after the other: where
//! the checkpoint between them fails, both are of one commit, which one transaction can be but
//! two cannot. So an epoch whose end comes first joins the transaction of the one before.
//!
//! A writer that has no room for waiting rows takes the other slot early. Where the checkpoint in
//! between then fails, nothing can be committed any more, and the job goes back to what was.

use argus_base::id::CheckpointId;

/// The rows between two checkpoints, named by the one before; the first epoch of a writer has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(Option<CheckpointId>);

impl Epoch {
    /// What comes before the first checkpoint.
    pub const FIRST: Epoch = Epoch(None);

    /// What comes after a checkpoint.
    pub fn after(checkpoint: CheckpointId) -> Epoch {
        Epoch(Some(checkpoint))
    }

    /// Whether a checkpoint's commit makes it visible.
    fn is_covered_by(self, checkpoint: CheckpointId) -> bool {
        self < Epoch(Some(checkpoint))
    }
}

/// One of the two transactions.
pub type Slot = usize;

/// How much an epoch's rows need a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// They can wait.
    CanWait,
    /// There is no room for more of them.
    IsFull,
    /// Their epoch ends: the checkpoint before it, if it has not been committed, has failed.
    Ends,
}

/// What becomes of an epoch's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// They wait.
    Wait,
    /// They go into the transaction of that slot, which is to be begun first where it says so.
    Take {
        /// The slot.
        slot: Slot,
        /// Whether its transaction has not begun.
        begins: bool,
    },
    /// They cannot be committed together with rows that belong to the same commit.
    Apart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Open { first: Epoch, last: Epoch },
    Committing,
}

/// The turns of one job.
#[derive(Debug)]
pub struct Turns {
    slots: [State; 2],
    /// The slot to take next where both are free.
    next: Slot,
    /// The greatest checkpoint of which the commit has begun.
    sealed: Option<CheckpointId>,
    /// The greatest checkpoint that is known to have failed.
    failed: Option<CheckpointId>,
}

impl Default for Turns {
    fn default() -> Turns {
        Turns::new()
    }
}

impl Turns {
    /// Nothing has been written.
    pub fn new() -> Turns {
        Turns { slots: [State::Free; 2], next: 0, sealed: None, failed: None }
    }

    /// Where rows of an epoch go.
    pub fn take(&mut self, epoch: Epoch, need: Need) -> Turn {
        let may_fail = epoch.0 > self.sealed;
        if need == Need::Ends && may_fail {
            self.failed = self.failed.max(epoch.0);
        }
        if let Some(slot) = self.joined(epoch) {
            return Turn::Take { slot, begins: false };
        }
        if may_fail && need == Need::CanWait {
            return Turn::Wait;
        }
        let Some(slot) = self.free() else { return Turn::Apart };
        self.slots[slot] = State::Open { first: epoch, last: epoch };
        Turn::Take { slot, begins: true }
    }

    /// Whether what an ending epoch's commit is to make visible lies in one transaction.
    pub fn end(&mut self, epoch: Epoch, checkpoint: CheckpointId) -> bool {
        if epoch.0 > self.sealed {
            self.failed = self.failed.max(epoch.0);
        }
        self.covered(checkpoint).count() <= 1
    }

    /// Begins the commit of a checkpoint: `Take` says of which slot. No other commit may be under
    /// way.
    pub fn seal(&mut self, checkpoint: CheckpointId) -> Turn {
        let mut covered = self.covered(checkpoint);
        let turn = match (covered.next(), covered.next()) {
            (Some((slot, last)), None) if last.is_covered_by(checkpoint) => {
                Turn::Take { slot, begins: false }
            }
            (None, _) => match self.free() {
                Some(slot) => Turn::Take { slot, begins: true },
                None => Turn::Apart,
            },
            _ => Turn::Apart,
        };
        if let Turn::Take { slot, .. } = turn {
            self.slots[slot] = State::Committing;
            self.next = 1 - slot;
            self.sealed = self.sealed.max(Some(checkpoint));
        }
        turn
    }

    /// The commit of a slot is over.
    pub fn release(&mut self, slot: Slot) {
        self.slots[slot] = State::Free;
    }

    /// Slots whose transaction is open.
    pub fn open_slots(&self) -> impl Iterator<Item = Slot> {
        (0..2).filter(|slot| matches!(self.slots[*slot], State::Open { .. }))
    }

    /// The open slot that an epoch belongs to, which it joins where a checkpoint in between has
    /// failed.
    fn joined(&mut self, epoch: Epoch) -> Option<Slot> {
        let failed = self.failed;
        self.slots.iter_mut().position(|state| {
            let State::Open { first, last } = state else { return false };
            // A checkpoint later than what is sealed has failed if a later one has.
            let joins_later = epoch < *first && first.0 <= failed;
            let joins_earlier = epoch > *last && epoch.0 <= failed;
            if joins_later {
                *first = epoch;
            }
            if joins_earlier {
                *last = epoch;
            }
            epoch >= *first && epoch <= *last
        })
    }

    /// Open slots with rows that a checkpoint's commit is to make visible, and their last epoch.
    fn covered(&self, checkpoint: CheckpointId) -> impl Iterator<Item = (Slot, Epoch)> + use<> {
        let slots = (0..2).zip(self.slots);
        slots.filter_map(move |(slot, state)| match state {
            State::Open { first, last } if first.is_covered_by(checkpoint) => Some((slot, last)),
            _ => None,
        })
    }

    fn free(&self) -> Option<Slot> {
        [self.next, 1 - self.next].into_iter().find(|slot| self.slots[*slot] == State::Free)
    }
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
