//! What each tree keeps of an event.

use std::collections::BTreeMap;

use model::{ChangeId, Event, EventEnvelope, IncidentId, ObservedItem};
use store::Entry;

use crate::evidence::evidence_of;
use crate::keys::{self, CHANGES, EVIDENCE, INCIDENTS, ITEMS, Subject};

/// Adds what a tree keeps of an event.
type Keep = fn(&EventEnvelope, &mut Vec<Entry>);

/// Every tree with what it keeps. No two entries of a tree have the same key.
pub(crate) const TREES: [(&str, Keep); 4] = [
    (CHANGES, keep_change),
    (INCIDENTS, keep_incident),
    (ITEMS, keep_items),
    (EVIDENCE, keep_evidence),
];

fn keep_change(event: &EventEnvelope, entries: &mut Vec<Entry>) {
    if let Event::ChangeRecorded(change) = &event.event {
        let subject = *ChangeId::of(&change.reference()).as_bytes();
        let key = keys::key(&subject, event.position);
        entries.push((key, keys::entry(event, change)));
    }
}

fn keep_incident(event: &EventEnvelope, entries: &mut Vec<Entry>) {
    if let Event::IncidentOpened(incident) | Event::IncidentUpdated(incident) = &event.event {
        let subject = *IncidentId::of(&incident.reference()).as_bytes();
        let key = keys::key(&subject, event.position);
        entries.push((key, keys::entry(event, incident)));
    }
}

fn keep_items(event: &EventEnvelope, entries: &mut Vec<Entry>) {
    if let Event::ItemObserved(item) = &event.event {
        let subject = keys::item_subject(&event.id.source, &item.key);
        let key = keys::key(&subject, event.position);
        entries.push((key, keys::entry(event, item)));
    }
    if let Event::CallsObserved(calls) = &event.event {
        for (subject, item) in laid_together(event, &calls.items) {
            let key = keys::key(&subject, event.position);
            entries.push((key, keys::entry(event, &item)));
        }
    }
}

fn keep_evidence(event: &EventEnvelope, entries: &mut Vec<Entry>) {
    for subject in evidence_of(event) {
        let key = keys::key(&subject.digest(), event.position);
        let front = keys::front(event.occurred_at, &event.id);
        entries.push((key, front.to_vec()));
    }
}

/// What one event says of each key: of two descriptions the first counts, as it does in the fold.
fn laid_together(event: &EventEnvelope, items: &[ObservedItem]) -> BTreeMap<Subject, ObservedItem> {
    let mut found: BTreeMap<Subject, ObservedItem> = BTreeMap::new();
    for item in items {
        let subject = keys::item_subject(&event.id.source, &item.key);
        let Some(kept) = found.get_mut(&subject) else {
            found.insert(subject, item.clone());
            continue;
        };
        for (name, value) in &item.attributes {
            let value = || value.clone();
            kept.attributes.entry(name.clone()).or_insert_with(value);
        }
        let first = |kept: &mut Option<String>, said: &Option<String>| {
            *kept = kept.take().or_else(|| said.clone());
        };
        first(&mut kept.owner, &item.owner);
        first(&mut kept.criticality, &item.criticality);
        first(&mut kept.display_name, &item.display_name);
    }
    found
}
