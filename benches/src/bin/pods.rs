//! A month of ten-minute pods: what a million short lives cost, and what is still answered of them.

#![expect(
    clippy::cast_precision_loss,
    reason = "a benchmark's figures are no ids"
)]

use std::time::Instant;

use benches::{Row, quantile, resident_bytes};
use graph::{Estate, GraphView, Projection};
use model::{
    Actor, Alias, Claim, Event, EventEnvelope, EventId, ItemRetired, LogPosition, ObservedItem,
    ObservedRelation, RelationKind, SourceKey, SourceName, Timestamp,
};

/// When the first pod starts.
const BEGIN_MS: i64 = 1_760_000_000_000;
const LIFE_MS: i64 = 10 * 60_000;
const WORKLOADS: u64 = 200;
const NODES: u64 = 50;
const ADDRESSES: u64 = 4_096;

fn main() {
    let pods: u64 = std::env::args().nth(1).map_or(1_000_000, |text| {
        text.parse().expect("the argument is a number of pods")
    });
    let before = resident_bytes();
    let mut estate = Estate::default();
    let mut position = 0;
    let started = Instant::now();
    for pod in 0..pods {
        for (at_ms, event) in life(pod, pods) {
            position += 1;
            estate.apply(&envelope(position, at_ms, event));
        }
    }
    let folded = started.elapsed().as_secs_f64();
    let view = estate.publish();
    let bytes = (resident_bytes() - before) / pods as f64;
    Row::new("pods memory, bytes a closed pod", bytes)
        .against("wanted", 64.0)
        .print();
    Row::new("pods folded, events a second", position as f64 / folded).print();

    let end = BEGIN_MS + 30 * 24 * 3_600_000;
    for (what, at_ms) in [
        ("pods there now", end + 1),
        ("pods there a fortnight ago", end - 14 * 24 * 3_600_000),
    ] {
        let at = Timestamp::from_unix_millis(at_ms);
        Row::new(what, present(&view, at) as f64).print();
        let mut times: Vec<f64> = (0..200)
            .map(|workload| {
                let started = Instant::now();
                let key = SourceKey::text(format!("workload:prod/shop/w-{workload}"));
                let item = view.resolve(&key, None, at).item();
                let users = item.map_or(0, |item| item.used_by(at).len());
                assert!(users < 1_000, "the pods of one workload at one moment");
                started.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        Row::new(
            &format!("{what}, those of a workload, p50 ms"),
            quantile(&mut times, 0.5),
        )
        .print();
    }
}

fn present(view: &GraphView, at: Timestamp) -> usize {
    let pods = view.items().filter(|item| item.kind() == "pod");
    pods.filter(|item| item.exists_at(at)).count()
}

/// What is said of one pod, spread evenly over thirty days.
fn life(pod: u64, pods: u64) -> Vec<(i64, Event)> {
    let month_ms = 30 * 24 * 3_600_000_u64 - 600_000;
    let born = BEGIN_MS + i64::try_from(pod * month_ms / pods).expect("a month of milliseconds");
    let key = SourceKey::text(format!("pod:prod/shop/w-{}-{pod:x}", pod % WORKLOADS));
    let mut item = ObservedItem::new(key.clone());
    item.claims
        .push(Claim::new("k8s.uid", format!("6f1d-{pod:012x}")));
    item.valid_from = Some(Timestamp::from_unix_millis(born));
    item.aliases.push(Alias {
        scheme: "ip".to_owned(),
        value: format!("10.0.{}.{}", pod % ADDRESSES / 256, pod % 256),
        valid_from: Some(Timestamp::from_unix_millis(born)),
        valid_until: Some(Timestamp::from_unix_millis(born + LIFE_MS)),
    });
    let needs = |provider: String, kind: &str| {
        Event::RelationObserved(ObservedRelation {
            dependent: key.clone(),
            provider: SourceKey::text(provider),
            kind: RelationKind::new(kind),
            strength: None,
            valid_from: Some(Timestamp::from_unix_millis(born)),
            valid_until: Some(Timestamp::from_unix_millis(born + LIFE_MS)),
            report_interval_ms: None,
        })
    };
    vec![
        (born, Event::ItemObserved(item)),
        (
            born,
            needs(
                format!("workload:prod/shop/w-{}", pod % WORKLOADS),
                "part_of",
            ),
        ),
        (
            born,
            needs(format!("host:prod/node-{}", pod % NODES), "runs_on"),
        ),
        (
            born + LIFE_MS,
            Event::ItemRetired(ItemRetired {
                key: key.clone(),
                reason: None,
            }),
        ),
    ]
}

fn envelope(position: u64, at_ms: i64, event: Event) -> EventEnvelope {
    EventEnvelope {
        position: LogPosition::new(position),
        recorded_at: Timestamp::from_unix_millis(at_ms),
        id: EventId {
            source: SourceName::new("kubernetes"),
            delivery: position.to_string(),
        },
        occurred_at: Timestamp::from_unix_millis(at_ms),
        actor: Actor::default(),
        event,
    }
}
