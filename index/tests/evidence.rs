//! What the index finds behind an item, a relation and a decision, and what traces say of items.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use index::{EvidenceSubject, Index, KnownUntil};
use model::{
    Actor, Claim, Event, EventEnvelope, EventId, Evidence, IdentityReverted, ItemRetired,
    ItemsMerged, ListedRelation, ListedRelations, LogPosition, ObservedCall, ObservedCalls,
    ObservedItem, ObservedRelation, RelationEnded, RelationKind, SourceKey, SourceName, Timestamp,
    ValidInterval,
};
use store::KeyValueConfig;
use tempfile::TempDir;

const CONFIG: KeyValueConfig = KeyValueConfig {
    cache_bytes: 8 << 20,
    inline_bytes_max: 1_000,
    flush_every_bytes: 1 << 20,
};

fn key(text: &str) -> SourceKey {
    SourceKey::text(text)
}

fn calls() -> RelationKind {
    RelationKind::new("calls")
}

fn id(position: u64) -> EventId {
    EventId {
        source: SourceName::new("test"),
        delivery: position.to_string(),
    }
}

/// An index of these events; each speaks of the second of its position.
fn index_of(events: Vec<Event>) -> (TempDir, Index) {
    let folder = TempDir::new().unwrap();
    let mut index = Index::open(folder.path(), CONFIG).unwrap();
    let envelopes: Vec<EventEnvelope> = (1..)
        .zip(events)
        .map(|(position, event)| EventEnvelope {
            position: LogPosition::new(position),
            recorded_at: Timestamp::from_unix_millis(0),
            id: id(position),
            occurred_at: second(position),
            actor: Actor::default(),
            event,
        })
        .collect();
    index.apply(&envelopes).unwrap();
    (folder, index)
}

fn second(number: u64) -> Timestamp {
    Timestamp::from_unix_millis(i64::try_from(number).unwrap() * 1_000)
}

fn behind(index: &Index, subject: &EvidenceSubject, until: KnownUntil, limit: usize) -> Vec<u64> {
    let found = index.reader().evidence(subject, until, limit).unwrap();
    let positions = found.entries.iter();
    positions.map(|position| position.number()).collect()
}

fn all() -> KnownUntil {
    LogPosition::new(1_000_000).into()
}

fn window(calls: &[(&str, &str)], items: Vec<ObservedItem>) -> Event {
    let from = Timestamp::from_unix_millis(0);
    let seen = calls.iter().map(|(dependent, provider)| ObservedCall {
        dependent: key(dependent),
        provider: key(provider),
        kind: self::calls(),
        evidence: Evidence::Paired,
        calls: 1,
        errors: 0,
        duration_p50_ms: None,
        duration_p99_ms: None,
        first_seen_at: from,
        last_seen_at: from,
    });
    Event::CallsObserved(ObservedCalls {
        window: ValidInterval::new(from, Some(second(10))).unwrap(),
        report_interval_ms: 1_000,
        items,
        calls: seen.collect(),
    })
}

#[test]
fn a_relation_is_found_by_what_states_it_lists_it_counts_it_and_ends_it() {
    let (dependent, provider) = (key("service:a"), key("service:b"));
    let mut listing = ObservedItem::new(key("service:a"));
    listing.relations = Some(ListedRelations {
        of: dependent.clone(),
        by: None,
        relations: vec![ListedRelation {
            dependent: dependent.clone(),
            provider: provider.clone(),
            kind: calls(),
            strength: None,
        }],
    });
    let (_folder, index) = index_of(vec![
        Event::RelationObserved(ObservedRelation {
            dependent: dependent.clone(),
            provider: provider.clone(),
            kind: calls(),
            strength: None,
            valid_from: None,
            valid_until: None,
            report_interval_ms: None,
        }),
        window(
            &[("service:a", "service:b"), ("service:a", "service:b")],
            Vec::new(),
        ),
        window(&[("service:b", "service:a")], Vec::new()),
        Event::ItemObserved(listing),
        Event::RelationEnded(RelationEnded {
            dependent: dependent.clone(),
            provider: provider.clone(),
            kind: calls(),
            reason: None,
        }),
    ]);
    let subject = EvidenceSubject::relation(&dependent, &provider, &calls());
    assert_eq!(behind(&index, &subject, all(), 9), [5, 4, 2, 1]);
    assert_eq!(behind(&index, &subject, all(), 2), [5, 4]);
    let before = LogPosition::new(3).into();
    assert_eq!(behind(&index, &subject, before, 9), [2, 1]);
    let other_kind = EvidenceSubject::relation(&dependent, &provider, &RelationKind::new("reads"));
    assert_eq!(behind(&index, &other_kind, all(), 9), [0_u64; 0]);
}

#[test]
fn an_item_is_found_by_what_describes_it_and_not_by_who_calls_it() {
    let retired = ItemRetired {
        key: SourceKey::Claim {
            scheme: "key".to_owned(),
            value: "service:a".to_owned(),
        },
        reason: None,
    };
    let (_folder, index) = index_of(vec![
        Event::ItemObserved(ObservedItem::new(key("service:a"))),
        Event::ItemObserved(ObservedItem::new(key("service:b"))),
        window(&[("service:a", "service:b")], Vec::new()),
        window(&[], vec![ObservedItem::new(key("service:a"))]),
        Event::ItemRetired(retired),
    ]);
    let subject = EvidenceSubject::Item(Claim::new("key", "service:a"));
    assert_eq!(behind(&index, &subject, all(), 9), [5, 4, 1]);
}

#[test]
fn a_decision_is_found_with_what_takes_it_back() {
    let merged = ItemsMerged {
        items: vec![key("service:a"), key("service:b")],
        reason: None,
    };
    let reverted = IdentityReverted {
        decision: id(1),
        reason: None,
    };
    let (_folder, index) = index_of(vec![
        Event::ItemsMerged(merged),
        Event::IdentityReverted(reverted),
    ]);
    let subject = EvidenceSubject::Decision(graph::decision_id(&id(1)));
    assert_eq!(behind(&index, &subject, all(), 9), [2, 1]);
}

#[test]
fn an_early_moment_is_found_behind_many_later_statements() {
    let observed = |_| Event::ItemObserved(ObservedItem::new(key("service:a")));
    let (_folder, index) = index_of((0..3_000).map(observed).collect());
    let until = KnownUntil {
        position: LogPosition::new(3_000),
        moment: Some(second(3)),
    };
    let subject = EvidenceSubject::item(&key("service:a"));
    assert_eq!(behind(&index, &subject, until, 9), [3, 2, 1]);
    assert_eq!(behind(&index, &subject, until, 2), [3, 2]);
    let source = SourceName::new("test");
    let said = index.reader();
    let said = said
        .item_observations(&source, &key("service:a"), until)
        .unwrap();
    assert_eq!((said.statements.len(), said.truncated), (3, false));
}

#[test]
fn what_one_window_of_traces_says_twice_of_an_item_is_laid_together() {
    let described = |name: &str, owner: Option<&str>| {
        let mut item = ObservedItem::new(key("service:a"));
        item.attributes.insert(name.to_owned(), true.into());
        item.owner = owner.map(str::to_owned);
        item
    };
    let twice = vec![described("x", None), described("y", Some("shop"))];
    let (_folder, index) = index_of(vec![window(&[], twice)]);
    let source = SourceName::new("test");
    let said = index.reader();
    let said = said
        .item_observations(&source, &key("service:a"), all())
        .unwrap();
    let [statement] = said.statements.as_slice() else {
        panic!("one event makes one statement of a key");
    };
    let names: Vec<&String> = statement.said.attributes.keys().collect();
    assert_eq!(names, ["x", "y"]);
    assert_eq!(statement.said.owner.as_deref(), Some("shop"));
}
