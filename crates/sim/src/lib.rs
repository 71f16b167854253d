//! For developers: whole jobs in a world that one seed decides, on one thread and a clock of its
//! own, with a store, a broker, a database and a folder that fail as real ones do.
//!
//! ```text
//! simulation ─ steps in an order of the seed ─▶ workers (argus_engine::stepped)
//!      │ feeds input, kills, pauses, starts             │ calls
//!      ▼                                                ▼
//! expectation ◀─ what is visible ─ store, brokers, database, folder ◀─ world: fate of each call
//! ```
//! A seed is a whole run: `ARGUS_SIM_SEEDS=7..8 cargo test -p argus-sim` replays number 7 exactly,
//! and `ARGUS_SIM_TRACE=1` shows every event of it.

pub mod climate;
pub mod crew;
pub mod dice;
pub mod expectation;
pub mod factory;
pub mod savepoints;
pub mod scenario;
pub mod seeds;
pub mod simulation;
pub mod system;
pub mod time;
pub mod trace;
pub mod world;
