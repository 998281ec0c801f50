//! How good the answers were, through the whole process.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

const DAY: &str = "2020-11-20";

/// A change of an item at a time of the day.
fn change(id: &str, item: &str, clock: &str) -> Value {
    let at = format!("{DAY}T{clock}:00Z");
    let data = json!({ "sourceId": id, "title": format!("new {item}"), "targets": [format!("service:{item}")],
        "kind": "deployment", "status": "succeeded", "startedAt": at });
    event("change.recorded", &at, &data)
}

/// An alert on an item, and what people judged of a change.
fn judged(id: &str, item: &str, clock: &str, change: &str, verdict: &str) -> [Value; 2] {
    let at = format!("{DAY}T{clock}:00Z");
    let alert = json!({ "sourceId": id, "title": format!("{item} answers errors"), "items": [format!("service:{item}")],
        "severity": "warning", "startedAt": at });
    let judged = json!({ "incident": { "source": "test", "sourceId": id },
        "change": { "source": "test", "sourceId": change }, "verdict": verdict });
    let later = format!("{DAY}T20:00:00Z");
    [
        event("incident.opened", &at, &alert),
        event("cause.judged", &later, &judged),
    ]
}

async fn told(server: &Running) {
    let score = |change: &str, score: f64| {
        let data = json!({ "change": { "source": "test", "sourceId": change }, "score": score });
        event("risk_score.recorded", &format!("{DAY}T08:00:00Z"), &data)
    };
    let mut events = vec![
        change("web-1", "web", "09:50"),
        change("db-1", "db", "09:00"),
        change("db-2", "db", "11:50"),
        score("web-1", 0.9),
        score("db-1", 0.2),
        score("db-2", 0.1),
    ];
    events.extend(judged("first", "web", "10:00", "web-1", "cause"));
    // The newest change of the item was not the cause; an older one of another item was.
    events.extend(judged("second", "db", "12:00", "web-1", "cause"));
    events.extend(judged("none", "db", "12:30", "db-2", "not_cause"));
    server.take(&events).await;
}

#[tokio::test]
async fn ranking_quality_says_where_causes_stood_without_their_own_judgements() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    told(&server).await;
    let document = "{ quality(from: \"2020-11-20T00:00:00Z\", to: \"2020-11-21T00:00:00Z\", asKnownNow: true) { ranking {
        whole { judged first { part whole } firstThree { part whole } noneOfThese { part whole } meanRank { count } }
        weeks { key sums { judged } } symptoms { key } severities { key }
        incidents { incident { title } hasCause rank } incidentsAll leftOut unknownThen modelVersion } } }";
    let ranking = &server.ask(document).await["quality"]["ranking"];
    assert_eq!(
        ranking["whole"]["first"],
        json!({ "part": 1, "whole": 2 }),
        "{ranking}"
    );
    assert_eq!(
        ranking["whole"]["noneOfThese"],
        json!({ "part": 1, "whole": 3 })
    );
    assert_eq!(
        ranking["weeks"],
        json!([{ "key": "2020-11-16", "sums": { "judged": 3 } }])
    );
    assert_eq!(ranking["symptoms"], json!([{ "key": "errors" }]));
    assert_eq!(
        (
            &ranking["incidentsAll"],
            &ranking["leftOut"],
            &ranking["modelVersion"]
        ),
        (&json!(3), &json!(0), &json!("nearby-2"))
    );
    let ranks: Vec<&Value> = ranking["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["rank"])
        .collect();
    assert_eq!(ranks[0], &Value::Null, "nothing was the cause");
    assert!(
        1 < ranks[1].as_u64().unwrap(),
        "its own judgement does not count: {ranking}"
    );
    assert_eq!(ranks[2], &json!(1));
}

#[tokio::test]
async fn what_nobody_knew_then_is_not_found_then() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    told(&server).await;
    // All of it was recorded now, long after it happened.
    let document = "{ quality(from: \"2020-11-20T00:00:00Z\", to: \"2020-11-21T00:00:00Z\", incidents: 2) { ranking {
        whole { judged first { part whole } } leftOut unknownThen } } }";
    let ranking = &server.ask(document).await["quality"]["ranking"];
    assert_eq!(
        (&ranking["leftOut"], &ranking["unknownThen"]),
        (&json!(1), &json!(2))
    );
    let refused = server
        .refused_with("{ quality(incidents: 501) { position } }")
        .await;
    assert_eq!(refused, "incidents: 501 is more than 500");
}

#[tokio::test]
async fn risk_quality_holds_scores_against_what_was_judged() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    told(&server).await;
    let document = "{ quality(from: \"2020-11-20T00:00:00Z\", to: \"2020-11-21T00:00:00Z\") { risk { calibrations {
        source causes { part whole } brier brierOfShare ranksCausesHigher buckets { name causes { part whole } } } } } }";
    let answer = server.ask(document).await;
    let found = answer["quality"]["risk"]["calibrations"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        (&found[0]["source"], &found[0]["brier"]),
        (&json!("epicenter"), &Value::Null)
    );
    assert_eq!(found[0]["causes"], json!({ "part": 1, "whole": 3 }));
    // (1 - .9)^2, .2^2 and .1^2, a third of each.
    assert!((found[1]["brier"].as_f64().unwrap() - 0.02).abs() < 1e-9);
    assert_eq!(found[1]["ranksCausesHigher"], json!(1.0));
    assert_eq!(
        found[1]["buckets"][2],
        json!({ "name": "0.9 to 1.0", "causes": { "part": 1, "whole": 1 } })
    );
}
