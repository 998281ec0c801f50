//! Important things that need less important ones.
//!
//! A direct need counts unless a source says that the dependent can do without. Beyond it only
//! relations stated as strong are followed, through items of which nobody said how critical they
//! are: one that has a level is told of by itself.

use std::collections::{BTreeMap, VecDeque};

use model::{Strength, Timestamp};

use super::criticality::Criticality;
use super::dependencies::containment_kinds;
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::path::PathStep;
use crate::relations::RowIx;
use crate::topology::Topology;
use crate::view::{GraphView, Item, Relation};

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InversionLimits {
    /// How many are listed, the most critical dependents first.
    pub listed_max: usize,
    /// How many items are looked at around one.
    pub visited_max: usize,
    /// How many are found before the search is cut short.
    pub found_max: usize,
}

/// An item that needs a less critical one.
#[derive(Clone, Debug)]
pub struct Inversion<'v> {
    /// The more critical item.
    pub dependent: Item<'v>,
    /// How critical it is.
    pub dependent_level: Criticality,
    /// The less critical item that it needs.
    pub provider: Item<'v>,
    /// How critical that is.
    pub provider_level: Criticality,
    /// By which relations.
    pub path: Vec<PathStep>,
    /// The same as a sentence.
    pub reason: String,
}

/// Every inversion that was found, the most critical dependents first.
#[derive(Clone, Debug)]
pub struct Inversions<'v> {
    /// Those that are listed.
    pub inversions: Vec<Inversion<'v>>,
    /// How many were found.
    pub total: usize,
    /// Whether some were left out or not looked for.
    pub truncated: bool,
}

struct Found {
    dependent: ItemIx,
    levels: (Criticality, Criticality),
    keys: (String, String),
    rows: Vec<RowIx>,
}

/// Which items need less critical ones at a moment.
pub fn priority_inversions(
    view: &GraphView,
    at: Timestamp,
    limits: InversionLimits,
) -> Inversions<'_> {
    let search = Search {
        topology: Topology::new(view, at),
        containment: containment_kinds(view),
        visited_max: limits.visited_max,
    };
    let mut found: Vec<Found> = Vec::new();
    let mut truncated = false;
    for item in view.items() {
        let Some(level) = item.criticality_level() else {
            continue;
        };
        if level == Criticality::P2 || !item.exists_at(at) {
            continue;
        }
        if limits.found_max <= found.len() {
            truncated = true;
            break;
        }
        truncated |= search.around(item, level, &mut found);
    }
    found.sort_by(|one, other| {
        let levels = |it: &Found| (it.levels.0, std::cmp::Reverse(it.levels.1));
        levels(one)
            .cmp(&levels(other))
            .then_with(|| one.keys.cmp(&other.keys))
    });
    let total = found.len();
    found.truncate(limits.listed_max);
    Inversions {
        truncated: truncated || found.len() < total,
        total,
        inversions: found.iter().map(|one| told(view, one)).collect(),
    }
}

fn told<'v>(view: &'v GraphView, found: &Found) -> Inversion<'v> {
    let relations = found.rows.iter().map(|row| Relation::of_step(view, *row));
    let relations: Vec<Relation<'_>> = relations.collect();
    let provider = relations.last().map(Relation::provider);
    let dependent = view.item_at(found.dependent);
    let steps = relations.iter().map(|relation| {
        format!(
            "{} {}",
            relation.kind().replace('_', " "),
            relation.provider().key()
        )
    });
    let steps: Vec<String> = steps.collect();
    let (needs, needed) = found.levels;
    Inversion {
        dependent,
        dependent_level: needs,
        provider: provider.unwrap_or(dependent),
        provider_level: needed,
        path: relations.iter().map(|it| PathStep::of(it, false)).collect(),
        reason: format!(
            "{} is {} and {}, which is only {}",
            dependent.key(),
            needs.name(),
            steps.join(", which "),
            needed.name()
        ),
    }
}

struct Search<'v> {
    topology: Topology<'v>,
    containment: Vec<WordIx>,
    visited_max: usize,
}

impl Search<'_> {
    /// Adds what an item needs that is less critical. Says whether it was cut short.
    fn around(&self, item: Item<'_>, level: Criticality, found: &mut Vec<Found>) -> bool {
        let view = self.topology.view();
        let mut came_by: BTreeMap<ItemIx, (ItemIx, RowIx)> = BTreeMap::new();
        let mut waiting: VecDeque<ItemIx> = [item.item].into();
        while let Some(from) = waiting.pop_front() {
            for edge in self.topology.providers(from) {
                let next = self.topology.item_of(edge);
                let known = next == item.item || came_by.contains_key(&next);
                if known || self.containment.contains(&edge.span.kind()) {
                    continue;
                }
                let strength = Relation::of_step(view, edge.row).strength();
                let is_direct = from == item.item;
                let counts = strength == Some(Strength::Strong)
                    || (is_direct && strength != Some(Strength::Weak));
                if !counts {
                    continue;
                }
                if self.visited_max <= came_by.len() {
                    return true;
                }
                came_by.insert(next, (from, edge.row));
                let provider = view.item_at(next);
                match provider.criticality_level() {
                    Some(needed) if level < needed => found.push(Found {
                        dependent: item.item,
                        levels: (level, needed),
                        keys: (item.key(), provider.key()),
                        rows: way(&came_by, next),
                    }),
                    None if strength == Some(Strength::Strong) => waiting.push_back(next),
                    Some(_) | None => {}
                }
            }
        }
        false
    }
}

fn way(came_by: &BTreeMap<ItemIx, (ItemIx, RowIx)>, mut to: ItemIx) -> Vec<RowIx> {
    let mut rows = Vec::new();
    while let Some((before, row)) = came_by.get(&to) {
        rows.push(*row);
        to = *before;
    }
    rows.reverse();
    rows
}
