//! Finds open spans by a short hash: who has an id, and who waits for it, side by side.
//!
//! A slot has eight bytes, so one look into memory finds all that hangs on an id. What was concluded is
//! not taken out: its number lies before the oldest span, and whoever meets such a slot passes over it.
//! It never decides by a hash alone; whoever asks compares the span.

/// What a slot is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The span that has the id.
    Open,
    /// The newest of the spans that wait for the one with the id.
    Waiting,
}

/// Slots of open spans.
#[derive(Debug)]
pub(super) struct Slots {
    /// A power of two of them, of which a quarter is empty.
    slots: Vec<Slot>,
    /// Slots that are not empty, whether or not their spans are still open.
    used: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Half of a hash, with what it is about in its last bit; zero when nothing was ever there.
    tag: u32,
    number: u32,
}

/// Numbers of the spans that are open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) first: u32,
    pub(super) count: u32,
}

impl Numbers {
    pub(super) const fn hold(self, number: u32) -> bool {
        number.wrapping_sub(self.first) < self.count
    }
}

const SLOTS_MIN: usize = 1_024;

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS_MIN],
            used: 0,
        }
    }

    /// Reads the slot where a search for a hash begins, so that it is near when the search comes.
    pub(super) fn touch(&self, hash: u64) -> u32 {
        let slot = self.slots.get(self.place(tag(hash, Of::Open)));
        slot.map_or(0, |slot| slot.number)
    }

    /// The first number of a hash; of a span that is open, nearly always of the wanted one.
    pub(super) fn likely(&self, hash: u64, of: Of) -> Option<u32> {
        self.search(hash, of, |_| true).map(|(_, number)| number)
    }

    /// The first number of a hash that is the wanted one.
    pub(super) fn find(
        &self,
        hash: u64,
        of: Of,
        is_wanted: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let found = self.search(hash, of, is_wanted);
        found.map(|(_, number)| number)
    }

    /// Puts another number into the slot of the wanted one, and says which it was.
    pub(super) fn replace(
        &mut self,
        hash: u64,
        of: Of,
        number: u32,
        is_wanted: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let (place, before) = self.search(hash, of, is_wanted)?;
        if let Some(slot) = self.slots.get_mut(place) {
            slot.number = number;
        }
        Some(before)
    }

    /// Adds a number, in the place of one that is no longer open where there is one on the way.
    pub(super) fn insert(&mut self, hash: u64, of: Of, number: u32, open: Numbers) {
        if self.slots.len() / 4 * 3 <= self.used {
            self.renew(open);
        }
        let tag = tag(hash, of);
        let mask = self.slots.len() - 1;
        let mut place = self.place(tag);
        while let Some(slot) = self.slots.get_mut(place) {
            let is_empty = slot.tag == 0;
            if is_empty || !open.hold(slot.number) {
                self.used += usize::from(is_empty);
                *slot = Slot { tag, number };
                return;
            }
            place = (place + 1) & mask;
        }
    }

    fn search(
        &self,
        hash: u64,
        of: Of,
        mut is_wanted: impl FnMut(u32) -> bool,
    ) -> Option<(usize, u32)> {
        let tag = tag(hash, of);
        let mask = self.slots.len() - 1;
        let mut place = self.place(tag);
        while let Some(slot) = self.slots.get(place).filter(|slot| slot.tag != 0) {
            if slot.tag == tag && is_wanted(slot.number) {
                return Some((place, slot.number));
            }
            place = (place + 1) & mask;
        }
        None
    }

    /// Both things that hang on an id begin at one place: the last bit does not count.
    fn place(&self, tag: u32) -> usize {
        let bits = self.slots.len().trailing_zeros();
        (u64::from(tag) >> (u32::BITS - bits)) as usize
    }

    /// Makes the slots anew with those only whose spans are open: more of them where they are many, fewer where
    /// they have become few, and mostly as many as before in the same place.
    fn renew(&mut self, open: Numbers) {
        let mut kept = Vec::new();
        for slot in &mut self.slots {
            if slot.tag != 0 && open.hold(slot.number) {
                kept.push(*slot);
            }
            *slot = Slot::default();
        }
        let room = self.slots.len();
        let wanted = match kept.len() {
            many if room / 2 < many => room * 2,
            few if few < room / 32 => (room / 2).max(SLOTS_MIN),
            _ => room,
        };
        self.slots.resize(wanted, Slot::default());
        self.used = kept.len();
        let mask = wanted - 1;
        for slot in kept {
            let mut place = self.place(slot.tag);
            while self.slots.get(place).is_some_and(|there| there.tag != 0) {
                place = (place + 1) & mask;
            }
            if let Some(empty) = self.slots.get_mut(place) {
                *empty = slot;
            }
        }
    }
}

const fn tag(hash: u64, of: Of) -> u32 {
    let half = (hash >> 32) as u32 & !1;
    let half = if half == 0 { 2 } else { half };
    match of {
        Of::Open => half,
        Of::Waiting => half | 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Entry = (u64, Of, u32);

    /// The open numbers that are found under a hash and are of it, in order; others may share its half.
    fn found(slots: &Slots, hash: u64, of: Of, open: &[Entry]) -> Vec<u32> {
        let mut all = Vec::new();
        let none = slots.find(hash, of, |number| {
            let is_it = open.contains(&(hash, of, number));
            all.extend(is_it.then_some(number));
            false
        });
        assert_eq!(none, None);
        all.sort_unstable();
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(testkit::cases(12)))]

        /// Many of one hash, spans that are concluded and tables that are made anew: what is open is found, once.
        #[test]
        fn what_is_open_is_found(
            steps in prop::collection::vec(any::<u16>(), 4_000),
            kept in 1..1_500_u32,
            first in any::<u32>(),
        ) {
            let mut slots = Slots::new();
            let mut open = Numbers { first, count: 0 };
            let mut model: Vec<Entry> = Vec::new();
            for (count, step) in steps.iter().enumerate() {
                let hash = u64::from(step % 97) << 57 | u64::from(step % 5) << 32;
                let of = if step & 0x8000 == 0 { Of::Open } else { Of::Waiting };
                let number = open.first.wrapping_add(open.count);
                let is_it = |number: u32| model.contains(&(hash, of, number));
                let before = match step % 3 {
                    0 => slots.replace(hash, of, number, is_it),
                    _ => None,
                };
                match before {
                    Some(before) => model.retain(|entry| *entry != (hash, of, before)),
                    None => slots.insert(hash, of, number, open),
                }
                model.push((hash, of, number));
                open.count += 1;
                if kept < open.count {
                    open = Numbers { first: open.first.wrapping_add(1), count: kept };
                }
                model.retain(|(_, _, number)| open.hold(*number));
                if count % 200 == 0 {
                    for (hash, of, _) in model.iter().step_by(61) {
                        let same = model.iter().filter(|entry| (entry.0, entry.1) == (*hash, *of));
                        let mut wanted: Vec<u32> = same.map(|entry| entry.2).collect();
                        wanted.sort_unstable();
                        prop_assert_eq!(found(&slots, *hash, *of, &model), wanted);
                    }
                }
            }
        }
    }
}
