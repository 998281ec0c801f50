//! What PagerDuty's clients and its webhooks become, and what they hear.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::*;
use crate::intake::tests::Bench;
use crate::trial::{assert_golden, delivery, nothing_makes_it_fall_over, sample, told, told_from};
use crate::{Secret, Sender};

const KEY: &str = "a0000000aa0000a0a000aa0a0a0aa000";
const CHANGE: &str = "pagerduty/change-event-v2.json";
const TRIGGER: &str = "pagerduty/alert-trigger.from-specification.json";
const PRIORITY: &str = "pagerduty/webhook-v3.incident.priority_updated.raw.json";

/// A sender that one routing key belongs to.
fn sender(form: &str, name: &str, secret: &str) -> Sender {
    Sender {
        name: name.to_owned(),
        environment: Some("prod".to_owned()),
        items: vec![model::SourceKey::Text(format!("service:{name}"))],
        secrets: Secret::new(secret.as_bytes()).into_iter().collect(),
        ..Sender::unnamed(form)
    }
}

/// The status and the answer to a body.
async fn answered(bench: &Bench, path: &str, body: &str) -> String {
    let request = Request::post(path).header("content-type", "application/json");
    let (status, answer) = bench
        .ask(request.body(Body::from(body.to_owned())).unwrap())
        .await;
    format!("{} {answer}", status.as_u16())
}

#[test]
fn every_sample_becomes_what_it_says() {
    assert_golden(
        "pagerduty/pagerduty.golden.txt",
        &[
            (&CHANGES, CHANGE),
            (&CHANGES, "pagerduty/change-deploy.from-specification.json"),
            (&ALERTS, TRIGGER),
            (
                &ALERTS,
                "pagerduty/alert-acknowledge.from-specification.json",
            ),
            (&ALERTS, "pagerduty/alert-resolve.from-specification.json"),
            (&WEBHOOKS, PRIORITY),
            (
                &WEBHOOKS,
                "pagerduty/webhook-v3.incident.triggered.from-specification.json",
            ),
            (
                &WEBHOOKS,
                "pagerduty/webhook-v3.incident.annotated.from-specification.json",
            ),
            (
                &WEBHOOKS,
                "pagerduty/webhook-v3.incident.resolved.from-specification.json",
            ),
            (
                &WEBHOOKS,
                "pagerduty/webhook-v3.service.updated.from-specification.json",
            ),
            (
                &WEBHOOKS,
                "pagerduty/webhook-v3.pagey.ping.from-specification.json",
            ),
        ],
    );
}

#[test]
fn a_routing_key_is_in_no_fact_and_not_in_the_quarantine() {
    for name in [
        CHANGE,
        TRIGGER,
        "pagerduty/change-deploy.from-specification.json",
    ] {
        for address in [&CHANGES, &ALERTS, &WEBHOOKS] {
            let told = told(address, &sample(name));
            assert!(!told.is_empty() && !told.contains(KEY), "{told}");
        }
    }
    let unknown = format!(r#"{{"routing_key":"{KEY}","event_action":"explode"}}"#);
    assert_eq!(
        told(&ALERTS, &unknown),
        "unknown: the event_action explode is not known\n  {\"event_action\":\"explode\"} []\n"
    );
}

#[tokio::test]
async fn secrets_in_the_details_are_not_written() {
    let bench = Bench::with_senders(Vec::new());
    assert!(sample(TRIGGER).contains("hunter2"));
    answered(&bench, "/v2/enqueue", &sample(TRIGGER)).await;
    let written = format!("{:?}", bench.events());
    assert!(
        written.contains("checkout/latency") && !written.contains("hunter2"),
        "{written}"
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        told(&CHANGES, r#"{"payload":{"timestamp":"soon"}}"#),
        "rejected: payload.summary is required\n\
         rejected: payload.timestamp is not a time in RFC 3339: \"soon\"\n"
    );
    assert_eq!(told(&ALERTS, "{}"), "rejected: event_action is required\n");
    assert_eq!(
        told(&ALERTS, r#"{"event_action":"resolve"}"#),
        "rejected: dedup_key is required\n"
    );
    assert_eq!(
        told(
            &WEBHOOKS,
            r#"{"event":{"event_type":"incident.resolved","data":{"type":"incident"}}}"#
        ),
        "rejected: id is required\n"
    );
    assert!(told(&CHANGES, "{").starts_with("malformed: the body is not JSON"));
}

#[test]
fn a_change_told_again_is_the_same_and_another_one_is_not() {
    let id = |body: &str| match (CHANGES.decode)(&delivery(&CHANGES, body)).unwrap().pop() {
        Some(Part::Events(events)) => events[0].id.clone(),
        other => panic!("{other:?}"),
    };
    let body = sample(CHANGE);
    assert_eq!(id(&body), id(&body.replace('\n', " ")));
    assert_ne!(id(&body), id(&body.replace("2020-10-19", "2020-10-20")));
}

#[test]
fn what_names_no_item_is_of_the_senders_service() {
    let told = told_from(
        &CHANGES,
        sender("pagerduty-change", "api", KEY),
        &sample(CHANGE),
    );
    assert!(told.contains("targets: [\"service:api\"]\n"), "{told}");
    assert!(told.contains("environment: \"prod\"\n"), "{told}");
}

#[tokio::test]
async fn clients_of_the_events_api_hear_what_they_expect() {
    let bench = Bench::with_senders(Vec::new());
    let change = answered(&bench, "/v2/change/enqueue", &sample(CHANGE)).await;
    assert_eq!(
        change,
        r#"202 {"accepted":1,"duplicates":0,"id":"ID","message":"Change event processed","position":"1","quarantined":0,"rejected":[],"status":"success"}"#
            .replace("ID", &said(&change, "id"))
    );
    assert_eq!(
        answered(&bench, "/v2/enqueue", &sample(TRIGGER)).await,
        r#"202 {"accepted":1,"dedup_key":"checkout/latency","duplicates":0,"message":"Event processed","position":"2","quarantined":0,"rejected":[],"status":"success"}"#
    );
    let unnamed = r#"{"event_action":"trigger","payload":{"summary":"slow","source":"web"}}"#;
    let key = said(&answered(&bench, "/v2/enqueue", unnamed).await, "dedup_key");
    let resolved = json!({"event_action": "resolve", "dedup_key": key}).to_string();
    assert!(
        answered(&bench, "/v2/enqueue", &resolved)
            .await
            .starts_with("202")
    );
    let events: Vec<String> = bench
        .events()
        .into_iter()
        .map(|it| format!("{:?}", it.event))
        .collect();
    assert_eq!(
        events.iter().filter(|event| event.contains(&key)).count(),
        2
    );
    assert_eq!(
        answered(&bench, "/v2/change/enqueue", "{}").await,
        r#"400 {"accepted":0,"duplicates":0,"errors":["payload.summary is required"],"message":"Event object is invalid","position":null,"quarantined":0,"rejected":[{"field":"payload.summary","index":0,"reason":"is required"}],"status":"invalid event"}"#
    );
}

fn said(answer: &str, field: &str) -> String {
    let answer: Value = serde_json::from_str(answer.split_once(' ').unwrap().1).unwrap();
    answer[field].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_routing_key_says_whose_change_it_is() {
    let bench = Bench::with_senders(vec![
        sender("pagerduty-change", "cart", "another key"),
        sender("pagerduty-change", "api", KEY),
    ]);
    let good = sample(CHANGE);
    for path in ["/v2/change/enqueue", "/ingest/pagerduty/change/api"] {
        assert!(
            answered(&bench, path, &good).await.starts_with("202"),
            "{path}"
        );
    }
    let event = format!("{:?}", bench.events()[0].event);
    assert!(
        event.contains("service:api") && !event.contains(KEY),
        "{event}"
    );
    for body in [
        good.replace(KEY, "wrong"),
        good.replace("routing_key", "key"),
    ] {
        for path in ["/v2/change/enqueue", "/ingest/pagerduty/change/api"] {
            let answer = answered(&bench, path, &body).await;
            assert!(
                answer.starts_with("401") && answer.contains("\"errors\":["),
                "{answer}"
            );
        }
    }
    let wrong = answered(&bench, "/ingest/pagerduty/change/cart", &good).await;
    assert!(wrong.starts_with("401"), "{wrong}");
    assert_eq!(bench.events().len(), 1);
}

#[tokio::test]
async fn a_webhook_is_proved_by_its_signature() {
    let vector: Value =
        serde_json::from_str(&sample("pagerduty/webhook-v3.signature-vector.json")).unwrap();
    let secret = vector["secret"].as_str().unwrap();
    let signature = vector["signature"].as_str().unwrap();
    let bench = Bench::with_senders(vec![Sender {
        name: String::new(),
        ..sender("pagerduty", "", secret)
    }]);
    let several = format!("v1=00,{signature}");
    for (given, status) in [
        (Some(signature), 200),
        (Some(several.as_str()), 200),
        (Some("v1=00"), 401),
        (Some(signature.trim_start_matches("v1=")), 401),
        (None, 401),
    ] {
        let mut request =
            Request::post("/ingest/pagerduty").header("content-type", "application/json");
        if let Some(given) = given {
            request = request.header("x-pagerduty-signature", given);
        }
        let body = Body::from(sample(PRIORITY));
        let (found, answer) = bench.ask(request.body(body).unwrap()).await;
        assert_eq!(found.as_u16(), status, "{given:?} {answer}");
    }
}

#[test]
fn no_input_makes_it_fall_over() {
    nothing_makes_it_fall_over(&CHANGES, &sample(CHANGE));
    nothing_makes_it_fall_over(&ALERTS, &sample(TRIGGER));
    nothing_makes_it_fall_over(&WEBHOOKS, &sample(PRIORITY));
}
