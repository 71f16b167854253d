//! The only door to the clock and to chance, so that a whole job can run under a simulated world.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::fault::{FaultPoint, Faults, Moment, NoFaults};
use crate::time::ProcessingTime;

/// A source of time.
pub trait Clock: Send + Sync {
    /// Wall clock.
    fn now(&self) -> ProcessingTime;
    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;
    /// Holds the calling thread for that long. Only I/O threads may call it, never a slot.
    fn sleep(&self, duration: Duration);
}

/// Time and randomness of one job. Cloning shares both.
#[derive(Clone)]
pub struct Env {
    clock: Arc<dyn Clock>,
    random_state: Arc<AtomicU64>,
    faults: Arc<dyn Faults>,
}

impl Env {
    /// The machine's clock; randomness seeded from it.
    pub fn system() -> Env {
        let clock = SystemClock::new();
        let seed = clock.now().0.cast_unsigned() ^ (u64::from(std::process::id()) << 32);
        Env::new(Arc::new(clock), seed)
    }

    /// A world of its own.
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Env {
        Env { clock, random_state: Arc::new(AtomicU64::new(seed)), faults: Arc::new(NoFaults) }
    }

    /// The same world in which something may happen at fault points.
    pub fn with_faults(self, faults: Arc<dyn Faults>) -> Env {
        Env { faults, ..self }
    }

    /// Takes a durable step between the two sides of its fault point; the far side is only
    /// reached by a step that succeeds.
    pub fn step<T, E>(
        &self,
        point: FaultPoint,
        step: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.faults.reach(point, Moment::Before);
        let done = step()?;
        self.faults.reach(point, Moment::After);
        Ok(done)
    }

    /// Wall clock.
    pub fn now(&self) -> ProcessingTime {
        self.clock.now()
    }

    /// Time since some fixed moment; never goes back.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Holds the calling I/O thread.
    pub fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
    }

    /// The next 64 random bits (splitmix64).
    pub fn random(&self) -> u64 {
        let state = self.random_state.fetch_add(SPLITMIX_STEP, Ordering::Relaxed);
        splitmix64(state)
    }
}

const SPLITMIX_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The splitmix64 output for a state: a good mix of 64 bits into 64 bits, pinned for ever.
pub fn splitmix64(state: u64) -> u64 {
    let mut z = state.wrapping_add(SPLITMIX_STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The machine's clock.
struct SystemClock {
    start: std::time::Instant,
}

#[allow(clippy::disallowed_methods, reason = "this is where the ban points to")]
impl SystemClock {
    fn new() -> SystemClock {
        SystemClock { start: std::time::Instant::now() }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is where the ban points to")]
impl Clock for SystemClock {
    fn now(&self) -> ProcessingTime {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let millis = since_epoch.map_or(0, |duration| duration.as_millis());
        ProcessingTime(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
