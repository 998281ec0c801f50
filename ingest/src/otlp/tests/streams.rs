//! What a fleet's spans come to when they are shuffled, doubled, delayed or sampled on the way.

use std::collections::{BTreeMap, BTreeSet};

use testkit::{Fleet, FleetSpan, delayed, export_request, one_trace_in_four, shuffled_and_doubled};

use super::*;

const FLEET: Fleet = Fleet::new(40);
const TRIPS: u64 = FLEET.round() * 10;

fn spans() -> Vec<FleetSpan> {
    let noon = (NOON_MS * 1_000_000) as u64;
    // All within the first window.
    (0..TRIPS)
        .flat_map(|trip| FLEET.trip(trip, noon + trip * 10_000_000))
        .collect()
}

async fn send(bench: &Bench, spans: &[FleetSpan]) {
    for batch in spans.chunks(500) {
        let body = export_request(batch);
        let (status, answer) = bench
            .post("/v1/traces", "application/x-protobuf", body)
            .await;
        assert_eq!((status, answer), (StatusCode::OK, Vec::new()));
    }
}

/// Relations and how many calls were told of each, without interfaces.
fn relations(bench: &Bench) -> BTreeMap<String, u64> {
    let mut told = BTreeMap::new();
    for event in bench.events() {
        if let Event::CallsObserved(observed) = event.event {
            for call in observed.calls {
                let relation = format!("{} {} {}", call.dependent, call.kind, call.provider);
                *told.entry(relation).or_insert(0) += call.calls;
            }
        }
    }
    told.retain(|relation, _| !relation.contains(" invokes "));
    told
}

async fn flushed(streams: &[&[FleetSpan]], between_ms: i64) -> Bench {
    let bench = Bench::new();
    for stream in streams {
        send(&bench, stream).await;
        bench.pass(between_ms).await;
    }
    bench.otlp.flush().await.unwrap();
    bench
}

#[tokio::test]
async fn every_relation_of_the_plan_is_shown_by_every_call() {
    let bench = flushed(&[&spans()], 0).await;
    assert_eq!(relations(&bench), FLEET.shown(0..TRIPS));
}

#[tokio::test]
async fn shuffled_and_doubled_spans_tell_the_same_to_the_event() {
    let events = |bench: &Bench| -> Vec<Event> {
        let events = bench.events().into_iter();
        events.map(|event| event.event).collect()
    };
    let straight = events(&flushed(&[&spans()], 0).await);
    for seed in 1..4 {
        let mixed = shuffled_and_doubled(spans(), 10, seed);
        let bench = flushed(&[&mixed], 0).await;
        assert_eq!(events(&bench), straight, "seed {seed}");
        assert!(0 < bench.otlp.counters().spans_duplicated);
    }
}

#[tokio::test]
async fn late_spans_leave_the_relations_as_they_are_but_for_addresses() {
    // One in ten comes when its other side waits no longer, and after its window closed.
    let (early, late) = delayed(spans(), 10, 7);
    let bench = flushed(&[&early, &late], 100_000).await;
    let told: BTreeSet<String> = relations(&bench).into_keys().collect();
    let expected: BTreeSet<String> = FLEET.shown(0..TRIPS).into_keys().collect();
    assert!(told.is_superset(&expected));
    // A client whose other side came too late knows the address only.
    let more: Vec<&String> = told.difference(&expected).collect();
    let is_address = |relation: &&&String| relation.contains(" calls endpoint:");
    assert_eq!(
        more.iter().filter(is_address).count(),
        more.len(),
        "{more:?}"
    );
}

#[tokio::test]
async fn samples_show_the_same_relations_and_stand_for_all_calls() {
    let sampled = one_trace_in_four(spans());
    assert!(sampled.len() * 3 < spans().len());
    let bench = flushed(&[&sampled], 0).await;
    let (told, all) = (relations(&bench), FLEET.shown(0..TRIPS));
    let sum = |of: &BTreeMap<String, u64>, kind: &str| -> f64 {
        let calls = of.iter().filter(|(relation, _)| relation.contains(kind));
        calls.map(|(_, calls)| *calls as f64).sum()
    };
    for kind in [" calls ", " queries ", " publishes_to "] {
        let off = sum(&told, kind) / sum(&all, kind) - 1.0;
        assert!(off.abs() < 0.1, "{kind} is {off:.3} off");
    }
    // A consumer that names no queue learns it from a producer in another trace, which was sampled apart.
    let (taken, all_taken) = (sum(&told, " consumes_from "), sum(&all, " consumes_from "));
    assert!(
        all_taken / 8.0 < taken && taken < all_taken,
        "{taken} of {all_taken}"
    );
    // A relation of ten calls is missed by one sample in four with a chance of .75^10.
    let missed = all.keys().filter(|it| !told.contains_key(*it)).count();
    assert!(missed * 10 < all.len(), "{missed} of {}", all.len());
    // A consumer whose producer was not kept knows no queue, so nothing is invented.
    assert!(
        told.keys()
            .all(|it| all.contains_key(it) || it.contains("endpoint:"))
    );
}
