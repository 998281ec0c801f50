//! A persistent table from 128-bit hashes to row numbers, ordered so that no replay depends on a hasher.
//!
//! Most keys lie in one sorted run that every clone shares; what came since lies in a few small shards
//! beside it, and is merged into a new run once it is a sixteenth as much. So publishing a view copies
//! only what is new, and a key takes 20 bytes and no room to grow. Keys are hashes already, so their
//! first bits spread evenly over the run and over the shards.

use std::sync::Arc;

/// New keys that are never worth a merge.
const NEW_MIN: usize = 4_096;

/// How many times as many keys as are new lie in the run before both are merged.
const RUN_TO_NEW: usize = 16;

/// Keys of the run that one start leads to, on average.
const LED_TO: usize = 8;

/// Shards of a new table.
const SHARDS_MIN: usize = 256;

/// Shards in one page.
const PAGE_SHARDS: usize = 256;

/// Keys in a shard, on average, from which on the shards are made more.
const CROWDED: usize = 16;

/// A key and its row.
type Entry = ([u8; 16], u32);

/// A sorted run of keys, and the shards of those that came since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    run: Arc<Run>,
    new: Shards,
}

impl Table {
    pub(crate) fn get(&self, key: &[u8; 16]) -> Option<u32> {
        self.run.get(key).or_else(|| self.new.get(key))
    }

    /// Adds a key; the row of a key that is there already stays and is returned.
    pub(crate) fn insert(&mut self, key: [u8; 16], row: u32) -> u32 {
        if let Some(first) = self.run.get(&key) {
            return first;
        }
        let first = self.new.insert(key, row);
        if (self.run.entries.len() / RUN_TO_NEW).max(NEW_MIN) <= self.new.keys_count {
            let new = std::mem::take(&mut self.new).into_sorted();
            self.run = Arc::new(Run::of(merged(&self.run.entries, &new)));
        }
        first
    }

    /// A table of many keys at once; of a key that comes twice the least row counts.
    pub(crate) fn of(mut keys: Vec<Entry>) -> Self {
        keys.sort_unstable();
        keys.dedup_by_key(|(key, _)| *key);
        Self {
            run: Arc::new(Run::of(keys)),
            new: Shards::default(),
        }
    }
}

/// Two sorted runs without a common key as one.
fn merged(old: &[Entry], new: &[Entry]) -> Vec<Entry> {
    let mut all = Vec::with_capacity(old.len() + new.len());
    let mut rest = old;
    for entry in new {
        let (before, after) = rest.split_at(rest.partition_point(|(key, _)| *key < entry.0));
        all.extend_from_slice(before);
        all.push(*entry);
        rest = after;
    }
    all.extend_from_slice(rest);
    all
}

/// Sorted keys, and where those with the same first bits begin.
#[derive(Debug, Default)]
struct Run {
    entries: Vec<Entry>,
    starts: Vec<u32>,
}

impl Run {
    fn of(mut entries: Vec<Entry>) -> Self {
        entries.shrink_to_fit();
        let count = entries.len() / LED_TO + 1;
        let mut starts = Vec::with_capacity(count + 1);
        for (number, (key, _)) in (0..).zip(&entries) {
            let place = place_of(key, count);
            starts.resize(starts.len().max(place + 1), number);
        }
        let end = u32::try_from(entries.len()).expect("rows are numbered by u32");
        starts.resize(count + 1, end);
        Self { entries, starts }
    }

    fn get(&self, key: &[u8; 16]) -> Option<u32> {
        let place = place_of(key, self.starts.len().checked_sub(1)?);
        let (first, end) = (self.starts.get(place)?, self.starts.get(place + 1)?);
        let near = self.entries.get(*first as usize..*end as usize)?;
        row_of(near, key)
    }
}

/// Which of `count` equal parts of all keys holds a key.
fn place_of(key: &[u8; 16], count: usize) -> usize {
    ((u64::from(first_bits(key)) * count as u64) >> 32) as usize
}

fn first_bits(key: &[u8; 16]) -> u32 {
    let [first, second, third, fourth, ..] = *key;
    u32::from_be_bytes([first, second, third, fourth])
}

fn row_of(sorted: &[Entry], key: &[u8; 16]) -> Option<u32> {
    let found = sorted.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
    sorted.get(found).map(|(_, row)| *row)
}

/// Sorted shards of (hash, row); their number is a power of two and grows with the keys.
///
/// A shard holds no room to grow, so a key that is new makes it anew.
#[derive(Clone, Debug)]
struct Shards {
    pages: Vec<Arc<[Shard; PAGE_SHARDS]>>,
    keys_count: usize,
}

type Shard = Arc<[Entry]>;

impl Default for Shards {
    fn default() -> Self {
        Self::with_shards(SHARDS_MIN)
    }
}

impl Shards {
    fn with_shards(count: usize) -> Self {
        let empty: Shard = Arc::new([]);
        let page = Arc::new(std::array::from_fn(|_| Arc::clone(&empty)));
        Self {
            pages: vec![page; count.div_ceil(PAGE_SHARDS)],
            keys_count: 0,
        }
    }

    fn shards_count(&self) -> usize {
        self.pages.len() * PAGE_SHARDS
    }

    fn get(&self, key: &[u8; 16]) -> Option<u32> {
        let number = shard_of(key, self.shards_count());
        let page = self.pages.get(number / PAGE_SHARDS)?;
        row_of(page.get(number % PAGE_SHARDS)?, key)
    }

    /// Adds a key; the row of a key that is there already stays and is returned.
    fn insert(&mut self, key: [u8; 16], row: u32) -> u32 {
        if self.shards_count() * CROWDED < self.keys_count {
            self.spread_out();
        }
        let Some(shard) = self.shard_mut(shard_of(&key, self.shards_count())) else {
            return row;
        };
        match shard.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(found) => shard.get(found).map_or(row, |(_, first)| *first),
            Err(place) => {
                let (before, after) = shard.split_at(place);
                // A vector first: of a chain nobody knows the length.
                let mut grown: Vec<Entry> = Vec::with_capacity(shard.len() + 1);
                grown.extend_from_slice(before);
                grown.push((key, row));
                grown.extend_from_slice(after);
                *shard = grown.into();
                self.keys_count += 1;
                row
            }
        }
    }

    fn shard_mut(&mut self, number: usize) -> Option<&mut Shard> {
        let page = Arc::make_mut(self.pages.get_mut(number / PAGE_SHARDS)?);
        page.get_mut(number % PAGE_SHARDS)
    }

    /// Makes two shards of each: the number of shards is a power of two, so the keys of one go to
    /// two places only, and stay in order.
    fn spread_out(&mut self) {
        let count = self.shards_count();
        let mut wider = Self::with_shards(count * 2);
        wider.keys_count = self.keys_count;
        for (number, shard) in self.shards().enumerate() {
            for place in [number, number + count] {
                let stays = |entry: &&Entry| shard_of(&entry.0, count * 2) == place;
                if let Some(half) = wider.shard_mut(place) {
                    *half = shard.iter().filter(stays).copied().collect();
                }
            }
        }
        *self = wider;
    }

    fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.pages.iter().flat_map(|page| page.iter())
    }

    fn into_sorted(self) -> Vec<Entry> {
        let mut all: Vec<Entry> = Vec::with_capacity(self.keys_count);
        for shard in self.shards() {
            all.extend_from_slice(shard);
        }
        all.sort_unstable();
        all
    }
}

fn shard_of(key: &[u8; 16], shards_count: usize) -> usize {
    first_bits(key) as usize % shards_count
}

/// Rows in one page of [`Pages`].
const PAGE: usize = 64;

/// A scratch table by row number for one search; pages come to be when they are touched.
#[derive(Clone, Debug)]
pub(crate) struct Pages<T> {
    pages: Vec<Option<Box<[T; PAGE]>>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T: Copy + Default> Pages<T> {
    /// The row for reading and writing, empty at first.
    pub(crate) fn get_mut(&mut self, row: usize) -> &mut T {
        let page = row / PAGE;
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        let rows = self
            .pages
            .get_mut(page)
            .expect("the pages were just made to reach it");
        let rows = rows.get_or_insert_with(|| Box::new([T::default(); PAGE]));
        rows.get_mut(row % PAGE)
            .expect("a remainder lies within the page")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> [u8; 16] {
        *model::ContentHash::of(&number.to_be_bytes()).as_bytes()
    }

    #[test]
    fn the_first_row_of_a_key_stays() {
        let mut table = Table::default();
        for n in 0..200_000_u32 {
            assert_eq!(table.insert(key(n), n), n);
            assert_eq!(table.insert(key(n), n + 1), n);
        }
        assert!((0..200_000).all(|n| table.get(&key(n)) == Some(n)));
        assert_eq!(
            (table.get(&key(200_000)), table.get(&[0; 16])),
            (None, None)
        );
        let all = (0..200_000).map(|n| (key(n), n));
        let mut again = Table::of(all.chain([(key(77), 200_000)]).collect());
        assert!((0..200_000).all(|n| again.get(&key(n)) == Some(n)));
        assert_eq!(again.insert(key(77), 5), 77);
    }

    #[test]
    fn a_clone_does_not_learn_what_came_later() {
        let mut table = Table::default();
        let mut seen = Vec::new();
        for n in 0..20_000_u32 {
            if n % 1_500 == 0 {
                seen.push((n, table.clone()));
            }
            table.insert(key(n), n);
        }
        for (count, then) in seen {
            assert!((0..count).all(|n| then.get(&key(n)) == Some(n)));
            assert!((count..20_000).all(|n| then.get(&key(n)).is_none()));
        }
    }

    #[test]
    fn the_first_and_the_last_keys_there_can_be_are_found() {
        let ends = [([0; 16], 1), ([255; 16], 2)];
        let table = Table::of(ends.to_vec());
        assert_eq!(ends.map(|(key, _)| table.get(&key)), [Some(1), Some(2)]);
        assert_eq!(Table::of(Vec::new()).get(&[0; 16]), None);
    }
}
