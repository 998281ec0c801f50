//! How far what an event touches is from where somebody stands.
//!
//! One event is held against many subscriptions, so the search goes from what it touches, once for
//! each direction, and every subscription looks whether it was met.

use std::collections::BTreeMap;

use model::{CiId, RuleReach, Timestamp};

use super::conditions::{Place, meant};
use crate::identity::ItemIx;
use crate::structure::{ClimbLimits, contained_in, owner_of};
use crate::topology::Topology;
use crate::view::{GraphView, Item};

/// Most items that are looked at around one event.
const VISITED_MAX: usize = 200_000;
/// How far a container may be.
const CONTAINERS: ClimbLimits = ClimbLimits {
    depth_max: 16,
    items_max: 256,
};

/// Why something is near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nearness {
    /// The item of the place.
    pub origin: CiId,
    /// The item that is touched.
    pub touched: CiId,
    /// How many relations lie between them.
    pub hops: u32,
}

/// What lies around some items at a moment, searched as far as anybody asked.
pub(super) struct Surroundings<'v> {
    view: &'v GraphView,
    at: Timestamp,
    touched: Vec<ItemIx>,
    searches: BTreeMap<RuleReach, Search>,
    owners: BTreeMap<ItemIx, Option<&'v str>>,
    containers: BTreeMap<ItemIx, Vec<CiId>>,
}

/// The items met in one direction, the nearest first.
#[derive(Default)]
struct Search {
    met: Vec<Met>,
    seen: std::collections::BTreeSet<ItemIx>,
    /// Where the ring begins from which it goes on.
    ring: usize,
    hops: u32,
}

#[derive(Clone, Copy)]
struct Met {
    item: ItemIx,
    touched: ItemIx,
    hops: u32,
}

impl<'v> Surroundings<'v> {
    pub(super) fn of(view: &'v GraphView, at: Timestamp, touched: &[Item<'v>]) -> Self {
        Self {
            view,
            at,
            touched: touched.iter().map(|item| item.item).collect(),
            searches: BTreeMap::new(),
            owners: BTreeMap::new(),
            containers: BTreeMap::new(),
        }
    }

    /// The nearest way from a place to what is touched.
    pub(super) fn nearness(
        &mut self,
        place: &Place<'_>,
        environment: Option<&str>,
    ) -> Option<Nearness> {
        let items = meant(self.view, place.items, environment, self.at);
        let inside = meant(self.view, place.inside, environment, self.at);
        let hops_max = match place.direction {
            RuleReach::Itself => 0,
            RuleReach::DependsOn | RuleReach::UsedBy | RuleReach::Both => place.hops_max,
        };
        let mut looked_at = 0;
        loop {
            let search = self.search(place.direction);
            let Some(met) = search.met.get(looked_at).copied() else {
                if search.hops < hops_max && self.widen(place.direction) {
                    continue;
                }
                return None;
            };
            if hops_max < met.hops {
                return None;
            }
            looked_at += 1;
            let is_there = items.contains(&self.id(met.item))
                || self.is_owned(met.item, place.teams)
                || self.lies_in(met.item, &inside);
            if is_there {
                return Some(Nearness {
                    origin: self.id(met.item),
                    touched: self.id(met.touched),
                    hops: met.hops,
                });
            }
        }
    }

    fn id(&self, item: ItemIx) -> CiId {
        self.view.item_at(item).id()
    }

    fn is_owned(&mut self, item: ItemIx, teams: &[String]) -> bool {
        if teams.is_empty() {
            return false;
        }
        let (view, at) = (self.view, self.at);
        let owner = self.owners.entry(item);
        let owner = owner.or_insert_with(|| owner_of(view.item_at(item), at));
        owner.is_some_and(|owner| teams.iter().any(|team| team == owner))
    }

    fn lies_in(&mut self, item: ItemIx, outer: &[CiId]) -> bool {
        if outer.is_empty() {
            return false;
        }
        let (view, at) = (self.view, self.at);
        let containers = self.containers.entry(item).or_insert_with(|| {
            let item = view.item_at(item);
            let reached = contained_in(item, at, CONTAINERS).reached;
            let around = reached.iter().map(|one| one.item.id());
            around.chain([item.id()]).collect()
        });
        containers.iter().any(|container| outer.contains(container))
    }

    fn search(&mut self, direction: RuleReach) -> &Search {
        let touched = &self.touched;
        self.searches.entry(direction).or_insert_with(|| {
            let mut search = Search::default();
            for item in touched {
                search.meet(*item, *item, 0);
            }
            search
        })
    }

    /// Goes one relation further; whether that met anything.
    fn widen(&mut self, direction: RuleReach) -> bool {
        let topology = Topology::new(self.view, self.at);
        let Some(search) = self.searches.get_mut(&direction) else {
            return false;
        };
        let ring: Vec<Met> = search.met.get(search.ring..).unwrap_or_default().to_vec();
        search.ring = search.met.len();
        search.hops += 1;
        for from in ring {
            // Whoever depends on what is touched finds it among what it needs, so the way back is against the arrow.
            let back = (direction != RuleReach::UsedBy).then(|| topology.dependents(from.item));
            let forth = (direction != RuleReach::DependsOn).then(|| topology.providers(from.item));
            for edge in back
                .into_iter()
                .flatten()
                .chain(forth.into_iter().flatten())
            {
                if VISITED_MAX <= search.met.len() {
                    return search.ring < search.met.len();
                }
                search.meet(topology.item_of(edge), from.touched, search.hops);
            }
        }
        search.ring < search.met.len()
    }
}

impl Search {
    fn meet(&mut self, item: ItemIx, touched: ItemIx, hops: u32) {
        if self.seen.insert(item) {
            self.met.push(Met {
                item,
                touched,
                hops,
            });
        }
    }
}
