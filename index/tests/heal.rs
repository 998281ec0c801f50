//! Whatever happens to its folder, the index ends with the content the log gives.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use index::{Index, IndexReader};
use model::{
    Actor, Change, ChangeId, Clock, Event, EventId, Incident, IncidentId, LogPosition, NewEvent,
    ObservedItem, Occurred, SourceKey, SourceName, SourceRef, Timestamp,
};
use proptest::prelude::*;
use store::{EventLog, KeyValueConfig, MemoryLog};
use tempfile::TempDir;

const CONFIG: KeyValueConfig = KeyValueConfig {
    cache_bytes: 8 << 20,
    inline_bytes_max: 1_000,
    flush_every_bytes: 1 << 20,
};

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(0)
    }
}

fn reference(number: u64) -> SourceRef {
    SourceRef {
        source: SourceName::new("deployer"),
        source_id: format!("thing-{}", number % 7),
    }
}

/// Changes with bodies of every size, incidents, items, in turn.
fn event(number: u64, told: &str) -> NewEvent {
    let long = told.repeat((number as usize * 37) % 4_000);
    let event = match number % 3 {
        0 => {
            let mut change = Change::new(&reference(number));
            change.description = Some(long);
            Event::ChangeRecorded(Box::new(change))
        }
        1 => {
            let mut incident = Incident::new(reference(number));
            incident.description = Some(long);
            Event::IncidentOpened(incident)
        }
        _ => {
            let mut item = ObservedItem::new(SourceKey::text("service:checkout"));
            item.attributes.insert("number".to_owned(), number.into());
            Event::ItemObserved(item)
        }
    };
    NewEvent {
        id: EventId {
            source: SourceName::new("deployer"),
            delivery: format!("{told}-{number}"),
        },
        occurred: Occurred::Stated(Timestamp::from_unix_millis(number as i64)),
        actor: Actor::default(),
        event,
    }
}

fn log_of(events: u64, told: &str) -> MemoryLog {
    let log = MemoryLog::new(Arc::new(StoppedClock));
    grow(&log, 1..events + 1, told);
    log
}

fn grow(log: &MemoryLog, numbers: std::ops::Range<u64>, told: &str) {
    let batch = numbers.map(|number| event(number, told)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(log.append(batch)).unwrap();
}

/// Opens and catches up, and says how many events that took.
fn start(folder: &Path, log: &MemoryLog) -> (Index, u64) {
    let mut index = Index::open(folder, CONFIG).unwrap();
    let mut taken = 0;
    index
        .catch_up(log, &mut |step| {
            assert!(step.from < step.reached && step.reached <= step.head);
            taken += step.reached.number() - step.from.number();
        })
        .unwrap();
    assert_eq!(index.position(), log.head());
    (index, taken)
}

/// What an index made from nothing holds.
fn expected(log: &MemoryLog) -> Vec<(&'static str, u64, u128)> {
    let folder = TempDir::new().unwrap();
    start(folder.path(), log).0.content().unwrap()
}

/// Checks that an index holds what the log gives, by digest and by asking.
fn assert_whole(index: &Index, log: &MemoryLog) {
    index.verify().unwrap();
    assert_eq!(index.content().unwrap(), expected(log));
    let reader = index.reader();
    let all = (0..7).map(|number| said_of(&reader, number, log.head()).len());
    let of_items = items(&reader, log.head()).len();
    assert_eq!(
        all.sum::<usize>() + of_items,
        usize::try_from(log.head().number()).unwrap()
    );
}

fn said_of(reader: &IndexReader, number: u64, until: LogPosition) -> Vec<u64> {
    let change = reader
        .change_statements(ChangeId::of(&reference(number)), until)
        .unwrap();
    let incident = reader
        .incident_statements(IncidentId::of(&reference(number)), until)
        .unwrap();
    let changes = change.statements.iter().map(|said| said.position.number());
    let incidents = incident
        .statements
        .iter()
        .map(|said| said.position.number());
    changes.chain(incidents).collect()
}

fn items(reader: &IndexReader, until: LogPosition) -> Vec<u64> {
    let source = SourceName::new("deployer");
    let key = SourceKey::text("service:checkout");
    let said = reader
        .item_observations(&source, &key, until.into())
        .unwrap();
    said.statements
        .iter()
        .map(|said| said.position.number())
        .collect()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let into = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &into);
        } else {
            fs::copy(entry.path(), into).unwrap();
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn statements_come_in_the_order_of_the_log_up_to_a_position() {
    let folder = TempDir::new().unwrap();
    let log = log_of(60, "a");
    let (index, _) = start(folder.path(), &log);
    let reader = index.reader();
    assert_eq!(
        said_of(&reader, 3, LogPosition::new(60)),
        [3, 24, 45, 10, 31, 52]
    );
    assert_eq!(said_of(&reader, 3, LogPosition::new(44)), [3, 24, 10, 31]);
    assert_eq!(items(&reader, LogPosition::new(8)), [2, 5, 8]);
    let change = ChangeId::of(&reference(3));
    let said = reader.change_statements(change, log.head()).unwrap();
    assert!(!said.truncated);
    let Event::ChangeRecorded(written) = event(45, "a").event else {
        panic!("45 is a change");
    };
    let last = said.statements.last().unwrap();
    assert_eq!(
        (&last.said, last.occurred_at),
        (&*written, Timestamp::from_unix_millis(45))
    );
}

#[test]
fn of_very_many_statements_the_latest_are_given_and_the_cut_is_told() {
    let folder = TempDir::new().unwrap();
    let log = log_of(3_300, "");
    let (index, _) = start(folder.path(), &log);
    let source = SourceName::new("deployer");
    let key = SourceKey::text("service:checkout");
    let said = index
        .reader()
        .item_observations(&source, &key, log.head().into())
        .unwrap();
    assert!(said.truncated);
    assert_eq!(said.statements.len(), 1_000);
    assert_eq!(
        said.statements.last().unwrap().position,
        LogPosition::new(3_299)
    );
}

#[test]
fn an_index_that_was_closed_reads_only_what_is_new() {
    let folder = TempDir::new().unwrap();
    let log = log_of(100, "a");
    start(folder.path(), &log).0.close().unwrap();
    grow(&log, 101..121, "a");
    let (index, taken) = start(folder.path(), &log);
    assert_eq!(taken, 20);
    assert_whole(&index, &log);
}

#[test]
fn an_index_that_is_not_checked_yet_knows_nothing_and_says_so() {
    let (folder, log) = (TempDir::new().unwrap(), log_of(200, "a"));
    start(folder.path(), &log).0.close().unwrap();
    let mut index = Index::claim(folder.path(), CONFIG).unwrap();
    assert!(
        Index::claim(folder.path(), CONFIG).is_err(),
        "nobody else may"
    );
    let reader = index.reader();
    assert_eq!(reader.position(), LogPosition::ZERO);
    assert!(items(&reader, log.head()).is_empty());
    let mut read = 0;
    index.catch_up(&log, &mut |_| read += 1).unwrap();
    assert_eq!((reader.position(), read), (log.head(), 0));
    assert_whole(&index, &log);
    drop(reader);
    index.close().unwrap();
    let unchecked = Index::claim(folder.path(), CONFIG).unwrap();
    unchecked.close().unwrap();
    assert_eq!(
        start(folder.path(), &log).1,
        0,
        "closing it unchecked loses nothing"
    );
}

#[test]
fn a_deleted_index_is_made_anew() {
    let folder = TempDir::new().unwrap();
    let log = log_of(100, "a");
    drop(start(folder.path(), &log));
    fs::remove_dir_all(folder.path()).unwrap();
    let (index, taken) = start(folder.path(), &log);
    assert_eq!(taken, 100);
    assert_whole(&index, &log);
}

#[test]
fn an_index_behind_the_log_catches_up() {
    let folder = TempDir::new().unwrap();
    let older = TempDir::new().unwrap();
    let log = log_of(100, "a");
    drop(start(folder.path(), &log));
    copy_folder(folder.path(), older.path());
    grow(&log, 101..151, "a");
    drop(start(folder.path(), &log));
    let (index, taken) = start(older.path(), &log);
    assert_eq!(taken, 50);
    assert_whole(&index, &log);
}

#[test]
fn an_index_ahead_of_the_log_is_made_anew() {
    let folder = TempDir::new().unwrap();
    drop(start(folder.path(), &log_of(100, "a")));
    let shorter = log_of(90, "a");
    let (index, taken) = start(folder.path(), &shorter);
    assert_eq!(taken, 90);
    assert_whole(&index, &shorter);
}

#[test]
fn the_index_of_another_log_is_made_anew() {
    let folder = TempDir::new().unwrap();
    drop(start(folder.path(), &log_of(100, "a")));
    let other = log_of(120, "b");
    let (index, taken) = start(folder.path(), &other);
    assert_eq!(taken, 120);
    assert_whole(&index, &other);
}

#[test]
fn what_a_killed_process_left_is_used_and_completed() {
    let folder = TempDir::new().unwrap();
    let killed = TempDir::new().unwrap();
    let log = log_of(2_000, "a");
    let (index, _) = start(folder.path(), &log);
    copy_folder(folder.path(), killed.path());
    drop(index);
    let (again, taken) = start(killed.path(), &log);
    assert!(taken < 2_000, "what sled had written out is used");
    assert_whole(&again, &log);
}

#[test]
fn damage_met_while_running_is_mended_by_the_next_catch_up() {
    let folder = TempDir::new().unwrap();
    let log = log_of(300, "a");
    let (mut index, _) = start(folder.path(), &log);
    for file in files_below(folder.path()) {
        if file.parent().unwrap().ends_with("large") {
            fs::remove_file(file).unwrap();
        }
    }
    let reader = index.reader();
    let change = ChangeId::of(&reference(3));
    assert!(reader.change_statements(change, log.head()).is_err());
    grow(&log, 301..311, "a");
    index.catch_up(&log, &mut |_| {}).unwrap();
    assert_whole(&index, &log);
}

#[test]
fn events_that_were_left_out_are_refused() {
    let folder = TempDir::new().unwrap();
    let log = log_of(10, "a");
    let all = log
        .read(
            LogPosition::ZERO,
            store::ReadLimit {
                events: 10,
                bytes: usize::MAX,
            },
        )
        .unwrap();
    let mut index = Index::open(folder.path(), CONFIG).unwrap();
    index.apply(&all[..4]).unwrap();
    assert!(matches!(
        index.apply(&all[5..]),
        Err(index::IndexError::Gap { .. })
    ));
    assert_eq!(index.position(), LogPosition::new(4));
    index.apply(&all[2..]).unwrap();
    assert_whole(&index, &log);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_torn_index_heals(file: prop::sample::Index, at: prop::sample::Index, bit in 0u8..8, cut: bool, killed: bool) {
        let folder = TempDir::new().unwrap();
        let harmed = TempDir::new().unwrap();
        let log = log_of(200, "a");
        let (index, _) = start(folder.path(), &log);
        if killed {
            copy_folder(folder.path(), harmed.path());
            drop(index);
        } else {
            drop(index);
            copy_folder(folder.path(), harmed.path());
        }
        let files = files_below(harmed.path());
        let path = file.get(&files);
        let mut bytes = fs::read(path).unwrap();
        prop_assume!(!bytes.is_empty());
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        fs::write(path, bytes).unwrap();

        let (mut healed, _) = start(harmed.path(), &log);
        // A flip inside a large value shows when somebody reads it; the next catch-up mends that.
        for number in 0..7 {
            let change = ChangeId::of(&reference(number));
            let incident = IncidentId::of(&reference(number));
            drop(healed.reader().change_statements(change, log.head()));
            drop(healed.reader().incident_statements(incident, log.head()));
        }
        healed.catch_up(&log, &mut |_| {}).unwrap();
        assert_whole(&healed, &log);
    }
}
