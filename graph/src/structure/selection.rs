//! The items that pass a filter, as one bit each: counted, grouped and paged without reading them one by one.

mod page;

use std::collections::BTreeMap;

use model::Timestamp;

use super::criticality::Criticality;
use super::grouping::{GroupBy, ItemGroups, freshness_name};
use super::responsible::Owners;
use crate::freshness::HalfLife;
use crate::intern::WordIx;
use crate::mention::UNKNOWN_KIND;
use crate::shelves::{Shelf, Sure, places};
use crate::view::{GraphView, Item};

pub use page::{Cut, SelectionPage};

/// Items of a view.
#[derive(Clone, Debug)]
pub struct Selection<'v> {
    view: &'v GraphView,
    /// One word for each shelf.
    masks: Vec<u64>,
}

impl<'v> Selection<'v> {
    pub(super) fn new(view: &'v GraphView, masks: Vec<u64>) -> Self {
        Self { view, masks }
    }

    /// How many items there are.
    pub fn count(&self) -> usize {
        let counts = self.masks.iter().map(|mask| mask.count_ones() as usize);
        counts.sum()
    }

    /// Those of them that pass.
    #[must_use]
    pub fn keeping(mut self, passes: impl Fn(Item<'v>) -> bool) -> Self {
        for (shelf, mask) in self.masks.iter_mut().enumerate() {
            let passing = places(*mask).filter(|place| passes(self.view.item_on(shelf, *place)));
            *mask = passing.fold(0, |kept, place| kept | 1 << place);
        }
        self
    }

    /// The items, in no particular order of meaning but always the same one.
    pub fn items(&self) -> impl Iterator<Item = Item<'v>> + '_ {
        let shelves = self.masks.iter().enumerate();
        shelves.flat_map(move |(shelf, mask)| {
            places(*mask).map(move |place| self.view.item_on(shelf, place))
        })
    }

    /// How many of them there are of each sort, the largest group first.
    pub fn grouped(&self, by: GroupBy, at: Timestamp, groups_max: usize) -> ItemGroups {
        match by {
            GroupBy::Kind => self.by_kind(groups_max),
            GroupBy::Environment => self.by_environment(groups_max),
            GroupBy::Owner => self.by_owner(at, groups_max),
            GroupBy::Criticality => self.by_criticality(groups_max),
            GroupBy::Freshness => self.by_freshness(at, groups_max),
        }
    }

    /// Each shelf with the places that are meant; shelves without any are left out.
    fn shelves(&self) -> impl Iterator<Item = (usize, &'v Shelf, u64)> + '_ {
        let shelves = self.masks.iter().enumerate();
        let some = shelves.filter(|(_, mask)| **mask != 0);
        some.map(|(number, mask)| (number, self.view.shelf(number), *mask))
    }

    fn text(&self, word: WordIx) -> &'v str {
        self.view.identity.words.text(word)
    }

    fn by_kind(&self, groups_max: usize) -> ItemGroups {
        let mut counted = Counted::default();
        for (_, shelf, mask) in self.shelves() {
            shelf
                .place
                .each_counted(mask, |place, count| counted.add(place.kind, count));
        }
        let kind = |kind: Option<WordIx>| Some(kind.map_or(UNKNOWN_KIND, |word| self.text(word)));
        ItemGroups::of(counted.named(kind), groups_max)
    }

    fn by_environment(&self, groups_max: usize) -> ItemGroups {
        let mut counted = Counted::default();
        for (_, shelf, mask) in self.shelves() {
            let column = &shelf.place;
            column.each_counted(mask, |place, count| counted.add(place.environment, count));
        }
        let text = |word: Option<WordIx>| word.map(|word| self.text(word));
        ItemGroups::of(counted.named(text), groups_max)
    }

    fn by_criticality(&self, groups_max: usize) -> ItemGroups {
        let mut counted = Counted::default();
        for (_, shelf, mask) in self.shelves() {
            let column = &shelf.said;
            column.each_counted(mask, |said, count| counted.add(said.criticality, count));
        }
        let level = |word: Option<WordIx>| {
            let level = word.and_then(|word| Criticality::read(self.text(word)));
            level.map(Criticality::name)
        };
        ItemGroups::of(counted.named(level), groups_max)
    }

    fn by_owner(&self, at: Timestamp, groups_max: usize) -> ItemGroups {
        let mut counted = Counted::default();
        let owners = Owners::new(self.view, at);
        let mut inherited: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for (number, shelf, mask) in self.shelves() {
            shelf.said.each_counted(mask, |said, count| {
                if said.owner.is_some() {
                    counted.add(said.owner, count);
                }
            });
            let without = shelf.said.passing(mask, |said| said.owner.is_none());
            for place in places(without) {
                let owner = owners.above(self.view.item_on(number, place));
                *inherited.entry(owner).or_default() += 1;
            }
        }
        let mut all = counted.named(|word| word.map(|word| self.text(word)));
        for (owner, count) in inherited {
            *all.entry(owner).or_default() += count;
        }
        ItemGroups::of(all, groups_max)
    }

    fn by_freshness(&self, at: Timestamp, groups_max: usize) -> ItemGroups {
        let mut counted: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let mut half_lives = HalfLives::new(self.view, at);
        for (number, shelf, mask) in self.shelves() {
            let mut rest = 0;
            shelf.lasting.each_counted(mask, |lasting, count| {
                if let Sure::Is(freshness) = lasting.at(at) {
                    *counted.entry(Some(freshness_name(freshness))).or_default() += count;
                }
            });
            rest |= shelf
                .lasting
                .passing(mask, |lasting| !matches!(lasting.at(at), Sure::Is(_)));
            for place in places(rest) {
                let told = shelf
                    .lasting
                    .at(place)
                    .at(at)
                    .told(|| half_lives.of(shelf.place.at(place).kind), at);
                let freshness =
                    told.unwrap_or_else(|| self.view.item_on(number, place).freshness(at));
                *counted.entry(Some(freshness_name(freshness))).or_default() += 1;
            }
        }
        ItemGroups::of(counted, groups_max)
    }
}

/// How many items have each word.
#[derive(Default)]
struct Counted {
    counts: BTreeMap<Option<WordIx>, usize>,
}

impl Counted {
    fn add(&mut self, word: Option<WordIx>, count: usize) {
        *self.counts.entry(word).or_default() += count;
    }

    /// The same by what the words mean.
    fn named<'v>(
        self,
        name: impl Fn(Option<WordIx>) -> Option<&'v str>,
    ) -> BTreeMap<Option<&'v str>, usize> {
        let mut named: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for (word, count) in self.counts {
            *named.entry(name(word)).or_default() += count;
        }
        named
    }
}

/// The half-lives of kinds at a moment, each asked for once.
pub(super) struct HalfLives<'v> {
    view: &'v GraphView,
    at: Timestamp,
    known: BTreeMap<Option<WordIx>, HalfLife>,
}

impl<'v> HalfLives<'v> {
    pub(super) fn new(view: &'v GraphView, at: Timestamp) -> Self {
        Self {
            view,
            at,
            known: BTreeMap::new(),
        }
    }

    pub(super) fn of(&mut self, kind: Option<WordIx>) -> HalfLife {
        let (view, at) = (self.view, self.at);
        *self.known.entry(kind).or_insert_with(|| {
            let name = kind.map_or(UNKNOWN_KIND, |word| view.identity.words.text(word));
            HalfLife::asked([name], &view.kinds, at)
        })
    }
}
