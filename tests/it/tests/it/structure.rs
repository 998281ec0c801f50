//! How the estate is built, asked through the whole process.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

const TIME: &str = "2026-11-20T10:00:00Z";
const LATER: &str = "2026-11-20T10:01:00Z";

fn item(data: &Value) -> Value {
    event("item.observed", TIME, data)
}

fn keys(answer: &Value) -> Vec<&str> {
    let nodes = answer["items"]["nodes"]
        .as_array()
        .expect("a page of items");
    nodes
        .iter()
        .filter_map(|node| node["key"].as_str())
        .collect()
}

#[tokio::test]
async fn items_are_found_by_attribute_and_label() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server
        .take(&[
            item(&json!({ "key": "host:a", "attributes": { "os": "Debian 12", "cores": 8, "labels": { "tier": "web" } } })),
            item(&json!({ "key": "host:b", "attributes": { "os": "Rocky 9", "cores": "16" } })),
            item(&json!({ "key": "host:c", "attributes": { "cores": 4 } })),
            event("item.observed", LATER, &json!({ "key": "host:c", "attributes": { "cores": null } })),
        ])
        .await;
    let ask = async |filter: &str| {
        let answer = server
            .ask(&format!(
                "{{ items(filter: {{{filter}}}) {{ nodes {{ key }} truncated }} }}"
            ))
            .await;
        assert_eq!(answer["items"]["truncated"], json!(false));
        keys(&answer).join(" ")
    };
    let attribute = |test: &str| format!("attributes: [{{{test}}}]");
    assert_eq!(
        ask(&attribute(
            r#"name: "os", operator: CONTAINS, value: "debian""#
        ))
        .await,
        "host:a"
    );
    assert_eq!(
        ask(&attribute(r#"name: "cores", operator: EQ, value: 16"#)).await,
        "host:b"
    );
    assert_eq!(
        ask(&attribute(r#"name: "cores", operator: GT, value: 6"#)).await,
        "host:a host:b"
    );
    assert_eq!(
        ask(&attribute(r#"name: "cores", operator: EXISTS"#)).await,
        "host:a host:b"
    );
    assert_eq!(
        ask(&attribute(r#"name: "cores", operator: NEQ, value: 8"#)).await,
        "host:b host:c"
    );
    assert_eq!(
        ask(r#"labels: [{ name: "tier", value: "web" }]"#).await,
        "host:a"
    );
    let grouped = server
        .ask(r#"{ itemsGrouped(by: ATTRIBUTE, attribute: "cores") { groups { value count } totalItems } }"#)
        .await;
    assert_eq!(
        grouped["itemsGrouped"],
        json!({ "groups": [
            { "value": null, "count": 1 }, { "value": "16", "count": 1 }, { "value": "8", "count": 1 }
        ], "totalItems": 3 })
    );
    server.stop().await;
}

#[tokio::test]
async fn a_page_goes_on_in_any_order() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let levels = ["low", "critical", "low", "critical", "low"]
        .into_iter()
        .enumerate();
    let items: Vec<Value> = levels
        .map(|(number, level)| {
            item(&json!({ "key": format!("service:{number}"), "criticality": level }))
        })
        .collect();
    server.take(&items).await;
    let mut seen = Vec::new();
    let mut after = "null".to_owned();
    loop {
        let answer = server
            .ask(&format!(
                "{{ items(first: 2, after: {after}, orderBy: {{ by: CRITICALITY }}) {{ nodes {{ key }} pageInfo {{ endCursor hasNextPage }} totalCount }} }}"
            ))
            .await;
        assert_eq!(answer["items"]["totalCount"], json!(5));
        seen.extend(keys(&answer).into_iter().map(str::to_owned));
        if answer["items"]["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = answer["items"]["pageInfo"]["endCursor"].to_string();
    }
    assert_eq!(
        seen,
        [
            "service:1",
            "service:3",
            "service:0",
            "service:2",
            "service:4"
        ]
    );
    server.stop().await;
}
