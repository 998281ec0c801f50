//! Measures of change work: how often changes go well, who makes them, how long they take, what is covered.
//!
//! Every share stands with its parts and with what is not known; a number without them is easily believed too much.

mod gather;
mod keys;

use std::collections::{BTreeMap, BTreeSet};

use model::{ChangeStatus, Timestamp, Verdict};

use crate::identity::ItemIx;
use crate::view::{ChangeRow, GraphView};
use gather::Gathered;
pub(crate) use gather::{End, end};
use keys::Keys;

/// By what changes are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureBy {
    /// The platform that made them.
    Platform,
    /// Their scene, with its platform.
    Scene,
    /// The team that answers for what they touch; a change may count for several.
    Team,
    /// Their kind.
    Kind,
    /// Their level of control.
    Level,
    /// Who carried them out.
    Operator,
    /// What they touch; a change may count for several.
    Item,
    /// The business that what they touch is contained in; a change may count for several.
    Business,
}

/// What is asked, and its limits.
#[derive(Clone, Copy, Debug)]
pub struct MeasureQuestion {
    /// The first moment in which a change begins that counts.
    pub from: Timestamp,
    /// The first moment in which one no longer counts.
    pub until: Timestamp,
    /// By what they are put together, if by anything.
    pub by: Option<MeasureBy>,
    /// How many groups are listed, those of most changes first.
    pub groups_max: usize,
    /// How many changes are looked at, the newest first.
    pub changes_max: usize,
}

/// A share with its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub part: usize,
    /// Of how many.
    pub whole: usize,
    /// Of how many more nobody can say.
    pub unknown: usize,
}

impl Share {
    /// The share itself, from 0 to 1; nothing of nothing.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of changes are far below 2^52"
    )]
    pub fn value(self) -> Option<f64> {
        (0 < self.whole).then(|| self.part as f64 / self.whole as f64)
    }
}

/// How well checks found what was there, as people judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckMeasures {
    /// Checks of which a result is known.
    pub results: usize,
    /// Those judged right, of those judged right or wrong; unknown are the others.
    pub accuracy: Share,
    /// Of those that warned or stopped and were judged, how many were wrong.
    pub false_alarms: Share,
    /// Of those that passed and were judged, how many were wrong.
    pub missed: Share,
    /// Of the changes that an enforcing check stopped, how many were given up or taken back; unknown are those not over.
    pub effective_blocks: Share,
}

/// The measures of some changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures {
    /// How many they are.
    pub changes: usize,
    /// How many stand where.
    pub by_status: BTreeMap<ChangeStatus, usize>,
    /// Those that went as intended and were not taken back, of those that ended.
    pub success: Share,
    /// Those that failed or ran out of time, of those that ended.
    pub failure: Share,
    /// Those that were taken back, as they say or as another change says, of those that ended.
    pub rollback: Share,
    /// Those that were given up, of those that ended.
    pub cancel: Share,
    /// Those of which no platform ever said where they stand: what was told is taken for done.
    pub assumed_done: usize,
    /// Those that a machine carried out, of those of which it is known.
    pub automation: Share,
    /// The median of their durations in milliseconds.
    pub median_duration_ms: Option<f64>,
    /// Those of which a start and an end are stated, of all.
    pub timed: Share,
    /// Those that began later than planned, of those of which both are stated.
    pub late: Share,
    /// Those that began earlier than planned, of those of which both are stated.
    pub early: Share,
    /// Those that were through later than planned, of those of which both are stated.
    pub overran: Share,
    /// Those that jumped the queue, of those of which it is known.
    pub emergency: Share,
    /// Incidents that people say they caused.
    pub incidents_caused: usize,
    /// Their checks.
    pub checks: CheckMeasures,
}

/// The measures of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasureGroup {
    /// What they have in common; nothing for those of which it is not known.
    pub key: Option<String>,
    /// Their measures.
    pub measures: Measures,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeMeasures {
    /// The measures of all of them.
    pub whole: Measures,
    /// Their groups, those of most changes first.
    pub groups: Vec<MeasureGroup>,
    /// How many groups there are.
    pub groups_total: usize,
    /// Items that some change of the time touched, of those that exist at its end.
    pub items_covered: Share,
    /// Registered platforms that made some change of the time; unknown are platforms nobody registered.
    pub platforms_covered: Share,
    /// Incidents of the time of which people named a change as the cause; unknown are those nobody judged.
    pub incidents_linked: Share,
    /// Whether older changes were left out.
    pub truncated: bool,
    /// What the numbers cannot see, as sentences.
    pub blind: Vec<String>,
}

/// Measures changes that begin in a time, the newest first as they come.
pub fn change_measures<'v>(
    view: &'v GraphView,
    changes: impl Iterator<Item = ChangeRow<'v>>,
    question: MeasureQuestion,
) -> ChangeMeasures {
    let mut whole = Gathered::default();
    let mut groups: BTreeMap<Option<String>, Gathered> = BTreeMap::new();
    let mut keys = Keys::new(question.by, question.until);
    let mut touched: BTreeSet<ItemIx> = BTreeSet::new();
    let mut platforms: BTreeSet<&str> = BTreeSet::new();
    let mut truncated = false;
    for (looked_at, change) in changes.enumerate() {
        if looked_at == question.changes_max {
            truncated = true;
            break;
        }
        let items = change.items();
        touched.extend(items.iter().map(|item| item.item));
        platforms.insert(change.source());
        whole.take(&change);
        for key in keys.of(&change, &items) {
            groups.entry(key).or_default().take(&change);
        }
    }
    let groups_total = groups.len();
    let mut groups: Vec<MeasureGroup> = groups
        .into_iter()
        .map(|(key, gathered)| MeasureGroup {
            key,
            measures: gathered.measures(),
        })
        .collect();
    groups.sort_by(|one, other| {
        let order = |it: &MeasureGroup| std::cmp::Reverse(it.measures.changes);
        order(one)
            .cmp(&order(other))
            .then_with(|| one.key.cmp(&other.key))
    });
    groups.truncate(question.groups_max);
    let mut answer = ChangeMeasures {
        whole: whole.measures(),
        groups,
        groups_total,
        items_covered: items_covered(view, &touched, question.until),
        platforms_covered: platforms_covered(view, &platforms, question.until),
        incidents_linked: incidents_linked(view, question),
        truncated,
        blind: Vec::new(),
    };
    answer.blind = blind(view, &answer, question);
    answer
}

fn items_covered(view: &GraphView, touched: &BTreeSet<ItemIx>, at: Timestamp) -> Share {
    let existing = view.items().filter(|item| item.exists_at(at));
    let mut share = Share::default();
    for item in existing {
        share.whole += 1;
        share.part += usize::from(touched.contains(&item.item));
    }
    share
}

fn platforms_covered(view: &GraphView, seen: &BTreeSet<&str>, at: Timestamp) -> Share {
    let kinds = view.kinds().at(at);
    let model = kinds.changes();
    let registered = model.platforms().map(|platform| platform.name.as_str());
    let mut share = Share::default();
    for name in registered {
        share.whole += 1;
        share.part += usize::from(seen.contains(name));
    }
    let unregistered = seen.iter().filter(|name| model.platform(name).is_none());
    share.unknown = unregistered.count();
    share
}

fn incidents_linked(view: &GraphView, question: MeasureQuestion) -> Share {
    let mut judged: BTreeMap<_, bool> = BTreeMap::new();
    for (_, incident, verdict) in view.verdicts() {
        *judged.entry(incident).or_default() |= verdict == Verdict::Cause;
    }
    let mut share = Share::default();
    let of_time = view.incidents_unsorted().filter(|incident| {
        let began = incident.started_at();
        question.from <= began && began < question.until
    });
    for incident in of_time {
        share.whole += 1;
        match judged.get(&incident.id()) {
            Some(true) => share.part += 1,
            Some(false) => {}
            None => share.unknown += 1,
        }
    }
    share
}

/// What the numbers cannot see.
fn blind(view: &GraphView, answer: &ChangeMeasures, question: MeasureQuestion) -> Vec<String> {
    let mut told = Vec::new();
    let whole = &answer.whole;
    let mut tell = |count: usize, sentence: String| {
        if 0 < count {
            told.push(sentence);
        }
    };
    let all = whole.changes;
    let (silent, unknown) = (whole.assumed_done, whole.automation.unknown);
    tell(
        silent,
        format!("of {silent} of {all} changes nobody said how they ended; they are taken for done"),
    );
    tell(
        unknown,
        format!(
            "of {unknown} of {all} changes nobody said whether a person or a machine made them"
        ),
    );
    let untimed = whole.timed.unknown;
    tell(
        untimed,
        format!(
            "of {untimed} of {all} changes no start and end are stated, so the median leaves them out"
        ),
    );
    let unjudged = whole.checks.accuracy.unknown;
    tell(
        unjudged,
        format!(
            "{unjudged} of {} results of checks were never judged",
            whole.checks.results
        ),
    );
    let uncovered = answer.items_covered.whole - answer.items_covered.part;
    tell(
        uncovered,
        format!(
            "{uncovered} of {} items were touched by no known change of the time",
            answer.items_covered.whole
        ),
    );
    let unregistered = answer.platforms_covered.unknown;
    tell(
        unregistered,
        format!("{unregistered} platforms made changes and are not registered"),
    );
    let unlinked = answer.incidents_linked.unknown;
    tell(
        unlinked,
        format!(
            "of {unlinked} of {} incidents nobody judged a cause",
            answer.incidents_linked.whole
        ),
    );
    if answer.truncated {
        told.push(format!(
            "only the newest {} changes were looked at",
            question.changes_max
        ));
    }
    let coverage = crate::coverage::coverage(view, question.from, question.until);
    told.extend(coverage.gaps);
    told
}
