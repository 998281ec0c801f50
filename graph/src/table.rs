//! A persistent table from 128-bit hashes to row numbers, ordered so that no replay depends on a hasher.
//!
//! Keys are hashes already, so their first bits spread over the shards.

use std::sync::Arc;

/// Shards of a new table.
const SHARDS_MIN: usize = 256;

/// Shards in one page.
const PAGE_SHARDS: usize = 256;

/// Keys in a shard, on average, from which on the shards are made more.
const CROWDED: usize = 16;

/// A key and its row.
type Entry = ([u8; 16], u32);

/// Sorted shards of (hash, row); their number is a power of two and grows with the keys.
///
/// A look-up touches a page, a shard's place in it, and the shard: nothing else lies between, because
/// every step is a wait for memory. A shard holds no room to grow, so a key that is new makes it anew.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pages: Vec<Arc<[Shard; PAGE_SHARDS]>>,
    keys_count: usize,
}

type Shard = Arc<[Entry]>;

impl Default for Table {
    fn default() -> Self {
        Self::with_shards(SHARDS_MIN)
    }
}

impl Table {
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

    pub(crate) fn get(&self, key: &[u8; 16]) -> Option<u32> {
        let number = shard_of(key, self.shards_count());
        let page = self.pages.get(number / PAGE_SHARDS)?;
        let shard = page.get(number % PAGE_SHARDS)?;
        let found = shard.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        shard.get(found).map(|(_, row)| *row)
    }

    /// Adds a key; the row of a key that is there already stays and is returned.
    pub(crate) fn insert(&mut self, key: [u8; 16], row: u32) -> u32 {
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
                let new = std::iter::once((key, row));
                let all = before
                    .iter()
                    .copied()
                    .chain(new)
                    .chain(after.iter().copied());
                // A vector first: of a chain nobody knows the length.
                let mut grown: Vec<Entry> = Vec::with_capacity(shard.len() + 1);
                grown.extend(all);
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

    /// A table of many keys at once; of a key that comes twice the least row counts.
    pub(crate) fn of(mut keys: Vec<Entry>) -> Self {
        let count = (keys.len() / CROWDED).next_power_of_two() * 2;
        let mut table = Self::with_shards(count.max(SHARDS_MIN));
        let count = table.shards_count();
        keys.sort_unstable_by_key(|(key, row)| (shard_of(key, count), *key, *row));
        keys.dedup_by_key(|(key, _)| *key);
        table.keys_count = keys.len();
        for of_shard in
            keys.chunk_by(|one, other| shard_of(&one.0, count) == shard_of(&other.0, count))
        {
            let number = of_shard.first().map(|(key, _)| shard_of(key, count));
            if let Some(shard) = number.and_then(|number| table.shard_mut(number)) {
                *shard = of_shard.into();
            }
        }
        table
    }
}

fn shard_of(key: &[u8; 16], shards_count: usize) -> usize {
    let [first, second, third, fourth, ..] = *key;
    u32::from_be_bytes([first, second, third, fourth]) as usize % shards_count
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

    #[test]
    fn the_first_row_of_a_key_stays() {
        let mut table = Table::default();
        for n in 0..100_000_u32 {
            let key = *model::ContentHash::of(&n.to_be_bytes()).as_bytes();
            assert_eq!(table.insert(key, n), n);
            assert_eq!(table.insert(key, n + 1), n);
        }
        let key = *model::ContentHash::of(&77_u32.to_be_bytes()).as_bytes();
        assert_eq!((table.get(&key), table.get(&[0; 16])), (Some(77), None));
        let all = table.shards().flat_map(|shard| shard.iter()).copied();
        let mut again = Table::of(all.chain([(key, 100_000)]).collect());
        assert_eq!(again.keys_count, 100_000);
        assert_eq!((again.get(&key), again.insert(key, 5)), (Some(77), 77));
    }
}
