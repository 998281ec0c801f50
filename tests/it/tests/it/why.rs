//! The events behind an item, a relation or a value: all of them, and no others.

use serde_json::{Value, json};

use crate::running::{Running, folder};

/// An own event of a source of its own.
fn said(source: &str, kind: &str, time: &str, data: &Value) -> Value {
    json!({ "source": source, "type": kind, "time": time, "data": data })
}

/// Asks why, and gives each event as a line: `position event: summary`, the newest first.
async fn why(server: &Running, arguments: &str) -> String {
    let document =
        format!("{{ why({arguments}) {{ truncated nodes {{ position event source summary }} }} }}");
    let answer = server.ask(&document).await;
    assert_eq!(answer["why"]["truncated"], false);
    let nodes = answer["why"]["nodes"].as_array().expect("a list").clone();
    let line = |node: &Value| {
        let text = |name: &str| node[name].as_str().expect("a text").to_owned();
        format!(
            "{} {}: {}",
            text("position"),
            text("event"),
            text("summary")
        )
    };
    let lines: Vec<String> = nodes.iter().map(line).collect();
    lines.join("\n")
}

/// Why a question fails, by its stable code.
async fn refused(server: &Running, arguments: &str) -> String {
    let document = format!("{{ why({arguments}) {{ nodes {{ position }} }} }}");
    let body = json!({ "query": document }).to_string();
    let (_, answer) = server.post_body("/graphql", body.into_bytes()).await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let code = &answer["errors"][0]["extensions"]["code"];
    code.as_str().expect("a code").to_owned()
}

/// Two sources that speak of one item by different names, beside others that do not.
fn estate() -> Vec<Value> {
    let item = |source: &str, hour: &str, data: Value| {
        let time = format!("2026-11-20T{hour}:00Z");
        said(source, "item.observed", &time, &data)
    };
    let relation = |kind: &str, hour: &str, dependent: &str, provider: &str| {
        let time = format!("2026-11-20T{hour}:00Z");
        let data = json!({ "dependent": dependent, "kind": "calls", "provider": provider });
        said("mesh", kind, &time, &data)
    };
    vec![
        item(
            "cmdb",
            "09:00",
            json!({ "key": "service:prod/shop/checkout", "owner": "shop", "attributes": { "tier": "gold" } }),
        ),
        item(
            "k8s",
            "10:00",
            json!({ "key": "service:prod/shop/checkout", "claims": [{ "scheme": "k8s.uid", "value": "u-1" }] }),
        ),
        item(
            "scan",
            "11:00",
            json!({ "key": { "scheme": "k8s.uid", "value": "u-1" }, "attributes": { "tier": "silver", "cores": 8 } }),
        ),
        item(
            "cmdb",
            "12:00",
            json!({ "key": "service:prod/shop/cart", "attributes": { "tier": "gold" } }),
        ),
        item(
            "scan",
            "13:00",
            json!({ "key": "k8s.uid=u-1", "attributes": { "tier": null } }),
        ),
        relation(
            "relation.observed",
            "09:30",
            "service:prod/shop/checkout",
            "service:prod/shop/ledger",
        ),
        relation(
            "relation.observed",
            "09:40",
            "service:prod/shop/cart",
            "service:prod/shop/ledger",
        ),
        relation(
            "relation.ended",
            "14:00",
            "service:checkout",
            "service:prod/shop/ledger",
        ),
    ]
}

#[tokio::test]
async fn the_events_behind_a_value_are_those_that_state_it() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    let of_tier = "item: \"service:prod/shop/checkout\", attribute: \"tier\"";
    assert_eq!(
        why(&server, of_tier).await,
        "5 item.observed: scan takes back what it said of tier of k8s.uid=u-1\n\
         3 item.observed: scan says that tier of k8s.uid=u-1 is \"silver\"\n\
         1 item.observed: cmdb says that tier of service:prod/shop/checkout is \"gold\""
    );
    let at_noon = format!("{of_tier}, asOf: {{ validAt: \"2026-11-20T12:00:00Z\" }}");
    assert!(why(&server, &at_noon).await.starts_with("3 item.observed"));
    let known_then = format!("{of_tier}, asOf: {{ position: \"2\" }}");
    assert!(
        why(&server, &known_then)
            .await
            .starts_with("1 item.observed")
    );
    let owner = why(&server, "item: \"service:checkout\", attribute: \"owner\"").await;
    assert_eq!(
        owner,
        "1 item.observed: cmdb says that owner of service:prod/shop/checkout is \"shop\""
    );
    assert_eq!(
        why(&server, "item: \"service:checkout\", attribute: \"room\"").await,
        ""
    );
    server.stop().await;
}

#[tokio::test]
async fn the_events_behind_an_item_come_by_all_of_its_names() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    let told = why(&server, "item: \"service:checkout\"").await;
    assert_eq!(
        told,
        "5 item.observed: scan says that k8s.uid=u-1 exists and no longer has tier\n\
         3 item.observed: scan says that k8s.uid=u-1 exists and has cores 8, tier \"silver\"\n\
         2 item.observed: k8s says that service:prod/shop/checkout exists and is also k8s.uid=u-1\n\
         1 item.observed: cmdb says that service:prod/shop/checkout exists, is owned by shop and has tier \"gold\""
    );
    let first = server
        .ask("{ why(item: \"service:checkout\", first: 3) { pageInfo { hasNextPage endCursor } } }")
        .await;
    assert_eq!(first["why"]["pageInfo"]["hasNextPage"], true);
    let cursor = first["why"]["pageInfo"]["endCursor"]
        .as_str()
        .expect("a cursor");
    let rest = why(
        &server,
        &format!("item: \"service:checkout\", after: \"{cursor}\""),
    )
    .await;
    assert!(rest.starts_with("1 item.observed"), "{rest}");
    let named_by_relations = why(&server, "item: \"service:prod/shop/ledger\"").await;
    assert_eq!(
        named_by_relations,
        "8 relation.ended: mesh says that it is over that service:checkout calls service:prod/shop/ledger\n\
         7 relation.observed: mesh says that service:prod/shop/cart calls service:prod/shop/ledger\n\
         6 relation.observed: mesh says that service:prod/shop/checkout calls service:prod/shop/ledger"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_events_behind_a_relation_are_those_between_its_items() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    let relation = |dependent: &str| {
        format!(
            "relation: {{ dependent: \"{dependent}\", provider: \"service:ledger\", kind: \"calls\" }}"
        )
    };
    let told = why(&server, &relation("k8s.uid=u-1")).await;
    assert_eq!(
        told,
        "8 relation.ended: mesh says that it is over that service:checkout calls service:prod/shop/ledger\n\
         6 relation.observed: mesh says that service:prod/shop/checkout calls service:prod/shop/ledger"
    );
    assert_eq!(
        refused(&server, &relation("service:ledger")).await,
        "RELATION_NOT_FOUND"
    );
    assert_eq!(
        refused(&server, &relation("service:nobody")).await,
        "ITEM_NOT_FOUND"
    );
    assert_eq!(refused(&server, "attribute: \"tier\"").await, "BAD_INPUT");
    server.stop().await;
}

#[tokio::test]
async fn decisions_about_identity_stand_among_the_evidence() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let item = |key: &str| {
        said(
            "cmdb",
            "item.observed",
            "2026-11-20T09:00:00Z",
            &json!({ "key": key }),
        )
    };
    server.take(&[item("service:a"), item("service:b")]).await;
    let merge = json!({ "items": ["service:a", "service:b"], "reason": "renamed" });
    let mut merged = said("mika", "items.merged", "2026-11-20T10:00:00Z", &merge);
    merged["id"] = json!("merge-1");
    server.take(&[merged]).await;
    let together = why(&server, "item: \"service:a\"").await;
    assert_eq!(
        together,
        "3 items.merged: mika decided that service:a, service:b are one item: renamed\n\
         2 item.observed: cmdb says that service:b exists\n\
         1 item.observed: cmdb says that service:a exists"
    );
    let revert = json!({ "decision": { "source": "mika", "delivery": "merge-1" } });
    server
        .take(&[said(
            "mika",
            "identity.reverted",
            "2026-11-20T11:00:00Z",
            &revert,
        )])
        .await;
    let apart = why(&server, "item: \"service:a\"").await;
    assert_eq!(
        apart,
        "4 identity.reverted: mika took back the decision mika/merge-1\n\
         3 items.merged: mika decided that service:a, service:b are one item: renamed\n\
         1 item.observed: cmdb says that service:a exists"
    );
    server.stop().await;
}

#[tokio::test]
async fn evidence_holds_the_whole_event() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    let answer = server
        .ask("{ why(item: \"service:cart\") { position nodes { occurredAt recordedAt source actor automatic data } } }")
        .await;
    let node = &answer["why"]["nodes"][0];
    assert_eq!(answer["why"]["position"], "8");
    assert_eq!(node["occurredAt"], "2026-11-20T12:00:00Z");
    assert_eq!(
        node["data"],
        json!({ "key": "service:prod/shop/cart", "attributes": { "tier": "gold" } })
    );
    assert_eq!(
        (&node["source"], &node["actor"]),
        (&json!("cmdb"), &Value::Null)
    );
    server.stop().await;
}

#[tokio::test]
async fn an_index_made_again_tells_the_same() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    let of_item = "item: \"service:checkout\"";
    let before = why(&server, of_item).await;
    server.stop().await;
    std::fs::remove_dir_all(folder.path().join("data").join("index")).expect("the index is there");
    let again = Running::over(folder.path()).await;
    assert_eq!(why(&again, of_item).await, before);
    again.stop().await;
}

#[tokio::test]
async fn what_a_retracted_source_said_is_void_and_makes_no_value() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate()).await;
    let retracted = json!({ "source": "cmdb", "until": "2026-11-20T09:30:00Z" });
    let time = "2026-11-20T15:00:00Z";
    server
        .take(&[said("ops", "source.retracted", time, &retracted)])
        .await;
    let question = "{ item(key: \"service:prod/shop/checkout\",
            asOf: { validAt: \"2026-11-20T11:00:00Z\" }) { owner attributes(names: [\"tier\"]) { value others { source } } }
        why(item: \"service:prod/shop/checkout\") { nodes { position void } } }";
    let answer = server.ask(question).await;
    assert_eq!(answer["item"]["owner"], Value::Null);
    assert_eq!(
        answer["item"]["attributes"],
        json!([{ "value": "silver", "others": [] }])
    );
    let sources = server
        .ask("{ sources { name heard silent silentSince retractedUntil } }")
        .await;
    assert_eq!(
        sources["sources"][0],
        json!({ "name": "cmdb", "heard": 2, "silent": false, "silentSince": null, "retractedUntil": "2026-11-20T09:30:00Z" })
    );
    let oldest = answer["why"]["nodes"]
        .as_array()
        .and_then(|nodes| nodes.last());
    assert_eq!(oldest, Some(&json!({ "position": "1", "void": true })));
    server.stop().await;
}
