//! What spans show of calls is measured, read over GraphQL, and compared around a change.

use std::fs;
use std::path::Path;

use model::{Clock, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use server::SystemClock;

use super::running::{Running, folder};

/// Spans as an SDK exports them: `count` calls of web to api in a minute, the first `failed` of them failed.
fn spans(minute: Timestamp, count: u64, failed: u64, millis: i64) -> Vec<u8> {
    calls(["web", "api"], minute, count, failed, millis)
}

/// The same of one service to another.
fn calls(
    [caller, callee]: [&str; 2],
    minute: Timestamp,
    count: u64,
    failed: u64,
    millis: i64,
) -> Vec<u8> {
    let span = |n: u64| {
        let start = minute.plus_millis(100 * n.cast_signed());
        json!({
            "traceId": format!("{:032x}", minute.unix_nanos().unsigned_abs() + n),
            "spanId": format!("{:016x}", n + 1),
            "name": "GET /cart",
            "kind": 3,
            "startTimeUnixNano": start.unix_nanos().to_string(),
            "endTimeUnixNano": start.plus_millis(millis).unix_nanos().to_string(),
            "attributes": [{"key": "peer.service", "value": {"stringValue": callee}}],
            "status": if n < failed { json!({"code": 2}) } else { json!({}) },
        })
    };
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let resource = json!({"attributes": [
        attribute("service.name", caller),
        attribute("deployment.environment.name", "prod"),
    ]});
    let spans: Vec<Value> = (0..count).map(span).collect();
    let request =
        json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]});
    request.to_string().into_bytes()
}

const ASK: &str = "query($from: DateTime!, $to: DateTime!, $change: ID!) {
  item(key: \"service:prod/api\") {
    measurements(from: $from, to: $to, step: \"PT1M\") { total { calls } }
    usedBy { nodes { kind
      measurements(from: $from, to: $to, step: \"PT1M\") {
        step
        points { start calls callsPerSecond errors errorRate latencyP50Ms latencyP99Ms samples }
        total { calls errors latencyMaxMs }
        unseen
      }
      comparison(change: $change, window: \"PT5M\") {
        window before { calls errorRate } after { calls errorRate }
        errorRateChange latencyP99Ratio unseen
      }
    } }
  }
  measurementStore { waiting droppedTooOld damagedParts levels { step files } }
}";

/// A server that has seen ten minutes of calls, with a change in the middle, and was stopped.
async fn measured(folder: &Path, changed_at: Timestamp) {
    let server = Running::over(folder).await;
    for (minute, count, failed, millis) in [(-2, 60, 0, 10), (1, 30, 15, 80)] {
        let body = spans(
            changed_at.plus_millis(minute * 60_000),
            count,
            failed,
            millis,
        );
        let (status, answer) = server.post_body("/v1/traces", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let change = json!({
        "source": "deployer", "type": "change.recorded", "time": changed_at.to_string(),
        "data": {"sourceId": "7", "title": "api 2.0", "targets": ["service:api"],
                 "environment": "prod", "startedAt": changed_at.to_string()},
    });
    server.take(&[change]).await;
    server.stop().await;
}

async fn asked(server: &Running, changed_at: Timestamp) -> Value {
    let changes = server.ask("{ changes { nodes { id } } }").await;
    let variables = json!({
        "from": changed_at.plus_millis(-5 * 60_000).to_string(),
        "to": changed_at.plus_millis(5 * 60_000).to_string(),
        "change": changes["changes"]["nodes"][0]["id"],
    });
    server.ask_with(ASK, &variables).await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_measured_and_compared_around_a_change() {
    let folder = folder();
    let now = SystemClock.now();
    // In the middle of an hour, so that all of it is in one file.
    let hour = now.plus_nanos(-now.unix_nanos().rem_euclid(3_600_000_000_000));
    let changed_at = hour.plus_millis(-30 * 60_000);
    measured(folder.path(), changed_at).await;

    let server = Running::over(folder.path()).await;
    let answer = asked(&server, changed_at).await;
    let relation = &answer["item"]["usedBy"]["nodes"][0];
    assert_eq!(relation["kind"], "calls", "{answer:#}");
    assert_eq!(answer["item"]["measurements"]["total"]["calls"], 90.0);
    let points = &relation["measurements"]["points"];
    assert_eq!(
        points[0],
        json!({"start": changed_at.plus_millis(-120_000).to_string(), "calls": 60.0,
               "callsPerSecond": 1.0, "errors": 0.0, "errorRate": 0.0,
               "latencyP50Ms": 10.0, "latencyP99Ms": 10.0, "samples": 60.0})
    );
    assert_eq!(points[1]["errorRate"], 0.5);
    assert_eq!(points.as_array().unwrap().len(), 2);
    assert_eq!(
        relation["measurements"]["total"],
        json!({"calls": 90.0, "errors": 15.0, "latencyMaxMs": 80.0})
    );
    let unseen = relation["measurements"]["unseen"].to_string();
    assert!(unseen.contains("reach back to"), "{unseen}");
    let comparison = &relation["comparison"];
    assert_eq!(comparison["window"], "PT5M");
    assert_eq!(
        comparison["before"],
        json!({"calls": 60.0, "errorRate": 0.0})
    );
    assert_eq!(
        comparison["after"],
        json!({"calls": 30.0, "errorRate": 0.5})
    );
    assert_eq!(comparison["errorRateChange"], 0.5);
    assert_eq!(comparison["latencyP99Ratio"], 8.0);
    let store = &answer["measurementStore"];
    let lost = [
        &store["waiting"],
        &store["droppedTooOld"],
        &store["damagedParts"],
    ];
    assert_eq!(lost, [0.0, 0.0, 0.0]);
    assert_eq!(store["levels"][0], json!({"step": "PT1M", "files": 1}));
    server.stop().await;

    fs::remove_dir_all(folder.path().join("data/rollups")).unwrap();
    let server = Running::over(folder.path()).await;
    let answer = asked(&server, changed_at).await;
    let relation = &answer["item"]["usedBy"]["nodes"][0];
    assert_eq!(relation["kind"], "calls");
    assert_eq!(relation["measurements"]["points"], json!([]));
    assert_eq!(relation["comparison"]["before"], Value::Null);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_cannot_be_meant_are_refused() {
    let folder = folder();
    let changed_at = SystemClock.now().plus_millis(-30 * 60_000);
    measured(folder.path(), changed_at).await;
    let server = Running::over(folder.path()).await;
    let refused = async |field: &str| {
        let document = format!("{{ item(key: \"service:prod/api\") {{ {field} }} }}");
        server.refused_with(&document).await
    };
    let to = "2026-11-20T11:00:00Z";
    for (field, reason) in [
        (
            format!("measurements(from: \"{to}\", to: \"{to}\") {{ step }}"),
            "from must be before to",
        ),
        (
            "measurements(step: \"PT90S\") { step }".to_owned(),
            "step must be whole minutes",
        ),
        (
            format!(
                "measurements(from: \"2026-11-01T00:00:00Z\", to: \"{to}\", step: \"PT1M\") {{ step }}"
            ),
            "more than 1500 steps",
        ),
        ("comparison { window }".to_owned(), "change or at"),
        (
            "comparison(change: \"chg_0\") { window }".to_owned(),
            "no change has the id",
        ),
        (
            format!("comparison(at: \"{to}\", window: \"P400D\") {{ window }}"),
            "at most 1500 hours",
        ),
    ] {
        let answer = refused(&field).await;
        assert!(answer.contains(reason), "{field}: {answer}");
    }
    server.stop().await;
}

const DEVIATIONS: &str = "query($to: DateTime!) {
  timeline(items: [\"service:prod/api\"], to: $to, lookback: \"PT1H\", hopsMax: 0, kinds: [DEVIATION_BEGAN]) {
    entries { sentence }
  }
}";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_usual_is_known_again_after_a_restart() {
    let folder = folder();
    let now = SystemClock.now();
    let minute = |back: i64| {
        let at = now.plus_millis(-back * 60_000);
        at.plus_nanos(-at.unix_nanos().rem_euclid(60_000_000_000))
    };
    let server = Running::over(folder.path()).await;
    for back in 5..15 {
        let (status, answer) = server
            .post_body("/v1/traces", spans(minute(back), 30, 0, 10))
            .await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    server.stop().await;
    let server = Running::over(folder.path()).await;
    let (status, answer) = server
        .post_body("/v1/traces", spans(minute(2), 30, 15, 10))
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    server.stop().await;

    let server = Running::over(folder.path()).await;
    let until = json!({ "to": now.plus_millis(60_000).to_string() });
    let answer = server.ask_with(DEVIATIONS, &until).await;
    let entries = answer["timeline"]["entries"].to_string();
    let told = "error_rate of service:prod/api went to 0.5, usual is 0";
    assert!(entries.contains(told), "{entries}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn harm_tells_how_many_calls_it_would_meet_and_lists_equals_by_them() {
    let folder = folder();
    let now = SystemClock.now();
    let hour = now.plus_nanos(-now.unix_nanos().rem_euclid(3_600_000_000_000));
    let called_at = hour.plus_millis(-30 * 60_000);
    let server = Running::over(folder.path()).await;
    let made = [
        (["web", "api"], 30),
        (["web", "cart"], 10),
        (["batch", "api"], 20),
        (["front", "web"], 6),
        (["front", "batch"], 42),
    ];
    for (minute, (ends, count)) in (0..).zip(made) {
        let body = calls(ends, called_at.plus_millis(minute * 60_000), count, 0, 10);
        let (status, answer) = server.post_body("/v1/traces", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let report =
        json!({ "dependent": "job:prod/report", "provider": "service:prod/api", "kind": "uses" });
    let report = json!({ "source": "ops", "type": "relation.observed", "time": called_at.to_string(), "data": report });
    server.take(&[report]).await;
    server.stop().await;

    let server = Running::over(folder.path()).await;
    let document =
        "query($at: DateTime!) { blastRadius(items: [\"service:prod/api\"], at: $at, hopsMax: 1) {
        impacts { item { key } score traffic { callsPerMinute share from to unseen } } } }";
    let at = called_at.plus_millis(10 * 60_000);
    let variables = json!({ "at": at.to_string() });
    let answer = server.ask_with(document, &variables).await;
    let impacts = answer["blastRadius"]["impacts"].as_array().unwrap();
    let told = |impact: &Value| {
        let traffic = &impact["traffic"];
        let number = |name: &str| {
            traffic[name]
                .as_f64()
                .map(|it| (it * 1000.0).round() / 1000.0)
        };
        let key = impact["item"]["key"].as_str().unwrap().to_owned();
        (key, number("callsPerMinute"), number("share"))
    };
    let expected = [
        ("service:prod/batch".to_owned(), Some(0.7), Some(1.0)),
        ("service:prod/web".to_owned(), Some(0.1), Some(0.75)),
        ("job:prod/report".to_owned(), None, None),
    ];
    let found: Vec<_> = impacts.iter().map(told).collect();
    assert_eq!(found, expected, "{answer:#}");
    assert_eq!(impacts[0]["score"], impacts[1]["score"]);
    let unseen = impacts[2]["traffic"]["unseen"].to_string();
    assert!(unseen.contains("no calls were measured"), "{unseen}");
    let window = (&impacts[0]["traffic"]["from"], &impacts[0]["traffic"]["to"]);
    let hour_before = json!(at.plus_millis(-60 * 60_000).to_string());
    assert_eq!(window, (&hour_before, &json!(at.to_string())));
    server.stop().await;
}
