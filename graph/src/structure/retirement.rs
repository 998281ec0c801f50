//! Does anything still need this? What speaks against retiring an item, and what it all comes to.

use model::Timestamp;

use super::climb::{ClimbLimits, contents};
use super::dependencies::containment_kinds;
use crate::freshness::Freshness;
use crate::view::{ChangeRow, Item, Relation};

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetirementLimits {
    /// How many relations, items and changes are listed, each.
    pub listed_max: usize,
}

/// What all findings come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetirementVerdict {
    /// Nothing that is known needs it.
    Free,
    /// What is known is old, or it still shows signs of life.
    Unclear,
    /// Something needs it.
    Needed,
}

/// One reason, and how much it weighs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetirementReason {
    /// What it comes to by itself.
    pub verdict: RetirementVerdict,
    /// Its stable name.
    pub code: &'static str,
    /// The same in words.
    pub sentence: String,
}

/// What speaks for and against retiring an item.
#[derive(Clone, Debug)]
pub struct RetirementCheck<'v> {
    /// The item.
    pub item: Item<'v>,
    /// The gravest of the reasons.
    pub verdict: RetirementVerdict,
    /// The reasons, the gravest first.
    pub reasons: Vec<RetirementReason>,
    /// Relations by which others need it, the surest first.
    pub needed_by: Vec<Relation<'v>>,
    /// Items it contains.
    pub contents: Vec<Item<'v>>,
    /// Changes that are planned or under way.
    pub changes: Vec<ChangeRow<'v>>,
    /// The last moment any source speaks of.
    pub last_seen_at: Option<Timestamp>,
    /// Whether one of the lists was cut short.
    pub truncated: bool,
}

/// Whether anything still needs an item at a moment.
pub fn retirement_check(
    item: Item<'_>,
    at: Timestamp,
    limits: RetirementLimits,
) -> RetirementCheck<'_> {
    let mut needed_by = dependents(item, at);
    let limit = ClimbLimits {
        depth_max: 16,
        items_max: limits.listed_max,
    };
    let climb = contents(item, at, limit);
    let inside: Vec<Item<'_>> = climb.reached.iter().map(|one| one.item).collect();
    let inside: Vec<Item<'_>> = inside.into_iter().filter(|one| one.exists_at(at)).collect();
    let mut changes: Vec<ChangeRow<'_>> = item.changes();
    changes.retain(|change| is_ahead(change, at));
    let mut check = RetirementCheck {
        item,
        verdict: RetirementVerdict::Free,
        reasons: reasons(item, at, &needed_by, &inside, &changes),
        truncated: climb.truncated
            || limits.listed_max < needed_by.len()
            || limits.listed_max < changes.len(),
        needed_by: Vec::new(),
        contents: inside,
        changes: Vec::new(),
        last_seen_at: item.seen().map(|seen| seen.1),
    };
    needed_by.truncate(limits.listed_max);
    changes.truncate(limits.listed_max);
    (check.needed_by, check.changes) = (needed_by, changes);
    check
        .reasons
        .sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
    check.verdict = check
        .reasons
        .first()
        .map_or(RetirementVerdict::Free, |reason| reason.verdict);
    check
}

/// Who needs it, the surest first; what only says where it belongs is no need.
fn dependents(item: Item<'_>, at: Timestamp) -> Vec<Relation<'_>> {
    let containment = containment_kinds(item.view);
    let words = &item.view.identity.words;
    let mut relations = item.used_by(at);
    relations.retain(|relation| {
        let kind = words.find(relation.kind());
        kind.is_some_and(|kind| !containment.contains(&kind)) && relation.dependent() != item
    });
    relations.sort_by_key(|relation| relation.freshness(at));
    relations
}

fn reasons(
    item: Item<'_>,
    at: Timestamp,
    needed_by: &[Relation<'_>],
    inside: &[Item<'_>],
    changes: &[ChangeRow<'_>],
) -> Vec<RetirementReason> {
    let mut reasons = Vec::new();
    let mut add = |verdict, code, sentence: String| {
        reasons.push(RetirementReason {
            verdict,
            code,
            sentence,
        });
    };
    let is_sure = |relation: &&Relation<'_>| {
        let freshness = relation.freshness(at);
        matches!(freshness, Freshness::Confirmed | Freshness::Ageing)
    };
    let sure: Vec<&Relation<'_>> = needed_by.iter().filter(is_sure).collect();
    if let Some(first) = sure.first() {
        let sentence = format!("{} items need it, such as {}", sure.len(), told(first));
        add(RetirementVerdict::Needed, "STILL_USED", sentence);
    }
    let doubtful = needed_by.len() - sure.len();
    if let Some(last) = needed_by.last().filter(|_| 0 < doubtful) {
        let sentence = format!(
            "{doubtful} relations to it were not confirmed lately, such as {}, last seen {}",
            told(last),
            last.last_seen_at()
        );
        add(RetirementVerdict::Unclear, "USE_UNCONFIRMED", sentence);
    }
    if let Some(first) = inside.first() {
        let sentence = format!(
            "it contains {} items, such as {}",
            inside.len(),
            first.key()
        );
        add(RetirementVerdict::Needed, "CONTAINS_ITEMS", sentence);
    }
    if let Some(first) = changes.first() {
        let sentence = format!(
            "{} changes to it are planned or under way, such as {:?}",
            changes.len(),
            first.title()
        );
        add(RetirementVerdict::Needed, "CHANGES_AHEAD", sentence);
    }
    let own = item.sighted_at(at);
    if own && item.freshness(at) != Freshness::Closed {
        let seen = item
            .seen()
            .map_or(String::new(), |seen| format!(", last at {}", seen.1));
        let sentence = format!(
            "it is still seen at work by {}{seen}",
            item.sources().join(", ")
        );
        add(RetirementVerdict::Unclear, "STILL_SEEN", sentence);
    }
    if item.freshness(at) == Freshness::Closed {
        add(
            RetirementVerdict::Free,
            "ENDED",
            "it has ended already".to_owned(),
        );
    }
    if needed_by.is_empty() {
        let sentence =
            "no relation says that anything needs it; what no source reports is not known"
                .to_owned();
        add(RetirementVerdict::Free, "NOT_USED", sentence);
    }
    reasons
}

fn told(relation: &Relation<'_>) -> String {
    format!(
        "{} {} it",
        relation.dependent().key(),
        relation.kind().replace('_', " ")
    )
}

fn is_ahead(change: &ChangeRow<'_>, at: Timestamp) -> bool {
    let is_through = change.finished_at().is_some_and(|finished| finished <= at);
    !change.status().is_over() && !is_through
}
