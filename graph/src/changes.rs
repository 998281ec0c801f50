//! Changes as the fold keeps them: what ranking and lists need. The long texts lie in the index.

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
mod scope;
mod selection;
mod set;

use model::{BatchStatus, Change, ChangeId, LogPosition, SourceName, SourceRef, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::cow::CowVec;
use crate::identity::Renamed;
use crate::intern::{WordIx, Words};
use crate::mention::MentionIx;
use crate::stamped::{Stamp, Stamped};
use crate::table::Table;
use calendar::Calendar;

pub use course::Touched;
use facets::Facet;
pub use groups::{ChangeGroup, ChangeGroupBy, ChangeGrouping, ChangeGroups};
pub(crate) use more::More;
pub use noise::Noise;
use noise::NoiseBook;
pub use page::{
    ChangeList, ChangeOrder, ChangeOrderBy, ChangePage, ChangePageWanted, ChangePlace, score_of,
};
pub(crate) use row::Row;
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
    pub(crate) rows: CowVec<Row, 32>,
    /// What each is listed by.
    facets: CowVec<Facet, 128>,
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
        self.calendar.between(from, until)
    }

    /// The changes that start before a moment and still take effect at it, roughly the newest first.
    pub(crate) fn going_on_at(&self, at: Timestamp) -> impl Iterator<Item = ChangeIx> {
        let goes_on = move |change: &ChangeIx| at <= self.row(*change).end();
        self.calendar.may_go_on_at(at).filter(goes_on)
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
        let facet = Facet::of(row);
        if self.facets.len() <= place {
            self.facets.push(facet);
        } else if let Some(kept) = self.facets.get_mut(place) {
            *kept = facet;
        }
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
        if before != Some(after) {
            if let Some(before) = before {
                self.calendar.take(change, before);
            }
            self.calendar.put(change, after);
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
    pub(crate) fn renamed(&self, renamed: &Renamed, words: &Words) -> Self {
        let rows = self.rows.iter().map(|row| {
            let mut row = row.clone();
            row.rename(renamed);
            row
        });
        Self::restore(rows.collect(), self.operators.clone(), words)
    }

    /// The changes as they were saved, their tables made again.
    pub(crate) fn restore(rows: CowVec<Row, 32>, operators: Words, words: &Words) -> Self {
        let mut changes = Self {
            rows,
            operators,
            ..Self::default()
        };
        let mut ids = Vec::with_capacity(changes.rows.len());
        for (number, row) in (0..).zip(changes.rows.iter()) {
            let reference = SourceRef {
                source: SourceName::new(words.text(row.source)),
                source_id: row.source_id.to_string(),
            };
            ids.push((*ChangeId::of(&reference).as_bytes(), number));
            for mention in row.touched().chain(row.hinted.iter().copied()) {
                let touching = changes.by_target.grow_to(mention.0 as usize);
                if touching.last() != Some(&ChangeIx(number)) {
                    touching.push(ChangeIx(number));
                }
            }
        }
        changes.facets = changes.rows.iter().map(Facet::of).collect();
        let first = |row: &Row| row.statements.first().copied();
        let firsts = changes.rows.iter().map(first);
        changes.firsts = firsts.map(Option::unwrap_or_default).collect();
        changes.by_id = Table::of(ids);
        for row in changes.rows.iter() {
            changes
                .noise
                .count(row.source, Noise::default(), row.noise());
        }
        let rows = (0..).map(ChangeIx).zip(changes.rows.iter());
        let links =
            rows.flat_map(|(change, row)| row.links().map(move |link| (change, link.id(words))));
        for (change, other) in links.collect::<Vec<_>>() {
            changes.link(other, change);
        }
        let numbered = (0..).map(ChangeIx).zip(changes.rows.iter());
        changes.calendar = Calendar::of(numbered.map(|(change, row)| (change, row.effect())));
        changes
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
