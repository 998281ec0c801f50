//! The estate as a graph at one moment, for searches. The only place that knows the graph library's directions.

mod narrowed;

use model::Timestamp;
use petgraph::Direction;
use petgraph::visit::{
    GraphBase, GraphRef, IntoNeighbors, IntoNeighborsDirected, VisitMap, Visitable,
};

use crate::identity::ItemIx;
use crate::relations::{Edge, Hold, Seat};
use crate::view::GraphView;

pub(crate) use narrowed::Narrowed;

/// Items and the relations that hold at one moment. Outgoing is with the arrow: towards providers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Topology<'v> {
    view: &'v GraphView,
    at: Timestamp,
}

/// Items, seats or changes seen by a search: one bit each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    bits: Vec<u64>,
}

impl<'v> Topology<'v> {
    pub(crate) fn new(view: &'v GraphView, at: Timestamp) -> Self {
        Self { view, at }
    }

    /// What it is a moment of.
    pub(crate) fn view(self) -> &'v GraphView {
        self.view
    }

    /// The moment it shows.
    pub(crate) fn at(self) -> Timestamp {
        self.at
    }

    /// With the arrow: the relations by which an item needs others now.
    pub(crate) fn providers(self, item: ItemIx) -> impl Iterator<Item = Edge> + use<'v> {
        self.providers_ever(item)
            .filter(move |edge| self.hold(*edge).is_some())
    }

    /// Against the arrow: the relations by which others need an item now.
    pub(crate) fn dependents(self, item: ItemIx) -> impl Iterator<Item = Edge> + use<'v> {
        self.dependents_ever(item)
            .filter(move |edge| self.hold(*edge).is_some())
    }

    /// With the arrow, whenever it held.
    pub(crate) fn providers_ever(self, item: ItemIx) -> impl Iterator<Item = Edge> + use<'v> {
        let view = self.view;
        let members = view.identity.item(item).members.iter();
        members.flat_map(move |member| view.relations.providers_of(*member))
    }

    /// Against the arrow, whenever it held.
    pub(crate) fn dependents_ever(self, item: ItemIx) -> impl Iterator<Item = Edge> + use<'v> {
        let view = self.view;
        let members = view.identity.item(item).members.iter();
        members.flat_map(move |member| view.relations.dependents_of(*member))
    }

    /// How a relation holds now, if it does.
    pub(crate) fn hold(self, edge: Edge) -> Option<Hold> {
        self.view.relations.hold_at(&edge, self.at)
    }

    /// A seat of an item; a search may go by seats instead.
    pub(crate) fn seat_of(self, item: ItemIx) -> Seat {
        let members = &self.view.identity.item(item).members;
        let first = members
            .first()
            .expect("a search starts at items with members");
        self.view.relations.seat_of(*first)
    }

    /// The item that has a seat.
    pub(crate) fn item_at(self, seat: Seat) -> ItemIx {
        let mention = self.view.relations.mention_at(seat);
        self.view.identity.item_of(mention)
    }

    /// Seats of which none was seen yet.
    pub(crate) fn no_seats(self) -> Seen {
        Seen::none(self.view.relations.seats_end())
    }

    /// Items of which none was seen yet.
    pub(crate) fn no_items(self) -> Seen {
        Seen::none(self.view.identity.items.len())
    }

    /// The item at the other end of a step.
    pub(crate) fn item_of(self, edge: Edge) -> ItemIx {
        self.view.identity.item_of(edge.other)
    }
}

impl GraphBase for Topology<'_> {
    type NodeId = ItemIx;
    type EdgeId = (ItemIx, ItemIx);
}

impl GraphRef for Topology<'_> {}

impl<'v> IntoNeighbors for Topology<'v> {
    type Neighbors = Box<dyn Iterator<Item = ItemIx> + 'v>;

    fn neighbors(self, item: ItemIx) -> Self::Neighbors {
        self.neighbors_directed(item, Direction::Outgoing)
    }
}

impl<'v> IntoNeighborsDirected for Topology<'v> {
    type NeighborsDirected = Box<dyn Iterator<Item = ItemIx> + 'v>;

    fn neighbors_directed(self, item: ItemIx, direction: Direction) -> Self::NeighborsDirected {
        match direction {
            Direction::Outgoing => {
                Box::new(self.providers(item).map(move |edge| self.item_of(edge)))
            }
            Direction::Incoming => {
                Box::new(self.dependents(item).map(move |edge| self.item_of(edge)))
            }
        }
    }
}

impl Visitable for Topology<'_> {
    type Map = Seen;

    fn visit_map(&self) -> Seen {
        self.no_items()
    }

    fn reset_map(&self, map: &mut Seen) {
        *map = self.visit_map();
    }
}

impl Seen {
    /// None of so many.
    pub(crate) fn none(count: usize) -> Self {
        Self {
            bits: vec![0; count.div_ceil(64)],
        }
    }

    /// Marks a number; whether it is new.
    pub(crate) fn mark(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1_u64 << (number % 64));
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        let Some(bits) = self.bits.get_mut(word) else {
            return false;
        };
        let new = *bits & bit == 0;
        *bits |= bit;
        new
    }

    /// Marks what another has marked.
    pub(crate) fn add(&mut self, other: &Self) {
        if self.bits.len() < other.bits.len() {
            self.bits.resize(other.bits.len(), 0);
        }
        let words = self.bits.iter_mut().zip(&other.bits);
        words.for_each(|(word, more)| *word |= more);
    }

    /// The marks of 64 neighbouring numbers.
    pub(crate) fn word(&self, place: usize) -> u64 {
        self.bits.get(place).copied().unwrap_or_default()
    }

    pub(crate) fn holds(&self, number: u32) -> bool {
        let bit = 1_u64 << (number % 64);
        self.bits
            .get(number as usize / 64)
            .is_some_and(|bits| bits & bit != 0)
    }
}

impl VisitMap<ItemIx> for Seen {
    fn visit(&mut self, item: ItemIx) -> bool {
        self.mark(item.0)
    }

    fn is_visited(&self, item: &ItemIx) -> bool {
        self.holds(item.0)
    }

    fn unvisit(&mut self, item: ItemIx) -> bool {
        let bit = 1_u64 << (item.0 % 64);
        let Some(bits) = self.bits.get_mut(item.0 as usize / 64) else {
            return false;
        };
        let was = *bits & bit != 0;
        *bits &= !bit;
        was
    }
}
