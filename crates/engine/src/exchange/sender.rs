//! The sending side: which subtask gets a row.

use std::sync::Arc;

use argus_base::key_group::{key_group, key_hash, subtask_of};
use argus_base::{Batch, Element, Result};
use argus_plan::graph::Partitioning;
use argus_state::KeyCodec;
use argus_state::key_codec::EncodedKeys;
use arrow_array::{ArrayRef, RecordBatch, UInt32Array};

use super::Channel;

/// Sends the elements of one subtask to all subtasks of the receiver.
pub struct Sender {
    partitioning: Partitioning,
    channels: Vec<Arc<Channel>>,
    max_parallelism: u16,
    codec: Option<KeyCodec>,
    keys: EncodedKeys,
    next: usize,
}

impl Sender {
    /// A sender to those channels, one a receiving subtask, in order. `first` spreads what several
    /// senders send in turn.
    pub fn new(
        partitioning: Partitioning,
        channels: Vec<Arc<Channel>>,
        max_parallelism: u16,
        first: usize,
    ) -> Sender {
        let (codec, keys) = (None, EncodedKeys::default());
        Sender { partitioning, channels, max_parallelism, codec, keys, next: first }
    }

    /// Whether every receiver takes an element.
    pub fn has_credit(&self) -> bool {
        self.channels.iter().all(|channel| channel.has_credit())
    }

    /// Sends rows to where they belong and everything else to all.
    pub fn send(&mut self, element: &Element) -> Result<()> {
        let Element::Batch(batch) = element else {
            self.channels.iter().for_each(|channel| channel.push(element.clone()));
            return Ok(());
        };
        if let [only] = self.channels.as_slice() {
            only.push(element.clone());
            return Ok(());
        }
        match self.partitioning.clone() {
            Partitioning::Hash(columns) => self.send_by_key(batch, &columns)?,
            Partitioning::Rebalance => {
                self.channels[self.next % self.channels.len()].push(element.clone());
                self.next += 1;
            }
            Partitioning::Forward | Partitioning::Single => self.channels[0].push(element.clone()),
        }
        Ok(())
    }

    fn send_by_key(&mut self, batch: &Batch, columns: &[usize]) -> Result<()> {
        let keys: Vec<ArrayRef> =
            columns.iter().map(|column| batch.records.column(*column).clone()).collect();
        let types = || keys.iter().map(|key| key.data_type().clone()).collect();
        let codec = self.codec.get_or_insert_with(|| KeyCodec::new(types()));
        codec.encode(&keys, batch.n_rows(), &mut self.keys);
        let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); self.channels.len()];
        for row in 0..batch.n_rows() {
            let group = key_group(key_hash(self.keys.key(row)), self.max_parallelism);
            let target = subtask_of(group, self.channels.len(), self.max_parallelism);
            rows_of[target].push(u32::try_from(row).expect("a batch has less than 2^32 rows"));
        }
        for (channel, rows) in self.channels.iter().zip(rows_of) {
            if !rows.is_empty() {
                channel.push(Element::Batch(take_rows(batch, rows)?));
            }
        }
        Ok(())
    }
}

fn take_rows(batch: &Batch, rows: Vec<u32>) -> Result<Batch> {
    if rows.len() == batch.n_rows() {
        return Ok(batch.clone());
    }
    let kinds = batch.kinds.as_ref();
    let kinds = kinds.map(|kinds| rows.iter().map(|row| kinds[*row as usize]).collect());
    let rows = UInt32Array::from(rows);
    let take = |column| arrow_select::take::take(column, &rows, None);
    let columns = batch.records.columns().iter().map(|column| take(column.as_ref()));
    let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(Batch { records: RecordBatch::try_new(batch.records.schema(), columns)?, kinds })
}
