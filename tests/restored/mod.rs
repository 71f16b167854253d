//! Runs a script in this process, each of its jobs in several lives: a life is ended right after
//! some checkpoint has been committed, and the next one goes on from it with other parallelism.
//!
//! `world` wraps the connectors: its sources give few rows between two barriers, its sink shows
//! what has been committed. `kill_switch` ends a life, `lives` plans and runs, `printed` writes
//! rows as the binary prints them.

mod kill_switch;
pub mod lives;
mod printed;
mod world;
