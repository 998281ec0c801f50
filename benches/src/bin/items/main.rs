//! Lists of items against SQLite with an index for every filter, in one run; and what items and relations take.
//!
//! SQLite holds the same rows in memory, each filter has an index that also gives the order by key, and a
//! trigram index finds the texts. Both answer the same question: how many there are, and a page of 20 by key.
//!
//! usage: `items [ITEMS]`

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark's figures are no ids, and its result is what it prints"
)]

mod estate;
mod peer;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use benches::{Random, Row, quantile, resident_bytes};
use graph::{
    AttributeTable, Cut, DiffLimits, DiffScope, Estate, GraphView, GroupBy, ItemCriteria,
    ItemOrder, OrderBy, Projection, State, diff,
};
use index::{Index, IndexReader, teller};
use model::{Event, EventEnvelope, ItemFilter, SourceKey, Timestamp};
use rusqlite::Connection;
use store::KeyValueConfig;
use tempfile::TempDir;

use estate::{
    DAY_MS, ENVIRONMENTS, KINDS, RELATIONS_PER_ITEM, described, envelope, is_ended, item, key_of,
    now, relations_of, retired,
};

/// Events between two published views.
const CHUNK: u64 = 2_048;
const QUESTIONS: usize = 60;
const PAGE: usize = 20;

/// Items that are also indexed on the disk, for the questions about attributes.
const INDEXED_MAX: u64 = 100_000;

const CONFIG: KeyValueConfig = KeyValueConfig {
    cache_bytes: 256 << 20,
    inline_bytes_max: 7_500,
    flush_every_bytes: 8 << 20,
};

fn main() {
    let items: u64 = std::env::args().nth(1).map_or(100_000, |text| {
        text.parse().expect("the argument is a number of items")
    });
    let mut fold = Fold::default();
    let before = resident_bytes();
    fold.all("items", (1..=items).map(item));
    let ended = (1..=items).filter(|number| is_ended(*number)).map(retired);
    fold.all("ends of items", ended);
    let held = resident_bytes() - before;
    Row::new("memory of an item, bytes", held / items as f64).print();
    let view = fold.estate.publish();
    let before = resident_bytes();
    first_lists(&view, items);
    let peer = peer::filled(items);
    lists(&view, &peer);
    past(&view, items);
    drop((view, peer));
    let saved = fold.estate.save();
    known_then(&saved, fold.position, relations_of(items));
    drop(saved);
    let before_relations = resident_bytes();
    let relations = items * RELATIONS_PER_ITEM;
    fold.all("relations", relations_of(items));
    let held = resident_bytes() - before_relations;
    Row::new("memory of a relation, bytes", held / relations as f64).print();
    println!("# {} MB before lists", before / 1e6);
    attributes(items.min(INDEXED_MAX));
}

/// An estate that is published as a server does it: the newest view is always held.
#[derive(Default)]
struct Fold {
    estate: Estate,
    newest: Arc<GraphView>,
    position: u64,
}

impl Fold {
    fn all(&mut self, what: &str, events: impl Iterator<Item = (Timestamp, Event)>) {
        let (mut folding, mut longest) = (0.0, 0.0_f64);
        let mut events = events.peekable();
        let mut count = 0;
        while events.peek().is_some() {
            let chunk: Vec<EventEnvelope> = events
                .by_ref()
                .take(CHUNK as usize)
                .map(|event| {
                    self.position += 1;
                    envelope(self.position, event)
                })
                .collect();
            count += chunk.len();
            let started = Instant::now();
            for envelope in &chunk {
                self.estate.apply(envelope);
            }
            let applied = Instant::now();
            self.newest = self.estate.publish();
            longest = longest.max(applied.elapsed().as_secs_f64());
            folding += started.elapsed().as_secs_f64();
        }
        Row::new(&format!("fold of {what}, a second"), count as f64 / folding).print();
        Row::new(&format!("longest publishing, {what}, ms"), longest * 1e3).print();
    }
}

/// What the first list costs after so many items changed, and what it leaves in memory.
fn first_lists(view: &GraphView, items: u64) {
    let before = resident_bytes();
    let started = Instant::now();
    black_box(select(view, &ItemFilter::default()).count());
    Row::new("first count after all items changed, ms", millis(started)).print();
    let started = Instant::now();
    black_box(page(view, &ItemFilter::default(), ItemOrder::BY_KEY, None));
    Row::new("first page by key after it, ms", millis(started)).print();
    let held = resident_bytes() - before;
    Row::new("memory for lists of an item, bytes", held / items as f64).print();
}

/// One filter of ours, and its like for the peer.
struct Question {
    name: &'static str,
    filter: fn(u64) -> String,
    condition: fn(u64) -> String,
    by: OrderBy,
}

const BY_KEY: OrderBy = OrderBy::Key;

const QUESTIONS_ASKED: [Question; 10] = [
    Question {
        name: "none",
        filter: |_| "{}".to_owned(),
        condition: |_| "ended = 0".to_owned(),
        by: BY_KEY,
    },
    Question {
        name: "kind (a quarter)",
        filter: |n| format!(r#"{{"kinds": ["{}"]}}"#, KINDS[n as usize % 4]),
        condition: |n| format!("ended = 0 and kind = '{}'", KINDS[n as usize % 4]),
        by: BY_KEY,
    },
    Question {
        name: "environment (a third)",
        filter: |n| format!(r#"{{"environment": "{}"}}"#, ENVIRONMENTS[n as usize % 3]),
        condition: |n| {
            format!(
                "ended = 0 and environment = '{}'",
                ENVIRONMENTS[n as usize % 3]
            )
        },
        by: BY_KEY,
    },
    Question {
        name: "owner (one in a thousand)",
        filter: |n| format!(r#"{{"owners": ["team-{}"]}}"#, n % 500 * 2),
        condition: |n| format!("ended = 0 and owner = 'team-{}'", n % 500 * 2),
        by: BY_KEY,
    },
    Question {
        name: "kind and owner",
        filter: |n| {
            format!(
                r#"{{"kinds": ["service"], "owners": ["team-{}"]}}"#,
                n % 250 * 4
            )
        },
        condition: |n| {
            format!(
                "ended = 0 and kind = 'service' and owner = 'team-{}'",
                n % 250 * 4
            )
        },
        by: BY_KEY,
    },
    Question {
        name: "freshness closed (one in ten)",
        filter: |_| r#"{"freshness": ["closed"]}"#.to_owned(),
        condition: |_| "ended = 1".to_owned(),
        by: BY_KEY,
    },
    Question {
        name: "text, one name",
        filter: |n| format!(r#"{{"text": "checkout-{}"}}"#, 10_001 + n * 7),
        condition: |n| {
            format!(
                "ended = 0 and {}",
                peer::matching(&format!("checkout-{}", 10_001 + n * 7))
            )
        },
        by: BY_KEY,
    },
    Question {
        name: "text, a third of the names",
        filter: |_| r#"{"text": "staging"}"#.to_owned(),
        condition: |_| format!("ended = 0 and {}", peer::matching("staging")),
        by: BY_KEY,
    },
    Question {
        name: "text, Chinese (one in ten)",
        filter: |_| r#"{"text": "支付网"}"#.to_owned(),
        condition: |_| format!("ended = 0 and {}", peer::matching("支付网")),
        by: BY_KEY,
    },
    Question {
        name: "kind, the last seen first",
        filter: |n| format!(r#"{{"kinds": ["{}"]}}"#, KINDS[n as usize % 4]),
        condition: |n| format!("ended = 0 and kind = '{}'", KINDS[n as usize % 4]),
        by: OrderBy::LastSeen,
    },
];

fn lists(view: &GraphView, peer: &Connection) {
    let mut random = Random::new(3);
    for question in &QUESTIONS_ASKED {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let descending = question.by == OrderBy::LastSeen;
        for asked in 0..QUESTIONS {
            let number = random.below(10_000) as u64;
            let filter = serde_json::from_str(&(question.filter)(number)).expect("a filter");
            let condition = (question.condition)(number);
            // Every other question goes on from the middle of the list.
            let after = (asked % 2 == 1 && !descending).then(|| key_of(500_001));
            let order = ItemOrder {
                by: question.by,
                descending,
            };
            let started = Instant::now();
            let answer = page(view, &filter, order, after.as_deref());
            ours.push(millis(started));
            let started = Instant::now();
            let found = peer::page(peer, &condition, descending, after.as_deref());
            theirs.push(millis(started));
            assert_eq!(answer, found, "both answer the same to {}", question.name);
        }
        for (share, what) in [(0.5, "p50"), (0.99, "p99")] {
            let what = format!("items by {}, total and page, ms ({what})", question.name);
            Row::new(&what, quantile(&mut ours, share))
                .against("SQLite", quantile(&mut theirs, share))
                .print();
        }
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        let started = Instant::now();
        let groups = select(view, &ItemFilter::default()).grouped(GroupBy::Kind, now(), 10);
        ours.push(millis(started));
        let started = Instant::now();
        let sql =
            "select count(*) from (select kind, count(*) from items where ended = 0 group by kind)";
        let found: usize = peer.query_row(sql, [], |row| row.get(0)).expect("groups");
        theirs.push(millis(started));
        assert_eq!(groups.total, found, "both find the same groups");
    }
    Row::new("items grouped by kind, ms (p50)", quantile(&mut ours, 0.5))
        .against("SQLite", quantile(&mut theirs, 0.5))
        .print();
}

/// Items as they were at a moment, and what differs over a day.
fn past(view: &GraphView, items: u64) {
    let mut random = Random::new(9);
    let mut times = Vec::new();
    for _ in 0..10_000 {
        let number = 1 + random.below(items as usize) as u64;
        let at = now().plus_millis(-(random.below(DAY_MS as usize * 30) as i64));
        let started = Instant::now();
        let item = view
            .resolve(&SourceKey::text(key_of(number)), None, at)
            .item();
        let item = item.expect("every item is known");
        black_box((
            item.key(),
            item.freshness(at),
            item.owner(),
            item.intervals(),
        ));
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    for (share, what) in [(0.5, "p50"), (0.99, "p99")] {
        let what = format!("an item at a past validAt, us ({what})");
        Row::new(&what, quantile(&mut times, share)).print();
    }
    let to = State { view, at: now() };
    let at = now().plus_millis(-DAY_MS.cast_signed());
    let scope = DiffScope {
        items: Vec::new(),
        hops: 0,
        unexplained: false,
        values: Vec::new(),
    };
    let limits = DiffLimits {
        items_max: items as usize,
        explained_max: 1_000,
        first: PAGE,
    };
    let started = Instant::now();
    let found = diff(State { view, at }, to, &scope, limits);
    let what = format!("diff over a day, {} differences, s", found.total);
    Row::new(&what, started.elapsed().as_secs_f64()).print();
}

/// A question about what was known a million events after the last saved state.
fn known_then(saved: &[u8], position: u64, events: impl Iterator<Item = (Timestamp, Event)>) {
    let positions = position + 1..;
    let events: Vec<EventEnvelope> = positions
        .zip(events.take(1_000_000))
        .map(|(position, event)| envelope(position, event))
        .collect();
    let started = Instant::now();
    let mut estate = Estate::restore(saved).expect("what was saved just now can be read");
    let restored = started.elapsed().as_secs_f64();
    for envelope in &events {
        estate.apply(envelope);
    }
    black_box(estate.publish());
    let what = format!(
        "past knownAt, {} decoded events after a saved state, s",
        events.len()
    );
    Row::new(&what, started.elapsed().as_secs_f64()).print();
    Row::new("the part of it that restores the state, s", restored).print();
}

fn select<'v>(view: &'v GraphView, filter: &ItemFilter) -> graph::Selection<'v> {
    let table = AttributeTable::default();
    ItemCriteria::new(view, vec![filter.clone()], table, now()).select(view)
}

/// How many there are, and the keys of a page.
fn page(
    view: &GraphView,
    filter: &ItemFilter,
    order: ItemOrder,
    after: Option<&str>,
) -> (usize, Vec<String>) {
    let selection = select(view, filter);
    let cut = Cut {
        after,
        before: None,
        size: PAGE,
        backward: false,
    };
    let page = selection.page(order, &cut);
    let keys = page.entries.iter().map(|(_, item)| item.key());
    (selection.count(), keys.collect())
}

/// Attributes lie on the disk: one pass over all statements.
fn attributes(items: u64) {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let mut index = Index::open(folder.path(), CONFIG).expect("an empty folder opens");
    let mut estate = Estate::default();
    let all: Vec<u64> = (1..=items).collect();
    let mut indexing = 0.0;
    for numbers in all.chunks(CHUNK as usize) {
        let chunk: Vec<EventEnvelope> = numbers
            .iter()
            .map(|number| envelope(*number, described(*number)))
            .collect();
        for envelope in &chunk {
            estate.apply(envelope);
        }
        let started = Instant::now();
        index
            .apply(&chunk)
            .expect("the index takes events in order");
        indexing += started.elapsed().as_secs_f64();
    }
    let what = "indexing of one observed item with 9 attributes, us";
    Row::new(what, indexing * 1e6 / items as f64).print();
    let view = estate.publish();
    let reader = index.reader();
    let test = r#"{"attributes": [{"name": "rack", "operator": "eq", "value": "r-17"}]}"#;
    let filter: ItemFilter = serde_json::from_str(test).expect("a filter");
    let mut times = Vec::new();
    for _ in 0..7 {
        let started = Instant::now();
        let found = described_count(&view, &reader, &filter);
        assert!(0 < found, "the attribute is found");
        times.push(millis(started));
    }
    let what = format!("items by attribute among {items}, ms (p50)");
    Row::new(&what, quantile(&mut times, 0.5)).print();
}

fn described_count(view: &GraphView, reader: &IndexReader, filter: &ItemFilter) -> usize {
    let names: Vec<String> = filter.attributes.iter().map(|it| it.name.clone()).collect();
    let read = reader.attribute_statements(&names, view.position().into(), usize::MAX);
    let found = read.expect("the index answers");
    let table = AttributeTable::new(view, found.entries, None, teller);
    let criteria = ItemCriteria::new(view, vec![filter.clone()], table, now());
    criteria.select(view).count()
}

fn millis(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e3
}
