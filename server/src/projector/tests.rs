//! The loop over a log in memory.

use model::{
    Actor, Event, EventId, NewEvent, ObservedItem, Occurred, SourceKey, SourceName, Timestamp,
};
use std::num::NonZeroU64;
use store::{MemoryLog, SnapshotRetention, Snapshots};

use super::*;
use crate::clock::SystemClock;
use crate::config::Settings;

fn item(name: &str) -> NewEvent {
    NewEvent {
        id: EventId {
            source: SourceName::new("test"),
            delivery: name.to_owned(),
        },
        occurred: Occurred::Stated(Timestamp::from_unix_nanos(1)),
        actor: Actor::default(),
        event: Event::ItemObserved(ObservedItem::new(SourceKey::text(format!(
            "service:{name}"
        )))),
    }
}

fn log() -> Arc<dyn EventLog> {
    Arc::new(MemoryLog::new(Arc::new(SystemClock)))
}

fn settings() -> ProjectorSettings {
    Settings::defaults().projector
}

fn start(log: &Arc<dyn EventLog>, saved: &Arc<SavedFolds>) -> Projector {
    Projector::start(Arc::clone(log), Arc::clone(saved), &settings()).unwrap()
}

async fn append(log: &Arc<dyn EventLog>, names: &[&str]) -> LogPosition {
    log.append(names.iter().map(|name| item(name)).collect())
        .await
        .unwrap();
    log.head()
}

fn archive() -> Arc<Archive> {
    Arc::new(Archive::new(0, None))
}

/// Long enough for any machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn whoever_waits_for_a_position_gets_a_view_that_holds_it() {
    let log = log();
    let projector = start(
        &log,
        &Arc::new(SavedFolds::new(Arc::clone(&log), None, archive())),
    );
    let published = projector.published();
    let head = append(&log, &["a", "b"]).await;
    let view = published.at_least(head, PATIENCE).await.unwrap();
    assert_eq!(view.items().count(), 2);
    let beyond = published.at_least(head.next(), Duration::ZERO).await;
    assert_eq!(beyond.err(), Some(Behind { reached: head }));
    projector.stop();
}

#[tokio::test]
async fn a_state_of_the_past_holds_what_was_known_then() {
    let log = log();
    let saved = Arc::new(SavedFolds::new(Arc::clone(&log), None, archive()));
    let projector = start(&log, &saved);
    let first = append(&log, &["a"]).await;
    let head = append(&log, &["b"]).await;
    let published = projector.published();
    let newest = published.at_least(head, PATIENCE).await.unwrap();
    let past = Arc::new(Past::new(Arc::clone(&log), saved, published, settings()));

    let then = past.at(first).await.unwrap();
    assert_eq!((then.position(), then.items().count()), (first, 1));
    assert!(Arc::ptr_eq(&past.at(first).await.unwrap(), &then));
    assert!(Arc::ptr_eq(&past.at(head).await.unwrap(), &newest));
    let beyond = past.at(head.next()).await;
    assert!(matches!(beyond, Err(PastError::BeyondLog { head: found }) if found == head));
    let now = past.at_moment(Timestamp::MAX).await.unwrap();
    assert_eq!(now.position(), head);
    let before_all = past.at_moment(Timestamp::MIN).await.unwrap();
    assert_eq!(before_all.position(), LogPosition::ZERO);
    projector.stop();
}

#[tokio::test]
async fn a_saved_state_and_the_rest_are_the_same_as_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let retention = SnapshotRetention {
        newest: 2,
        one_per_events: NonZeroU64::MIN,
        older_max: 2,
    };
    let snapshots = Snapshots::open(folder.path(), retention).unwrap();
    let log = log();
    let saved = Arc::new(SavedFolds::new(
        Arc::clone(&log),
        Some(snapshots),
        archive(),
    ));
    let projector = start(&log, &saved);
    let middle = append(&log, &["a", "b"]).await;
    projector.stop();
    assert_eq!(saved.restore(LogPosition::new(u64::MAX)).position(), middle);

    let head = append(&log, &["c"]).await;
    let resumed = start(&log, &saved);
    let whole = start(
        &log,
        &Arc::new(SavedFolds::new(Arc::clone(&log), None, archive())),
    );
    let one = resumed.published().at_least(head, PATIENCE).await.unwrap();
    let other = whole.published().at_least(head, PATIENCE).await.unwrap();
    assert_eq!(one.state_hash(), other.state_hash());
    resumed.stop();
    whole.stop();
}

#[tokio::test]
async fn the_saved_state_of_another_log_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let retention = SnapshotRetention {
        newest: 2,
        one_per_events: NonZeroU64::MIN,
        older_max: 2,
    };
    let open = |log: &Arc<dyn EventLog>| {
        let snapshots = Snapshots::open(folder.path(), retention).unwrap();
        Arc::new(SavedFolds::new(Arc::clone(log), Some(snapshots), archive()))
    };
    let (one, other) = (log(), log());
    append(&one, &["a"]).await;
    append(&other, &["b"]).await;
    start(&one, &open(&one)).stop();
    assert_eq!(open(&one).restore(one.head()).position(), one.head());
    assert_eq!(
        open(&other).restore(other.head()).position(),
        LogPosition::ZERO
    );
}
