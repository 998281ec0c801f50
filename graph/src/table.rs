//! A persistent table from 128-bit hashes to row numbers, ordered so that no replay depends on a hasher.
//!
//! Keys are hashes already, so their first bits spread over the shards.

use crate::cow::CowVec;

/// Shards; a power of two.
const SHARDS: usize = 4096;

/// Sorted shards of (hash, row).
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    shards: CowVec<Vec<([u8; 16], u32)>, 1>,
}

impl Table {
    pub(crate) fn get(&self, key: &[u8; 16]) -> Option<u32> {
        let shard = self.shards.get(shard_of(key))?;
        let found = shard.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        shard.get(found).map(|(_, row)| *row)
    }

    /// Adds a key; the row of a key that is there already stays and is returned.
    pub(crate) fn insert(&mut self, key: [u8; 16], row: u32) -> u32 {
        let shard = self.shards.grow_to(shard_of(&key));
        match shard.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(found) => shard.get(found).map_or(row, |(_, first)| *first),
            Err(place) => {
                shard.insert(place, (key, row));
                row
            }
        }
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

fn shard_of(key: &[u8; 16]) -> usize {
    let [first, second, ..] = *key;
    usize::from(u16::from_be_bytes([first, second])) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_of_a_key_stays() {
        let mut table = Table::default();
        for n in 0..10_000_u32 {
            let key = *model::ContentHash::of(&n.to_be_bytes()).as_bytes();
            assert_eq!(table.insert(key, n), n);
            assert_eq!(table.insert(key, n + 1), n);
        }
        let key = *model::ContentHash::of(&77_u32.to_be_bytes()).as_bytes();
        assert_eq!((table.get(&key), table.get(&[0; 16])), (Some(77), None));
    }
}
