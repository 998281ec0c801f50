//! Events of a given size.

use std::sync::atomic::{AtomicI64, Ordering};

use model::{
    Actor, Change, Clock, Event, EventId, NewEvent, Occurred, SourceKey, SourceName, SourceRef,
    Timestamp,
};

/// A clock that costs nothing.
#[derive(Default)]
pub(crate) struct BenchClock(AtomicI64);

impl Clock for BenchClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A change whose payload has about so many bytes.
pub(crate) fn event(number: u64, payload_bytes: usize) -> NewEvent {
    let id = format!("delivery-{number:016}");
    let mut change = Change::new(&SourceRef {
        source: SourceName::new("deployer"),
        source_id: id.clone(),
    });
    change.targets = vec![SourceKey::text("service:prod/shop/checkout")];
    change.environment = Some("prod".to_owned());
    change.kind = Some("deployment".to_owned());
    change.title = Some("Deploy checkout 1.4.2".to_owned());
    change.description = Some("x".repeat(payload_bytes.saturating_sub(210)));
    NewEvent {
        id: EventId {
            source: SourceName::new("deployer"),
            delivery: id,
        },
        occurred: Occurred::Stated(Timestamp::from_unix_millis(1)),
        actor: Actor::default(),
        event: Event::ChangeRecorded(Box::new(change)),
    }
}

/// All events of a run, in batches.
pub(crate) fn prepared_batches(
    events: usize,
    batch: usize,
    payload_bytes: usize,
) -> Vec<Vec<NewEvent>> {
    let all: Vec<NewEvent> = (0..events as u64)
        .map(|number| event(number, payload_bytes))
        .collect();
    all.chunks(batch).map(<[NewEvent]>::to_vec).collect()
}
