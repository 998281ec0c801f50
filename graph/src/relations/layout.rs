//! Where relations lie: mentions seated by locality, and the relations of each in one piece.
//!
//! A layout never changes. Relations that came after it was made hang in lists ([`super::Relations`]) until
//! the next one is made; which of them lie where never shows in an answer.
#![expect(
    clippy::indexing_slicing,
    reason = "a seat is below the number of seats, a row below the number of rows, and every array is made with one entry for each"
)]

use std::ops::Range;

use crate::identity::Identity;
use crate::mention::MentionIx;

/// The number of a mention by locality: what hangs together sits together.
pub(crate) type Seat = u32;

/// Seats, and the relations of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    mentions: Vec<u32>,
    seats: Vec<Seat>,
    /// Where the relations begin in which the mention of a seat is the provider; one entry more than seats.
    dependents_from: Vec<u32>,
    /// Where the entries of `needs` begin; one entry more than seats.
    needs_from: Vec<u32>,
    needs: Vec<Need>,
}

/// What a mention needs, and by which relation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) provider: Seat,
    pub(crate) row: u32,
}

impl Layout {
    /// Lays out relations that are sorted by the seat of their provider.
    ///
    /// `counts` says how many each seat has, `dependents` the other end of each.
    pub(super) fn new<I: Iterator<Item = Seat>>(
        mentions: Vec<u32>,
        counts: &[u32],
        dependents: impl Fn() -> I,
    ) -> Self {
        let dependents_from = starts(counts);
        let mut needs_counts = vec![0; mentions.len()];
        for dependent in dependents() {
            needs_counts[dependent as usize] += 1;
        }
        let needs_from = starts(&needs_counts);
        let none = Need {
            provider: 0,
            row: 0,
        };
        let mut needs = vec![none; needs_from.last().map_or(0, |rows| *rows as usize)];
        let mut next = needs_from.clone();
        let mut provider: Seat = 0;
        for (row, dependent) in (0..).zip(dependents()) {
            while dependents_from[provider as usize + 1] <= row {
                provider += 1;
            }
            let place = &mut next[dependent as usize];
            needs[*place as usize] = Need { provider, row };
            *place += 1;
        }
        Self {
            seats: inverse(&mentions),
            mentions,
            dependents_from,
            needs_from,
            needs,
        }
    }

    /// How many mentions are seated.
    pub(super) fn seats_count(&self) -> usize {
        self.mentions.len()
    }

    /// How many relations are laid out.
    pub(super) fn rows_count(&self) -> u32 {
        self.dependents_from.last().copied().unwrap_or(0)
    }

    /// The seat of a mention; one that came later sits at its own number.
    pub(super) fn seat_of(&self, mention: MentionIx) -> Seat {
        self.seats
            .get(mention.0 as usize)
            .copied()
            .unwrap_or(mention.0)
    }

    pub(super) fn mention_at(&self, seat: Seat) -> MentionIx {
        MentionIx(self.mentions.get(seat as usize).copied().unwrap_or(seat))
    }

    /// The mentions by seat.
    pub(super) fn mentions(&self) -> &[u32] {
        &self.mentions
    }

    /// The relations in which a seat is the provider.
    pub(super) fn dependents_of(&self, seat: Seat) -> Range<u32> {
        let seat = seat as usize;
        if self.mentions.len() <= seat {
            return 0..0;
        }
        self.dependents_from[seat]..self.dependents_from[seat + 1]
    }

    /// The relations in which a seat is the dependent.
    pub(super) fn needs_of(&self, seat: Seat) -> &[Need] {
        let seat = seat as usize;
        if self.mentions.len() <= seat {
            return &[];
        }
        &self.needs[self.needs_from[seat] as usize..self.needs_from[seat + 1] as usize]
    }

    /// The provider's seat of a relation that is laid out.
    pub(super) fn provider_of(&self, row: u32) -> Seat {
        let seats = self.dependents_from.partition_point(|from| *from <= row);
        Seat::try_from(seats - 1).expect("fewer seats than mentions")
    }
}

/// The mentions in a new order: neighbours near each other, the mentions of one item side by side.
///
/// It goes in rounds from a mention to all that `around` finds.
pub(super) fn by_locality(
    identity: &Identity,
    before: &[u32],
    around: impl Fn(MentionIx, &mut dyn FnMut(MentionIx)),
) -> Vec<u32> {
    let count = identity.mentions.len();
    let mut order: Vec<u32> = Vec::with_capacity(count);
    let mut seated = vec![false; count];
    let mut seat = |order: &mut Vec<u32>, mention: MentionIx| {
        if seated[mention.0 as usize] {
            return;
        }
        for member in &identity.item(identity.item_of(mention)).members {
            seated[member.0 as usize] = true;
            order.push(member.0);
        }
    };
    let later = u32::try_from(before.len()).expect("fewer than 2^32 mentions");
    let all = before.iter().copied().chain(later..);
    let mut next = 0;
    for start in all.take(count) {
        seat(&mut order, MentionIx(start));
        while let Some(mention) = order.get(next).copied() {
            next += 1;
            around(MentionIx(mention), &mut |other| seat(&mut order, other));
        }
    }
    order
}

/// Where each piece begins when pieces of these lengths lie one after the other, and where the last one ends.
fn starts(counts: &[u32]) -> Vec<u32> {
    let mut starts = Vec::with_capacity(counts.len() + 1);
    let mut sum = 0;
    starts.push(0);
    for count in counts {
        sum += count;
        starts.push(sum);
    }
    starts
}

pub(super) fn inverse(order: &[u32]) -> Vec<u32> {
    let mut places = vec![0; order.len()];
    for (place, number) in (0..).zip(order) {
        places[*number as usize] = place;
    }
    places
}
