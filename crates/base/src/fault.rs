//! Fault points: named places around every durable step where a test can end the process.
//!
//! `ARGUS_FAULT=POINT:before|after:N` kills the process with SIGKILL when it comes to that side of
//! the point for the N-th time. A simulation crashes its worker there instead.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A durable step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultPoint {
    /// The worker takes the store over.
    Fence,
    /// A subtask seals its state at a barrier.
    Seal,
    /// A segment goes to the store.
    Upload,
    /// The manifest of a checkpoint goes to the store.
    Manifest,
    /// The commit at the commit point.
    Commit,
    /// A follower applies an epoch under its marker.
    Marker,
    /// A file becomes visible.
    Publish,
    /// What no checkpoint needs any more is deleted.
    Discard,
}

impl FaultPoint {
    /// All of them, in the order in which a checkpoint comes to them.
    pub const ALL: [FaultPoint; 8] = [
        FaultPoint::Fence,
        FaultPoint::Seal,
        FaultPoint::Upload,
        FaultPoint::Manifest,
        FaultPoint::Commit,
        FaultPoint::Marker,
        FaultPoint::Publish,
        FaultPoint::Discard,
    ];

    /// Its name in `ARGUS_FAULT`.
    pub fn name(self) -> &'static str {
        match self {
            FaultPoint::Fence => "fence",
            FaultPoint::Seal => "seal",
            FaultPoint::Upload => "upload",
            FaultPoint::Manifest => "manifest",
            FaultPoint::Commit => "commit",
            FaultPoint::Marker => "marker",
            FaultPoint::Publish => "publish",
            FaultPoint::Discard => "discard",
        }
    }

    /// What happens between its two sides.
    pub fn meaning(self) -> &'static str {
        match self {
            FaultPoint::Fence => "the worker takes the checkpoint store over",
            FaultPoint::Seal => "a subtask seals its state at a barrier",
            FaultPoint::Upload => "a segment goes to the store",
            FaultPoint::Manifest => "the manifest of a checkpoint goes to the store",
            FaultPoint::Commit => "the checkpoint is committed at the commit point",
            FaultPoint::Marker => "a follower applies an epoch under its marker",
            FaultPoint::Publish => "a file becomes visible",
            FaultPoint::Discard => "an object that no checkpoint needs any more is deleted",
        }
    }
}

/// Which side of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Nothing of the step has happened.
    Before,
    /// The step is done and durable.
    After,
}

/// What happens at fault points.
pub trait Faults: Send + Sync {
    /// The process comes to a side of a point. Does not return where it is to end there.
    fn reach(&self, point: FaultPoint, moment: Moment);
}

/// Nothing happens.
#[derive(Debug)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn reach(&self, _point: FaultPoint, _moment: Moment) {}
}

/// Ends the process at one side of one point.
#[derive(Debug)]
pub struct KillAt {
    point: FaultPoint,
    moment: Moment,
    /// Times left until it does, this one included.
    left: AtomicU64,
}

impl KillAt {
    /// Reads `POINT:before|after:N`, N from 1; says what was expected where it cannot.
    pub fn parse(text: &str) -> Result<KillAt, UnreadableFault> {
        let unreadable = || UnreadableFault(text.to_owned());
        let mut parts = text.split(':');
        let (Some(point), Some(moment), Some(count), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(unreadable());
        };
        let point = FaultPoint::ALL.into_iter().find(|known| known.name() == point);
        let moment = match moment {
            "before" => Moment::Before,
            "after" => Moment::After,
            _ => return Err(unreadable()),
        };
        let count = count.parse().ok().filter(|count| *count > 0);
        let (Some(point), Some(count)) = (point, count) else { return Err(unreadable()) };
        Ok(KillAt { point, moment, left: AtomicU64::new(count) })
    }
}

impl Faults for KillAt {
    fn reach(&self, point: FaultPoint, moment: Moment) {
        if (point, moment) == (self.point, self.moment)
            && self.left.fetch_sub(1, Ordering::AcqRel) == 1
        {
            kill_this_process();
        }
    }
}

/// As `kill -9` does: no destructor runs, nothing is flushed.
fn kill_this_process() -> ! {
    let own = std::process::id().to_string();
    let _the_abort_below_is_as_sudden =
        std::process::Command::new("kill").args(["-9", &own]).status();
    std::process::abort()
}

/// A text that names no fault.
#[derive(Debug, PartialEq, Eq)]
pub struct UnreadableFault(String);

impl fmt::Display for UnreadableFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let points = FaultPoint::ALL.map(FaultPoint::name).join(", ");
        let text = &self.0;
        write!(f, "'{text}' is no fault: expected POINT:before|after:N, POINT one of {points}")
    }
}

impl std::error::Error for UnreadableFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read() {
        let fault = KillAt::parse("manifest:after:3").unwrap();
        assert_eq!((fault.point, fault.moment), (FaultPoint::Manifest, Moment::After));
        fault.reach(FaultPoint::Manifest, Moment::Before);
        fault.reach(FaultPoint::Manifest, Moment::After);
        assert_eq!(fault.left.into_inner(), 2);
        for wrong in [
            "",
            "seal",
            "seal:after",
            "seal:after:0",
            "seal:on:1",
            "sail:after:1",
            "seal:after:1:2",
        ] {
            assert!(KillAt::parse(wrong).is_err(), "{wrong}");
        }
    }
}
