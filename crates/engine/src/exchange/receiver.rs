//! The receiving side: merges the elements of all senders into one stream.
//!
//! Rows come as they are; watermarks are merged by minimum, ticks by maximum, idle and end once
//! every sender said so, active once one did. When a barrier has come from one sender its queue
//! rests until the barrier has come from all that have not ended.

use std::collections::VecDeque;
use std::sync::Arc;

use argus_base::Element;
use argus_base::id::CheckpointId;
use argus_base::time::ProcessingTime;

use super::Channel;
use crate::watermark::{Merged, WatermarkMerge};

/// Receives from every subtask of one sending edge.
pub struct Receiver {
    channels: Vec<Arc<Channel>>,
    merge: WatermarkMerge,
    /// Channels whose barrier has come and those that have ended.
    resting: Vec<bool>,
    ended: Vec<bool>,
    barrier: Option<CheckpointId>,
    now: ProcessingTime,
    ready: VecDeque<Element>,
    next: usize,
}

impl Receiver {
    /// Receives from those channels.
    pub fn new(channels: Vec<Arc<Channel>>) -> Receiver {
        let n_channels = channels.len();
        Receiver {
            channels,
            merge: WatermarkMerge::new(n_channels),
            resting: vec![false; n_channels],
            ended: vec![false; n_channels],
            barrier: None,
            now: ProcessingTime(i64::MIN),
            ready: VecDeque::new(),
            next: 0,
        }
    }

    /// The next element, where there is one.
    pub fn poll(&mut self) -> Option<Element> {
        loop {
            if let Some(element) = self.ready.pop_front() {
                return Some(element);
            }
            let channel = self.next_channel()?;
            let element = self.channels[channel].pop()?;
            self.take(channel, element);
        }
    }

    fn next_channel(&mut self) -> Option<usize> {
        let n_channels = self.channels.len();
        let in_turn = (0..n_channels).map(|step| (self.next + step) % n_channels);
        let ready =
            |channel: &usize| !self.resting[*channel] && !self.channels[*channel].is_empty();
        let channel = in_turn.into_iter().find(ready)?;
        self.next = (channel + 1) % n_channels;
        Some(channel)
    }

    fn take(&mut self, channel: usize, element: Element) {
        match element {
            Element::Batch(_) => {
                self.activity(channel);
                self.ready.push_back(element);
            }
            Element::Active => self.activity(channel),
            Element::Watermark(watermark) => {
                let merged = self.merge.watermark(channel, watermark);
                self.push_merged(merged);
            }
            Element::Idle => {
                let merged = self.merge.idle(channel);
                self.push_merged(merged);
            }
            Element::Tick(now) => {
                if now > self.now {
                    self.now = now;
                    self.ready.push_back(element);
                }
            }
            Element::Barrier(checkpoint) => {
                self.resting[channel] = true;
                self.barrier = Some(checkpoint);
                self.release_barrier();
            }
            Element::End => {
                self.ended[channel] = true;
                let merged = self.merge.end(channel);
                self.push_merged(merged);
                self.release_barrier();
                if self.merge.is_ended() {
                    self.ready.push_back(Element::End);
                }
            }
        }
    }

    fn activity(&mut self, channel: usize) {
        if self.merge.activity(channel) {
            self.ready.push_back(Element::Active);
        }
    }

    fn push_merged(&mut self, merged: Merged) {
        if let Some(watermark) = merged.advanced {
            self.ready.push_back(Element::Watermark(watermark));
        }
        if merged.became_idle {
            self.ready.push_back(Element::Idle);
        }
    }

    fn release_barrier(&mut self) {
        let Some(checkpoint) = self.barrier else { return };
        let has_come =
            self.resting.iter().zip(&self.ended).all(|(resting, ended)| *resting || *ended);
        if has_come {
            self.barrier = None;
            self.resting.fill(false);
            self.ready.push_back(Element::Barrier(checkpoint));
        }
    }
}
