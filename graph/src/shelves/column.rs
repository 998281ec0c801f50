//! One value of every item of a shelf: the few that differ once, and which of them each item has.

use super::ITEMS;

/// A value for each place. Neighbours mostly share theirs.
#[derive(Debug)]
pub(crate) struct Column<T> {
    values: Box<[T]>,
    /// The places that have each value.
    places: Box<[u64]>,
    which: [u8; ITEMS],
}

impl<T: PartialEq> FromIterator<(usize, T)> for Column<T> {
    /// A column of values by place.
    fn from_iter<I: IntoIterator<Item = (usize, T)>>(rows: I) -> Self {
        let mut values: Vec<T> = Vec::new();
        let mut places: Vec<u64> = Vec::new();
        let mut which = [0; ITEMS];
        for (place, value) in rows {
            // The newest first: neighbours are alike.
            let known = values.iter().rposition(|known| *known == value);
            let number = known.unwrap_or_else(|| {
                values.push(value);
                places.push(0);
                values.len() - 1
            });
            if let Some(places) = places.get_mut(number) {
                *places |= 1 << place;
            }
            if let (Some(which), Ok(number)) = (which.get_mut(place), u8::try_from(number)) {
                *which = number;
            }
        }
        Self {
            values: values.into(),
            places: places.into(),
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

    /// The places of a mask whose value passes; each value that any of them has is asked about once.
    pub(crate) fn passing(&self, mask: u64, mut passes: impl FnMut(&T) -> bool) -> u64 {
        let there = self.there(mask);
        there.fold(0, |passing, (value, places)| {
            passing | if passes(value) { places } else { 0 }
        })
    }

    /// Calls `count` with each value of the places of a mask, and how many of them have it.
    pub(crate) fn each_counted<'a>(&'a self, mask: u64, mut count: impl FnMut(&'a T, usize)) {
        for (value, places) in self.there(mask) {
            count(value, places.count_ones() as usize);
        }
    }

    /// Every value, once.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.values.iter()
    }

    /// The values that places of a mask have, with these places.
    fn there(&self, mask: u64) -> impl Iterator<Item = (&T, u64)> {
        let all = self.values.iter().zip(&self.places);
        let there = all.map(move |(value, places)| (value, places & mask));
        there.filter(|(_, places)| *places != 0)
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
