//! What a change is said to affect, and what its batches touch, through the whole process.

use serde_json::json;

use crate::running::{Running, event, folder};

const AT: &str = "2020-11-20T10:00:00Z";

async fn told(server: &Running) {
    let needs = |dependent: &str, provider: &str| {
        let data = json!({ "dependent": format!("service:{dependent}"), "provider": format!("service:{provider}"), "kind": "calls" });
        event("relation.observed", AT, &data)
    };
    let change = json!({ "sourceId": "c1", "title": "new db", "targets": ["service:db-1", "service:db-2"], "startedAt": AT,
        "declaredImpact": ["service:api", "service:printer", "service:nobody-knows"],
        "batches": [{ "index": 0, "targets": ["service:db-1"] }, { "index": 1, "targets": ["service:db-2"] }] });
    server
        .take(&[
            needs("api", "db-1"),
            needs("web", "api"),
            needs("report", "db-2"),
            needs("printer", "spooler"),
            event("change.recorded", AT, &change),
        ])
        .await;
}

#[tokio::test]
async fn a_change_tells_what_its_author_missed_and_stated_too_much() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    told(&server).await;
    let document = "{ changes(first: 1, asOf: { validAt: \"2020-11-20T10:05:00Z\" }) { nodes { impactComparison {
        confirmed { key } missed { item { key } reason } missedCount unreached { key } unknown truncated } } } }";
    let answer = server.ask(document).await;
    let found = &answer["changes"]["nodes"][0]["impactComparison"];
    assert_eq!(
        found["confirmed"],
        json!([{ "key": "service:api" }]),
        "{found}"
    );
    assert_eq!(found["unreached"], json!([{ "key": "service:printer" }]));
    assert_eq!(found["unknown"], json!(["service:nobody-knows"]));
    assert_eq!(found["missedCount"], json!(2));
    assert_eq!(
        found["missed"][0],
        json!({ "item": { "key": "service:report" }, "reason": "service:report calls service:db-2" })
    );
}

#[tokio::test]
async fn a_batch_alone_harms_what_needs_what_it_touches() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    told(&server).await;
    let change = server.ask("{ changes(first: 1) { nodes { id } } }").await;
    let id = change["changes"]["nodes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let harmed = |batch: &str| {
        format!(
            "{{ blastRadius(change: \"{id}\"{batch}, at: \"2020-11-20T10:05:00Z\") {{ total impacts {{ item {{ key }} }} }} }}"
        )
    };
    let all = server.ask(&harmed("")).await;
    assert_eq!(all["blastRadius"]["total"], json!(3));
    let first = server.ask(&harmed(", batch: 0")).await;
    assert_eq!(
        first["blastRadius"]["impacts"],
        json!([{ "item": { "key": "service:api" } }, { "item": { "key": "service:web" } }])
    );
    let refused = server.refused_with(&harmed(", batch: 7")).await;
    assert_eq!(refused, "batch: the change has no batch 7; known are 0, 1");
}
