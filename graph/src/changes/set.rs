//! Changes of one view by number: what searches hand to each other.

use super::ChangeIx;

/// The number of a change in one view. It means nothing in a view that was folded otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeNumber(pub(crate) ChangeIx);

/// Changes of one view: one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    bits: Vec<u64>,
}

impl ChangeSet {
    /// Nothing, with room for so many changes.
    pub(crate) fn with_room(changes: usize) -> Self {
        Self {
            bits: vec![0; changes.div_ceil(64)],
        }
    }

    pub(crate) fn insert(&mut self, change: ChangeIx) {
        let number = change.0 as usize;
        if self.bits.len() <= number / 64 {
            self.bits.resize(number / 64 + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(number / 64) {
            *bits |= 1 << (number % 64);
        }
    }

    pub(crate) fn holds(&self, change: ChangeIx) -> bool {
        let number = change.0 as usize;
        let bits = self.bits.get(number / 64);
        bits.is_some_and(|bits| bits & (1 << (number % 64)) != 0)
    }

    /// Whether a change is one of them.
    pub fn contains(&self, change: ChangeNumber) -> bool {
        self.holds(change.0)
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.bits
            .iter()
            .map(|bits| bits.count_ones() as usize)
            .sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|bits| *bits == 0)
    }

    /// Those that are in both.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        let pairs = self.bits.iter().zip(&other.bits);
        Self {
            bits: pairs.map(|(one, other)| one & other).collect(),
        }
    }

    /// Each of them, in order of number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ChangeIx> {
        (0_u32..).zip(&self.bits).flat_map(|(word, bits)| {
            let mut left = *bits;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.checked_sub(1)?;
                Some(ChangeIx(word * 64 + bit))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let mut set = ChangeSet::with_room(3);
        assert!(set.is_empty());
        for number in [0, 63, 64, 200] {
            set.insert(ChangeIx(number));
        }
        let numbers: Vec<u32> = set.iter().map(|change| change.0).collect();
        assert_eq!(numbers, [0, 63, 64, 200]);
        assert_eq!(set.len(), 4);
        assert!(set.contains(ChangeNumber(ChangeIx(64))) && !set.holds(ChangeIx(65)));
        let mut other = ChangeSet::with_room(100);
        other.insert(ChangeIx(63));
        other.insert(ChangeIx(65));
        assert_eq!(set.both(&other).iter().collect::<Vec<_>>(), [ChangeIx(63)]);
    }
}
