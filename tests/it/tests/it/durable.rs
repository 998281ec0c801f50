//! What was answered with success is there: at once, after a restart, and after everything
//! that can be made again was lost.

use std::fs;

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

const QUESTION: &str = "{
  items(first: 100) { nodes { key dependsOn(first: 10) { nodes { kind provider { key } } } } }
  changes(first: 100) { totalCount nodes { id title status targets { key item { key } } } }
  incidents(first: 100) { nodes { id title items { key } } }
}";

fn estate() -> Vec<Value> {
    let time = "2026-11-20T10:00:00Z";
    vec![
        event("item.observed", time, &json!({ "key": "service:prod/web" })),
        event(
            "relation.observed",
            time,
            &json!({ "dependent": "service:prod/web", "kind": "calls", "provider": "service:prod/api" }),
        ),
        event(
            "change.recorded",
            time,
            &json!({ "sourceId": "1", "title": "Ship it", "targets": ["service:api"], "environment": "prod" }),
        ),
        event(
            "incident.opened",
            time,
            &json!({ "sourceId": "1", "title": "It fails", "items": ["service:prod/web"] }),
        ),
    ]
}

#[tokio::test]
async fn what_was_acknowledged_is_visible_to_the_next_question() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    for number in 0..50 {
        let title = format!("Change {number}");
        let data = json!({ "sourceId": title, "title": title, "targets": ["service:a"] });
        let change = event("change.recorded", "2026-11-20T10:00:00Z", &data);
        server.take(&[change]).await;
        let answer = server.ask("{ changes(first: 1) { totalCount } }").await;
        assert_eq!(answer["changes"]["totalCount"], number + 1);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    let before = server.ask(QUESTION).await;
    assert_eq!(before["items"]["nodes"].as_array().map(Vec::len), Some(2));
    server.stop().await;
    let again = Running::over(folder.path()).await;
    assert_eq!(again.ask(QUESTION).await, before);
    again.stop().await;
}

#[tokio::test]
async fn everything_but_the_log_is_made_again() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    let before = server.ask(QUESTION).await;
    server.stop().await;
    for lost in ["index", "texts", "snapshots", "quarantine"] {
        fs::remove_dir_all(folder.path().join("data").join(lost)).unwrap();
    }
    let again = Running::over(folder.path()).await;
    assert_eq!(again.ask(QUESTION).await, before);
    again.stop().await;
}

#[tokio::test]
async fn a_repeat_is_a_duplicate_and_another_content_a_conflict() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let mut change = event(
        "change.recorded",
        "2026-11-20T10:00:00Z",
        &json!({ "sourceId": "1", "title": "One", "targets": ["service:a"] }),
    );
    change["id"] = json!("delivery-1");
    server.take(&[change.clone()]).await;
    let (_, again) = server.post_events(&[change.clone()]).await;
    assert_eq!(
        (&again["position"], &again["duplicates"]),
        (&json!("1"), &json!(1))
    );
    change["data"]["title"] = json!("Another");
    let (status, _) = server.post_events(&[change]).await;
    assert_eq!(status, 409);
    let answer = server
        .ask("{ changes(first: 9) { nodes { title } } }")
        .await;
    assert_eq!(answer["changes"]["nodes"], json!([{ "title": "One" }]));
    server.stop().await;
}

#[tokio::test]
async fn a_server_says_whether_it_is_ready_and_what_it_measures() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    server.ask(QUESTION).await;
    assert_eq!(server.get("/healthz").await.0, 200);
    assert_eq!(server.get("/readyz").await.0, 200);
    let (_, measures) = server.get("/metrics").await;
    assert!(measures.contains("\nlog_head_position 4\n"), "{measures}");
    assert!(measures.contains("\nfold_view_position 4\n"), "{measures}");
    server.stop().await;
}

#[tokio::test]
async fn a_sender_of_too_much_hears_so() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    for _ in 0..5 {
        let (status, answer) = server
            .post_body("/ingest/events", vec![b' '; 24 << 20])
            .await;
        assert_eq!(status, 413, "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_was_said_in_full_can_be_read_in_full() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let change = |time: &str, more: Value| {
        let mut data = json!({"sourceId": "c-1", "targets": ["service:checkout"]});
        data.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        event("change.recorded", time, &data)
    };
    server
        .take(&[
            change("2026-01-01T10:00:00Z", json!({"title": "one", "description": "why it is done"})),
            change("2026-01-01T10:05:00Z", json!({"title": "two", "values": [{"field": "limit", "before": 1, "after": 2}]})),
            event("item.observed", "2026-01-01T10:00:00Z", &json!({"key": "service:checkout", "attributes": {"tier": 1, "gone": true}})),
            event("item.observed", "2026-01-01T11:00:00Z", &json!({"key": {"kind": "service", "name": "checkout"}, "attributes": {"gone": null}})),
        ])
        .await;
    let asked = "{ changes { nodes { title details { description values } targets { item { attributes { name value } } } } } }";
    let node = &server.ask(asked).await["changes"]["nodes"][0];
    assert_eq!(node["title"], "two");
    assert_eq!(node["details"]["description"], "why it is done");
    assert_eq!(
        node["details"]["values"],
        json!([{"field": "limit", "before": 1, "after": 2}])
    );
    let attributes = &node["targets"][0]["item"]["attributes"];
    assert_eq!(*attributes, json!([{"name": "tier", "value": 1}]));
    server.stop().await;
}
