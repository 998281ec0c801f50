//! Where the harm that an item shows may come from: against the way harm travels, a few steps, the likeliest first.
#![expect(
    clippy::indexing_slicing,
    reason = "a place is a number this search gave out itself"
)]

use std::collections::BTreeMap;
use std::ops::Range;

use model::{Harm, Timestamp};

use super::rules::GROUPING;
use crate::blast::Weigh;
use crate::identity::ItemIx;
use crate::relations::RowIx;
use crate::topology::Topology;
use crate::view::GraphView;

/// One relation, and whether harm crosses it against the arrow.
pub(crate) type Step = (RowIx, bool);

/// An item from which harm may have come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) item: ItemIx,
    /// The share of harm that gets from it to what shows the symptom.
    pub(crate) harm: f64,
    /// The next on the way to the symptom, and the relation between; none where the symptom shows.
    next: Option<(usize, Step)>,
}

/// Every item from which the harm to one incident may have come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    all: Vec<Origin>,
    best: BTreeMap<ItemIx, usize>,
    /// Whether there were more than are kept.
    pub(crate) cut_short: bool,
}

/// Searches one after the other, with what they share.
pub(crate) struct Finder<'v> {
    view: &'v GraphView,
    ways_of: BTreeMap<ItemIx, Range<usize>>,
    ways: Vec<Way>,
    harms: BTreeMap<&'v str, Harm>,
}

/// A relation by which harm may come to an item.
#[derive(Clone, Copy, Debug)]
struct Way {
    from: ItemIx,
    step: Step,
}

/// How harm would come from an item by one step more.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    harm: f64,
    next: usize,
    step: Step,
}

impl Origins {
    /// The likeliest way from each item, in no order of meaning.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Origin> {
        self.best.values().map(|place| &self.all[*place])
    }

    pub(crate) fn of(&self, item: ItemIx) -> Option<&Origin> {
        self.best.get(&item).map(|place| &self.all[*place])
    }

    /// The item that harm from an origin comes to first; none where the origin shows the symptom itself.
    pub(crate) fn first_harmed(&self, origin: &Origin) -> Option<ItemIx> {
        origin.next.map(|(place, _)| self.all[place].item)
    }

    /// The way of harm from an item to the one that shows the symptom, which comes last.
    pub(crate) fn way_from(&self, item: ItemIx) -> (Vec<Step>, ItemIx) {
        let mut steps = Vec::new();
        let mut origin = self.of(item);
        let mut end = item;
        while let Some(here) = origin {
            end = here.item;
            origin = here.next.map(|(place, step)| {
                steps.push(step);
                &self.all[place]
            });
        }
        (steps, end)
    }
}

impl<'v> Finder<'v> {
    pub(crate) fn new(view: &'v GraphView) -> Self {
        Self {
            view,
            ways_of: BTreeMap::new(),
            ways: Vec::new(),
            harms: BTreeMap::new(),
        }
    }

    pub(crate) fn view(&self) -> &'v GraphView {
        self.view
    }

    /// From where harm may have come to items at a moment.
    pub(crate) fn origins(&mut self, items: &[ItemIx], at: Timestamp) -> Origins {
        let mut weigh = self.weigh(at);
        let mut found = Origins::default();
        for item in items {
            found.add(*item, 1.0, None);
        }
        let mut fresh = 0..found.all.len();
        for _ in 0..GROUPING.hops_max {
            let mut reached: BTreeMap<ItemIx, Candidate> = BTreeMap::new();
            for place in fresh.clone() {
                self.spread(&found, place, &mut weigh, &mut reached);
            }
            let first = found.all.len();
            for (item, candidate) in self.kept(&mut found, reached) {
                found.add(item, candidate.harm, Some((candidate.next, candidate.step)));
            }
            fresh = first..found.all.len();
        }
        found
    }

    /// How many items harm to one comes to directly at a moment.
    pub(crate) fn harmed_directly(&self, item: ItemIx, at: Timestamp) -> usize {
        let topology = Topology::new(self.view, at);
        let mut weigh = Weigh::new(topology);
        let mut harmed: Vec<ItemIx> = Vec::new();
        let dependents = topology.dependents_ever(item).map(|edge| (edge, true));
        let providers = topology.providers_ever(item).map(|edge| (edge, false));
        for (edge, against_arrow) in dependents.chain(providers) {
            let holds = weigh.holds(edge.row, &edge.span);
            if holds && GROUPING.harm_min <= weigh.weight(edge.row, &edge.span, against_arrow) {
                harmed.push(topology.item_of(edge));
            }
        }
        harmed.sort_unstable();
        harmed.dedup();
        harmed.len()
    }

    fn weigh(&mut self, at: Timestamp) -> Weigh<'v> {
        let harms = self.view.kinds.harms(at);
        if harms != self.harms {
            self.harms = harms;
            self.ways_of.clear();
            self.ways.clear();
        }
        Weigh::new(Topology::new(self.view, at))
    }

    /// Lets harm come to an origin by one step more.
    fn spread(
        &mut self,
        found: &Origins,
        place: usize,
        weigh: &mut Weigh<'v>,
        reached: &mut BTreeMap<ItemIx, Candidate>,
    ) {
        let here = found.all[place];
        for number in self.ways_to(here.item, weigh) {
            let Way { from, step } = self.ways[number];
            let span = self.view.relations.span(step.0);
            if !weigh.holds(step.0, span) {
                continue;
            }
            let harm = here.harm * weigh.weight(step.0, span, step.1);
            let known = found.of(from).map_or(0.0, |origin| origin.harm);
            if harm < GROUPING.harm_min || harm <= known {
                continue;
            }
            let candidate = Candidate {
                harm,
                next: place,
                step,
            };
            let kept = reached.entry(from).or_insert(candidate);
            let better = harm.total_cmp(&kept.harm).then_with(|| {
                let by_name = |one: &Candidate| self.name_of(found, one);
                by_name(kept).cmp(&by_name(&candidate))
            });
            if better.is_gt() {
                *kept = candidate;
            }
        }
    }

    /// What of equal ways the same one is chosen by, wherever they lie.
    fn name_of(&self, found: &Origins, candidate: &Candidate) -> (model::CiId, &'v str, bool) {
        let (row, against_arrow) = candidate.step;
        let next = self.view.item_at(found.all[candidate.next].item).id();
        let kind = self.view.relations.ends(row).kind;
        (next, self.view.identity.words.text(kind), against_arrow)
    }

    /// The likeliest as far as there is room, in order of item.
    fn kept(
        &self,
        found: &mut Origins,
        reached: BTreeMap<ItemIx, Candidate>,
    ) -> Vec<(ItemIx, Candidate)> {
        let mut reached: Vec<(ItemIx, Candidate)> = reached.into_iter().collect();
        let room = GROUPING.origins_max.saturating_sub(found.best.len());
        if room < reached.len() {
            reached.sort_by_cached_key(|(item, candidate)| {
                let least_first = std::cmp::Reverse(candidate.harm.to_bits());
                (least_first, self.view.item_at(*item).id())
            });
            reached.truncate(room);
            found.cut_short = true;
        }
        reached
    }

    fn ways_to(&mut self, item: ItemIx, weigh: &mut Weigh<'v>) -> Range<usize> {
        if let Some(known) = self.ways_of.get(&item) {
            return known.clone();
        }
        let topology = Topology::new(self.view, Timestamp::MIN);
        let providers = topology.providers_ever(item).map(|edge| (edge, true));
        let dependents = topology.dependents_ever(item).map(|edge| (edge, false));
        let first = self.ways.len();
        for (edge, against_arrow) in providers.chain(dependents) {
            let from = topology.item_of(edge);
            if from != item && 0.0 < weigh.share(edge.span.kind(), against_arrow) {
                self.ways.push(Way {
                    from,
                    step: (edge.row, against_arrow),
                });
            }
        }
        let ways = first..self.ways.len();
        self.ways_of.insert(item, ways.clone());
        ways
    }
}

impl Origins {
    /// Adds an origin, unless a likelier way from it is known.
    fn add(&mut self, item: ItemIx, harm: f64, next: Option<(usize, Step)>) {
        if self.of(item).is_some_and(|known| harm <= known.harm) {
            return;
        }
        self.best.insert(item, self.all.len());
        self.all.push(Origin { item, harm, next });
    }
}
