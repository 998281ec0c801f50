//! What lists of items ask of every item, laid side by side: 64 neighbouring items on one shelf.
//!
//! A shelf is a function of its view. It is made when somebody first asks for it and shared with every later
//! view in which none of its items changed, so that publishing pays for what changed and a list reads no item
//! that it does not show. Nothing here decides anything: what a shelf holds is what [`Item`] says.

mod column;
mod room;
mod shelf;
mod texts;

use std::sync::{Arc, OnceLock};

use crate::cow::CowVec;
use crate::identity::ItemIx;
use crate::view::{GraphView, Item};

pub(crate) use room::{Bits, Room, SHELVES};
pub(crate) use shelf::{Shelf, Sure};
pub(crate) use texts::Needle;

/// Items on one shelf; one bit each says which are meant.
pub(crate) const ITEMS: usize = 64;

/// Made when it is first asked for.
type Lazy<T> = Arc<OnceLock<Box<T>>>;

/// The shelves of a view, and the rooms they stand in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelves {
    shelves: CowVec<Lazy<Shelf>, 16>,
    rooms: CowVec<Lazy<Room>, 16>,
}

impl Shelves {
    /// Forgets a shelf whose items have changed, without touching what other views share.
    fn forget(&mut self, number: usize) {
        forget(self.shelves.grow_to(number));
        forget(self.rooms.grow_to(number / SHELVES));
    }
}

fn forget<T>(made: &mut Lazy<T>) {
    let is_untouched = Arc::strong_count(made) == 1 && made.get().is_none();
    if !is_untouched {
        *made = Arc::default();
    }
}

impl GraphView {
    /// Brings the shelves in line with the items: those of which anything was written since are to be made anew.
    pub(crate) fn tidy_shelves(&mut self) {
        let identity = &mut self.identity;
        let mut stale = vec![false; identity.items.len().div_ceil(ITEMS)];
        let mut mark = |item: usize| {
            if let Some(stale) = stale.get_mut(item / ITEMS) {
                *stale = true;
            }
        };
        identity.items.drain_written(&mut mark);
        let item_of = &identity.item_of;
        let mut mark_mention = |mention: usize| {
            if let Some(item) = item_of.get(mention) {
                mark(item.0 as usize);
            }
        };
        identity.mentions.drain_written(&mut mark_mention);
        self.facts.drain_written(&mut mark_mention);
        let known = self.shelves.shelves.len();
        for (number, stale) in stale.iter().enumerate() {
            if *stale || known <= number {
                self.shelves.forget(number);
            }
        }
    }

    /// Definitions of kinds say whose word counts: with another one every shelf is to be made anew.
    pub(crate) fn clear_shelves(&mut self) {
        self.shelves = Shelves::default();
    }

    /// The same items with other words: every shelf is to be made anew.
    pub(crate) fn renew_shelves(&mut self) {
        self.clear_shelves();
        for number in 0..self.shelves_count() {
            self.shelves.forget(number);
        }
    }

    /// How many shelves there are.
    pub(crate) fn shelves_count(&self) -> usize {
        self.identity.items.len().div_ceil(ITEMS)
    }

    /// The shelf with a number.
    pub(crate) fn shelf(&self, number: usize) -> &Shelf {
        let shelf = self.shelves.shelves.get(number);
        let shelf = shelf.expect("a view is published with a shelf for every item");
        shelf.get_or_init(|| Box::new(Shelf::of(self, number)))
    }

    /// How many rooms there are.
    pub(crate) fn rooms_count(&self) -> usize {
        self.shelves_count().div_ceil(SHELVES)
    }

    /// The room with a number, and the numbers of its shelves.
    pub(crate) fn room(&self, number: usize) -> (&Room, std::ops::Range<usize>) {
        let room = self.shelves.rooms.get(number);
        let room = room.expect("a view is published with a room for every shelf");
        let shelves = number * SHELVES..self.shelves_count().min((number + 1) * SHELVES);
        let made = || Box::new(Room::of(shelves.clone().map(|number| self.shelf(number))));
        (room.get_or_init(made), shelves)
    }

    /// Every item of a kind.
    pub(crate) fn items_of_kind(&self, kind: &str) -> Vec<Item<'_>> {
        let Some(kind) = self.identity.words.find(kind) else {
            return Vec::new();
        };
        let rooms = (0..self.rooms_count()).flat_map(|number| {
            let (room, shelves) = self.room(number);
            let bits = room.of_kinds(std::iter::once(Some(kind)));
            let first = shelves.start;
            shelves.filter(move |shelf| bits.has(shelf - first))
        });
        let items = rooms.flat_map(|number| {
            let shelf = self.shelf(number);
            let of_kind = shelf
                .place
                .passing(shelf.held, |place| place.kind == Some(kind));
            places(of_kind).map(move |place| self.item_on(number, place))
        });
        items.collect()
    }

    /// Where an item lies.
    pub(crate) fn shelf_of(&self, item: ItemIx) -> (&Shelf, usize) {
        let number = item.0 as usize;
        (self.shelf(number / ITEMS), number % ITEMS)
    }

    /// The item at a place of a shelf.
    pub(crate) fn item_on(&self, shelf: usize, place: usize) -> Item<'_> {
        let number = u32::try_from(shelf * ITEMS + place).expect("an item's number is a u32");
        self.item_at(ItemIx(number))
    }
}

/// The places whose bits are set, in order.
pub(crate) fn places(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = mask.trailing_zeros() as usize;
        mask &= mask.checked_sub(1)?;
        Some(place)
    })
}
