//! Who answers for an item: its own owner, else that of the nearest container that has one.

use model::Timestamp;

use super::climb::{CONTAINMENT, ClimbLimits, Ladder, contained_in};
use crate::topology::Topology;
use crate::view::{GraphView, Item};

/// How far a container may be to answer.
const LIMITS: ClimbLimits = ClimbLimits {
    depth_max: 16,
    items_max: 256,
};

/// Who answers for an item.
#[derive(Clone, Debug)]
pub struct Responsible<'v> {
    /// The team.
    pub owner: Option<&'v str>,
    /// The container whose owner it is; `None` when the item names its own.
    pub inherited_from: Option<Item<'v>>,
    /// How many steps away that container is.
    pub hops: usize,
    /// Other teams that own a container just as near.
    pub others: Vec<&'v str>,
    /// The item, then its containers, the nearest first: where on-call people and maintainers are looked for too.
    pub chain: Vec<Item<'v>>,
}

/// Who answers for an item at a moment.
pub fn responsible<'v>(item: Item<'v>, at: Timestamp) -> Responsible<'v> {
    let containers = contained_in(item, at, LIMITS).reached;
    let mut answer = Responsible {
        owner: item.owner(),
        inherited_from: None,
        hops: 0,
        others: Vec::new(),
        chain: vec![item],
    };
    answer.chain.extend(containers.iter().map(|one| one.item));
    if answer.owner.is_some() {
        return answer;
    }
    let mut owning = containers
        .iter()
        .filter_map(|one| Some((one, one.item.owner()?)));
    let Some((nearest, owner)) = owning.next() else {
        return answer;
    };
    answer.owner = Some(owner);
    answer.inherited_from = Some(nearest.item);
    answer.hops = nearest.hops;
    let as_near = owning.take_while(|(one, _)| one.hops == nearest.hops);
    answer.others = as_near
        .map(|(_, other)| other)
        .filter(|other| *other != owner)
        .collect();
    answer.others.sort_unstable();
    answer.others.dedup();
    answer
}

/// The team alone, without the containers when the item names its own.
pub fn owner_of<'v>(item: Item<'v>, at: Timestamp) -> Option<&'v str> {
    item.owner().or_else(|| responsible(item, at).owner)
}

/// The teams of many items at one moment.
pub(crate) struct Owners<'v> {
    topology: Topology<'v>,
    up: Ladder,
}

impl<'v> Owners<'v> {
    pub(crate) fn new(view: &'v GraphView, at: Timestamp) -> Self {
        Self {
            topology: Topology::new(view, at),
            up: Ladder::new(view, CONTAINMENT, true),
        }
    }

    /// The team of an item that names none itself: that of what it is contained in.
    pub(crate) fn above(&self, item: Item<'v>) -> Option<&'v str> {
        self.up.steps(self.topology, item.item).next()?;
        responsible(item, self.topology.at()).owner
    }
}
