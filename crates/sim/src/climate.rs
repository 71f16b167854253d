//! What may go wrong in a world, and how often. Each seed has a climate of its own: some are mild,
//! in some only one kind of thing goes wrong, again and again.

use std::time::Duration;

use crate::dice::Dice;

/// How often things go wrong, each in so many of a hundred thousand cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Climate {
    /// A call fails before it does anything.
    pub refused: u64,
    /// A call does what it should, and its answer is lost.
    pub answer_lost: u64,
    /// A call that failed arrives later all the same.
    pub late: u64,
    /// Only the first part of an object is written.
    pub torn: u64,
    /// The worker dies in a call, before or after it did something.
    pub crash_in_call: u64,
    /// The worker dies at a fault point.
    pub crash_at_point: u64,
    /// The worker stands still in a call while the others go on.
    pub stall: u64,
    /// A system goes away for some time, at a turn of the scheduler.
    pub outage: u64,
    /// A worker dies, at a turn.
    pub kill: u64,
    /// A worker stands still for some time, at a turn.
    pub pause: u64,
    /// Another worker is started although one lives, at a turn.
    pub second_worker: u64,
    /// A worker is asked to end and another one goes on, at a turn.
    pub stop: u64,
    /// The wall clock jumps, at a turn.
    pub clock_jump: u64,
    /// When all of it ends.
    pub until: Duration,
}

impl Climate {
    /// Nothing goes wrong.
    pub fn calm() -> Climate {
        Climate::default()
    }

    /// The climate of a seed.
    pub fn roll(dice: &mut Dice, until: Duration) -> Climate {
        if dice.chance(3_000) {
            return Climate::calm();
        }
        // Most seeds have half of the troubles, some but one or two.
        let share = dice.pick(&[20_000, 50_000, 50_000, 80_000]);
        let mut often = |rates: &[u64]| if dice.chance(share) { dice.pick(rates) } else { 0 };
        Climate {
            refused: often(&[200, 1_000, 5_000]),
            answer_lost: often(&[200, 1_000, 5_000]),
            late: often(&[200, 1_000, 5_000]),
            torn: often(&[200, 1_000, 5_000]),
            crash_in_call: often(&[50, 200, 800]),
            crash_at_point: often(&[200, 1_000, 3_000]),
            stall: often(&[200, 1_000, 3_000]),
            outage: often(&[20, 100, 300]),
            kill: often(&[20, 100, 300]),
            pause: often(&[20, 100, 300]),
            second_worker: often(&[20, 100, 300]),
            stop: often(&[10, 50, 200]),
            clock_jump: often(&[50, 300]),
            until,
        }
    }
}
