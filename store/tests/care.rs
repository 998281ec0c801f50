//! Verify, count, export, import.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![expect(dead_code, reason = "the suite is shared")]

mod suite;

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{LogPosition, NewEvent, Occurred, Timestamp};
use store::{CareError, EventLog, MemoryLog, SegmentLog, VerifyReport};
use suite::{SMALL, TestClock, change, everything};

const EVENTS: u64 = 200;

fn open(path: &Path) -> SegmentLog {
    SegmentLog::open(path, SMALL, Arc::new(TestClock::default())).unwrap()
}

fn events() -> Vec<NewEvent> {
    let one = |n: u64| {
        let mut new = change(
            &n.to_string(),
            &"word ".repeat(if n.is_multiple_of(50) { 1_000 } else { 10 }),
        );
        if n.is_multiple_of(3) {
            new.occurred = Occurred::Stated(Timestamp::from_unix_millis(5));
        }
        new
    };
    (0..EVENTS).map(one).collect()
}

async fn written(path: &Path) {
    open(path).append(events()).await.unwrap();
}

fn verify(path: &Path) -> VerifyReport {
    store::verify(path, &mut |_| {}).unwrap()
}

fn sealed(path: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(path).unwrap();
    let mut paths: Vec<PathBuf> = names.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "sealed"));
    paths.sort();
    paths
}

/// The places of the records in the bytes of a segment.
fn records(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut offset = 128;
    while offset + 12 <= bytes.len() {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let length = match &bytes[offset..offset + 4] {
            b"\xFFrec" => word(offset + 8),
            b"\xFFend" => 64,
            _ => break,
        };
        if &bytes[offset..offset + 4] == b"\xFFrec" {
            found.push(offset..offset + length);
        }
        offset += length;
    }
    found
}

#[tokio::test]
async fn a_whole_log_verifies_and_its_digest_says_what_it_holds() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for directory in [&one, &other] {
        written(directory.path()).await;
    }
    let mut steps = Vec::new();
    let report = store::verify(one.path(), &mut |progress| steps.push(progress)).unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(
        (report.records, report.head, report.torn),
        (EVENTS, LogPosition::new(EVENTS), None)
    );
    assert_eq!(report.rebuildable, Vec::<String>::new());
    assert_eq!(steps.last().map(|step| step.records), Some(EVENTS));
    assert!(3 < report.segments);
    assert_ne!(report.digest, [0; 32]);
    open(other.path())
        .append(vec![change("more", "a")])
        .await
        .unwrap();
    assert_ne!(verify(other.path()).digest, report.digest);
}

#[tokio::test]
async fn an_empty_log_verifies() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let report = verify(directory.path());
    assert!(report.is_sound(), "{report}");
    assert_eq!(
        (report.records, report.segments, report.digest),
        (0, 0, [0; 32])
    );
}

#[tokio::test]
async fn a_flipped_byte_a_missing_record_and_a_changed_order_are_located() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path()).await;
    let path = &sealed(directory.path())[1];
    let whole = fs::read(path).unwrap();
    let places = records(&whole);
    let first = whole[places[0].start + 16..][..8].try_into().unwrap();
    let first = u64::from_le_bytes(first);

    let mut flipped = whole.clone();
    flipped[places[2].start + 100] ^= 0x20;
    fs::write(path, flipped).unwrap();
    let report = verify(directory.path());
    assert_eq!(report.damages.len(), 1, "{report}");
    assert_eq!(report.damages[0].at, LogPosition::new(first + 2));
    assert_eq!(report.damages[0].place.segment, 2);
    assert_eq!(report.damages[0].place.offset, places[2].start as u64);
    assert_eq!(report.records, EVENTS - 1);
    let at = LogPosition::new(first + 1);
    let read = open(directory.path()).read(at, suite::ALL).unwrap_err();
    assert!(
        matches!(read, store::ReadError::Damaged { at, .. } if at.number() == first + 2),
        "{read}"
    );

    let mut missing = whole.clone();
    missing.splice(places[2].clone(), []);
    missing.resize(whole.len(), 0);
    fs::write(path, missing).unwrap();
    let report = verify(directory.path());
    let found = report
        .damages
        .iter()
        .find(|damage| damage.reason.starts_with("a later record"));
    assert_eq!(
        found.map(|damage| damage.at.number()),
        Some(first + 2),
        "{report}"
    );

    let equal = |index: &usize| places[*index].len() == places[index + 1].len();
    let index = (0..places.len() - 1).find(equal).unwrap();
    let (one, two) = (places[index].clone(), places[index + 1].clone());
    let mut swapped = whole.clone();
    swapped[one.clone()].copy_from_slice(&whole[two.clone()]);
    swapped[two].copy_from_slice(&whole[one]);
    fs::write(path, swapped).unwrap();
    let report = verify(directory.path());
    assert!(!report.is_sound());
    assert_eq!(
        report.damages[0].at.number(),
        first + index as u64,
        "{report}"
    );
}

/// CRC32C, slow and obvious.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |state: u32, byte: &u8| {
        (0..8).fold(state ^ u32::from(*byte), |state, _| {
            (state >> 1) ^ (0x82F6_3B78 & (state & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(!0, step)
}

#[tokio::test]
async fn an_exchanged_record_with_a_good_checksum_is_located_by_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path()).await;
    let path = &sealed(directory.path())[1];
    let mut bytes = fs::read(path).unwrap();
    let places = records(&bytes);
    let record = &mut bytes[places[2].clone()];
    record[120] ^= 1;
    let covered = [&record[40..], &record[8..40]].concat();
    record[4..8].copy_from_slice(&crc32c(&covered).to_le_bytes());
    let position = u64::from_le_bytes(record[16..24].try_into().unwrap());
    let in_group = u32::from_le_bytes(record[12..16].try_into().unwrap());
    fs::write(path, bytes).unwrap();
    let report = verify(directory.path());
    assert_eq!(report.damages.len(), 1, "{report}");
    assert_eq!(report.records, EVENTS, "{report}");
    let group = position - u64::from(in_group);
    assert_eq!(report.damages[0].at.number(), group, "{report}");
    assert!(report.damages[0].reason.contains("chain"), "{report}");
}

#[tokio::test]
async fn a_log_of_another_format_is_refused_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let log = open(directory.path());
    log.append(vec![change("1", "a")]).await.unwrap();
    drop(log);
    let path = directory.path().join("00000001.segment");
    let mut bytes = fs::read(&path).unwrap();
    bytes[7] += 1;
    let covered = [&bytes[..8], &bytes[12..128]].concat();
    bytes[8..12].copy_from_slice(&crc32c(&covered).to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let clock = Arc::new(TestClock::default());
    let refused = SegmentLog::open(directory.path(), SMALL, clock);
    let refused = refused.err().map(|error| error.to_string()).unwrap();
    assert!(refused.contains("has format 3"), "{refused}");
    let refused = store::verify(directory.path(), &mut |_| {}).unwrap_err();
    assert!(matches!(refused, CareError::Open(_)), "{refused}");
}

#[tokio::test]
async fn a_log_verifies_while_it_is_written_to() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let path = directory.path().to_owned();
    let (written, is_written) = tokio::sync::watch::channel(false);
    let verified = tokio::task::spawn_blocking(move || {
        while !*is_written.borrow() {
            let report = verify(&path);
            assert!(report.is_sound(), "{report}");
        }
    });
    for batch in 0..200 {
        let batch =
            (batch * 7..(batch + 1) * 7).map(|n| change(&n.to_string(), &"word ".repeat(40)));
        log.append(batch.collect()).await.unwrap();
    }
    written.send_replace(true);
    verified.await.unwrap();
    assert!(100 < verify(directory.path()).segments);
}

#[tokio::test]
async fn a_missing_segment_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path()).await;
    fs::remove_file(&sealed(directory.path())[1]).unwrap();
    let report = verify(directory.path());
    assert!(
        report
            .damages
            .iter()
            .any(|damage| damage.reason == "the segment is missing"),
        "{report}"
    );
}

#[tokio::test]
async fn stats_count_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path()).await;
    let stats = store::stats(directory.path(), &mut |_| {}).unwrap();
    assert_eq!(
        (stats.records, stats.head),
        (EVENTS, Some(LogPosition::new(EVENTS)))
    );
    assert_eq!(stats.events["change.recorded"], EVENTS);
    assert_eq!(stats.sources["deployer"], EVENTS);
    assert!(stats.stored_payload_bytes < stats.payload_bytes);
    assert!(stats.payload_bytes < stats.file_bytes);
}

#[tokio::test]
async fn what_is_exported_can_be_imported_once() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path()).await;
    let mut lines = Vec::new();
    let count = store::export(
        directory.path(),
        LogPosition::ZERO,
        None,
        &mut lines,
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(count, EVENTS);
    let mut again = Vec::new();
    store::export(
        directory.path(),
        LogPosition::ZERO,
        None,
        &mut again,
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(lines, again);

    let copy = MemoryLog::new(Arc::new(TestClock::default()));
    for expected in [(EVENTS, 0), (0, EVENTS)] {
        let mut input = BufReader::new(lines.as_slice());
        let report = store::import(&copy, &mut input, &mut |_| {}).await.unwrap();
        assert_eq!((report.recorded, report.duplicates), expected);
        assert_eq!(report.conflicts, 0);
    }
    let original = open(directory.path());
    for (copied, event) in everything(&copy).iter().zip(everything(&original)) {
        assert_eq!(
            (&copied.id, copied.occurred_at, &copied.actor, &copied.event),
            (&event.id, event.occurred_at, &event.actor, &event.event)
        );
    }
    // What the sender stated stays stated: the original delivery is the same event, also in the copy.
    let outcomes = copy.append(events()).await.unwrap();
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, store::Appended::Duplicate(_)))
    );
}

#[tokio::test]
async fn an_import_names_the_line_it_cannot_read() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path()).await;
    let mut lines = Vec::new();
    store::export(
        directory.path(),
        LogPosition::new(EVENTS - 2),
        None,
        &mut lines,
        &mut |_| {},
    )
    .unwrap();
    lines.extend_from_slice(b"{\"no\":\"event\"}\n");
    let log = MemoryLog::new(Arc::new(TestClock::default()));
    let refused = store::import(&log, &mut BufReader::new(lines.as_slice()), &mut |_| {}).await;
    assert!(matches!(refused, Err(CareError::Line { line: 3, .. })));
}
