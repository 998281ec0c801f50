//! What a log in segment files promises beyond the suite: it is all there after it was closed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![expect(dead_code, reason = "the suite is shared")]

mod suite;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use model::NewEvent;
use store::{EventLog, LogHealth, OpenError, SegmentConfig, SegmentLog};
use suite::{SMALL, TestClock, change, conflict, duplicate, everything, recorded};

fn open(path: &Path) -> SegmentLog {
    try_open(path, SMALL).unwrap()
}

fn try_open(path: &Path, config: SegmentConfig) -> Result<SegmentLog, OpenError> {
    SegmentLog::open(path, config, Arc::new(TestClock::default()))
}

fn batch(numbers: std::ops::Range<u32>) -> Vec<NewEvent> {
    numbers.map(|n| change(&n.to_string(), "a title")).collect()
}

fn names_ending(path: &Path, end: &str) -> Vec<String> {
    let names = fs::read_dir(path).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.ends_with(end));
    names.sort();
    names
}

#[tokio::test]
async fn a_log_opens_again_with_all_it_held() {
    let directory = tempfile::tempdir().unwrap();
    let mut before = Vec::new();
    for round in 0..20 {
        let log = open(directory.path());
        assert_eq!(log.torn_tail(), None);
        assert_eq!(everything(&log), before);
        let outcomes = log
            .append(batch(round * 10..round * 10 + 10))
            .await
            .unwrap();
        assert_eq!(outcomes[0], recorded(u64::from(round) * 10 + 1));
        before = everything(&log);
    }
    assert_eq!(before.len(), 200);
    assert!(1 < names_ending(directory.path(), ".sealed").len());
}

#[tokio::test]
async fn a_retry_is_known_in_every_segment_and_after_its_runs_are_lost() {
    let directory = tempfile::tempdir().unwrap();
    let count = 1_500;
    open(directory.path())
        .append(batch(0..count))
        .await
        .unwrap();
    let all_known = async || {
        let log = open(directory.path());
        let outcomes = log.append(batch(0..count)).await.unwrap();
        let expected: Vec<_> = (1..=u64::from(count)).map(duplicate).collect();
        assert_eq!(outcomes, expected);
        assert_eq!(
            log.append(vec![change("7", "another")]).await.unwrap(),
            [conflict("7", 8)]
        );
        assert_eq!(log.head().number(), u64::from(count));
    };
    all_known().await;
    let runs = names_ending(directory.path(), ".ids");
    assert!(
        runs.iter()
            .any(|name| name.starts_with("00000001-00000064")),
        "{runs:?}"
    );
    for name in &runs {
        fs::remove_file(directory.path().join(name)).unwrap();
    }
    all_known().await;
    for name in names_ending(directory.path(), ".ids") {
        let path = directory.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    all_known().await;
    fs::remove_file(directory.path().join("ids.key")).unwrap();
    all_known().await;
}

#[tokio::test]
async fn two_processes_cannot_open_one_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    assert!(matches!(
        try_open(directory.path(), SMALL),
        Err(OpenError::Locked)
    ));
    drop(log);
    open(directory.path());
}

#[tokio::test]
async fn a_closed_log_takes_nothing_and_still_reads() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    log.append(batch(0..3)).await.unwrap();
    log.close();
    assert_eq!(log.health(), LogHealth::Closed);
    let refused = log.append(batch(3..4)).await.unwrap_err();
    assert!(matches!(refused, store::AppendError::Closed));
    assert_eq!(everything(&log).len(), 3);
}

#[tokio::test]
async fn a_missing_segment_is_named() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path()).append(batch(0..100)).await.unwrap();
    let sealed = names_ending(directory.path(), ".sealed");
    fs::remove_file(directory.path().join(&sealed[1])).unwrap();
    assert!(matches!(
        try_open(directory.path(), SMALL),
        Err(OpenError::SegmentMissing(2))
    ));
}

#[tokio::test]
async fn more_than_may_wait_is_refused_as_busy() {
    let directory = tempfile::tempdir().unwrap();
    let config = SegmentConfig {
        queue_bytes: 1,
        ..SMALL
    };
    let log = try_open(directory.path(), config).unwrap();
    let waiting: Vec<_> = (0..200)
        .map(|n| log.append(vec![change(&n.to_string(), "a")]))
        .collect();
    let mut taken = 0;
    for answer in waiting {
        match answer.await {
            Ok(_) => taken += 1,
            Err(store::AppendError::Busy) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!((1..200).contains(&taken), "{taken}");
    assert_eq!(log.head().number(), taken);
}
