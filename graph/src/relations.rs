//! Relations between mentions, and the adjacency that searches walk.
//!
//! Most relations are laid out by locality in one piece ([`layout`]), those of one provider side by side, in the
//! few bytes that a search checks ([`span`]). Relations that are new since then hang in lists at their two ends,
//! until there are enough of them to lay everything out anew. What a relation says can change in place.

mod anew;
mod aside;
mod layout;
mod row;
mod saved;
mod seats;
mod span;

use std::sync::Arc;

use model::{RelationKind, Strength, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cow::{CowMap, CowVec};
use crate::deviations::DeviationRow;
use crate::identity::ItemIx;
use crate::intern::{WordIx, Words};
use crate::mention::MentionIx;
use layout::Layout;
use row::More;
use span::Spilled;

pub(crate) use anew::Renumbering;
pub(crate) use aside::{Aside, LaidOut};
pub(crate) use layout::{Need, Seat};
pub use row::CallCounts;
pub(crate) use row::{Ends, Row};
pub(crate) use saved::SavedRelations;
pub(crate) use span::{Ground, Span, Tag};

/// The number of a relation between two mentions. Laying out anew changes it ([`Renumbering`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RowIx(pub(crate) u32);

/// The kind under which deviations are kept that name none; such a row holds at no time.
pub(crate) const ANY_KIND: &str = "";

/// Relations that are new since the last layout before there is another one, however few there are in all.
const NEW_MIN: usize = 1_024;

/// How a relation holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hold {
    /// Whether what is known of it fades with time.
    pub(crate) fades: bool,
    /// Whether the dependent can do without.
    pub(crate) strength: Option<Strength>,
}

/// One step from a mention: to which other, by which relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) other: MentionIx,
    pub(crate) row: RowIx,
    pub(crate) span: Span,
}

/// What hangs at a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// The least seat of the item, with [`SCATTERED`] if its seats are not side by side.
    lead: u32,
    /// Which kinds of relations its needs have, one bit for all kinds whose numbers end alike.
    kinds: u32,
    /// The newest relation that is not laid out in which it is the provider, from 1.
    newest_dependent: u32,
    /// The same as the dependent.
    newest_need: u32,
}

const SCATTERED: u32 = 1 << 31;

/// A relation that is not laid out, and the ones before it in the lists of its ends.
#[derive(Clone, Copy, Debug)]
struct Late {
    dependent: MentionIx,
    provider: MentionIx,
    before_of_dependent: u32,
    before_of_provider: u32,
}

/// Relations by number and by mention.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relations {
    layout: Arc<Layout>,
    places: CowVec<Place, 256>,
    spans: CowVec<Span, 128>,
    grounds: CowVec<Ground, 128>,
    late: CowVec<Late, 128>,
    spilled: CowMap<Arc<Spilled>>,
    more: CowMap<Arc<More>>,
    /// The relations with deviations, by provider.
    deviated: CowMap<Vec<RowIx>>,
    /// What the places are in line with.
    item_of: CowVec<ItemIx, 1024>,
    /// How often laying out aside was begun.
    asides: u64,
}

impl Relations {
    /// The relation between two mentions, made if it is new.
    pub(crate) fn row_of(
        &mut self,
        dependent: MentionIx,
        provider: MentionIx,
        kind: &RelationKind,
        words: &mut Words,
    ) -> RowIx {
        let kind = words.add(kind.as_str());
        self.row_of_kind(dependent, provider, kind)
    }

    /// The same with the kind's word.
    pub(crate) fn row_of_kind(
        &mut self,
        dependent: MentionIx,
        provider: MentionIx,
        kind: WordIx,
    ) -> RowIx {
        let found = self.find(dependent, provider, kind);
        found.unwrap_or_else(|| self.add(dependent, provider, kind))
    }

    /// The relation between two mentions, if there ever was one: looked for on the side with fewer.
    pub(crate) fn find(
        &self,
        dependent: MentionIx,
        provider: MentionIx,
        kind: WordIx,
    ) -> Option<RowIx> {
        let (needing, needed) = (self.seat_of(dependent), self.seat_of(provider));
        let rows = self.layout.dependents_of(needed);
        let needs = self.layout.needs_of(needing);
        let fits = |row: &u32| self.span(RowIx(*row)).kind() == kind;
        let laid_out = if needs.len() <= rows.len() {
            let there = needs.iter().filter(|need| need.provider == needed);
            there.map(|need| need.row).find(fits)
        } else {
            let there = |row: &u32| self.span(RowIx(*row)).other == needing;
            rows.filter(there).find(fits)
        };
        laid_out.map(RowIx).or_else(|| {
            let (mut by_need, mut by_dependent) = (
                self.place(needing).newest_need,
                self.place(needed).newest_dependent,
            );
            while 0 < by_need && 0 < by_dependent {
                for number in [by_need - 1, by_dependent - 1] {
                    let late = self.late(number);
                    if late.dependent == dependent && late.provider == provider && fits(&number) {
                        return Some(RowIx(number));
                    }
                }
                by_need = self.late(by_need - 1).before_of_dependent;
                by_dependent = self.late(by_dependent - 1).before_of_provider;
            }
            None
        })
    }

    fn add(&mut self, dependent: MentionIx, provider: MentionIx, kind: WordIx) -> RowIx {
        self.spans.push(Span::empty(self.seat_of(dependent), kind));
        self.grounds.push(Ground::default());
        self.hang(dependent, provider)
    }

    /// Hangs the next relation that is not laid out in the lists of its ends.
    fn hang(&mut self, dependent: MentionIx, provider: MentionIx) -> RowIx {
        let number = self.layout.rows_count() as usize + self.late.len();
        let row = RowIx(u32::try_from(number).expect("fewer than 2^32 relations"));
        let kind = self.span(row).kind();
        let place = self.place_mut(self.seat_of(dependent));
        let before_of_dependent = std::mem::replace(&mut place.newest_need, row.0 + 1);
        place.kinds |= kind_bit(kind);
        let place = self.place_mut(self.seat_of(provider));
        let before_of_provider = std::mem::replace(&mut place.newest_dependent, row.0 + 1);
        self.late.push(Late {
            dependent,
            provider,
            before_of_dependent,
            before_of_provider,
        });
        row
    }

    /// What was said of a relation.
    pub(crate) fn row(&self, row: RowIx) -> Row {
        let only = self.span(row).statement(self.ground(row));
        let spilled = || self.spilled.get(row.0).map(|kept| kept.validity.clone());
        Row {
            validity: only.map_or_else(|| spilled().unwrap_or_default(), Into::into),
            more: self.more.get(row.0).map(Arc::clone),
        }
    }

    /// Which relation it is.
    pub(crate) fn ends(&self, row: RowIx) -> Ends {
        let span = self.span(row);
        let (dependent, provider) = if row.0 < self.layout.rows_count() {
            let provider = self.layout.provider_of(row.0);
            (self.mention_at(span.other), self.mention_at(provider))
        } else {
            let late = self.late(row.0);
            (late.dependent, late.provider)
        };
        Ends {
            dependent,
            provider,
            kind: span.kind(),
        }
    }

    /// How many relations there are.
    pub(crate) fn count(&self) -> usize {
        self.spans.len()
    }

    /// Every relation, in no particular order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = RowIx> {
        let count = u32::try_from(self.spans.len()).expect("a relation's number is a u32");
        (0..count).map(RowIx)
    }

    /// Changes what is said of a relation.
    pub(crate) fn change(&mut self, row: RowIx, change: impl FnOnce(&mut Row)) {
        let mut changed = self.row(row);
        // Taken out, so that it need not be copied to be changed.
        self.more.remove(row.0);
        let had_deviations = !changed.deviations().is_empty();
        change(&mut changed);
        let span = *self.span(row);
        let packed = span.packed(&changed);
        if packed.span != span {
            *self.spans.get_mut(row.0 as usize).expect(KNOWN) = packed.span;
        }
        if packed.ground != *self.ground(row) {
            *self.grounds.get_mut(row.0 as usize).expect(KNOWN) = packed.ground;
        }
        match packed.spilled {
            Some(spilled) => self.spilled.insert(row.0, Arc::new(spilled)),
            None => drop(self.spilled.remove(row.0)),
        }
        if !had_deviations && !changed.deviations().is_empty() {
            self.deviates(row);
        }
        if let Some(more) = changed.more {
            self.more.insert(row.0, more);
        }
    }

    fn deviates(&mut self, row: RowIx) {
        let provider = self.ends(row).provider.0;
        let mut rows = self.deviated.get(provider).cloned().unwrap_or_default();
        rows.push(row);
        self.deviated.insert(provider, rows);
    }

    /// The deviations of relations in which a mention is the provider.
    pub(crate) fn deviations_to(&self, provider: MentionIx) -> impl Iterator<Item = &DeviationRow> {
        let rows = self.deviated.get(provider.0).into_iter().flatten();
        rows.flat_map(|row| self.deviations_of(*row))
    }

    pub(crate) fn deviations_of(&self, row: RowIx) -> &[DeviationRow] {
        self.more.get(row.0).map_or(&[], |more| more.deviations())
    }

    /// How a relation holds at a moment, if it does.
    pub(crate) fn hold_at(&self, edge: &Edge, at: Timestamp) -> Option<Hold> {
        self.holds(edge.row, &edge.span, at.unix_nanos())
            .then(|| Hold {
                fades: edge.span.tag().fades(),
                strength: edge.span.tag().strength(),
            })
    }

    /// Whether a relation holds at a moment, in nanoseconds.
    pub(crate) fn holds(&self, row: RowIx, span: &Span, at: i64) -> bool {
        if !span.spans(at) {
            return false;
        }
        !span.tag().is_several() || {
            let inside = |(from, until): &(i64, i64)| *from <= at && at < *until;
            let kept = self.spilled.get(row.0);
            kept.is_some_and(|kept| kept.intervals.iter().any(inside))
        }
    }

    /// What a mention needs, ever; in no particular order.
    pub(crate) fn providers_of(&self, mention: MentionIx) -> impl Iterator<Item = Edge> {
        let seat = self.seat_of(mention);
        let laid_out = self.layout.needs_of(seat).iter().copied();
        let late = self.late_needs_of(seat);
        laid_out
            .chain(late)
            .map(|need| self.edge(need.row, need.provider))
    }

    /// Who needs a mention, ever; in no particular order.
    pub(crate) fn dependents_of(&self, mention: MentionIx) -> impl Iterator<Item = Edge> {
        let seat = self.seat_of(mention);
        let laid_out = self.layout.dependents_of(seat);
        let all = laid_out.chain(self.late_dependents_of(seat));
        all.map(|row| self.edge(row, self.span(RowIx(row)).other))
    }

    /// How many relations a seat ever had as the dependent.
    pub(crate) fn needs_count(&self, seat: Seat) -> usize {
        self.layout.needs_of(seat).len() + self.late_needs_of(seat).count()
    }

    /// How many relations a seat ever had as the provider.
    pub(crate) fn dependents_count(&self, seat: Seat) -> usize {
        self.layout.dependents_of(seat).len() + self.late_dependents_of(seat).count()
    }

    fn edge(&self, row: u32, other: Seat) -> Edge {
        let row = RowIx(row);
        Edge {
            other: self.mention_at(other),
            row,
            span: *self.span(row),
        }
    }

    fn late_needs_of(&self, seat: Seat) -> impl Iterator<Item = Need> {
        let first = self.place(seat).newest_need.checked_sub(1);
        let next = |row: &u32| self.late(*row).before_of_dependent.checked_sub(1);
        std::iter::successors(first, next).map(|row| Need {
            provider: self.seat_of(self.late(row).provider),
            row,
        })
    }

    fn late_dependents_of(&self, seat: Seat) -> impl Iterator<Item = u32> {
        let first = self.place(seat).newest_dependent.checked_sub(1);
        std::iter::successors(first, |row| {
            self.late(*row).before_of_provider.checked_sub(1)
        })
    }

    pub(crate) fn span(&self, row: RowIx) -> &Span {
        self.spans.get(row.0 as usize).expect(KNOWN)
    }

    pub(crate) fn ground(&self, row: RowIx) -> &Ground {
        self.grounds.get(row.0 as usize).expect(KNOWN)
    }

    fn late(&self, row: u32) -> &Late {
        let place = row.checked_sub(self.layout.rows_count());
        let late = place.and_then(|place| self.late.get(place as usize));
        late.expect("the lists hold relations only that are not laid out")
    }
}

const KNOWN: &str = "a relation's number comes from this view";

/// The bit of a kind in [`Place::kinds`].
pub(crate) fn kind_bit(kind: WordIx) -> u32 {
    1 << (kind.number() % 32)
}
