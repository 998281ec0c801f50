//! Decisions about identity, asked and made as a person would: looked at first, made, taken back.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

async fn estate(server: &Running) {
    let at = "2026-11-20T10:00:00Z";
    let item = |key: &str| event("item.observed", at, &json!({ "key": key }));
    let needs = |dependent: &str, provider: &str| {
        let relation = json!({ "dependent": dependent, "provider": provider, "kind": "calls" });
        event("relation.observed", at, &relation)
    };
    server
        .take(&[
            item("service:checkout"),
            item("workload:prod/shop/checkout-v2"),
            needs("service:checkout", "service:payment"),
            needs("workload:prod/shop/checkout-v2", "service:ledger"),
        ])
        .await;
}

/// What an item needs, by any of its names.
async fn needs(server: &Running, key: &str) -> Value {
    let document = format!(
        r#"{{ item(key: "{key}") {{ key dependsOn {{ nodes {{ provider {{ key }} }} }} }} }}"#
    );
    server.ask(&document).await["item"].clone()
}

const MERGE: &str = r#"mergeItems(input: {source: "test", items: ["service:checkout", "workload:prod/shop/checkout-v2"], dryRun: DRY})"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_is_looked_at_made_and_taken_back_exactly() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    estate(&server).await;
    let before = needs(&server, "service:checkout").await;

    let dry = MERGE.replace("DRY", "true");
    let dry = format!(
        "mutation {{ {dry} {{ position diff {{ total differences {{ what sentence }} }} }} }}"
    );
    let dry = server.ask(&dry).await["mergeItems"].clone();
    assert_eq!(
        dry,
        json!({
            "position": null,
            "diff": {
                "total": 1,
                "differences": [{
                    "what": "MERGED",
                    "sentence": "service:checkout, workload:prod/shop/checkout-v2 became one item, \
                                 workload:prod/shop/checkout-v2",
                }],
            },
        })
    );
    assert_eq!(
        needs(&server, "service:checkout").await,
        before,
        "a dry run changes nothing"
    );

    let real = MERGE.replace("DRY", "false");
    let made = server
        .ask(&format!("mutation {{ {real} {{ position }} }}"))
        .await;
    let position = made["mergeItems"]["position"].as_str().unwrap().to_owned();
    let merged = needs(&server, "service:checkout").await;
    assert_eq!(
        merged,
        needs(&server, "workload:prod/shop/checkout-v2").await
    );
    assert_eq!(merged["dependsOn"]["nodes"].as_array().unwrap().len(), 2);

    let revert = format!(
        r#"mutation {{ revertDecision(input: {{source: "test", decision: "{position}"}}) {{ position }} }}"#
    );
    server.ask(&revert).await;
    assert_eq!(needs(&server, "service:checkout").await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_outlives_a_restart_and_what_the_source_says_again() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let host = |name: &str, at: &str| {
        let claims = json!([{ "scheme": "arn", "value": "arn:1" }]);
        event(
            "item.observed",
            at,
            &json!({ "key": name, "claims": claims }),
        )
    };
    server
        .take(&[
            host("host:a", "2026-11-20T10:00:00Z"),
            host("host:b", "2026-11-20T10:00:00Z"),
        ])
        .await;
    let split = r#"mutation { splitItem(input: {source: "test", item: "host:a", names: ["host:b"]}) {
        diff { differences { what before after } } } }"#;
    let split = server.ask(split).await;
    assert_eq!(
        split["splitItem"]["diff"]["differences"],
        json!([{ "what": "SPLIT", "before": "host:a", "after": "host:a, host:b" }])
    );
    server.stop().await;

    let server = Running::over(folder.path()).await;
    server.take(&[host("host:b", "2026-11-20T11:00:00Z")]).await;
    let asked =
        r#"{ a: item(key: "host:a") { key } b: item(key: "host:b") { key } anomalies { code } }"#;
    assert_eq!(
        server.ask(asked).await,
        json!({
            "a": { "key": "host:a" },
            "b": { "key": "host:b" },
            "anomalies": [{ "code": "CONTESTED_NAME" }],
        })
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_explained_by_the_change_or_by_nobody() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let relation = |provider: &str, from: &str| {
        let relation = json!({
            "dependent": "service:web", "provider": provider, "kind": "calls", "validFrom": from,
        });
        event("relation.observed", from, &relation)
    };
    let deploy = json!({
        "sourceId": "deploy-7", "title": "release 7", "targets": ["service:web"],
        "startedAt": "2026-11-20T10:00:00Z", "finishedAt": "2026-11-20T10:05:00Z",
    });
    server
        .take(&[
            relation("service:api", "2026-11-20T08:00:00Z"),
            relation("service:search", "2026-11-20T10:02:00Z"),
            relation("service:ads", "2026-11-20T14:00:00Z"),
            event("change.recorded", "2026-11-20T10:00:00Z", &deploy),
        ])
        .await;
    let asked = r#"{ diff(
            from: {validAt: "2026-11-20T09:00:00Z"}, to: {validAt: "2026-11-20T15:00:00Z"},
            items: ["service:web"]
        ) { total unexplained truncated differences { sentence at explainedBy { sourceId } } } }"#;
    assert_eq!(
        server.ask(asked).await["diff"],
        json!({
            "total": 2,
            "unexplained": 1,
            "truncated": false,
            "differences": [
                {
                    "sentence": "service:web calls service:ads is new",
                    "at": "2026-11-20T14:00:00Z",
                    "explainedBy": [],
                },
                {
                    "sentence": "service:web calls service:search is new",
                    "at": "2026-11-20T10:02:00Z",
                    "explainedBy": [{ "sourceId": "deploy-7" }],
                },
            ],
        })
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_differs_is_told_with_the_change_behind_it() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let said = |at: &str, version: &str| {
        let data = json!({ "key": "service:web", "attributes": { "version": version } });
        event("item.observed", at, &data)
    };
    let deploy = json!({
        "sourceId": "deploy-7", "targets": ["service:web"], "startedAt": "2026-11-20T10:00:00Z",
    });
    server
        .take(&[
            said("2026-11-20T08:00:00Z", "6"),
            said("2026-11-20T10:01:00Z", "7"),
            event("change.recorded", "2026-11-20T10:00:00Z", &deploy),
        ])
        .await;
    let asked = r#"{ diff(
            from: {validAt: "2026-11-20T09:00:00Z"}, to: {validAt: "2026-11-20T11:00:00Z"},
            items: ["service:web"]
        ) { valuesCompared differences { what sentence explainedBy { sourceId } } } }"#;
    assert_eq!(
        server.ask(asked).await["diff"],
        json!({
            "valuesCompared": 1,
            "differences": [{
                "what": "VALUE",
                "sentence": "version of service:web went from \"6\" to \"7\"",
                "explainedBy": [{ "sourceId": "deploy-7" }],
            }],
        })
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_retracted_after_a_look_and_restored_exactly() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let at = "2026-11-20T10:00:00Z";
    let item = |source: &str, key: &str, owner: &str| {
        let mut said = event("item.observed", at, &json!({ "key": key, "owner": owner }));
        said["source"] = json!(source);
        said
    };
    server
        .take(&[
            item("cmdb", "service:api", "shop"),
            item("scanner", "host:ghost", "nobody"),
            item("scanner", "service:api", "zzz"),
        ])
        .await;
    let asked =
        r#"{ api: item(key: "service:api") { owner } ghost: item(key: "host:ghost") { key } }"#;
    let before = server.ask(asked).await;
    let retract = |dry: bool| {
        format!(
            r#"mutation {{ retractSource(input: {{source: "test", retracted: "scanner", dryRun: {dry}}}) {{
                diff {{ differences {{ sentence }} }} }} }}"#
        )
    };
    let told = server.ask(&retract(true)).await;
    assert_eq!(
        told["retractSource"]["diff"]["differences"][0]["sentence"],
        "host:ghost is gone"
    );
    assert_eq!(server.ask(asked).await, before, "a dry run changes nothing");

    server.ask(&retract(false)).await;
    let without = server.ask(asked).await;
    assert_eq!(
        without,
        json!({ "api": { "owner": "shop" }, "ghost": null })
    );
    server.stop().await;

    let server = Running::over(folder.path()).await;
    assert_eq!(server.ask(asked).await, without, "it outlives a restart");
    let gaps = server.ask("{ coverage { gaps } }").await.to_string();
    assert!(
        gaps.contains("what scanner said of the time until"),
        "{gaps}"
    );
    server
        .ask(r#"mutation { restoreSource(input: {source: "test", retracted: "scanner"}) { position } }"#)
        .await;
    assert_eq!(server.ask(asked).await, before);
    server.stop().await;
}
