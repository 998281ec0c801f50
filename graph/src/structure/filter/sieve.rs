//! A filter laid over a whole view at once: shelf by shelf, one bit for each item.

use std::collections::BTreeMap;

use model::{ItemFilter, Timestamp};

use super::{ItemCriteria, One, holds};
use crate::freshness::Freshness;
use crate::intern::WordIx;
use crate::mention::UNKNOWN_KIND;
use crate::shelves::{Bits, Needle, Room, Shelf, Sure, places};
use crate::structure::climb::{CONTAINMENT, Ladder};
use crate::structure::environments;
use crate::structure::responsible::owner_of;
use crate::structure::selection::{HalfLives, Selection};
use crate::topology::{Seen, Topology};
use crate::view::{GraphView, Item};

impl ItemCriteria {
    /// The items of the view it was made for that pass: the same as asking [`Self::passes`] of each.
    pub fn select<'v>(&self, view: &'v GraphView) -> Selection<'v> {
        let mut meshes: Vec<Mesh<'_>> = self.all.iter().map(|one| self.mesh(view, one)).collect();
        let mut sieve = Sieve {
            view,
            criteria: self,
            half_lives: HalfLives::new(view, self.at),
        };
        let mut masks = Vec::with_capacity(view.shelves_count());
        for number in 0..view.rooms_count() {
            let (room, shelves) = view.room(number);
            let wanted = meshes.iter().map(|mesh| mesh.shelves(room));
            let wanted = wanted.fold(Bits::ALL, Bits::and);
            let first = shelves.start;
            masks.extend(shelves.map(|number| match wanted.has(number - first) {
                true => sieve.shelf(&mut meshes, number),
                false => 0,
            }));
        }
        Selection::new(view, masks)
    }

    fn mesh<'c>(&'c self, view: &GraphView, one: &'c One) -> Mesh<'c> {
        let filter = &one.filter;
        let words = &view.identity.words;
        let found = |texts: &[String]| -> Vec<WordIx> {
            texts.iter().filter_map(|text| words.find(text)).collect()
        };
        let owned_by = found(&filter.owned_by);
        Mesh {
            one,
            kinds: found(&filter.kinds),
            unknown_kind: filter.kinds.iter().any(|kind| kind == UNKNOWN_KIND),
            namespace: filter.namespace.as_deref().map(|text| words.find(text)),
            owners: found(&filter.owners),
            environments: BTreeMap::new(),
            environment_kind: words.find(environments::KIND),
            levels: BTreeMap::new(),
            needles: one.words.iter().cloned().map(Needle::new).collect(),
            below: (!filter.owned_by.is_empty()).then(|| below(view, &owned_by, self.at)),
            owned_by,
            described: described(self, filter),
        }
    }
}

/// One filter in the numbers of a view.
struct Mesh<'c> {
    one: &'c One,
    kinds: Vec<WordIx>,
    unknown_kind: bool,
    /// The namespace that is wanted; nothing inside where nobody ever named it.
    namespace: Option<Option<WordIx>>,
    owners: Vec<WordIx>,
    /// Whether an environment lies inside the wanted one, by its word.
    environments: BTreeMap<WordIx, bool>,
    environment_kind: Option<WordIx>,
    /// Whether a word for how much depends on an item is wanted.
    levels: BTreeMap<WordIx, bool>,
    needles: Vec<Needle>,
    owned_by: Vec<WordIx>,
    /// Items without an owner that lie below one that a wanted team owns.
    below: Option<Seen>,
    /// Items whose attributes pass, unless items without any can pass too.
    described: Option<Seen>,
}

impl Mesh<'_> {
    /// The shelves of a room on which items may pass.
    fn shelves(&self, room: &Room) -> Bits {
        let filter = &self.one.filter;
        let mut shelves = Bits::ALL;
        if !filter.kinds.is_empty() {
            let known = self.kinds.iter().copied().map(Some);
            let unknown = self.unknown_kind.then_some(None);
            shelves = shelves.and(room.of_kinds(known.chain(unknown)));
        }
        if !filter.owners.is_empty() {
            shelves = shelves.and(room.of_owners(self.owners.iter()));
        }
        shelves
    }
}

struct Sieve<'v, 'c> {
    view: &'v GraphView,
    criteria: &'c ItemCriteria,
    half_lives: HalfLives<'v>,
}

impl<'v> Sieve<'v, '_> {
    /// The items of a shelf that pass.
    fn shelf(&mut self, meshes: &mut [Mesh<'_>], number: usize) -> u64 {
        let shelf = self.view.shelf(number);
        let mut mask = shelf.held;
        for mesh in &mut *meshes {
            mask = self.by_columns(mesh, number, shelf, mask);
        }
        mask = self.by_freshness(number, shelf, mask);
        for mesh in &mut *meshes {
            mask = self.by_names(mesh, number, shelf, mask);
        }
        for mesh in meshes {
            mask = self.by_items(mesh, number, shelf, mask);
        }
        mask
    }

    fn by_columns(&self, mesh: &mut Mesh<'_>, number: usize, shelf: &Shelf, mut mask: u64) -> u64 {
        let filter = &mesh.one.filter;
        if let Some(described) = &mesh.described {
            mask &= described.word(number);
        }
        if !filter.kinds.is_empty() {
            mask = shelf.place.passing(mask, |place| match place.kind {
                Some(kind) => mesh.kinds.contains(&kind),
                None => mesh.unknown_kind,
            });
        }
        if let Some(wanted) = mesh.namespace {
            mask = shelf
                .place
                .passing(mask, |place| wanted.is_some() && place.namespace == wanted);
        }
        if !filter.owners.is_empty() {
            mask = shelf.said.passing(mask, |said| {
                said.owner.is_some_and(|owner| mesh.owners.contains(&owner))
            });
        }
        if !mesh.one.criticality.is_empty() {
            let text = |word| self.view.identity.words.text(word);
            mask = shelf.said.passing(mask, |said| {
                said.criticality.is_some_and(|word| {
                    let levels = &mut mesh.levels;
                    *levels
                        .entry(word)
                        .or_insert_with(|| mesh.one.criticality_wanted(text(word)))
                })
            });
        }
        if mesh.one.inside.is_some() && mask != 0 {
            mask = self.by_environment(mesh, number, shelf, mask);
        }
        mask
    }

    fn by_environment(&self, mesh: &mut Mesh<'_>, number: usize, shelf: &Shelf, mask: u64) -> u64 {
        let Some(inside) = &mesh.one.inside else {
            return mask;
        };
        let text = |word| self.view.identity.words.text(word);
        let environment_kind = mesh.environment_kind;
        let by_itself = |kind: Option<WordIx>| kind.is_none() || kind != environment_kind;
        let named = shelf.place.passing(mask, |place| match place.environment {
            Some(word) if by_itself(place.kind) => {
                let known = &mut mesh.environments;
                *known
                    .entry(word)
                    .or_insert_with(|| inside.names(text(word)))
            }
            Some(_) | None => false,
        });
        let contained = shelf
            .place
            .passing(mask & inside.items.word(number), |place| {
                place.environment.is_none() || !by_itself(place.kind)
            });
        named | contained
    }

    fn by_freshness(&mut self, number: usize, shelf: &Shelf, mask: u64) -> u64 {
        let Some(wanted) = self.criteria.wanted_freshness() else {
            return mask;
        };
        let at = self.criteria.at;
        let (confirmed, closed) = shelf.usual.at(at);
        let of = |items: u64, is: Freshness| if wanted.holds(is) { items } else { 0 };
        let usual = of(confirmed, Freshness::Confirmed) | of(closed, Freshness::Closed);
        let known = mask & usual;
        let mask = mask & !(confirmed | closed);
        let mut open = false;
        let passing = shelf.lasting.passing(mask, |lasting| match lasting.at(at) {
            Sure::Is(freshness) => wanted.holds(freshness),
            Sure::SeenLast(..) | Sure::Ask => {
                open = true;
                true
            }
        });
        if !open {
            return known | passing;
        }
        let told = |place: &usize| {
            let sure = shelf.lasting.at(*place).at(at);
            let half_life = || self.half_lives.of(shelf.place.at(*place).kind);
            let freshness = sure.told(half_life, at);
            freshness.unwrap_or_else(|| self.view.item_on(number, *place).freshness(at))
        };
        known
            | keep(passing, told, |freshness: Freshness| {
                wanted.holds(freshness)
            })
    }

    fn by_names(&self, mesh: &mut Mesh<'_>, number: usize, shelf: &Shelf, mut mask: u64) -> u64 {
        for needle in &mesh.needles {
            if mask == 0 {
                return mask;
            }
            let (holding, unsure) = shelf.texts(self.view).holding(needle);
            let asked = places(mask & unsure)
                .filter(|place| holds(&self.view.item_on(number, *place), needle.word()));
            let asked = asked.fold(0, |asked, place| asked | 1 << place);
            mask &= holding | asked;
        }
        mask
    }

    fn by_items(&self, mesh: &mut Mesh<'_>, number: usize, shelf: &Shelf, mut mask: u64) -> u64 {
        let filter = &mesh.one.filter;
        let at = self.criteria.at;
        if let Some(below) = &mesh.below {
            let own = shelf.said.passing(mask, |said| {
                said.owner
                    .is_some_and(|owner| mesh.owned_by.contains(&owner))
            });
            let without = shelf.said.passing(mask, |said| said.owner.is_none());
            let inherits = |item: Item<'_>| {
                owner_of(item, at).is_some_and(|owner| filter.owned_by.iter().any(|it| it == owner))
            };
            let below = places(without & below.word(number))
                .filter(|place| inherits(self.view.item_on(number, *place)));
            mask = own | below.fold(0, |below, place| below | 1 << place);
        }
        let asks = !filter.attributes.is_empty() || !filter.labels.is_empty();
        if asks && mesh.described.is_none() {
            let attributes = &self.criteria.attributes;
            let passing = places(mask)
                .filter(|place| attributes.passes(&self.view.item_on(number, *place), filter));
            mask = passing.fold(0, |passing, place| passing | 1 << place);
        }
        mask
    }
}

/// The places of a mask whose value passes.
fn keep<T>(mask: u64, mut value: impl FnMut(&usize) -> T, passes: impl Fn(T) -> bool) -> u64 {
    places(mask)
        .filter(|place| passes(value(place)))
        .fold(0, |kept, place| kept | 1 << place)
}

/// The items whose attributes pass, if none can pass without any.
fn described(criteria: &ItemCriteria, filter: &ItemFilter) -> Option<Seen> {
    let needs_some =
        !filter.labels.is_empty() || filter.attributes.iter().any(|test| !test.passes(None));
    needs_some.then(|| criteria.attributes.passing(filter))
}

/// The items without an owner that are contained, through others without one, in what these teams own.
fn below(view: &GraphView, teams: &[WordIx], at: Timestamp) -> Seen {
    let topology = Topology::new(view, at);
    let down = Ladder::new(view, CONTAINMENT, false);
    let mut below = topology.no_items();
    let mut todo: Vec<Item<'_>> = Vec::new();
    for number in owned_shelves(view, teams) {
        let shelf = view.shelf(number);
        let owned = shelf.said.passing(shelf.held, |said| {
            said.owner.is_some_and(|owner| teams.contains(&owner))
        });
        todo.extend(places(owned).map(|place| view.item_on(number, place)));
    }
    while let Some(item) = todo.pop() {
        for (other, _) in down.steps(topology, item.item) {
            let (shelf, place) = view.shelf_of(other);
            if shelf.said.at(place).owner.is_none() && below.mark(other.0) {
                todo.push(view.item_at(other));
            }
        }
    }
    below
}

/// The shelves with an item that one of these teams owns.
fn owned_shelves(view: &GraphView, teams: &[WordIx]) -> Vec<usize> {
    let rooms = (0..view.rooms_count()).flat_map(|number| {
        let (room, shelves) = view.room(number);
        let owned = room.of_owners(teams.iter());
        let first = shelves.start;
        shelves.filter(move |shelf| owned.has(shelf - first))
    });
    rooms.collect()
}
