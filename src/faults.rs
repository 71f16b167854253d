//! `argus --fault-points`: where `ARGUS_FAULT` can kill a worker.

use std::fmt::Write;

use argus_base::fault::FaultPoint;

use crate::failure::Failure;
use crate::output::write_out;

/// Prints all of them with what they mean.
pub fn print() -> Result<(), Failure> {
    let mut out = String::new();
    for point in FaultPoint::ALL {
        let _infallible = writeln!(out, "{:<10} {}", point.name(), point.meaning());
    }
    Ok(write_out(out.as_bytes())?)
}
