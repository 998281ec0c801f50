//! Which shelves of a room hold anything with a word, so that a list for few items visits few shelves.

use std::collections::BTreeMap;

use super::Shelf;
use crate::intern::WordIx;

/// Shelves in one room.
pub(crate) const SHELVES: usize = 256;

/// One bit for each shelf of a room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bits([u64; SHELVES / 64]);

/// The words that are on the shelves of a room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    kinds: BTreeMap<Option<WordIx>, Bits>,
    owners: BTreeMap<WordIx, Bits>,
}

impl Room {
    /// What the shelves hold, in their order.
    pub(super) fn of<'s>(shelves: impl Iterator<Item = &'s Shelf>) -> Self {
        let mut room = Self::default();
        for (number, shelf) in shelves.enumerate() {
            for place in shelf.place.values() {
                room.kinds.entry(place.kind).or_default().set(number);
            }
            for owner in shelf.said.values().filter_map(|said| said.owner) {
                room.owners.entry(owner).or_default().set(number);
            }
        }
        room
    }

    /// The shelves with an item of one of these kinds.
    pub(crate) fn of_kinds(&self, kinds: impl Iterator<Item = Option<WordIx>>) -> Bits {
        Bits::any(kinds.filter_map(|kind| self.kinds.get(&kind)))
    }

    /// The shelves with an item of one of these owners.
    pub(crate) fn of_owners<'w>(&self, owners: impl Iterator<Item = &'w WordIx>) -> Bits {
        Bits::any(owners.filter_map(|owner| self.owners.get(owner)))
    }
}

impl Bits {
    /// All shelves.
    pub(crate) const ALL: Self = Self([u64::MAX; SHELVES / 64]);

    /// Whether a shelf is one of them.
    pub(crate) fn has(&self, shelf: usize) -> bool {
        let word = self.0.get(shelf / 64);
        word.is_some_and(|word| word >> (shelf % 64) & 1 == 1)
    }

    /// Those that are in both.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word &= other;
        }
        self
    }

    fn any<'b>(each: impl Iterator<Item = &'b Self>) -> Self {
        each.fold(Self::default(), |mut any, bits| {
            for (word, other) in any.0.iter_mut().zip(bits.0) {
                *word |= other;
            }
            any
        })
    }

    fn set(&mut self, shelf: usize) {
        if let Some(word) = self.0.get_mut(shelf / 64) {
            *word |= 1 << (shelf % 64);
        }
    }
}

impl Default for Bits {
    fn default() -> Self {
        Self([0; SHELVES / 64])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shelves_are_in_both_or_in_any() {
        let of = |shelves: &[usize]| {
            let mut bits = Bits::default();
            shelves.iter().for_each(|shelf| bits.set(*shelf));
            bits
        };
        let (some, others) = (of(&[0, 64, 255]), of(&[64, 100]));
        assert_eq!(some.and(others), of(&[64]));
        assert_eq!(
            Bits::any([&some, &others].into_iter()),
            of(&[0, 64, 100, 255])
        );
        assert_eq!(
            (some.has(255), some.has(254), Bits::ALL.has(7)),
            (true, false, true)
        );
    }
}
