//! Items that need each other in a circle: none of them can be started, changed or lost alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::Timestamp;
use petgraph::algo::kosaraju_scc;

use super::dependencies::dependency_kinds;
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::relations::RowIx;
use crate::topology::{Narrowed, Topology};
use crate::view::{GraphView, Item, Relation};

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CycleLimits {
    /// How many circles are listed, the largest first.
    pub listed_max: usize,
    /// How many items of each are listed.
    pub items_max: usize,
    /// From how many items of each the shortest way round is looked for.
    pub starts_max: usize,
    /// How many items that need and are needed are looked at.
    pub visited_max: usize,
}

/// Circles of dependencies, the largest first.
#[derive(Clone, Debug)]
pub struct DependencyCycles<'v> {
    /// The circles that are listed.
    pub cycles: Vec<DependencyCycle<'v>>,
    /// How many there are.
    pub total: usize,
    /// Whether circles were left out, or items were not looked at.
    pub truncated: bool,
}

/// Items of which each needs all others, by some way.
#[derive(Clone, Debug)]
pub struct DependencyCycle<'v> {
    /// The first items in order of key.
    pub items: Vec<Item<'v>>,
    /// How many items there are.
    pub size: usize,
    /// The shortest way round that was found.
    pub shortest: Vec<Relation<'v>>,
    /// Whether it was looked for from every item, so that no shorter one exists.
    pub is_shortest: bool,
}

/// Where dependencies go in circles at a moment.
pub fn dependency_cycles(
    view: &GraphView,
    at: Timestamp,
    limits: CycleLimits,
) -> DependencyCycles<'_> {
    let topology = Topology::new(view, at);
    let kinds = dependency_kinds(view);
    let needs_and_is_needed = |item: &ItemIx| {
        let of_kind = |edge: &crate::relations::Edge| kinds.contains(&edge.span.kind());
        topology.providers(*item).any(|edge| of_kind(&edge))
            && topology.dependents(*item).any(|edge| of_kind(&edge))
    };
    let numbers = view.items().map(|item| item.item);
    let mut items: Vec<ItemIx> = numbers.filter(needs_and_is_needed).collect();
    let not_looked_at = limits.visited_max < items.len();
    items.truncate(limits.visited_max);
    let narrowed = Narrowed {
        topology,
        kinds: &kinds,
        items: &items,
    };
    let components = kosaraju_scc(narrowed).into_iter();
    let mut circles: Vec<Vec<(String, ItemIx)>> = components
        .filter(|component| 1 < component.len())
        .map(|component| {
            let keyed = component
                .into_iter()
                .map(|item| (view.item_at(item).key(), item));
            let mut keyed: Vec<(String, ItemIx)> = keyed.collect();
            keyed.sort();
            keyed
        })
        .collect();
    circles.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    let total = circles.len();
    circles.truncate(limits.listed_max);
    DependencyCycles {
        truncated: not_looked_at || circles.len() < total,
        total,
        cycles: circles
            .iter()
            .map(|circle| cycle(topology, &kinds, circle, limits))
            .collect(),
    }
}

fn cycle<'v>(
    topology: Topology<'v>,
    kinds: &[WordIx],
    circle: &[(String, ItemIx)],
    limits: CycleLimits,
) -> DependencyCycle<'v> {
    let view = topology.view();
    let inside: BTreeSet<ItemIx> = circle.iter().map(|(_, item)| *item).collect();
    let mut shortest: Option<Vec<RowIx>> = None;
    for (_, start) in circle.iter().take(limits.starts_max) {
        let found = way_round(topology, kinds, &inside, *start);
        let shorter = |found: &Vec<RowIx>| {
            shortest
                .as_ref()
                .is_none_or(|kept| found.len() < kept.len())
        };
        shortest = found.filter(shorter).or(shortest);
        // Two is the least that a circle of different items can have.
        if shortest.as_ref().is_some_and(|kept| kept.len() == 2) {
            break;
        }
    }
    let shortest = shortest.unwrap_or_default();
    let items = circle.iter().take(limits.items_max);
    DependencyCycle {
        items: items.map(|(_, item)| view.item_at(*item)).collect(),
        size: circle.len(),
        is_shortest: shortest.len() == 2 || circle.len() <= limits.starts_max,
        shortest: shortest
            .into_iter()
            .map(|row| Relation::of_step(view, row))
            .collect(),
    }
}

/// The shortest way from an item back to itself.
fn way_round(
    topology: Topology<'_>,
    kinds: &[WordIx],
    inside: &BTreeSet<ItemIx>,
    start: ItemIx,
) -> Option<Vec<RowIx>> {
    let mut came_by: BTreeMap<ItemIx, (ItemIx, RowIx)> = BTreeMap::new();
    let mut waiting: VecDeque<ItemIx> = [start].into();
    while let Some(item) = waiting.pop_front() {
        for edge in topology.providers(item) {
            let next = topology.item_of(edge);
            let is_itself = next == item;
            if is_itself || !inside.contains(&next) || !kinds.contains(&edge.span.kind()) {
                continue;
            }
            if next == start {
                let mut way = vec![edge.row];
                let mut at = item;
                while let Some((before, row)) = came_by.get(&at).filter(|_| at != start) {
                    way.push(*row);
                    at = *before;
                }
                way.reverse();
                return Some(way);
            }
            came_by.entry(next).or_insert_with(|| {
                waiting.push_back(next);
                (item, edge.row)
            });
        }
    }
    None
}
