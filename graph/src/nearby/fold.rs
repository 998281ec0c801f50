//! Which suspects are listed: of changes that are one act, the most suspect stands for the others.

use std::collections::{BTreeMap, BTreeSet};

use super::signals::{Suspect, Suspects};
use crate::folding::{FoldKey, FoldKeys, FoldReason};
use crate::view::GraphView;

/// Others that are named by id.
const OTHERS_MAX: usize = 1_000;

/// A suspect that is listed, and those it stands for.
pub(super) struct Listed<'s> {
    pub(super) suspect: &'s Suspect,
    pub(super) others: Vec<&'s Suspect>,
    pub(super) others_count: usize,
    pub(super) reason: Option<FoldReason>,
}

/// The most suspect ones, each fold once.
pub(super) fn listed<'s>(
    view: &GraphView,
    suspects: &'s Suspects<'_>,
    first: usize,
) -> Vec<Listed<'s>> {
    let keys = FoldKeys::among(view, suspects.changes());
    let mut size = first.saturating_add(first / 2).max(8);
    loop {
        let best = suspects.best(size);
        let was_all = best.len() < size;
        let listed = fold(&keys, best, first);
        // Too few are left once the others are folded away: look further down.
        if was_all || first <= listed.len() {
            return with_all_others(&keys, suspects, listed);
        }
        size = size.saturating_mul(4);
    }
}

fn fold<'s, 'v>(
    keys: &FoldKeys<'v>,
    best: Vec<&'s Suspect>,
    first: usize,
) -> Vec<(Listed<'s>, Option<FoldKey<'v>>)> {
    let mut seen: BTreeSet<FoldKey<'v>> = BTreeSet::new();
    let mut listed = Vec::new();
    for suspect in best {
        if listed.len() == first {
            break;
        }
        let key = keys.of(suspect.change);
        if let Some(key) = &key
            && !seen.insert(key.clone())
        {
            continue;
        }
        let alone = Listed {
            suspect,
            others: Vec::new(),
            others_count: 0,
            reason: None,
        };
        listed.push((alone, key));
    }
    listed
}

/// Names everything that the listed ones stand for, whether or not it was looked at to list them.
fn with_all_others<'s, 'v>(
    keys: &FoldKeys<'v>,
    suspects: &'s Suspects<'_>,
    listed: Vec<(Listed<'s>, Option<FoldKey<'v>>)>,
) -> Vec<Listed<'s>> {
    let mut places: BTreeMap<FoldKey<'v>, usize> = BTreeMap::new();
    let mut all: Vec<Listed<'s>> = Vec::with_capacity(listed.len());
    for (one, key) in listed {
        if let Some(key) = key {
            places.insert(key, all.len());
        }
        all.push(one);
    }
    if places.is_empty() {
        return all;
    }
    for suspect in suspects.all() {
        let Some(key) = keys.of(suspect.change) else {
            continue;
        };
        let Some(one) = places.get(&key).and_then(|place| all.get_mut(*place)) else {
            continue;
        };
        if one.suspect.change == suspect.change {
            continue;
        }
        one.others_count += 1;
        one.reason = Some(key.reason());
        if one.others.len() < OTHERS_MAX {
            one.others.push(suspect);
        }
    }
    all
}
