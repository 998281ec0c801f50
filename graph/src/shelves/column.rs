//! One value of every item of a shelf: the few that differ once, and which of them each item has.

use super::{ITEMS, places};

/// A value for each place. Neighbours mostly share theirs.
#[derive(Debug)]
pub(crate) struct Column<T> {
    values: Box<[T]>,
    which: [u8; ITEMS],
}

impl<T: PartialEq> FromIterator<(usize, T)> for Column<T> {
    /// A column of values by place.
    fn from_iter<I: IntoIterator<Item = (usize, T)>>(rows: I) -> Self {
        let mut values: Vec<T> = Vec::new();
        let mut which = [0; ITEMS];
        for (place, value) in rows {
            // The newest first: neighbours are alike.
            let known = values.iter().rposition(|known| *known == value);
            let number = known.unwrap_or_else(|| {
                values.push(value);
                values.len() - 1
            });
            if let (Some(which), Ok(number)) = (which.get_mut(place), u8::try_from(number)) {
                *which = number;
            }
        }
        Self {
            values: values.into(),
            which,
        }
    }
}

impl<T> Column<T> {
    /// The value at a place that holds an item.
    pub(crate) fn at(&self, place: usize) -> &T {
        let number = self.which.get(place).copied().unwrap_or_default();
        let value = self.values.get(usize::from(number));
        value.expect("a column holds a value for every item")
    }

    /// The places of a mask whose value passes; each value is asked about once.
    pub(crate) fn passing(&self, mask: u64, mut passes: impl FnMut(&T) -> bool) -> u64 {
        if mask == 0 {
            return 0;
        }
        let (mut some, mut all) = (0_u64, true);
        for (number, value) in self.values.iter().enumerate() {
            let is = passes(value);
            some |= u64::from(is) << number;
            all &= is;
        }
        if some == 0 || all {
            return if all { mask } else { 0 };
        }
        let numbered = self.which.iter().enumerate();
        let passing = numbered.fold(0, |passing, (place, number)| {
            passing | ((some >> (number % 64)) & 1) << place
        });
        mask & passing
    }

    /// Calls `count` with each value of the places of a mask, and how many of them have it.
    pub(crate) fn each_counted<'a>(&'a self, mask: u64, mut count: impl FnMut(&'a T, usize)) {
        if let [only] = &*self.values {
            count(only, mask.count_ones() as usize);
            return;
        }
        let mut counts = [0_usize; ITEMS];
        for place in places(mask) {
            let number = self.which.get(place).copied().unwrap_or_default();
            if let Some(counted) = counts.get_mut(usize::from(number)) {
                *counted += 1;
            }
        }
        for (value, counted) in self.values.iter().zip(counts) {
            if 0 < counted {
                count(value, counted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_answers_for_each_place() {
        let all: Column<usize> = (0..ITEMS).map(|place| (place, place)).collect();
        let few: Column<&str> = (0..ITEMS)
            .map(|place| (place, ["a", "b"][place % 2]))
            .collect();
        assert_eq!((*all.at(63), *few.at(62), *few.at(3)), (63, "a", "b"));
        assert_eq!(all.passing(u64::MAX, |value| 60 <= *value), 0xf << 60);
        assert_eq!(few.passing(0b1111, |value| *value == "b"), 0b1010);
        assert_eq!(few.passing(0b1111, |_| true), 0b1111);
        assert_eq!(few.passing(0b1111, |_| false), 0);
        let mut counted = Vec::new();
        few.each_counted(0b1011, |value, count| counted.push((*value, count)));
        assert_eq!(counted, [("a", 1), ("b", 2)]);
    }
}
