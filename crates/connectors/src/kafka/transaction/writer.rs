//! The writer of rows that a transaction makes visible: one I/O thread, its producers shared with
//! all writers of the cluster.
//!
//! Bound: rows that wait for their turn are kept encoded, [`WAITING_BYTES`] and one batch more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::Prepared;
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::{Batch, Error, Result};
use rdkafka::producer::Producer;

use super::pair::TransactionPair;
use super::turns::{Epoch, Need, Slot};
use crate::background::{Worker, WriterState};
use crate::kafka::connection::PROBE_INTERVAL;
use crate::kafka::send::{Lane, RowSender};
use crate::kafka::table::{Outgoing, RowEncoder, WrittenTable};
use crate::kafka::writer::{BUSY_TICK, IDLE_TICK, Watch};

/// Bytes of encoded rows that wait for the commit of the epoch before, for each writer. A commit
/// that takes longer than they last lets them go into the other transaction early.
const WAITING_BYTES: usize = 16 << 20;

/// The I/O thread of one writer.
pub struct TransactionWorker {
    table: Arc<WrittenTable>,
    encoder: RowEncoder,
    sender: RowSender,
    watch: Watch,
    pair: Arc<TransactionPair>,
    epoch: Epoch,
    /// Where the rows of the epoch go, once it is known.
    slot: Option<Slot>,
    /// Rows of the epoch that wait, and when they came.
    waiting: VecDeque<(Outgoing, Duration)>,
    n_waiting_bytes: usize,
    /// Number of messages sent when the last epoch ended.
    n_ended: u64,
    is_idle: bool,
    /// When brokers that are away are asked again.
    next_probe: Duration,
}

impl TransactionWorker {
    /// A worker that has written nothing.
    pub fn new(
        table: Arc<WrittenTable>,
        encoder: RowEncoder,
        subtask: SubtaskIndex,
        pair: Arc<TransactionPair>,
        state: Arc<WriterState>,
    ) -> TransactionWorker {
        let sender = RowSender::new(&table, subtask, true);
        let deliveries = Arc::clone(sender.deliveries());
        let watch = Watch { state, connection: Arc::clone(&pair.connection), deliveries };
        TransactionWorker {
            table,
            encoder,
            sender,
            watch,
            pair,
            epoch: Epoch::FIRST,
            slot: None,
            waiting: VecDeque::new(),
            n_waiting_bytes: 0,
            n_ended: 0,
            is_idle: true,
            next_probe: Duration::ZERO,
        }
    }

    /// Sends what waits, if its turn has come.
    fn send_waiting(&mut self, need: Need) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if self.slot.is_none() {
            self.slot = self.pair.take(self.epoch, need)?;
        }
        let Some(slot) = self.slot else { return Ok(()) };
        let (pair, watch) = (&self.pair, &self.watch);
        let wait = |time| serve(pair, slot, watch, time);
        let lane = Lane { producer: pair.producer(slot), topics: &pair.topics, wait: &wait };
        while let Some((outgoing, begun)) = self.waiting.pop_front() {
            self.n_waiting_bytes -= outgoing.n_bytes();
            self.sender.send(&outgoing, begun, lane)?;
        }
        Ok(())
    }
}

fn serve(pair: &TransactionPair, slot: Slot, watch: &Watch, time: Duration) -> Result<()> {
    pair.producer(slot).poll(time);
    watch.check()
}

impl Worker for TransactionWorker {
    fn write(&mut self, batch: Batch) -> Result<()> {
        let begun = self.table.context.env.elapsed();
        let outgoing = self.encoder.encode(&batch)?;
        self.n_waiting_bytes += outgoing.n_bytes();
        self.waiting.push_back((outgoing, begun));
        let is_full = self.n_waiting_bytes > WAITING_BYTES;
        self.send_waiting(if is_full { Need::IsFull } else { Need::CanWait })?;
        self.tick()
    }

    fn flush(&mut self, checkpoint: CheckpointId) -> Result<Vec<Prepared>> {
        self.send_waiting(Need::Ends)?;
        self.pair.end(self.epoch, checkpoint)?;
        if let Some(slot) = self.slot.take() {
            let (pair, watch) = (&self.pair, &self.watch);
            self.sender.drain(&|time| serve(pair, slot, watch, time))?;
        }
        self.n_ended = self.sender.n_sent();
        self.epoch = Epoch::after(checkpoint);
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<()> {
        if self.waiting.is_empty() && self.sender.n_sent() == self.n_ended {
            return Ok(());
        }
        Err(Error::bug("rows were written after the last checkpoint"))
    }

    fn next_tick(&self) -> Option<Duration> {
        let is_idle = self.is_idle && self.waiting.is_empty();
        Some(if is_idle { IDLE_TICK } else { BUSY_TICK })
    }

    fn tick(&mut self) -> Result<()> {
        self.pair.poll();
        let checked = self.watch.check();
        let now = self.table.context.env.elapsed();
        if self.watch.connection.is_away() && now >= self.next_probe {
            let topic = self.table.options.topics.first().map(String::as_str);
            self.watch.connection.probe(self.pair.producer(0).client(), topic);
            self.next_probe = now + PROBE_INTERVAL;
        }
        self.is_idle = self.sender.observe();
        checked?;
        self.send_waiting(Need::CanWait)
    }
}
