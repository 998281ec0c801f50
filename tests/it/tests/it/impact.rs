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

/// Three pods of one deployment on two zones, its caller, and a drill that takes a zone away.
async fn told_of_zones(server: &Running, quorum: &serde_json::Value) {
    let needs = |dependent: &str, kind: &str, provider: &str| {
        let data = json!({ "dependent": dependent, "provider": provider, "kind": kind });
        event("relation.observed", AT, &data)
    };
    let whole = json!({ "key": "deployment:prod/shop", "attributes": { "quorum": quorum } });
    let drill = json!({ "sourceId": "drill-1", "title": "zone a is gone", "kind": "drill", "startedAt": AT,
        "targets": ["zone:prod/a"], "declaredImpact": ["deployment:prod/shop", "node:prod/1"] });
    server
        .take(&[
            event("item.observed", AT, &whole),
            needs("service:prod/web", "calls", "service:prod/shop"),
            needs("service:prod/shop", "runs_on", "deployment:prod/shop"),
            needs("deployment:prod/shop", "includes", "pod:prod/a"),
            needs("deployment:prod/shop", "includes", "pod:prod/b"),
            needs("deployment:prod/shop", "includes", "pod:prod/c"),
            needs("pod:prod/a", "runs_on", "node:prod/1"),
            needs("pod:prod/b", "runs_on", "node:prod/2"),
            needs("pod:prod/c", "runs_on", "node:prod/3"),
            needs("node:prod/1", "runs_on", "zone:prod/a"),
            needs("node:prod/2", "runs_on", "zone:prod/a"),
            needs("node:prod/3", "runs_on", "zone:prod/b"),
            event("change.recorded", AT, &drill),
        ])
        .await;
}

#[tokio::test]
async fn a_failing_node_or_zone_or_a_drill_harms_what_has_too_few_left() {
    // What fails, the quorum that is stated, and how the deployment stands then.
    let node = "items: [\"node:prod/1\"]";
    let zone = "items: [\"zone:prod/a\"]";
    let cases = [
        (
            node,
            json!(null),
            json!({ "members": 3, "touched": 1, "needed": null }),
        ),
        (
            zone,
            json!(null),
            json!({ "members": 3, "touched": 2, "needed": null }),
        ),
        (node, json!(2), json!("spared")),
        (
            zone,
            json!(2),
            json!({ "members": 3, "touched": 2, "needed": 2 }),
        ),
        (zone, json!("30%"), json!("spared")),
        (
            "drill",
            json!(2),
            json!({ "members": 3, "touched": 2, "needed": 2 }),
        ),
        ("drill", json!(1), json!("spared")),
    ];
    for (failing, quorum, expected) in cases {
        let folder = folder();
        let server = Running::over(folder.path()).await;
        told_of_zones(&server, &quorum).await;
        let drill = server.ask("{ changes(first: 1, asOf: { validAt: \"2020-11-20T10:05:00Z\" }) { nodes { id impactComparison(least: 0) { unreached { key } } } } }").await;
        let drill = &drill["changes"]["nodes"][0];
        let failing = match failing {
            "drill" => format!("change: {}", drill["id"]),
            items => items.to_owned(),
        };
        let document = format!(
            "{{ blastRadius({failing}, at: \"2020-11-20T10:05:00Z\") {{ impacts {{ item {{ key }} redundancy {{ members touched needed }} }} }} }}"
        );
        let answer = server.ask(&document).await;
        let impacts = answer["blastRadius"]["impacts"].as_array().unwrap();
        let reached = |key: &str| impacts.iter().find(|it| it["item"]["key"] == key);
        let found =
            reached("deployment:prod/shop").map_or(json!("spared"), |it| it["redundancy"].clone());
        assert_eq!(found, expected, "{failing} fails, quorum {quorum}");
        let caller = reached("service:prod/web").is_some();
        assert_eq!(
            caller,
            expected != "spared",
            "{failing} fails, quorum {quorum}"
        );
        // What the drill is expected to harm stands against the same harm.
        if failing.starts_with("change") {
            let unreached = match expected == "spared" {
                true => json!([{ "key": "deployment:prod/shop" }]),
                false => json!([]),
            };
            assert_eq!(
                drill["impactComparison"]["unreached"], unreached,
                "quorum {quorum}"
            );
        }
        server.stop().await;
    }
}
