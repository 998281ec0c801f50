//! What the index costs behind the log, beside bare sled with the same keys and values.
//!
//! Nine in ten events are changes of about 1 KB, three statements each; the rest
//! are items and incidents. Both sides take turns, a chunk each.

#![expect(
    clippy::cast_precision_loss,
    reason = "a benchmark's figures are no ids"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use benches::{Random, Row, quantile};
use index::Index;
use model::{
    Actor, Change, ChangeId, Event, EventEnvelope, EventId, Incident, LogPosition, ObservedItem,
    SourceKey, SourceName, SourceRef, Timestamp,
};
use store::KeyValueConfig;
use tempfile::TempDir;

const CHUNK_EVENTS: u64 = 2_048;
const QUESTIONS: usize = 20_000;
const CONFIG: KeyValueConfig = KeyValueConfig {
    cache_bytes: 256 << 20,
    inline_bytes_max: 7_500,
    flush_every_bytes: 8 << 20,
};

fn main() {
    let events: u64 = std::env::args().nth(1).map_or(200_000, |text| {
        text.parse().expect("the argument is a number of events")
    });
    let folder = TempDir::new().expect("a temporary folder can be made");
    let index = fill(events, folder.path());
    questions(&index, events);
    reopen(index, folder.path(), events);
}

fn fill(events: u64, folder: &Path) -> Index {
    let mut index = open(folder);
    let peer_folder = TempDir::new().expect("a temporary folder can be made");
    let peer = sled::Config::new()
        .path(peer_folder.path())
        .cache_capacity(CONFIG.cache_bytes)
        .flush_every_ms(None)
        .open()
        .expect("sled opens an empty folder");
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    let mut random = Random::new(11);
    let mut next = 1;
    while next <= events {
        let until = events.min(next + CHUNK_EVENTS - 1);
        let chunk: Vec<EventEnvelope> = (next..=until)
            .map(|position| envelope(position, events, &mut random))
            .collect();
        next = until + 1;
        let started = Instant::now();
        index
            .apply(&chunk)
            .expect("the index takes events in order");
        ours += started.elapsed();
        theirs += peer_chunk(&peer, &chunk);
    }
    let micros = |took: Duration| took.as_secs_f64() * 1e6 / events as f64;
    Row::new("index, us an event (1 KB)", micros(ours))
        .against("bare sled, batches of 256", micros(theirs))
        .print();
    let bytes = |size: u64| size as f64 / events as f64;
    let size = index.size_on_disk().expect("the folder can be read");
    let peer_size = peer.size_on_disk().expect("the folder can be read");
    Row::new("index, bytes on disk an event (1 KB)", bytes(size))
        .against("bare sled, batches of 256", bytes(peer_size))
        .print();
    index
}

/// The same work without the guards: encoding belongs to both sides.
fn peer_chunk(peer: &sled::Db, chunk: &[EventEnvelope]) -> Duration {
    let started = Instant::now();
    for events in chunk.chunks(256) {
        let mut batch = sled::Batch::default();
        for event in events {
            let mut payload = Vec::new();
            event.event.encode_payload(&mut payload);
            let mut key = subject(event).to_vec();
            key.extend_from_slice(&event.position.number().to_be_bytes());
            batch.insert(key, payload);
        }
        peer.apply_batch(batch).expect("sled takes a batch");
    }
    started.elapsed()
}

fn questions(index: &Index, events: u64) {
    let reader = index.reader();
    let mut random = Random::new(13);
    let mut took = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let change = ChangeId::of(&reference(random.below(changes_of(events)) as u64));
        let started = Instant::now();
        let said = reader
            .change_statements(change, LogPosition::new(events))
            .expect("the index answers");
        took.push(started.elapsed().as_secs_f64() * 1e6);
        std::hint::black_box(said);
    }
    Row::new(
        "index, statements of a change, us p50",
        quantile(&mut took, 0.5),
    )
    .print();
    Row::new(
        "index, statements of a change, us p99",
        quantile(&mut took, 0.99),
    )
    .print();
}

fn reopen(index: Index, folder: &Path, events: u64) {
    let started = Instant::now();
    index.close().expect("the index closes");
    let closing = started.elapsed();
    let started = Instant::now();
    drop(Index::claim(folder, CONFIG).expect("nobody uses the folder"));
    let claiming = started.elapsed();
    let started = Instant::now();
    let index = open(folder);
    let opening = started.elapsed();
    assert_eq!(index.position().number(), events, "all of it is there");
    let started = Instant::now();
    index.verify().expect("every entry is what was written");
    let verifying = started.elapsed();
    Row::new(
        "index, close with checksums, ms",
        closing.as_secs_f64() * 1e3,
    )
    .print();
    Row::new(
        "index, open with checksums, ms",
        opening.as_secs_f64() * 1e3,
    )
    .against("what a start waits for", claiming.as_secs_f64() * 1e3)
    .against("reading every entry", verifying.as_secs_f64() * 1e3)
    .print();
}

fn open(folder: &Path) -> Index {
    Index::open(folder, CONFIG).expect("the index opens")
}

/// Three statements a change, scattered over the log.
fn changes_of(events: u64) -> usize {
    usize::try_from(events / 3 + 1).expect("a count of events fits memory")
}

fn reference(number: u64) -> SourceRef {
    SourceRef {
        source: SourceName::new("bench"),
        source_id: number.to_string(),
    }
}

fn subject(event: &EventEnvelope) -> [u8; 16] {
    match &event.event {
        Event::ChangeRecorded(change) => *ChangeId::of(&change.reference()).as_bytes(),
        _ => u128::from(event.position.number()).to_be_bytes(),
    }
}

fn envelope(position: u64, events: u64, random: &mut Random) -> EventEnvelope {
    let words: String = (0..170)
        .map(|_| format!("{:05x} ", random.below(1 << 20)))
        .collect();
    let event = match position % 20 {
        0 => {
            let mut incident = Incident::new(reference(position));
            incident.description = Some(words);
            Event::IncidentOpened(incident)
        }
        1 => {
            let mut item = ObservedItem::new(SourceKey::text(format!("service:{position}")));
            item.attributes.insert("text".to_owned(), words.into());
            Event::ItemObserved(item)
        }
        _ => {
            let change = random.below(changes_of(events)) as u64;
            let mut change = Change::new(&reference(change));
            change.description = Some(words);
            Event::ChangeRecorded(Box::new(change))
        }
    };
    EventEnvelope {
        position: LogPosition::new(position),
        recorded_at: Timestamp::from_unix_nanos(0),
        id: EventId {
            source: SourceName::new("bench"),
            delivery: position.to_string(),
        },
        occurred_at: Timestamp::from_unix_nanos(0),
        actor: Actor::default(),
        event,
    }
}
