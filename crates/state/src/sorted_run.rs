//! Runs in which keys are looked up: state without slices that was spilled in one pass, ordered by
//! the hash of its keys.
//!
//! Of such state a key has one row that counts. A run knows of each block the hash of its first
//! key, and has a filter of all its keys; both stay in memory, about two bytes a key. Looking for
//! some keys reads the blocks that may hold them, each once, in order.

use std::sync::Arc;

use argus_base::key_group::key_hash;
use argus_base::{Error, Result};
use arrow_array::{Array, RecordBatch};
use arrow_select::interleave::interleave_record_batch;

use crate::SliceKey;
use crate::key_filter::KeyFilter;
use crate::rows::KeyColumns;
use crate::segment::{BlockStyle, SegmentReader};
use crate::snapshot::Run;
use crate::spill::{Pass, RunWriter, SliceRun, SpilledRun, StateContext};

/// Blocks are small, since a key is looked for in a whole one.
const STYLE: BlockStyle = BlockStyle { n_bytes: 16 << 10, is_compressed: false };
/// Rows that were found are handed over when as many blocks are held for them.
const MAX_HELD_BLOCKS: usize = 64;

/// A key that is looked for: its hash, and its number among those that are.
pub type Wanted = (u64, u32);

/// What one pass has written.
pub struct SortedRun {
    /// By the hashes of their keys.
    files: Vec<SliceRun>,
    blocks: Vec<BlockPlace>,
    filter: KeyFilter,
    /// The pass.
    pub pass: Pass,
}

/// Where a block lies.
struct BlockPlace {
    first_hash: u64,
    file: u32,
    /// In the file.
    block: u32,
}

/// Writes a [`SortedRun`].
pub struct SortedRunWriter {
    runs: RunWriter,
    filter: KeyFilter,
    pass: Pass,
    last_hash: u64,
}

impl SortedRunWriter {
    /// Writes about as many keys.
    pub fn new(context: &StateContext, pass: Pass, n_keys: usize) -> SortedRunWriter {
        let runs = RunWriter::new(context, pass).with_style(STYLE);
        SortedRunWriter { runs, filter: KeyFilter::new(n_keys), pass, last_hash: 0 }
    }

    /// Bytes held in memory besides the file that is being filled.
    pub fn n_bytes(&self) -> usize {
        self.filter.n_bytes()
    }

    /// Adds rows in order of the hashes of their keys, which are greater than those before. A
    /// transient error means what it does of [`RunWriter::add`].
    pub fn add(&mut self, rows: &RecordBatch, n_bytes: u64) -> Result<()> {
        for key in KeyColumns::of(rows)?.keys.iter().flatten() {
            let hash = key_hash(key);
            if hash < self.last_hash {
                return Err(Error::bug("rows of a sorted run are out of order"));
            }
            self.last_hash = hash;
            self.filter.insert(hash);
        }
        self.runs.add(SliceKey::KEYED, rows, n_bytes)
    }

    /// What was written.
    pub fn finish(self) -> Result<SortedRun> {
        let SortedRunWriter { runs, mut filter, pass, .. } = self;
        let files: Vec<SliceRun> = runs.finish()?.into_iter().map(|(_, run)| run).collect();
        let mut blocks = Vec::new();
        for (file, run) in (0_u32..).zip(&files) {
            let hashes = &spilled(run)?.block_hashes;
            let of_file = (0_u32..).zip(hashes);
            blocks.extend(of_file.map(|(block, hash)| BlockPlace {
                first_hash: *hash,
                file,
                block,
            }));
        }
        filter.fit();
        Ok(SortedRun { files, blocks, filter, pass })
    }
}

fn spilled(run: &SliceRun) -> Result<&Arc<SpilledRun>> {
    match &run.run {
        Run::Spilled(run) => Ok(run),
        Run::Stored(_) => Err(Error::bug("a sorted run is of this process")),
    }
}

impl SortedRun {
    /// Its files, in order.
    pub fn files(&self) -> &[SliceRun] {
        &self.files
    }

    /// Rows in it.
    pub fn n_rows(&self) -> u64 {
        self.files.iter().filter_map(|run| spilled(run).ok()).map(|run| run.n_rows).sum()
    }

    /// Bytes held in memory.
    pub fn n_bytes(&self) -> usize {
        self.filter.n_bytes() + size_of_val(self.blocks.as_slice())
    }

    /// Looks for keys, which are in order of their hashes, and calls `found` with rows that have
    /// some of them and, row by row, the number of the key.
    pub fn look_up<'k>(
        &self,
        wanted: &[Wanted],
        key_of: impl Fn(u32) -> &'k [u8],
        mut found: impl FnMut(&RecordBatch, &[u32]) -> Result<()>,
    ) -> Result<()> {
        let wanted: Vec<Wanted> =
            wanted.iter().copied().filter(|(hash, _)| self.filter.may_have(*hash)).collect();
        let places = self.places(&wanted);
        let mut rows = FoundRows::default();
        for of_file in places.chunk_by(|one, other| self.file_of(one) == self.file_of(other)) {
            let file = &self.files[self.file_of(&of_file[0]) as usize];
            let reader = file.open()?;
            self.look_up_in(&reader, of_file, |batch, wanted| {
                rows.add(batch, wanted, &key_of)?;
                if rows.blocks.len() < MAX_HELD_BLOCKS {
                    Ok(())
                } else {
                    rows.hand_over(&mut found)
                }
            })?;
        }
        rows.hand_over(&mut found)
    }

    /// Each key with every block that may hold it, by block.
    fn places(&self, wanted: &[Wanted]) -> Vec<(usize, Wanted)> {
        let mut places = Vec::with_capacity(wanted.len());
        for (hash, number) in wanted {
            // Blocks that begin with the hash, and the one before: it may end with it.
            let first = self.blocks.partition_point(|block| block.first_hash < *hash);
            let end = self.blocks.partition_point(|block| block.first_hash <= *hash);
            places.extend((first.saturating_sub(1)..end).map(|block| (block, (*hash, *number))));
        }
        places.sort_unstable();
        places
    }

    fn file_of(&self, place: &(usize, Wanted)) -> u32 {
        self.blocks[place.0].file
    }

    fn look_up_in(
        &self,
        reader: &SegmentReader,
        places: &[(usize, Wanted)],
        mut found: impl FnMut(RecordBatch, &[(usize, Wanted)]) -> Result<()>,
    ) -> Result<()> {
        let by_block = || places.chunk_by(|one, other| one.0 == other.0);
        let blocks = by_block().map(|of_block| self.blocks[of_block[0].0].block as usize);
        for (rows, of_block) in reader.read_blocks(blocks).zip(by_block()) {
            found(rows?, of_block)?;
        }
        Ok(())
    }
}

/// Rows that were found, in the blocks they were read with.
#[derive(Default)]
struct FoundRows {
    blocks: Vec<RecordBatch>,
    /// Block and row.
    places: Vec<(usize, usize)>,
    numbers: Vec<u32>,
}

impl FoundRows {
    /// Adds those rows of a block that have a wanted key.
    fn add<'k>(
        &mut self,
        block: RecordBatch,
        wanted: &[(usize, Wanted)],
        key_of: impl Fn(u32) -> &'k [u8],
    ) -> Result<()> {
        let keys = KeyColumns::of(&block)?.keys;
        let n_before = self.places.len();
        let mut from = 0;
        for (_, (hash, number)) in wanted {
            from = first_row(from, keys.len(), |row| key_hash(keys.value(row)) < *hash);
            let key = key_of(*number);
            let same = (from..keys.len()).take_while(|row| key_hash(keys.value(*row)) == *hash);
            if let Some(row) = same.into_iter().find(|row| keys.value(*row) == key) {
                self.places.push((self.blocks.len(), row));
                self.numbers.push(*number);
            }
        }
        if self.places.len() > n_before {
            self.blocks.push(block);
        }
        Ok(())
    }

    fn hand_over(
        &mut self,
        found: &mut impl FnMut(&RecordBatch, &[u32]) -> Result<()>,
    ) -> Result<()> {
        if !self.places.is_empty() {
            let blocks: Vec<&RecordBatch> = self.blocks.iter().collect();
            found(&interleave_record_batch(&blocks, &self.places)?, &self.numbers)?;
        }
        *self = FoundRows::default();
        Ok(())
    }
}

/// The first row of a range that is not before what is looked for.
fn first_row(mut start: usize, mut end: usize, is_before: impl Fn(usize) -> bool) -> usize {
    while start < end {
        let middle = usize::midpoint(start, end);
        if is_before(middle) { start = middle + 1 } else { end = middle }
    }
    start
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use argus_base::id::{OperatorId, SubtaskIndex};
    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt64Type;
    use arrow_array::{ArrayRef, BinaryArray, UInt64Array};
    use arrow_schema::{DataType, Field, Schema};

    use super::*;
    use crate::rows::{row_schema, slice_rows};
    use crate::spill::MemoryLimit;
    use crate::spill_folder::SpillFolder;

    fn context(folder: &Path) -> StateContext {
        let folder = SpillFolder::make(folder, 7).unwrap();
        StateContext {
            operator: OperatorId(1),
            subtask: SubtaskIndex(0),
            max_parallelism: 128,
            is_tracked: true,
            memory: Some(Arc::new(MemoryLimit::of_state(1, folder))),
        }
    }

    /// Keys of various lengths.
    fn key(n: u64) -> Vec<u8> {
        format!("{n}{}", "-".repeat(usize::try_from(n % 40).unwrap())).into_bytes()
    }

    fn write(context: &StateContext, numbers: impl Iterator<Item = u64>) -> SortedRun {
        let keys = Schema::new(vec![Field::new("k", DataType::Binary, false)]);
        let schema = row_schema(&keys, vec![Field::new("n", DataType::UInt64, false)]).unwrap();
        let by_hash: BTreeMap<u64, u64> = numbers.map(|n| (key_hash(&key(n)), n)).collect();
        let numbers: Vec<u64> = by_hash.into_values().collect();
        let mut writer = SortedRunWriter::new(context, Pass::next(0), numbers.len());
        for numbers in numbers.chunks(30_000) {
            let keys = BinaryArray::from_iter_values(numbers.iter().map(|n| key(*n)));
            let values: ArrayRef = Arc::new(UInt64Array::from(numbers.to_vec()));
            let rows = slice_rows(&schema, SliceKey::KEYED, keys, vec![values]).unwrap();
            writer.add(&rows, 1_000).unwrap();
        }
        writer.finish().unwrap()
    }

    fn look_up(run: &SortedRun, numbers: &[u64]) -> Vec<u64> {
        let keys: Vec<Vec<u8>> = numbers.iter().map(|n| key(*n)).collect();
        let key_of = |number: u32| keys[number as usize].as_slice();
        let hash = |number: u32| (key_hash(key_of(number)), number);
        let mut wanted: Vec<Wanted> = (0..).take(keys.len()).map(hash).collect();
        wanted.sort_unstable();
        let mut found = Vec::new();
        run.look_up(&wanted, key_of, |rows, of| {
            let values = rows.column_by_name("n").unwrap().as_primitive::<UInt64Type>();
            for (value, number) in values.values().iter().zip(of) {
                assert_eq!(*value, numbers[*number as usize]);
                found.push(*value);
            }
            assert_eq!(values.len(), of.len());
            Ok(())
        })
        .unwrap();
        found.sort_unstable();
        found
    }

    #[test]
    fn keys_are_found_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let run = write(&context(folder.path()), (0..1_200_000).step_by(2));
        assert!(run.files().len() > 1, "more than one file");
        assert!(run.blocks.len() > 1_000, "{} blocks", run.blocks.len());
        assert_eq!(run.n_rows(), 600_000);
        assert!(run.n_bytes() < 2 * 600_000, "{} bytes in memory", run.n_bytes());
        for step in [1, 7, 5_000] {
            let wanted: Vec<u64> = (0..1_300_000).step_by(step).collect();
            let expected: Vec<u64> =
                wanted.iter().copied().filter(|n| n % 2 == 0 && *n < 1_200_000).collect();
            assert_eq!(look_up(&run, &wanted), expected, "{step}");
        }
        assert_eq!(look_up(&run, &[]), [0; 0]);
        assert_eq!(look_up(&write(&context(folder.path()), 0..0), &[1]), [0; 0]);
    }

    #[test]
    fn a_lost_file_is_a_lost_run() {
        let folder = tempfile::tempdir().unwrap();
        let context = context(folder.path());
        let run = write(&context, 0..10);
        let Run::Spilled(file) = &run.files()[0].run else { unreachable!() };
        std::fs::remove_file(&file.path).unwrap();
        let error = run.look_up(&[(key_hash(&key(1)), 0)], |_| b"1-", |_, _| Ok(())).unwrap_err();
        assert_eq!(error.code(), "AR5301", "{error}");
    }
}
