//! Rules of one's own for risks, through the whole process.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

const DECLARE: &str =
    "mutation($input: DeclareRiskRuleInput!) { declareRiskRule(input: $input) { position } }";
const ASSESS: &str = "{ assessChange(planned: { source: \"cd\", sourceId: \"9\", title: \"t\", targets: [\"service:web\"], kind: \"deployment\" }) {
    level raisedBy rules { name points because } factors { signal contribution } score facts { name number words truth } } }";

fn declared(name: &str, when: &Value) -> Value {
    json!({ "input": { "source": "ops", "rule": { "name": name, "when": when, "points": 9, "levelAtLeast": "high" } } })
}

#[tokio::test]
async fn a_declared_rule_counts_at_once_and_the_past_is_answered_without_it() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let change = json!({ "sourceId": "c1", "title": "new web", "targets": ["service:web"],
        "kind": "deployment", "status": "succeeded", "startedAt": "2026-11-20T09:40:00Z" });
    server
        .take(&[event("change.recorded", "2026-11-20T09:40:00Z", &change)])
        .await;
    let before = server.ask("{ riskRules { name } assessChange(planned: { source: \"cd\", sourceId: \"9\", title: \"t\", targets: [\"service:web\"] }) { position } }").await;
    let position = before["assessChange"]["position"]
        .as_str()
        .unwrap()
        .to_owned();

    let when = json!({ "fact": "kind", "comparison": "equals", "value": "deployment" });
    server.ask_with(DECLARE, &declared("deploys", &when)).await;
    let found = &server.ask(ASSESS).await["assessChange"];
    let because = json!([{ "name": "deploys", "points": 9.0, "because": "kind is deployment" }]);
    assert_eq!(
        (&found["level"], &found["raisedBy"]),
        (&json!("high"), &json!("deploys"))
    );
    assert_eq!(found["rules"], because);
    let factors = found["factors"].as_array().unwrap();
    let sum: f64 = factors
        .iter()
        .map(|it| it["contribution"].as_f64().unwrap())
        .sum();
    assert!((sum - found["score"].as_f64().unwrap()).abs() < 1e-9);

    let then = format!("{{ riskRules(asOf: {{ position: \"{position}\" }}) {{ name }} }}");
    assert_eq!(server.ask(&then).await["riskRules"], json!([]));
}

#[tokio::test]
async fn a_simulation_tells_what_leaving_a_rule_out_would_change() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let at = "2026-11-20T09:40:00Z";
    let change = json!({ "sourceId": "c1", "title": "new web", "targets": ["service:web"],
        "kind": "deployment", "status": "succeeded", "startedAt": at });
    let when = json!({ "fact": "kind", "comparison": "equals", "value": "deployment" });
    let rule = json!({ "name": "deploys", "when": when, "levelAtLeast": "high" });
    server
        .take(&[
            event("change.recorded", at, &change),
            event("risk_rule.declared", at, &rule),
        ])
        .await;
    let simulated = server.ask("{ simulateRisk(days: 366, without: [\"deploys\"], rules: [], asOf: { validAt: \"2026-12-01T00:00:00Z\" }) { considered changedCount lowered
        changed { change { title } levelBefore levelAfter rules judgedCause } } }").await;
    assert_eq!(
        simulated["simulateRisk"],
        json!({ "considered": 1, "changedCount": 1, "lowered": 1, "changed": [{ "change": { "title": "new web" },
            "levelBefore": "high", "levelAfter": "low", "rules": [], "judgedCause": false }] })
    );
}

#[tokio::test]
async fn a_bad_rule_is_refused_with_field_and_reason_whether_kept_or_tried() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let when = json!({ "all": [{ "fact": "impact_scop", "comparison": "equals", "value": 3 }] });
    let expected =
        "entry 0, when.all[0].fact: is not a word known here; did you mean impact_scope?";
    let refused = server.refused(DECLARE, &declared("bad", &when)).await;
    assert!(refused.contains(expected), "{refused}");
    let tried = "query($rules: [RiskRuleInput!]!) { simulateRisk(rules: $rules) { considered } }";
    let rules = json!({ "rules": [{ "name": "bad", "when": when, "points": 3 }] });
    let refused = server.refused(tried, &rules).await;
    assert!(refused.contains(expected), "{refused}");
}
