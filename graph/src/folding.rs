//! Folds changes that are one act: parts under their plan, changes of one key, mass restarts of one minute.
//!
//! A fold hides nothing and changes nothing that is kept: one change stands for the others in an answer,
//! and they are counted and named beside it.

use std::collections::{BTreeMap, BTreeSet};

use model::{ChangeId, Timestamp};

use crate::changes::{ChangeIx, Row};
use crate::intern::WordIx;
use crate::view::{ChangeRow, GraphView};

/// So many changes of one minute, source, operator and kind are one act.
const MASS_LEAST: usize = 20;

const MINUTE_NANOS: i64 = 60_000_000_000;

/// Why changes stand as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoldReason {
    /// They are parts of one change.
    OnePlan,
    /// Their platform knows them by one key: a commit, an operation, an order.
    OneKey,
    /// Very many of one source, operator and kind began in one minute.
    OneMinute,
}

/// A change that stands for others.
#[derive(Clone, Debug)]
pub struct FoldedChange<'v> {
    /// The plan they are parts of, if it is among them; else the first of them.
    pub change: ChangeRow<'v>,
    /// The others, in their order.
    pub others: Vec<ChangeRow<'v>>,
    /// Why they stand as one; nothing where there are no others.
    pub reason: Option<FoldReason>,
}

/// A list of changes after folding.
#[derive(Clone, Debug)]
pub struct Folds<'v> {
    /// The changes, each in the place of the first of its fold.
    pub changes: Vec<FoldedChange<'v>>,
    /// How many changes were folded away.
    pub folded: usize,
    /// Whether there were more changes than may be looked at.
    pub truncated: bool,
}

/// What the changes of one fold have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FoldKey<'v> {
    Plan(ChangeId),
    Act(WordIx, &'v str),
    Minute(Start),
}

/// How very many changes may begin alike: source, kind, operator, minute.
type Start = (WordIx, Option<WordIx>, Option<WordIx>, i64);

/// The keys of a set of changes.
pub(crate) struct FoldKeys<'v> {
    view: &'v GraphView,
    /// The plans of which parts are in the set, as far as they are known themselves.
    plans: BTreeMap<ChangeIx, ChangeId>,
    /// What very many of the set began alike.
    masses: BTreeSet<Start>,
}

impl FoldKey<'_> {
    pub(crate) fn reason(&self) -> FoldReason {
        match self {
            Self::Plan(_) => FoldReason::OnePlan,
            Self::Act(..) => FoldReason::OneKey,
            Self::Minute(_) => FoldReason::OneMinute,
        }
    }
}

impl<'v> FoldKeys<'v> {
    /// Finds what some changes have in common.
    pub(crate) fn among(
        view: &'v GraphView,
        changes: impl Iterator<Item = ChangeIx> + Clone,
    ) -> Self {
        let plans = changes.clone().filter_map(|change| {
            let plan = plan_of(view, view.changes.row(change))?;
            Some((view.changes.find(plan)?, plan))
        });
        Self {
            view,
            plans: plans.collect(),
            masses: masses(view, changes),
        }
    }

    /// What a change has in common with others, if anything.
    pub(crate) fn of(&self, change: ChangeIx) -> Option<FoldKey<'v>> {
        let row = self.view.changes.row(change);
        let plan = plan_of(self.view, row).or_else(|| self.plans.get(&change).copied());
        if let Some(plan) = plan {
            return Some(FoldKey::Plan(plan));
        }
        let more = row.more.as_deref();
        if let Some(key) = more.and_then(|more| more.fold_key.get()) {
            return Some(FoldKey::Act(row.source, key));
        }
        if self.masses.is_empty() {
            return None;
        }
        let start = start_of(row);
        let is_mass = self.masses.contains(&start);
        is_mass.then_some(FoldKey::Minute(start))
    }
}

/// The plan that a change says it is a part of.
fn plan_of(view: &GraphView, row: &Row) -> Option<ChangeId> {
    let words = &view.identity.words;
    let mut links = row.links();
    let part_of = links.find(|link| words.text(link.kind) == "part_of")?;
    Some(part_of.id(words))
}

/// How so many of some changes began that they are one act. Only what began in a crowded minute is compared in full.
fn masses(view: &GraphView, changes: impl Iterator<Item = ChangeIx> + Clone) -> BTreeSet<Start> {
    let minute_of = |change| minute(view.changes.row(change).start());
    let mut minutes: Vec<i64> = changes.clone().map(minute_of).collect();
    minutes.sort_unstable();
    let alike = minutes.chunk_by(|one, next| one == next);
    let crowded: BTreeSet<i64> = alike
        .filter(|alike| MASS_LEAST <= alike.len())
        .filter_map(|alike| alike.first().copied())
        .collect();
    if crowded.is_empty() {
        return BTreeSet::new();
    }
    let mut starts: BTreeMap<Start, usize> = BTreeMap::new();
    for change in changes.filter(|change| crowded.contains(&minute_of(*change))) {
        *starts
            .entry(start_of(view.changes.row(change)))
            .or_default() += 1;
    }
    starts.retain(|_, count| MASS_LEAST <= *count);
    starts.into_keys().collect()
}

fn start_of(row: &Row) -> Start {
    let minute = minute(row.start());
    (row.source, row.kind(), row.operator(), minute)
}

fn minute(at: Timestamp) -> i64 {
    at.unix_nanos().div_euclid(MINUTE_NANOS)
}

/// Folds a list of changes, in their order, as far as `changes_max` of them go.
pub fn fold_changes<'v>(
    view: &'v GraphView,
    changes: impl Iterator<Item = ChangeRow<'v>>,
    changes_max: usize,
) -> Folds<'v> {
    let mut changes = changes;
    let listed: Vec<ChangeRow<'v>> = changes.by_ref().take(changes_max).collect();
    let truncated = changes.next().is_some();
    let keys = FoldKeys::among(view, listed.iter().map(ChangeRow::index));
    let mut places: BTreeMap<FoldKey<'v>, usize> = BTreeMap::new();
    let mut folds: Vec<FoldedChange<'v>> = Vec::new();
    for change in &listed {
        let alone = FoldedChange {
            change: *change,
            others: Vec::new(),
            reason: None,
        };
        let Some(key) = keys.of(change.index()) else {
            folds.push(alone);
            continue;
        };
        let place = *places.entry(key.clone()).or_insert(folds.len());
        match folds.get_mut(place) {
            Some(fold) => fold.take(*change, &key),
            None => folds.push(alone),
        }
    }
    Folds {
        folded: listed.len() - folds.len(),
        changes: folds,
        truncated,
    }
}

impl<'v> FoldedChange<'v> {
    fn take(&mut self, change: ChangeRow<'v>, key: &FoldKey<'v>) {
        self.reason = Some(key.reason());
        match key {
            FoldKey::Plan(plan) if change.id() == *plan => {
                self.others
                    .push(std::mem::replace(&mut self.change, change));
            }
            FoldKey::Plan(_) | FoldKey::Act(..) | FoldKey::Minute(_) => self.others.push(change),
        }
    }
}
