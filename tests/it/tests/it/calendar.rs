//! The calendar of changes, asked through the whole process.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

const TIME: &str = "2026-11-20T10:00:00Z";

/// web needs payments, payments needs the ledger; everything changes in November.
async fn shop(server: &Running) {
    let relation = |dependent: &str, provider: &str| {
        let data = json!({ "dependent": dependent, "provider": provider, "kind": "calls" });
        event("relation.observed", TIME, &data)
    };
    let planned = json!({
        "sourceId": "deploy-7",
        "title": "ledger 2.1",
        "targets": ["service:ledger"],
        "status": "planned",
        "plannedStartAt": "2026-12-24T10:00:00Z",
        "plannedFinishAt": "2026-12-24T11:00:00Z",
    });
    server
        .take(&[
            relation("service:web", "service:payments"),
            relation("service:payments", "service:ledger"),
            event("change.recorded", TIME, &planned),
        ])
        .await;
    let freeze = r#"mutation {
        declareFreeze(input: {
            source: "ops", name: "xmas", title: "Christmas",
            from: "2026-12-23T00:00:00Z", until: "2026-12-27T00:00:00Z",
            scope: { items: ["service:payments"], reach: DEPENDS_ON },
            liftedFor: ["fault_handling"],
        }) { position }
    }"#;
    let answer = server.ask(freeze).await;
    assert_eq!(answer["declareFreeze"]["position"], json!("4"));
}

async fn may(server: &Running, planned: &str) -> Value {
    let document = format!(
        r#"{{ mayChange(planned: {{ source: "cd", sourceId: "deploy-8", title: "t", {planned} }}) {{
            allowed certain reasons nextAt
            findings {{ outcome liftedBy rule {{ name effect }} target {{ key }} path {{ to {{ key }} }} }}
        }} }}"#
    );
    server.ask(&document).await["mayChange"].clone()
}

#[tokio::test]
async fn a_gate_hears_what_freezes_a_change_two_hops_away_and_when_it_may_run() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    shop(&server).await;
    let time = r#"targets: ["service:ledger"], plannedStartAt: "2026-12-24T08:00:00Z", plannedFinishAt: "2026-12-24T09:00:00Z""#;
    let frozen = may(&server, time).await;
    assert_eq!(
        frozen,
        json!({
            "allowed": false,
            "certain": true,
            "reasons": ["the freeze Christmas is in force until 2026-12-27T00:00:00Z; it reaches service:ledger: service:payments calls service:ledger"],
            "nextAt": "2026-12-27T00:00:00Z",
            "findings": [{
                "outcome": "BLOCKS",
                "liftedBy": null,
                "rule": { "name": "xmas", "effect": "FREEZE" },
                "target": { "key": "service:ledger" },
                "path": [{ "to": { "key": "service:ledger" } }],
            }],
        })
    );
    let urgent = may(&server, &format!(r#"goal: "fault_handling", {time}"#)).await;
    assert_eq!(urgent["allowed"], json!(true));
    assert_eq!(urgent["findings"][0]["outcome"], json!("LIFTED"));
    let other = may(&server, &time.replace("ledger", "web")).await;
    assert_eq!(
        (&other["allowed"], &other["findings"]),
        (&json!(true), &json!([]))
    );
    let unknown = may(&server, &time.replace("ledger", "nobody")).await;
    assert_eq!(
        (&unknown["allowed"], &unknown["certain"]),
        (&json!(true), &json!(false))
    );
    server.stop().await;
}

#[tokio::test]
async fn an_exemption_lifts_a_freeze_for_a_recorded_change_and_both_stand_in_the_calendar() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    shop(&server).await;
    let id = server
        .ask("{ changes(filter: { from: \"2026-12-01T00:00:00Z\" }) { nodes { id } } }")
        .await["changes"]["nodes"][0]["id"]
        .clone();
    let question = format!(
        r#"{{ mayChange(change: {id}, onDoubt: REFUSE) {{ allowed findings {{ outcome liftedBy }} }} }}"#
    );
    let refused = server.ask(&question).await;
    assert_eq!(refused["mayChange"]["allowed"], json!(false));
    let exempt = r#"mutation { grantExemption(input: {
        source: "ops", name: "audit", kind: WHITE_LIST, approver: "ann", reason: "the regulator asks",
        change: { source: "test", sourceId: "deploy-7" },
        from: "2026-12-24T00:00:00Z", until: "2026-12-25T00:00:00Z",
    }) { position } }"#;
    server.ask(exempt).await;
    let lifted = server.ask(&question).await;
    assert_eq!(
        lifted["mayChange"],
        json!({
            "allowed": true,
            "findings": [{ "outcome": "LIFTED", "liftedBy": "the white list audit until 2026-12-25T00:00:00Z" }],
        })
    );
    let calendar = server
        .ask(
            r#"{ calendar(from: "2026-12-01T00:00:00Z", to: "2026-12-31T00:00:00Z") {
                spans { rule effect span { from until } }
                exemptions { name kind changeSourceId }
            } }"#,
        )
        .await;
    assert_eq!(
        calendar["calendar"],
        json!({
            "spans": [{ "rule": "xmas", "effect": "FREEZE", "span": { "from": "2026-12-23T00:00:00Z", "until": "2026-12-27T00:00:00Z" } }],
            "exemptions": [{ "name": "audit", "kind": "WHITE_LIST", "changeSourceId": "deploy-7" }],
        })
    );
    server.stop().await;
}

#[tokio::test]
async fn changes_that_overlap_meet_where_their_harm_does() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    shop(&server).await;
    let answer = server
        .ask(
            r#"{ mayChange(planned: {
                source: "cd", sourceId: "deploy-8", title: "t", targets: ["service:payments"],
                plannedStartAt: "2026-12-24T10:30:00Z", plannedFinishAt: "2026-12-24T12:00:00Z",
            }) { conflicts { overlapping truncated conflicts {
                kind change { sourceId } item { key } path { to { key } } otherPath { to { key } }
            } } } }"#,
        )
        .await;
    assert_eq!(
        answer["mayChange"]["conflicts"],
        json!({
            "overlapping": 1,
            "truncated": false,
            "conflicts": [{
                "kind": "REACHED_BY",
                "change": { "sourceId": "deploy-7" },
                "item": { "key": "service:payments" },
                "path": [],
                "otherPath": [{ "to": { "key": "service:payments" } }],
            }],
        })
    );
    server.stop().await;
}

#[tokio::test]
async fn a_risk_is_told_in_parts_beside_what_other_systems_say() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    shop(&server).await;
    let found = server.ask("{ changes { nodes { id } } }").await;
    let id = found["changes"]["nodes"][0]["id"].as_str().expect("an id");
    let score = |source: &str, score: f64| {
        format!(
            r#"mutation {{ recordRiskScore(input: {{ change: "{id}", source: "{source}", score: {score}, level: "red" }})
                {{ position node {{ ... on Change {{ riskScores {{ source score level }} }} }} }} }}"#
        )
    };
    server.ask(&score("ml", 0.4)).await;
    let recorded = server.ask(&score("ml", 0.9)).await;
    assert_eq!(
        recorded["recordRiskScore"]["node"]["riskScores"],
        json!([{ "source": "ml", "score": 0.9, "level": "red" }])
    );
    let document = format!(
        r#"{{ assessChange(change: "{id}") {{
            score level modelVersion factors {{ signal contribution explanation }}
            blastRadius {{ total }} conflicts {{ title }} mayChange {{ allowed }} scores {{ score }} unseen
        }} }}"#
    );
    let answer = server.ask(&document).await["assessChange"].clone();
    let factors = answer["factors"].as_array().expect("a list").iter();
    let sum: f64 = factors
        .map(|it| it["contribution"].as_f64().expect("a number"))
        .sum();
    let said = answer["score"].as_f64().expect("a number");
    assert!((sum - said).abs() < 1e-9, "{answer}");
    assert_eq!(answer["factors"][0]["signal"], "calendar", "{answer}");
    assert_eq!(
        (
            &answer["level"],
            &answer["mayChange"]["allowed"],
            &answer["blastRadius"]["total"]
        ),
        (&json!("high"), &json!(false), &json!(2)),
        "{answer}"
    );
    assert_eq!(answer["scores"], json!([{ "score": 0.9 }]));
    server.stop().await;
}
