//! A process that fills the full text is killed in the middle, again and again.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use graph::{Estate, Projection};
use index::{Index, TextConfig, TextIndex, TextQuestion};
use model::{
    Actor, Change, Clock, Event, EventId, LogPosition, NewEvent, Occurred, SourceName, SourceRef,
    Timestamp,
};
use store::{EventLog, KeyValueConfig, MemoryLog, ReadLimit};
use tempfile::TempDir;

const CONFIG: KeyValueConfig = KeyValueConfig {
    cache_bytes: 8 << 20,
    inline_bytes_max: 2_000,
    flush_every_bytes: 1 << 20,
};

/// Names the folder to the process that is to be killed.
const FOLDER: &str = "EPICENTER_TEST_TEXTS";

const EVENTS: u64 = 16_000;
const KILLS: u64 = 4;

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(0)
    }
}

/// The same log in every process: each change is spoken of twice, and only its last title has `done`.
fn log() -> MemoryLog {
    let log = MemoryLog::new(Arc::new(StoppedClock));
    let events = (0..EVENTS).map(|number| {
        let mut change = Change::new(&SourceRef {
            source: SourceName::new("ci"),
            source_id: (number / 2).to_string(),
        });
        let word = if number % 2 == 0 { "begun" } else { "done" };
        change.title = Some(format!("deploy {word}"));
        NewEvent {
            id: EventId {
                source: SourceName::new("ci"),
                delivery: number.to_string(),
            },
            occurred: Occurred::Stated(Timestamp::from_unix_millis(i64::try_from(number).unwrap())),
            actor: Actor::default(),
            event: Event::ChangeRecorded(Box::new(change)),
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(log.append(events.collect())).unwrap();
    log
}

fn bodies(folder: &Path, log: &MemoryLog) -> Index {
    let mut index = Index::open(folder, CONFIG).unwrap();
    index.catch_up(log, &mut |_| {}).unwrap();
    index
}

fn texts(folder: &Path) -> TextIndex {
    let config = TextConfig {
        writer_bytes: 15_000_000,
    };
    TextIndex::new(folder, config)
}

/// The victim: fills the full text and tells how far it is committed.
#[test]
#[ignore = "runs as the process that is killed"]
fn victim() {
    let folder = std::env::var_os(FOLDER).unwrap();
    let log = log();
    let own = TempDir::new().unwrap();
    let index = bodies(own.path(), &log);
    let mut texts = texts(Path::new(&folder));
    let mut told = std::io::stdout();
    loop {
        let step = texts.step(&log, &index.reader()).unwrap();
        writeln!(told, "taken {}", step.reached).unwrap();
        texts.commit().unwrap();
        writeln!(told, "committed {}", step.reached).unwrap();
    }
}

/// Lets a process fill the full text, kills it, and says how far it was committed.
fn kill_at(folder: &Path, position: u64) -> u64 {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let mut committed = 0;
    for line in lines.map_while(Result::ok) {
        let number = |name: &str| line.strip_prefix(name)?.parse::<u64>().ok();
        committed = number("committed ").unwrap_or(committed);
        // Between what is taken and its commit.
        if number("taken ").is_some_and(|taken| position <= taken) {
            break;
        }
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    committed
}

#[test]
fn a_killed_process_leaves_a_full_text_that_is_what_it_says() {
    let (folder, own) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let log = log();
    let index = bodies(own.path(), &log);
    let all = ReadLimit {
        events: usize::MAX,
        bytes: usize::MAX,
    };
    let events = log.read(LogPosition::ZERO, all).unwrap();
    let mut kept = 0;
    for kill in 1..=KILLS {
        let committed = kill_at(folder.path(), kill * 3_000);
        let mut texts = texts(folder.path());
        let first = texts.step(&log, &index.reader()).unwrap();
        assert!(
            LogPosition::new(committed) <= first.from,
            "no commit is lost"
        );
        kept += u64::from(LogPosition::ZERO < first.from);
        texts.commit().unwrap();
        let position = texts.reader().position();
        let mut estate = Estate::default();
        for event in events.iter().filter(|event| event.position <= position) {
            estate.apply(event);
        }
        let view = estate.publish();
        let found = |word: &str| {
            let question = TextQuestion {
                query: Some(word.parse().unwrap()),
                ..TextQuestion::default()
            };
            let state = texts.reader().state();
            state.find(&question, &view, &[]).unwrap().changes.len() as u64
        };
        assert_eq!(found("deploy"), position.number().div_ceil(2));
        assert_eq!(
            found("done"),
            position.number() / 2,
            "each by its last title"
        );
        assert_eq!(found("begun"), position.number() % 2);
    }
    assert!(0 < kept, "commits outlive kills");
}
