//! Platforms, scenes, levels, checks, exemptions, folded acts and bookkeeping are searched and counted.

use serde_json::{Value, json};

use super::{change, ids};
use crate::running::{Running, folder};

/// Changes of two platforms, as far as the model of changes goes.
fn estate_of_the_model() -> Vec<Value> {
    let of = |platform: &str, mut change: Value| {
        change["source"] = json!(platform);
        change
    };
    vec![
        of(
            "cd",
            change(
                "order",
                0,
                &json!({
                    "title": "迭代发布 shop", "scene": "迭代发布", "level": "G2", "status": "approved",
                    "foldKey": "ORDER-7", "releaseNotes": "新增购物车结算",
                    "batches": [{ "index": 0, "targets": ["host:prod/h1"] }],
                }),
            ),
        ),
        of(
            "cd",
            change(
                "order",
                9,
                &json!({
                    "status": "rolled_back", "finishedAt": "2026-11-20T10:09:00Z",
                    "checkResults": [{ "name": "slo", "at": "after_batch", "batch": 0, "result": "block" }],
                }),
            ),
        ),
        of(
            "cd",
            change(
                "part",
                1,
                &json!({
                    "title": "购物车 config", "foldKey": "ORDER-7", "status": "timed_out",
                    "exemption": "green_channel OPS-7",
                }),
            ),
        ),
        of(
            "k8s",
            change(
                "touch",
                2,
                &json!({
                    "title": "购物车 deployment", "status": "succeeded",
                    "values": [{ "field": "metadata.resourceVersion", "before": "1", "after": "2" }],
                }),
            ),
        ),
    ]
}

#[tokio::test]
async fn what_the_model_of_changes_tells_is_searched_and_counted() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&estate_of_the_model()).await;
    for (filter, found) in [
        ("sources: [\"cd\"]", "order part"),
        ("scenes: [\"迭代发布\"], levels: [\"G2\"]", "order"),
        ("status: [ROLLED_BACK]", "order"),
        ("status: [TIMED_OUT]", "part"),
        (
            "became: { status: [APPROVED], to: \"2026-11-20T10:05:00Z\" }",
            "order",
        ),
        (
            "became: { status: [ROLLED_BACK], from: \"2026-11-20T10:09:00Z\" }",
            "order",
        ),
        ("foldKeys: [\"order-7\"]", "order part"),
        ("exemptions: [\"green_channel\"]", "part"),
        ("checkResults: [\"block\", \"warn\"]", "order"),
        ("flows: [\"machine_batches\"]", "order"),
        ("items: [\"host:prod/h1\"]", "order"),
        // A search hides nothing; who does not want bookkeeping says so.
        ("text: \"购物车\"", "order touch part"),
        ("text: \"购物车\", bookkeeping: false", "order part"),
        ("bookkeeping: true", "touch"),
    ] {
        assert_eq!(ids(&server, filter).await, found, "{filter}");
    }
    let answer = server
        .ask(
            "{ changes(filter: { text: \"购物车\" }) { totalCount bookkeepingCount } \
            changesFolded(filter: { text: \"购物车\" }) { totalCount folded \
                changes { count reason change { sourceId } } } \
            changeMeasures(filter: { text: \"结算\" }, from: \"2026-11-20T00:00:00Z\", to: \"2026-11-21T00:00:00Z\") { \
                whole { changes } } \
            changeGroups(by: [SOURCE, LEVEL, BOOKKEEPING], spans: { every: HOUR }) { \
                groups { count from values { value } } } \
            scenes: changeGroups(by: [SCENE], filter: { became: { status: [ROLLED_BACK] } }) { \
                groups { count values { value } } } }",
        )
        .await;
    let group = |values: [Option<&str>; 3], count: u32| {
        let values: Vec<Value> = values.map(|value| json!({ "value": value })).into();
        json!({ "count": count, "from": "2026-11-20T10:00:00Z", "values": values })
    };
    assert_eq!(
        answer,
        json!({
            "changes": { "totalCount": 3, "bookkeepingCount": 1 },
            "changesFolded": { "totalCount": 2, "folded": 1, "changes": [
                { "count": 2, "reason": "one_key", "change": { "sourceId": "order" } },
                { "count": 1, "reason": null, "change": { "sourceId": "touch" } },
            ] },
            "changeMeasures": { "whole": { "changes": 1 } },
            "changeGroups": { "groups": [
                group([Some("cd"), None, Some("false")], 1),
                group([Some("cd"), Some("G2"), Some("false")], 1),
                group([Some("k8s"), None, Some("true")], 1),
            ] },
            "scenes": { "groups": [{ "count": 1, "values": [{ "value": "迭代发布" }] }] },
        })
    );
    server.stop().await;
}
