//! A page of the changes that pass, without sorting more of them than it shows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::{ChangeId, Timestamp};
use serde::{Deserialize, Serialize};

use super::facets::Facet;
use super::selection::ChangeSelection;
use super::{ChangeIx, ChangeNumber};
use crate::view::{ChangeRow, GraphView};

/// A list that goes by time is first looked for in so many of the newest changes.
const NEWEST_LOOKED_AT: usize = 20_000;

/// What changes are ordered by; what is equal is ordered by the start, the newest first, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChangeOrderBy {
    /// When it began to take effect.
    Start,
    /// When it was through; what is not through counts as the latest.
    Finish,
    /// When its first statement was recorded.
    Recorded,
    /// How well its texts are what was looked for; the best first, whatever the direction.
    Relevance,
}

/// An order of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangeOrder {
    /// What counts.
    pub by: ChangeOrderBy,
    /// Whether the earliest comes first.
    pub ascending: bool,
}

/// A place in an order of changes: it stays where it is while others come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangePlace {
    first: i64,
    then: i64,
    id: ChangeId,
}

/// Which page.
#[derive(Clone, Copy, Debug)]
pub struct ChangePageWanted {
    /// Only what comes behind this place.
    pub after: Option<ChangePlace>,
    /// Only what comes before this place.
    pub before: Option<ChangePlace>,
    /// How many.
    pub size: usize,
    /// Whether they are the last ones rather than the first.
    pub backward: bool,
}

/// A page of changes in their order.
#[derive(Clone, Debug, Default)]
pub struct ChangePage {
    /// The changes with their places.
    pub entries: Vec<(ChangePlace, ChangeNumber)>,
    /// Whether there are some before.
    pub has_previous: bool,
    /// Whether there are some behind.
    pub has_next: bool,
}

/// A list of changes in an order.
pub struct ChangeList<'v> {
    /// From where it is seen.
    pub view: &'v GraphView,
    /// Which changes.
    pub selection: &'v ChangeSelection,
    /// In which order.
    pub order: ChangeOrder,
    /// How well each was found, in order of number; needed for relevance.
    pub scores: &'v [(ChangeNumber, f32)],
}

/// What decides first and then, before the id.
type Key = (i64, i64);

impl ChangeList<'_> {
    /// Cuts out a page.
    pub fn page(&self, wanted: &ChangePageWanted) -> ChangePage {
        let newest_first = ChangeOrder {
            by: ChangeOrderBy::Start,
            ascending: false,
        };
        let forward = !wanted.backward && wanted.before.is_none();
        let goes_by_time =
            self.order == newest_first && forward && self.is_near_by_time(wanted.size);
        if let Some(page) = goes_by_time.then(|| self.newest(wanted)).flatten() {
            return page;
        }
        self.select(wanted)
    }

    /// Whether going by time, the newest first, is likely to find a page sooner than going through all that may pass.
    fn is_near_by_time(&self, size: usize) -> bool {
        let Some(most) = self.selection.most() else {
            return true;
        };
        let apart = self.view.changes_count() / most.max(1);
        apart.saturating_mul(size + 1) < most
    }

    /// The page, if it is found among the newest behind its beginning.
    fn newest(&self, wanted: &ChangePageWanted) -> Option<ChangePage> {
        let (from, until) = self.selection.time();
        let begin = wanted.after.map_or(Timestamp::MAX, |place| {
            Timestamp::from_unix_nanos(!place.first).plus_nanos(1)
        });
        let until = until.min(begin);
        let mut page = ChangePage {
            has_previous: wanted.after.is_some(),
            ..ChangePage::default()
        };
        let mut moment: Vec<(ChangePlace, ChangeNumber)> = Vec::new();
        let mut moment_at = None;
        let mut looked_at = 0;
        for change in self.view.changes.between(from, until) {
            looked_at += 1;
            if NEWEST_LOOKED_AT < looked_at {
                return None;
            }
            if !self.selection.is_among(change) {
                continue;
            }
            let facet = self.view.changes.facet(change);
            if moment_at != Some(facet.start) {
                self.take_moment(wanted, &mut moment, &mut page);
                moment_at = Some(facet.start);
                if wanted.size < page.entries.len() {
                    break;
                }
            }
            if self.selection.admits(self.view, change, facet) {
                moment.push((self.place(change, facet), ChangeNumber(change)));
            }
        }
        self.take_moment(wanted, &mut moment, &mut page);
        page.has_next = wanted.size < page.entries.len();
        page.entries.truncate(wanted.size);
        Some(page)
    }

    fn take_moment(
        &self,
        wanted: &ChangePageWanted,
        moment: &mut Vec<(ChangePlace, ChangeNumber)>,
        page: &mut ChangePage,
    ) {
        moment.sort_unstable_by_key(|(place, _)| *place);
        let behind = moment
            .drain(..)
            .filter(|(place, _)| wanted.after.is_none_or(|after| after < *place));
        page.entries.extend(behind);
    }

    /// The page out of all that pass: first how far it reaches, then what lies in that reach.
    fn select(&self, wanted: &ChangePageWanted) -> ChangePage {
        let mut page = ChangePage::default();
        let mut reach: BinaryHeap<Directed> = BinaryHeap::new();
        let mut inside: Vec<(Key, ChangeIx)> = Vec::new();
        let mut scores = Scores::of(self.scores);
        let directed = |key: Key| {
            if wanted.backward {
                Directed::Backward(Reverse(key))
            } else {
                Directed::Forward(key)
            }
        };
        self.selection.each(self.view, |change, facet| {
            let key = self.key(change, facet, &mut scores);
            let place = |place: ChangePlace| (place.first, place.then);
            let is_before = |limit: ChangePlace| match key.cmp(&place(limit)) {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Greater => false,
                std::cmp::Ordering::Equal => self.place(change, facet) < limit,
            };
            let is_at_or_before = |limit: ChangePlace| {
                is_before(limit) || (key == place(limit) && self.place(change, facet) == limit)
            };
            if wanted.after.is_some_and(is_at_or_before) {
                page.has_previous = true;
                return;
            }
            if wanted.before.is_some_and(|before| !is_before(before)) {
                page.has_next = true;
                return;
            }
            let beyond = reach.len() == wanted.size + 1
                && reach.peek().is_some_and(|most| *most < directed(key));
            if beyond {
                return;
            }
            reach.push(directed(key));
            if wanted.size + 1 < reach.len() {
                reach.pop();
            }
            inside.push((key, change));
            if INSIDE_SPARE + 4 * (wanted.size + 1) < inside.len() {
                let most = reach.peek().copied();
                inside.retain(|(key, _)| most.is_none_or(|most| directed(*key) <= most));
            }
        });
        let most = reach.peek().copied();
        inside.retain(|(key, _)| most.is_none_or(|most| directed(*key) <= most));
        let mut entries: Vec<(ChangePlace, ChangeNumber)> = inside
            .into_iter()
            .map(|(_, change)| {
                let facet = self.view.changes.facet(change);
                (self.place(change, facet), ChangeNumber(change))
            })
            .collect();
        entries.sort_unstable_by_key(|(place, _)| *place);
        if wanted.size < entries.len() {
            if wanted.backward {
                entries.drain(..entries.len() - wanted.size);
                page.has_previous = true;
            } else {
                entries.truncate(wanted.size);
                page.has_next = true;
            }
        }
        page.entries = entries;
        page
    }

    fn place(&self, change: ChangeIx, facet: &Facet) -> ChangePlace {
        let (first, then) = self.key(change, facet, &mut Scores::of(self.scores));
        let id = ChangeRow::new(self.view, change).id();
        ChangePlace { first, then, id }
    }

    fn key(&self, change: ChangeIx, facet: &Facet, scores: &mut Scores<'_>) -> Key {
        // Not x is -x - 1: it turns the order around and has no value that it cannot turn.
        let newest_first = !facet.start.unix_nanos();
        let directed = |value: i64| if self.order.ascending { value } else { !value };
        match self.order.by {
            ChangeOrderBy::Start => (directed(facet.start.unix_nanos()), 0),
            ChangeOrderBy::Finish => (directed(facet.finish.unix_nanos()), newest_first),
            ChangeOrderBy::Recorded => {
                let first = self.view.changes.first_statement(change);
                (
                    directed(i64::try_from(first.number()).unwrap_or(i64::MAX)),
                    0,
                )
            }
            ChangeOrderBy::Relevance => {
                let score = scores.of_change(ChangeNumber(change));
                (!ordered(score.unwrap_or(0.0)), newest_first)
            }
        }
    }
}

/// The score of a change in a list of scores in order of number.
pub fn score_of(scores: &[(ChangeNumber, f32)], change: ChangeNumber) -> Option<f32> {
    let place = scores.binary_search_by_key(&change, |(number, _)| *number);
    scores.get(place.ok()?).map(|(_, score)| *score)
}

/// Scores in order of number, read mostly one after another.
struct Scores<'s> {
    rest: &'s [(ChangeNumber, f32)],
    all: &'s [(ChangeNumber, f32)],
}

impl<'s> Scores<'s> {
    fn of(all: &'s [(ChangeNumber, f32)]) -> Self {
        Self { rest: all, all }
    }

    fn of_change(&mut self, change: ChangeNumber) -> Option<f32> {
        if let Some(((number, score), rest)) = self.rest.split_first()
            && *number == change
        {
            self.rest = rest;
            return Some(*score);
        }
        let place = self
            .all
            .binary_search_by_key(&change, |(number, _)| *number);
        let place = place.ok()?;
        self.rest = self.all.get(place + 1..).unwrap_or_default();
        self.all.get(place).map(|(_, score)| *score)
    }
}

/// So many more than a page are kept before those out of reach are let go.
const INSIDE_SPARE: usize = 1_024;

/// A key by how far it is from the end at which a page begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Directed {
    Forward(Key),
    Backward(Reverse<Key>),
}

/// A score as a number of the same order. Its last bits depend on the order in which its parts were
/// added up, which may change while texts are written; they are rounded away, so that places stay.
fn ordered(score: f32) -> i64 {
    i64::from((score.max(0.0).to_bits() + (1 << 9)) >> 10)
}
