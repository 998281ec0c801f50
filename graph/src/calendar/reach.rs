//! Whether a change is within reach of the items that a rule names, and by which way.

use std::collections::BTreeMap;

use model::{ChangeScope, CiId, RuleReach, Timestamp};

use super::AskedChange;
use crate::identity::ItemIx;
use crate::path::PathStep;
use crate::relations::RowIx;
use crate::topology::Topology;
use crate::view::{GraphView, Relation};

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

/// Whether a change falls under a scope as the estate is at a moment.
pub(super) fn fit(
    view: &GraphView,
    at: Timestamp,
    scope: &ChangeScope,
    asked: &AskedChange,
    visited_max: usize,
) -> Fit {
    let among = |wanted: &[String], given: &Option<String>| {
        let same = |wanted: &String| {
            given
                .as_ref()
                .is_some_and(|it| it.eq_ignore_ascii_case(wanted))
        };
        wanted.is_empty() || wanted.iter().any(same)
    };
    let fits = among(&scope.kinds, &asked.kind)
        && among(&scope.levels, &asked.level)
        && among(&scope.scenes, &asked.scene)
        && in_environment(view, scope, asked);
    if !fits {
        return Fit::No;
    }
    if scope.items.is_empty() {
        return Fit::Yes(None);
    }
    within_reach(view, at, scope, asked, visited_max)
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

fn within_reach(
    view: &GraphView,
    at: Timestamp,
    scope: &ChangeScope,
    asked: &AskedChange,
    visited_max: usize,
) -> Fit {
    let mut origins = Vec::new();
    let mut unknown = Vec::new();
    for key in &scope.items {
        match view.resolve(key, None, at).item() {
            Some(item) => origins.push(item.item),
            None => unknown.push(key.to_string()),
        }
    }
    let targets = asked.targets.iter().filter_map(|target| view.item(*target));
    let targets: Vec<ItemIx> = targets.map(|item| item.item).collect();
    let hops_max = match scope.reach {
        RuleReach::Itself => 0,
        _ => scope.hops_max.unwrap_or(u32::MAX),
    };
    let search = Search {
        topology: Topology::new(view, at),
        reach: scope.reach,
        hops_max,
        visited_max,
    };
    match search.run(&origins, &targets) {
        Found::Way(target, path) => Fit::Yes(Some((target, path))),
        Found::CutShort => Fit::Unseen(format!(
            "more than {visited_max} items are within reach of what the rule names"
        )),
        Found::Nothing if !unknown.is_empty() => Fit::Unseen(format!(
            "the rule names what nobody knows: {}",
            unknown.join(", ")
        )),
        Found::Nothing => Fit::No,
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
    /// The shortest way from an origin to a target.
    fn run(&self, origins: &[ItemIx], targets: &[ItemIx]) -> Found {
        let mut came: BTreeMap<ItemIx, Option<Came>> = BTreeMap::new();
        let mut ring: Vec<ItemIx> = Vec::new();
        for origin in origins {
            if came.insert(*origin, None).is_none() {
                ring.push(*origin);
            }
        }
        let mut hops = 0;
        loop {
            if let Some(hit) = ring.iter().find(|item| targets.contains(item)) {
                return self.way(*hit, &came);
            }
            if ring.is_empty() || hops == self.hops_max {
                return Found::Nothing;
            }
            hops += 1;
            ring = self.next(&ring, &mut came);
            if self.visited_max < came.len() {
                return Found::CutShort;
            }
        }
    }

    fn next(&self, ring: &[ItemIx], came: &mut BTreeMap<ItemIx, Option<Came>>) -> Vec<ItemIx> {
        let mut next = Vec::new();
        for from in ring {
            let needs = self.topology.providers(*from).map(|edge| (edge, false));
            let needed = self.topology.dependents(*from).map(|edge| (edge, true));
            let needs = needs.filter(|_| self.reach != RuleReach::UsedBy);
            let needed = needed.filter(|_| self.reach != RuleReach::DependsOn);
            for (edge, against_arrow) in needs.chain(needed) {
                let other = self.topology.item_of(edge);
                if self.visited_max < came.len() || came.contains_key(&other) {
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
            ring = search.next(&ring, &mut came);
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
