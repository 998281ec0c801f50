//! The whole change model, all the way: scenes that are registered, lives told step by step, checks that are judged.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::running::{Running, event, folder};

const DAY: &str = "2026-11-20T09:00:00Z";

const SCENE: &str = r#"{
  platform: "cd", name: "迭代发布", closed: true, level: "G2", flow: MACHINE_BATCHES, resourceKinds: ["service", "host"],
  occurredAt: "2026-11-20T08:00:00Z",
  basic: [{ name: "version", type: STRING, required: true, pattern: "[0-9.]+" }, { name: "token", type: STRING, lengthMax: 4 }],
  control: [{ name: "step", type: INTEGER, maximum: 50 }],
  checks: [{ name: "slo", at: AFTER_BATCH, mode: "enforcer", strategy: "block" }]
}"#;

fn said(time: &str, data: &Value) -> Value {
    let mut event = event("change.recorded", time, data);
    event["source"] = json!("cd");
    event
}

/// What GraphQL answers to a document that may fail.
async fn answer(server: &Running, document: &str) -> Value {
    let body = json!({ "query": document }).to_string().into_bytes();
    let (_, text) = server.post_body("/graphql", body).await;
    serde_json::from_str(&text).expect("a JSON answer")
}

/// The rejections as `index field: reason`.
fn told(answer: &Value) -> Vec<String> {
    let rejected = answer["rejected"].as_array().expect("a list");
    let line = |one: &Value| {
        let text = |name: &str| one[name].as_str().expect("a text").to_owned();
        format!("{} {}: {}", one["index"], text("field"), text("reason"))
    };
    rejected.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_rules_of_its_scene_is_named_and_kept_aside_and_the_rest_goes_on() {
    let data = folder();
    let server = Running::over(data.path()).await;
    let registered = format!(
        "mutation {{ registerPlatform(input: {{ name: \"cd\", title: \"发布平台\", owner: \"delivery\" }}) {{ platform {{ name owner }} }}
          registerScene(input: {SCENE}) {{ position scene {{ name level flow versions {{ withdrawn }} checks {{ name at }} }} }} }}"
    );
    let registered = server.ask(&registered).await;
    assert_eq!(
        registered["registerPlatform"]["platform"]["owner"],
        "delivery"
    );
    assert_eq!(
        registered["registerScene"]["scene"],
        json!({ "name": "迭代发布", "level": "G2", "flow": "machine_batches",
            "versions": [{ "withdrawn": false }], "checks": [{ "name": "slo", "at": "after_batch" }] })
    );
    let named = |id: &str, more: Value| {
        let mut data = json!({ "sourceId": id, "scene": "迭代发布", "status": "planned" });
        let fields = data.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        said(DAY, &data)
    };
    let (status, answered) = server
        .post_events(&[
            named("good", json!({ "targets": ["service:a"], "basic": { "version": "1.2" } })),
            named("bare", json!({})),
            named("wrong", json!({ "targets": ["service:a", "cache:b"],
                "basic": { "version": "new", "token": "hunter2-hunter2" }, "control": { "step": 80, "colour": 1 } })),
            said(DAY, &json!({ "sourceId": "good", "control": { "step": 99 } })),
            said(DAY, &json!({ "sourceId": "free", "scene": "nobody registered it", "basic": { "any": "thing" } })),
            said(DAY, &json!({ "sourceId": "good", "status": "running", "control": { "step": 10 } })),
        ])
        .await;
    assert_eq!(status, StatusCode::OK, "{answered}");
    assert_eq!(
        told(&answered),
        [
            "1 data.basic.version: is required of a change that names the scene 迭代发布",
            "2 data.basic.token: must have at most 4 characters, has 15, found \"[redacted]\" (scene 迭代发布)",
            "2 data.basic.version: must match [0-9.]+, found \"new\" (scene 迭代发布)",
            "2 data.control.colour: is not one of the attributes of 迭代发布, which takes no others, found 1 (scene 迭代发布)",
            "2 data.control.step: must be at most 50, found 80 (scene 迭代发布)",
            "2 data.targets[1]: must be a service or host, found a cache (scene 迭代发布)",
        ]
    );
    assert_eq!(answered["accepted"], 4);
    let kept = server
        .ask("{ quarantine(first: 9) { totalCount nodes { reason } } }")
        .await;
    assert_eq!(kept["quarantine"]["totalCount"], 2, "{kept}");
    assert!(!kept.to_string().contains("hunter2"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_holds_a_change_against_its_scene_and_a_later_statement_against_the_known_one() {
    let data = folder();
    let server = Running::over(data.path()).await;
    let registered = format!("mutation {{ registerScene(input: {SCENE}) {{ position }} }}");
    server.ask(&registered).await;
    let described =
        json!({ "sourceId": "good", "scene": "迭代发布", "basic": { "version": "1.2" } });
    server.take(&[said(DAY, &described)]).await;
    // Once it is known of what scene the change is, a later statement is held against it as well.
    let later = said(
        DAY,
        &json!({ "sourceId": "good", "control": { "step": 98 } }),
    );
    let mutated = answer(
        &server,
        r#"mutation { recordChange(input: { source: "cd", sourceId: "gql", title: "x", targets: [],
        scene: "迭代发布", basic: { version: "v1" } }) { position } }"#,
    )
    .await;
    assert_eq!(
        mutated["errors"][0]["extensions"]["code"], "BAD_INPUT",
        "{mutated}"
    );
    server.ask("{ changes { totalCount } }").await;
    let (_, answered) = server.post_events(&[later]).await;
    assert_eq!(
        told(&answered),
        ["0 data.control.step: must be at most 50, found 98 (scene 迭代发布)"]
    );
    let kept = server
        .ask("{ quarantine(first: 9) { totalCount nodes { reason } } }")
        .await;
    assert_eq!(kept["quarantine"]["totalCount"], 1, "{kept}");
    server.stop().await;
}

/// Tells a gradual change step by step, over both doors.
async fn tell_a_life(server: &Running) {
    let steps = [
        (
            "08:00",
            json!({ "status": "submitted", "title": "v2", "targets": ["service:shop"], "foldKey": "order-7",
            "exemption": { "kind": "green_channel", "reference": "OPS-7", "from": "2026-11-20T08:30:00Z" },
            "rollout": { "flow": "machine_batches", "batchCount": 1, "onFailure": "pause", "pausePoints": [{ "afterBatch": 0 }] } }),
        ),
        (
            "08:10",
            json!({ "status": "approved", "approver": "grace" }),
        ),
        (
            "09:00",
            json!({ "status": "running", "startedAt": "2026-11-20T09:00:00Z",
            "checkResults": [{ "name": "freeze", "at": "before_order", "mode": "enforcer", "result": "pass" }] }),
        ),
        (
            "09:01",
            json!({ "batches": [{ "index": 0, "targets": ["host:a"], "status": "running", "startedAt": "2026-11-20T09:01:00Z" }] }),
        ),
        (
            "09:05",
            json!({ "batches": [{ "index": 0, "status": "succeeded", "finishedAt": "2026-11-20T09:05:00Z" }],
            "checkResults": [{ "name": "slo", "at": "after_batch", "batch": 0, "mode": "enforcer", "strategy": "block",
                "result": "block", "reason": "errors doubled", "metric": "error_rate", "answer": "roll_back" }] }),
        ),
        (
            "09:06",
            json!({ "batches": [{ "index": 1, "targets": ["host:b"], "plannedStartAt": "2026-11-20T09:30:00Z" }] }),
        ),
        (
            "09:20",
            json!({ "status": "rolled_back", "finishedAt": "2026-11-20T09:20:00Z" }),
        ),
    ];
    let mut events: Vec<Value> = Vec::new();
    for (clock, mut data) in steps {
        data["sourceId"] = json!("7");
        events.push(said(&format!("2026-11-20T{clock}:00Z"), &data));
    }
    events.reverse();
    server.take(&events).await;
    let back = json!({ "sourceId": "8", "title": "undo v2", "links": [
        { "kind": "rollback_of", "change": { "source": "cd", "sourceId": "7" } }] });
    server.take(&[said("2026-11-20T09:10:00Z", &back)]).await;
}

/// Who is changed, being changed and as before at a moment.
async fn members(server: &Running, at: &str) -> String {
    let document = format!(
        r#"{{ changes(filter: {{ text: "v2" }}, asOf: {{ validAt: "{at}" }}) {{ nodes {{
            sourceId changedMembers {{ key }} changingMembers {{ key }} notYetChanged {{ key }} }} }} }}"#
    );
    let answered = server.ask(&document).await;
    let mut nodes = answered["changes"]["nodes"]
        .as_array()
        .expect("a list")
        .iter();
    let change = nodes.find(|it| it["sourceId"] == "7").expect("the change");
    let keys = |name: &str| {
        let all = change[name].as_array().expect("a list").iter();
        let keys: Vec<&str> = all.map(|it| it["key"].as_str().expect("a key")).collect();
        keys.join(" ")
    };
    let (changed, changing) = (keys("changedMembers"), keys("changingMembers"));
    format!("{changed} | {changing} | {}", keys("notYetChanged"))
}

/// What the steps of [`tell_a_life`] make together.
fn the_life() -> Value {
    json!({
        "status": "rolled_back", "flow": "machine_batches", "foldKey": "order-7",
        "startedAt": "2026-11-20T09:00:00Z", "finishedAt": "2026-11-20T09:20:00Z",
        "rolledBackBy": [{ "title": "undo v2", "rollbackOf": [{ "sourceId": "7" }] }],
        "rollout": { "flow": "machine_batches", "batchCount": 1, "onFailure": "pause", "pausePoints": [{ "afterBatch": 0 }] },
        "exemption": { "kind": "green_channel", "reference": "OPS-7",
            "validFrom": "2026-11-20T08:30:00Z", "validUntil": "2026-11-20T09:30:00Z" },
        "checks": [
            { "name": "freeze", "at": "before_order", "batch": null, "mode": "enforcer", "strategy": null, "result": "pass",
                "reason": null, "metric": null, "answer": null, "verdict": null },
            { "name": "slo", "at": "after_batch", "batch": 0, "mode": "enforcer", "strategy": "block", "result": "block",
                "reason": "errors doubled", "metric": "error_rate", "answer": "roll_back", "verdict": null },
        ],
        "batches": [
            { "index": 0, "status": "succeeded", "plannedStartAt": null },
            { "index": 1, "status": null, "plannedStartAt": "2026-11-20T09:30:00Z" },
        ],
        "history": null,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_told_step_by_step_is_one_change_with_its_history() {
    let data = folder();
    let server = Running::over(data.path()).await;
    tell_a_life(&server).await;
    let whole = server
        .ask(r#"{ changes(filter: { text: "v2", to: "2026-11-20T09:05:00Z" }) { totalCount nodes {
            status flow foldKey startedAt finishedAt rolledBackBy { title rollbackOf { sourceId } }
            rollout { flow batchCount onFailure pausePoints { afterBatch } }
            exemption { kind reference validFrom validUntil }
            checks { name at batch mode strategy result reason metric answer verdict }
            batches { index status plannedStartAt }
            history { totalCount truncated statements { occurredAt source status batches { index status } } } } } }"#)
        .await;
    assert_eq!(whole["changes"]["totalCount"], 1);
    let mut change = whole["changes"]["nodes"][0].clone();
    let history = change["history"].take();
    assert_eq!(change, the_life());
    let line = |it: &Value| {
        let (at, status) = (&it["occurredAt"], &it["status"]);
        let batch = &it["batches"][0];
        format!(
            "{} {} {}",
            at.as_str().unwrap_or(""),
            status,
            batch["status"]
        )
    };
    let statements = history["statements"].as_array().expect("a list");
    let lines: Vec<String> = statements.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "2026-11-20T08:00:00Z \"submitted\" null",
            "2026-11-20T08:10:00Z \"approved\" null",
            "2026-11-20T09:00:00Z \"running\" null",
            "2026-11-20T09:01:00Z null \"running\"",
            "2026-11-20T09:05:00Z null \"succeeded\"",
            "2026-11-20T09:06:00Z null null",
            "2026-11-20T09:20:00Z \"rolled_back\" null",
        ]
    );
    assert_eq!(
        members(&server, "2026-11-20T09:02:00Z").await,
        " | host:a | host:b"
    );
    assert_eq!(
        members(&server, "2026-11-20T09:10:00Z").await,
        "host:a |  | host:b"
    );
    assert_eq!(
        members(&server, "2026-11-20T09:30:00Z").await,
        " |  | host:a host:b"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_judged_and_levels_are_redefined() {
    let data = folder();
    let server = Running::over(data.path()).await;
    tell_a_life(&server).await;
    let found = server
        .ask(r#"{ changes(filter: { text: "v2" }) { nodes { id sourceId } } }"#)
        .await;
    let nodes = found["changes"]["nodes"]
        .as_array()
        .expect("a list")
        .clone();
    let id = nodes
        .iter()
        .find(|it| it["sourceId"] == "7")
        .expect("the change")["id"]
        .clone();
    let judged = server
        .ask(&format!(
            r#"mutation {{ judgeCheck(input: {{ source: "ann", change: {id}, check: "slo", at: AFTER_BATCH, batch: 0, verdict: RIGHT, label: "real" }}) {{
                duplicate node {{ ... on Change {{ checks {{ name verdict }} openQuestions {{ code }} }} }} }} }}"#
        ))
        .await;
    assert_eq!(
        judged["judgeCheck"]["node"],
        json!({ "checks": [{ "name": "freeze", "verdict": null }, { "name": "slo", "verdict": "right" }], "openQuestions": [] })
    );
    let defined = server
        .ask(r#"mutation { defineLevel(input: { source: "ops", name: "G2", meaning: "ours", demands: [BATCHES, DECISION] }) { level { name meaning demands builtIn defined } } }"#)
        .await;
    assert_eq!(
        defined["defineLevel"]["level"],
        json!({ "name": "G2", "meaning": "ours", "demands": ["batches", "decision"], "builtIn": true, "defined": true })
    );
    let levelled = json!({ "sourceId": "9", "level": "G2", "status": "succeeded" });
    server
        .take(&[said("2026-11-20T10:00:00Z", &levelled)])
        .await;
    let asked = server
        .ask(r#"{ anomalies(first: 100, asOf: { validAt: "2026-11-21T00:00:00Z" }) { code }
            change: changes(filter: { source: "cd", from: "2026-11-20T10:00:00Z" }) { nodes { openQuestions { code key message } } } }"#)
        .await;
    let anomalies = asked["anomalies"].as_array().expect("a list");
    assert!(
        anomalies.contains(&json!({ "code": "LEVEL_NOT_MET" })),
        "{asked}"
    );
    assert_eq!(
        asked["change"]["nodes"][0]["openQuestions"],
        json!([{ "code": "LEVEL_NOT_MET", "key": "cd/9", "message": "the change cd/9 is of level G2 and lacks a batch, a decision" }])
    );
    let withdrawn = server
        .ask(r#"mutation { withdrawLevel(input: { source: "ops", name: "G2" }) { level { meaning defined } } }"#)
        .await;
    assert_eq!(withdrawn["withdrawLevel"]["level"]["defined"], false);
    server.stop().await;
}
