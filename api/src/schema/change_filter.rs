//! Which changes a list shows, and in which order.

use std::cmp::Reverse;

use async_graphql::InputObject;
use graph::ChangeRow;
use model::{Change, ChangeId, CiId, LogPosition, Timestamp};

use super::change_input::ChangeStatus;
use super::change_text::{Read, text_holds};
use super::keys;
use super::scalars::DateTime;
use super::standpoint::Standpoint;

/// Which changes to show. Everything that is given must hold.
#[derive(InputObject, Default)]
pub(crate) struct ChangeFilter {
    /// A text of it holds this one, whatever its case: the title, the platform's id, or any text of its
    /// description. Of a list the newest 5,000 changes that pass everything else are read in full; where there
    /// are more, the older ones are found by title and id only, and `truncated` says so. A live list looks at
    /// the statement it tells, at title and id.
    text: Option<String>,
    /// It touches one of these items, by itself or by a batch. Keys, aliases or ids; unknown ones match nothing.
    items: Option<Vec<String>>,
    /// It takes effect in this environment; a change that names none counts by its items.
    environment: Option<String>,
    /// It is of this kind.
    kind: Option<String>,
    /// It belongs to this scene.
    scene: Option<String>,
    /// It stands at one of these.
    status: Option<Vec<ChangeStatus>>,
    /// This operator carried it out.
    operator: Option<String>,
    /// This platform made it.
    source: Option<String>,
    /// Whether only bookkeeping differs in it; of a list both are shown when missing, of `changesNearby` only what is meant.
    bookkeeping: Option<bool>,
    /// It starts at this moment or later.
    from: Option<DateTime>,
    /// It starts before this moment.
    to: Option<DateTime>,
}

/// The order of a list of changes: the newest first, then by id.
pub(crate) type ChangeOrder = (Reverse<Timestamp>, ChangeId);

/// A filter with its items resolved in one view.
#[derive(Default, PartialEq)]
pub(crate) struct ChangeCriteria {
    /// In lower case.
    text: Option<String>,
    /// Those whose long texts hold it, once they were read.
    read: Read,
    items: Option<Vec<CiId>>,
    environment: Option<String>,
    kind: Option<String>,
    scene: Option<String>,
    status: Option<Vec<model::ChangeStatus>>,
    operator: Option<String>,
    source: Option<String>,
    bookkeeping: Option<bool>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl ChangeCriteria {
    /// Reads a filter at a standpoint. A moment that was asked for hides what starts after it.
    pub(crate) fn read(filter: Option<&ChangeFilter>, at: &Standpoint) -> Self {
        let asked_until = at.stated.then(|| at.valid_at.plus_nanos(1));
        let Some(filter) = filter else {
            return Self {
                until: asked_until,
                ..Self::default()
            };
        };
        let environment = filter.environment.as_deref();
        let items = filter.items.as_ref().map(|keys| {
            let meant = keys.iter().map(|key| keys::meant(at, key, environment));
            meant.filter_map(keys::Meant::into_id).collect()
        });
        let status = filter.status.as_ref();
        let text = filter.text.as_ref().filter(|text| !text.is_empty());
        let to = filter.to.as_ref().map(|to| to.0);
        Self {
            text: text.map(|text| text.to_lowercase()),
            read: Read::default(),
            items,
            environment: filter.environment.clone(),
            kind: filter.kind.clone(),
            scene: filter.scene.clone(),
            status: status.map(|any| any.iter().map(|status| (*status).into()).collect()),
            operator: filter.operator.clone(),
            source: filter.source.clone(),
            bookkeeping: filter.bookkeeping,
            from: filter.from.as_ref().map(|from| from.0),
            until: to.into_iter().chain(asked_until).min(),
        }
    }

    /// The changes that pass, in their order, from a place of the order on.
    pub(crate) fn sorted<'v>(
        &'v self,
        at: &'v Standpoint,
        after: Option<&ChangeOrder>,
    ) -> Box<dyn Iterator<Item = (ChangeOrder, ChangeRow<'v>)> + 'v> {
        self.sorted_by(at, after, Self::passes)
    }

    fn sorted_by<'v>(
        &'v self,
        at: &'v Standpoint,
        after: Option<&ChangeOrder>,
        passes: fn(&Self, &ChangeRow<'_>) -> bool,
    ) -> Box<dyn Iterator<Item = (ChangeOrder, ChangeRow<'v>)> + 'v> {
        let graph = &at.view.graph;
        let from = self.from.unwrap_or(Timestamp::MIN);
        let until = self.until.unwrap_or(Timestamp::MAX);
        let until = after.map_or(until, |(Reverse(start), _)| until.min(start.plus_nanos(1)));
        let Some(items) = &self.items else {
            let changes = graph.changes_between(from, until);
            let passing = changes.filter(move |change| passes(self, change));
            return Box::new(SameMoments::of(passing));
        };
        let items = items.iter().filter_map(|id| graph.item(*id));
        let mut changes: Vec<(ChangeOrder, ChangeRow<'v>)> = items
            .flat_map(|item| item.changes())
            .filter(|change| change.started_at() < until && passes(self, change))
            .map(|change| (order_of(&change), change))
            .collect();
        changes.sort_by_key(|(order, _)| *order);
        changes.dedup_by_key(|(order, _)| *order);
        Box::new(changes.into_iter())
    }

    /// The text that is looked for, in lower case.
    pub(super) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The changes that only their long texts keep from passing, the newest first.
    pub(super) fn unread<'v>(
        &'v self,
        at: &'v Standpoint,
    ) -> impl Iterator<Item = (ChangeId, Vec<LogPosition>)> + 'v {
        let text = self.text.as_deref().unwrap_or_default();
        let beside_text = self.sorted_by(at, None, Self::passes_beside_text);
        let unread = beside_text.filter(move |(_, change)| !holds(change, text));
        unread.map(|(_, change)| (change.id(), change.statements().to_vec()))
    }

    /// Takes what was read of long texts.
    pub(super) fn take(&mut self, read: Read) {
        self.read = read;
    }

    /// Narrows the time to look at.
    pub(crate) fn within(mut self, from: Timestamp, until: Timestamp) -> Self {
        self.from = self.from.into_iter().chain([from]).max();
        self.until = self.until.into_iter().chain([until]).min();
        self
    }

    /// Whether there were more long texts than are read.
    pub(crate) fn truncated(&self) -> bool {
        self.read.truncated
    }

    /// How many changes pass.
    pub(crate) fn count(&self, at: &Standpoint) -> usize {
        if *self == Self::default() {
            return at.view.graph.changes_count();
        }
        self.sorted(at, None).count()
    }

    /// Whether it says if bookkeeping is wanted.
    pub(crate) fn names_bookkeeping(&self) -> bool {
        self.bookkeeping.is_some()
    }

    /// Whether a change passes.
    pub(crate) fn passes(&self, change: &ChangeRow<'_>) -> bool {
        let holding = &self.read.holding;
        let holds = |text: &String| holds(change, text) || holding.contains(&change.id());
        self.text.as_ref().is_none_or(holds) && self.passes_beside_text(change)
    }

    /// Whether a change passes, of which this statement is told.
    pub(crate) fn passes_telling(&self, change: &ChangeRow<'_>, statement: &Change) -> bool {
        let holds = |text: &String| holds(change, text) || text_holds(statement, text);
        self.text.as_ref().is_none_or(holds) && self.passes_beside_text(change)
    }

    fn passes_beside_text(&self, change: &ChangeRow<'_>) -> bool {
        let start = change.started_at();
        let equal = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
        };
        let status = self.status.as_ref();
        let environment = self.environment.as_deref();
        self.from.is_none_or(|from| from <= start)
            && self.until.is_none_or(|until| start < until)
            && equal(&self.kind, change.kind())
            && equal(&self.scene, change.scene())
            && equal(&self.operator, change.operator())
            && equal(&self.source, Some(change.source()))
            && self
                .bookkeeping
                .is_none_or(|is| change.is_bookkeeping() == is)
            && status.is_none_or(|any| any.contains(&change.status()))
            && environment.is_none_or(|wanted| happens_in(change, wanted))
            && self.items.as_ref().is_none_or(|ids| touches(change, ids))
    }
}

/// Whether a change's line holds a text in lower case.
fn holds(change: &ChangeRow<'_>, text: &str) -> bool {
    let holds = |line: &str| line.to_lowercase().contains(text);
    holds(change.title()) || holds(change.source_id())
}

fn happens_in(change: &ChangeRow<'_>, environment: &str) -> bool {
    if let Some(named) = change.environment() {
        return named == environment;
    }
    let mut items = change.items().into_iter();
    items.any(|item| item.environment() == Some(environment))
}

fn touches(change: &ChangeRow<'_>, ids: &[CiId]) -> bool {
    let mut items = change.items().into_iter();
    items.any(|item| ids.contains(&item.id()))
}

fn order_of(change: &ChangeRow<'_>) -> ChangeOrder {
    (Reverse(change.started_at()), change.id())
}

/// Puts changes that start at the same moment, and come next to each other, in the order of their ids.
struct SameMoments<'v, I: Iterator<Item = ChangeRow<'v>>> {
    changes: std::iter::Peekable<I>,
    moment: std::vec::IntoIter<(ChangeOrder, ChangeRow<'v>)>,
}

impl<'v, I: Iterator<Item = ChangeRow<'v>>> SameMoments<'v, I> {
    fn of(changes: I) -> Self {
        Self {
            changes: changes.peekable(),
            moment: Vec::new().into_iter(),
        }
    }
}

impl<'v, I: Iterator<Item = ChangeRow<'v>>> Iterator for SameMoments<'v, I> {
    type Item = (ChangeOrder, ChangeRow<'v>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(next) = self.moment.next() {
            return Some(next);
        }
        let first = self.changes.next()?;
        let start = first.started_at();
        let mut moment = vec![(order_of(&first), first)];
        while let Some(change) = self.changes.next_if(|change| change.started_at() == start) {
            moment.push((order_of(&change), change));
        }
        moment.sort_by_key(|(order, _)| *order);
        self.moment = moment.into_iter();
        self.moment.next()
    }
}
