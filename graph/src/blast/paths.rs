//! The ways by which harm came to the items that are listed, found backwards from what a search reached.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::BlastLimits;
use super::pools::{PoolIx, Pools, Redundancy};
use super::search::{Search, Wave};
use super::weigh::Weigh;
use crate::identity::ItemIx;
use crate::relations::{Edge, RowIx};
use crate::topology::Topology;

/// A reached item and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    pub(super) item: ItemIx,
    pub(super) score: f64,
    pub(super) hops: u32,
}

/// One step of a path.
pub(super) struct FoundStep {
    pub(super) from: ItemIx,
    pub(super) row: RowIx,
    pub(super) against_arrow: bool,
    pub(super) weight: f64,
    pub(super) score: f64,
    /// How many of those that do the same work were touched by then, where there are several.
    pub(super) redundancy: Option<Redundancy>,
}

/// How bad harm is that reaches an item: waves are taken in this order.
type Rank = (Reverse<u64>, u32);

/// Listed items and all that harm could have come from.
pub(super) struct Paths<'v> {
    topology: Topology<'v>,
    weigh: Weigh<'v>,
    pools: Pools<'v>,
    /// When each member of a pool was touched, the first one first, with the greatest weight until then.
    touched: BTreeMap<PoolIx, Vec<(Rank, f64)>>,
    hops_max: Option<u32>,
    listed: Vec<Label>,
    /// Every label that a path to a listed item can go through, by item.
    labels: Vec<Label>,
}

impl<'v> Paths<'v> {
    /// The first items in order of score, steps and item.
    pub(super) fn new(topology: Topology<'v>, search: &Search, limits: BlastLimits) -> Self {
        let listed_max = limits.impacts_max;
        let mut listed: Vec<Label> = Vec::new();
        let mut labels: Vec<Label> = Vec::new();
        let label = |seat: &u32, wave: &Wave| Label {
            item: topology.item_at(*seat),
            score: wave.score,
            hops: wave.hops,
        };
        for wave in search.waves() {
            let missing = listed_max - listed.len();
            if missing == 0 {
                break;
            }
            let seats = search.seats_of(wave).iter();
            let mut of_wave: Vec<Label> = seats.map(|seat| label(seat, wave)).collect();
            if wave.hops == 0 {
                labels.append(&mut of_wave);
                continue;
            }
            // A path goes through earlier waves only, so of the last one only what is listed counts.
            if missing < of_wave.len() {
                of_wave.select_nth_unstable_by_key(missing, |label| label.item);
                of_wave.truncate(missing);
            }
            of_wave.sort_unstable_by_key(|label| label.item);
            labels.extend(&of_wave);
            listed.append(&mut of_wave);
        }
        let again = search.again().iter();
        labels.extend(again.map(|(seat, wave)| label(seat, wave)));
        labels.sort_unstable_by_key(|label| (label.item, label.hops));
        Self {
            topology,
            weigh: Weigh::new(topology),
            pools: Pools::new(topology),
            touched: BTreeMap::new(),
            hops_max: limits.hops_max,
            listed,
            labels,
        }
    }

    pub(super) fn listed(&self) -> Vec<Label> {
        self.listed.clone()
    }

    /// The steps from an origin to a label.
    ///
    /// Of several equal ways the one counts whose last step comes from the worst harm, then from the first item,
    /// then against the arrow, then by the first relation: so it does not depend on where anything lies.
    pub(super) fn path_to(&mut self, label: &Label) -> Vec<FoundStep> {
        let mut steps = Vec::new();
        let mut at = *label;
        while 0 < at.hops
            && let Some((before, step)) = self.last_step(&at)
        {
            steps.push(step);
            at = before;
        }
        steps.reverse();
        steps
    }

    fn last_step(&mut self, to: &Label) -> Option<(Label, FoundStep)> {
        let topology = self.topology;
        let against = topology.providers_ever(to.item).map(|edge| (edge, true));
        let with = topology.dependents_ever(to.item).map(|edge| (edge, false));
        let mut best: Option<(_, Label, FoundStep)> = None;
        for (edge, against_arrow) in against.chain(with) {
            if !self.weigh.holds(edge.row, &edge.span) {
                continue;
            }
            let weight = self.weigh.weight(edge.row, &edge.span, against_arrow);
            if weight <= 0.0 {
                continue;
            }
            let from = topology.item_of(edge);
            let is_shared = against_arrow && self.pools.may_be(edge.span.kind());
            let pool = is_shared.then(|| {
                let kind = edge.span.kind();
                self.pools.of(from, to.item, kind, &mut self.weigh)
            });
            for before in self.labels_before(from, to.hops) {
                let (weight, redundancy) = match pool.flatten() {
                    Some(pool) => self.weight_of_pool(pool, &before),
                    None => (weight, None),
                };
                if (before.score * weight).to_bits() != to.score.to_bits() {
                    continue;
                }
                let rank = self.rank(&before, edge, against_arrow);
                if best.as_ref().is_none_or(|(other, _, _)| rank < *other) {
                    let step = FoundStep {
                        from,
                        row: edge.row,
                        against_arrow,
                        weight,
                        score: to.score,
                        redundancy,
                    };
                    best = Some((rank, before, step));
                }
            }
        }
        best.map(|(_, before, step)| (before, step))
    }

    /// The share of harm that got through once a label's wave had touched members of a pool.
    fn weight_of_pool(&mut self, pool: PoolIx, label: &Label) -> (f64, Option<Redundancy>) {
        if !self.touched.contains_key(&pool) {
            let touched = self.touched_of(pool);
            self.touched.insert(pool, touched);
        }
        let rank = rank_of(label);
        let touched = self.touched.get(&pool).map_or(&[][..], Vec::as_slice);
        let count = touched.partition_point(|(other, _)| *other <= rank);
        let last = count.checked_sub(1).and_then(|last| touched.get(last));
        let weight = last.map_or(0.0, |(_, weight)| *weight);
        let redundancy = self.pools.get(pool).when_touched(count);
        (weight * redundancy.share(), Some(redundancy))
    }

    fn touched_of(&self, pool: PoolIx) -> Vec<(Rank, f64)> {
        let mut touched: Vec<(Rank, f64)> = Vec::new();
        for (member, weight) in self.pools.get(pool).members() {
            let labels = self.labels_of(*member).iter();
            // Harm goes no further from where it came by as many steps as it may.
            let spread = labels.filter(|label| self.hops_max.is_none_or(|most| label.hops < most));
            touched.extend(spread.map(rank_of).min().map(|rank| (rank, *weight)));
        }
        touched.sort_unstable_by_key(|(rank, _)| *rank);
        let mut greatest = 0.0_f64;
        for (_, weight) in &mut touched {
            greatest = greatest.max(*weight);
            *weight = greatest;
        }
        touched
    }

    fn labels_of(&self, item: ItemIx) -> &[Label] {
        let first = self.labels.partition_point(|label| label.item < item);
        let end = self.labels.partition_point(|label| label.item <= item);
        self.labels.get(first..end).unwrap_or_default()
    }

    /// The labels of an item with one step less.
    fn labels_before(&self, item: ItemIx, hops: u32) -> Vec<Label> {
        let wanted = (item, hops - 1);
        let key = |label: &Label| (label.item, label.hops);
        let first = self.labels.partition_point(|label| key(label) < wanted);
        let found = self.labels.iter().skip(first);
        found
            .take_while(|label| key(label) == wanted)
            .copied()
            .collect()
    }

    fn rank(&self, before: &Label, edge: Edge, against_arrow: bool) -> impl Ord + use<> {
        let ends = self.topology.view().relations.ends(edge.row);
        (
            Reverse(before.score.to_bits()),
            before.item,
            !against_arrow,
            ends,
        )
    }
}

fn rank_of(label: &Label) -> Rank {
    (Reverse(label.score.to_bits()), label.hops)
}
