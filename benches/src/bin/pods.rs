//! A month of ten-minute pods: what a million short lives cost, and what is still answered of them.

#![expect(
    clippy::cast_precision_loss,
    reason = "a benchmark's figures are no ids"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use benches::{Files, Row, median, quantile, resident_bytes};
use graph::{Asked, Estate, GraphView, Projection, PuttingAway};
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

/// How long the nodes go on reporting after the last pod, until all of them are put away.
const AFTER_DAYS: u64 = 34;
const DAY_MS: i64 = 24 * 3_600_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [state, pages] = arguments.as_slice() {
        return measure(Path::new(state), Path::new(pages));
    }
    let pods: u64 = arguments.first().map_or(1_000_000, |text| {
        text.parse().expect("the argument is a number of pods")
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = Files::open(&folder.path().join("pages"));
    let before = resident_bytes();
    let mut estate = Estate::default();
    estate.put_away_closed(PuttingAway::after(30 * DAY_MS), &files.pages());
    let mut position = 0;
    let mut take = |estate: &mut Estate, at_ms: i64, event: Event| {
        position += 1;
        let envelope = envelope(position, at_ms, event);
        files.take(estate, &envelope);
    };
    let started = Instant::now();
    for pod in 0..pods {
        for (at_ms, event) in life(pod, pods) {
            take(&mut estate, at_ms, event);
        }
    }
    let folded = started.elapsed().as_secs_f64();
    drop(estate.publish());
    let bytes = (resident_bytes() - before) / pods as f64;
    Row::new("pods memory, bytes a pod closed within the horizon", bytes).print();
    Row::new("pods folded, events a second", (pods * 4) as f64 / folded).print();

    let started = Instant::now();
    for (at_ms, event) in reports() {
        take(&mut estate, at_ms, event);
    }
    let seconds = started.elapsed().as_secs_f64();
    Row::new("pods put away while nodes report, seconds in all", seconds).print();
    let view = estate.publish();
    let started = Instant::now();
    server::give_back_freed();
    let seconds = started.elapsed().as_secs_f64();
    Row::new("pods put away, giving the memory back, seconds", seconds).print();
    let bytes = (resident_bytes() - before) / pods as f64;
    Row::new(
        "pods memory, bytes a pod in the process that put them away",
        bytes,
    )
    .against("wanted", 64.0)
    .print();
    Row::new("pods put away", view.put_away() as f64).print();
    let disk = bytes_in(&folder.path().join("pages"));
    let each = disk / view.put_away() as f64;
    Row::new("pods on the disk, bytes a pod put away", each).print();
    let state = folder.path().join("state");
    std::fs::write(&state, estate.save()).expect("there is room for the state");
    drop((view, estate));
    // In a process of its own, so that what was freed here is not counted.
    let own = std::env::current_exe().expect("this program");
    let measured = Command::new(own)
        .arg(&state)
        .arg(folder.path().join("pages"))
        .status();
    assert!(measured.expect("it starts").success(), "it measures");
}

/// What the estate costs and answers once everything is put away.
fn measure(state: &Path, pages: &Path) {
    let files = Files::open(pages).pages();
    let before = resident_bytes();
    let saved = std::fs::read(state).expect("the state");
    let started = Instant::now();
    let mut estate = Estate::restore_with(&saved, &files).expect("a state");
    Row::new(
        "pods put away, read the state, ms",
        started.elapsed().as_secs_f64() * 1e3,
    )
    .print();
    drop(saved);
    let view = estate.publish();
    let bytes = (resident_bytes() - before) / view.put_away() as f64;
    Row::new(
        "pods memory, bytes a pod closed longer than the horizon, with all the present",
        bytes,
    )
    .against("wanted", 64.0)
    .print();
    Row::new(
        "pods put away, items in memory",
        view.items().count() as f64,
    )
    .print();
    let end = BEGIN_MS + 30 * DAY_MS;
    for (what, at_ms) in [
        ("pods there after the month", end + 1),
        ("pods there a fortnight before its end", end - 14 * DAY_MS),
    ] {
        let at = Timestamp::from_unix_millis(at_ms);
        let asked = Asked {
            times: vec![(at, at)],
            names: Vec::new(),
        };
        let then = || {
            let more = view.with_past(&asked, files.as_ref()).expect("the pages");
            more.unwrap_or_else(|| Arc::clone(&view))
        };
        Row::new(what, present(&then(), at) as f64).print();
        let times = (0..20_u64).map(|workload| {
            let started = Instant::now();
            let key = SourceKey::text(format!("workload:prod/shop/w-{workload}"));
            let then = then();
            let item = then.resolve(&key, None, at).item();
            let users = item.map_or(0, |item| item.used_by(at).len());
            assert!(users < 1_000, "the pods of one workload at one moment");
            started.elapsed().as_secs_f64() * 1e3
        });
        let what = format!("{what}, those of a workload, p50 ms");
        Row::new(&what, quantile(&mut times.collect::<Vec<f64>>(), 0.5)).print();
    }
    let times = (0..200_u64).map(|number| {
        let pod = number * 4_999 % view.put_away() as u64;
        let key = format!("pod:prod/shop/w-{}-{pod:x}", pod % WORKLOADS);
        let asked = Asked {
            times: Vec::new(),
            names: vec![key.clone()],
        };
        let started = Instant::now();
        let then = view.with_past(&asked, files.as_ref()).expect("the pages");
        let then = then.expect("the pod is put away");
        let found = then.resolve(&SourceKey::text(key), None, Timestamp::MAX);
        assert!(found.item().is_some(), "a pod that is put away is found");
        started.elapsed().as_secs_f64() * 1e3
    });
    let mut times: Vec<f64> = times.collect();
    Row::new("pods put away, one by its key, p50 ms", median(&mut times)).print();
}

fn bytes_in(folder: &Path) -> f64 {
    let files = std::fs::read_dir(folder).expect("the folder was made");
    let bytes = files.map(|file| {
        file.and_then(|file| file.metadata())
            .map_or(0, |it| it.len())
    });
    bytes.sum::<u64>() as f64
}

fn present(view: &GraphView, at: Timestamp) -> usize {
    let pods = view.items().filter(|item| item.kind() == "pod");
    pods.filter(|item| item.exists_at(at)).count()
}

/// Every ten minutes each node says that it is there.
fn reports() -> impl Iterator<Item = (i64, Event)> {
    let rounds = AFTER_DAYS * 24 * 6;
    (0..rounds * NODES).map(|number| {
        let round = i64::try_from(number / NODES).expect("a few thousand rounds");
        let node = SourceKey::text(format!("host:prod/node-{}", number % NODES));
        let mut item = ObservedItem::new(node);
        item.report_interval_ms = Some(600_000);
        let at_ms = BEGIN_MS + 30 * DAY_MS + round * 600_000;
        (at_ms, Event::ItemObserved(item))
    })
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
