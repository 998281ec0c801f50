//! What sources said of an item at any time, which of it counts, and the events behind it.

use serde_json::{Value, json};

use crate::running::{Running, folder};

/// An own event of a source of its own.
fn said(source: &str, time: &str, data: &Value) -> Value {
    json!({ "source": source, "type": "item.observed", "time": time, "data": data })
}

/// Two sources that state different values, take them back, and say some of it late.
fn disputed() -> Vec<Value> {
    let by = |source: &str, time: &str, more: Value| {
        let mut data = json!({ "key": "service:prod/shop/checkout" });
        let object = data.as_object_mut().expect("an object");
        object.extend(more.as_object().expect("an object").clone());
        said(source, time, &data)
    };
    vec![
        by(
            "cmdb",
            "2026-11-20T09:00:00Z",
            json!({ "owner": "shop", "attributes": { "tier": "gold", "room": "a" } }),
        ),
        by(
            "scan",
            "2026-11-20T10:00:00Z",
            json!({ "attributes": { "tier": "silver" } }),
        ),
        by(
            "cmdb",
            "2026-11-20T11:00:00Z",
            json!({ "owner": "front", "attributes": { "tier": "gold", "room": null } }),
        ),
        by(
            "scan",
            "2026-11-20T12:00:00Z",
            json!({ "attributes": { "tier": null } }),
        ),
        // Heard last, speaks of before.
        by(
            "scan",
            "2026-11-20T09:30:00Z",
            json!({ "owner": "platform", "attributes": { "cores": 8 } }),
        ),
    ]
}

/// The values at a moment as lines: `name=value by source @position`, and what others say.
async fn values(server: &Running, valid_at: Option<&str>) -> String {
    let as_of = valid_at.map_or_else(String::new, |at| format!("asOf: {{ validAt: \"{at}\" }}, "));
    let document = format!(
        "{{ item({as_of}key: \"service:prod/shop/checkout\") {{ attributes {{
            name value source position disputed truncated others {{ value source position }} }} }} }}"
    );
    let answer = server.ask(&document).await;
    let attributes = answer["item"]["attributes"].as_array().expect("a list");
    let word = |stated: &Value| {
        let text = |name: &str| stated[name].as_str().unwrap_or_default().to_owned();
        format!(
            "{} by {} @{}",
            stated["value"],
            text("source"),
            text("position")
        )
    };
    let line = |attribute: &Value| {
        assert_eq!(attribute["truncated"], false);
        let mut line = format!(
            "{}={}",
            attribute["name"].as_str().expect("a name"),
            word(attribute)
        );
        for other in attribute["others"].as_array().expect("a list") {
            line.push_str(&format!(", {}", word(other)));
        }
        let disputed = attribute["disputed"].as_bool().expect("a flag");
        line + if disputed { " !" } else { "" }
    };
    let lines: Vec<String> = attributes.iter().map(line).collect();
    lines.join("\n")
}

#[tokio::test]
async fn the_values_of_any_moment_are_told_with_who_says_otherwise() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&disputed()).await;
    let at_nine = values(&server, Some("2026-11-20T09:15:00Z")).await;
    assert_eq!(at_nine, "room=\"a\" by cmdb @1\ntier=\"gold\" by cmdb @1");
    let at_ten = values(&server, Some("2026-11-20T10:30:00Z")).await;
    assert_eq!(
        at_ten,
        "cores=8 by scan @5\nroom=\"a\" by cmdb @1\ntier=\"silver\" by scan @2, \"gold\" by cmdb @1 !"
    );
    let at_eleven = values(&server, Some("2026-11-20T11:30:00Z")).await;
    assert_eq!(
        at_eleven,
        "cores=8 by scan @5\ntier=\"gold\" by cmdb @3, \"silver\" by scan @2 !"
    );
    let now = values(&server, None).await;
    assert_eq!(now, "cores=8 by scan @5\ntier=\"gold\" by cmdb @3");
    server.stop().await;
}

#[tokio::test]
async fn owner_and_other_fields_have_a_past_too() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&disputed()).await;
    let mut owners = Vec::new();
    for at in ["08:00", "09:15", "10:00", "11:00"] {
        let document = format!(
            "{{ item(asOf: {{ validAt: \"2026-11-20T{at}:00Z\" }}, key: \"service:checkout\") {{ owner criticality }} }}"
        );
        let answer = server.ask(&document).await;
        assert_eq!(answer["item"]["criticality"], Value::Null);
        owners.push(answer["item"]["owner"].clone());
    }
    assert_eq!(
        owners,
        [
            Value::Null,
            json!("shop"),
            json!("platform"),
            json!("front")
        ]
    );
    let document = "{ item(key: \"service:checkout\") { owner
        attributes(names: [\"owner\"]) { name value others { value source } } } }";
    let item = &server.ask(document).await["item"];
    assert_eq!(item["owner"], "front");
    assert_eq!(
        item["attributes"],
        json!([{ "name": "owner", "value": "front", "others": [{ "value": "platform", "source": "scan" }] }])
    );
    server.stop().await;
}

#[tokio::test]
async fn the_history_of_a_value_names_every_change_and_no_repeat() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&disputed()).await;
    let document = "{ item(key: \"service:checkout\") { attributeHistory(name: \"tier\") {
        truncated changes { before value source position statedAt } } } }";
    let history = &server.ask(document).await["item"]["attributeHistory"];
    assert_eq!(
        *history,
        json!({ "truncated": false, "changes": [
            { "before": "silver", "value": null, "source": "scan", "position": "4", "statedAt": "2026-11-20T12:00:00Z" },
            { "before": null, "value": "silver", "source": "scan", "position": "2", "statedAt": "2026-11-20T10:00:00Z" },
            { "before": null, "value": "gold", "source": "cmdb", "position": "1", "statedAt": "2026-11-20T09:00:00Z" },
        ] })
    );
    server.stop().await;
}

#[tokio::test]
async fn a_kind_declares_whom_to_believe_first() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server.take(&disputed()).await;
    let rule = |name: &str| json!({ "name": name, "precedence": ["scan"] });
    let kind = json!({ "name": "service", "attributes": [rule("tier"), rule("owner")] });
    let defined = json!({ "source": "ops", "type": "kind.defined", "time": "2026-11-20T10:45:00Z", "data": kind });
    server.take(&[defined]).await;
    let before = values(&server, Some("2026-11-20T10:40:00Z")).await;
    assert!(before.ends_with("tier=\"silver\" by scan @2, \"gold\" by cmdb @1 !"));
    let after = values(&server, Some("2026-11-20T11:30:00Z")).await;
    assert!(after.ends_with("tier=\"silver\" by scan @2, \"gold\" by cmdb @3 !"));
    let owner = |at: &str| {
        format!(
            "{{ item(asOf: {{ validAt: \"2026-11-20T{at}:00Z\" }}, key: \"service:checkout\") {{ owner }} }}"
        )
    };
    let answer = server.ask(&owner("11:30")).await;
    assert_eq!(answer["item"]["owner"], "platform");
    let answer = server
        .ask("{ item(key: \"service:checkout\") { owner } }")
        .await;
    assert_eq!(answer["item"]["owner"], "platform");
    server.stop().await;
}
