//! Whether a change is within reach of the items that a rule names, and by which way.

use std::collections::BTreeMap;

use model::{ChangeScope, CiId, RuleReach, Timestamp};
use petgraph::visit::VisitMap;

use super::AskedChange;
use crate::identity::ItemIx;
use crate::path::PathStep;
use crate::relations::{Edge, RowIx};
use crate::topology::{Seen, Topology};
use crate::view::{GraphView, Relation};

/// How many items are met from the targets, and from what a rule names, before the other side is looked at.
const BEHIND_FIRST: usize = 2_000;
const AHEAD_FIRST: usize = 1_000;

/// How a change falls under a scope.
pub(super) enum Fit {
    /// It does not.
    No,
    /// It does: by this target, over this way from an item that the scope names.
    Yes(Option<(CiId, Vec<PathStep>)>),
    /// It could not be seen.
    Unseen(String),
}

/// A step by which a search came to an item.
#[derive(Clone, Copy)]
struct Came {
    from: ItemIx,
    row: RowIx,
    against_arrow: bool,
}

/// A change held against scopes, as the estate is at a moment.
///
/// A scope is looked at from both sides. How many relations it takes at least to come to a target is searched
/// from the targets, once for all scopes of a direction; the search from the items of a scope leaves out what is
/// too far from any target. What it leaves out lies on no way that is short enough, so the way that it finds is the
/// one that it would find without.
pub(super) struct Within<'v, 'q> {
    asked: &'q AskedChange,
    topology: Topology<'v>,
    targets: Vec<ItemIx>,
    visited_max: usize,
    /// How many items are looked at from the targets and from a rule before more is.
    first_look: (usize, usize),
    behind: BTreeMap<RuleReach, Behind>,
}

impl<'v, 'q> Within<'v, 'q> {
    pub(super) fn of(
        view: &'v GraphView,
        at: Timestamp,
        asked: &'q AskedChange,
        visited_max: usize,
    ) -> Self {
        let targets = asked.targets.iter().filter_map(|target| view.item(*target));
        Self {
            asked,
            topology: Topology::new(view, at),
            targets: targets.map(|item| item.item).collect(),
            visited_max,
            first_look: (BEHIND_FIRST, AHEAD_FIRST),
            behind: BTreeMap::new(),
        }
    }

    /// Whether the change falls under a scope.
    pub(super) fn fit(&mut self, scope: &ChangeScope) -> Fit {
        let among = |wanted: &[String], given: &Option<String>| {
            let same = |wanted: &String| {
                given
                    .as_ref()
                    .is_some_and(|it| it.eq_ignore_ascii_case(wanted))
            };
            wanted.is_empty() || wanted.iter().any(same)
        };
        let fits = among(&scope.kinds, &self.asked.kind)
            && among(&scope.levels, &self.asked.level)
            && among(&scope.scenes, &self.asked.scene)
            && in_environment(self.topology.view(), scope, self.asked);
        if !fits {
            return Fit::No;
        }
        if scope.items.is_empty() {
            return Fit::Yes(None);
        }
        self.within_reach(scope)
    }

    fn within_reach(&mut self, scope: &ChangeScope) -> Fit {
        let mut origins = Vec::new();
        let mut unknown = Vec::new();
        for key in &scope.items {
            let (view, at) = (self.topology.view(), self.topology.at());
            match view.resolve(key, None, at).item() {
                Some(item) => origins.push(item.item),
                None => unknown.push(key.to_string()),
            }
        }
        let hops_max = match scope.reach {
            RuleReach::Itself => 0,
            _ => scope.hops_max.unwrap_or(u32::MAX),
        };
        match self.way(&origins, scope.reach, hops_max) {
            Found::Way(target, path) => Fit::Yes(Some((target, path))),
            Found::CutShort => Fit::Unseen(format!(
                "more than {} items are within reach of what the rule names",
                self.visited_max
            )),
            Found::Nothing if !unknown.is_empty() => Fit::Unseen(format!(
                "the rule names what nobody knows: {}",
                unknown.join(", ")
            )),
            Found::Nothing => Fit::No,
        }
    }

    /// The shortest way from an origin to a target. First with little work from both sides: mostly one of
    /// them has few items around it, and which one is known only by looking.
    fn way(&mut self, origins: &[ItemIx], reach: RuleReach, hops_max: u32) -> Found {
        for (behind_max, ahead_max) in [self.first_look, (usize::MAX, usize::MAX)] {
            let behind = self.behind.entry(reach);
            let behind = behind.or_insert_with(|| Behind::of(self.topology, &self.targets));
            let search = Search {
                topology: self.topology,
                reach,
                hops_max,
                visited_max: ahead_max.min(self.visited_max),
            };
            behind.widen(&search, behind_max.min(self.visited_max));
            match search.run(origins, &self.targets, behind) {
                Found::CutShort => {}
                found => return found,
            }
        }
        Found::CutShort
    }
}

/// Whether the change, or a target of it, is in an environment of the scope.
fn in_environment(view: &GraphView, scope: &ChangeScope, asked: &AskedChange) -> bool {
    if scope.environments.is_empty() {
        return true;
    }
    let wanted = |name: &str| {
        let inside = |wanted: &String| name == wanted || name.starts_with(&format!("{wanted}/"));
        scope.environments.iter().any(inside)
    };
    match &asked.environment {
        Some(environment) => wanted(environment),
        None => asked
            .targets
            .iter()
            .filter_map(|target| view.item(*target))
            .any(|item| item.environment().is_some_and(wanted)),
    }
}

enum Found {
    Way(CiId, Vec<PathStep>),
    Nothing,
    CutShort,
}

struct Search<'v> {
    topology: Topology<'v>,
    reach: RuleReach,
    hops_max: u32,
    visited_max: usize,
}

impl Search<'_> {
    /// The shortest way from an origin to a target, by items from which a target is near enough.
    fn run(&self, origins: &[ItemIx], targets: &[ItemIx], behind: &Behind) -> Found {
        let met = origins.iter().filter_map(|it| behind.hops_of(*it));
        // Of an origin that was met the shortest way is known to the relation.
        let hops_max = met.min().map_or(self.hops_max, |it| it.min(self.hops_max));
        let is_near = |item: ItemIx, hops: u32| {
            let at_least = behind.at_least(item);
            at_least.is_some_and(|more| hops.saturating_add(more) <= hops_max)
        };
        let mut came: BTreeMap<ItemIx, Option<Came>> = BTreeMap::new();
        let mut ring: Vec<ItemIx> = Vec::new();
        for origin in origins {
            if is_near(*origin, 0) && came.insert(*origin, None).is_none() {
                ring.push(*origin);
            }
        }
        let mut hops = 0;
        loop {
            if let Some(hit) = ring.iter().find(|item| targets.contains(item)) {
                return self.way(*hit, &came);
            }
            if ring.is_empty() || hops == hops_max {
                return Found::Nothing;
            }
            hops += 1;
            ring = self.next(&ring, &mut came, |item| is_near(item, hops));
            if self.visited_max < came.len() {
                return Found::CutShort;
            }
        }
    }

    fn next(
        &self,
        ring: &[ItemIx],
        came: &mut BTreeMap<ItemIx, Option<Came>>,
        is_wanted: impl Fn(ItemIx) -> bool,
    ) -> Vec<ItemIx> {
        let mut next = Vec::new();
        for from in ring {
            for (edge, against_arrow) in self.steps(*from, self.reach) {
                let other = self.topology.item_of(edge);
                if self.visited_max < came.len() || came.contains_key(&other) || !is_wanted(other) {
                    continue;
                }
                let step = Came {
                    from: *from,
                    row: edge.row,
                    against_arrow,
                };
                came.insert(other, Some(step));
                next.push(other);
            }
        }
        next.sort_unstable();
        next
    }

    /// The relations that a search of a direction crosses from an item, and whether it crosses them against the arrow.
    fn steps(&self, from: ItemIx, reach: RuleReach) -> impl Iterator<Item = (Edge, bool)> {
        let needs = (reach != RuleReach::UsedBy).then(|| self.topology.providers(from));
        let needed = (reach != RuleReach::DependsOn).then(|| self.topology.dependents(from));
        let needs = needs.into_iter().flatten().map(|edge| (edge, false));
        let needed = needed.into_iter().flatten().map(|edge| (edge, true));
        needs.chain(needed)
    }

    fn way(&self, target: ItemIx, came: &BTreeMap<ItemIx, Option<Came>>) -> Found {
        let id = self.topology.view().item_at(target).id();
        Found::Way(id, self.path(target, came))
    }

    fn path(&self, target: ItemIx, came: &BTreeMap<ItemIx, Option<Came>>) -> Vec<PathStep> {
        let view = self.topology.view();
        let mut path = Vec::new();
        let mut item = target;
        while let Some(Some(step)) = came.get(&item) {
            let relation = Relation::of_step(view, step.row);
            path.push(PathStep::of(&relation, step.against_arrow));
            item = step.from;
        }
        path.reverse();
        path
    }
}

/// Items by how many relations it takes from them to a target, searched as far as anybody asked.
struct Behind {
    /// Those of each number of relations, in order; each ring is whole, and none comes after an empty one.
    rings: Vec<Vec<ItemIx>>,
    /// What was met so far of a ring that is not whole.
    begun: Vec<ItemIx>,
    seen: Seen,
    met: usize,
}

impl Behind {
    fn of(topology: Topology<'_>, targets: &[ItemIx]) -> Self {
        let mut behind = Self {
            rings: Vec::new(),
            begun: Vec::new(),
            seen: topology.no_items(),
            met: 0,
        };
        let mut targets = targets.to_vec();
        targets.retain(|target| behind.seen.visit(*target));
        targets.sort_unstable();
        behind.met = targets.len();
        behind.rings.push(targets);
        behind
    }

    /// Searches as far back as ways of a search can be long, unless it meets more items than that.
    fn widen(&mut self, search: &Search<'_>, met_max: usize) {
        let back = match search.reach {
            RuleReach::DependsOn => RuleReach::UsedBy,
            RuleReach::UsedBy => RuleReach::DependsOn,
            same => same,
        };
        let is_far = |rings: &[Vec<ItemIx>]| (search.hops_max as usize) < rings.len();
        while !self.is_through() && !is_far(&self.rings) {
            let mut next = std::mem::take(&mut self.begun);
            for item in self.rings.last().into_iter().flatten() {
                if met_max < self.met {
                    self.begun = next;
                    return;
                }
                for (edge, _) in search.steps(*item, back) {
                    let other = search.topology.item_of(edge);
                    if self.seen.visit(other) {
                        next.push(other);
                        self.met += 1;
                    }
                }
            }
            next.sort_unstable();
            self.rings.push(next);
        }
    }

    /// Whether everything was met from which there is a way.
    fn is_through(&self) -> bool {
        self.rings.last().is_some_and(Vec::is_empty)
    }

    /// How many relations it takes from an item, if it was met.
    fn hops_of(&self, item: ItemIx) -> Option<u32> {
        if !self.seen.is_visited(&item) {
            return None;
        }
        let mut rings = self.rings.iter();
        let found = rings.position(|ring| ring.binary_search(&item).is_ok());
        found.and_then(|hops| u32::try_from(hops).ok())
    }

    /// How many relations it takes from an item at least; `None` if there is no way.
    fn at_least(&self, item: ItemIx) -> Option<u32> {
        let unmet = || match self.is_through() {
            true => None,
            false => u32::try_from(self.rings.len()).ok(),
        };
        self.hops_of(item).or_else(unmet)
    }
}

/// Everything that some items need, each with the shortest way to it.
pub(super) struct Needs<'v> {
    search: Search<'v>,
    came: BTreeMap<ItemIx, Option<Came>>,
    /// Whether there is more than was looked at.
    pub(super) cut_short: bool,
}

impl<'v> Needs<'v> {
    pub(super) fn of(
        view: &'v GraphView,
        at: Timestamp,
        origins: &[ItemIx],
        visited_max: usize,
    ) -> Self {
        let search = Search {
            topology: Topology::new(view, at),
            reach: RuleReach::DependsOn,
            hops_max: u32::MAX,
            visited_max,
        };
        let mut came: BTreeMap<ItemIx, Option<Came>> =
            origins.iter().map(|origin| (*origin, None)).collect();
        let mut ring: Vec<ItemIx> = came.keys().copied().collect();
        while !ring.is_empty() && came.len() <= visited_max {
            ring = search.next(&ring, &mut came, |_| true);
        }
        Self {
            cut_short: visited_max < came.len(),
            search,
            came,
        }
    }

    /// The way to an item; empty for the origins themselves.
    pub(super) fn way_to(&self, item: ItemIx) -> Option<Vec<PathStep>> {
        self.came
            .contains_key(&item)
            .then(|| self.search.path(item, &self.came))
    }
}

#[cfg(test)]
mod tests;
