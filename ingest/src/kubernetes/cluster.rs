//! A cluster as its objects tell it, and what of that its source has not said yet. Pure.
//!
//! An item may be told by several objects: every node tells of the cluster, two deployments
//! of one service. What each tells is kept by itself, and an item is stated anew only when
//! what all of them tell together differs. So a list that is read again makes no event.

mod decisions;
mod names;
mod said;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use model::{
    Actor, CiId, Event, ItemRetired, NewEvent, ObservedItem, Occurred, SourceKey, SourceListed,
    SourceName, Timestamp, bounds,
};

use super::resources::Scope;
use super::wire::{ObjectId, Seen, Selecting};
use crate::import::kubernetes::Selection;
use crate::import::{Listing, Surroundings};
use crate::known::{Known, Stated, StatedItem};
use crate::scrub::scrub;
use decisions::Decisions;
use names::Names;
use said::{Gone, Said, Words};

/// From so many known items on, a cluster that lacks nearly all of them is not believed to be the same one.
const HELD_BACK_MIN: usize = 20;
/// What is nearly all: fewer than one in so many is still there.
const HELD_BACK_SHARE: usize = 10;

/// What a cluster's objects tell.
pub(super) struct Cluster {
    source: SourceName,
    around: Surroundings,
    known: Arc<dyn Known>,
    scopes: Vec<Scope>,
    /// Lists that are being read, and what they held so far.
    reading: BTreeMap<usize, HashSet<ObjectId>>,
    listed: BTreeSet<usize>,
    refused: BTreeSet<usize>,
    /// Before every list was read once, nothing is said: what seems to be missing may only not be read yet.
    is_started: bool,
    is_told: bool,
    /// Set when a list ended: what was stated before may be missing from it.
    is_to_settle: bool,
    objects: HashMap<ObjectId, Object>,
    decisions: Decisions,
    items: BTreeMap<SourceKey, Item>,
    selections: BTreeMap<Box<str>, Selection>,
    names: Names,
    /// Namespaces whose selections are to be worked out anew.
    selecting: BTreeSet<Box<str>>,
    /// Namespaces whose selections tell of items, as no object of the cluster does.
    selected: BTreeSet<Box<str>>,
    unsaid: BTreeSet<SourceKey>,
    /// What the source stated before this process, as far as it was not met yet.
    stated: HashMap<CiId, StatedItem>,
    words: Words,
    gone: Gone,
    last_at: Timestamp,
    pub(super) counts: Counts,
    /// What was read and said nothing, since somebody last took it: how often, and the last of it.
    pub(super) unchanged: Option<(u64, Box<[u8]>)>,
}

/// What is counted here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Statements that differ from the one before.
    pub(super) changed: u64,
    /// Items that ended.
    pub(super) ended: u64,
    /// Items that would have ended, had the cluster been believed.
    pub(super) held_back: u64,
    /// Relations and statements that were too many or too large.
    pub(super) cut: u64,
}

/// What one object tells of, and what it selects.
#[derive(Default)]
struct Object {
    items: Vec<SourceKey>,
    selecting: Option<u64>,
}

/// An item by what each object tells of it.
#[derive(Default)]
struct Item {
    pieces: BTreeMap<ObjectId, Box<[u8]>>,
    said: Option<Said>,
}

impl Cluster {
    pub(super) fn new(
        source: SourceName,
        around: Surroundings,
        known: Arc<dyn Known>,
        scopes: Vec<Scope>,
    ) -> Self {
        Self {
            source,
            around,
            known,
            scopes,
            reading: BTreeMap::new(),
            listed: BTreeSet::new(),
            refused: BTreeSet::new(),
            is_started: false,
            is_told: false,
            is_to_settle: false,
            objects: HashMap::new(),
            decisions: Decisions::default(),
            items: BTreeMap::new(),
            selections: BTreeMap::new(),
            names: Names::default(),
            selecting: BTreeSet::new(),
            selected: BTreeSet::new(),
            unsaid: BTreeSet::new(),
            stated: HashMap::new(),
            words: Words::default(),
            gone: Gone::default(),
            last_at: Timestamp::MIN,
            counts: Counts::default(),
            unchanged: None,
        }
    }

    /// How many objects are known.
    pub(super) fn len(&self) -> usize {
        self.objects.len() - self.selected.len()
    }

    /// Whether every list was read once, or refused, and what was stated before is still to be brought.
    pub(super) fn waits_for_stated(&self) -> bool {
        let read = self.listed.union(&self.refused).count();
        !self.is_started && read == self.scopes.len()
    }

    /// Begins to say what differs from what was stated before.
    pub(super) fn start(&mut self, stated: Stated) {
        self.is_started = true;
        self.is_to_settle = true;
        self.stated = stated.items;
        // A clock that was set back must not put what is new before what is known.
        self.last_at = stated.listed_at.unwrap_or(Timestamp::MIN).plus_millis(1);
    }

    pub(super) fn begin_list(&mut self, scope: usize) {
        self.reading.insert(scope, HashSet::new());
    }

    /// Takes what a page of a list holds.
    pub(super) fn page(&mut self, scope: usize, page: Vec<Seen>) {
        for seen in page {
            if let Some(reading) = self.reading.get_mut(&scope) {
                reading.insert(seen.id.clone());
            }
            self.see(seen);
        }
    }

    /// Ends a list: what was there before and is not in it is gone.
    pub(super) fn end_list(&mut self, scope: usize) {
        let Some(read) = self.reading.remove(&scope) else {
            return;
        };
        self.refused.remove(&scope);
        self.listed.insert(scope);
        self.is_to_settle = true;
        let Some(Scope {
            resource,
            namespace,
        }) = self.scopes.get(scope)
        else {
            return;
        };
        let is_of_list = |id: &ObjectId| {
            let is_there = namespace
                .as_deref()
                .is_none_or(|namespace| namespace == &*id.namespace);
            id.kind == resource.kind && is_there
        };
        let known = self.objects.keys();
        let missing = known.filter(|id| is_of_list(id) && !read.contains(*id));
        for id in missing.cloned().collect::<Vec<_>>() {
            self.forget(&id);
        }
    }

    /// The server does not let this list be read; what is known of it stays as it is.
    pub(super) fn refuse(&mut self, scope: usize) {
        self.reading.remove(&scope);
        self.listed.remove(&scope);
        self.refused.insert(scope);
    }

    /// Takes what one object says now.
    pub(super) fn see(&mut self, seen: Seen) {
        self.counts.cut += seen.cut;
        self.decisions.see(&seen.id, seen.meaning, self.is_started);
        let selecting = seen.selecting.as_ref().map(|selecting| selecting.digest);
        let before = self.objects.get(&seen.id);
        let is_same = before.is_some_and(|before| before.selecting == selecting);
        let says_nothing = before.is_none() && seen.items.is_empty();
        if says_nothing {
            return;
        }
        self.tell(&seen.id, seen.items);
        match seen.selecting {
            Some(Selecting { value, .. }) if !is_same => {
                let namespace = &seen.id.namespace;
                let selection = self.selections.entry(namespace.clone()).or_default();
                selection.note(&value, &self.around);
                self.selecting.insert(namespace.clone());
            }
            None if !is_same => self.deselect(&seen.id),
            _ => {}
        }
        if let Some(object) = self.objects.get_mut(&seen.id) {
            object.selecting = selecting;
        }
    }

    /// Takes that an object is gone.
    pub(super) fn forget(&mut self, id: &ObjectId) {
        self.decisions.forget(id, self.is_started);
        let Some(object) = self.objects.get(id) else {
            return;
        };
        let selects = object.selecting.is_some();
        self.tell(id, Vec::new());
        self.objects.remove(id);
        if selects {
            self.deselect(id);
        }
    }

    fn deselect(&mut self, id: &ObjectId) {
        if let Some(selection) = self.selections.get_mut(&id.namespace) {
            let value = serde_json::json!({
                "kind": id.kind,
                "metadata": { "name": id.name, "namespace": id.namespace },
            });
            selection.forget(&value, &self.around);
            self.selecting.insert(id.namespace.clone());
        }
    }

    /// What differs from what was said, at most so much of it; empty when all is said.
    pub(super) fn events(&mut self, now: Timestamp, most: usize) -> Vec<NewEvent> {
        if !self.is_started {
            return Vec::new();
        }
        self.select_now();
        let mut events = self.decisions.events(&self.source, &self.around, now);
        while events.len() < most
            && let Some(key) = self.unsaid.pop_first()
        {
            events.extend(self.say(key, now));
        }
        let is_settled = events.is_empty() && self.reading.is_empty();
        if is_settled && std::mem::take(&mut self.is_to_settle) {
            events = self.complete(now);
        }
        events
    }

    /// Sets what an object tells of items, in place of what it told before.
    fn tell(&mut self, teller: &ObjectId, items: Vec<ObservedItem>) {
        let keys: Vec<SourceKey> = items.iter().map(|item| item.key.clone()).collect();
        let object = self.objects.entry(teller.clone()).or_default();
        let before = std::mem::replace(&mut object.items, keys.clone());
        for item in items {
            if teller.kind == "Node" {
                self.unsaid.extend(self.names.set(&item));
            }
            let piece = serde_json::to_vec(&item).unwrap_or_default().into();
            let pieces = &mut self.items.entry(item.key.clone()).or_default().pieces;
            if pieces.get(teller) == Some(&piece) {
                self.pass_over(piece);
            } else {
                pieces.insert(teller.clone(), piece);
                self.unsaid.insert(item.key);
            }
        }
        for key in before.into_iter().filter(|key| !keys.contains(key)) {
            if let Some(item) = self.items.get_mut(&key) {
                item.pieces.remove(teller);
            }
            if teller.kind == "Node" {
                self.unsaid.extend(self.names.remove(&key));
            }
            self.unsaid.insert(key);
        }
    }

    /// Counts what was read and says what was said.
    fn pass_over(&mut self, piece: Box<[u8]>) {
        let before = self.unchanged.take().map_or(0, |(count, _)| count);
        self.unchanged = Some((before + 1, piece));
    }

    /// Works selections out before anything is said, once for all that changed them.
    fn select_now(&mut self) {
        for namespace in std::mem::take(&mut self.selecting) {
            let Some(selection) = self.selections.get(&namespace) else {
                continue;
            };
            let mut listing = Listing::default();
            selection.relate(&self.around, &mut listing);
            // The relation stands in the list of the one that is an object here.
            let ends = listing.relations.iter();
            let told: BTreeSet<&SourceKey> = ends
                .map(|relation| match relation.kind.as_str() {
                    "routes_to" => &relation.dependent,
                    _ => &relation.provider,
                })
                .collect();
            listing.items = told
                .into_iter()
                .map(|key| ObservedItem::new(key.clone()))
                .collect();
            listing.settle();
            listing.gather();
            self.counts.cut += listing.relations.len() as u64;
            let teller = ObjectId {
                kind: "",
                namespace,
                name: "".into(),
            };
            self.selected.insert(teller.namespace.clone());
            self.tell(&teller, listing.items);
        }
    }

    /// What is to be written of an item, if anything of it differs.
    fn say(&mut self, key: SourceKey, now: Timestamp) -> Option<NewEvent> {
        let item = self.items.get(&key)?;
        let Some(statement) = statement(item, &self.names) else {
            let said = self.items.remove(&key)?.said?;
            self.gone.keep(key.clone(), said);
            self.counts.ended += 1;
            return Some(self.event(retired(key, "deleted"), now));
        };
        let mut event = Event::ItemObserved(statement);
        scrub(&mut event);
        let Event::ItemObserved(mut statement) = event else {
            return None;
        };
        let said = Said::of(&statement, &mut self.words);
        let name = self.known.name_of(&key);
        let item = self.items.get_mut(&key)?;
        let before = item.said.replace(said.clone());
        let piece = item.pieces.values().next().cloned();
        let before = before.or_else(|| self.gone.take(&key));
        match (before, self.stated.remove(&name)) {
            (Some(before), _) if before.digest == said.digest && before.stands => {
                self.pass_over(piece?);
                return None;
            }
            (Some(before), _) => before.take_back(&mut statement),
            (None, Some(stated)) if stated.digest == said.digest && !stated.is_ended => {
                self.pass_over(piece?);
                return None;
            }
            (None, Some(stated)) => {
                if let Some(before) = self.known.observation(stated.position) {
                    Said::of(&before, &mut self.words).take_back(&mut statement);
                }
            }
            (None, None) => {}
        }
        let event = Event::ItemObserved(statement);
        let mut payload = Vec::new();
        event.encode_payload(&mut payload);
        if bounds::EVENT_BYTES < payload.len() {
            self.counts.cut += 1;
            return None;
        }
        self.counts.changed += 1;
        Some(self.event(event, now))
    }

    /// What was stated before and is not there, once the lists that would hold it were read;
    /// and, the first time, that the source listed all it knows.
    fn complete(&mut self, now: Timestamp) -> Vec<NewEvent> {
        let open = self.stated.iter().filter(|(_, item)| item.is_open);
        let missing = open.filter(|(_, item)| self.would_be_listed(&item.key));
        let mut missing: Vec<(SourceKey, CiId)> = missing
            .map(|(name, item)| (item.key.clone(), *name))
            .collect();
        missing.sort();
        let kept = self.items.len();
        let lacks_nearly_all =
            kept == 0 || (HELD_BACK_MIN < missing.len() && kept * HELD_BACK_SHARE < missing.len());
        if lacks_nearly_all && !missing.is_empty() {
            self.counts.held_back = missing.len() as u64;
            missing.clear();
        }
        let mut events = Vec::new();
        for (key, name) in missing {
            self.stated.remove(&name);
            self.counts.ended += 1;
            events.push(self.event(retired(key, "no longer listed"), now));
        }
        if self.listed.len() == self.scopes.len() {
            // What ended long ago is of no more use.
            self.stated.retain(|_, item| item.is_open);
        }
        if !std::mem::replace(&mut self.is_told, true) {
            let listed = Event::SourceListed(SourceListed {
                at: now.max(self.last_at),
                listed: self.items.len() as u64,
                changed: self.counts.changed,
                ended: self.counts.ended,
            });
            events.push(self.event(listed, now));
        }
        events
    }

    /// Whether the lists that were read would hold an item, were it there.
    fn would_be_listed(&self, key: &SourceKey) -> bool {
        let text = key.to_string();
        let text = text.strip_prefix("key=").unwrap_or(&text);
        let kind = text.split(':').next().unwrap_or_default();
        let scopes = self.scopes.iter().enumerate();
        let own = scopes.filter(|(_, scope)| scope.resource.item == kind && kind != "service");
        let own: Vec<usize> = own.map(|(number, _)| number).collect();
        if own.is_empty() {
            // Others tell of it: a service by a deployment, a zone by a node.
            return self.listed.len() == self.scopes.len();
        }
        own.iter().all(|number| self.listed.contains(number))
    }

    /// An event at a moment after every one before it.
    fn event(&mut self, event: Event, now: Timestamp) -> NewEvent {
        self.last_at = now.max(self.last_at.plus_nanos(1));
        let occurred = Occurred::Stated(self.last_at);
        NewEvent::named_by_content(self.source.clone(), occurred, Actor::default(), event)
    }
}

fn retired(key: SourceKey, reason: &str) -> Event {
    Event::ItemRetired(ItemRetired {
        key,
        reason: Some(reason.to_owned()),
    })
}

/// What all objects together tell of an item; `None` when none does any more.
fn statement(item: &Item, names: &Names) -> Option<ObservedItem> {
    let pieces = item.pieces.values();
    let mut pieces: Vec<ObservedItem> = pieces
        .filter_map(|piece| serde_json::from_slice(piece).ok())
        .collect();
    let mut statement = match pieces.len() {
        0 => return None,
        1 => pieces.pop()?,
        _ => {
            let mut listing = Listing::default();
            for mut piece in pieces {
                let listed = piece.relations.take();
                listing
                    .relations
                    .extend(listed.into_iter().flat_map(said::relations));
                listing.items.push(piece);
            }
            listing.settle();
            listing.gather();
            listing.items.pop()?
        }
    };
    names.keep_own(&mut statement);
    Some(statement)
}
