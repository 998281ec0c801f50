//! How near an item is to all affected ones at once: a random walk that starts at them,
//! follows relations (providers before dependents) and stops now and then.
//!
//! It needs no limit of hops: what is far, or behind a crowd, gets a share too thin to follow.
//! The walk keeps its own small copy of the relations it has seen, numbered by discovery, so a
//! round costs a pass over arrays.
#![expect(
    clippy::indexing_slicing,
    reason = "a place is a number this walk gave out itself, and every array has one entry a place"
)]

use std::ops::Range;

use model::{Strength, Timestamp};
use smallvec::SmallVec;

use super::places::{Place, Places};
use super::weights::Weights;
use crate::identity::ItemIx;
use crate::relations::{Edge, RowIx};
use crate::topology::Topology;
use crate::view::GraphView;

/// What the walk found.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    places: Places,
    spots: Vec<Spot>,
    /// Whether a round had more items than the limit.
    pub(super) cut_short: bool,
}

/// One relation of a path, and whether it is taken against the arrow.
pub(super) type Step = (RowIx, bool);

/// An item the walk has seen.
#[derive(Clone, Debug)]
struct Spot {
    item: ItemIx,
    /// The share that arrives here in the next round.
    arriving: f64,
    /// The share of the walk that stops here.
    stopped: f64,
    /// How likely the likeliest single way here is.
    likeliest: f64,
    /// The last step of that way and where it began; none where the walk starts.
    by: Option<(Place, Step)>,
}

/// A step the walk can take; the parts of all steps from one item, and of the crowd, are 1 together.
#[derive(Clone, Copy, Debug)]
struct Way {
    to: Place,
    part: f64,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
struct Neighbour {
    item: ItemIx,
    weight: f64,
    step: Step,
}

struct Walker<'v> {
    view: &'v GraphView,
    topology: Topology<'v>,
    weights: &'v Weights,
    walk: Walk,
    /// The ways from every item followed so far, and whose they are.
    ways: Vec<Way>,
    ways_of: Vec<Option<Range<usize>>>,
    /// Where any share arrives in the next round.
    touched: Vec<Place>,
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
        let mut walker = Walker {
            view,
            topology: Topology::new(view, at),
            weights,
            walk: Self::default(),
            ways: Vec::new(),
            ways_of: Vec::new(),
            touched: Vec::new(),
        };
        walker.start(affected);
        for round in 0..=weights.walk_steps_max {
            let arrived = walker.arrived(visited_max);
            for (place, share) in arrived {
                walker.go_on(place, share, round == weights.walk_steps_max);
            }
        }
        walker.walk
    }

    /// The share that stops at an item.
    pub(super) fn share(&self, item: ItemIx) -> f64 {
        self.places
            .find(item)
            .map_or(0.0, |place| self.spots[place].stopped)
    }

    /// The items where the walk stops, the nearest first.
    pub(super) fn nearest(&self) -> Vec<ItemIx> {
        let mut spots: Vec<&Spot> = self
            .spots
            .iter()
            .filter(|spot| 0.0 < spot.stopped)
            .collect();
        spots.sort_by(|one, other| {
            other
                .stopped
                .total_cmp(&one.stopped)
                .then(one.item.cmp(&other.item))
        });
        spots.into_iter().map(|spot| spot.item).collect()
    }

    /// The affected item at the other end of the likeliest way to an item, and the way.
    pub(super) fn path_to(&self, item: ItemIx) -> Option<(ItemIx, Vec<Step>)> {
        let mut spot = &self.spots[self.places.find(item)?];
        let mut steps = Vec::new();
        // It ends: every step makes the way less likely, so no place comes twice.
        while let Some((before, step)) = spot.by {
            steps.push(step);
            spot = &self.spots[before];
        }
        steps.reverse();
        Some((spot.item, steps))
    }
}

impl Walker<'_> {
    fn start(&mut self, affected: &[ItemIx]) {
        let share = 1.0 / count(affected.len());
        for item in affected {
            let place = self.place(*item);
            self.walk.spots[place].likeliest = share;
            self.arrive(place, share);
        }
    }

    fn place(&mut self, item: ItemIx) -> Place {
        let place = self.walk.places.find_or_add(item);
        if place == self.walk.spots.len() {
            self.walk.spots.push(Spot {
                item,
                arriving: 0.0,
                stopped: 0.0,
                likeliest: 0.0,
                by: None,
            });
            self.ways_of.push(None);
        }
        place
    }

    fn arrive(&mut self, place: Place, share: f64) {
        let arriving = &mut self.walk.spots[place].arriving;
        if *arriving == 0.0 {
            self.touched.push(place);
        }
        *arriving += share;
    }

    /// Takes the shares that have arrived and are thick enough to follow.
    fn arrived(&mut self, visited_max: usize) -> Vec<(Place, f64)> {
        let touched = std::mem::take(&mut self.touched);
        let take = |place: Place| (place, std::mem::take(&mut self.walk.spots[place].arriving));
        let mut arrived: Vec<(Place, f64)> = touched.into_iter().map(take).collect();
        arrived.retain(|(_, share)| self.weights.walk_thinnest < *share);
        if visited_max < arrived.len() {
            arrived.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
            arrived.truncate(visited_max);
            self.walk.cut_short = true;
        }
        arrived
    }

    /// Lets a part of a share stop where it is and spreads the rest over the ways from there.
    fn go_on(&mut self, place: Place, share: f64, is_last: bool) {
        if is_last {
            self.walk.spots[place].stopped += share;
            return;
        }
        let ways = self.ways_from(place);
        let stays = if ways.is_empty() {
            1.0
        } else {
            self.weights.walk_stop
        };
        self.walk.spots[place].stopped += share * stays;
        let likeliest = self.walk.spots[place].likeliest;
        let goes_on = 1.0 - self.weights.walk_stop;
        for number in ways {
            let way = self.ways[number];
            self.arrive(way.to, share * goes_on * way.part);
            let likely = likeliest * goes_on * way.part;
            let spot = &mut self.walk.spots[way.to];
            if spot.likeliest < likely {
                spot.likeliest = likely;
                spot.by = Some((place, way.step));
            }
        }
    }

    fn ways_from(&mut self, place: Place) -> Range<usize> {
        if let Some(known) = &self.ways_of[place] {
            return known.clone();
        }
        let mut neighbours: SmallVec<[Neighbour; 16]> = SmallVec::new();
        let crowd = self.neighbours(self.walk.spots[place].item, &mut neighbours);
        let total = crowd
            + neighbours
                .iter()
                .map(|neighbour| neighbour.weight)
                .sum::<f64>();
        let first = self.ways.len();
        for neighbour in neighbours {
            let to = self.place(neighbour.item);
            self.ways.push(Way {
                to,
                part: neighbour.weight / total,
                step: neighbour.step,
            });
        }
        let ways = first..self.ways.len();
        self.ways_of[place] = Some(ways.clone());
        ways
    }

    /// Gathers the neighbours of an item, each once a direction, and returns the weight of those
    /// that are too many to follow.
    fn neighbours(&self, item: ItemIx, neighbours: &mut SmallVec<[Neighbour; 16]>) -> f64 {
        let relations = &self.view.relations;
        let members = &self.view.identity.item(item).members;
        let providers: usize = members
            .iter()
            .map(|member| relations.needs_count(relations.seat_of(*member)))
            .sum();
        let dependents: usize = members
            .iter()
            .map(|member| relations.dependents_count(relations.seat_of(*member)))
            .sum();
        let mut crowd = 0.0;
        if self.weights.walk_hub < providers {
            crowd += count(providers);
        } else {
            let edges = self.topology.providers_ever(item);
            neighbours.extend(edges.filter_map(|edge| self.neighbour(edge, false)));
        }
        let of_providers = self.one_each(neighbours, 0, item);
        if self.weights.walk_hub < dependents {
            crowd += count(dependents) * self.weights.walk_to_dependent;
        } else {
            let edges = self.topology.dependents_ever(item);
            neighbours.extend(edges.filter_map(|edge| self.neighbour(edge, true)));
            self.one_each(neighbours, of_providers, item);
        }
        crowd
    }

    /// The item a relation leads to, if the relation holds.
    fn neighbour(&self, edge: Edge, against_arrow: bool) -> Option<Neighbour> {
        let weak = self.topology.hold(edge)?.strength == Some(Strength::Weak);
        let strength = if weak { self.weights.walk_weak } else { 1.0 };
        let direction = if against_arrow {
            self.weights.walk_to_dependent
        } else {
            1.0
        };
        Some(Neighbour {
            item: self.topology.item_of(edge),
            weight: strength * direction,
            step: (edge.row, against_arrow),
        })
    }

    /// Keeps the heaviest way to each neighbour from a place on, none to the item itself; returns the new length.
    ///
    /// Of two as heavy the one stays whose relation comes first by its ends, wherever the two lie.
    fn one_each(
        &self,
        neighbours: &mut SmallVec<[Neighbour; 16]>,
        from: usize,
        item: ItemIx,
    ) -> usize {
        let mut kept = from;
        for place in from..neighbours.len() {
            if neighbours[place].item != item {
                neighbours[kept] = neighbours[place];
                kept += 1;
            }
        }
        neighbours.truncate(kept);
        let ends = |neighbour: &Neighbour| self.view.relations.ends(neighbour.step.0);
        neighbours[from..].sort_unstable_by(|one, other| {
            let by_weight = other.weight.total_cmp(&one.weight);
            let by_item = one.item.cmp(&other.item).then(by_weight);
            by_item.then_with(|| ends(one).cmp(&ends(other)))
        });
        let mut kept = from;
        for place in from..neighbours.len() {
            if kept == from || neighbours[kept - 1].item != neighbours[place].item {
                neighbours[kept] = neighbours[place];
                kept += 1;
            }
        }
        neighbours.truncate(kept);
        neighbours.len()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of items or relations")]
fn count(number: usize) -> f64 {
    number as f64
}
