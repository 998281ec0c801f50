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

fn relation(dependent: &str, kind: &str, provider: &str) -> Value {
    let data = json!({ "dependent": dependent, "kind": kind, "provider": provider });
    event("relation.observed", TIME, &data)
}

#[tokio::test]
async fn an_item_knows_its_place_and_who_answers() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server
        .take(&[
            item(&json!({ "key": "business:shop", "owner": "shop", "attributes": { "maintainers": ["ann", "李雷"] } })),
            item(&json!({ "key": "team:shop", "attributes": { "on_call": "bob" } })),
            relation("module:cart", "part_of", "cluster:c1"),
            relation("cluster:c1", "part_of", "business:shop"),
            relation("module:cart", "runs_on", "host:h1"),
            relation("host:h1", "located_in", "zone:z1"),
            relation("module:cart", "calls", "service:pay"),
        ])
        .await;
    let answer = server
        .ask(
            r#"{ item(key: "module:cart") {
                containedIn { items { hops item { key } relation { kind } } truncated }
                placement { items { item { key } } }
                responsible { owner hops inheritedFrom { key } onCall onCallFrom { key } maintainers maintainersFrom { key } }
                neighbours(direction: DEPENDS_ON, hops: 2, kinds: ["calls"]) { items { hops item { key } } relations { provider { key } } truncated }
            } }"#,
        )
        .await;
    assert_eq!(
        answer["item"],
        json!({
            "containedIn": { "items": [
                { "hops": 1, "item": { "key": "cluster:c1" }, "relation": { "kind": "part_of" } },
                { "hops": 2, "item": { "key": "business:shop" }, "relation": { "kind": "part_of" } },
            ], "truncated": false },
            "placement": { "items": [{ "item": { "key": "host:h1" } }, { "item": { "key": "zone:z1" } }] },
            "responsible": {
                "owner": "shop", "hops": 2, "inheritedFrom": { "key": "business:shop" },
                "onCall": "bob", "onCallFrom": { "key": "team:shop" },
                "maintainers": ["ann", "李雷"], "maintainersFrom": { "key": "business:shop" },
            },
            "neighbours": {
                "items": [{ "hops": 0, "item": { "key": "module:cart" } }, { "hops": 1, "item": { "key": "service:pay" } }],
                "relations": [{ "provider": { "key": "service:pay" } }], "truncated": false,
            },
        })
    );
    server.stop().await;
}

#[tokio::test]
async fn what_is_amiss_is_told_with_items_and_relations() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server
        .take(&[
            item(&json!({ "key": "service:pay", "criticality": "critical", "owner": "money" })),
            item(&json!({ "key": "service:log", "criticality": "low" })),
            relation("service:pay", "calls", "service:log"),
            relation("service:log", "calls", "service:pay"),
        ])
        .await;
    let answer = server
        .ask(
            r#"{
                priorityInversions { totalCount inversions { dependent { key } providerLevel path { relation { kind } } reason } }
                dependencyCycles { totalCount cycles { size isShortest shortest { dependent { key } } } }
                sharedInfrastructure(by: [TEAM]) { totalCount }
                retirementCheck(item: "service:log") { verdict reasons { code } neededBy { dependent { key } } }
                dataQuality(first: 1) { items findings { issue totalCount examples { item { key } } } }
                drift { totalCount nodes { reason } }
            }"#,
        )
        .await;
    assert_eq!(
        answer["priorityInversions"],
        json!({ "totalCount": 1, "inversions": [{
            "dependent": { "key": "service:pay" }, "providerLevel": "P2",
            "path": [{ "relation": { "kind": "calls" } }],
            "reason": "service:pay is P0 and calls service:log, which is only P2",
        }] })
    );
    assert_eq!(answer["dependencyCycles"]["cycles"][0]["size"], json!(2));
    assert_eq!(answer["sharedInfrastructure"]["totalCount"], json!(0));
    assert_eq!(
        answer["retirementCheck"],
        json!({ "verdict": "NEEDED", "reasons": [{ "code": "STILL_USED" }], "neededBy": [{ "dependent": { "key": "service:pay" } }] })
    );
    assert_eq!(answer["dataQuality"]["items"], json!(2));
    let ownerless = &answer["dataQuality"]["findings"][0];
    assert_eq!(
        *ownerless,
        json!({ "issue": "OWNERLESS", "totalCount": 1, "examples": [{ "item": { "key": "service:log" } }] })
    );
    assert_eq!(answer["drift"]["totalCount"], json!(0));
    server.stop().await;
}

#[tokio::test]
async fn a_group_is_a_search_that_lasts_until_it_is_withdrawn() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    server
        .take(&[
            item(&json!({ "key": "host:a", "attributes": { "os": "Debian 12" }, "owner": "sre" })),
            item(&json!({ "key": "host:b", "attributes": { "os": "Rocky 9" }, "owner": "sre" })),
            item(&json!({ "key": "service:c", "owner": "sre" })),
        ])
        .await;
    let define = |name: &str, filter: &str| {
        format!(
            r#"mutation {{ defineGroup(input: {{ source: "ops", name: "{name}", filter: {{ {filter} }} }}) {{ position }} }}"#
        )
    };
    server
        .ask(&define("sre-hosts", r#"kind: "host", owner: "sre""#))
        .await;
    let nested =
        r#"group: "sre-hosts", attributes: [{ name: "os", operator: CONTAINS, value: "debian" }]"#;
    server.ask(&define("debian", nested)).await;
    let members = r#"{ items(filter: { group: "debian" }) { nodes { key } } groups { totalCount groups { name filter } } }"#;
    let answer = server.ask(members).await;
    assert_eq!(keys(&answer), ["host:a"]);
    assert_eq!(answer["groups"]["totalCount"], json!(2));
    assert_eq!(
        answer["groups"]["groups"][1]["filter"],
        json!({ "kinds": ["host"], "owners": ["sre"] })
    );
    server.stop().await;
    let again = Running::over(folder.path()).await;
    assert_eq!(again.ask(members).await, answer);
    again
        .ask(r#"mutation { withdrawGroup(input: { source: "ops", name: "debian" }) { position } }"#)
        .await;
    let left = again.ask("{ groups { groups { name } } }").await;
    assert_eq!(left["groups"]["groups"], json!([{ "name": "sre-hosts" }]));
    again.stop().await;
}

#[tokio::test]
async fn filters_and_analyses_take_the_owners_of_their_moment() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let (first, then) = ("2026-11-20T10:00:30Z", "2026-11-20T10:02:00Z");
    let said = |data: Value| event("item.observed", LATER, &data);
    server
        .take(&[
            item(&json!({ "key": "service:a", "owner": "shop", "criticality": "P0" })),
            item(&json!({ "key": "service:b", "owner": "shop" })),
            item(&json!({ "key": "service:c" })),
            said(json!({ "key": "service:a", "owner": "front", "criticality": "P2" })),
            said(json!({ "key": "service:b", "takenBack": { "owner": true } })),
            said(json!({ "key": "service:c", "owner": "shop" })),
        ])
        .await;
    let ask = async |filter: &str, at: &str| {
        let document = format!(
            "{{ items(filter: {{{filter}}}, asOf: {{ validAt: \"{at}\" }}) {{ nodes {{ key }} truncated }} }}"
        );
        keys(&server.ask(&document).await).join(" ")
    };
    let owner = r#"owner: "shop""#;
    assert_eq!(ask(owner, first).await, "service:a service:b");
    assert_eq!(ask(owner, then).await, "service:c");
    assert_eq!(ask(r#"criticality: "P0""#, first).await, "service:a");
    assert_eq!(ask(r#"criticality: "P0""#, then).await, "");
    assert_eq!(ask(r#"text: "shop""#, first).await, "service:a service:b");
    let grouped = async |at: &str| {
        let document = format!(
            "{{ itemsGrouped(by: OWNER, asOf: {{ validAt: \"{at}\" }}) {{ groups {{ value count }} }} }}"
        );
        server.ask(&document).await["itemsGrouped"]["groups"].to_string()
    };
    assert_ne!(grouped(first).await, grouped(then).await);
    assert!(
        grouped(first).await.contains(r#""count":2"#),
        "{}",
        grouped(first).await
    );
    server.stop().await;
}
