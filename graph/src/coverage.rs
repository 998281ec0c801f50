//! What an answer cannot see: unknown names, items nobody reports changes for, silent sources, gaps.

use std::collections::BTreeSet;

use model::{CiId, Timestamp};

use crate::freshness::Freshness;
use crate::identity::ItemIx;
use crate::sources::SourceRow;
use crate::topology::Topology;
use crate::view::GraphView;

/// How many of the nearest items the coverage looks at.
const NEAREST_MAX: usize = 64;
/// How many relations around them.
const RELATIONS_MAX: usize = 512;
/// How many entries each list holds.
const LISTED_MAX: usize = 20;

/// What an answer cannot see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Entries of the question that mean no item.
    pub unknown_items: Vec<String>,
    /// How many of the nearest items were never touched by any known change.
    pub items_without_source: usize,
    /// Sources that have been quiet for much longer than is usual for them.
    pub silent_sources: Vec<String>,
    /// The same and more as sentences.
    pub gaps: Vec<String>,
}

/// What a coverage is about.
pub(crate) struct Surroundings<'a> {
    /// Items around the affected ones, the nearest first.
    pub(crate) nearest: &'a [ItemIx],
    pub(crate) unknown: &'a [String],
    pub(crate) since: Timestamp,
    pub(crate) at: Timestamp,
}

/// What is known to be missing of the whole estate between two moments.
pub fn coverage(view: &GraphView, since: Timestamp, at: Timestamp) -> Coverage {
    coverage_of(
        view,
        &Surroundings {
            nearest: &[],
            unknown: &[],
            since,
            at,
        },
    )
}

/// What is known to be missing around some items between two moments; `unknown` are keys that mean none.
pub fn coverage_around(
    view: &GraphView,
    items: &[CiId],
    unknown: &[String],
    since: Timestamp,
    at: Timestamp,
) -> Coverage {
    let topology = Topology::new(view, at);
    let origins = items.iter().filter_map(|item| view.item(*item));
    let mut nearest: Vec<ItemIx> = origins.map(|item| item.item).collect();
    let own = nearest.len();
    for place in 0..own {
        let Some(item) = nearest.get(place).copied() else {
            break;
        };
        let edges = topology.providers(item).chain(topology.dependents(item));
        nearest.extend(edges.map(|edge| topology.item_of(edge)));
        if NEAREST_MAX < nearest.len() {
            break;
        }
    }
    // The items themselves first, each once.
    let mut seen = BTreeSet::new();
    nearest.retain(|item| seen.insert(*item));
    coverage_of(
        view,
        &Surroundings {
            nearest: &nearest,
            unknown,
            since,
            at,
        },
    )
}

pub(crate) fn coverage_of(view: &GraphView, around: &Surroundings<'_>) -> Coverage {
    let nearest = around.nearest.get(..NEAREST_MAX).unwrap_or(around.nearest);
    let unchanged = nearest
        .iter()
        .filter(|item| never_changed(view, **item))
        .count();
    let mut gaps: Vec<String> = Vec::new();
    gaps.extend(
        around
            .unknown
            .iter()
            .map(|key| format!("nothing is known of {key}")),
    );
    if 0 < unchanged {
        let all = nearest.len();
        gaps.push(format!(
            "no change was ever reported for {unchanged} of the {all} nearest items"
        ));
    }
    let silent: Vec<(&String, &SourceRow)> = view
        .sources()
        .iter()
        .filter(|(_, source)| source.silent_since(around.at).is_some())
        .collect();
    gaps.extend(
        silent
            .iter()
            .map(|(name, source)| format!("{name} is silent since {}", source.recorded_at)),
    );
    if view.is_outdated() {
        gaps.push("a source was retracted or restored and is not left out yet: the state is being made anew".to_owned());
    }
    for (source, until) in view.retractions().standing() {
        gaps.push(format!(
            "what {source} said of the time until {until} is retracted"
        ));
    }
    gaps.extend(observation_gaps(view, around));
    gaps.extend(unconfirmed(view, nearest, around.at));
    gaps.truncate(LISTED_MAX);
    Coverage {
        unknown_items: around.unknown.to_vec(),
        items_without_source: unchanged,
        silent_sources: silent
            .iter()
            .take(LISTED_MAX)
            .map(|(name, _)| (*name).clone())
            .collect(),
        gaps,
    }
}

fn never_changed(view: &GraphView, item: ItemIx) -> bool {
    let mut members = view.identity.item(item).members.iter();
    members.all(|member| view.changes.of_target(*member).is_empty())
}

fn observation_gaps<'v>(
    view: &'v GraphView,
    around: &Surroundings<'_>,
) -> impl Iterator<Item = String> + use<'v> {
    let (since, at) = (around.since, around.at);
    let overlapping = view.gaps().filter(move |gap| {
        gap.window.from() <= at && gap.window.until().is_none_or(|until| since < until)
    });
    overlapping.take(LISTED_MAX).map(|gap| {
        let until = gap
            .window
            .until()
            .map_or_else(|| "now".to_owned(), |until| until.to_string());
        format!(
            "observations of {} from {} to {until} are lost: {}",
            gap.source,
            gap.window.from(),
            gap.reason
        )
    })
}

/// One sentence on relations around the nearest items that nobody has confirmed lately.
fn unconfirmed(view: &GraphView, nearest: &[ItemIx], at: Timestamp) -> Option<String> {
    let relations: Vec<_> = nearest
        .iter()
        .flat_map(|item| view.item_at(*item).depends_on(at))
        .take(RELATIONS_MAX)
        .collect();
    let doubtful: Vec<_> = relations
        .iter()
        .filter(|one| one.freshness(at) == Freshness::Unconfirmed)
        .collect();
    let first = doubtful.first()?;
    Some(format!(
        "{} of {} relations around the affected items were not confirmed lately, such as {} -> {}",
        doubtful.len(),
        relations.len(),
        first.dependent().key(),
        first.provider().key(),
    ))
}
