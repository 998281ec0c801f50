//! The process is killed, bits flip, the end of a file is gone: what was acknowledged is
//! there, once, or the damage is found. Nothing is ever silently wrong.
//!
//! A killed process proves little, since the system keeps what was written; `tests/powercut`
//! cuts the power.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![expect(dead_code, reason = "the suite is shared")]

mod suite;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::{EventEnvelope, LogPosition, NewEvent};
use store::{Appended, EventLog, OpenError, SegmentConfig, SegmentLog};
use suite::{SMALL, TestClock, change, everything};

const DIRECTORY: &str = "EPICENTER_CRASH_DIRECTORY";
const ROUND: &str = "EPICENTER_CRASH_ROUND";
const ROUNDS: u64 = 25;
const WRITERS: u64 = 16;

const CRASHING: SegmentConfig = SegmentConfig {
    segment_bytes: 64 * 1024,
    group_bytes: 16 * 1024,
    group_delay: Duration::ZERO,
    queue_bytes: 1024 * 1024,
};

fn open(path: &Path, config: SegmentConfig) -> Result<SegmentLog, OpenError> {
    SegmentLog::open(path, config, Arc::new(TestClock::default()))
}

/// Not a test by itself: the process that is killed. It says what was acknowledged, one line each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_until_it_is_killed() {
    let (Ok(path), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else {
        return;
    };
    let log = Arc::new(open(Path::new(&path), CRASHING).unwrap());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (log, round) = (Arc::clone(&log), round.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    let delivery = format!("{round}-{writer}-{n}");
                    let outcomes = log
                        .append(vec![change(&delivery, &"x".repeat(n % 700))])
                        .await
                        .unwrap();
                    let [Appended::Recorded(position)] = outcomes[..] else {
                        panic!("{outcomes:?}")
                    };
                    let line = format!("acknowledged {delivery} {position}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Starts the writing process, kills it after some acknowledgements, and answers with all of them.
fn killed_after(path: &Path, round: u64, lines_wanted: usize) -> Vec<(String, u64)> {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "writes_until_it_is_killed",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(DIRECTORY, path)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    let mut killed = false;
    // The pipe outlives the process: what was said before it was killed is read to the end.
    while said.read_line(&mut line).unwrap() != 0 {
        let mut words = line.trim_end().rsplit(' ');
        let (position, delivery) = (words.next(), words.next());
        let is_whole = line.ends_with('\n') && line.contains("acknowledged ");
        if let (true, Some(position), Some(delivery)) = (is_whole, position, delivery) {
            acknowledged.push((delivery.to_owned(), position.parse().unwrap()));
        }
        if lines_wanted <= acknowledged.len() && !killed {
            process.kill().unwrap();
            killed = true;
        }
        line.clear();
    }
    process.wait().unwrap();
    assert!(
        killed,
        "it ended by itself after {} acknowledgements",
        acknowledged.len()
    );
    acknowledged
}

#[tokio::test]
async fn a_killed_process_loses_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..ROUNDS {
        let wanted = 40 + usize::try_from(round * 37 % 200).unwrap();
        all.extend(killed_after(directory.path(), round, wanted));
        let log = open(directory.path(), CRASHING).unwrap();
        let there = everything(&log);
        for (delivery, position) in &all {
            let index = usize::try_from(position - 1).unwrap();
            let found = there.get(index).map(|envelope| &envelope.id.delivery);
            assert_eq!(found, Some(delivery), "round {round}: position {position}");
        }
        let mut deliveries: Vec<&String> =
            there.iter().map(|envelope| &envelope.id.delivery).collect();
        deliveries.sort_unstable();
        deliveries.dedup();
        assert_eq!(
            deliveries.len(),
            there.len(),
            "round {round}: something stands twice"
        );
        let retried: Vec<NewEvent> = there.iter().map(as_sent).collect();
        let outcomes = log.append(retried).await.unwrap();
        let all_known = outcomes.iter().zip(&there);
        for (outcome, envelope) in all_known {
            assert_eq!(
                *outcome,
                Appended::Duplicate(envelope.position),
                "round {round}"
            );
        }
    }
    let report = store::verify(directory.path(), &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report}");
}

fn as_sent(envelope: &EventEnvelope) -> NewEvent {
    NewEvent {
        id: envelope.id.clone(),
        occurred: model::Occurred::Received(envelope.occurred_at),
        actor: envelope.actor.clone(),
        event: envelope.event.clone(),
    }
}

/// A closed log of some segments, and what it holds.
async fn closed_log(path: &Path) -> Vec<EventEnvelope> {
    let log = open(path, SMALL).unwrap();
    for n in 0..60 {
        let title = "word ".repeat(10 + n % 7);
        log.append(vec![change(&n.to_string(), &title)])
            .await
            .unwrap();
    }
    everything(&log)
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.metadata().unwrap().len() != 0);
    files.sort();
    files
}

/// What became of a log that was tampered with. It panics if anything is silently wrong.
async fn judge(path: &Path, written: &[EventEnvelope], case: &str) -> &'static str {
    let report = store::verify(path, &mut |_| {}).unwrap();
    let log = match open(path, SMALL) {
        Ok(log) => log,
        Err(OpenError::Damaged { .. } | OpenError::SegmentMissing(_)) => {
            assert!(!report.is_sound(), "{case}: refused to open, yet verified");
            return "refused";
        }
        Err(other) => panic!("{case}: {other}: {other:?}"),
    };
    let mut after = LogPosition::ZERO;
    let outcome = loop {
        let one = store::ReadLimit {
            events: 1,
            bytes: usize::MAX,
        };
        match log.read(after, one) {
            Ok(read) => match read.first() {
                None if report.is_sound()
                    && report.torn.is_none()
                    && report.rebuildable.is_empty() =>
                {
                    break "whole";
                }
                None => break "found",
                Some(envelope) => {
                    let index = usize::try_from(after.number()).unwrap();
                    assert_eq!(envelope, &written[index], "{case}: silently wrong");
                    after = envelope.position;
                }
            },
            Err(store::ReadError::Damaged { .. }) => {
                assert!(!report.is_sound(), "{case}: cannot be read, yet verified");
                return "read refused";
            }
            Err(other) => panic!("{case}: {other}"),
        }
    };
    assert_eq!(
        after.number(),
        written.len() as u64,
        "{case}: records are gone, {outcome}"
    );
    // Ids must still be known, even if their runs were hit.
    let outcomes = log
        .append(written.iter().map(as_sent).collect())
        .await
        .unwrap();
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Appended::Duplicate(_))),
        "{case}"
    );
    outcome
}

#[tokio::test]
async fn every_flipped_bit_is_found() {
    let original = scratch();
    let written = closed_log(original.path()).await;
    let files = files(original.path());
    let bytes_total: u64 = files
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    let mut outcomes: BTreeMap<&str, u32> = BTreeMap::new();
    for flip in 0..200_u64 {
        // Spread evenly over all files, each time another bit.
        let mut offset = flip * bytes_total / 200 + flip * 7 % (bytes_total / 200);
        let mut hit = files.iter();
        let file = loop {
            let file = hit.next().unwrap();
            let length = file.metadata().unwrap().len();
            if offset < length {
                break file;
            }
            offset -= length;
        };
        let copy = copied(original.path());
        let name = file.file_name().unwrap();
        let mut bytes = fs::read(file).unwrap();
        bytes[usize::try_from(offset).unwrap()] ^= 1 << (flip % 8);
        fs::write(copy.path().join(name), bytes).unwrap();
        let case = format!("bit {} of byte {offset} in {}", flip % 8, name.display());
        let outcome = judge(copy.path(), &written, &case).await;
        assert_ne!(outcome, "whole", "{case}: not found");
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("{outcomes:?}");
    assert!(
        0 < outcomes["refused"] && 0 < outcomes["read refused"],
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn every_cut_of_the_last_records_is_found() {
    let original = scratch();
    let written = closed_log(original.path()).await;
    let last = files(original.path()).into_iter().rfind(|file| {
        let is_open = file.extension().is_some_and(|end| end == "segment");
        is_open && fs::read(file).unwrap()[0] != 0
    });
    let last = last.unwrap();
    let bytes = fs::read(&last).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for cut in end.saturating_sub(1_500)..bytes.len().min(end + 100) {
        let copy = copied(original.path());
        fs::write(copy.path().join(last.file_name().unwrap()), &bytes[..cut]).unwrap();
        let outcome = judge(copy.path(), &written, &format!("cut at {cut}")).await;
        assert_eq!(outcome, "refused", "cut at {cut}");
    }
}

/// In memory where there is such a place: these tests need no disk, and there are many copies.
fn scratch() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

fn copied(from: &Path) -> tempfile::TempDir {
    let to = scratch();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}
