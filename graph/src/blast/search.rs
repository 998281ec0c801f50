//! The search for the best path to every harmed item: the highest product of weights first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::BlastLimits;
use super::propagation::{Propagation, doubted};
use crate::freshness::Freshness;
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::relations::{Edge, RowIx};
use crate::table::Pages;
use crate::topology::Topology;
use crate::view::{GraphView, Relation};

/// One way to an item: the last step and the label before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    pub(super) item: ItemIx,
    pub(super) score: f64,
    pub(super) hops: u32,
    step: Option<Step>,
}

/// The last step to an item.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The label it left from.
    before: u32,
    row: RowIx,
    against_arrow: bool,
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
    best: Vec<u32>,
    cut_short: bool,
}

struct Candidate {
    score: f64,
    hops: u32,
    item: ItemIx,
    label: u32,
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

/// What is known of an item while the search runs.
#[derive(Clone, Copy)]
struct Known {
    /// The best label that waits or has been left.
    score: f64,
    hops: u32,
    /// The fewest steps with which it was left: another way matters only with fewer.
    left_after: u32,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            score: -1.0,
            hops: u32::MAX,
            left_after: u32::MAX,
        }
    }
}

/// A search under way.
struct Running<'v> {
    topology: Topology<'v>,
    limits: BlastLimits,
    labels: Vec<Label>,
    waiting: BinaryHeap<Candidate>,
    known: Pages<Known>,
    shares: Shares,
}

impl Search {
    pub(super) fn run(topology: Topology<'_>, origins: &[ItemIx], limits: BlastLimits) -> Self {
        let mut running = Running {
            topology,
            limits,
            labels: Vec::new(),
            waiting: BinaryHeap::new(),
            known: Pages::default(),
            shares: Shares::default(),
        };
        for origin in origins {
            running.wait(Label {
                item: *origin,
                score: 1.0,
                hops: 0,
                step: None,
            });
        }
        let mut best = Vec::new();
        let mut cut_short = false;
        while let Some(next) = running.waiting.pop() {
            let known = running.known.get_mut(next.item.0 as usize);
            let before = known.left_after;
            if before <= next.hops {
                continue;
            }
            known.left_after = next.hops;
            if before == u32::MAX {
                if limits.visited_max <= best.len() {
                    cut_short = true;
                    break;
                }
                best.push(next.label);
            }
            if limits.hops_max.is_none_or(|most| next.hops < most) {
                running.spread(next.label);
            }
        }
        Self {
            labels: running.labels,
            best,
            cut_short,
        }
    }

    /// The best label of every reached item that is no origin.
    pub(super) fn reached(&self) -> impl Iterator<Item = &Label> {
        self.best
            .iter()
            .filter_map(|place| self.labels.get(*place as usize))
            .filter(|label| label.step.is_some())
    }

    pub(super) fn cut_short(&self) -> bool {
        self.cut_short
    }

    /// The steps from the origin to a label.
    pub(super) fn path_to(&self, label: &Label) -> Vec<FoundStep> {
        let mut steps = Vec::new();
        let mut at = *label;
        while let Some(step) = at.step
            && let Some(before) = self.labels.get(step.before as usize).copied()
        {
            steps.push(FoundStep {
                from: before.item,
                row: step.row,
                against_arrow: step.against_arrow,
                weight: at.score / before.score,
                score: at.score,
            });
            at = before;
        }
        steps.reverse();
        steps
    }
}

impl Running<'_> {
    /// Lets a label wait unless one that is at least as good waits or has been left.
    fn wait(&mut self, label: Label) {
        let known = self.known.get_mut(label.item.0 as usize);
        let fewer_steps_matter = self.limits.hops_max.is_some();
        if label.score <= known.score && (known.hops <= label.hops || !fewer_steps_matter) {
            return;
        }
        if known.score < label.score {
            (known.score, known.hops) = (label.score, label.hops);
        }
        let place = u32::try_from(self.labels.len()).expect("fewer labels than fit in memory");
        let (score, hops, item) = (label.score, label.hops, label.item);
        self.waiting.push(Candidate {
            score,
            hops,
            item,
            label: place,
        });
        self.labels.push(label);
    }

    /// Goes one step further from a label.
    fn spread(&mut self, place: u32) {
        let Some(label) = self.labels.get(place as usize).copied() else {
            return;
        };
        let topology = self.topology;
        let against = topology
            .dependents_ever(label.item)
            .map(|edge| (edge, true));
        let with = topology
            .providers_ever(label.item)
            .map(|edge| (edge, false));
        for (edge, against_arrow) in against.chain(with) {
            let weight = self.shares.weight(topology, edge, against_arrow);
            let score = label.score * weight;
            if weight <= 0.0 || score < self.limits.score_min {
                continue;
            }
            let step = Some(Step {
                before: place,
                row: edge.row,
                against_arrow,
            });
            let hops = label.hops + 1;
            self.wait(Label {
                item: topology.item_of(edge),
                score,
                hops,
                step,
            });
        }
    }
}

/// The table's rows by relation kind as this view numbers them, looked up once a search.
#[derive(Default)]
struct Shares {
    known: Pages<Option<(f64, f64)>>,
}

impl Shares {
    fn of(&mut self, view: &GraphView, kind: WordIx, against_arrow: bool) -> f64 {
        let known = self.known.get_mut(kind.number() as usize);
        let (to_dependent, to_provider) = *known.get_or_insert_with(|| {
            let row = Propagation::of(view.identity.words.text(kind));
            (row.to_dependent, row.to_provider)
        });
        if against_arrow {
            to_dependent
        } else {
            to_provider
        }
    }

    fn weight(&mut self, topology: Topology<'_>, edge: Edge, against_arrow: bool) -> f64 {
        let share = self.of(topology.view(), edge.kind, against_arrow);
        if share <= 0.0 {
            return 0.0;
        }
        let Some(hold) = topology.hold(edge) else {
            return 0.0;
        };
        let freshness = if hold.fades {
            Relation::of_step(topology.view(), edge.row).freshness(topology.at())
        } else {
            Freshness::Confirmed
        };
        doubted(share, hold.strength, freshness)
    }
}
