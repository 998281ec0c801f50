//! How much a token may ask of the server, with the real binary.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::fs;

use serde_json::{Value, json};

use crate::plain;
use crate::serving::{Serving, epicenter};
use crate::tokens::token;

struct Answer {
    status: u16,
    retry_after_s: Option<u64>,
    body: Value,
}

async fn post(serving: &Serving, path: &str, secret: &str, body: &Value) -> Answer {
    let url = format!("{}{path}", serving.http);
    let request = plain::client().post(url).bearer_auth(secret).json(body);
    let answer = request.send().await.unwrap();
    let retry = answer.headers().get("retry-after");
    Answer {
        status: answer.status().as_u16(),
        retry_after_s: retry.and_then(|seconds| seconds.to_str().ok()?.parse().ok()),
        body: answer.json().await.unwrap(),
    }
}

fn events(count: usize) -> Value {
    let event = |number| json!({ "source": "test", "type": "item.observed", "data": { "key": format!("service:s{number}") } });
    (0..count).map(event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_used_up_its_quota_is_told_when_to_come_again_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (
        folder.path().join("data"),
        folder.path().join("epicenter.toml"),
    );
    let (_, admin) = token(&data, "admin", &["--requests-per-minute", "100000"]);
    let (reader_id, reader) = token(&data, "read", &["--requests-per-minute", "3"]);
    let (_, sender) = token(&data, "ingest", &["--events-per-minute", "60"]);
    let (_, usual) = token(&data, "read", &[]);
    fs::write(
        &config,
        "auth.required = true\nquotas.requests_per_minute = 2\n",
    )
    .unwrap();
    let serving = Serving::with(&data, &["--config", config.to_str().unwrap()]);

    let items = json!({ "query": "{ items { totalCount } }" });
    for _ in 0..3 {
        assert_eq!(
            post(&serving, "/graphql", &reader, &items).await.status,
            200
        );
    }
    let refused = post(&serving, "/graphql", &reader, &items).await;
    assert_eq!(refused.status, 429);
    assert!(
        refused
            .retry_after_s
            .is_some_and(|seconds| (1..=20).contains(&seconds))
    );
    let metrics = plain::client().get(format!("{}/metrics", serving.http));
    let metrics = metrics.bearer_auth(&reader).send().await.unwrap();
    assert_eq!(metrics.status(), 429);

    // What was said too much was taken; what comes next waits until that is made up for.
    let taken = post(&serving, "/ingest/events", &sender, &events(120)).await;
    assert_eq!((taken.status, &taken.body["accepted"]), (200, &json!(120)));
    let refused = post(&serving, "/ingest/events", &sender, &events(1)).await;
    assert_eq!(refused.status, 429);
    assert!(
        refused
            .retry_after_s
            .is_some_and(|seconds| (30..=60).contains(&seconds))
    );

    for _ in 0..2 {
        assert_eq!(post(&serving, "/graphql", &usual, &items).await.status, 200);
    }
    assert_eq!(post(&serving, "/graphql", &usual, &items).await.status, 429);

    let tokens = "{ tokens { nodes { id requestsPerMinute eventsPerMinute throttledRequests } } }";
    let told = post(&serving, "/graphql", &admin, &json!({ "query": tokens })).await;
    let told = told.body["data"]["tokens"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    let told = told.iter().find(|it| it["id"] == json!(reader_id)).unwrap();
    let wanted = json!({
        "id": reader_id, "requestsPerMinute": 3, "eventsPerMinute": null, "throttledRequests": 2,
    });
    assert_eq!(told, &wanted);
    serving.signal("-TERM");
}

#[test]
fn a_quota_of_nothing_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::over(folder.path());
    let create = [
        "token",
        "create",
        "x",
        "--scope",
        "read",
        "--requests-per-minute",
        "0",
    ];
    let none = epicenter(&create)
        .args(["--server", &serving.http])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&none.stderr).contains("requestsPerMinute is 1 at least"));
}

#[test]
fn an_open_server_counts_nobodys_requests() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::over(folder.path());
    for _ in 0..4 {
        let asked = epicenter(&["items", "--server", &serving.http])
            .output()
            .unwrap();
        assert!(asked.status.success());
    }
}
