use std::sync::Arc;

use api::Texts;
use graph::{Estate, Projection};
use index::{Index, TextConfig, TextIndex, TextQuestion};
use model::{
    Actor, Change, Event, EventId, LogPosition, NewEvent, Occurred, SourceName, SourceRef,
};
use store::{EventLog, KeyValueConfig, MemoryLog, ReadLimit};
use tempfile::tempdir;

use super::*;
use crate::clock::SystemClock;

/// The statement that makes the next change of a test; every tenth speaks of the change before it.
fn statement(number: usize) -> NewEvent {
    let reference = SourceRef {
        source: SourceName::new("ci"),
        source_id: (number - usize::from(number % 10 == 9)).to_string(),
    };
    let mut change = Change::new(&reference);
    change.title = Some("deploy".to_owned());
    NewEvent {
        id: EventId {
            source: SourceName::new("ci"),
            delivery: number.to_string(),
        },
        occurred: Occurred::Stated(Timestamp::from_unix_millis(0)),
        actor: Actor::default(),
        event: Event::ChangeRecorded(Box::new(change)),
    }
}

#[tokio::test]
async fn a_full_text_that_is_behind_says_how_far_it_was_searched() {
    let folder = tempdir().expect("a folder");
    let config = KeyValueConfig {
        cache_bytes: 8 << 20,
        inline_bytes_max: 1_000,
        flush_every_bytes: 1 << 20,
    };
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new(Arc::new(SystemClock)));
    let mut index = Index::open(folder.path().join("index"), config).expect("an index");
    let mut texts = TextIndex::new(
        folder.path().join("texts"),
        TextConfig {
            writer_bytes: 15_000_000,
        },
    );
    let searched = SearchedTexts {
        texts: texts.reader(),
        index: index.reader(),
        log: Arc::clone(&log),
    };
    let question = TextQuestion {
        query: Some("deploy".parse().expect("a query")),
        ..TextQuestion::default()
    };
    let mut estate = Estate::default();
    let mut told = Vec::new();
    // What one question reads beside the full text, less than that, and more.
    for (from, to) in [(0, 100), (100, 6_000), (6_000, 6_000)] {
        let known = log.head();
        let events: Vec<NewEvent> = (from..to).map(statement).collect();
        log.append(events).await.expect("an append");
        index.catch_up(&*log, &mut |_| {}).expect("an index");
        let all = ReadLimit {
            events: usize::MAX,
            bytes: usize::MAX,
        };
        for envelope in log.read(known, all).expect("a read") {
            estate.apply(&envelope);
        }
        if from == to {
            while texts.step(&*log, &index.reader()).expect("a step").reached < log.head() {}
            texts.commit().expect("a commit");
        }
        let view = estate.publish();
        let changes = view.changes_count();
        let answer = searched
            .find(question.clone(), view)
            .await
            .expect("an answer");
        let (found, seen) = (answer.found.changes.len(), answer.seen);
        told.push((found == changes, seen == log.head(), answer.cut));
        let seen = usize::try_from(seen.number()).expect("a small number");
        assert_eq!(found, seen - seen / 10, "what was seen was searched");
        assert!(found == changes || found == BESIDE_MAX);
    }
    assert_eq!(
        told,
        [
            (true, true, false),
            (false, false, true),
            (true, true, false)
        ]
    );
    assert_eq!(log.head(), LogPosition::new(6_000));
}
