//! Runs in which keys are looked up: state without slices that was spilled in one pass, ordered by
//! the hash of its keys.
//!
//! Of such state a key has one row that counts. What is needed to find the block of a key stays in
//! memory: the index of each file, the hash of the first key of each block, and a filter of all
//! keys; about two bytes a row. Looking for some keys reads the blocks that may hold them, each
//! once, in order.

use std::ops::RangeInclusive;
use std::sync::Arc;

use argus_base::key_group::key_hash;
use argus_base::{Error, Result};
use arrow_array::{Array, RecordBatch};
use arrow_select::interleave::interleave_record_batch;

use crate::SliceKey;
use crate::key_filter::KeyFilter;
use crate::rows::KeyColumns;
use crate::segment::{BlockPlaces, SegmentReader, first_row};
use crate::snapshot::Run;
use crate::spill::{Pass, RunWriter, SpilledRun, StateContext};

/// Rows that were found are handed over when the blocks that are held for them have as many bytes.
const MAX_HELD_BYTES: usize = 1 << 20;

/// A key that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Its hash.
    pub hash: u64,
    /// Its number among those that are looked for.
    pub number: u32,
}

/// What one pass has written.
pub struct SortedRun {
    /// By the hashes of their keys.
    files: Vec<Arc<SpilledRun>>,
    /// The pass.
    pub pass: Pass,
}

/// How the keys of a file are found.
#[derive(Debug)]
pub(crate) struct FileLookup {
    blocks: BlockPlaces,
    hashes: RangeInclusive<u64>,
    filter: KeyFilter,
}

/// Writes a [`SortedRun`].
pub struct SortedRunWriter {
    runs: RunWriter,
    pass: Pass,
}

impl SortedRunWriter {
    /// Nothing is written yet.
    pub fn new(context: &StateContext, pass: Pass) -> SortedRunWriter {
        SortedRunWriter { runs: RunWriter::sorted(context, pass), pass }
    }

    /// Adds rows in order of the hashes of their keys, none of which is less than those before. A
    /// transient error means what it does of [`RunWriter::add`].
    pub fn add(&mut self, rows: &RecordBatch, n_bytes: u64) -> Result<()> {
        self.runs.add(SliceKey::KEYED, rows, n_bytes)
    }

    /// What was written.
    pub fn finish(self) -> Result<SortedRun> {
        let files = self.runs.finish()?.into_iter().map(|(_, run)| match run.run {
            Run::Spilled(run) if run.lookup.is_some() => Ok(run),
            _ => Err(Error::bug("a run that was just written cannot be searched")),
        });
        Ok(SortedRun { files: files.collect::<Result<_>>()?, pass: self.pass })
    }
}

impl FileLookup {
    /// Of the keys with these hashes, which must be in order.
    pub fn new(blocks: BlockPlaces, hashes: &[u64]) -> Result<FileLookup> {
        if !hashes.is_sorted() {
            return Err(Error::bug("rows of a sorted run are out of order"));
        }
        let mut filter = KeyFilter::new(hashes.len());
        hashes.iter().for_each(|hash| filter.insert(*hash));
        let (first, last) = (hashes.first(), hashes.last());
        let hashes = first.copied().unwrap_or(0)..=last.copied().unwrap_or(0);
        Ok(FileLookup { blocks, hashes, filter })
    }

    fn n_bytes(&self) -> usize {
        self.filter.n_bytes() + self.blocks.n_bytes()
    }

    /// The blocks that may hold keys with such a hash: those that begin within the range, and the
    /// one before.
    fn blocks(&self, hashes: &RangeInclusive<u64>) -> std::ops::Range<usize> {
        let firsts = self.blocks.first_hashes.as_slice();
        let first = firsts.partition_point(|first| first < hashes.start());
        first.saturating_sub(1)..firsts.partition_point(|first| first <= hashes.end())
    }

    /// Each key that may be there, with every block that may hold it; by block.
    fn places(&self, wanted: &[Wanted]) -> Vec<(usize, Wanted)> {
        let start = wanted.partition_point(|wanted| wanted.hash < *self.hashes.start());
        let end = wanted.partition_point(|wanted| wanted.hash <= *self.hashes.end());
        let mut places = Vec::new();
        for wanted in wanted[start..end].iter().filter(|w| self.filter.may_have(w.hash)) {
            let blocks = self.blocks(&(wanted.hash..=wanted.hash));
            places.extend(blocks.map(|block| (block, *wanted)));
        }
        places.sort_unstable();
        places
    }
}

impl SortedRun {
    /// Its files, in order.
    pub fn files(&self) -> &[Arc<SpilledRun>] {
        &self.files
    }

    fn lookups(&self) -> impl Iterator<Item = (&SpilledRun, &FileLookup)> {
        self.files.iter().filter_map(|file| Some((&**file, file.lookup.as_ref()?)))
    }

    /// From the first to the last hash of its keys; `None` where it has none.
    pub fn hashes(&self) -> Option<RangeInclusive<u64>> {
        let (_, first) = self.lookups().next()?;
        let (_, last) = self.lookups().last()?;
        Some(*first.hashes.start()..=*last.hashes.end())
    }

    /// Bytes that its rows take in memory when they are read, about.
    pub fn n_row_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.segment.n_bytes).sum()
    }

    /// Bytes held in memory.
    pub fn n_bytes(&self) -> usize {
        self.lookups().map(|(_, lookup)| lookup.n_bytes()).sum()
    }

    /// Looks for keys, which are in order, and calls `found` with rows that have some of them and,
    /// row by row, the number of the key.
    pub fn look_up<'k>(
        &self,
        wanted: &[Wanted],
        key_of: impl Fn(u32) -> &'k [u8],
        mut found: impl FnMut(&RecordBatch, &[u32]) -> Result<()>,
    ) -> Result<()> {
        let mut rows = FoundRows::default();
        for (file, lookup) in self.lookups() {
            let places = lookup.places(wanted);
            if places.is_empty() {
                continue;
            }
            let reader = SegmentReader::open_known(&file.path, &file.segment, &lookup.blocks)?;
            let by_block = || places.chunk_by(|one, other| one.0 == other.0);
            let blocks = by_block().map(|of_block| of_block[0].0);
            for (block, of_block) in reader.read_blocks(blocks).zip(by_block()) {
                rows.add(block?, of_block, &key_of)?;
                if rows.n_held_bytes >= MAX_HELD_BYTES {
                    rows.hand_over(&mut found)?;
                }
            }
        }
        rows.hand_over(&mut found)
    }

    /// Calls `each` with the rows whose keys have a hash in the range, in order.
    pub fn read(
        &self,
        hashes: &RangeInclusive<u64>,
        mut each: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        for (file, lookup) in self.lookups() {
            if lookup.hashes.end() < hashes.start() || lookup.hashes.start() > hashes.end() {
                continue;
            }
            let reader = SegmentReader::open_known(&file.path, &file.segment, &lookup.blocks)?;
            for block in reader.read_blocks(lookup.blocks(hashes)) {
                let block = block?;
                let keys = KeyColumns::of(&block)?.keys;
                let hash = |row| key_hash(keys.value(row));
                let start = first_row(0..keys.len(), |row| Ok(hash(row) < *hashes.start()))?;
                let end = first_row(start..keys.len(), |row| Ok(hash(row) <= *hashes.end()))?;
                if start < end {
                    each(&block.slice(start, end - start))?;
                }
            }
        }
        Ok(())
    }
}

/// Rows that were found, in the blocks they were read with.
#[derive(Default)]
struct FoundRows {
    blocks: Vec<RecordBatch>,
    n_held_bytes: usize,
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
        for (_, Wanted { hash, number }) in wanted {
            from = first_row(from..keys.len(), |row| Ok(key_hash(keys.value(row)) < *hash))?;
            let key = key_of(*number);
            let mut same = (from..keys.len()).take_while(|row| key_hash(keys.value(*row)) == *hash);
            if let Some(row) = same.find(|row| keys.value(*row) == key) {
                self.places.push((self.blocks.len(), row));
                self.numbers.push(*number);
            }
        }
        if self.places.len() > n_before {
            self.n_held_bytes += block.get_array_memory_size();
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
        let mut writer = SortedRunWriter::new(context, Pass::next(0));
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
        let wanted = |number: u32| Wanted { hash: key_hash(key_of(number)), number };
        let mut wanted: Vec<Wanted> = (0..).take(keys.len()).map(wanted).collect();
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
        let n_blocks: usize =
            run.lookups().map(|(_, lookup)| lookup.blocks.first_hashes.len()).sum();
        assert!(n_blocks > 1_000, "{n_blocks} blocks");
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
    fn ranges_of_hashes_are_read_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let run = write(&context(folder.path()), 0..50_000);
        let (first, last) = run.hashes().unwrap().into_inner();
        let middle = first + (last - first) / 3;
        let mut found = Vec::new();
        for hashes in [first..=middle, middle + 1..=last, last + 1..=u64::MAX] {
            let mut previous = 0;
            run.read(&hashes, |rows| {
                let values = rows.column_by_name("n").unwrap().as_primitive::<UInt64Type>();
                for value in values.values() {
                    let hash = key_hash(&key(*value));
                    assert!(hashes.contains(&hash) && hash >= previous);
                    previous = hash;
                    found.push(*value);
                }
                Ok(())
            })
            .unwrap();
        }
        found.sort_unstable();
        assert!(found.into_iter().eq(0..50_000));
    }

    #[test]
    fn a_lost_file_is_a_lost_run() {
        let folder = tempfile::tempdir().unwrap();
        let context = context(folder.path());
        let run = write(&context, 0..10);
        std::fs::remove_file(&run.files()[0].path).unwrap();
        let wanted = Wanted { hash: key_hash(&key(1)), number: 0 };
        let error = run.look_up(&[wanted], |_| b"1-", |_, _| Ok(())).unwrap_err();
        assert_eq!(error.code(), "AR5301", "{error}");
    }
}
