//! The lives of a job: each is a process that is killed, until the last one ends by itself.

use std::collections::VecDeque;
use std::time::Duration;

use argus_base::Env;

use super::death::{Death, Target, deaths, seed};
use super::random::Random;
use super::tally::Tally;
use crate::servers::job::Job;

/// A process that has not come to its fault point after this time is killed where it is.
const FAULT_PATIENCE: Duration = Duration::from_secs(10);
/// Slots of a life.
const MAX_PARALLELISM: u64 = 3;
const PAUSE: Duration = Duration::from_millis(2);
/// `SIGKILL`.
const KILL: i32 = 9;

/// What a process is started with.
#[derive(Clone, Debug)]
pub struct Life {
    /// The value of `ARGUS_FAULT`; empty: none.
    pub fault: String,
    /// Number of slots: jobs are rescaled from life to life.
    pub parallelism: u64,
}

impl Life {
    /// A life that nothing ends.
    pub fn quiet() -> Life {
        Life { fault: String::new(), parallelism: 1 }
    }
}

/// The lives of one target that are still to be ended.
pub struct Lives {
    deaths: VecDeque<Death>,
    random: Random,
    /// What has happened so far.
    pub tally: Tally,
}

impl Lives {
    /// All lives of a target.
    pub fn of(target: &Target, targets: &[Target]) -> Lives {
        let deaths = deaths(target, targets).into();
        let random = Random::new(seed(), &format!("lives of {}", target.name));
        Lives { deaths, random, tally: Tally::new(target.name) }
    }

    /// Whether there is none left.
    pub fn is_over(&self) -> bool {
        self.deaths.is_empty()
    }

    /// How many are left.
    pub fn n_left(&self) -> usize {
        self.deaths.len()
    }

    /// Starts the job and kills it, as often as is wanted. False where it came to its own end
    /// before.
    pub fn take(&mut self, n_lives: usize, start: &mut dyn FnMut(&Life) -> Job) -> bool {
        for _ in 0..n_lives {
            let Some(death) = self.deaths.pop_front() else { return true };
            if !self.live(death, start) {
                self.deaths.push_front(death);
                return false;
            }
        }
        true
    }

    /// Starts a job without end and kills it until no life is left.
    pub fn take_all(&mut self, start: &mut dyn FnMut(&Life) -> Job) {
        assert!(self.take(usize::MAX, start), "a job without end has ended");
    }

    fn live(&mut self, death: Death, start: &mut dyn FnMut(&Life) -> Job) -> bool {
        let (fault, longest) = match death {
            Death::At(side, n) => (format!("{side}:{n}"), FAULT_PATIENCE),
            Death::After(time) => (String::new(), time),
        };
        let parallelism = self.random.within(1..=MAX_PARALLELISM);
        let mut job = start(&Life { fault, parallelism });
        let (env, pause) = (Env::system(), PAUSE);
        while job.end().is_none() && env.elapsed() < longest {
            env.sleep(pause);
        }
        let killed_itself = job.end().is_some();
        job.kill();
        let done = job.wait();
        assert!(!done.stderr.contains(" ERROR "), "{}", done.stderr);
        self.tally.lived(done.stderr.contains("checkpoint restored"));
        if done.exit_code == Some(0) {
            return false;
        }
        assert_eq!(done.signal, Some(KILL), "{:?}\n{}", done.exit_code, done.stderr);
        match death {
            Death::At(side, _) if killed_itself => self.tally.killed(&side.to_string()),
            Death::At(side, n) => {
                assert!(n > 1, "it never came to {side}:\n{}", done.stderr);
                self.tally.killed("before it came to its point");
                self.deaths.push_front(Death::At(side, 1));
            }
            Death::After(_) => self.tally.killed("at random"),
        }
        true
    }
}
