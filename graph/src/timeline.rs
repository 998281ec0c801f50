//! What happened around some items, on one axis of time: changes, incidents, deviations and topology.

use std::collections::{BTreeMap, BTreeSet};

use model::{ChangeStatus, CiId, Timestamp, ValidInterval};

use crate::changes::items_around;
use crate::deviations::DeviationRow;
use crate::structure::Towards;
use crate::view::{ChangeRow, GraphView, IncidentRow, Item, Relation};

/// Targets of a change that its sentence names.
const NAMED_MAX: usize = 3;

/// What happened. At one moment, in this order: what ends comes before what begins because of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happened {
    /// A change began.
    ChangeBegan,
    /// One wave of a gradual change began.
    BatchBegan,
    /// A change was through, in whatever way.
    ChangeEnded,
    /// An item was there from now on.
    ItemAppeared,
    /// An item was there no more.
    ItemDisappeared,
    /// A relation held from now on.
    RelationAppeared,
    /// A relation held no more.
    RelationDisappeared,
    /// A measure left its baseline.
    DeviationBegan,
    /// A measure was back at its baseline.
    DeviationEnded,
    /// An incident began.
    IncidentBegan,
    /// An incident was over.
    IncidentEnded,
}

/// What an entry is about.
#[derive(Clone, Debug)]
pub enum TimelineSubject<'v> {
    /// The item itself.
    Item,
    /// A relation of the item.
    Relation(Relation<'v>),
    /// A change that touches the item; of a batch with its index.
    Change(ChangeRow<'v>, Option<u32>),
    /// An incident on the item.
    Incident(IncidentRow<'v>),
    /// A measure of the item, or of a relation of it.
    Deviation(Option<Relation<'v>>, &'v DeviationRow),
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct TimelineEntry<'v> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub happened: Happened,
    /// The nearest of the items asked about or around them that it concerns.
    pub item: Item<'v>,
    /// How many relations lie between that item and those asked about.
    pub hops: u32,
    /// What it is about.
    pub subject: TimelineSubject<'v>,
    /// A sentence for people.
    pub sentence: String,
}

/// Around what, from when to when, and of what sort.
#[derive(Clone, Debug)]
pub struct TimelineQuestion {
    /// The items in the middle.
    pub items: Vec<CiId>,
    /// Which way to go from them.
    pub towards: Towards,
    /// How many relations to go.
    pub hops_max: u32,
    /// The moment whose relations are followed.
    pub around_at: Timestamp,
    /// The first moment told.
    pub from: Timestamp,
    /// The last moment told.
    pub until: Timestamp,
    /// Only what happened so; all when empty.
    pub wanted: Vec<Happened>,
}

/// How much is looked at and given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelineLimits {
    /// Most items.
    pub items_max: usize,
    /// Most relations of one item.
    pub relations_max: usize,
    /// Most entries given back, the newest.
    pub first: usize,
}

/// What happened, the oldest first.
#[derive(Clone, Debug)]
pub struct Timeline<'v> {
    /// The newest entries, the oldest of them first.
    pub entries: Vec<TimelineEntry<'v>>,
    /// How many there are.
    pub total: usize,
    /// How many items were looked at.
    pub items: usize,
    /// Whether there were more items or relations than are looked at, or more entries than are given back.
    pub truncated: bool,
}

/// What happened around items between two moments, both included.
pub fn timeline<'v>(
    view: &'v GraphView,
    question: &TimelineQuestion,
    limits: TimelineLimits,
) -> Timeline<'v> {
    let (items, more_items) = surroundings(view, question, limits.items_max);
    let mut told = Told {
        question,
        entries: Vec::new(),
        changes: BTreeSet::new(),
        relations: BTreeSet::new(),
        measured: BTreeSet::new(),
        truncated: more_items,
    };
    for (hops, item) in &items {
        told.item(*item, *hops);
        told.relations(*item, *hops, limits.relations_max);
        for change in item.changes() {
            told.change(*item, *hops, change);
        }
    }
    told.incidents(view, &items);
    let mut entries = told.entries;
    entries.sort_by(|one, other| {
        let order = (one.at, one.happened, one.hops).cmp(&(other.at, other.happened, other.hops));
        order.then_with(|| one.sentence.cmp(&other.sentence))
    });
    let total = entries.len();
    Timeline {
        entries: entries.split_off(total.saturating_sub(limits.first)),
        total,
        items: items.len(),
        truncated: told.truncated || limits.first < total,
    }
}

/// The items asked about and those around them with their distance, the nearest first, and whether there are more.
fn surroundings<'v>(
    view: &'v GraphView,
    question: &TimelineQuestion,
    items_max: usize,
) -> (Vec<(u32, Item<'v>)>, bool) {
    let mut found: BTreeMap<CiId, u32> = BTreeMap::new();
    let mut truncated = false;
    for hops in 0..=question.hops_max {
        let (towards, at) = (question.towards, question.around_at);
        let reached = items_around(view, &question.items, towards, hops, at, items_max);
        for id in reached.items {
            found.entry(id).or_insert(hops);
        }
        truncated = reached.truncated;
        if truncated {
            break;
        }
    }
    let mut items: Vec<(u32, Item<'v>)> = found
        .into_iter()
        .filter_map(|(id, hops)| Some((hops, view.item(id)?)))
        .collect();
    items.sort_by_key(|(hops, item)| (*hops, item.id()));
    (items, truncated)
}

/// The entries found so far, and what has been told already.
struct Told<'v, 'q> {
    question: &'q TimelineQuestion,
    entries: Vec<TimelineEntry<'v>>,
    changes: BTreeSet<model::ChangeId>,
    relations: BTreeSet<(CiId, CiId, &'v str)>,
    /// Measures of relations, told once whatever the kinds that hold between the two.
    measured: BTreeSet<(CiId, CiId, &'v str, Timestamp)>,
    truncated: bool,
}

impl<'v> Told<'v, '_> {
    /// Takes an entry if its moment and sort are asked for.
    fn tell(
        &mut self,
        (at, happened): (Option<Timestamp>, Happened),
        (item, hops): (Item<'v>, u32),
        subject: TimelineSubject<'v>,
        sentence: impl FnOnce() -> String,
    ) {
        let Some(at) = at else { return };
        let wanted = &self.question.wanted;
        let in_time = self.question.from <= at && at <= self.question.until;
        if in_time && (wanted.is_empty() || wanted.contains(&happened)) {
            self.entries.push(TimelineEntry {
                at,
                happened,
                item,
                hops,
                subject,
                sentence: sentence(),
            });
        }
    }

    fn item(&mut self, item: Item<'v>, hops: u32) {
        for (from, until) in united(item.intervals()) {
            let appeared = (Some(from), Happened::ItemAppeared);
            self.tell(appeared, (item, hops), TimelineSubject::Item, || {
                format!("{} appeared", item.key())
            });
            let gone = (until, Happened::ItemDisappeared);
            self.tell(gone, (item, hops), TimelineSubject::Item, || {
                format!("{} disappeared", item.key())
            });
        }
        for row in item.deviations() {
            self.deviation(item, hops, None, row);
        }
    }

    fn relations(&mut self, item: Item<'v>, hops: u32, most: usize) {
        let relations = item.relations_ever(most);
        self.truncated |= most <= relations.len();
        for relation in relations {
            let ends = (relation.dependent(), relation.provider());
            let key = (ends.0.id(), ends.1.id(), relation.kind());
            if !self.relations.insert(key) {
                continue;
            }
            let said = || {
                let (dependent, provider) = (ends.0.key(), ends.1.key());
                format!("{dependent} {} {provider}", relation.kind())
            };
            for (from, until) in united(relation.intervals()) {
                let subject = || TimelineSubject::Relation(relation.clone());
                let appeared = (Some(from), Happened::RelationAppeared);
                let sentence = || format!("{} from now on", said());
                self.tell(appeared, (item, hops), subject(), sentence);
                let gone = (until, Happened::RelationDisappeared);
                let sentence = || format!("{} no more", said());
                self.tell(gone, (item, hops), subject(), sentence);
            }
            for row in relation.deviations() {
                if self.measured.insert((key.0, key.1, &row.metric, row.from)) {
                    self.deviation(item, hops, Some(&relation), row);
                }
            }
        }
    }

    fn deviation(
        &mut self,
        item: Item<'v>,
        hops: u32,
        relation: Option<&Relation<'v>>,
        row: &'v DeviationRow,
    ) {
        let of = || match relation {
            Some(relation) => {
                let (dependent, provider) = (relation.dependent().key(), relation.provider().key());
                format!("{dependent} -> {provider}")
            }
            None => item.key(),
        };
        let subject = || TimelineSubject::Deviation(relation.cloned(), row);
        let began = (Some(row.from), Happened::DeviationBegan);
        self.tell(began, (item, hops), subject(), || {
            let (value, baseline) = (row.value, row.baseline);
            format!(
                "{} of {} went to {value}, usual is {baseline}",
                row.metric,
                of()
            )
        });
        let ended = (row.until, Happened::DeviationEnded);
        self.tell(ended, (item, hops), subject(), || {
            format!(
                "{} of {} had been {} until here",
                row.metric,
                of(),
                row.value
            )
        });
    }

    fn change(&mut self, item: Item<'v>, hops: u32, change: ChangeRow<'v>) {
        let begins_late = self.question.until < change.started_at();
        if begins_late || !self.changes.insert(change.id()) {
            return;
        }
        let (title, status) = (change.title(), change.status());
        let whole = || TimelineSubject::Change(change, None);
        let began = (!status.is_ahead()).then(|| change.started_at());
        let began = (began, Happened::ChangeBegan);
        self.tell(began, (item, hops), whole(), || {
            format!("{title} began on {}", listed(&change.items()))
        });
        for batch in change.batches() {
            let began = (batch.started_at, Happened::BatchBegan);
            let subject = TimelineSubject::Change(change, Some(batch.index));
            self.tell(began, (item, hops), subject, || {
                let touched: Vec<Item<'v>> = batch.targets.iter().map(|it| it.item).collect();
                let on = match touched.is_empty() {
                    true => String::new(),
                    false => format!(" on {}", listed(&touched)),
                };
                format!("{title}: batch {} began{on}", batch.index)
            });
        }
        let ended = (change.finished_at(), Happened::ChangeEnded);
        self.tell(ended, (item, hops), whole(), || {
            format!("{title} ended: {}", written(status))
        });
    }

    /// Incidents on the items, each told once, of the nearest of its items.
    fn incidents(&mut self, view: &'v GraphView, items: &[(u32, Item<'v>)]) {
        let nearby: BTreeMap<CiId, u32> = items.iter().map(|(hops, it)| (it.id(), *hops)).collect();
        for incident in view.incidents_unsorted() {
            if self.question.until < incident.started_at() {
                continue;
            }
            let on = incident.items();
            let near = on
                .iter()
                .filter_map(|it| Some((*nearby.get(&it.id())?, *it)));
            let Some((hops, item)) = near.min_by_key(|(hops, item)| (*hops, item.id())) else {
                continue;
            };
            let title = incident.title();
            let subject = || TimelineSubject::Incident(incident);
            let began = (Some(incident.started_at()), Happened::IncidentBegan);
            self.tell(began, (item, hops), subject(), || {
                format!("{title} began on {}", listed(&on))
            });
            let ended = (incident.resolved_at(), Happened::IncidentEnded);
            self.tell(ended, (item, hops), subject(), || {
                format!("{title} was over")
            });
        }
    }
}

/// Intervals that overlap or touch as one: by several names one thing holds once.
fn united(intervals: Vec<ValidInterval>) -> Vec<(Timestamp, Option<Timestamp>)> {
    let mut united: Vec<(Timestamp, Option<Timestamp>)> = Vec::new();
    for interval in intervals {
        match united.last_mut() {
            Some((_, until)) if until.is_none_or(|until| interval.from() <= until) => {
                *until = match (*until, interval.until()) {
                    (Some(one), Some(other)) => Some(one.max(other)),
                    _ => None,
                };
            }
            _ => united.push((interval.from(), interval.until())),
        }
    }
    united
}

fn listed(items: &[Item<'_>]) -> String {
    let named: Vec<String> = items.iter().take(NAMED_MAX).map(Item::key).collect();
    match items.len().saturating_sub(NAMED_MAX) {
        0 if named.is_empty() => "nothing that is known".to_owned(),
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn written(status: ChangeStatus) -> String {
    let written = ChangeStatus::WRITTEN.iter().find(|it| it.1 == status);
    written.map_or_else(String::new, |(word, _)| word.replace('_', " "))
}
