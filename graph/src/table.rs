//! A persistent table from 128-bit hashes to row numbers, ordered so that no replay depends on a hasher.
//!
//! Keys are hashes already, so their first bits spread over the shards.

use crate::cow::CowVec;

/// Shards of a new table.
const SHARDS_MIN: usize = 256;

/// Keys in a shard, on average, from which on the shards are made more.
const CROWDED: usize = 16;

/// Sorted shards of (hash, row); their number is a power of two and grows with the keys.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    shards: CowVec<Vec<([u8; 16], u32)>, 1>,
    shards_count: usize,
    keys_count: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            shards: CowVec::default(),
            shards_count: SHARDS_MIN,
            keys_count: 0,
        }
    }
}

impl Table {
    pub(crate) fn get(&self, key: &[u8; 16]) -> Option<u32> {
        let shard = self.shards.get(self.shard_of(key))?;
        let found = shard.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        shard.get(found).map(|(_, row)| *row)
    }

    /// Adds a key; the row of a key that is there already stays and is returned.
    pub(crate) fn insert(&mut self, key: [u8; 16], row: u32) -> u32 {
        if self.shards_count * CROWDED < self.keys_count {
            self.spread_out();
        }
        let shard = self.shards.grow_to(self.shard_of(&key));
        match shard.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(found) => shard.get(found).map_or(row, |(_, first)| *first),
            Err(place) => {
                shard.insert(place, (key, row));
                self.keys_count += 1;
                row
            }
        }
    }

    /// Makes two shards of each.
    fn spread_out(&mut self) {
        *self = Self::spread(
            self.shards.iter().flatten().copied().collect(),
            self.shards_count * 2,
        );
    }

    /// A table of many keys at once; of a key that comes twice the least row counts.
    pub(crate) fn of(keys: Vec<([u8; 16], u32)>) -> Self {
        let shards_count = (keys.len() / CROWDED).next_power_of_two() * 2;
        Self::spread(keys, shards_count.max(SHARDS_MIN))
    }

    fn spread(mut keys: Vec<([u8; 16], u32)>, shards_count: usize) -> Self {
        let mut table = Self {
            shards_count,
            ..Self::default()
        };
        keys.sort_unstable_by_key(|(key, row)| (table.shard_of(key), *key, *row));
        keys.dedup_by_key(|(key, _)| *key);
        table.keys_count = keys.len();
        let mut rest = keys.as_slice();
        let shards = (0..shards_count).map(|shard| {
            let end = rest.partition_point(|(key, _)| table.shard_of(key) <= shard);
            let (of_shard, after) = rest.split_at(end);
            rest = after;
            of_shard.to_vec()
        });
        table.shards = shards.collect();
        table
    }

    fn shard_of(&self, key: &[u8; 16]) -> usize {
        let [first, second, third, fourth, ..] = *key;
        u32::from_be_bytes([first, second, third, fourth]) as usize % self.shards_count
    }
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
        let all = table.shards.iter().flatten().copied();
        let mut again = Table::of(all.chain([(key, 100_000)]).collect());
        assert_eq!(again.keys_count, 100_000);
        assert_eq!((again.get(&key), again.insert(key, 5)), (Some(77), 77));
    }
}
