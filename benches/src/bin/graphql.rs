//! A responder's nested question over HTTP, beside the same bytes served from memory by the same HTTP library.
//!
//! Both servers run in this process and answer one client over one connection at a time,
//! so the ratio says what answering costs beyond carrying the answer.

#![expect(
    clippy::cast_precision_loss,
    reason = "a benchmark's figures are read by people"
)]

use std::time::Instant;

use axum::Router;
use axum::routing::post;
use benches::{Row, median, quantile};
use reqwest::Client;
use serde_json::{Value, json};
use server::Server;
use server::config::Settings;

const SERVICES: usize = 500;
const QUESTIONS: usize = 300;
const REPETITIONS: usize = 5;
/// Twenty items, four relations each: a hundred nodes.
const NESTED: &str = "{ items(first: 20) { totalCount nodes { key owner environment
    dependsOn(first: 4) { nodes { kind freshness provider { key kind owner } } } } } }";
const NEARBY: &str =
    "{ changesNearby(items: [\"service:prod/s-9\"], first: 20) { considered changes {
    rank score reason change { title status } path { from { key } to { key } }
    contributions { signal contribution explanation } } } }";

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = start(folder.path()).await;
    let address = format!("http://{}", server.addresses.http);
    let client = Client::new();
    load(&client, &address).await;
    for (name, document) in [
        ("nested question of 100 nodes", NESTED),
        ("changesNearby", NEARBY),
    ] {
        measure(&client, &format!("{address}/graphql"), name, document).await;
    }
    server.stop().await;
}

async fn start(folder: &std::path::Path) -> Server {
    let mut settings = Settings::defaults();
    for address in [
        &mut settings.listen,
        &mut settings.otlp_grpc,
        &mut settings.otlp_http,
    ] {
        address.set_port(0);
    }
    settings.data_dir = folder.join("data");
    Server::start(settings)
        .await
        .expect("the server starts in an empty folder")
}

async fn load(client: &Client, address: &str) {
    let fact = |number: usize, kind: &str, data: Value| {
        json!({"id": format!("{kind}-{number}"), "source": "bench", "type": kind,
               "time": "2026-01-01T00:00:00Z", "data": data})
    };
    let key = |number: usize| format!("service:prod/s-{number}");
    let mut facts = Vec::new();
    for number in 0..SERVICES {
        facts.push(fact(
            number,
            "item.observed",
            json!({"key": key(number), "owner": "shop"}),
        ));
        for step in [1, 7, 31, 101] {
            let relation = json!({"dependent": key(number), "kind": "calls",
                                  "provider": key((number + step) % SERVICES)});
            facts.push(fact(number * 1_000 + step, "relation.observed", relation));
        }
        let minutes = format!("2026-01-01T{:02}:{:02}:00Z", number / 60 % 24, number % 60);
        facts.push(fact(
            number,
            "change.recorded",
            json!({"sourceId": number.to_string(),
            "title": format!("deploy {number}"), "targets": [key(number)], "startedAt": minutes}),
        ));
    }
    let sent = client
        .post(format!("{address}/ingest/events"))
        .json(&facts)
        .send()
        .await;
    assert!(
        sent.expect("the server answers").status().is_success(),
        "the facts were taken"
    );
}

/// The question in turns with the same bytes from memory.
async fn measure(client: &Client, url: &str, name: &str, document: &str) {
    let asked = json!({"query": document, "variables": {}});
    let answer = ask(client, url, &asked).await;
    assert!(!answer.contains("\"errors\""), "{answer}");
    let same = answer.clone();
    let plain = Router::new().route("/", post(move || std::future::ready(same.clone())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let memory = format!("http://{}", listener.local_addr().expect("it is bound"));
    let serving = tokio::spawn(async move { axum::serve(listener, plain).await });
    let (mut ours, mut limit, mut each) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        ours.push(rate(client, url, &asked, &mut each).await);
        limit.push(rate(client, &memory, &asked, &mut Vec::new()).await);
    }
    serving.abort();
    Row::new(
        &format!("GraphQL over HTTP, {name}, one at a time, per second"),
        median(&mut ours),
    )
    .against("the same bytes from memory", median(&mut limit))
    .print();
    Row::new(
        &format!("the same, {name}, p99 in ms"),
        quantile(&mut each, 0.99),
    )
    .print();
}

async fn rate(client: &Client, url: &str, asked: &Value, each: &mut Vec<f64>) -> f64 {
    let started = Instant::now();
    for _ in 0..QUESTIONS {
        let one = Instant::now();
        ask(client, url, asked).await;
        each.push(one.elapsed().as_secs_f64() * 1e3);
    }
    QUESTIONS as f64 / started.elapsed().as_secs_f64()
}

async fn ask(client: &Client, url: &str, asked: &Value) -> String {
    let response = client
        .post(url)
        .json(asked)
        .send()
        .await
        .expect("the server answers");
    response.text().await.expect("the answer arrives whole")
}
