//! How far the estate can be believed: what is missing of it, counted, with the first examples.

use std::collections::{BTreeMap, BTreeSet};

use model::{CiId, Timestamp};

use super::drift::{DriftFilter, drift};
use super::grouping::ItemGroups;
use super::responsible::owner_of;
use crate::anomalies::Anomaly;
use crate::freshness::{Freshness, HalfLife};
use crate::mention::{ReadKey, UNKNOWN_KIND};
use crate::view::{GraphView, Item};

/// Kinds that order other items; nobody expects them to have owners and levels.
const FRAMES: [&str; 7] = [
    "environment",
    "team",
    "zone",
    "region",
    "room",
    "rack",
    UNKNOWN_KIND,
];

/// So many items of a kind tell what is usual for it.
const USUAL_MIN: usize = 4;

/// What may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QualityIssue {
    /// Nobody answers for it: neither it nor anything that contains it has an owner.
    Ownerless,
    /// It is known only by names in other schemes, or by one source where two are usual for its kind.
    Unmatched,
    /// It was reported from time to time and no longer is, but nobody said that it ended.
    Stale,
    /// What it declares to need and what it is seen to need differ.
    Drifting,
    /// A name of it could mean several items.
    Contested,
    /// Nobody said how much depends on it.
    WithoutCriticality,
}

/// Every issue, in the order in which it is told.
pub const QUALITY_ISSUES: [QualityIssue; 6] = [
    QualityIssue::Ownerless,
    QualityIssue::Unmatched,
    QualityIssue::Stale,
    QualityIssue::Drifting,
    QualityIssue::Contested,
    QualityIssue::WithoutCriticality,
];

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QualityLimits {
    /// How many examples of each issue are shown.
    pub examples_max: usize,
    /// How many kinds and teams are listed of each issue.
    pub groups_max: usize,
    /// How many relations are looked at for drift.
    pub visited_max: usize,
}

/// One issue with all that have it.
#[derive(Clone, Debug)]
pub struct QualityFinding<'v> {
    /// The issue.
    pub issue: QualityIssue,
    /// How many items have it.
    pub total: usize,
    /// Of how many items that could have it.
    pub of: usize,
    /// By kind, the most first.
    pub by_kind: ItemGroups,
    /// By the team that answers for them, the most first.
    pub by_owner: ItemGroups,
    /// The first in order of key, each with the reason in words.
    pub examples: Vec<(Item<'v>, String)>,
}

/// How far the estate can be believed.
#[derive(Clone, Debug)]
pub struct DataQuality<'v> {
    /// How many items exist.
    pub items: usize,
    /// Every issue.
    pub findings: Vec<QualityFinding<'v>>,
    /// Whether relations were left that nobody looked at.
    pub truncated: bool,
}

/// How far the estate can be believed at a moment.
pub fn data_quality(view: &GraphView, at: Timestamp, limits: QualityLimits) -> DataQuality<'_> {
    let drifts = drift(view, at, &DriftFilter::default(), limits.visited_max);
    let drifting = drifts
        .drifts
        .iter()
        .map(|one| (one.relation.dependent().item, one.reason.clone()));
    let judge = Judge {
        at,
        drifting: drifting.rev().collect(),
        contested: contested(view),
        matched_kinds: matched_kinds(view, at),
    };
    let mut items = 0;
    let mut found: BTreeMap<QualityIssue, (usize, Vec<(Item<'_>, String)>)> = BTreeMap::new();
    for item in view.items() {
        items += usize::from(item.exists_at(at));
        for issue in QUALITY_ISSUES {
            if !judge.concerns(issue, item) {
                continue;
            }
            let (of, having) = found.entry(issue).or_default();
            *of += 1;
            having.extend(judge.reason(issue, item).map(|reason| (item, reason)));
        }
    }
    let mut take = |issue| found.remove(&issue).unwrap_or_default();
    DataQuality {
        items,
        findings: QUALITY_ISSUES
            .into_iter()
            .map(|issue| finding(issue, take(issue), at, limits))
            .collect(),
        truncated: drifts.truncated,
    }
}

fn finding(
    issue: QualityIssue,
    (of, mut having): (usize, Vec<(Item<'_>, String)>),
    at: Timestamp,
    limits: QualityLimits,
) -> QualityFinding<'_> {
    let total = having.len();
    let kinds = having.iter().map(|(item, _)| Some(item.kind()));
    let by_kind = ItemGroups::count(kinds, limits.groups_max);
    let owners = having.iter().map(|(item, _)| owner_of(*item, at));
    let by_owner = ItemGroups::count(owners, limits.groups_max);
    having.sort_by_cached_key(|(item, _)| item.key());
    having.truncate(limits.examples_max);
    QualityFinding {
        issue,
        total,
        of,
        by_kind,
        by_owner,
        examples: having,
    }
}

struct Judge {
    at: Timestamp,
    drifting: BTreeMap<crate::identity::ItemIx, String>,
    contested: BTreeMap<crate::identity::ItemIx, String>,
    /// Kinds of which most items are known by two sources.
    matched_kinds: BTreeSet<String>,
}

impl Judge {
    /// Whether an item could have an issue at all.
    fn concerns(&self, issue: QualityIssue, item: Item<'_>) -> bool {
        match issue {
            QualityIssue::Stale => lasts(item),
            QualityIssue::Ownerless | QualityIssue::WithoutCriticality => {
                lasts(item) && !FRAMES.contains(&item.kind()) && item.exists_at(self.at)
            }
            QualityIssue::Unmatched | QualityIssue::Drifting | QualityIssue::Contested => {
                item.exists_at(self.at)
            }
        }
    }

    /// Why an item has an issue, if it has.
    fn reason(&self, issue: QualityIssue, item: Item<'_>) -> Option<String> {
        match issue {
            QualityIssue::Ownerless => owner_of(item, self.at)
                .is_none()
                .then(|| "neither it nor anything that contains it has an owner".to_owned()),
            QualityIssue::Unmatched => self.unmatched(item),
            QualityIssue::Stale => self.stale(item),
            QualityIssue::Drifting => self.drifting.get(&item.item).cloned(),
            QualityIssue::Contested => self.contested.get(&item.item).cloned(),
            QualityIssue::WithoutCriticality => match item.criticality() {
                None => Some("nobody said how much depends on it".to_owned()),
                Some(_) if item.criticality_level().is_some() => None,
                Some(word) => Some(format!("nobody knows what criticality {word:?} means")),
            },
        }
    }

    fn unmatched(&self, item: Item<'_>) -> Option<String> {
        if item.kind() == UNKNOWN_KIND {
            return Some("only a name in another scheme is known of it".to_owned());
        }
        let sources = item.sources();
        let [only] = sources.as_slice() else {
            return None;
        };
        self.matched_kinds.contains(item.kind()).then(|| {
            format!("only {only} speaks of it, while most of its kind are known by several sources")
        })
    }

    fn stale(&self, item: Item<'_>) -> Option<String> {
        let seen = item
            .seen()
            .map_or(String::new(), |seen| format!(" since {}", seen.1));
        match item.freshness(self.at) {
            Freshness::Confirmed | Freshness::Ageing => None,
            Freshness::Unconfirmed => Some(format!("nobody has confirmed it{seen}")),
            Freshness::Closed => {
                let mut facts = item.facts();
                facts
                    .any(|facts| facts.validity.faded_at(self.at))
                    .then(|| format!("nobody has seen it{seen}, and nobody said that it ended"))
            }
        }
    }
}

/// Whether an item is of a kind that does not come and go by the minute.
fn lasts(item: Item<'_>) -> bool {
    HalfLife::of([item.kind()]) != HalfLife::least()
}

/// Kinds of which most items are known by two sources or more.
fn matched_kinds(view: &GraphView, at: Timestamp) -> BTreeSet<String> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for item in view.items().filter(|item| item.exists_at(at)) {
        let (all, matched) = counts.entry(item.kind()).or_default();
        *all += 1;
        *matched += usize::from(1 < item.sources().len());
    }
    let usual = counts
        .into_iter()
        .filter(|(_, (all, matched))| USUAL_MIN <= *all && *all < 2 * matched);
    usual.map(|(kind, _)| kind.to_owned()).collect()
}

/// Items with a name that could mean several.
fn contested(view: &GraphView) -> BTreeMap<crate::identity::ItemIx, String> {
    let mut contested = BTreeMap::new();
    for anomaly in view.anomalies() {
        let items = match &anomaly {
            Anomaly::AmbiguousKey { key, .. } => std::slice::from_ref(key),
            Anomaly::ContestedName { items, .. } => items.as_slice(),
            _ => continue,
        };
        for key in items {
            let id: CiId = ReadKey::read(&model::SourceKey::text(key.as_str())).id();
            if let Some(item) = view.item(id) {
                contested.insert(item.item, anomaly.sentence());
            }
        }
    }
    contested
}
