//! How near an item is to all affected ones at once: a random walk that starts at them,
//! follows relations (providers before dependents) and stops now and then.
//!
//! It needs no limit of hops: what is far, or behind a crowd, gets a share too thin to follow.

use model::{Strength, Timestamp};
use smallvec::SmallVec;

use super::weights::Weights;
use crate::identity::ItemIx;
use crate::relations::{Edge, RowIx};
use crate::topology::Topology;
use crate::view::GraphView;

/// What the walk found.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    /// The share of the walk that stops at each item reached, by item.
    shares: Vec<(ItemIx, f64)>,
    /// The arrivals of each round, by item; the first round holds the affected items.
    rounds: Vec<Vec<Arrival>>,
    /// Whether a round had more items than the limit.
    pub(super) cut_short: bool,
}

/// An item reached in some round, by the likeliest single way there.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    item: ItemIx,
    share: f64,
    likeliest: f64,
    before: ItemIx,
    /// The relation of the last step, and whether it was taken against the arrow.
    by: Option<(RowIx, bool)>,
}

/// One relation of a path, and whether it is taken against the arrow.
pub(super) type Step = (RowIx, bool);

#[derive(Clone, Copy, Debug)]
struct Way {
    to: ItemIx,
    weight: f64,
    row: RowIx,
    against_arrow: bool,
}

struct Walker<'v> {
    view: &'v GraphView,
    topology: Topology<'v>,
    weights: &'v Weights,
}

impl Walk {
    /// Walks from the affected items, each as likely a start as the others.
    pub(super) fn run(
        view: &GraphView,
        affected: &[ItemIx],
        at: Timestamp,
        weights: &Weights,
        visited_max: usize,
    ) -> Self {
        let walker = Walker {
            view,
            topology: Topology::new(view, at),
            weights,
        };
        let mut walk = Self::default();
        let mut stopped: Vec<(ItemIx, f64)> = Vec::new();
        let mut arrivals = start(affected);
        for round in 0..=weights.walk_steps_max {
            let last = round == weights.walk_steps_max;
            let mut next = Vec::new();
            for arrival in &arrivals {
                let stays = if last { 1.0 } else { weights.walk_stop };
                stopped.push((arrival.item, arrival.share * stays));
                if !last && !walker.step(*arrival, &mut next) {
                    stopped.push((arrival.item, arrival.share * (1.0 - weights.walk_stop)));
                }
            }
            walk.rounds.push(std::mem::take(&mut arrivals));
            arrivals = merged(next, weights.walk_thinnest);
            walk.cut_short |= thin_out(&mut arrivals, visited_max);
            if arrivals.is_empty() {
                break;
            }
        }
        walk.shares = summed(stopped);
        walk
    }

    /// The share that stops at an item.
    pub(super) fn share(&self, item: ItemIx) -> f64 {
        let place = self.shares.binary_search_by_key(&item, |(item, _)| *item);
        place
            .ok()
            .and_then(|place| self.shares.get(place))
            .map_or(0.0, |(_, share)| *share)
    }

    /// The items reached, the nearest first.
    pub(super) fn nearest(&self) -> Vec<ItemIx> {
        let mut shares = self.shares.clone();
        shares.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        shares.into_iter().map(|(item, _)| item).collect()
    }

    /// The affected item at the other end of the likeliest way to an item, and the way.
    pub(super) fn path_to(&self, item: ItemIx) -> Option<(ItemIx, Vec<Step>)> {
        let mut best: Option<(usize, Arrival)> = None;
        for round in 0..self.rounds.len() {
            let Some(arrival) = self.arrival(round, item) else {
                continue;
            };
            if best.is_none_or(|(_, kept)| kept.likeliest < arrival.likeliest) {
                best = Some((round, arrival));
            }
        }
        let (mut round, mut arrival) = best?;
        let mut steps = Vec::new();
        while let Some(step) = arrival.by {
            steps.push(step);
            round -= 1;
            arrival = self.arrival(round, arrival.before)?;
        }
        steps.reverse();
        Some((arrival.item, steps))
    }

    fn arrival(&self, round: usize, item: ItemIx) -> Option<Arrival> {
        let arrivals = self.rounds.get(round)?;
        let place = arrivals
            .binary_search_by_key(&item, |arrival| arrival.item)
            .ok()?;
        arrivals.get(place).copied()
    }
}

fn start(affected: &[ItemIx]) -> Vec<Arrival> {
    let mut items = affected.to_vec();
    items.sort_unstable();
    items.dedup();
    #[expect(clippy::cast_precision_loss, reason = "a handful of affected items")]
    let share = 1.0 / items.len() as f64;
    items
        .into_iter()
        .map(|item| Arrival {
            item,
            share,
            likeliest: share,
            before: item,
            by: None,
        })
        .collect()
}

impl Walker<'_> {
    /// Spreads what goes on from an item; false when there is nowhere to go.
    fn step(&self, arrival: Arrival, next: &mut Vec<Arrival>) -> bool {
        let mut ways: SmallVec<[Way; 16]> = SmallVec::new();
        let crowd = self.ways(arrival.item, &mut ways);
        let total = crowd + ways.iter().map(|way| way.weight).sum::<f64>();
        if total <= 0.0 {
            return false;
        }
        let goes_on = 1.0 - self.weights.walk_stop;
        for way in ways {
            let part = goes_on * way.weight / total;
            next.push(Arrival {
                item: way.to,
                share: arrival.share * part,
                likeliest: arrival.likeliest * part,
                before: arrival.item,
                by: Some((way.row, way.against_arrow)),
            });
        }
        true
    }

    /// Gathers the ways from an item, one for each neighbour and direction, and returns the weight of
    /// neighbours that are too many to follow.
    fn ways(&self, item: ItemIx, ways: &mut SmallVec<[Way; 16]>) -> f64 {
        let relations = &self.view.relations;
        let members = &self.view.identity.item(item).members;
        let providers: usize = members
            .iter()
            .map(|member| relations.providers_of(*member).len())
            .sum();
        let dependents: usize = members
            .iter()
            .map(|member| relations.dependents_of(*member).len())
            .sum();
        let mut crowd = 0.0;
        if self.weights.walk_hub < providers {
            crowd += count(providers);
        } else {
            let edges = self.topology.providers(item);
            ways.extend(edges.map(|edge| self.way(edge, false)));
        }
        let of_providers = one_each(ways, 0, item);
        if self.weights.walk_hub < dependents {
            crowd += count(dependents) * self.weights.walk_to_dependent;
        } else {
            let edges = self.topology.dependents(item);
            ways.extend(edges.map(|edge| self.way(edge, true)));
            one_each(ways, of_providers, item);
        }
        crowd
    }

    fn way(&self, edge: Edge, against_arrow: bool) -> Way {
        let hold = self.topology.hold(edge);
        let weak = hold.is_some_and(|hold| hold.strength == Some(Strength::Weak));
        let strength = if weak { self.weights.walk_weak } else { 1.0 };
        let direction = if against_arrow {
            self.weights.walk_to_dependent
        } else {
            1.0
        };
        let to = self.topology.item_of(edge);
        Way {
            to,
            weight: strength * direction,
            row: edge.row,
            against_arrow,
        }
    }
}

/// Keeps the heaviest way to each neighbour from a place on, none back to the item itself; returns the new length.
fn one_each(ways: &mut SmallVec<[Way; 16]>, from: usize, item: ItemIx) -> usize {
    let mut kept: SmallVec<[Way; 16]> = ways.drain(from..).filter(|way| way.to != item).collect();
    kept.sort_by(|one, other| {
        one.to
            .cmp(&other.to)
            .then(other.weight.total_cmp(&one.weight))
            .then(one.row.cmp(&other.row))
    });
    kept.dedup_by_key(|way| way.to);
    ways.extend(kept);
    ways.len()
}

/// One arrival an item, their shares added, the likeliest single way kept.
fn merged(mut arrivals: Vec<Arrival>, thinnest: f64) -> Vec<Arrival> {
    arrivals.sort_by_key(|arrival| (arrival.item, arrival.before));
    let mut merged: Vec<Arrival> = Vec::new();
    for arrival in arrivals {
        match merged.last_mut().filter(|kept| kept.item == arrival.item) {
            Some(kept) => {
                let share = kept.share + arrival.share;
                if kept.likeliest < arrival.likeliest {
                    *kept = arrival;
                }
                kept.share = share;
            }
            None => merged.push(arrival),
        }
    }
    merged.retain(|arrival| thinnest < arrival.share);
    merged
}

/// Keeps the largest shares when there are more than the limit.
fn thin_out(arrivals: &mut Vec<Arrival>, visited_max: usize) -> bool {
    if arrivals.len() <= visited_max {
        return false;
    }
    arrivals.sort_by(|one, other| {
        other
            .share
            .total_cmp(&one.share)
            .then(one.item.cmp(&other.item))
    });
    arrivals.truncate(visited_max);
    arrivals.sort_by_key(|arrival| arrival.item);
    true
}

fn summed(mut stopped: Vec<(ItemIx, f64)>) -> Vec<(ItemIx, f64)> {
    stopped.sort_by_key(|(item, _)| *item);
    let mut summed: Vec<(ItemIx, f64)> = Vec::new();
    for (item, share) in stopped {
        match summed.last_mut().filter(|kept| kept.0 == item) {
            Some(kept) => kept.1 += share,
            None => summed.push((item, share)),
        }
    }
    summed
}

#[expect(clippy::cast_precision_loss, reason = "a number of relations")]
fn count(relations: usize) -> f64 {
    relations as f64
}
