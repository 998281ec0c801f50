//! The estate that is asked about: items of four kinds in three environments, and what they need.

use benches::Random;
use model::{
    Actor, Event, EventEnvelope, EventId, ItemRetired, LogPosition, ObservedItem, ObservedRelation,
    RelationKind, SourceKey, SourceName, Timestamp,
};

pub(crate) const RELATIONS_PER_ITEM: u64 = 5;

pub(crate) const DAY_MS: u64 = 86_400_000;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_millis(1_700_000_000_000)
}

/// Each item was seen last at a moment of its own.
pub(crate) fn seen_at(number: u64) -> Timestamp {
    now().plus_millis(-(number.wrapping_mul(7_919) % (30 * DAY_MS)).cast_signed() - 1_000)
}

pub(crate) const KINDS: [&str; 4] = ["service", "host", "database", "pod"];
pub(crate) const ENVIRONMENTS: [&str; 3] = ["prod", "staging", "test"];

pub(crate) fn kind_of(number: u64) -> &'static str {
    KINDS[number as usize % 4]
}

pub(crate) fn environment_of(number: u64) -> &'static str {
    ENVIRONMENTS[number as usize % 3]
}

pub(crate) fn key_of(number: u64) -> String {
    format!(
        "{}:{}/checkout-{number}",
        kind_of(number),
        environment_of(number)
    )
}

pub(crate) fn owner_of(number: u64) -> Option<String> {
    number
        .is_multiple_of(2)
        .then(|| format!("team-{}", number % 1_000))
}

pub(crate) fn display_name_of(number: u64) -> Option<String> {
    number
        .is_multiple_of(10)
        .then(|| format!("在线支付网关 {number}"))
}

pub(crate) fn is_ended(number: u64) -> bool {
    number % 10 == 3
}

pub(crate) fn item(number: u64) -> (Timestamp, Event) {
    let mut item = ObservedItem::new(SourceKey::text(key_of(number)));
    item.owner = owner_of(number);
    item.display_name = display_name_of(number);
    (seen_at(number), Event::ItemObserved(item))
}

pub(crate) fn described(number: u64) -> (Timestamp, Event) {
    let mut item = ObservedItem::new(SourceKey::text(key_of(number)));
    for name in 0..8 {
        item.attributes.insert(
            format!("attribute-{name}"),
            format!("value {number} of {name}").into(),
        );
    }
    let rack = format!("r-{}", number % 100);
    item.attributes.insert("rack".to_owned(), rack.into());
    (seen_at(number), Event::ItemObserved(item))
}

pub(crate) fn retired(number: u64) -> (Timestamp, Event) {
    let retired = ItemRetired {
        key: SourceKey::text(key_of(number)),
        reason: None,
    };
    (now(), Event::ItemRetired(retired))
}

/// What items need: most of it lies near by.
pub(crate) fn relations_of(items: u64) -> impl Iterator<Item = (Timestamp, Event)> {
    let mut random = Random::new(5);
    let mut below = move |bound: u64| random.below(bound as usize) as u64;
    (0..items * RELATIONS_PER_ITEM).map(move |number| {
        let dependent = number / RELATIONS_PER_ITEM + 1;
        let near = dependent.saturating_sub(1 + below(1_000)).max(1);
        let provider = if below(50) == 0 {
            1 + below(items / 1_000 + 1)
        } else {
            near
        };
        let relation = ObservedRelation {
            dependent: SourceKey::text(key_of(dependent)),
            provider: SourceKey::text(key_of(provider)),
            kind: RelationKind::new("calls"),
            strength: None,
            valid_from: Some(now()),
            valid_until: None,
            report_interval_ms: None,
        };
        (now(), Event::RelationObserved(relation))
    })
}

pub(crate) fn envelope(position: u64, (occurred_at, event): (Timestamp, Event)) -> EventEnvelope {
    EventEnvelope {
        position: LogPosition::new(position),
        recorded_at: now(),
        id: EventId {
            source: SourceName::new("cmdb"),
            delivery: position.to_string(),
        },
        occurred_at,
        actor: Actor::default(),
        event,
    }
}
