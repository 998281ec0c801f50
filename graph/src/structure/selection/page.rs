//! A page of selected items in some order, without sorting more than the page.

use std::collections::BTreeMap;

use super::Selection;
use crate::intern::WordIx;
use crate::shelves::{Shelf, places};
use crate::structure::criticality::Criticality;
use crate::structure::order::{ItemOrder, OrderBy, Spot};
use crate::view::{GraphView, Item};

/// Which part of an order a page shows; places are those of [`ItemOrder::place`].
#[derive(Clone, Copy, Debug)]
pub struct Cut<'c> {
    /// Begin behind this place.
    pub after: Option<&'c str>,
    /// End before this place.
    pub before: Option<&'c str>,
    /// How many items.
    pub size: usize,
    /// Whether they are counted from the end.
    pub backward: bool,
}

/// A page of items in an order.
#[derive(Debug)]
pub struct SelectionPage<'v> {
    /// The items with their places, in order.
    pub entries: Vec<(String, Item<'v>)>,
    /// Whether there are items before them.
    pub has_previous: bool,
    /// Whether there are items behind them.
    pub has_next: bool,
}

/// An item that may stand on the page.
#[derive(Clone, Copy)]
struct Candidate<'v> {
    spot: Spot<'v>,
    shelf: usize,
    place: usize,
}

impl<'v> Selection<'v> {
    /// The items of a part of an order.
    pub fn page(&self, order: ItemOrder, cut: &Cut<'_>) -> SelectionPage<'v> {
        let ends = (
            cut.after.map(|at| order.read(at)),
            cut.before.map(|at| order.read(at)),
        );
        // A place that no item of any view has in this order is compared as the text it is.
        let (Some(after), Some(before)) = (known(ends.0), known(ends.1)) else {
            return self.page_by_text(order, cut);
        };
        let mut page = Kept::new(order, cut);
        let mut spots = Spots::new(self.view, order.by);
        for (number, shelf, mask) in self.shelves() {
            for place in places(mask) {
                let spot = spots.of(order, number, shelf, place);
                if after
                    .as_ref()
                    .is_some_and(|after| order.compare(&spot, &after.spot()).is_le())
                {
                    page.has_previous = true;
                } else if before
                    .as_ref()
                    .is_some_and(|before| order.compare(&before.spot(), &spot).is_le())
                {
                    page.has_next = true;
                } else {
                    page.offer(Candidate {
                        spot,
                        shelf: number,
                        place,
                    });
                }
            }
        }
        page.shown(self.view)
    }

    /// The same by the texts of places.
    fn page_by_text(&self, order: ItemOrder, cut: &Cut<'_>) -> SelectionPage<'v> {
        let mut kept: BTreeMap<String, Item<'v>> = BTreeMap::new();
        let (mut has_previous, mut has_next) = (false, false);
        for item in self.items() {
            let place = order.place(&item);
            if cut.after.is_some_and(|after| *place <= *after) {
                has_previous = true;
            } else if cut.before.is_some_and(|before| *before <= *place) {
                has_next = true;
            } else {
                kept.insert(place, item);
                if cut.size < kept.len() && cut.backward {
                    kept.pop_first();
                    has_previous = true;
                } else if cut.size < kept.len() {
                    kept.pop_last();
                    has_next = true;
                }
            }
        }
        SelectionPage {
            entries: kept.into_iter().collect(),
            has_previous,
            has_next,
        }
    }
}

/// An end of the page: none wanted, or one that was read; nothing if it could not be read.
fn known<T>(end: Option<Option<T>>) -> Option<Option<T>> {
    match end {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

/// The best candidates so far, in order.
struct Kept<'v> {
    order: ItemOrder,
    size: usize,
    backward: bool,
    candidates: Vec<Candidate<'v>>,
    has_previous: bool,
    has_next: bool,
}

impl<'v> Kept<'v> {
    fn new(order: ItemOrder, cut: &Cut<'_>) -> Self {
        Self {
            order,
            size: cut.size,
            backward: cut.backward,
            candidates: Vec::new(),
            has_previous: false,
            has_next: false,
        }
    }

    fn offer(&mut self, one: Candidate<'v>) {
        let compare = |other: &Candidate<'v>| self.order.compare(&other.spot, &one.spot);
        let is_full = self.size <= self.candidates.len();
        if is_full && self.backward {
            self.has_previous = true;
            if self
                .candidates
                .first()
                .is_none_or(|least| compare(least).is_gt())
            {
                return;
            }
        } else if is_full {
            self.has_next = true;
            if self
                .candidates
                .last()
                .is_none_or(|greatest| compare(greatest).is_lt())
            {
                return;
            }
        }
        let place = self
            .candidates
            .partition_point(|other| compare(other).is_lt());
        self.candidates.insert(place, one);
        if self.size < self.candidates.len() {
            let surplus = if self.backward { 0 } else { self.size };
            self.candidates.remove(surplus);
        }
    }

    fn shown(self, view: &'v GraphView) -> SelectionPage<'v> {
        let items = self.candidates.iter().map(|one| {
            let item = view.item_on(one.shelf, one.place);
            (self.order.place(&item), item)
        });
        SelectionPage {
            entries: items.collect(),
            has_previous: self.has_previous,
            has_next: self.has_next,
        }
    }
}

/// Where items stand in an order, told from their shelves.
struct Spots<'v> {
    view: &'v GraphView,
    by: OrderBy,
    levels: BTreeMap<WordIx, Option<u64>>,
}

impl<'v> Spots<'v> {
    fn new(view: &'v GraphView, by: OrderBy) -> Self {
        Self {
            view,
            by,
            levels: BTreeMap::new(),
        }
    }

    fn of(&mut self, order: ItemOrder, number: usize, shelf: &'v Shelf, place: usize) -> Spot<'v> {
        let view = self.view;
        let seen = || shelf.seen(view, place);
        let measure = match self.by {
            OrderBy::Key | OrderBy::Name => None,
            OrderBy::FirstSeen => seen().map(|seen| order.moment(seen.0)),
            OrderBy::LastSeen => seen().map(|seen| order.moment(seen.1)),
            OrderBy::Criticality => {
                let word = shelf.said.at(place).criticality;
                word.and_then(|word| self.level(word))
                    .map(|level| order.number(level))
            }
        };
        let name = match self.by {
            OrderBy::Name => view.item_on(number, place).name(),
            OrderBy::Key | OrderBy::FirstSeen | OrderBy::LastSeen | OrderBy::Criticality => "",
        };
        Spot {
            measure,
            name,
            key: shelf.texts(view).key(place),
        }
    }

    fn level(&mut self, word: WordIx) -> Option<u64> {
        let view = self.view;
        *self.levels.entry(word).or_insert_with(|| {
            Criticality::read(view.identity.words.text(word)).map(|level| level as u64)
        })
    }
}
