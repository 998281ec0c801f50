//! What says nothing is counted, and can be looked at.

use serde_json::{Value, json};

use crate::running::{Running, folder};

const QUESTION: &str = "{ quarantine(first: 0) { totalCount suppressed(first: 2) { totalCount forgotten
    pageInfo { hasNextPage endCursor } nodes { source format reason count samples { bytes excerpt } } } } }";

#[tokio::test]
async fn what_says_nothing_is_counted_and_can_be_looked_at() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let record = |name: &str, id: usize| {
        json!({ "eventTime": "2026-11-20T10:00:00Z", "eventSource": "rds.amazonaws.com", "eventName": name,
            "requestParameters": { "masterUserPassword": "planted" }, "eventID": format!("e-{id}"),
            "readOnly": name.starts_with("Describe"), "eventCategory": "Management" })
    };
    let records: Vec<Value> = (0..7).map(|id| record("DescribeDBInstances", id)).collect();
    let post = async |path: &str, body: &Value| {
        let (_, answer) = server.post_body(path, body.to_string().into_bytes()).await;
        serde_json::from_str::<Value>(&answer).unwrap()
    };
    let mut body = records.clone();
    body.push(record("ModifyDBInstance", 7));
    let answer = post("/ingest/cloudtrail", &json!({ "Records": body })).await;
    assert_eq!(answer["ignored"], 7, "{answer}");
    post(
        "/ingest/unleash",
        &json!({ "type": "user-updated", "id": 5 }),
    )
    .await;
    let listed =
        "{\"type\":\"item.observed\",\"data\":{\"key\":\"host:web-7\"}}\n{\"complete\":true}\n";
    for _ in 0..2 {
        let (status, answer) = server
            .post_lines("/ingest/listing?source=racks", listed)
            .await;
        assert_eq!(status.as_u16(), 200, "{answer}");
    }
    let answer = server.ask(QUESTION).await;
    let suppressed = &answer["quarantine"]["suppressed"];
    assert_eq!(answer["quarantine"]["totalCount"], 0, "{answer}");
    assert_eq!(suppressed["totalCount"], 3, "{answer}");
    assert_eq!(suppressed["pageInfo"]["hasNextPage"], true);
    let nodes = &suppressed["nodes"];
    assert_eq!(nodes[0]["reason"], "the call only reads");
    assert_eq!(nodes[0]["count"], 7);
    let samples = nodes[0]["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 1, "no two of one second");
    let excerpt = samples[0]["excerpt"].as_str().unwrap();
    assert!(
        excerpt.contains("e-0") && !excerpt.contains("e-1"),
        "{excerpt}"
    );
    assert!(!excerpt.contains("planted"), "{excerpt}");
    assert_eq!(
        (&nodes[1]["source"], &nodes[1]["count"]),
        (&json!("racks"), &json!(1))
    );
    let listed = nodes[1]["samples"][0]["excerpt"].as_str().unwrap();
    assert!(listed.contains("host:web-7"), "{listed}");
    let rest = server
        .ask("{ quarantine(first: 0) { suppressed(source: \"unleash\") { nodes { format reason } } } }")
        .await;
    let reason = "an event that does not change what a flag answers";
    let wanted = json!([{ "format": "unleash", "reason": reason }]);
    assert_eq!(rest["quarantine"]["suppressed"]["nodes"], wanted);
    server.stop().await;
    let server = Running::over(folder.path()).await;
    let answer = server.ask(QUESTION).await;
    assert_eq!(
        answer["quarantine"]["suppressed"]["nodes"],
        json!([]),
        "it begins anew"
    );
    server.stop().await;
}
