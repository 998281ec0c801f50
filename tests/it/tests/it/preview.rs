//! What a change would touch, asked through the whole process before anything runs.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

const TIME: &str = "2026-11-20T10:00:00Z";

/// web needs checkout, checkout needs the database of orders; all of them in prod.
async fn shop(server: &Running) {
    let needs = |dependent: &str, provider: &str| {
        let data = json!({ "dependent": dependent, "provider": provider, "kind": "calls" });
        event("relation.observed", TIME, &data)
    };
    let image = json!({ "key": "deployment:prod/shop/checkout", "owner": "shop",
        "attributes": { "k8s.namespace.name": "shop", "k8s.replicas": 2, "images": ["registry.example/checkout:1.0"] } });
    let web = json!({ "key": "service:prod/web", "owner": "front" });
    server
        .take(&[
            event("item.observed", TIME, &image),
            event("item.observed", TIME, &web),
            needs("service:prod/web", "deployment:prod/shop/checkout"),
            needs("deployment:prod/shop/checkout", "database:prod/orders"),
            needs("database:prod/orders", "host:prod/db-1"),
        ])
        .await;
}

async fn preview(server: &Running, input: &Value, fields: &str) -> Value {
    let document =
        format!("query($input: PreviewInput!) {{ previewChange(input: $input) {{ {fields} }} }}");
    let variables = json!({ "input": input });
    server.ask_with(&document, &variables).await["previewChange"].clone()
}

const MANIFEST: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout}
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: web
        image: registry.example/checkout:2.0
        env:
        - {name: TOKEN, value: planted-secret}
---
kind: Deployment
metadata: {name: brand-new}
spec: {replicas: 1}
---
kind: Widget
metadata: {name: w}
";

/// A change two hops away, incidents that are open and over, and a freeze from the other side.
async fn january(server: &Running) {
    let other = json!({ "sourceId": "upgrade", "title": "kernel of db-1", "targets": ["host:prod/db-1"],
        "status": "planned", "plannedStartAt": "2027-01-10T09:00:00Z", "plannedFinishAt": "2027-01-10T12:00:00Z" });
    let down =
        json!({ "sourceId": "i1", "title": "orders is slow", "items": ["database:prod/orders"] });
    let over = json!({ "sourceId": "i2", "title": "long over", "items": ["host:prod/db-1"], "status": "resolved" });
    let freeze = json!({ "name": "audit", "effect": "freeze", "scope": { "items": ["service:prod/web"], "reach": "depends_on" },
        "times": { "spans": [{ "from": "2027-01-09T00:00:00Z", "until": "2027-01-11T00:00:00Z" }] } });
    server
        .take(&[
            event("change.recorded", TIME, &other),
            event("incident.opened", TIME, &down),
            event("incident.opened", TIME, &over),
            event("calendar_rule.declared", TIME, &freeze),
        ])
        .await;
}

const EVERYTHING: &str = "targets { key action recognised item { key } differences { field before after } }
         unread { place field reason }
         may { allowed certain reasons conflicts { conflicts { kind change { title } item { key } path { to { key } } otherPath { to { key } } } } }
         blastRadius { total impacts { item { key } } }
         incidents { total incidents { place incident { title } path { to { key } } } }
         owners { team touched harmed }
         coverage { unknownItems }
         position";

#[tokio::test]
async fn manifests_differ_from_what_is_known_and_meet_a_freeze_a_change_and_an_incident() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    shop(&server).await;
    january(&server).await;
    let input = json!({
        "kubernetesManifests": [MANIFEST], "environment": "prod", "namespace": "shop",
        "plannedStartAt": "2027-01-10T10:00:00Z", "plannedFinishAt": "2027-01-10T11:00:00Z",
    });
    let answer = preview(&server, &input, EVERYTHING).await;
    assert!(!answer.to_string().contains("planted"), "{answer}");
    assert_eq!(
        answer["targets"],
        json!([
            { "key": "deployment:prod/shop/checkout", "action": "UPDATE", "recognised": true,
              "item": { "key": "deployment:prod/shop/checkout" }, "differences": [
                { "field": "images", "before": ["registry.example/checkout:1.0"], "after": ["registry.example/checkout:2.0"] },
                { "field": "k8s.replicas", "before": 2, "after": 3 },
            ] },
            { "key": "deployment:prod/shop/brand-new", "action": "CREATE", "recognised": false, "item": null, "differences": [] },
        ])
    );
    assert_eq!(
        answer["unread"],
        json!([{ "place": "kubernetesManifests[0] line 17", "field": "kind", "reason": "nothing is known of objects of the kind Widget" }])
    );
    assert_eq!(
        answer["may"],
        json!({
            "allowed": false, "certain": true,
            "reasons": [
                "the freeze audit is in force until 2027-01-11T00:00:00Z; it reaches deployment:prod/shop/checkout: service:prod/web calls deployment:prod/shop/checkout",
                "nobody knows these targets: deployment:prod/shop/brand-new",
            ],
            "conflicts": { "conflicts": [{
                "kind": "REACHED_BY", "change": { "title": "kernel of db-1" },
                "item": { "key": "deployment:prod/shop/checkout" }, "path": [],
                "otherPath": [{ "to": { "key": "database:prod/orders" } }, { "to": { "key": "deployment:prod/shop/checkout" } }],
            }] },
        })
    );
    assert_eq!(
        answer["incidents"],
        json!({ "total": 1, "incidents": [{ "place": "NEEDED", "incident": { "title": "orders is slow" },
            "path": [{ "to": { "key": "database:prod/orders" } }] }] })
    );
    assert_eq!(
        (
            &answer["blastRadius"]["impacts"],
            &answer["owners"],
            &answer["coverage"]["unknownItems"]
        ),
        (
            &json!([{ "item": { "key": "service:prod/web" } }]),
            &json!([{ "team": "shop", "touched": 1, "harmed": 0 }, { "team": "front", "touched": 0, "harmed": 1 }]),
            &json!(["deployment:prod/shop/brand-new"]),
        )
    );
    let later = server.ask("{ changes(first: 1) { position } }").await;
    assert_eq!(answer["position"], json!("9"));
    assert_eq!(
        later["changes"]["position"],
        json!("9"),
        "nothing is written"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_plan_of_terraform_says_itself_what_differs() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    shop(&server).await;
    let plan = json!({ "format_version": "1.2", "resource_changes": [
        { "address": "aws_db_instance.orders", "mode": "managed", "type": "aws_db_instance", "name": "orders", "change": {
            "actions": ["update"], "before": { "identifier": "orders", "instance_class": "db.m7g.large", "password": "planted-a" },
            "after": { "identifier": "orders", "instance_class": "db.m7g.xlarge", "password": "planted-b" } } },
        { "address": "aws_sqs_queue.mail", "mode": "managed", "type": "aws_sqs_queue", "name": "mail", "change": {
            "actions": ["create"], "before": null, "after": { "name": "mail" } } },
    ] });
    let input = json!({ "terraformPlans": [plan.to_string()], "targets": ["service:prod/nobody"], "environment": "prod" });
    let answer = preview(
        &server,
        &input,
        "targets { key place action recognised differences { field before after } }
         may { allowed certain reasons } blastRadius { impacts { item { key } hops } }",
    )
    .await;
    assert!(!answer.to_string().contains("planted"), "{answer}");
    assert_eq!(
        answer["targets"],
        json!([
            { "key": "service:prod/nobody", "place": null, "action": "TOUCH", "recognised": false, "differences": [] },
            { "key": "database:prod/orders", "place": "aws_db_instance.orders", "action": "UPDATE", "recognised": true, "differences": [
                { "field": "aws_db_instance.orders.instance_class", "before": "db.m7g.large", "after": "db.m7g.xlarge" },
                { "field": "aws_db_instance.orders.password", "before": null, "after": null },
            ] },
            { "key": "queue:prod/mail", "place": "aws_sqs_queue.mail", "action": "CREATE", "recognised": false, "differences": [] },
        ])
    );
    assert_eq!(
        answer["may"],
        json!({ "allowed": true, "certain": false, "reasons": ["nobody knows these targets: service:prod/nobody"] }),
        "what a plan makes need not be known"
    );
    assert_eq!(
        answer["blastRadius"]["impacts"],
        json!([
            { "item": { "key": "deployment:prod/shop/checkout" }, "hops": 1 },
            { "item": { "key": "service:prod/web" }, "hops": 2 },
        ])
    );
    let nothing = server
        .refused_with("query { previewChange(input: {}) { position } }")
        .await;
    assert_eq!(nothing, "input: give a document or a target");
    server.stop().await;
}
