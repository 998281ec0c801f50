//! The numbers a search gives to the items it meets, in order of discovery.
//!
//! A small hashed table with a fixed hash; nobody iterates over it, so its order cannot show.
#![expect(
    clippy::indexing_slicing,
    reason = "every slot is taken modulo the number of slots, which is never 0 when one is read"
)]

use crate::identity::ItemIx;

/// The number of an item in order of its discovery.
pub(super) type Place = usize;

/// Numbers by item.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// A power of two of slots, at most half of them taken.
    slots: Vec<Option<(ItemIx, u32)>>,
    taken: u32,
}

const FIRST_SLOTS: usize = 64;

impl Places {
    /// The number of an item, if it was met.
    pub(super) fn find(&self, item: ItemIx) -> Option<Place> {
        if self.slots.is_empty() {
            return None;
        }
        let (_, number) = self.slots[self.slot_of(item)]?;
        Some(number as usize)
    }

    /// The number of an item, the next free one if it is new.
    pub(super) fn find_or_add(&mut self, item: ItemIx) -> Place {
        if self.slots.len() <= self.taken as usize * 2 {
            self.grow();
        }
        let slot = self.slot_of(item);
        if let Some((_, number)) = self.slots[slot] {
            return number as usize;
        }
        let number = self.taken;
        self.slots[slot] = Some((item, number));
        self.taken += 1;
        number as usize
    }

    /// The slot that holds an item, or the free one where it belongs.
    fn slot_of(&self, item: ItemIx) -> usize {
        let mask = self.slots.len() - 1;
        // Fibonacci hashing: the upper bits of the product are well mixed.
        let mixed = u64::from(item.0).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let mut slot = mixed as usize & mask;
        while self.slots[slot].is_some_and(|(other, _)| other != item) {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let larger = (self.slots.len() * 2).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![None; larger]);
        for (item, number) in old.into_iter().flatten() {
            let slot = self.slot_of(item);
            self.slots[slot] = Some((item, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_numbered_by_discovery_and_found_again() {
        let mut places = Places::default();
        assert_eq!(places.find(ItemIx(7)), None);
        let items: Vec<ItemIx> = (0..10_000).map(|number| ItemIx(number * 977)).collect();
        for (number, item) in items.iter().enumerate() {
            assert_eq!(places.find_or_add(*item), number);
            assert_eq!(places.find_or_add(*item), number);
        }
        for (number, item) in items.iter().enumerate() {
            assert_eq!(places.find(*item), Some(number));
        }
        assert_eq!(places.find(ItemIx(1)), None);
    }
}
