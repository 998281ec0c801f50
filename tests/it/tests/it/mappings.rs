//! A sender that nobody wrote a decoder for, from the file of its mapping to the answer.

use std::fs;

use serde_json::{Value, json};
use server::config::Settings;

use crate::running::{Running, folder};

#[tokio::test]
async fn a_mapping_is_read_when_a_delivery_comes_and_told_when_it_is_broken() {
    let folder = folder();
    let mappings_dir = folder.path().join("mappings");
    fs::create_dir(&mappings_dir).unwrap();
    let write = |code: &str| fs::write(mappings_dir.join("ci.jq"), code).unwrap();
    let settings = Settings {
        mappings_dir: mappings_dir.clone(),
        ..Settings::defaults()
    };
    let server = Running::with(settings, folder.path()).await;
    let post = async |body: &Value| {
        let body = body.to_string().into_bytes();
        let (status, answer) = server.post_body("/ingest/mapping/ci", body).await;
        (status.as_u16(), answer)
    };
    let run = |title: &str| json!({ "title": title });
    assert_eq!(post(&run("early")).await.0, 404);
    write(
        r#".body | {type: "change.recorded", data: {sourceId: .title, title, targets: ["service:a"]}}"#,
    );
    assert_eq!(post(&run("one")).await.0, 200);
    write("nonsense");
    assert_eq!(post(&run("two")).await.0, 200);
    let (_, ready) = server.get("/readyz").await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["status"], "ready");
    assert_eq!(
        ready["remarks"],
        json!(["the mapping ci is broken: line 1, column 1: the filter nonsense is not defined"])
    );
    let (_, measures) = server.get("/metrics").await;
    assert!(
        measures.contains("\nintake_broken_mappings{mapping=\"ci\"} 1\n"),
        "{measures}"
    );
    write("error(\"three is too much\")");
    let (status, answer) = post(&run("three")).await;
    assert!(answer.contains("\"quarantined\":1"), "{status} {answer}");
    let answer = server
        .ask("{ changes(first: 9) { nodes { title } } quarantine(first: 9) { nodes { source reason } } }")
        .await;
    let nodes = json!([{ "title": "one" }, { "title": "two" }]);
    let mut titles = answer["changes"]["nodes"].as_array().unwrap().clone();
    titles.sort_by_key(|node| node["title"].to_string());
    assert_eq!(Value::from(titles), nodes);
    let kept = json!([{ "source": "ci", "reason": "ci.jq: three is too much" }]);
    assert_eq!(answer["quarantine"]["nodes"], kept);
    server.stop().await;
}
