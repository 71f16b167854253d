//! Turns, step by step and against a model.

use std::collections::BTreeSet;

use argus_base::env::splitmix64;

use super::*;

const A: Epoch = Epoch::FIRST;

fn after(checkpoint: u64) -> Epoch {
    Epoch::after(CheckpointId(checkpoint))
}

fn id(checkpoint: u64) -> CheckpointId {
    CheckpointId(checkpoint)
}

fn takes(slot: Slot, begins: bool) -> Turn {
    Turn::Take { slot, begins }
}

#[test]
fn epochs_alternate_and_wait_for_the_commit_before() {
    let mut turns = Turns::new();
    assert_eq!(turns.take(A, Need::CanWait), takes(0, true));
    assert_eq!(turns.take(A, Need::IsFull), takes(0, false));
    assert!(turns.end(A, id(1)));
    assert_eq!(turns.take(after(1), Need::CanWait), Turn::Wait);
    assert_eq!(turns.seal(id(1)), takes(0, false));
    assert_eq!(turns.take(after(1), Need::CanWait), takes(1, true), "while 0 is committed");
    turns.release(0);
    assert!(turns.end(after(1), id(2)));
    assert_eq!(turns.seal(id(2)), takes(1, false));
    assert_eq!(turns.take(after(2), Need::CanWait), takes(0, true));
}

#[test]
fn an_epoch_without_rows_is_committed_too() {
    let mut turns = Turns::new();
    assert_eq!(turns.seal(id(0)), takes(0, true));
    turns.release(0);
    assert!(turns.end(A, id(1)));
    assert_eq!(turns.seal(id(1)), takes(1, true));
    assert_eq!(turns.take(after(1), Need::CanWait), takes(0, true));
}

#[test]
fn a_failed_checkpoint_joins_its_epochs() {
    let mut turns = Turns::new();
    assert_eq!(turns.take(A, Need::CanWait), takes(0, true));
    assert!(turns.end(A, id(1)));
    assert_eq!(turns.take(after(1), Need::CanWait), Turn::Wait);
    assert_eq!(turns.take(after(1), Need::Ends), takes(0, false));
    assert!(turns.end(after(1), id(2)));
    assert_eq!(turns.take(after(2), Need::CanWait), Turn::Wait);
    assert_eq!(turns.seal(id(2)), takes(0, false));
    assert_eq!(turns.take(after(2), Need::CanWait), takes(1, true));
}

#[test]
fn a_late_writer_joins_what_a_failed_checkpoint_has_joined() {
    let mut turns = Turns::new();
    // One writer has rows only behind checkpoint 1, which fails before the other one gets there.
    assert_eq!(turns.take(after(1), Need::Ends), takes(0, true));
    assert!(turns.end(after(1), id(2)));
    assert_eq!(turns.take(A, Need::CanWait), takes(0, false));
    assert!(turns.end(A, id(1)));
    assert!(turns.end(after(1), id(2)));
    assert_eq!(turns.seal(id(2)), takes(0, false));
}

#[test]
fn rows_without_room_go_ahead_and_cannot_come_back() {
    let mut turns = Turns::new();
    assert_eq!(turns.take(A, Need::CanWait), takes(0, true));
    assert!(turns.end(A, id(1)));
    assert_eq!(turns.take(after(1), Need::IsFull), takes(1, true));
    assert_eq!(turns.open_slots().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(turns.seal(id(1)), takes(0, false));
    turns.release(0);
    assert!(turns.end(after(1), id(2)));
    assert_eq!(turns.take(after(2), Need::IsFull), takes(0, true));
    assert!(!turns.end(after(2), id(3)), "checkpoint 2 failed");
    assert_eq!(turns.seal(id(3)), Turn::Apart);
}

#[test]
fn a_commit_that_is_not_answered_leaves_a_slot_for_the_next_epoch() {
    let mut turns = Turns::new();
    assert_eq!(turns.take(A, Need::CanWait), takes(0, true));
    assert!(turns.end(A, id(1)));
    assert_eq!(turns.seal(id(1)), takes(0, false));
    // The commit of 1 goes on without end; 2 and 3 are asked for meanwhile.
    assert_eq!(turns.take(after(1), Need::CanWait), takes(1, true));
    assert!(turns.end(after(1), id(2)));
    assert_eq!(turns.take(after(2), Need::Ends), takes(1, false));
    assert!(turns.end(after(2), id(3)));
    turns.release(0);
    assert_eq!(turns.seal(id(3)), takes(1, false));
}

/// A writer as `TransactionWorker` is one, with numbers for rows.
#[derive(Default)]
struct Writer {
    epoch: Option<u64>,
    waiting: Vec<u64>,
    barriers: Vec<u64>,
}

struct World {
    turns: Turns,
    writers: Vec<Writer>,
    slots: [BTreeSet<u64>; 2],
    /// Rows by the checkpoint that ends their epoch, as each writer saw it.
    next_row: u64,
    random: u64,
}

impl World {
    fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(1);
        splitmix64(self.random) % below
    }

    fn send(&mut self, writer: usize, need: Need) {
        let of = &mut self.writers[writer];
        if of.waiting.is_empty() {
            return;
        }
        let epoch = of.epoch.map_or(A, after);
        match self.turns.take(epoch, need) {
            Turn::Wait => assert_eq!(need, Need::CanWait),
            Turn::Take { slot, begins } => {
                assert_eq!(begins, self.slots[slot].is_empty());
                self.slots[slot].extend(of.waiting.drain(..));
            }
            Turn::Apart => panic!("nobody was ever full"),
        }
    }

    /// One writer does something; rows it takes at its next barrier are told to `covered`.
    fn step(&mut self, writer: usize, covered: &mut BTreeSet<u64>) {
        if self.random(3) > 0 {
            self.writers[writer].waiting.push(self.next_row);
            // Every row of a writer before its barrier belongs to the checkpoint.
            covered.insert(self.next_row);
            self.next_row += 1;
        }
        self.send(writer, Need::CanWait);
    }

    fn barrier(&mut self, writer: usize) {
        let Some(checkpoint) = self.writers[writer].barriers.pop() else { return };
        self.send(writer, Need::Ends);
        let epoch = self.writers[writer].epoch.map_or(A, after);
        assert!(self.turns.end(epoch, id(checkpoint)));
        self.writers[writer].epoch = Some(checkpoint);
    }
}

#[test]
fn each_commit_makes_the_rows_before_its_barriers_visible_and_no_others() {
    for seed in 0..300 {
        let mut world = World {
            turns: Turns::new(),
            writers: (0..3).map(|_| Writer::default()).collect(),
            slots: [BTreeSet::new(), BTreeSet::new()],
            next_row: 0,
            random: seed << 32,
        };
        let mut left = BTreeSet::new();
        for checkpoint in 1..20 {
            let mut covered = std::mem::take(&mut left);
            for writer in 0..3 {
                world.step(writer, &mut covered);
                world.writers[writer].barriers.push(checkpoint);
            }
            // In some order the barrier reaches the writers, which go on with rows behind it.
            let first = usize::try_from(world.random(3)).unwrap();
            for writer in (0..3).map(|i| (i + first) % 3) {
                world.step(writer, &mut covered);
                world.barrier(writer);
                world.step(writer, &mut left);
            }
            if world.random(3) == 0 {
                left.extend(covered);
                continue;
            }
            let turn = world.turns.seal(id(checkpoint));
            let Turn::Take { slot, .. } = turn else { panic!("seed {seed}: {turn:?}") };
            assert_eq!(world.slots[slot], covered, "seed {seed} checkpoint {checkpoint}");
            (0..3).for_each(|writer| world.step(writer, &mut left));
            world.slots[slot].clear();
            world.turns.release(slot);
        }
    }
}
