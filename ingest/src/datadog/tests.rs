//! What events of Datadog become, and what its clients hear.

use axum::body::Body;
use axum::http::Request;

use super::*;
use crate::intake::tests::Bench;
use crate::trial::{assert_golden, nothing_makes_it_fall_over, sample, told};
use crate::{Secret, Sender};

const DEPLOY: &str = "datadog/v1.deploy.from-specification.json";
const CHANGE: &str = "datadog/v2.change.from-specification.json";
const ALERT: &str = "datadog/v2.alert.from-specification.json";

async fn answered(bench: &Bench, path: &str, key: Option<&str>, body: &str) -> String {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("DD-API-KEY", key);
    }
    let body = Body::from(body.to_owned());
    let (status, answer) = bench.ask(request.body(body).unwrap()).await;
    format!("{} {answer}", status.as_u16())
}

#[test]
fn every_sample_becomes_what_it_says() {
    assert_golden(
        "datadog/datadog.golden.txt",
        &[
            (&V1, DEPLOY),
            (&V1, "datadog/v1.failed.from-specification.json"),
            (&V2, CHANGE),
            (&V2, ALERT),
            (&V2, "datadog/v2.recovery.from-specification.json"),
        ],
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(told(&V1, "{}"), "rejected: title is required\n");
    assert_eq!(
        told(&V2, r#"{"data":{"attributes":{"category":"gossip"}}}"#),
        "rejected: data.attributes.title is required\n\
         rejected: data.attributes.category is not one of change, alert\n"
    );
}

#[tokio::test]
async fn its_clients_hear_what_they_expect() {
    let bench = Bench::with_senders(Vec::new());
    let one = answered(&bench, "/api/v1/events", None, &sample(DEPLOY)).await;
    assert!(
        one.starts_with("202 ") && one.contains("\"status\":\"ok\""),
        "{one}"
    );
    assert!(
        one.contains("\"event\":{\"id\":") && !one.contains("\"errors\""),
        "{one}"
    );
    let two = answered(&bench, "/api/v2/events", None, &sample(CHANGE)).await;
    assert!(
        two.starts_with("202 ") && two.contains("\"evt\":{\"id\":"),
        "{two}"
    );
    let again = answered(&bench, "/api/v1/events", None, &sample(DEPLOY)).await;
    assert!(again.contains("\"duplicates\":1"), "{again}");
    let bad = answered(&bench, "/api/v1/events", None, "{}").await;
    assert!(
        bad.starts_with("400 ") && bad.contains("\"errors\":[\"title is required\"]"),
        "{bad}"
    );
}

#[tokio::test]
async fn an_api_key_proves_its_sender() {
    let sender = |form: &str| Sender {
        secrets: Secret::new(*b"dd-key").into_iter().collect(),
        ..Sender::unnamed(form)
    };
    let bench = Bench::with_senders(vec![sender("datadog"), sender("datadog-v2")]);
    for (path, name) in [("/api/v1/events", DEPLOY), ("/api/v2/events", ALERT)] {
        let body = sample(name);
        assert!(
            answered(&bench, path, Some("dd-key"), &body)
                .await
                .starts_with("202")
        );
        for key in [None, Some("wrong")] {
            let refused = answered(&bench, path, key, &body).await;
            assert!(
                refused.starts_with("401") && refused.contains("\"errors\":["),
                "{refused}"
            );
        }
    }
    assert_eq!(bench.events().len(), 2);
}

#[test]
fn no_input_makes_it_fall_over() {
    nothing_makes_it_fall_over(&V1, &sample(DEPLOY));
    nothing_makes_it_fall_over(&V2, &sample(CHANGE));
    nothing_makes_it_fall_over(&V2, &sample(ALERT));
}
