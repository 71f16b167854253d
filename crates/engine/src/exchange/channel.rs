//! The queue between one sender and one receiver, and the bell that wakes a sleeping slot.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use argus_base::Element;

/// Elements in a queue from which on its sender has no credit. A step may still add what one
/// input batch makes, so a queue holds a few more at the most.
const CAPACITY: usize = 16;

/// A bell: whoever rings it makes the next or the current `wait` return.
#[derive(Default)]
pub struct Waker {
    is_rung: Mutex<bool>,
    bell: Condvar,
}

impl Waker {
    /// Wakes the waiter.
    pub fn ring(&self) {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_one();
    }

    /// Waits for a ring, at most that long.
    pub fn wait(&self, at_most: Duration) {
        let guard = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(guard, at_most, |is_rung| !*is_rung);
        let (mut guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *guard = false;
    }
}

/// A bounded queue. `push` never blocks: the sender asks for credit first.
pub struct Channel {
    queue: Mutex<VecDeque<Element>>,
    length: AtomicUsize,
    sender: Arc<Waker>,
    receiver: Arc<Waker>,
}

impl Channel {
    /// An empty queue between two slots.
    pub fn new(sender: Arc<Waker>, receiver: Arc<Waker>) -> Channel {
        Channel { queue: Mutex::default(), length: AtomicUsize::new(0), sender, receiver }
    }

    /// Whether the sender may push.
    pub fn has_credit(&self) -> bool {
        self.length.load(Ordering::Acquire) < CAPACITY
    }

    /// Whether there is nothing to pop.
    pub fn is_empty(&self) -> bool {
        self.length.load(Ordering::Acquire) == 0
    }

    /// Adds an element at the end.
    pub fn push(&self, element: Element) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back(element);
        self.length.store(queue.len(), Ordering::Release);
        drop(queue);
        self.receiver.ring();
    }

    /// Takes the first element.
    pub fn pop(&self) -> Option<Element> {
        if self.is_empty() {
            return None;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let element = queue.pop_front();
        let length = queue.len();
        self.length.store(length, Ordering::Release);
        drop(queue);
        if length + 1 == CAPACITY {
            self.sender.ring();
        }
        element
    }
}
