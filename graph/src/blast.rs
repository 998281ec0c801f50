//! What is harmed when something is: the blast radius.
//!
//! Harm starts at the origins with a score of 1 and travels along relations, each
//! step multiplying it by the weight of the declared table ([`Propagation`]).
//! Every item is reached by its best path; a search stops at its limits and says so.
//!
//! Of several that do the same work for an item ([`Sharing`]) harm to some is a share of it: with `s` the least score
//! among the `t` worst touched of `n` members, the item gets `s` times the weight times `t / n`, and of all `t` the
//! most counts. Where the item says how many must be up (the attribute `quorum`), the share is 0 as long as that many
//! are left, and 1 from then on.

mod declared;
mod paths;
mod pools;
mod propagation;
mod search;
mod weigh;

use std::collections::BTreeMap;

use model::{AsOf, CiId};

pub use declared::{ImpactComparison, compare_impact};
pub use pools::Redundancy;
pub use propagation::{INTERCHANGEABLE, PROPAGATION, PROPAGATION_VERSION, Propagation, Sharing};
pub(crate) use weigh::Weigh;

use crate::freshness::Freshness;
use crate::identity::ItemIx;
use crate::path::{Contribution, PathStep};
use crate::relations::Seat;
use crate::topology::Topology;
use crate::view::{GraphView, Relation};
use paths::{Label, Paths};
use search::Search;

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlastLimits {
    /// How many relations harm may travel; as far as it goes when missing.
    pub hops_max: Option<u32>,
    /// How many impacts are listed, the worst first.
    pub impacts_max: usize,
    /// How many items the search looks at before it is cut short.
    pub visited_max: usize,
    /// Harm below this score is not followed further.
    pub score_min: f64,
}

/// What is harmed, the worst first.
#[derive(Clone, Debug, PartialEq)]
pub struct BlastRadius {
    /// The listed impacts; the origins themselves are not among them.
    pub impacts: Vec<Impact>,
    /// How many items are harmed in all that the search saw.
    pub total: usize,
    /// Whether the search or the list was cut short.
    pub truncated: bool,
    /// Who answers for what is harmed, the worst first.
    pub teams: Vec<TeamImpact>,
}

/// One harmed item.
#[derive(Clone, Debug, PartialEq)]
pub struct Impact {
    /// The item.
    pub item: CiId,
    /// Relations on its best path.
    pub hops: u32,
    /// How likely harm reaches it, from 0 to 1: the sum of the contributions.
    pub score: f64,
    /// The best path, from the origin to it.
    pub path: Vec<PathStep>,
    /// The path as a sentence.
    pub reason: String,
    /// How many of those that do the same work for it are touched, where there are several; of the path's last step.
    pub redundancy: Option<Redundancy>,
    /// The parts of the score: what starts at the origin and what each step takes away.
    pub contributions: Vec<Contribution>,
}

/// A team with harmed items.
#[derive(Clone, Debug, PartialEq)]
pub struct TeamImpact {
    /// The team.
    pub team: String,
    /// How many of its items are harmed.
    pub items: usize,
    /// The highest score among them.
    pub score: f64,
    /// The fewest steps to one of them.
    pub hops: u32,
}

/// What is harmed with the origins, as of a moment of valid time.
///
/// The view holds what is known; `as_of.known_at` names the position it was taken at.
pub fn blast_radius(
    view: &GraphView,
    origins: &[CiId],
    as_of: AsOf,
    limits: BlastLimits,
) -> BlastRadius {
    let at = as_of.valid_at;
    let origins: Vec<ItemIx> = origins
        .iter()
        .filter_map(|id| view.item(*id))
        .map(|item| item.item)
        .collect();
    let topology = Topology::new(view, at);
    let search = Search::run(topology, &origins, limits);
    let mut paths = Paths::new(topology, &search, limits);
    let listed = paths.listed();
    let impacts: Vec<Impact> = listed
        .iter()
        .map(|label| impact(view, &mut paths, label, as_of))
        .collect();
    let total = search.total();
    BlastRadius {
        truncated: search.cut_short() || impacts.len() < total,
        total,
        impacts,
        teams: teams(topology, &search),
    }
}

fn impact(view: &GraphView, paths: &mut Paths<'_>, label: &Label, as_of: AsOf) -> Impact {
    let mut contributions = Vec::new();
    let mut path = Vec::new();
    let mut sentence = String::new();
    let mut before = 1.0;
    let mut redundancy = None;
    for step in paths.path_to(label) {
        let from = view.item_at(step.from);
        if path.is_empty() {
            contributions.push(Contribution {
                signal: "origin".to_owned(),
                value: Some(1.0),
                contribution: 1.0,
                explanation: format!("{} is harmed", from.key()),
            });
        }
        let relation = Relation::of_step(view, step.row);
        let said = phrase(&relation, step.against_arrow);
        redundancy = step.redundancy;
        let of_several = redundancy.map(|redundancy| redundancy.said());
        let freshness = relation.freshness(as_of.valid_at);
        contributions.push(Contribution {
            signal: "step".to_owned(),
            value: Some(step.weight),
            contribution: step.score - before,
            explanation: format!(
                "{said}: {:.0} % of it gets through{}{}",
                step.weight * 100.0,
                of_several
                    .as_ref()
                    .map_or_else(String::new, |said| format!(", {said}")),
                doubt(freshness)
            ),
        });
        if !sentence.is_empty() {
            sentence.push_str(", ");
        }
        sentence.push_str(&said);
        if let Some(said) = of_several {
            sentence.push_str(&format!(" ({said})"));
        }
        before = step.score;
        path.push(PathStep::of(&relation, step.against_arrow));
    }
    Impact {
        item: view.item_at(label.item).id(),
        hops: label.hops,
        score: contributions.iter().map(|part| part.contribution).sum(),
        path,
        reason: sentence,
        redundancy,
        contributions,
    }
}

/// One step as people say it.
pub(crate) fn phrase(relation: &Relation<'_>, against_arrow: bool) -> String {
    let (dependent, provider) = (relation.dependent().key(), relation.provider().key());
    let kind = relation.kind().replace('_', " ");
    if against_arrow {
        format!("{dependent} {kind} {provider}")
    } else {
        format!("{provider} gets what {dependent} {kind} it")
    }
}

fn doubt(freshness: Freshness) -> &'static str {
    match freshness {
        Freshness::Confirmed => "",
        Freshness::Ageing => ", the relation is ageing",
        Freshness::Unconfirmed => ", the relation is unconfirmed",
        Freshness::Closed => ", the relation is closed",
    }
}

/// Who answers for the item that has a seat; most searches meet many of which nobody said anything.
fn owner(topology: Topology<'_>, seat: Seat) -> Option<&str> {
    let view = topology.view();
    let mut is_described = false;
    view.relations
        .each_seat_of_item(&view.identity, seat, |seat| {
            let mention = view.relations.mention_at(seat);
            is_described |= view.facts.get(mention.0 as usize).is_some();
        });
    is_described
        .then(|| view.item_at(topology.item_at(seat)).owner())
        .flatten()
}

fn teams(topology: Topology<'_>, search: &Search) -> Vec<TeamImpact> {
    let mut by_team: BTreeMap<&str, TeamImpact> = BTreeMap::new();
    for wave in search.waves().iter().filter(|wave| 0 < wave.hops) {
        for seat in search.seats_of(wave) {
            let Some(owner) = owner(topology, *seat) else {
                continue;
            };
            let team = by_team.entry(owner).or_insert_with(|| TeamImpact {
                team: owner.to_owned(),
                items: 0,
                score: 0.0,
                hops: u32::MAX,
            });
            team.items += 1;
            team.score = team.score.max(wave.score);
            team.hops = team.hops.min(wave.hops);
        }
    }
    let mut teams: Vec<TeamImpact> = by_team.into_values().collect();
    teams.sort_by(|one, other| {
        other
            .score
            .total_cmp(&one.score)
            .then_with(|| one.team.cmp(&other.team))
    });
    teams
}
