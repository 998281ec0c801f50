//! What stands around an item, as items and relations to be drawn.

use std::collections::BTreeMap;

use model::Timestamp;

use crate::identity::ItemIx;
use crate::topology::Topology;
use crate::view::{Item, Relation};

/// Which way to go from an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// With the arrow: what it needs.
    Providers,
    /// Against the arrow: who needs it.
    Dependents,
    /// Both ways at every step.
    Both,
}

/// Explicit limits of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourLimits {
    /// How many relations to go.
    pub hops_max: u32,
    /// How many items are shown, the item itself among them.
    pub items_max: usize,
    /// How many relations between them are shown.
    pub relations_max: usize,
    /// How many relations are looked at.
    pub visited_max: usize,
}

/// What stands around an item.
#[derive(Clone, Debug)]
pub struct Neighbourhood<'v> {
    /// The items with their distance, the nearest first; the item itself is the first.
    pub items: Vec<(Item<'v>, u32)>,
    /// The relations between them, whichever way each was reached.
    pub relations: Vec<Relation<'v>>,
    /// Whether there was more within the distance than is shown.
    pub truncated: bool,
}

/// What stands around an item at a moment, by relations of these kinds, or of all kinds if none is named.
pub fn neighbours<'v>(
    item: Item<'v>,
    at: Timestamp,
    towards: Towards,
    kinds: &[String],
    limits: &NeighbourLimits,
) -> Neighbourhood<'v> {
    let view = item.view;
    let topology = Topology::new(view, at);
    let wanted: Vec<_> = kinds
        .iter()
        .filter_map(|kind| view.identity.words.find(kind))
        .collect();
    let is_wanted = |kind| kinds.is_empty() || wanted.contains(&kind);
    let mut distance: BTreeMap<ItemIx, u32> = [(item.item, 0)].into();
    let mut items = vec![(item, 0)];
    let mut ring = vec![item.item];
    let mut truncated = false;
    let mut looked_at = 0;
    for hops in 1..=limits.hops_max {
        let mut next: Vec<(String, ItemIx)> = Vec::new();
        for from in std::mem::take(&mut ring) {
            let providers = topology
                .providers(from)
                .filter(|_| towards != Towards::Dependents);
            let dependents = topology
                .dependents(from)
                .filter(|_| towards != Towards::Providers);
            for edge in providers.chain(dependents) {
                looked_at += 1;
                if limits.visited_max < looked_at {
                    truncated = true;
                    break;
                }
                let other = topology.item_of(edge);
                if is_wanted(edge.span.kind()) && !distance.contains_key(&other) {
                    distance.insert(other, hops);
                    next.push((view.item_at(other).key(), other));
                }
            }
        }
        next.sort();
        let room = limits.items_max.saturating_sub(items.len());
        truncated |= room < next.len();
        for (_, dropped) in next.drain(room.min(next.len())..) {
            distance.remove(&dropped);
        }
        items.extend(next.iter().map(|(_, other)| (view.item_at(*other), hops)));
        ring = next.into_iter().map(|(_, other)| other).collect();
    }
    let mut relations = Vec::new();
    for (item, _) in &items {
        for relation in item.depends_on(at) {
            let kind = view.identity.words.find(relation.kind());
            let is_shown =
                distance.contains_key(&relation.provider().item) && kind.is_some_and(is_wanted);
            if is_shown && relations.len() < limits.relations_max {
                relations.push(relation);
            } else if is_shown {
                truncated = true;
            }
        }
    }
    Neighbourhood {
        items,
        relations,
        truncated,
    }
}
