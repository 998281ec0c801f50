//! The seats of items: what a search goes through instead of items and mentions.
//!
//! When mentions are seated, those of one item sit side by side. Where an item has become another since,
//! its seats are asked of the identity.

use super::layout::Seat;
use super::{Place, Relations, SCATTERED};
use crate::identity::{Identity, ItemIx};
use crate::mention::MentionIx;
use crate::relations::{RowIx, Span};

impl Place {
    /// The only mention of its item, without relations.
    pub(super) fn alone(seat: Seat) -> Self {
        Self {
            lead: seat,
            kinds: 0,
            newest_dependent: 0,
            newest_need: 0,
        }
    }
}

impl Relations {
    pub(crate) fn seat_of(&self, mention: MentionIx) -> Seat {
        self.layout.seat_of(mention)
    }

    pub(crate) fn mention_at(&self, seat: Seat) -> MentionIx {
        self.layout.mention_at(seat)
    }

    /// A number above every seat.
    pub(crate) fn seats_end(&self) -> usize {
        self.layout
            .seats_count()
            .max(self.places.len())
            .max(self.item_of.len())
    }

    pub(super) fn place(&self, seat: Seat) -> Place {
        let known = self.places.get(seat as usize).copied();
        known.unwrap_or_else(|| Place::alone(seat))
    }

    pub(super) fn place_mut(&mut self, seat: Seat) -> &mut Place {
        while self.places.len() <= seat as usize {
            let next = Seat::try_from(self.places.len()).expect("fewer seats than mentions");
            self.places.push(Place::alone(next));
        }
        let place = self.places.get_mut(seat as usize);
        place.expect("the places were just made to reach it")
    }

    /// Calls `visit` with every seat of the item that has the given one.
    pub(crate) fn each_seat_of_item(
        &self,
        identity: &Identity,
        seat: Seat,
        mut visit: impl FnMut(Seat),
    ) {
        let lead = self.place(seat).lead;
        if lead & SCATTERED != 0 {
            let item = identity.item_of(self.mention_at(seat));
            let members = identity.item(item).members.iter();
            members.for_each(|member| visit(self.seat_of(*member)));
            return;
        }
        let mut next = lead;
        while next == lead || ((next as usize) < self.places.len() && self.place(next).lead == lead)
        {
            visit(next);
            next += 1;
        }
    }

    /// Calls `visit` with every relation, ever, in which a seat is the provider.
    pub(crate) fn each_dependent(&self, seat: Seat, mut visit: impl FnMut(RowIx, &Span)) {
        let mut rows = self.layout.dependents_of(seat);
        while !rows.is_empty() {
            let piece = self.spans.piece(rows.start as usize, rows.end as usize);
            for span in piece {
                visit(RowIx(rows.start), span);
                rows.start += 1;
            }
        }
        for row in self.late_dependents_of(seat) {
            visit(RowIx(row), self.span(RowIx(row)));
        }
    }

    /// Calls `visit` with every relation, ever, in which a seat is the dependent, and the provider's seat.
    pub(crate) fn each_need(&self, seat: Seat, mut visit: impl FnMut(RowIx, Seat)) {
        let laid_out = self.layout.needs_of(seat).iter().copied();
        for need in laid_out.chain(self.late_needs_of(seat)) {
            visit(RowIx(need.row), need.provider);
        }
    }

    /// Whether a seat may need something by one of the kinds with these bits ([`kind_bit`]).
    pub(crate) fn may_need_by(&self, seat: Seat, kinds: u32) -> bool {
        self.place(seat).kinds & kinds != 0
    }

    /// Brings the seats of items in line with what the identity has decided since the last time.
    pub(super) fn follow(&mut self, identity: &Identity) {
        let changed = identity.item_of.changed_since(&self.item_of);
        let mut items: Vec<ItemIx> = Vec::with_capacity(changed.len());
        for mention in &changed {
            items.extend(self.item_of.get(*mention));
            items.extend(identity.item_of.get(*mention));
        }
        items.sort_unstable();
        items.dedup();
        for item in items {
            let Some(row) = identity.items.get(item.0 as usize) else {
                continue;
            };
            let seats = || row.members.iter().map(|member| self.seat_of(*member));
            let (Some(least), Some(greatest)) = (seats().min(), seats().max()) else {
                continue;
            };
            let side_by_side = (greatest - least) as usize + 1 == row.members.len();
            let lead = if side_by_side {
                least
            } else {
                least | SCATTERED
            };
            for member in &row.members {
                let seat = self.seat_of(*member);
                if self.place(seat).lead != lead {
                    self.place_mut(seat).lead = lead;
                }
            }
        }
        self.item_of = identity.item_of.clone();
    }
}
