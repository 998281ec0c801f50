//! A process that fills the index is killed in the middle, again and again.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use index::Index;
use model::{
    Actor, Change, ChangeId, Event, EventEnvelope, EventId, LogPosition, SourceName, SourceRef,
    Timestamp,
};
use store::KeyValueConfig;
use tempfile::TempDir;

const CONFIG: KeyValueConfig = KeyValueConfig {
    cache_bytes: 8 << 20,
    inline_bytes_max: 2_000,
    flush_every_bytes: 64 << 10,
};

/// Names the folder to the process that is to be killed.
const FOLDER: &str = "EPICENTER_TEST_INDEX";

const BATCH: u64 = 50;
const KILLS: u64 = 8;

fn reference(position: u64) -> SourceRef {
    SourceRef {
        source: SourceName::new("deployer"),
        source_id: (position % 97).to_string(),
    }
}

fn events(after: u64) -> Vec<EventEnvelope> {
    let numbers = after + 1..=after + BATCH;
    numbers
        .map(|position| {
            let mut change = Change::new(&reference(position));
            let length = usize::try_from(position * 31 % 3_000).unwrap();
            change.description = Some("x".repeat(length));
            EventEnvelope {
                position: LogPosition::new(position),
                recorded_at: Timestamp::from_unix_nanos(0),
                id: EventId {
                    source: SourceName::new("deployer"),
                    delivery: position.to_string(),
                },
                occurred_at: Timestamp::from_unix_nanos(0),
                actor: Actor::default(),
                event: Event::ChangeRecorded(Box::new(change)),
            }
        })
        .collect()
}

/// The victim: fills the index for ever and tells how far it is.
#[test]
#[ignore = "runs as the process that is killed"]
fn victim() {
    let folder = std::env::var_os(FOLDER).unwrap();
    let mut index = Index::open(folder, CONFIG).unwrap();
    let mut told = std::io::stdout();
    loop {
        index.apply(&events(index.position().number())).unwrap();
        writeln!(told, "reached {}", index.position()).unwrap();
    }
}

/// Lets a process fill the index, kills it, and says how far it was.
fn kill_at(folder: &Path, position: u64) -> u64 {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let reached = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("reached ")?.parse::<u64>().ok())
        .find(|reached| position <= *reached);
    victim.kill().unwrap();
    victim.wait().unwrap();
    reached.unwrap()
}

/// How many statements the index gives for all changes up to a position.
fn found(index: &Index, until: u64) -> u64 {
    let reader = index.reader();
    let said = (0..97)
        .map(|number| ChangeId::of(&reference(number)))
        .map(|change| reader.change_statements(change, LogPosition::new(until)))
        .map(|said| said.unwrap().statements.len());
    u64::try_from(said.sum::<usize>()).unwrap()
}

#[test]
fn a_killed_process_leaves_an_index_that_is_what_it_says() {
    let folder = TempDir::new().unwrap();
    let mut kept = 0;
    for kill in 1..=KILLS {
        let reached = kill_at(folder.path(), kill * 400 + kill * 37);
        let index = Index::open(folder.path(), CONFIG).unwrap();
        index.verify().unwrap();
        let position = index.position().number();
        assert!(position <= reached + BATCH);
        kept += u64::from(0 < position);
        // Each tree is written for itself; the index is as far as the last of them.
        let (_, entries, _) = index.content().unwrap().remove(0);
        assert!(position <= entries && entries <= position + BATCH);
        assert_eq!(found(&index, position), position, "each event up to there");
        assert_eq!(
            found(&index, u64::MAX - 1),
            entries,
            "and no more than were written"
        );
        index.close().unwrap();
    }
    assert!(
        KILLS / 2 < kept,
        "content outlives most kills: {kept} of {KILLS}"
    );
}
