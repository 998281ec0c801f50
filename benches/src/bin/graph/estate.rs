//! The estate as the source states it: items in layers, their relations, and the order in which they come.

use benches::Random;
use model::{
    Actor, Event, EventEnvelope, EventId, KeyParts, LogPosition, ObservedRelation, RelationKind,
    SourceKey, SourceName, Timestamp,
};

const RELATIONS_PER_ITEM: usize = 5;

/// When one in ten relations ends, and when another one in ten begins, in nanoseconds.
const ENDED: i64 = 500;
const BEGUN: i64 = 700;

/// One relation of the made estate.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) dependent: usize,
    pub(crate) provider: usize,
    pub(crate) from: i64,
    pub(crate) until: i64,
}

/// What the estate holds, the relations of one item side by side.
pub(crate) fn pairs(items: usize) -> Vec<Pair> {
    let mut random = Random::new(7);
    let mut pairs: Vec<Pair> = Vec::with_capacity(items * RELATIONS_PER_ITEM);
    let mut dependents: Vec<usize> = (1..items).collect();
    for place in (1..dependents.len()).rev() {
        dependents.swap(place, random.below(place + 1));
    }
    for dependent in dependents {
        let first = pairs.len();
        for _ in 0..RELATIONS_PER_ITEM {
            // Most needs lie near by, one in fifty is a hub.
            let near = dependent.saturating_sub(1 + random.below(1_000.min(dependent)));
            let hub = random.below(items / 1_000 + 1);
            let provider = if random.below(50) == 0 { hub } else { near };
            let (from, until) = match random.below(10) {
                0 => (0, ENDED),
                1 => (BEGUN, i64::MAX),
                _ => (0, i64::MAX),
            };
            if pairs[first..].iter().all(|pair| pair.provider != provider) {
                pairs.push(Pair {
                    dependent,
                    provider,
                    from,
                    until,
                });
            }
        }
    }
    pairs
}

/// The numbers that items get as they are first mentioned.
pub(crate) fn by_arrival(items: usize, pairs: &[Pair]) -> Vec<usize> {
    let mut numbers = vec![usize::MAX; items];
    let mut next = 0;
    let ends = pairs
        .iter()
        .flat_map(|pair| [pair.dependent, pair.provider]);
    for item in ends.chain(0..items) {
        if numbers[item] == usize::MAX {
            numbers[item] = next;
            next += 1;
        }
    }
    numbers
}

/// The same with other numbers for the items.
pub(crate) fn renumbered(pairs: &[Pair], numbers: &[usize]) -> Vec<Pair> {
    let renumber = |pair: &Pair| Pair {
        dependent: numbers[pair.dependent],
        provider: numbers[pair.provider],
        ..*pair
    };
    pairs.iter().map(renumber).collect()
}

/// What the source calls an item.
pub(crate) fn name(item: usize) -> SourceKey {
    let parts = KeyParts::new("service", format!("service-{item}"));
    SourceKey::Parts(parts.in_environment(Some("prod".to_owned())))
}

/// What the source says of a relation.
pub(crate) fn envelope(position: u64, pair: Pair) -> EventEnvelope {
    let until = (pair.until != i64::MAX).then(|| Timestamp::from_unix_nanos(pair.until));
    EventEnvelope {
        position: LogPosition::new(position),
        recorded_at: Timestamp::from_unix_nanos(1_000),
        id: EventId {
            source: SourceName::new("bench"),
            delivery: position.to_string(),
        },
        occurred_at: Timestamp::from_unix_nanos(pair.from),
        actor: Actor::default(),
        event: Event::RelationObserved(ObservedRelation {
            dependent: name(pair.dependent),
            provider: name(pair.provider),
            kind: RelationKind::new("calls"),
            strength: None,
            valid_from: Some(Timestamp::from_unix_nanos(pair.from)),
            valid_until: until,
            report_interval_ms: None,
        }),
    }
}
