//! Which item the most symptoms of a group depend on.
//!
//! What explains an incident explains also what that incident's items explain, so a long cascade is followed to its
//! end although one incident looks a few steps far only.
#![expect(
    clippy::indexing_slicing,
    reason = "a place is a number of a component or a member of this group"
)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use model::{CiId, Timestamp};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::sweep::Alert;
use crate::identity::ItemIx;
use crate::topology::Seen;
use crate::view::GraphView;

/// An item that explains members of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupComponent {
    /// The item.
    pub item: CiId,
    /// How many members it explains: they are on it, or harm from it comes to them.
    pub explains: usize,
    /// How many members are on it; without any it shows no symptom itself.
    pub alerts: usize,
    /// When the first of those began.
    pub first_at: Option<Timestamp>,
}

/// What is known of an item before it has its place.
struct Node {
    item: ItemIx,
    members: Vec<usize>,
    /// How much harm of it comes to members directly, in all.
    harm: f64,
    explains: Seen,
    explained_by: usize,
}

/// The items that explain the members of a group, the lowest first, and the place of each.
pub(super) struct Components {
    pub(super) all: Vec<GroupComponent>,
    place_of: BTreeMap<ItemIx, usize>,
}

impl Components {
    /// Of the members of a group, and of the items that linked them.
    pub(super) fn of(view: &GraphView, members: &[&Alert<'_>], through: &BTreeSet<ItemIx>) -> Self {
        let mut nodes = nodes(members, through);
        explain(&mut nodes, members);
        let count = |seen: &Seen| -> usize {
            let words = (0..members.len().div_ceil(64)).map(|place| seen.word(place));
            words.map(|word| word.count_ones() as usize).sum()
        };
        let mut placed: Vec<_> = nodes
            .into_iter()
            .map(|node| {
                let first = node.members.first().map(|member| members[*member].start);
                let component = GroupComponent {
                    item: view.item_at(node.item).id(),
                    explains: count(&node.explains),
                    alerts: node.members.len(),
                    first_at: first,
                };
                (component, node.harm, node.explained_by, node.item)
            })
            .collect();
        placed.sort_by(|one, other| {
            let order = |(it, _, explained_by, _): &(GroupComponent, f64, usize, ItemIx)| {
                (Reverse(it.explains), it.alerts == 0, *explained_by)
            };
            let by_time = |it: &GroupComponent| (it.first_at.unwrap_or(Timestamp::MAX), it.item);
            order(one)
                .cmp(&order(other))
                .then(other.1.total_cmp(&one.1))
                .then_with(|| by_time(&one.0).cmp(&by_time(&other.0)))
        });
        let numbered = (0..).zip(&placed);
        Self {
            place_of: numbered.map(|(place, it)| (it.3, place)).collect(),
            all: placed
                .into_iter()
                .map(|(component, ..)| component)
                .collect(),
        }
    }

    /// The place of the lowest of some items; behind all where there are none.
    pub(super) fn place_of(&self, items: &[ItemIx]) -> usize {
        let places = items.iter().filter_map(|item| self.place_of.get(item));
        places.min().copied().unwrap_or(usize::MAX)
    }

    /// How many members the lowest of some items explains.
    pub(super) fn explains(&self, items: &[ItemIx]) -> usize {
        let lowest = self.all.get(self.place_of(items));
        lowest.map_or(1, |component| component.explains)
    }
}

fn nodes(members: &[&Alert<'_>], through: &BTreeSet<ItemIx>) -> Vec<Node> {
    let shown = members.iter().flat_map(|member| &member.items);
    let items: BTreeSet<ItemIx> = shown.chain(through).copied().collect();
    let new = |item: ItemIx| Node {
        item,
        members: Vec::new(),
        harm: 0.0,
        explains: Seen::none(members.len()),
        explained_by: 0,
    };
    items.into_iter().map(new).collect()
}

/// Finds what each item explains: what is reached from it, over members and their items.
fn explain(nodes: &mut [Node], members: &[&Alert<'_>]) {
    let place_of: BTreeMap<ItemIx, usize> = (0..)
        .zip(&*nodes)
        .map(|(place, it)| (it.item, place))
        .collect();
    let mut edges: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (number, member) in (0_u32..).zip(members) {
        let on: Vec<usize> = member.items.iter().map(|item| place_of[item]).collect();
        for place in &on {
            nodes[*place].members.push(number as usize);
        }
        for (origin, harm) in &member.touched {
            let Some(place) = place_of.get(origin) else {
                continue;
            };
            nodes[*place].harm += harm;
            nodes[*place].explains.mark(number);
            let others = on.iter().filter(|other| *other != place);
            edges.extend(others.map(|other| (*place, *other)));
        }
    }
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(nodes.len(), edges.len());
    for _ in &*nodes {
        graph.add_node(());
    }
    for (origin, harmed) in &edges {
        nodes[*harmed].explained_by += 1;
        graph.add_edge(NodeIndex::new(*origin), NodeIndex::new(*harmed), ());
    }
    // What lies in one circle explains the same. Circles come with those first that nothing leads on from.
    for circle in kosaraju_scc(&graph) {
        let mut explains = Seen::none(members.len());
        for node in &circle {
            explains.add(&nodes[node.index()].explains);
            for harmed in graph.neighbors(*node) {
                explains.add(&nodes[harmed.index()].explains);
            }
        }
        for node in &circle {
            nodes[node.index()].explains = explains.clone();
        }
    }
}
