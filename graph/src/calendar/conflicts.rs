//! Which other changes get in the way of one: those that overlap in time and touch, harm or lie
//! under the same items, at any distance, with the way.

use std::collections::BTreeMap;

use model::{AsOf, CiId, Timestamp};

use super::AskedChange;
use crate::blast::{BlastLimits, BlastRadius, Impact, blast_radius};
use crate::path::PathStep;
use crate::view::{ChangeRow, GraphView, Item};

/// How long before the planned time a change may have been planned to begin that still goes on.
const BEFORE_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// How two changes meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// They touch the same item.
    SameItem,
    /// Harm from this one reaches what the other touches.
    Reaches,
    /// Harm from the other reaches what this one touches.
    ReachedBy,
    /// Harm from both reaches the same item.
    Shared,
}

/// A change that overlaps another in time and in what it may harm.
#[derive(Clone, Debug)]
pub struct Conflict<'v> {
    /// The other change.
    pub change: ChangeRow<'v>,
    /// How they meet.
    pub kind: ConflictKind,
    /// Where they meet.
    pub item: CiId,
    /// The way from a target of this change to where they meet.
    pub path: Vec<PathStep>,
    /// The way from a target of the other.
    pub other_path: Vec<PathStep>,
}

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConflictLimits {
    /// How many other changes are looked at, those first that begin last.
    pub changes_max: usize,
    /// How far harm is followed from each change, and how much of it is compared.
    pub radius: BlastLimits,
}

/// The changes that get in the way of one.
#[derive(Clone, Debug)]
pub struct Conflicts<'v> {
    /// Each with how it meets; the same item first.
    pub conflicts: Vec<Conflict<'v>>,
    /// How many changes overlap in time.
    pub overlapping: usize,
    /// Whether there were more of them than are looked at, or a radius was cut short.
    pub truncated: bool,
}

/// The changes that overlap one in time and in what they may harm.
pub fn conflicts<'v>(
    view: &'v GraphView,
    asked: &AskedChange,
    as_of: AsOf,
    limits: ConflictLimits,
) -> Conflicts<'v> {
    let own = || blast_radius(view, &asked.targets, as_of, limits.radius);
    conflicts_within(view, asked, as_of, limits, own)
}

/// The same where the caller knows what the change may harm, within the same limits.
pub(crate) fn conflicts_within<'v>(
    view: &'v GraphView,
    asked: &AskedChange,
    as_of: AsOf,
    limits: ConflictLimits,
    own: impl FnOnce() -> BlastRadius,
) -> Conflicts<'v> {
    let mut others = overlapping(view, asked);
    let mut found = Conflicts {
        conflicts: Vec::new(),
        overlapping: others.len(),
        truncated: limits.changes_max < others.len(),
    };
    others.truncate(limits.changes_max);
    if others.is_empty() {
        return found;
    }
    let own = Harm::of(&asked.targets, own());
    found.truncated |= own.truncated;
    for other in others {
        let targets: Vec<CiId> = other.items().iter().map(Item::id).collect();
        if let Some(conflict) = direct(&own, other, &targets) {
            found.conflicts.push(conflict);
            continue;
        }
        let radius = blast_radius(view, &targets, as_of, limits.radius);
        let others = Harm::of(&targets, radius);
        found.truncated |= others.truncated;
        found
            .conflicts
            .extend(indirect(&own, &others, other, asked));
    }
    found
        .conflicts
        .sort_by_key(|it| (it.kind, it.path.len() + it.other_path.len()));
    found
}

/// The changes that overlap in time, the last to begin first.
fn overlapping<'v>(view: &'v GraphView, asked: &AskedChange) -> Vec<ChangeRow<'v>> {
    let since = asked.start.plus_millis(-BEFORE_MS);
    let until = asked.finish.plus_nanos(1);
    let going_on = view.changes.going_on_at(asked.start);
    let mut numbers: Vec<_> = view.changes.between(since, until).chain(going_on).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let rows = numbers
        .into_iter()
        .map(|change| ChangeRow::new(view, change));
    let mut others: Vec<ChangeRow<'v>> = rows.filter(|change| overlaps(change, asked)).collect();
    others.sort_by_key(|change| (std::cmp::Reverse(change.started_at()), change.id()));
    others
}

fn overlaps(change: &ChangeRow<'_>, asked: &AskedChange) -> bool {
    let is_itself = asked.change.as_ref() == Some(&change.reference());
    let start = change.started_at();
    let goes_on = change.status().goes_on() && change.finished_at().is_none();
    let planned = change.planned_finish_at().unwrap_or(start);
    let end = match change.finished_at() {
        _ if goes_on => Timestamp::MAX,
        Some(finished) => finished,
        None => planned,
    };
    let is_off = change.status().came_to_nothing();
    !is_itself && !is_off && start <= asked.finish && asked.start <= end
}

/// What a change may harm, by item.
struct Harm {
    impacts: BTreeMap<CiId, Impact>,
    targets: Vec<CiId>,
    truncated: bool,
}

impl Harm {
    fn of(targets: &[CiId], radius: BlastRadius) -> Self {
        Self {
            truncated: radius.truncated,
            impacts: radius.impacts.into_iter().map(|it| (it.item, it)).collect(),
            targets: targets.to_vec(),
        }
    }

    fn path_to(&self, item: CiId) -> Vec<PathStep> {
        self.impacts
            .get(&item)
            .map_or_else(Vec::new, |impact| impact.path.clone())
    }
}

/// Whether they touch the same item, or this one reaches what the other touches.
fn direct<'v>(own: &Harm, change: ChangeRow<'v>, targets: &[CiId]) -> Option<Conflict<'v>> {
    let same = targets.iter().find(|target| own.targets.contains(target));
    let reached = targets
        .iter()
        .filter(|target| own.impacts.contains_key(target));
    let nearest = reached.min_by_key(|target| own.path_to(**target).len());
    let (kind, item) = match (same, nearest) {
        (Some(same), _) => (ConflictKind::SameItem, *same),
        (None, Some(nearest)) => (ConflictKind::Reaches, *nearest),
        (None, None) => return None,
    };
    Some(Conflict {
        change,
        kind,
        item,
        path: own.path_to(item),
        other_path: Vec::new(),
    })
}

/// Whether the other reaches what this one touches, or both reach the same item.
fn indirect<'v>(
    own: &Harm,
    others: &Harm,
    change: ChangeRow<'v>,
    asked: &AskedChange,
) -> Option<Conflict<'v>> {
    let steps = |item: &CiId| own.path_to(*item).len() + others.path_to(*item).len();
    let touched = asked
        .targets
        .iter()
        .filter(|item| others.impacts.contains_key(item));
    let shared = own
        .impacts
        .keys()
        .filter(|item| others.impacts.contains_key(item));
    let (kind, item) = match touched.min_by_key(|item| steps(item)) {
        Some(item) => (ConflictKind::ReachedBy, item),
        None => (ConflictKind::Shared, shared.min_by_key(|item| steps(item))?),
    };
    Some(Conflict {
        change,
        kind,
        item: *item,
        path: own.path_to(*item),
        other_path: others.path_to(*item),
    })
}
