//! The process is killed while it delivers, again and again: each event arrives, and in order for each item.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::plain;
use crate::serving::Serving;

const ITEMS: usize = 4;
const CHANGES: usize = 40;
const KILLS: usize = 10;
/// Longer than any delivery may take here.
const PATIENCE: Duration = Duration::from_secs(90);

/// What arrived, in the order of arrival: item and number of the change.
struct Book {
    arrived: Mutex<Vec<(usize, usize)>>,
    count: watch::Sender<usize>,
}

async fn take(State(book): State<Arc<Book>>, body: Bytes) {
    let event: Value = serde_json::from_slice(&body).unwrap();
    let data = &event["data"];
    let notices = match data["notices"].as_array() {
        Some(notices) => notices.clone(),
        None => vec![data.clone()],
    };
    assert!(
        data["more"].as_u64().is_none_or(|more| more == 0),
        "{event}"
    );
    let told = notices.iter().map(|notice| {
        let id = notice["change"]["sourceId"].as_str().unwrap();
        let (item, number) = id.split_once('-').unwrap();
        (item.parse().unwrap(), number.parse().unwrap())
    });
    let count = {
        let mut arrived = book.arrived.lock().unwrap();
        arrived.extend(told);
        arrived.len()
    };
    book.count.send_replace(count);
}

async fn receiver() -> (String, Arc<Book>) {
    let book = Arc::new(Book {
        arrived: Mutex::new(Vec::new()),
        count: watch::Sender::new(0),
    });
    let router = Router::new().fallback(take).with_state(Arc::clone(&book));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, book)
}

async fn post(url: &str, body: &Value) -> Value {
    let client = plain::client();
    let response = client.post(url).json(body).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer.get("errors"), None, "{answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_in_the_order_of_its_item_whenever_the_process_is_killed() {
    // What was not yet kept when the process was killed came twice, and no more than that.
    let doubled = killed_again_and_again("").await;
    assert!(doubled <= KILLS * 128, "{doubled} came twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_in_a_digest_whenever_the_process_is_killed() {
    // A digest lies on the disk before it is sent, so a kill doubles what was said since the one before at most.
    let doubled = killed_again_and_again(r#", digest: { every: "PT1S" }"#).await;
    assert!(doubled <= KILLS * ITEMS * CHANGES, "{doubled} came twice");
}

/// Delivers by a subscription with more of its input, is killed at it, and checks what arrived. How much came twice.
async fn killed_again_and_again(more: &str) -> usize {
    let (url, book) = receiver().await;
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::over(folder.path());
    let subscribe = format!(
        r#"mutation {{ subscribe(input: {{ name: "all", url: "{url}", match: {{}}{more} }}) {{ id }} }}"#
    );
    let graphql = |serving: &Serving| format!("{}/graphql", serving.http);
    post(&graphql(&serving), &json!({ "query": subscribe })).await;
    let distinct = || {
        book.arrived
            .lock()
            .unwrap()
            .iter()
            .copied()
            .collect::<BTreeSet<_>>()
    };
    for round in 0..=KILLS {
        let numbers = round * CHANGES..(round + 1) * CHANGES;
        let events = numbers.flat_map(|number| (0..ITEMS).map(move |item| (item, number)));
        let events = events.map(|(item, number)| {
            json!({ "source": "test", "type": "change.recorded", "time": "2026-11-20T10:00:00Z",
                "data": { "sourceId": format!("{item}-{number}"), "targets": [format!("service:s{item}")] } })
        });
        let events: Value = events.collect();
        post(&format!("{}/ingest/events", serving.http), &events).await;
        if round < KILLS {
            // A part of them has arrived, and the rest is on its way.
            let goal = distinct().len() + ITEMS * CHANGES / 3;
            let mut count = book.count.subscribe();
            let arrived = count.wait_for(|_| goal <= distinct().len());
            tokio::time::timeout(PATIENCE, arrived)
                .await
                .unwrap()
                .unwrap();
            serving.signal("-KILL");
            serving.child.wait().unwrap();
            serving = Serving::over(folder.path());
        }
    }
    let all = ITEMS * CHANGES * (KILLS + 1);
    let mut count = book.count.subscribe();
    let arrived = count.wait_for(|_| distinct().len() == all);
    let in_time = tokio::time::timeout(PATIENCE, arrived).await;
    assert!(in_time.is_ok(), "{} of {all} arrived", distinct().len());
    let arrived = book.arrived.lock().unwrap().clone();
    for item in 0..ITEMS {
        let mut seen = BTreeSet::new();
        let of_item = arrived.iter().filter(|(of, _)| *of == item);
        let first: Vec<usize> = of_item
            .map(|(_, number)| *number)
            .filter(|number| seen.insert(*number))
            .collect();
        assert_eq!(
            first,
            (0..CHANGES * (KILLS + 1)).collect::<Vec<_>>(),
            "item {item}"
        );
    }
    arrived.len() - all
}
