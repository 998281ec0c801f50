//! The trees, and what their keys and entries are made of.
//!
//! A key is 16 bytes of what is spoken of and 8 of the position, so that all
//! statements about one thing lie beside each other in their order.

use model::{ContentHash, EventEnvelope, EventId, LogPosition, SourceKey, SourceName, Timestamp};
use serde::Serialize;
use store::KeyValueLayout;

/// Statements about changes, by change id.
pub(crate) const CHANGES: &str = "changes";
/// Statements about incidents, by incident id.
pub(crate) const INCIDENTS: &str = "incidents";
/// Observations of items, by source and the source's key.
pub(crate) const ITEMS: &str = "items";
/// Which events speak of an item, a relation or a decision.
pub(crate) const EVIDENCE: &str = "evidence";

/// The version rises when a key, an entry or the meaning of one changes; the content is then made anew.
pub(crate) const LAYOUT: KeyValueLayout = KeyValueLayout {
    trees: &[CHANGES, INCIDENTS, ITEMS, EVIDENCE],
    version: 2,
};

/// What one thing's statements begin with.
pub(crate) type Subject = [u8; 16];

/// How long a key is: a subject and a position.
pub(crate) const KEY_BYTES: usize = 24;

/// The subject of what a source calls an item: two spellings of one key are one subject.
pub(crate) fn item_subject(source: &SourceName, key: &SourceKey) -> Subject {
    let claim = graph::claim_of(key);
    let text = serde_json::to_vec(&(source, claim)).expect("names and keys are texts");
    *ContentHash::of(&text).as_bytes()
}

/// What is equal for everything one source says by one key.
pub fn teller(source: &SourceName, key: &SourceKey) -> [u8; 16] {
    item_subject(source, key)
}

/// The key of a statement.
pub(crate) fn key(subject: &Subject, position: LogPosition) -> Vec<u8> {
    let mut key = subject.to_vec();
    key.extend_from_slice(&store::position_key(position));
    key
}

/// The subject in a key.
pub(crate) fn subject_of(key: &[u8]) -> Option<Subject> {
    key.split_first_chunk().map(|(subject, _)| *subject)
}

/// The position in a key.
pub(crate) fn position_of(key: &[u8]) -> Option<LogPosition> {
    let (_, position) = key.split_last_chunk::<8>()?;
    Some(store::position_of_key(*position))
}

/// How many bytes stand before the payload of an entry.
const FRONT: usize = 16;

/// What an entry begins with: the time it speaks of, and what decides between two of one time.
pub(crate) fn front(occurred_at: Timestamp, id: &EventId) -> [u8; FRONT] {
    let nanos = occurred_at.unix_nanos().to_be_bytes();
    let tie = graph::tie_of(id).to_be_bytes();
    let mut front = [0; FRONT];
    let (first, second) = front.split_at_mut(nanos.len());
    first.copy_from_slice(&nanos);
    second.copy_from_slice(&tie);
    front
}

/// An entry: its front, then the payload as JSON.
pub(crate) fn entry(event: &EventEnvelope, payload: &impl Serialize) -> Vec<u8> {
    let mut entry = front(event.occurred_at, &event.id).to_vec();
    serde_json::to_writer(&mut entry, payload)
        .expect("a payload has string keys only and memory takes it");
    entry
}

/// The time, the tie and the payload of an entry.
pub(crate) fn split(entry: &[u8]) -> Option<(Timestamp, u64, &[u8])> {
    let (nanos, rest) = entry.split_first_chunk::<8>()?;
    let (tie, payload) = rest.split_first_chunk::<8>()?;
    let occurred_at = Timestamp::from_unix_nanos(i64::from_be_bytes(*nanos));
    Some((occurred_at, u64::from_be_bytes(*tie), payload))
}
