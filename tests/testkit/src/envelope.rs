//! Events as the log would hand them out.

use model::{EventEnvelope, LogPosition, NewEvent, Timestamp};

/// A moment of 2026-01-01, as in `10:30`.
pub fn at(clock: &str) -> Timestamp {
    format!("2026-01-01T{clock}:00Z")
        .parse()
        .expect("a test writes times as hh:mm")
}

/// The facts of a text in the order of its lines, as a log would hold them.
pub fn envelopes(text: &str) -> Vec<EventEnvelope> {
    envelopes_of(crate::events(text))
}

/// The given events at positions from 1.
pub fn envelopes_of(events: Vec<NewEvent>) -> Vec<EventEnvelope> {
    let numbered = (1..).map(LogPosition::new).zip(events);
    numbered
        .map(|(position, event)| EventEnvelope {
            position,
            recorded_at: at("12:00")
                .plus_millis(i64::try_from(position.number()).expect("a small number")),
            id: event.id,
            occurred_at: event.occurred.at(),
            actor: event.actor,
            event: event.event,
        })
        .collect()
}

/// The same events in an order that depends on the seed.
pub fn shuffled(mut events: Vec<NewEvent>, seed: u64) -> Vec<NewEvent> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    for index in (1..events.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).expect("31 bits") % (index + 1);
        events.swap(index, other);
    }
    events
}
