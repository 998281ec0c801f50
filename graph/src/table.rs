//! A persistent table from 128-bit hashes to row numbers, ordered so that no replay depends on a hasher.
//!
//! Keys are hashes already, so their first bits spread over the shards.

use std::hash::{BuildHasherDefault, Hasher};

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

/// A table by row number for one search: looked up, never iterated.
#[expect(
    clippy::disallowed_types,
    reason = "the hasher is fixed and nobody iterates"
)]
pub(crate) type NumberMap<V> = std::collections::HashMap<u32, V, BuildHasherDefault<NumberHasher>>;

/// Fibonacci hashing of one number (Knuth, The Art of Computer Programming, volume 3, section 6.4).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
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
