//! What happened when, and who answers for it, asked through the whole process.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

/// web needs payments, payments needs the ledger; a change, a deviation and an incident on the way.
async fn morning(server: &Running) {
    let at = |clock: &str| format!("2026-11-20T{clock}:00Z");
    let needs = |dependent: &str, provider: &str| {
        let data = json!({ "dependent": dependent, "provider": provider, "kind": "calls", "validFrom": at("08:00") });
        event("relation.observed", &at("08:00"), &data)
    };
    let of = |key: &str, owner: &str| {
        let data = json!({ "key": key, "owner": owner, "validFrom": at("08:00") });
        event("item.observed", &at("08:00"), &data)
    };
    let change = json!({ "sourceId": "c1", "title": "new index", "targets": ["database:prod/ledger"],
        "status": "succeeded", "startedAt": at("09:30"), "finishedAt": at("09:40") });
    let slow = json!({ "key": "database:prod/ledger", "deviation": { "metric": "latency", "baseline": 20.0, "value": 90.0,
        "window": { "from": at("09:45"), "until": at("09:50") } } });
    let incident = json!({ "sourceId": "i1", "title": "payments fail", "items": ["service:prod/payments"], "startedAt": at("09:52") });
    server
        .take(&[
            of("service:prod/web", "front"),
            of("service:prod/payments", "money"),
            of("database:prod/ledger", "money"),
            event(
                "item.observed",
                &at("08:00"),
                &json!({ "key": "host:prod/db-1" }),
            ),
            event(
                "item.observed",
                &at("08:00"),
                &json!({ "key": "team:money", "attributes": { "on_call": "li" } }),
            ),
            needs("service:prod/web", "service:prod/payments"),
            needs("service:prod/payments", "database:prod/ledger"),
            event("change.recorded", &at("09:30"), &change),
            event("item.deviated", &at("09:50"), &slow),
            event("incident.opened", &at("09:52"), &incident),
        ])
        .await;
}

fn sentences(answer: &Value) -> Vec<&str> {
    let entries = answer["timeline"]["entries"].as_array();
    let entries = entries.expect("entries").iter();
    entries
        .filter_map(|entry| entry["sentence"].as_str())
        .collect()
}

#[tokio::test]
async fn an_incident_has_its_changes_measures_and_relations_on_one_axis() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    morning(&server).await;
    let incidents = server.ask("{ incidents { nodes { id } } }").await;
    let incident = json!({ "incident": incidents["incidents"]["nodes"][0]["id"] });
    let document = "query($incident: ID!) { timeline(incident: $incident, lookback: \"PT1H\", direction: DEPENDS_ON, to: \"2026-11-20T10:00:00Z\") {
        entries { at kind hops sentence item { key } change { title } incident { title } relation { kind } metric baseline value }
        total items truncated from to coverage { unknownItems } position } }";
    let answer = server.ask_with(document, &incident).await;
    assert_eq!(
        sentences(&answer),
        [
            "new index began on database:prod/ledger",
            "new index ended: succeeded",
            "latency of database:prod/ledger went to 90, usual is 20",
            "latency of database:prod/ledger had been 90 until here",
            "payments fail began on service:prod/payments",
        ]
    );
    let told = &answer["timeline"];
    let first = &told["entries"][0];
    assert_eq!(first["kind"], "CHANGE_BEGAN");
    assert_eq!(
        (&first["hops"], &first["change"]["title"]),
        (&json!(1), &json!("new index"))
    );
    assert_eq!(
        told["entries"][2]["value"],
        json!(90.0),
        "{}",
        told["entries"][2]
    );
    assert_eq!(told["entries"][4]["incident"]["title"], "payments fail");
    assert_eq!(
        (&told["items"], &told["truncated"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(told["from"], "2026-11-20T08:52:00Z");

    let relations = "{ timeline(items: [\"service:prod/web\", \"service:nobody\"], to: \"2026-11-20T10:00:00Z\", kinds: [RELATION_APPEARED, ITEM_APPEARED], hopsMax: 0) {
        entries { sentence relation { provider { key } } } coverage { unknownItems } } }";
    let answer = server.ask(relations).await;
    assert_eq!(
        sentences(&answer),
        [
            "service:prod/web appeared",
            "service:prod/web calls service:prod/payments from now on"
        ]
    );
    assert_eq!(
        answer["timeline"]["coverage"]["unknownItems"],
        json!(["service:nobody"])
    );
}

#[tokio::test]
async fn teams_are_listed_with_what_they_answer_for() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    morning(&server).await;
    let document = "{ teams(first: 1) { nodes { name itemCount openIncidents item { key } } totalCount ownerlessItems pageInfo { endCursor hasNextPage } } }";
    let answer = server.ask(document).await;
    let teams = &answer["teams"];
    assert_eq!(
        teams["nodes"],
        json!([{ "name": "front", "itemCount": 1, "openIncidents": 0, "item": null }])
    );
    assert_eq!(
        (&teams["totalCount"], &teams["ownerlessItems"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(teams["pageInfo"]["hasNextPage"], json!(true));
    let after = json!({ "after": teams["pageInfo"]["endCursor"] });
    let document = "query($after: String) { teams(after: $after, text: \"MON\") { nodes { name itemCount openIncidents item { key } } totalCount } }";
    let answer = server.ask_with(document, &after).await;
    assert_eq!(
        answer["teams"],
        json!({ "nodes": [{ "name": "money", "itemCount": 2, "openIncidents": 1, "item": { "key": "team:money" } }], "totalCount": 1 })
    );
}
