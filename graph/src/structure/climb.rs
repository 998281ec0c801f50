//! Climbing along relations of containment and of place, to the top or down to the bottom.

use std::collections::BTreeSet;

use model::Timestamp;
use smallvec::SmallVec;

use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::relations::{Edge, RowIx};
use crate::topology::Topology;
use crate::view::{GraphView, Item, Relation};

/// Which end of a relation of some kind is the larger: the container, or the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The relation's kind.
    pub kind: &'static str,
    /// Whether the provider is the larger; else the dependent is.
    pub provider_is_larger: bool,
}

/// By which relations one item is contained in another.
pub const CONTAINMENT: &[Rule] = &[
    rule("part_of", true),
    rule("member_of", true),
    rule("belongs_to", true),
    rule("includes", false),
    rule("contains", false),
];

/// By which relations an item has its place: pod on node, node in rack, rack in zone, zone in region.
pub const PLACEMENT: &[Rule] = &[
    rule("runs_on", true),
    rule("located_in", true),
    rule("hosted_on", true),
    rule("scheduled_on", true),
];

const fn rule(kind: &'static str, provider_is_larger: bool) -> Rule {
    Rule {
        kind,
        provider_is_larger,
    }
}

/// Explicit limits of one climb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClimbLimits {
    /// How many steps to go.
    pub depth_max: usize,
    /// How many items to reach.
    pub items_max: usize,
}

/// What a climb reaches, the nearest first; what is as near in order of key.
#[derive(Clone, Debug)]
pub struct Climb<'v> {
    /// The items reached.
    pub reached: Vec<Reached<'v>>,
    /// Whether there was more beyond the limits.
    pub truncated: bool,
}

/// One item of a climb.
#[derive(Clone, Debug)]
pub struct Reached<'v> {
    /// The item.
    pub item: Item<'v>,
    /// How many steps away it is.
    pub hops: usize,
    /// The relation by which it was reached first.
    pub relation: Relation<'v>,
}

/// What an item is contained in, up to the top: module, cluster, environment, business ...
pub fn contained_in<'v>(item: Item<'v>, at: Timestamp, limits: ClimbLimits) -> Climb<'v> {
    climb(item, at, CONTAINMENT, true, limits)
}

/// What an item contains, down to the bottom.
pub fn contents<'v>(item: Item<'v>, at: Timestamp, limits: ClimbLimits) -> Climb<'v> {
    climb(item, at, CONTAINMENT, false, limits)
}

/// Where an item is: the host, rack, room, zone and region it runs on or lies in.
pub fn placement<'v>(item: Item<'v>, at: Timestamp, limits: ClimbLimits) -> Climb<'v> {
    climb(item, at, PLACEMENT, true, limits)
}

fn climb<'v>(
    item: Item<'v>,
    at: Timestamp,
    rules: &[Rule],
    up: bool,
    limits: ClimbLimits,
) -> Climb<'v> {
    let view = item.view;
    let topology = Topology::new(view, at);
    let ladder = Ladder::new(view, rules, up);
    let mut seen: BTreeSet<ItemIx> = [item.item].into();
    let mut edge_of_climb = vec![item.item];
    let mut climb = Climb {
        reached: Vec::new(),
        truncated: false,
    };
    for hops in 1.. {
        let mut next: Vec<(String, ItemIx, RowIx)> = Vec::new();
        for from in &edge_of_climb {
            for (other, row) in ladder.steps(topology, *from) {
                if seen.contains(&other) {
                    continue;
                }
                let full = limits.items_max <= climb.reached.len() + next.len();
                if full || limits.depth_max < hops {
                    climb.truncated = true;
                    break;
                }
                seen.insert(other);
                next.push((view.item_at(other).key(), other, row));
            }
        }
        if next.is_empty() {
            break;
        }
        next.sort();
        edge_of_climb = next.iter().map(|(_, other, _)| *other).collect();
        climb
            .reached
            .extend(next.into_iter().map(|(_, other, row)| Reached {
                item: view.item_at(other),
                hops,
                relation: Relation::of_step(view, row),
            }));
    }
    climb
}

/// Relations by which one climbs in one direction, as a view numbers them.
pub(crate) struct Ladder {
    with_arrow: SmallVec<[WordIx; 4]>,
    against_arrow: SmallVec<[WordIx; 4]>,
}

impl Ladder {
    pub(crate) fn new(view: &GraphView, rules: &[Rule], up: bool) -> Self {
        let words = &view.identity.words;
        let numbered = |towards_provider: bool| {
            let chosen = rules
                .iter()
                .filter(move |rule| (rule.provider_is_larger == up) == towards_provider);
            chosen.filter_map(|rule| words.find(rule.kind)).collect()
        };
        Self {
            with_arrow: numbered(true),
            against_arrow: numbered(false),
        }
    }

    /// The next items.
    pub(crate) fn steps<'v>(
        &self,
        topology: Topology<'v>,
        item: ItemIx,
    ) -> impl Iterator<Item = (ItemIx, RowIx)> + use<'v, '_> {
        let with_arrow = (!self.with_arrow.is_empty()).then(|| topology.providers(item));
        let providers = with_arrow
            .into_iter()
            .flatten()
            .filter(|edge: &Edge| self.with_arrow.contains(&edge.span.kind()));
        let against_arrow = (!self.against_arrow.is_empty()).then(|| topology.dependents(item));
        let dependents = against_arrow
            .into_iter()
            .flatten()
            .filter(|edge: &Edge| self.against_arrow.contains(&edge.span.kind()));
        providers
            .chain(dependents)
            .map(move |edge| (topology.item_of(edge), edge.row))
    }
}
