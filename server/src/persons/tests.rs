//! Names that are sealed, opened, lost and torn.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use model::{
    Actor, ActorKind, Change, Event, EventEnvelope, EventId, LogPosition, NewEvent, Occurred,
    SourceName, SourceRef, Timestamp,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Appended, EventLog, MemoryLog, ReadLimit};
use tempfile::TempDir;

use super::*;
use crate::clock::SystemClock;

/// A data folder, and what is opened over it.
struct Folder(TempDir);

impl Folder {
    fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn book(&self) -> PathBuf {
        self.0.path().join("persons").join(BOOK)
    }

    fn try_persons(&self, names: Names) -> Result<Persons, PersonsError> {
        let key_file = self.0.path().join("seal.key");
        Persons::open(&self.0.path().join("persons"), key_file, names)
    }

    fn persons(&self, names: Names) -> Persons {
        self.try_persons(names).unwrap()
    }

    fn over(&self, inner: &Arc<dyn EventLog>, names: Names) -> PersonsLog {
        PersonsLog::new(Arc::clone(inner), Arc::new(self.persons(names)))
    }
}

fn sealed(persons: &Persons, name: &str) -> String {
    let mut text = name.to_owned();
    let mut unmet = BTreeSet::new();
    persons.look(&mut unmet, |visit| visit(&mut text));
    if !unmet.is_empty() {
        persons.meet(unmet).unwrap();
    }
    persons.seal(|visit| visit(&mut text));
    text
}

fn opened(persons: &Persons, text: &str) -> String {
    let mut text = text.to_owned();
    persons.open_name(&mut text);
    text
}

fn memory() -> Arc<dyn EventLog> {
    Arc::new(MemoryLog::new(Arc::new(SystemClock)))
}

/// A change by somebody, under an id of its own.
fn by(delivery: &str, name: &str) -> NewEvent {
    let source = SourceName::new("test");
    let mut change = Change::new(&SourceRef {
        source: source.clone(),
        source_id: "7".to_owned(),
    });
    change.approver = Some(name.to_owned());
    NewEvent {
        id: EventId {
            source,
            delivery: delivery.to_owned(),
        },
        occurred: Occurred::Received(Timestamp::from_unix_nanos(0)),
        actor: Actor {
            kind: ActorKind::Human,
            name: Some(name.to_owned()),
        },
        event: Event::ChangeRecorded(Box::new(change)),
    }
}

async fn append(log: &PersonsLog, event: &NewEvent) -> Appended {
    let mut outcomes = log.append(vec![event.clone()]).await.unwrap();
    outcomes.pop().unwrap()
}

fn all(log: &dyn EventLog) -> Vec<EventEnvelope> {
    let limit = ReadLimit {
        events: 100,
        bytes: usize::MAX,
    };
    log.read(LogPosition::ZERO, limit).unwrap()
}

fn names(envelopes: Vec<EventEnvelope>) -> Vec<String> {
    let mut names = Vec::new();
    for mut envelope in envelopes {
        envelope.each_person(&mut |name| names.push(name.clone()));
    }
    names
}

/// An event of every sort that was ever stored.
fn every_event() -> Vec<Event> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/golden");
    let each = Event::TAGS.into_iter().map(|(name, version)| {
        let payload = fs::read(golden.join(format!("{name}.v{version}.json"))).unwrap();
        Event::decode_payload(name, &payload).unwrap()
    });
    each.collect()
}

#[test]
fn any_event_is_the_same_after_it_was_sealed_and_opened() {
    let folder = Folder::fresh();
    let events = every_event();
    let look_alike = sealed(&folder.persons(Names::Sealed), "Somebody");
    let name = prop_oneof![
        Just("Ada Lovelace".to_owned()),
        Just(look_alike),
        Just(format!("{MARK}0123456789abcdef:AAAA")),
        Just(String::new()),
        ".{0,40}",
    ];
    let case = (
        0..events.len(),
        prop::collection::vec(name, 12),
        any::<bool>(),
    );
    let other = Folder::fresh();
    let (plain, sealing) = (other.persons(Names::Plain), folder.persons(Names::Sealed));
    // Each case may wait for the disk.
    let mut runner = TestRunner::new(Config::with_cases(100));
    let ran = runner.run(&case, |(which, names, seals)| {
        let mut event = by("1", "Ada");
        event.event = events.get(which).unwrap().clone();
        let mut given = names.into_iter();
        event.each_person(&mut |name| *name = given.next().unwrap_or_default());
        let persons = if seals { &sealing } else { &plain };
        let written = || {
            let mut written = event.clone();
            let mut unmet = BTreeSet::new();
            persons.look(&mut unmet, |visit| written.each_person(visit));
            persons.meet(unmet).unwrap();
            persons.seal(|visit| written.each_person(visit));
            written
        };
        let mut read = written();
        prop_assert_eq!(&read, &written());
        let mut names = BTreeSet::new();
        event.each_person(&mut |name| {
            names.insert(name.clone());
        });
        read.each_person(&mut |name| assert!(!seals || name.is_empty() || !names.contains(name)));
        persons.open_each(|visit| read.each_person(visit));
        prop_assert_eq!(read, event.clone());
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn a_name_is_written_alike_by_every_start_and_machines_are_left_as_they_are() {
    let folder = Folder::fresh();
    let first = sealed(&folder.persons(Names::Sealed), "Ada");
    let again = folder.persons(Names::Sealed);
    assert_eq!(opened(&again, &first), "Ada");
    assert_eq!(sealed(&again, "Ada"), first);
    assert_ne!(sealed(&again, "ada"), first);
    let mut machine = Actor {
        kind: ActorKind::Automatic,
        name: Some("deploy-bot".to_owned()),
    };
    let before = machine.clone();
    again.seal(|visit| machine.each_person(visit));
    assert_eq!(machine, before);
}

#[test]
fn plain_names_stay_as_they_are_and_nothing_is_made_for_them() {
    let folder = Folder::fresh();
    let persons = folder.persons(Names::Plain);
    assert_eq!(sealed(&persons, "Ada"), "Ada");
    assert!(persons.is_unused());
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 0);
}

#[test]
fn nobody_gets_a_name_to_read_by_stating_how_it_was_written() {
    let folder = Folder::fresh();
    let stolen = sealed(&folder.persons(Names::Sealed), "Ada");
    for names in [Names::Plain, Names::Sealed] {
        let persons = folder.persons(names);
        let stated = sealed(&persons, &stolen);
        assert_ne!(stated, stolen);
        assert_eq!(opened(&persons, &stated), stolen);
    }
    let persons = folder.persons(Names::Plain);
    // Of another form: it came before names were sealed.
    assert_eq!(opened(&persons, "person:v1:me"), "person:v1:me");
}

#[test]
fn a_name_whose_key_is_lost_reads_as_somebody_told_apart_from_others() {
    let folder = Folder::fresh();
    let persons = folder.persons(Names::Sealed);
    let (ada, bob) = (sealed(&persons, "Ada"), sealed(&persons, "Bob"));
    fs::remove_dir_all(folder.0.path().join("persons")).unwrap();
    let persons = folder.persons(Names::Sealed);
    let (lost, other) = (opened(&persons, &ada), opened(&persons, &bob));
    assert!(lost.starts_with("forgotten-") && lost.len() == 26, "{lost}");
    assert_eq!(opened(&persons, &ada), lost);
    assert_ne!(lost, other);
    // Who comes again is somebody new.
    let again = sealed(&persons, "Ada");
    assert_eq!(opened(&persons, &again), "Ada");
    assert_eq!(opened(&persons, &ada), lost);
}

#[test]
fn a_book_torn_at_any_byte_keeps_what_was_whole_and_goes_on() {
    let folder = Folder::fresh();
    let persons = folder.persons(Names::Sealed);
    let written: Vec<String> = ["Ada", "Bob", "Cyd"]
        .map(|name| sealed(&persons, name))
        .to_vec();
    let whole = fs::read(folder.book()).unwrap();
    let ends = [124, 224, 324];
    assert_eq!(whole.len(), 324);
    for cut in 24..=whole.len() {
        fs::write(folder.book(), whole.get(..cut).unwrap()).unwrap();
        let persons = folder.persons(Names::Sealed);
        let dan = sealed(&persons, "Dan");
        let again = folder.persons(Names::Sealed);
        assert_eq!(opened(&again, &dan), "Dan", "{cut}");
        for ((text, name), end) in written.iter().zip(["Ada", "Bob", "Cyd"]).zip(ends) {
            let reads = opened(&again, text) == name;
            assert_eq!(reads, end <= cut, "{name} at {cut}");
        }
    }
    for cut in 0..24 {
        fs::write(folder.book(), whole.get(..cut).unwrap()).unwrap();
        let refused = folder.try_persons(Names::Sealed);
        assert!(matches!(refused, Err(PersonsError::NoBook { .. })), "{cut}");
    }
}

#[test]
fn a_flipped_bit_loses_one_person_and_another_key_opens_nobody() {
    let folder = Folder::fresh();
    let persons = folder.persons(Names::Sealed);
    let (ada, bob) = (sealed(&persons, "Ada"), sealed(&persons, "Bob"));
    let whole = fs::read(folder.book()).unwrap();
    let mut flipped = whole.clone();
    *flipped.get_mut(60).unwrap() ^= 1;
    fs::write(folder.book(), flipped).unwrap();
    let persons = folder.persons(Names::Sealed);
    assert!(opened(&persons, &ada).starts_with("forgotten-"));
    assert_eq!(opened(&persons, &bob), "Bob");
    for name in ["Ada", "Bob"] {
        let text = String::from_utf8_lossy(&whole).into_owned();
        assert!(!text.contains(name));
    }
    fs::write(folder.0.path().join("seal.key"), [7; 32]).unwrap();
    let refused = folder.try_persons(Names::Sealed);
    assert!(matches!(refused, Err(PersonsError::OtherKey { .. })));
    fs::remove_file(folder.0.path().join("seal.key")).unwrap();
    let refused = folder.try_persons(Names::Sealed);
    assert!(matches!(refused, Err(PersonsError::Key { .. })));
    assert!(!folder.0.path().join("seal.key").exists());
}

#[tokio::test]
async fn the_log_holds_no_name_and_whoever_reads_it_sees_every_name() {
    let (folder, inner) = (Folder::fresh(), memory());
    let log = folder.over(&inner, Names::Sealed);
    append(&log, &by("1", "Ada")).await;
    append(&log, &by("2", "Ada")).await;
    append(&log, &by("3", "Bob")).await;
    let written = serde_json::to_string(&all(inner.as_ref())).unwrap();
    assert!(
        !written.contains("Ada") && !written.contains("Bob"),
        "{written}"
    );
    let again = folder.over(&inner, Names::Plain);
    for log in [&log, &again] {
        let read = names(all(log));
        assert_eq!(read, ["Ada", "Ada", "Ada", "Ada", "Bob", "Bob"]);
    }
}

#[tokio::test]
async fn a_retry_is_the_same_event_however_its_names_were_written_before() {
    let at = LogPosition::new;
    let (folder, inner) = (Folder::fresh(), memory());
    let open = |names| folder.over(&inner, names);
    let plain = open(Names::Plain);
    assert_eq!(
        append(&plain, &by("1", "Ada")).await,
        Appended::Recorded(at(1))
    );
    let sealing = open(Names::Sealed);
    assert_eq!(
        append(&sealing, &by("2", "Ada")).await,
        Appended::Recorded(at(2))
    );
    let plain = open(Names::Plain);
    for log in [&plain, &sealing] {
        for (delivery, first) in [("1", 1), ("2", 2)] {
            let same = append(log, &by(delivery, "Ada")).await;
            assert_eq!(same, Appended::Duplicate(at(first)));
            let other = append(log, &by(delivery, "Bob")).await;
            assert!(matches!(other, Appended::Conflict { first: met, .. } if met == at(first)));
        }
    }
    fs::remove_dir_all(folder.0.path().join("persons")).unwrap();
    let after = open(Names::Sealed);
    let same = append(&after, &by("2", "Ada")).await;
    assert_eq!(same, Appended::Duplicate(at(2)));
    assert_eq!(inner.head(), at(2));
}

#[tokio::test]
async fn without_a_disk_for_keys_nothing_new_of_people_is_taken() {
    let (folder, inner) = (Folder::fresh(), memory());
    let log = folder.over(&inner, Names::Sealed);
    append(&log, &by("1", "Ada")).await;
    fs::remove_dir_all(folder.0.path().join("persons")).unwrap();
    let refused = log.append(vec![by("2", "Bob")]).await;
    assert!(matches!(refused, Err(store::AppendError::Beside { .. })));
    append(&log, &by("3", "Ada")).await;
    assert_eq!(inner.head(), LogPosition::new(2));
    // What failed once is not tried again before a restart.
    folder.persons(Names::Sealed);
    let refused = log.append(vec![by("4", "Bob")]).await;
    assert!(matches!(refused, Err(store::AppendError::Beside { .. })));
}

#[test]
fn a_forgotten_name_is_gone_from_memory_and_disk_and_nobody_else_is() {
    let folder = Folder::fresh();
    let persons = folder.persons(Names::Sealed);
    let (ada, bob) = (sealed(&persons, "Ada"), sealed(&persons, "Bob"));
    let known = persons.sealed_name("Ada").unwrap();
    assert_eq!(known.text, ada);
    assert!(persons.sealed_name("Cyd").is_none());
    let before = fs::read(folder.book()).unwrap();
    persons.destroy("Ada").unwrap();
    persons.destroy("Ada").unwrap();
    let after = fs::read(folder.book()).unwrap();
    assert_eq!(before.len(), after.len());
    assert_ne!(before.get(24..124), after.get(24..124));
    assert_eq!(before.get(124..), after.get(124..));
    assert_eq!(after.get(24..124), Some([0; 100].as_slice()));
    for persons in [&persons, &folder.persons(Names::Plain)] {
        assert!(!persons.is_unused());
        assert!(persons.sealed_name("Ada").is_none());
        assert_eq!(opened(persons, &ada), known.id.placeholder());
        assert_eq!(opened(persons, &bob), "Bob");
    }
    // Who comes back is somebody new.
    let again = sealed(&persons, "Ada");
    assert_ne!(again, ada);
    let persons = folder.persons(Names::Sealed);
    assert_eq!(opened(&persons, &again), "Ada");
    assert_eq!(opened(&persons, &ada), known.id.placeholder());
}
