//! Ends a life at a chosen commit: the coordinator stands still there until the job is aborted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use argus_base::Env;
use argus_base::fault::{FaultPoint, Faults, Moment};

/// Nobody waits longer than this for the other.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_micros(100);

/// Counts commits.
pub struct KillSwitch {
    /// Commits left until the life ends; 0: it does not.
    left: AtomicU64,
    is_reached: AtomicBool,
    is_aborted: AtomicBool,
}

impl KillSwitch {
    /// Ends the life right after that many commits; 0: never.
    pub fn after(n_commits: u64) -> KillSwitch {
        KillSwitch {
            left: AtomicU64::new(n_commits),
            is_reached: AtomicBool::new(false),
            is_aborted: AtomicBool::new(false),
        }
    }

    /// Whether the commit has been made and the job is to be aborted.
    pub fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::Acquire)
    }

    /// The job has been aborted.
    pub fn aborted(&self) {
        self.is_aborted.store(true, Ordering::Release);
    }
}

impl Faults for KillSwitch {
    fn reach(&self, point: FaultPoint, moment: Moment) {
        let is_commit = (point, moment) == (FaultPoint::Commit, Moment::After);
        if !is_commit || self.left.load(Ordering::Acquire) == 0 {
            return;
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        self.is_reached.store(true, Ordering::Release);
        let env = Env::system();
        while !self.is_aborted.load(Ordering::Acquire) && env.elapsed() < PATIENCE {
            env.sleep(PAUSE);
        }
    }
}
