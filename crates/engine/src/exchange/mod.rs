//! Exchanges: how rows go from the subtasks of one fragment to those of the next.
//!
//! There is one bounded queue per sender, receiver and edge. A sender is stepped only while all
//! its queues have credit, so a full queue stops one fragment, never a thread; alignment of
//! barriers stops one queue, never the others.

mod channel;
mod receiver;
mod sender;

pub use channel::{Channel, Waker};
pub use receiver::Receiver;
pub use sender::Sender;

#[cfg(test)]
mod tests;
