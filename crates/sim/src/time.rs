//! The clock of a world: it stands still unless somebody moves it on. The wall clock beside it
//! may jump; the time that has passed never does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use argus_base::env::Clock;
use argus_base::time::ProcessingTime;

use crate::crew::WorkerId;
use crate::world::World;

/// 2024-01-01T00:00:00Z, when every world begins.
pub const BEGINNING_MS: i64 = 1_704_067_200_000;

/// Time of a world.
#[derive(Debug, Default)]
pub struct Time {
    passed_ns: AtomicU64,
    /// How far the wall clock is off.
    wall_offset_ms: AtomicI64,
}

impl Time {
    /// Time since the world began.
    pub fn passed(&self) -> Duration {
        Duration::from_nanos(self.passed_ns.load(Ordering::Relaxed))
    }

    /// Moves on; times of the past change nothing.
    pub fn advance_to(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.passed_ns.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Sets the wall clock wrong by so much.
    pub fn set_wall_offset(&self, millis: i64) {
        self.wall_offset_ms.store(millis, Ordering::Relaxed);
    }

    fn wall(&self) -> ProcessingTime {
        let passed = i64::try_from(self.passed().as_millis()).unwrap_or(i64::MAX);
        let offset = self.wall_offset_ms.load(Ordering::Relaxed);
        ProcessingTime(BEGINNING_MS.saturating_add(passed).saturating_add(offset))
    }
}

/// The clock as one worker has it: while it sleeps, the others go on.
pub struct WorkerClock {
    /// Where it is.
    pub world: Arc<World>,
    /// Whose it is.
    pub worker: WorkerId,
}

impl Clock for WorkerClock {
    fn now(&self) -> ProcessingTime {
        self.world.time.wall()
    }

    fn elapsed(&self) -> Duration {
        self.world.time.passed()
    }

    fn sleep(&self, duration: Duration) {
        self.world.sleep(self.worker, duration);
    }
}
