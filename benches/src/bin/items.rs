//! What it costs to find items: by what the fold knows of them, and by attributes, which lie on the disk.

#![expect(
    clippy::cast_precision_loss,
    reason = "a benchmark's figures are no ids"
)]

use std::time::Instant;

use benches::{Row, quantile};
use graph::{AttributeTable, Estate, GraphView, ItemCriteria, Projection};
use index::{Index, IndexReader, teller};
use model::{
    Actor, Event, EventEnvelope, EventId, ItemFilter, LogPosition, ObservedItem, SourceKey,
    SourceName, Timestamp,
};
use store::KeyValueConfig;
use tempfile::TempDir;

const CHUNK: u64 = 2_048;
const REPEATS: usize = 7;
const CONFIG: KeyValueConfig = KeyValueConfig {
    cache_bytes: 256 << 20,
    inline_bytes_max: 7_500,
    flush_every_bytes: 8 << 20,
};

fn main() {
    let items: u64 = std::env::args().nth(1).map_or(100_000, |text| {
        text.parse().expect("the argument is a number of items")
    });
    let folder = TempDir::new().expect("a temporary folder can be made");
    let mut index = Index::open(folder.path(), CONFIG).expect("an empty folder opens");
    let mut estate = Estate::default();
    let started = Instant::now();
    let mut next = 1;
    while next <= items {
        let until = items.min(next + CHUNK - 1);
        let chunk: Vec<EventEnvelope> = (next..=until).map(envelope).collect();
        for envelope in &chunk {
            estate.apply(envelope);
        }
        index
            .apply(&chunk)
            .expect("the index takes events in order");
        next = until + 1;
    }
    let took = started.elapsed().as_secs_f64();
    Row::new("items folded and indexed, a second", items as f64 / took).print();
    let view = estate.publish();
    let reader = index.reader();
    for (name, filter) in FILTERS {
        let filter: ItemFilter = serde_json::from_str(filter).expect("a filter");
        let mut times = Vec::new();
        for _ in 0..REPEATS {
            let started = Instant::now();
            let found = count(&view, &reader, &filter);
            assert!(0 < found, "the filter {name} finds something");
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        Row::new(
            &format!("items by {name}, p50 ms"),
            quantile(&mut times, 0.5),
        )
        .print();
    }
}

const FILTERS: [(&str, &str); 6] = [
    ("kind", r#"{"kinds": ["host"]}"#),
    ("environment", r#"{"environment": "prod"}"#),
    ("text, Latin", r#"{"text": "checkout-99"}"#),
    ("text, Chinese", r#"{"text": "支付"}"#),
    ("team that answers", r#"{"ownedBy": ["team-7"]}"#),
    (
        "attribute",
        r#"{"attributes": [{"name": "rack", "operator": "eq", "value": "r-17"}]}"#,
    ),
];

fn count(view: &GraphView, reader: &IndexReader, filter: &ItemFilter) -> usize {
    let names: Vec<String> = filter.attributes.iter().map(|it| it.name.clone()).collect();
    let attributes = if names.is_empty() {
        AttributeTable::default()
    } else {
        let read = reader.attribute_statements(&names, view.position().into(), usize::MAX);
        let found = read.expect("the index answers");
        AttributeTable::new(view, found.entries, None, teller)
    };
    let criteria = ItemCriteria::new(view, vec![filter.clone()], attributes, now());
    view.items().filter(|item| criteria.passes(item)).count()
}

fn now() -> Timestamp {
    Timestamp::from_unix_millis(1_700_000_000_000)
}

fn envelope(number: u64) -> EventEnvelope {
    let kind = match number % 4 {
        0 => "service",
        1 => "host",
        2 => "database",
        _ => "pod",
    };
    let environment = match number % 3 {
        0 => "prod",
        1 => "staging",
        _ => "test",
    };
    let mut item = ObservedItem::new(SourceKey::text(format!(
        "{kind}:{environment}/checkout-{number}"
    )));
    item.owner = number
        .is_multiple_of(2)
        .then(|| format!("team-{}", number % 40));
    item.display_name = number
        .is_multiple_of(10)
        .then(|| format!("在线支付网关 {number}"));
    for name in 0..8 {
        item.attributes.insert(
            format!("attribute-{name}"),
            format!("value {number} of {name}").into(),
        );
    }
    item.attributes
        .insert("rack".to_owned(), format!("r-{}", number % 100).into());
    EventEnvelope {
        position: LogPosition::new(number),
        recorded_at: now(),
        id: EventId {
            source: SourceName::new("cmdb"),
            delivery: number.to_string(),
        },
        occurred_at: now(),
        actor: Actor::default(),
        event: Event::ItemObserved(item),
    }
}
