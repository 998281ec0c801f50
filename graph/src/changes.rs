//! Changes as the fold keeps them: what ranking and lists need. The long texts lie in the index.
//!
//! Rows of what began long ago lie on sealed pages ([`Rows`]); what changes are found and listed by stays.

mod bookkeeping;
mod calendar;
mod course;
mod facets;
mod groups;
mod more;
mod newest;
mod noise;
mod page;
mod row;
mod rows;
mod scope;
mod selection;
mod set;

use std::sync::Arc;

use model::{BatchStatus, Change, ChangeId, LogPosition, SourceName, SourceRef, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::archive::{PageError, Pages, SealedPage};
use crate::cow::CowVec;
use crate::identity::Renamed;
use crate::intern::{WordIx, Words};
use crate::mention::MentionIx;
use crate::stamped::{Stamp, Stamped};
use crate::table::Table;
use calendar::Calendar;

pub use course::Touched;
pub(crate) use facets::{Facet, WordFacet};
use facets::{Facets, Sorts};
pub use groups::{ChangeGroup, ChangeGroupBy, ChangeGrouping, ChangeGroups};
pub(crate) use more::More;
pub use noise::Noise;
use noise::NoiseBook;
pub use page::{
    ChangeList, ChangeOrder, ChangeOrderBy, ChangePage, ChangePageWanted, ChangePlace, score_of,
};
pub(crate) use row::Row;
pub(crate) use rows::{RowRef, Rows};
pub use scope::{ChangeScope, ReachedItems, items_around, items_inside};
pub use selection::{ChangeConditions, ChangeSelection};
pub use set::{ChangeNumber, ChangeSet};

/// The number of a change, in order of its first appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ChangeIx(pub(crate) u32);

/// One wave of a gradual change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct BatchRow {
    pub(crate) targets: Stamped<Vec<MentionIx>>,
    pub(crate) traffic_percent: Stamped<f64>,
    pub(crate) planned_start_at: Stamped<Timestamp>,
    pub(crate) planned_finish_at: Stamped<Timestamp>,
    pub(crate) started_at: Stamped<Timestamp>,
    pub(crate) finished_at: Stamped<Timestamp>,
    pub(crate) status: Stamped<BatchStatus>,
}

/// A link to another change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LinkRow {
    pub(crate) kind: WordIx,
    pub(crate) source: WordIx,
    pub(crate) source_id: Box<str>,
}

/// Changes by number, id, mention and time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) rows: Rows,
    /// What each is listed by.
    facets: Facets,
    sorts: Sorts,
    /// Where the first statement about each stands: searches come by position.
    firsts: CowVec<LogPosition, 512>,
    /// Who carried changes out.
    pub(crate) operators: Words,
    by_id: Table,
    /// By mention that is a target of the change or of one of its batches.
    by_target: CowVec<Vec<ChangeIx>, 64>,
    /// Numbers of changes that others link to, known or not, by id.
    linked: Table,
    /// The changes that link to each of them, or once did.
    linking: CowVec<Vec<ChangeIx>, 64>,
    pub(crate) noise: NoiseBook,
    calendar: Calendar,
}

impl LinkRow {
    /// The id of the other change.
    pub(crate) fn id(&self, words: &Words) -> ChangeId {
        ChangeId::of(&self.reference(words))
    }

    /// What its platform calls the other change.
    pub(crate) fn reference(&self, words: &Words) -> SourceRef {
        SourceRef {
            source: SourceName::new(words.text(self.source)),
            source_id: self.source_id.to_string(),
        }
    }
}

/// One statement about a change, its keys already mentions.
pub(crate) struct Statement<'a> {
    pub(crate) change: &'a Change,
    pub(crate) stamp: Stamp,
    pub(crate) position: LogPosition,
    pub(crate) targets: Vec<MentionIx>,
    pub(crate) batch_targets: Vec<Vec<MentionIx>>,
}

impl Changes {
    pub(crate) fn find(&self, id: ChangeId) -> Option<ChangeIx> {
        self.by_id.get(id.as_bytes()).map(ChangeIx)
    }

    /// The row of a change, whose page the view keeps.
    pub(crate) fn row(&self, change: ChangeIx) -> &Row {
        self.rows
            .get(change.0 as usize)
            .expect("a change's number comes from this view")
    }

    /// The change whose first statement stands at a position: numbers follow first statements.
    /// It is found fastest a little behind one that is known, with its own first position.
    pub(crate) fn first_said_at(
        &self,
        position: LogPosition,
        near: Option<(ChangeIx, LogPosition)>,
    ) -> Option<ChangeIx> {
        let first = |number: u32| self.firsts.get(number as usize).copied();
        let len = u32::try_from(self.firsts.len()).unwrap_or(u32::MAX);
        let (mut low, mut high) = (0, len);
        if let Some((ChangeIx(near), kept)) = near.filter(|(_, kept)| *kept <= position) {
            low = near;
            // No position has two changes, so it lies no further than this; and no nearer, where all are changes.
            let apart = position.number() - kept.number();
            let most = u32::try_from(apart).map_or(len, |apart| near.saturating_add(apart));
            if first(most) == Some(position) {
                return Some(ChangeIx(most));
            }
            high = len.min(most);
            let mut step = 1;
            while low < high {
                let probe = low.saturating_add(step);
                if high <= probe || first(probe).is_none_or(|at| position < at) {
                    high = high.min(probe);
                    break;
                }
                low = probe;
                step *= 2;
            }
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match first(middle)?.cmp(&position) {
                std::cmp::Ordering::Equal => return Some(ChangeIx(middle)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The same for a look: no view keeps its page for that.
    pub(crate) fn look(&self, change: ChangeIx) -> RowRef<'_> {
        let row = self.rows.look(change.0 as usize);
        row.expect("a change's number comes from this view")
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// What a change is listed by.
    pub(crate) fn facet(&self, change: ChangeIx) -> &Facet {
        self.facets
            .get(change.0 as usize)
            .expect("a change's number comes from this view")
    }

    /// Its word for something.
    pub(crate) fn word(&self, facet: &Facet, of: WordFacet) -> Option<WordIx> {
        self.sorts.word(facet, of)
    }

    /// Where its first statement stands.
    pub(crate) fn first_statement(&self, change: ChangeIx) -> LogPosition {
        let first = self.firsts.get(change.0 as usize);
        first.copied().unwrap_or(LogPosition::ZERO)
    }

    /// About how many changes start between two moments: whole days are counted.
    pub(crate) fn about_between(&self, from: Timestamp, until: Timestamp) -> usize {
        self.calendar.about_between(from, until)
    }

    /// The changes that touch a mention, ever.
    pub(crate) fn of_target(&self, mention: MentionIx) -> &[ChangeIx] {
        self.by_target
            .get(mention.0 as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// The changes that start in `[from, until)`, the newest first.
    pub(crate) fn between(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = ChangeIx> {
        self.calendar.between(from, until, &self.facets)
    }

    /// The changes that start before a moment and still take effect at it, roughly the newest first.
    pub(crate) fn going_on_at(&self, at: Timestamp) -> impl Iterator<Item = ChangeIx> {
        let goes_on = move |change: &ChangeIx| at <= self.end(*change);
        self.calendar.may_go_on_at(at, &self.facets).filter(goes_on)
    }

    /// When the last effect of a change began at the latest; `Timestamp::MAX` while it goes on.
    pub(crate) fn end(&self, change: ChangeIx) -> Timestamp {
        let end = self.facet(change).end();
        end.unwrap_or_else(|| self.look(change).end())
    }

    /// Takes one statement about a change, made if it is new.
    pub(crate) fn say(
        &mut self,
        reference: &SourceRef,
        said: &Statement<'_>,
        words: &mut Words,
    ) -> ChangeIx {
        let change = self.find_or_add(reference, said, words);
        let place = change.0 as usize;
        let Some(row) = self.rows.get_mut(place) else {
            return change;
        };
        let before = (!row.statements.is_empty()).then(|| row.effect());
        let counted = row.noise();
        row.say(said, words, &mut self.operators);
        self.noise.count(row.source, counted, row.noise());
        let after = row.effect();
        let facet = Facet::of(row, &mut self.sorts);
        let touched: Vec<MentionIx> = row.touched().collect();
        for mention in touched {
            let changes = self.by_target.grow_to(mention.0 as usize);
            if let Err(place) = changes.binary_search(&change) {
                changes.insert(place, change);
            }
        }
        let links: Vec<ChangeId> = row.links().map(|link| link.id(words)).collect();
        for other in links {
            self.link(other, change);
        }
        let moves = before != Some(after);
        if let Some(before) = before.filter(|_| moves) {
            self.calendar.take(change, before, &self.facets);
        }
        if self.facets.len() <= place {
            self.facets.push(facet);
        } else if let Some(kept) = self.facets.get_mut(place) {
            *kept = facet;
        }
        if moves {
            self.calendar.put(change, after, &self.facets);
        }
        change
    }

    /// Takes the keys that a change means by its environment; returns those it meant before.
    pub(crate) fn hint(
        &mut self,
        change: ChangeIx,
        hinted: SmallVec<[MentionIx; 2]>,
    ) -> SmallVec<[MentionIx; 2]> {
        for mention in &hinted {
            let changes = self.by_target.grow_to(mention.0 as usize);
            if let Err(place) = changes.binary_search(&change) {
                changes.insert(place, change);
            }
        }
        let row = self.rows.get_mut(change.0 as usize);
        row.map_or_else(SmallVec::new, |row| {
            std::mem::replace(&mut row.hinted, hinted)
        })
    }

    /// Notes that a change links to another, which may be unknown yet.
    fn link(&mut self, other: ChangeId, change: ChangeIx) {
        let next = u32::try_from(self.linking.len()).unwrap_or(u32::MAX);
        let place = self.linked.insert(*other.as_bytes(), next);
        let linking = self.linking.grow_to(place as usize);
        if let Err(place) = linking.binary_search(&change) {
            linking.insert(place, change);
        }
    }

    /// The changes that link to another, in the order they became known.
    pub(crate) fn linking_to(&self, other: ChangeId) -> impl Iterator<Item = ChangeIx> {
        let place = self.linked.get(other.as_bytes());
        let linking = place.and_then(|place| self.linking.get(place as usize));
        linking.into_iter().flatten().copied()
    }

    fn find_or_add(
        &mut self,
        reference: &SourceRef,
        said: &Statement<'_>,
        words: &mut Words,
    ) -> ChangeIx {
        let id = ChangeId::of(reference);
        if let Some(known) = self.find(id) {
            return known;
        }
        let number = u32::try_from(self.rows.push(Row::new(reference, words, said.stamp.at)))
            .expect("fewer than 2^32 changes fit in memory");
        self.by_id.insert(*id.as_bytes(), number);
        self.firsts.push(said.position);
        ChangeIx(number)
    }

    /// The same with other numbers of names. What changes touch is never gone.
    pub(crate) fn renamed(&self, renamed: &Renamed) -> Self {
        let mut changes = self.clone();
        changes.rows.rename(renamed);
        let touching = (0_u32..).map(MentionIx).zip(self.by_target.iter());
        let touching = touching.filter(|(_, touching)| !touching.is_empty());
        changes.by_target = CowVec::default();
        for (name, touching) in touching {
            // One that no change touches any more may be gone.
            if let Some(name) = renamed.find(name) {
                touching.clone_into(changes.by_target.grow_to(name.0 as usize));
            }
        }
        changes
    }

    /// The changes as they were saved, their tables made again.
    pub(crate) fn restore(
        mut rows: Rows,
        operators: Words,
        words: &Words,
        pages: Option<&Arc<dyn Pages>>,
    ) -> Result<Self, PageError> {
        if let Some(pages) = pages {
            rows.read_from(pages);
        }
        let mut changes = Self {
            operators,
            ..Self::default()
        };
        let count = rows.len();
        let mut ids = Vec::with_capacity(count);
        let mut facets = Vec::with_capacity(count);
        let mut firsts = Vec::with_capacity(count);
        let mut effects = Vec::with_capacity(count);
        let mut links: Vec<(ChangeIx, ChangeId)> = Vec::new();
        rows.each(|change, row| {
            let reference = SourceRef {
                source: SourceName::new(words.text(row.source)),
                source_id: row.source_id.to_string(),
            };
            ids.push((*ChangeId::of(&reference).as_bytes(), change.0));
            for mention in row.touched().chain(row.hinted.iter().copied()) {
                let touching = changes.by_target.grow_to(mention.0 as usize);
                if touching.last() != Some(&change) {
                    touching.push(change);
                }
            }
            facets.push(Facet::of(row, &mut changes.sorts));
            firsts.push(row.statements.first().copied().unwrap_or_default());
            effects.push((change, row.effect()));
            links.extend(row.links().map(|link| (change, link.id(words))));
            let noise = Noise::default();
            changes.noise.count(row.source, noise, row.noise());
        });
        if let Some(lost) = rows.lost() {
            return Err(lost);
        }
        changes.rows = rows;
        changes.facets = facets.into_iter().collect();
        changes.firsts = firsts.into_iter().collect();
        changes.by_id = Table::of(ids);
        for (change, other) in links {
            changes.link(other, change);
        }
        changes.calendar = Calendar::of(effects.into_iter(), &changes.facets);
        Ok(changes)
    }

    /// Puts away the rows of what began before a moment; the pages are to be kept.
    ///
    /// What has gone on ever since goes with it: mostly nobody told that it was through.
    pub(crate) fn put_away(&mut self, boundary: Timestamp) -> Vec<SealedPage> {
        self.rows.put_away(|row| row.start() < boundary)
    }

    /// Where the pages of rows are to be read.
    pub(crate) fn read_from(&mut self, pages: &Arc<dyn Pages>) {
        self.rows.read_from(pages);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_change_is_found_by_its_first_statement_wherever_the_search_begins(
            gaps in prop::collection::vec(prop_oneof![Just(1), 1..4_u64, 1..3_000_u64], 0..200),
            near in prop::option::of(0..220_usize),
            asked in 0..250_000_u64,
        ) {
            let mut at = 0;
            let firsts = gaps.iter().map(|gap| { at += gap; LogPosition::new(at) });
            let firsts: Vec<LogPosition> = firsts.collect();
            let changes = Changes { firsts: firsts.iter().copied().collect(), ..Changes::default() };
            let near = near.and_then(|near| Some((ChangeIx(u32::try_from(near).ok()?), *firsts.get(near)?)));
            for (number, first) in (0..).zip(&firsts) {
                prop_assert_eq!(changes.first_said_at(*first, near), Some(ChangeIx(number)));
            }
            let asked = LogPosition::new(asked);
            let found = changes.first_said_at(asked, near);
            prop_assert_eq!(found.is_some(), firsts.contains(&asked));
        }
    }
}
