//! Kills a job over and over, at named fault points and at random moments, and compares what it
//! has written in the end.
//!
//! `death` decides by a seed when each life ends, `lives` starts the job and sees to it, `tally`
//! counts kills and compares rows, `events` is the input of the jobs that read Kafka, `sinks` what
//! they write, `run` one of them with all that it needs.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod death;
pub mod events;
pub mod lives;
pub mod random;
pub mod run;
pub mod sinks;
pub mod tally;
