//! A job without threads: whoever owns it takes its steps one by one, in any order, so that a
//! simulator can run whole jobs on a clock and with a schedule of its own.
//!
//! The steps are those that the threads of [`start`](crate::start) take: the turns of the slots,
//! the work beside them, the start order, the pause before a restart. Dropping the job at any time
//! is what the death of its process is: nothing is flushed or committed.

use std::sync::Arc;
use std::time::Duration;

use argus_base::{Error, Result};
use argus_plan::JobGraph;

use crate::control::Control;
use crate::fragment::Progress;
use crate::job::{JobControl, JobEnd, JobParts};
use crate::life::{Life, Next};
use crate::slot::Slot;

/// A step that a job may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepId {
    /// An attempt begins: the start order, and slots are built. Waits for servers by
    /// `Clock::sleep`.
    Begin,
    /// A turn of a slot that has not ended.
    Slot(usize),
    /// What goes on beside the slots, and after them.
    Control,
}

/// What a step came to.
#[derive(Debug)]
pub enum Stepped {
    /// Something was done.
    Made,
    /// Nothing can be done until something else happens, time passing among it.
    Idle,
    /// The attempt has failed, and another one follows.
    Failed(Error),
    /// The job has ended, or failed for good. Nothing is to be stepped any more.
    Ended(Result<JobEnd>),
}

/// A job that is stepped.
pub struct SteppedJob {
    life: Life,
    state: State,
}

enum State {
    /// An attempt begins at that time, on the clock of `Env::elapsed`.
    Waiting(Duration),
    Running {
        /// `None` where one has ended.
        slots: Vec<Option<Slot>>,
        control: Box<Control>,
    },
    Ended,
}

impl SteppedJob {
    /// A job that has not begun.
    pub fn new(graph: &JobGraph, parts: JobParts) -> SteppedJob {
        SteppedJob { life: Life::new(graph, parts), state: State::Waiting(Duration::ZERO) }
    }

    /// The steps that it may take now.
    pub fn steps(&self) -> Vec<StepId> {
        match &self.state {
            State::Waiting(_) => vec![StepId::Begin],
            State::Running { slots, .. } => {
                let running = slots.iter().enumerate().filter(|(_, slot)| slot.is_some());
                running.map(|(index, _)| StepId::Slot(index)).chain([StepId::Control]).collect()
            }
            State::Ended => Vec::new(),
        }
    }

    /// Takes one of the steps that `steps` names; any other does nothing.
    pub fn step(&mut self, step: StepId) -> Stepped {
        match (&mut self.state, step) {
            (State::Waiting(until), StepId::Begin) => {
                let is_due = *until <= self.life.env().elapsed();
                if is_due || self.life.shared().is_given_up() {
                    self.begin()
                } else {
                    Stepped::Idle
                }
            }
            (State::Running { slots, control }, StepId::Slot(index)) => {
                slots.get_mut(index).map_or(Stepped::Idle, |slot| turn(slot, control))
            }
            (State::Running { slots, control }, StepId::Control) => {
                let now = self.life.env().elapsed();
                let next = match slots.iter().all(Option::is_none) {
                    false => Some(control.step_beside_slots()),
                    true => control.step_after_slots(),
                };
                match next {
                    Some(next) if next > now => Stepped::Idle,
                    Some(_) => Stepped::Made,
                    None => self.end(),
                }
            }
            _ => Stepped::Idle,
        }
    }

    /// What watches it, stops it, and asks for savepoints. Whoever steps the job must not wait for
    /// one, but look for the answer after each step.
    pub fn control(&self) -> JobControl {
        JobControl::new(Arc::clone(self.life.shared()), self.life.takes_checkpoints())
    }

    fn begin(&mut self) -> Stepped {
        match self.life.begin() {
            Ok((slots, control)) => {
                let slots = slots.into_iter().map(Some).collect();
                self.state = State::Running { slots, control: Box::new(control) };
                Stepped::Made
            }
            Err(error) => self.follow(Err(error)),
        }
    }

    fn end(&mut self) -> Stepped {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Running { control, .. } => self.follow(Ok(control.end())),
            State::Waiting(_) | State::Ended => Stepped::Idle,
        }
    }

    fn follow(&mut self, outcome: Result<crate::control::Outcome>) -> Stepped {
        match self.life.end(outcome) {
            Next::RestartAt(time, error) => {
                self.state = State::Waiting(time);
                Stepped::Failed(error)
            }
            Next::End(result) => {
                self.state = State::Ended;
                Stepped::Ended(result)
            }
        }
    }
}

/// Takes a turn of a slot that may have ended.
fn turn(slot: &mut Option<Slot>, control: &mut Control) -> Stepped {
    let Some(running) = slot else { return Stepped::Idle };
    match running.turn() {
        Ok(Progress::Made) => return Stepped::Made,
        Ok(Progress::Idle | Progress::Blocked) => return Stepped::Idle,
        Ok(Progress::Finished) => {}
        Err(error) => control.fail(error),
    }
    *slot = None;
    Stepped::Made
}
