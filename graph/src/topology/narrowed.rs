//! The graph of some kinds of relations only, for algorithms of the graph library.

use petgraph::Direction;
use petgraph::visit::{
    GraphBase, GraphRef, IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, Visitable,
};

use super::{Seen, Topology};
use crate::identity::ItemIx;
use crate::intern::WordIx;

/// Items and the relations of some kinds that hold at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrowed<'v, 'k> {
    pub(crate) topology: Topology<'v>,
    pub(crate) kinds: &'k [WordIx],
    /// The items it has, sorted: an algorithm that begins at all of them must not meet others.
    pub(crate) items: &'k [ItemIx],
}

impl GraphBase for Narrowed<'_, '_> {
    type NodeId = ItemIx;
    type EdgeId = (ItemIx, ItemIx);
}

impl GraphRef for Narrowed<'_, '_> {}

impl<'v: 'k, 'k> IntoNeighbors for Narrowed<'v, 'k> {
    type Neighbors = Box<dyn Iterator<Item = ItemIx> + 'k>;

    fn neighbors(self, item: ItemIx) -> Self::Neighbors {
        self.neighbors_directed(item, Direction::Outgoing)
    }
}

impl<'v: 'k, 'k> IntoNeighborsDirected for Narrowed<'v, 'k> {
    type NeighborsDirected = Box<dyn Iterator<Item = ItemIx> + 'k>;

    fn neighbors_directed(self, item: ItemIx, direction: Direction) -> Self::NeighborsDirected {
        let Self {
            topology,
            kinds,
            items,
        } = self;
        let is_one = move |item: &ItemIx| items.binary_search(item).is_ok();
        match direction {
            Direction::Outgoing => {
                let edges = topology.providers(item);
                let edges = edges.filter(move |edge| kinds.contains(&edge.span.kind()));
                Box::new(edges.map(move |edge| topology.item_of(edge)).filter(is_one))
            }
            Direction::Incoming => {
                let edges = topology.dependents(item);
                let edges = edges.filter(move |edge| kinds.contains(&edge.span.kind()));
                Box::new(edges.map(move |edge| topology.item_of(edge)).filter(is_one))
            }
        }
    }
}

impl<'v: 'k, 'k> IntoNodeIdentifiers for Narrowed<'v, 'k> {
    type NodeIdentifiers = std::iter::Copied<std::slice::Iter<'k, ItemIx>>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        self.items.iter().copied()
    }
}

impl Visitable for Narrowed<'_, '_> {
    type Map = Seen;

    fn visit_map(&self) -> Seen {
        self.topology.visit_map()
    }

    fn reset_map(&self, map: &mut Seen) {
        self.topology.reset_map(map);
    }
}
