//! What removing secrets costs an intake, beside reading the JSON at all.

use std::time::{Duration, Instant};

use benches::{Random, Row, median};
use ingest::redact::{redact_text, redact_value};
use serde_json::{Value, json};

const EVENTS: usize = 20_000;
const REPETITIONS: usize = 5;

fn main() {
    let mut random = Random::new(5);
    let bodies: Vec<String> = (0..EVENTS)
        .map(|number| body(number, &mut random))
        .collect();
    let (mut parse, mut redact) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let (mut parsing, mut redacting) = (Duration::ZERO, Duration::ZERO);
        for body in &bodies {
            let started = Instant::now();
            let mut value: Value = serde_json::from_str(body).expect("the body is JSON");
            parsing += started.elapsed();
            let started = Instant::now();
            let removed = redact_value(&mut value);
            redacting += started.elapsed();
            assert!(removed == 1, "each body holds one secret");
        }
        parse.push(micros(parsing, EVENTS));
        redact.push(micros(redacting, EVENTS));
    }
    Row::new("redact a JSON event of 1 KB, us", median(&mut redact))
        .against("serde_json, read it", median(&mut parse))
        .print();
    prose(&mut random);
}

/// A long text without secrets: every pattern is tried, none is found.
fn prose(random: &mut Random) {
    let words = [
        "deploy ",
        "token ",
        "the ",
        "key: ",
        "checkout, ",
        "v1.2.3 ",
    ];
    let text: String = (0..200_000)
        .filter_map(|_| words.get(random.below(words.len())))
        .copied()
        .collect();
    let mut took: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let started = Instant::now();
            std::hint::black_box(redact_text(&text));
            mebibytes(text.len()) / started.elapsed().as_secs_f64()
        })
        .collect();
    Row::new("redact a long text, MiB a second", median(&mut took)).print();
}

fn micros(took: Duration, events: usize) -> f64 {
    took.as_secs_f64() * 1e6 / count(events)
}

fn mebibytes(bytes: usize) -> f64 {
    count(bytes) / f64::from(1 << 20)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a count of a benchmark is small"
)]
const fn count(number: usize) -> f64 {
    number as f64
}

fn body(number: usize, random: &mut Random) -> String {
    let words: String = (0..60)
        .map(|_| format!("{:05x} ", random.below(1 << 20)))
        .collect();
    json!({
        "id": format!("deploy-{number}"),
        "source": "argocd",
        "type": "change.recorded",
        "time": "2026-11-20T10:00:00Z",
        "data": {
            "sourceId": format!("rollout-{number}"),
            "title": format!("deploy checkout v1.{number}"),
            "targets": ["service:prod/shop/checkout", "service:prod/shop/cart"],
            "environment": "prod",
            "kind": "deployment",
            "description": words,
            "values": [{"field": "db.password", "after": "hunter2"}, {"field": "replicas", "after": 3}],
            "artifacts": [{"name": "registry.example/checkout", "digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}],
            "startedAt": "2026-11-20T09:59:00Z",
        },
    })
    .to_string()
}
