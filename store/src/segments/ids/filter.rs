//! Tells most ids that a run does not hold without touching the disk. It may err in
//! one direction only: it never denies an id that is there.

use super::IdHash;

const WORDS: usize = 8;
const BITS_PER_ID: usize = 12;
const PROBES: u32 = 7;

/// A bloom filter of one cache line per id.
pub(super) struct Filter {
    blocks: Vec<[u64; WORDS]>,
}

impl Filter {
    pub(super) fn with_room_for(ids: usize) -> Self {
        let blocks = (ids * BITS_PER_ID).div_ceil(WORDS * 64).max(1);
        Self {
            blocks: vec![[0; WORDS]; blocks],
        }
    }

    pub(super) fn insert(&mut self, hash: IdHash) {
        let place = self.place(hash);
        if let Some(block) = self.blocks.get_mut(place) {
            for (word, bits) in block.iter_mut().zip(pattern(hash)) {
                *word |= bits;
            }
        }
    }

    pub(super) fn may_hold(&self, hash: IdHash) -> bool {
        let block = self.blocks.get(self.place(hash));
        block.is_none_or(|block| {
            let mut words = block.iter().zip(pattern(hash));
            words.all(|(word, bits)| word & bits == bits)
        })
    }

    /// The upper half of the hash chooses the block, evenly.
    fn place(&self, hash: IdHash) -> usize {
        let upper = hash >> 64;
        ((upper * self.blocks.len() as u128) >> 64) as usize
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let words = self.blocks.iter().flatten();
        words.flat_map(|word| word.to_le_bytes()).collect()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut blocks = Vec::with_capacity(bytes.len() / (WORDS * 8));
        for block_bytes in bytes.chunks(WORDS * 8) {
            let mut block = [0; WORDS];
            for (word, word_bytes) in block.iter_mut().zip(block_bytes.chunks(8)) {
                *word = u64::from_le_bytes(word_bytes.try_into().ok()?);
            }
            blocks.push(block);
        }
        (!blocks.is_empty()).then_some(Self { blocks })
    }
}

/// The lower half of the hash chooses the bits.
fn pattern(hash: IdHash) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for probe in 0..PROBES {
        let nine_bits = (hash >> (probe * 9)) as usize & 0x1FF;
        if let Some(word) = words.get_mut(nine_bits / 64) {
            *word |= 1 << (nine_bits % 64);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> IdHash {
        let bytes = blake3::hash(&n.to_le_bytes());
        u128::from_be_bytes(*bytes.as_bytes().first_chunk().unwrap())
    }

    #[test]
    fn it_denies_nothing_it_holds_and_most_of_what_it_does_not() {
        let mut filter = Filter::with_room_for(10_000);
        for n in 0..10_000 {
            filter.insert(hash(n));
        }
        let filter = Filter::decode(&filter.encode()).unwrap();
        assert!((0..10_000).all(|n| filter.may_hold(hash(n))));
        let wrong = (10_000..110_000)
            .filter(|n| filter.may_hold(hash(*n)))
            .count();
        assert!(wrong < 1_500, "{wrong} of 100,000");
    }
}
