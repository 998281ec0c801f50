//! A log with changes, and everything that is folded from it.

use std::sync::Arc;

use graph::{Estate, GraphView, Projection, Statement, tie_of};
use index::{Beside, Index, TextConfig, TextIndex, TextQuestion, TextReader};
use model::{
    Actor, Change, ChangeId, Clock, Event, EventId, LogPosition, NewEvent, Occurred, SourceName,
    SourceRef, Timestamp,
};
use store::{EventLog, KeyValueConfig, MemoryLog, ReadLimit};
use tempfile::TempDir;

const CONFIG: KeyValueConfig = KeyValueConfig {
    cache_bytes: 8 << 20,
    inline_bytes_max: 1_000,
    flush_every_bytes: 1 << 20,
};
pub(crate) const TEXTS: TextConfig = TextConfig {
    writer_bytes: 15_000_000,
};
const ALL: ReadLimit = ReadLimit {
    events: usize::MAX,
    bytes: usize::MAX,
};

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(0)
    }
}

pub(crate) fn change(id: &str) -> Change {
    Change::new(&SourceRef {
        source: SourceName::new("ci"),
        source_id: id.to_owned(),
    })
}

pub(crate) fn titled(id: &str, title: &str) -> Change {
    let mut change = change(id);
    change.title = Some(title.to_owned());
    change
}

/// A log, and everything that is folded from it.
pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) index: Index,
    pub(crate) texts: TextIndex,
    _folder: TempDir,
}

impl World {
    pub(crate) fn of(changes: &[Change]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut world = Self {
            log: MemoryLog::new(Arc::new(StoppedClock)),
            index: Index::open(folder.path().join("index"), CONFIG).unwrap(),
            texts: TextIndex::new(folder.path().join("texts"), TEXTS),
            _folder: folder,
        };
        world.say(changes);
        world
    }

    /// Statements, each a minute after the one before.
    pub(crate) fn say(&mut self, changes: &[Change]) {
        let first = self.log.head().number();
        let events = (first + 1..).zip(changes).map(|(number, change)| NewEvent {
            id: EventId {
                source: SourceName::new("ci"),
                delivery: number.to_string(),
            },
            occurred: Occurred::Stated(minute(i64::try_from(number).unwrap())),
            actor: Actor::default(),
            event: Event::ChangeRecorded(Box::new(change.clone())),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(self.log.append(events.collect())).unwrap();
        self.index.catch_up(&self.log, &mut |_| {}).unwrap();
    }

    pub(crate) fn commit(&mut self) {
        let bodies = self.index.reader();
        while self.texts.step(&self.log, &bodies).unwrap().reached < self.log.head() {}
        self.texts.commit().unwrap();
        assert_eq!(self.texts.reader().position(), self.log.head());
    }

    pub(crate) fn view(&self, until: LogPosition) -> Arc<GraphView> {
        let mut estate = Estate::default();
        for envelope in self.log.read(LogPosition::ZERO, ALL).unwrap() {
            if envelope.position <= until {
                estate.apply(&envelope);
            }
        }
        estate.publish()
    }

    /// Every change that a view knows, with its statements.
    pub(crate) fn beside(&self, until: LogPosition, ids: Option<&[ChangeId]>) -> Vec<Beside> {
        let mut all: Vec<Beside> = Vec::new();
        for envelope in self.log.read(LogPosition::ZERO, ALL).unwrap() {
            let Event::ChangeRecorded(change) = envelope.event else {
                continue;
            };
            let id = ChangeId::of(&change.reference());
            if until < envelope.position || ids.is_some_and(|ids| !ids.contains(&id)) {
                continue;
            }
            let said = Statement {
                occurred_at: envelope.occurred_at,
                tie: tie_of(&envelope.id),
                position: envelope.position,
                said: *change,
            };
            match all.iter_mut().find(|(known, _)| *known == id) {
                Some((_, statements)) => statements.push(said),
                None => all.push((id, vec![said])),
            }
        }
        all
    }

    /// The ids of what is found at a position, as the adapter of the server asks.
    pub(crate) fn found(&self, question: &TextQuestion, until: LogPosition) -> Vec<String> {
        let reader = self.texts.reader();
        let state = reader.state();
        let beside = if state.position() < until {
            let unseen = self.beside(until, None).into_iter();
            unseen
                .filter(|(_, said)| state.position() < said.last().unwrap().position)
                .collect()
        } else {
            let (changed, cut) = state.said_behind(until, 100).unwrap();
            assert!(!cut);
            self.beside(until, Some(&changed))
        };
        ids(&reader, question, &self.view(until), &beside)
    }

    /// What is found by the disk, which must be the same as by looking through everything, and by hearing it.
    pub(crate) fn both_ways(&self, question: &TextQuestion) -> Vec<String> {
        let head = self.log.head();
        let on_disk = self.found(question, head);
        let elsewhere = TextIndex::new("nowhere", TEXTS).reader();
        let all = self.beside(head, None);
        assert_eq!(
            on_disk,
            ids(&elsewhere, question, &self.view(head), &all),
            "the disk finds what looking through everything does: {question:?}"
        );
        let mut heard: Vec<String> = all
            .iter()
            .filter(|(_, said)| {
                let last = said.last().unwrap();
                elsewhere.holds(question, last.occurred_at, &last.said)
            })
            .map(|(_, said)| said[0].said.source_id.clone())
            .collect();
        heard.sort();
        if all.iter().all(|(_, said)| said.len() == 1) {
            assert_eq!(on_disk, heard, "hearing finds the same: {question:?}");
        }
        on_disk
    }

    pub(crate) fn search(&self, query: &str) -> String {
        self.both_ways(&looking_for(query)).join(" ")
    }
}

pub(crate) fn ids(
    reader: &TextReader,
    question: &TextQuestion,
    view: &Arc<GraphView>,
    beside: &[Beside],
) -> Vec<String> {
    let found = reader.state().find(question, view, beside).unwrap();
    let mut ids: Vec<String> = view
        .changes()
        .filter(|change| found.changes.contains(change.number()))
        .map(|change| change.source_id().to_owned())
        .collect();
    ids.sort();
    ids
}

pub(crate) fn looking_for(query: &str) -> TextQuestion {
    TextQuestion {
        query: Some(query.parse().unwrap()),
        ..TextQuestion::default()
    }
}

pub(crate) fn minute(number: i64) -> Timestamp {
    Timestamp::from_unix_millis(number * 60_000)
}
