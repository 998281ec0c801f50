//! The search for the best path to every harmed item: the highest product of weights first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::BlastLimits;
use super::propagation::{Propagation, doubted};
use crate::identity::ItemIx;
use crate::relations::{Edge, RowIx};
use crate::table::NumberMap;
use crate::topology::Topology;
use crate::view::{GraphView, Relation};

/// One way to an item: the last step and the label before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    pub(super) item: ItemIx,
    pub(super) score: f64,
    pub(super) hops: u32,
    step: Option<(usize, RowIx, bool)>,
    weight: f64,
}

/// One step of a found path.
pub(super) struct FoundStep {
    pub(super) from: ItemIx,
    pub(super) row: RowIx,
    pub(super) against_arrow: bool,
    pub(super) weight: f64,
    pub(super) score: f64,
}

/// What a search found.
pub(super) struct Search {
    labels: Vec<Label>,
    /// Labels of reached items, one each, in the order in which they were reached.
    best: Vec<usize>,
    cut_short: bool,
}

struct Candidate {
    score: f64,
    hops: u32,
    item: ItemIx,
    label: usize,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    /// The greatest is the best: the highest score, then the fewest steps, then the first item.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score
            .then(other.hops.cmp(&self.hops))
            .then(other.item.cmp(&self.item))
    }
}

impl Search {
    pub(super) fn run(
        view: &GraphView,
        topology: &Topology<'_>,
        origins: &[ItemIx],
        limits: BlastLimits,
    ) -> Self {
        let mut search = Self {
            labels: Vec::new(),
            best: Vec::new(),
            cut_short: false,
        };
        let mut waiting = BinaryHeap::new();
        for origin in origins {
            search.wait(
                &mut waiting,
                Label {
                    item: *origin,
                    score: 1.0,
                    hops: 0,
                    step: None,
                    weight: 1.0,
                },
            );
        }
        // The fewest steps with which an item was left: another way to it matters only with fewer.
        let mut left_after: NumberMap<u32> = NumberMap::default();
        while let Some(next) = waiting.pop() {
            let before = left_after.get(&next.item.0).copied();
            if before.is_some_and(|hops| hops <= next.hops) {
                continue;
            }
            if before.is_none() {
                if limits.visited_max <= search.best.len() {
                    search.cut_short = true;
                    break;
                }
                search.best.push(next.label);
            }
            left_after.insert(next.item.0, next.hops);
            let spread = search.spread(view, *topology, next.label, limits);
            for label in spread {
                let known = left_after.get(&label.item.0);
                if known.is_none_or(|hops| label.hops < *hops && limits.hops_max.is_some()) {
                    search.wait(&mut waiting, label);
                }
            }
        }
        search
    }

    fn wait(&mut self, waiting: &mut BinaryHeap<Candidate>, label: Label) {
        let place = self.labels.len();
        waiting.push(Candidate {
            score: label.score,
            hops: label.hops,
            item: label.item,
            label: place,
        });
        self.labels.push(label);
    }

    /// The labels one step further.
    fn spread(
        &mut self,
        view: &GraphView,
        topology: Topology<'_>,
        place: usize,
        limits: BlastLimits,
    ) -> Vec<Label> {
        let Some(label) = self.labels.get(place).copied() else {
            return Vec::new();
        };
        let against = topology.dependents(label.item).map(|edge| (edge, true));
        let with = topology.providers(label.item).map(|edge| (edge, false));
        let mut next = Vec::new();
        for (edge, against_arrow) in against.chain(with) {
            let weight = weight(view, topology, edge, against_arrow);
            let score = label.score * weight;
            if weight <= 0.0 || score < limits.score_min {
                continue;
            }
            if limits.hops_max.is_some_and(|most| most <= label.hops) {
                break;
            }
            let step = Some((place, edge.row, against_arrow));
            next.push(Label {
                item: topology.item_of(edge),
                score,
                hops: label.hops + 1,
                step,
                weight,
            });
        }
        next
    }

    /// The best label of every reached item that is no origin.
    pub(super) fn reached(&self) -> impl Iterator<Item = &Label> {
        self.best
            .iter()
            .filter_map(|place| self.labels.get(*place))
            .filter(|label| label.step.is_some())
    }

    pub(super) fn cut_short(&self) -> bool {
        self.cut_short
    }

    /// The steps from the origin to a label.
    pub(super) fn path_to(&self, label: &Label) -> Vec<FoundStep> {
        let mut steps = Vec::new();
        let mut at = *label;
        while let Some((place, row, against_arrow)) = at.step
            && let Some(before) = self.labels.get(place).copied()
        {
            steps.push(FoundStep {
                from: before.item,
                row,
                against_arrow,
                weight: at.weight,
                score: at.score,
            });
            at = before;
        }
        steps.reverse();
        steps
    }
}

fn weight(view: &GraphView, topology: Topology<'_>, edge: Edge, against_arrow: bool) -> f64 {
    let row = view.relations.row(edge.row);
    let table = Propagation::of(view.identity.words.text(row.kind));
    let share = if against_arrow {
        table.to_dependent
    } else {
        table.to_provider
    };
    if share <= 0.0 {
        return 0.0;
    }
    let relation = Relation::of_step(view, edge.row);
    doubted(
        share,
        row.strength.get().copied(),
        relation.freshness(topology.at()),
    )
}
