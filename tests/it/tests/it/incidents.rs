//! Incidents that are one, asked through the whole process.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

/// web and worker need the database; a change of it, three alerts, and a word of people.
async fn storm(server: &Running) {
    let at = |clock: &str| format!("2026-11-20T{clock}:00Z");
    let needs = |dependent: &str, kind: &str| {
        let data = json!({ "dependent": dependent, "provider": "database:db", "kind": kind, "validFrom": at("08:00") });
        event("relation.observed", &at("08:00"), &data)
    };
    let alert = |id: &str, item: &str, clock: &str| {
        let data = json!({ "sourceId": id, "title": format!("{id} fails"), "items": [item],
            "severity": "warning", "startedAt": at(clock) });
        event("incident.opened", &at(clock), &data)
    };
    let change = json!({ "sourceId": "c1", "title": "new index", "targets": ["database:db"],
        "status": "succeeded", "startedAt": at("09:40") });
    server
        .take(&[
            needs("service:web", "queries"),
            needs("service:worker", "queries"),
            event("change.recorded", &at("09:40"), &change),
            alert("web", "service:web", "10:00"),
            alert("worker", "service:worker", "10:01"),
            alert("db", "database:db", "10:02"),
            alert("printer", "host:printer", "10:02"),
        ])
        .await;
    let declare =
        "mutation($input: OpenIncidentInput!) { openIncident(input: $input) { position } }";
    let input = json!({ "input": { "source": "people", "sourceId": "p1", "title": "shop is down",
        "items": ["service:web"], "startedAt": at("10:04"), "severity": "P1" } });
    server.ask_with(declare, &input).await;
}

#[tokio::test]
async fn alerts_that_one_item_explains_are_one_incident_with_its_changes() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    storm(&server).await;
    let document = "{ incidentGroups(filter: { from: \"2026-11-20T00:00:00Z\" }, membersMin: 2) { totalCount truncated rulesVersion nodes {
        head { id title } declared { title } title status level memberCount openCount itemCount
        components(first: 1) { item { key } explains alerts }
        members(first: 2) { totalCount pageInfo { hasNextPage } nodes { incident { title } explains reasons { sentence with { title } } } }
        changesNearby(first: 1) { changes { change { title } } } } } }";
    let answer = server.ask(document).await;
    let groups = &answer["incidentGroups"];
    assert_eq!(
        (&groups["totalCount"], &groups["rulesVersion"]),
        (&json!(1), &json!("incident-groups-2"))
    );
    let group = &groups["nodes"][0];
    assert_eq!(
        (&group["title"], &group["level"], &group["memberCount"]),
        (&json!("shop is down"), &json!("P1"), &json!(4))
    );
    assert_eq!(
        group["components"],
        json!([{ "item": { "key": "database:db" }, "explains": 4, "alerts": 1 }])
    );
    let members = &group["members"]["nodes"];
    assert_eq!(members[0]["incident"]["title"], "db fails");
    assert_eq!(
        group["members"]["pageInfo"]["hasNextPage"],
        json!(true),
        "{members}"
    );
    assert_eq!(
        group["changesNearby"]["changes"][0]["change"]["title"],
        "new index"
    );

    let one = json!({ "id": group["head"]["id"] });
    let document = "query($id: ID!) { incident(id: $id) { declared group { title memberCount } } }";
    let answer = server.ask_with(document, &one).await;
    let expected: Value =
        json!({ "declared": true, "group": { "title": "shop is down", "memberCount": 4 } });
    assert_eq!(answer["incident"], expected);
    let then = "query($id: ID!) { incident(id: $id, asOf: { validAt: \"2026-11-20T10:01:30Z\" }) { group { title } } }";
    let answer = server.ask_with(then, &one).await;
    assert_eq!(answer["incident"]["group"], Value::Null, "it began later");
}

#[tokio::test]
async fn a_person_takes_an_incident_out_of_its_group_and_back_in() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    storm(&server).await;
    let ids = "{ incidents(filter: { from: \"2026-11-20T00:00:00Z\" }) { nodes { id title } } }";
    let answer = server.ask(ids).await;
    let nodes = answer["incidents"]["nodes"].as_array().unwrap().clone();
    let id = |title: &str| {
        let found = nodes.iter().find(|it| it["title"] == title).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let judge =
        "mutation($input: JudgeIncidentsInput!) { judgeIncidents(input: $input) { position } }";
    let judged = async |verdict: &str, incident: &str, others: Value| {
        let input = json!({ "input": { "source": "ann", "incident": id(incident), "others": others, "verdict": verdict, "reason": "a cable" } });
        server.ask_with(judge, &input).await;
    };
    let group = "query($id: ID!) { incident(id: $id) { group { memberCount adjoining { limit }
        members { nodes { incident { title } reasons { saidBy sentence through { key } } } } } } }";
    let of = async |title: &str| {
        let answer = server.ask_with(group, &json!({ "id": id(title) })).await;
        answer["incident"]["group"].clone()
    };

    judged("APART", "worker fails", Value::Null).await;
    let worker = of("worker fails").await;
    assert_eq!(worker["memberCount"], json!(1), "{worker}");
    assert_eq!(worker["adjoining"], json!([{ "limit": "JUDGED" }]));
    assert_eq!(of("db fails").await["memberCount"], json!(3));

    judged("WITHDRAWN", "worker fails", Value::Null).await;
    assert_eq!(of("worker fails").await["memberCount"], json!(4));

    judged("TOGETHER", "printer fails", json!([id("web fails")])).await;
    let printer = of("printer fails").await;
    let members = printer["members"]["nodes"].as_array().unwrap();
    let member = members
        .iter()
        .find(|it| it["incident"]["title"] == "printer fails");
    assert_eq!(
        member.unwrap()["reasons"],
        json!([{ "saidBy": "ann", "sentence": "ann says that both are one: a cable", "through": null }])
    );
    assert_eq!(printer["memberCount"], json!(5));

    let alone =
        json!({ "input": { "source": "ann", "incident": id("web fails"), "verdict": "TOGETHER" } });
    let refused = server.refused(judge, &alone).await;
    assert_eq!(refused, "others: say which incidents it is one with");
}
