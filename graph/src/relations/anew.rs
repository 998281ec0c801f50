//! Laying relations out anew, so that what came since lies in one piece with the rest.

use std::sync::Arc;

use super::layout::{self, Layout, Seat};
use super::{Ground, NEW_MIN, Place, Relations, RowIx, Span};
use crate::cow::CowVec;
use crate::identity::{Identity, Renamed};
use crate::mention::MentionIx;

/// An item with more relations on one side is not followed there when mentions are seated: it is near to everything.
const CROWD: usize = 64;

/// How many times as many relations may be new as lie there before nobody is waited for who lays them out aside.
const OVERDUE: usize = 2;

/// No number: the relation is gone.
const GONE: u32 = u32::MAX;

/// What the numbers of relations have become; those that came later keep theirs.
#[derive(Debug)]
pub(crate) struct Renumbering {
    new_rows: Vec<u32>,
}

impl Renumbering {
    pub(crate) fn of(&self, row: RowIx) -> RowIx {
        RowIx(self.number(row.0))
    }

    fn number(&self, row: u32) -> u32 {
        self.find(row)
            .expect("every relation that stays is laid out anew")
    }

    fn find(&self, row: u32) -> Option<u32> {
        let new_row = self.new_rows.get(row as usize).copied().unwrap_or(row);
        (new_row != GONE).then_some(new_row)
    }
}

impl Relations {
    /// Makes ready to be asked: in line with the identity, and laid out anew once that has become worth it.
    ///
    /// A layout is made when half as many relations are new as lay there before, so that all layouts together
    /// cost a few times as much as the last one.
    pub(crate) fn settle(&mut self, identity: &Identity) -> Option<Renumbering> {
        let is_overdue = self.layout.rows_count() as usize * OVERDUE <= self.late.len();
        if !self.is_due() || (self.is_due_aside() && !is_overdue) {
            self.follow(identity);
            return None;
        }
        Some(self.lay_out(identity))
    }

    /// Whether enough relations are new for laying out anew to be worth it.
    pub(super) fn is_due(&self) -> bool {
        let laid_out = self.layout.rows_count() as usize;
        (laid_out / 2).max(NEW_MIN) <= self.late.len()
    }

    /// Lays every relation out anew, by locality.
    pub(crate) fn lay_out(&mut self, identity: &Identity) -> Renumbering {
        let order = layout::by_locality(identity, self.layout.mentions(), |mention, visit| {
            self.around(mention, CROWD, visit);
        });
        let (anew, renumbering) = self.in_order(&order, identity, None);
        *self = anew;
        renumbering
    }

    /// The same without the relations of names that are gone, laid out by locality.
    ///
    /// `before` is the identity with the old numbers, `identity` that with the new ones.
    pub(crate) fn renamed(
        &self,
        renamed: &Renamed,
        before: &Identity,
        identity: &Identity,
    ) -> (Self, Renumbering) {
        let mut order = layout::by_locality(before, self.layout.mentions(), |mention, visit| {
            self.around(mention, CROWD, visit);
        });
        order.retain(|mention| renamed.find(MentionIx(*mention)).is_some());
        self.in_order(&order, identity, Some(renamed))
    }

    /// The same relations with the mentions seated in the given order; without those of names that are gone.
    fn in_order(
        &self,
        order: &[u32],
        identity: &Identity,
        renamed: Option<&Renamed>,
    ) -> (Self, Renumbering) {
        let number_of = |mention: MentionIx| match renamed {
            None => Some(mention),
            Some(renamed) => renamed.find(mention),
        };
        let named = |mention: &u32| number_of(MentionIx(*mention)).map(|mention| mention.0);
        let mentions: Vec<u32> = order.iter().filter_map(named).collect();
        let seats = layout::inverse(&mentions);
        let seat_of = |mention: MentionIx| -> Option<Seat> {
            let mention = number_of(mention)?;
            let seat = seats.get(mention.0 as usize).copied();
            Some(seat.expect("every mention is seated"))
        };
        let mut spans: Vec<Span> = Vec::with_capacity(self.spans.len());
        let mut grounds: Vec<Ground> = Vec::with_capacity(self.spans.len());
        let mut counts: Vec<u32> = Vec::with_capacity(order.len());
        let mut new_rows: Vec<u32> = vec![GONE; self.spans.len()];
        for mention in order {
            let before = spans.len();
            self.each_dependent(self.seat_of(MentionIx(*mention)), |row, span| {
                let Some(dependent) = seat_of(self.mention_at(span.other)) else {
                    return;
                };
                if let Some(new_row) = new_rows.get_mut(row.0 as usize) {
                    *new_row = number(spans.len());
                }
                spans.push(span.at_seat(dependent));
                grounds.push(*self.ground(row));
            });
            counts.push(number(spans.len() - before));
        }
        let layout = Layout::new(mentions, &counts, || spans.iter().map(|span| span.other));
        let renumbering = Renumbering { new_rows };
        let renumbered = |row: u32| renumbering.find(row);
        let deviated = self.deviated.iter().filter_map(|(provider, rows)| {
            let rows = rows.iter().filter_map(|row| renumbered(row.0).map(RowIx));
            let rows: Vec<RowIx> = rows.collect();
            let provider = number_of(MentionIx(provider))?;
            (!rows.is_empty()).then_some((provider.0, rows))
        });
        let spilled = self.spilled.iter();
        let more = self.more.iter();
        let mut anew = Self {
            layout: Arc::new(layout),
            places: CowVec::default(),
            late: CowVec::default(),
            spilled: spilled
                .filter_map(|(row, kept)| Some((renumbered(row)?, Arc::clone(kept))))
                .collect(),
            more: more
                .filter_map(|(row, kept)| Some((renumbered(row)?, Arc::clone(kept))))
                .collect(),
            deviated: deviated.collect(),
            item_of: CowVec::default(),
            spans: spans.into_iter().collect(),
            grounds: grounds.into_iter().collect(),
            asides: self.asides,
        };
        anew.seat_all(identity);
        (anew, renumbering)
    }

    /// Makes the places of a new layout.
    pub(super) fn seat_all(&mut self, identity: &Identity) {
        let seats = number(self.layout.seats_count());
        let mut kinds: Vec<u32> = vec![0; seats as usize];
        for span in self.spans.iter() {
            if let Some(kinds) = kinds.get_mut(span.other as usize) {
                *kinds |= super::kind_bit(span.kind());
            }
        }
        self.places = kinds
            .into_iter()
            .zip(0..)
            .map(|(kinds, seat)| Place {
                kinds,
                ..Place::alone(seat)
            })
            .collect();
        self.follow(identity);
    }

    /// Calls `visit` with all around a mention, except on a side where they are too many.
    fn around(&self, mention: MentionIx, most: usize, mut visit: impl FnMut(MentionIx)) {
        let seat = self.seat_of(mention);
        if self.needs_count(seat) <= most {
            self.each_need(seat, |_, provider| visit(self.mention_at(provider)));
        }
        if self.dependents_count(seat) <= most {
            self.each_dependent(seat, |_, span| visit(self.mention_at(span.other)));
        }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("fewer than 2^32 relations and mentions")
}
