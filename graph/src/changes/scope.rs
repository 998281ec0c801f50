//! The items that conditions on what a change touches are about.

use std::collections::BTreeSet;

use model::{CiId, Timestamp};

use crate::identity::ItemIx;
use crate::structure::{ClimbLimits, Towards, contents, owner_of};
use crate::topology::{Seen, Topology};
use crate::view::{GraphView, Item};

/// What a change touches one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeScope {
    /// These items.
    Items(BTreeSet<CiId>),
    /// Items of these kinds.
    Kinds(Vec<String>),
    /// Items that one of these teams answers for.
    Teams(Vec<String>),
}

/// Items that were reached.
#[derive(Clone, Debug, Default)]
pub struct ReachedItems {
    /// The items, those begun with among them.
    pub items: BTreeSet<CiId>,
    /// Whether there were more than may be looked at.
    pub truncated: bool,
}

impl ChangeScope {
    /// Whether an item is in it at a moment.
    pub fn holds(&self, item: Item<'_>, at: Timestamp) -> bool {
        match self {
            Self::Items(ids) => ids.contains(&item.id()),
            Self::Kinds(kinds) => kinds.iter().any(|kind| kind == item.kind()),
            Self::Teams(teams) => {
                owner_of(item, at).is_some_and(|owner| teams.iter().any(|team| team == owner))
            }
        }
    }

    /// The items in it at a moment.
    pub fn items(&self, view: &GraphView, at: Timestamp) -> Vec<CiId> {
        if let Self::Items(ids) = self {
            return ids.iter().copied().collect();
        }
        let items = view.items().filter(|item| self.holds(*item, at));
        items.map(|item| item.id()).collect()
    }
}

/// Some items and what lies around them at a moment, so many relations away; no more than `visited_max` items.
pub fn items_around(
    view: &GraphView,
    origins: &[CiId],
    towards: Towards,
    hops_max: u32,
    at: Timestamp,
    visited_max: usize,
) -> ReachedItems {
    let topology = Topology::new(view, at);
    let mut seen = Seen::none(view.identity.items.len());
    let mut ring: Vec<ItemIx> = Vec::new();
    for origin in origins.iter().filter_map(|id| view.item(*id)) {
        if seen.mark(origin.item.0) {
            ring.push(origin.item);
        }
    }
    let mut reached = ReachedItems::default();
    let mut add = |ring: &[ItemIx]| {
        let room = visited_max.saturating_sub(reached.items.len());
        reached.truncated |= room < ring.len();
        let ids = ring.iter().take(room).map(|item| view.item_at(*item).id());
        reached.items.extend(ids);
        !reached.truncated
    };
    let mut goes_on = add(&ring);
    let mut hops = 0;
    while goes_on && hops < hops_max && !ring.is_empty() {
        let mut next = Vec::new();
        for from in ring {
            let providers = (towards != Towards::Dependents).then(|| topology.providers(from));
            let dependents = (towards != Towards::Providers).then(|| topology.dependents(from));
            let edges = providers.into_iter().flatten();
            for edge in edges.chain(dependents.into_iter().flatten()) {
                let other = topology.item_of(edge);
                if seen.mark(other.0) {
                    next.push(other);
                }
            }
        }
        goes_on = add(&next);
        ring = next;
        hops += 1;
    }
    reached
}

/// What lies inside some items at a moment, the items themselves among it.
pub fn items_inside(view: &GraphView, outer: &[CiId], at: Timestamp) -> ReachedItems {
    const LIMITS: ClimbLimits = ClimbLimits {
        depth_max: 16,
        items_max: 200_000,
    };
    let mut reached = ReachedItems::default();
    for item in outer.iter().filter_map(|id| view.item(*id)) {
        let inside = contents(item, at, LIMITS);
        reached.truncated |= inside.truncated;
        reached.items.insert(item.id());
        let ids = inside.reached.iter().map(|one| one.item.id());
        reached.items.extend(ids);
    }
    reached
}
