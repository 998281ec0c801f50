//! The promises of an event log, each as a check that any log can be put through.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use model::{
    Actor, ActorKind, Change, Clock, Event, EventEnvelope, EventId, LogPosition, NewEvent,
    Occurred, SourceName, SourceRef, Timestamp,
};
use store::{AppendError, Appended, EventLog, LogHealth, ReadLimit, SegmentConfig};

/// Small segments turn over often; the delay makes groups of what is written at once.
pub(crate) const SMALL: SegmentConfig = SegmentConfig {
    segment_bytes: 4 * 1024,
    group_bytes: 1024,
    group_delay: Duration::from_micros(200),
    queue_bytes: 64 * 1024 * 1024,
};

/// A clock that goes on by a second whenever it is asked.
#[derive(Default)]
pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

/// A change, delivered under the id, saying the title.
pub(crate) fn change(delivery: &str, title: &str) -> NewEvent {
    let mut change = Change::new(&SourceRef {
        source: SourceName::new("deployer"),
        source_id: delivery.to_owned(),
    });
    change.title = Some(title.to_owned());
    NewEvent {
        id: EventId {
            source: SourceName::new("deployer"),
            delivery: delivery.to_owned(),
        },
        occurred: Occurred::Received(Timestamp::from_unix_millis(1)),
        actor: Actor {
            kind: ActorKind::Automatic,
            name: Some("robot".to_owned()),
        },
        event: Event::ChangeRecorded(Box::new(change)),
    }
}

/// Without bounds.
pub(crate) const ALL: ReadLimit = ReadLimit {
    events: usize::MAX,
    bytes: usize::MAX,
};

/// Everything the log holds.
pub(crate) fn everything(log: &dyn EventLog) -> Vec<EventEnvelope> {
    let mut all: Vec<EventEnvelope> = Vec::new();
    loop {
        let after = all
            .last()
            .map_or(LogPosition::ZERO, |envelope| envelope.position);
        let more = log.read(after, ALL).unwrap();
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

/// Runs every promise on a fresh log each.
pub(crate) async fn for_each_promise(fresh: impl AsyncFn() -> Arc<dyn EventLog>) {
    an_empty_log_stands_at_zero(&*fresh().await);
    positions_are_gapless_from_one(&*fresh().await).await;
    what_is_read_is_what_was_written(&*fresh().await).await;
    a_retry_returns_the_first_position(&*fresh().await).await;
    a_stated_time_belongs_to_the_content(&*fresh().await).await;
    another_content_is_a_conflict_and_is_not_written(&*fresh().await).await;
    a_batch_may_hold_its_own_duplicates(&*fresh().await).await;
    a_read_is_bounded_and_gives_at_least_one(&*fresh().await).await;
    a_too_large_event_refuses_its_batch(&*fresh().await).await;
    recorded_times_never_go_back(&*fresh().await).await;
    the_head_can_be_followed_without_a_gap(fresh().await).await;
    concurrent_writers_lose_and_double_nothing(fresh().await).await;
    the_same_event_from_many_writers_is_recorded_once(fresh().await).await;
}

fn an_empty_log_stands_at_zero(log: &dyn EventLog) {
    assert_eq!(log.head(), LogPosition::ZERO);
    assert_eq!(*log.watch_head().borrow(), LogPosition::ZERO);
    assert_eq!(log.health(), LogHealth::Writable);
    assert_eq!(log.read(LogPosition::ZERO, ALL).unwrap(), []);
    assert_eq!(log.read(LogPosition::new(7), ALL).unwrap(), []);
}

async fn positions_are_gapless_from_one(log: &dyn EventLog) {
    let first = log
        .append(vec![change("1", "a"), change("2", "b")])
        .await
        .unwrap();
    let second = log.append(vec![change("3", "c")]).await.unwrap();
    assert_eq!(first, [recorded(1), recorded(2)]);
    assert_eq!(second, [recorded(3)]);
    assert_eq!(log.append(Vec::new()).await.unwrap(), []);
    assert_eq!(log.head(), LogPosition::new(3));
}

async fn what_is_read_is_what_was_written(log: &dyn EventLog) {
    let mut stated = change("2", &"long and dull ".repeat(1_000));
    stated.occurred = Occurred::Stated(Timestamp::from_unix_nanos(-7));
    stated.actor = Actor::default();
    let written = [change("1", "déjà vu \u{0} \u{1F680}"), stated];
    log.append(written.to_vec()).await.unwrap();
    let read = everything(log);
    assert_eq!(read.len(), written.len());
    for (envelope, new) in read.iter().zip(&written) {
        assert_eq!(envelope.id, new.id);
        assert_eq!(envelope.occurred_at, new.occurred.at());
        assert_eq!(envelope.actor, new.actor);
        assert_eq!(envelope.event, new.event);
    }
}

async fn a_retry_returns_the_first_position(log: &dyn EventLog) {
    let first = change("1", "a");
    let mut retry = first.clone();
    retry.occurred = Occurred::Received(Timestamp::from_unix_millis(99));
    log.append(vec![change("0", "before"), first])
        .await
        .unwrap();
    assert_eq!(
        log.append(vec![retry, change("2", "b")]).await.unwrap(),
        [duplicate(2), recorded(3)]
    );
    let times: Vec<Timestamp> = everything(log)
        .iter()
        .map(|envelope| envelope.occurred_at)
        .collect();
    assert_eq!(times, [Timestamp::from_unix_millis(1); 3]);
}

async fn a_stated_time_belongs_to_the_content(log: &dyn EventLog) {
    let at = |occurred| NewEvent {
        occurred,
        ..change("1", "a")
    };
    let (one, two) = (
        Timestamp::from_unix_millis(1),
        Timestamp::from_unix_millis(2),
    );
    log.append(vec![at(Occurred::Stated(one))]).await.unwrap();
    let outcomes = log
        .append(vec![
            at(Occurred::Stated(one)),
            at(Occurred::Stated(two)),
            at(Occurred::Received(one)),
        ])
        .await
        .unwrap();
    assert_eq!(outcomes, [duplicate(1), conflict("1", 1), conflict("1", 1)]);
}

async fn another_content_is_a_conflict_and_is_not_written(log: &dyn EventLog) {
    log.append(vec![change("1", "a")]).await.unwrap();
    let mut other_actor = change("1", "a");
    other_actor.actor.name = None;
    let mut other_source = change("1", "b");
    other_source.id.source = SourceName::new("flagger");
    let outcomes = log
        .append(vec![change("1", "b"), other_actor, other_source])
        .await
        .unwrap();
    assert_eq!(outcomes, [conflict("1", 1), conflict("1", 1), recorded(2)]);
    assert_eq!(everything(log).len(), 2);
}

async fn a_batch_may_hold_its_own_duplicates(log: &dyn EventLog) {
    let batch = vec![
        change("1", "a"),
        change("1", "a"),
        change("1", "b"),
        change("2", "c"),
    ];
    let outcomes = log.append(batch).await.unwrap();
    assert_eq!(
        outcomes,
        [recorded(1), duplicate(1), conflict("1", 1), recorded(2)]
    );
}

async fn a_read_is_bounded_and_gives_at_least_one(log: &dyn EventLog) {
    let batch: Vec<NewEvent> = (0..100)
        .map(|n| change(&n.to_string(), "a title"))
        .collect();
    log.append(batch).await.unwrap();
    let count = |after, events, bytes| {
        log.read(LogPosition::new(after), ReadLimit { events, bytes })
            .unwrap()
            .len()
    };
    assert_eq!(count(0, 7, usize::MAX), 7);
    assert_eq!(count(98, 7, usize::MAX), 2);
    assert_eq!(count(100, 7, usize::MAX), 0);
    assert_eq!(count(0, 0, 0), 1);
    assert_eq!(count(0, usize::MAX, 1), 1);
    let some = count(0, usize::MAX, 1_000);
    assert!(1 < some && some < 100, "{some}");
}

async fn a_too_large_event_refuses_its_batch(log: &dyn EventLog) {
    let large = change("1", &"x".repeat(model::bounds::EVENT_BYTES));
    let refused = log
        .append(vec![change("0", "small"), large])
        .await
        .unwrap_err();
    assert!(matches!(refused, AppendError::TooLarge { id, .. } if id.delivery == "1"));
    assert_eq!(
        log.append(vec![change("2", "a")]).await.unwrap(),
        [recorded(1)]
    );
}

async fn recorded_times_never_go_back(log: &dyn EventLog) {
    for n in 0..5 {
        log.append(vec![change(&n.to_string(), "a")]).await.unwrap();
    }
    let times: Vec<Timestamp> = everything(log)
        .iter()
        .map(|envelope| envelope.recorded_at)
        .collect();
    assert!(times.is_sorted());
}

async fn the_head_can_be_followed_without_a_gap(log: Arc<dyn EventLog>) {
    let mut head = log.watch_head();
    let writer = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            for n in 0..50 {
                log.append(vec![change(&n.to_string(), "a")]).await.unwrap();
            }
        }
    });
    let mut seen = LogPosition::ZERO;
    while seen < LogPosition::new(50) {
        head.wait_for(|head| seen < *head).await.unwrap();
        for envelope in log.read(seen, ALL).unwrap() {
            assert_eq!(envelope.position, seen.next());
            seen = envelope.position;
        }
    }
    writer.await.unwrap();
    assert_eq!(seen, log.head());
}

async fn concurrent_writers_lose_and_double_nothing(log: Arc<dyn EventLog>) {
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0..20 {
                    let delivery = format!("{writer}-{n}");
                    let outcomes = log.append(vec![change(&delivery, "a")]).await.unwrap();
                    acknowledged.push((delivery, outcomes));
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let read = everything(&*log);
    assert_eq!(read.len(), acknowledged.len());
    for (delivery, outcomes) in acknowledged {
        let [Appended::Recorded(position)] = outcomes.as_slice() else {
            panic!("{delivery}: {outcomes:?}")
        };
        let index = usize::try_from(position.number() - 1).unwrap();
        assert_eq!(read[index].id.delivery, delivery);
    }
}

async fn the_same_event_from_many_writers_is_recorded_once(log: Arc<dyn EventLog>) {
    let writers: Vec<_> = (0..16)
        .map(|_| tokio::spawn(log.append(vec![change("1", "a")])))
        .collect();
    let mut recordings = 0;
    for writer in writers {
        match writer.await.unwrap().unwrap().as_slice() {
            [Appended::Recorded(position)] if position.number() == 1 => recordings += 1,
            [Appended::Duplicate(position)] if position.number() == 1 => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((recordings, log.head()), (1, LogPosition::new(1)));
}

pub(crate) fn recorded(position: u64) -> Appended {
    Appended::Recorded(LogPosition::new(position))
}

pub(crate) fn duplicate(position: u64) -> Appended {
    Appended::Duplicate(LogPosition::new(position))
}

pub(crate) fn conflict(delivery: &str, first: u64) -> Appended {
    let id = EventId {
        source: SourceName::new("deployer"),
        delivery: delivery.to_owned(),
    };
    Appended::Conflict {
        id,
        first: LogPosition::new(first),
    }
}
