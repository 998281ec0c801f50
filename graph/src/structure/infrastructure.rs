//! Providers that several zones, environments or teams use together: what fails there fails for all of them.

use std::collections::BTreeMap;

use model::Timestamp;

use super::climb::{ClimbLimits, placement};
use super::dependencies::containment_kinds;
use super::responsible::owner_of;
use crate::identity::ItemIx;
use crate::topology::Topology;
use crate::view::{GraphView, Item, Relation};

/// Kinds that are shared by what they are.
const PLACES: [&str; 5] = ["zone", "region", "room", "rack", "environment"];

/// How far a zone may be.
const PLACEMENT_LIMITS: ClimbLimits = ClimbLimits {
    depth_max: 8,
    items_max: 64,
};

/// By what a provider may be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedBy {
    /// It is used from several zones.
    Zone,
    /// It is used from several environments.
    Environment,
    /// It is used by several teams.
    Team,
}

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedLimits {
    /// How many providers are listed, the most widely shared first.
    pub listed_max: usize,
    /// How many relations are looked at in all.
    pub visited_max: usize,
    /// How many relations are shown of each.
    pub examples_max: usize,
}

/// A provider that is shared.
#[derive(Clone, Debug)]
pub struct SharedProvider<'v> {
    /// The provider.
    pub item: Item<'v>,
    /// How many items use it.
    pub dependents: usize,
    /// From which zones, with how many items each.
    pub zones: Vec<(String, usize)>,
    /// From which environments.
    pub environments: Vec<(String, usize)>,
    /// By which teams.
    pub teams: Vec<(String, usize)>,
    /// Some of the relations: one from each zone, environment and team as far as there is room.
    pub examples: Vec<Relation<'v>>,
}

/// Providers that are shared, the most widely shared first.
#[derive(Clone, Debug)]
pub struct SharedInfrastructure<'v> {
    /// Those that are listed.
    pub providers: Vec<SharedProvider<'v>>,
    /// How many there are.
    pub total: usize,
    /// Whether some were left out or not looked at.
    pub truncated: bool,
}

#[derive(Clone, Debug)]
struct Origin {
    zone: Option<String>,
    environment: Option<String>,
    team: Option<String>,
}

/// What several zones, environments or teams use together at a moment.
pub fn shared_infrastructure<'v>(
    view: &'v GraphView,
    at: Timestamp,
    by: &[SharedBy],
    limits: SharedLimits,
) -> SharedInfrastructure<'v> {
    let topology = Topology::new(view, at);
    let containment = containment_kinds(view);
    let mut origins: BTreeMap<ItemIx, Origin> = BTreeMap::new();
    let mut providers: Vec<SharedProvider<'v>> = Vec::new();
    let mut looked_at = 0;
    let mut truncated = false;
    for item in view.items().filter(|item| !PLACES.contains(&item.kind())) {
        let mut uses: BTreeMap<ItemIx, crate::relations::RowIx> = BTreeMap::new();
        for edge in topology.dependents(item.item) {
            let dependent = topology.item_of(edge);
            if dependent != item.item && !containment.contains(&edge.span.kind()) {
                uses.entry(dependent).or_insert(edge.row);
            }
        }
        if uses.len() < 2 {
            continue;
        }
        looked_at += uses.len();
        if limits.visited_max < looked_at {
            truncated = true;
            break;
        }
        for dependent in uses.keys() {
            let origin = || origin_of(view.item_at(*dependent), at);
            origins.entry(*dependent).or_insert_with(origin);
        }
        let shared = shared(item, &uses, &origins, limits.examples_max);
        if by.iter().any(|by| 1 < shared.spread(*by)) {
            providers.push(shared);
        }
    }
    providers.sort_by_cached_key(|shared| {
        let spread: usize = by.iter().map(|by| shared.spread(*by)).sum();
        (
            std::cmp::Reverse((spread, shared.dependents)),
            shared.item.key(),
        )
    });
    let total = providers.len();
    providers.truncate(limits.listed_max);
    SharedInfrastructure {
        truncated: truncated || providers.len() < total,
        providers,
        total,
    }
}

impl SharedProvider<'_> {
    fn spread(&self, by: SharedBy) -> usize {
        match by {
            SharedBy::Zone => self.zones.len(),
            SharedBy::Environment => self.environments.len(),
            SharedBy::Team => self.teams.len(),
        }
    }
}

fn shared<'v>(
    item: Item<'v>,
    uses: &BTreeMap<ItemIx, crate::relations::RowIx>,
    origins: &BTreeMap<ItemIx, Origin>,
    examples_max: usize,
) -> SharedProvider<'v> {
    let mut counts: [BTreeMap<&str, usize>; 3] = Default::default();
    let mut examples = Vec::new();
    for (dependent, row) in uses {
        let Some(origin) = origins.get(dependent) else {
            continue;
        };
        let named = [&origin.zone, &origin.environment, &origin.team];
        let mut is_new = false;
        for (counted, name) in counts.iter_mut().zip(named) {
            let Some(name) = name else { continue };
            let count = counted.entry(name.as_str()).or_default();
            is_new |= *count == 0;
            *count += 1;
        }
        if is_new && examples.len() < examples_max {
            examples.push(Relation::of_step(item.view, *row));
        }
    }
    let [zones, environments, teams] = counts.map(|counted| {
        let counted = counted.into_iter();
        counted
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    });
    SharedProvider {
        item,
        dependents: uses.len(),
        zones,
        environments,
        teams,
        examples,
    }
}

fn origin_of(item: Item<'_>, at: Timestamp) -> Origin {
    let places = placement(item, at, PLACEMENT_LIMITS).reached;
    let zone = places.iter().find(|place| place.item.kind() == "zone");
    let region = || places.iter().find(|place| place.item.kind() == "region");
    Origin {
        zone: zone
            .or_else(region)
            .map(|place| place.item.name().to_owned()),
        environment: item.environment().map(str::to_owned),
        team: owner_of(item, at).map(str::to_owned),
    }
}
