//! What notifications of Grafana become, and how they are proved.

use axum::body::Body;
use axum::http::Request;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;
use crate::intake::tests::Bench;
use crate::trial::{assert_golden, nothing_makes_it_fall_over, sample, told};
use crate::{Secret, Sender};

const FIRING: &str = "grafana/firing.from-specification.json";

#[test]
fn every_alert_is_an_incident() {
    assert_golden("grafana/grafana.golden.txt", &[(&ADDRESS, FIRING)]);
}

#[test]
fn the_form_of_the_alerts_before_version_9_is_kept_aside() {
    let told = told(
        &ADDRESS,
        r#"{"ruleName":"x","state":"alerting","evalMatches":[]}"#,
    );
    assert!(
        told.starts_with("unknown: there is no list of alerts"),
        "{told}"
    );
}

#[tokio::test]
async fn a_signature_or_a_token_proves_a_notification() {
    let bench = Bench::with_senders(vec![Sender {
        secrets: Secret::new(*b"s3cret").into_iter().collect(),
        ..Sender::unnamed("grafana")
    }]);
    let body = sample(FIRING);
    let mut keyed = Hmac::<Sha256>::new_from_slice(b"s3cret").unwrap();
    keyed.update(body.as_bytes());
    let signed: String = keyed
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    const SIGNATURE: &str = "X-Grafana-Alerting-Signature";
    for (name, value, status) in [
        (SIGNATURE, signed.as_str(), 200),
        (SIGNATURE, "00", 401),
        ("Authorization", "Bearer s3cret", 200),
        ("Authorization", "Bearer wrong", 401),
        ("X-Nothing", "", 401),
    ] {
        let request = Request::post("/ingest/grafana")
            .header("content-type", "application/json")
            .header(name, value);
        let (found, answer) = bench
            .ask(request.body(Body::from(body.clone())).unwrap())
            .await;
        assert_eq!(found.as_u16(), status, "{name} {answer}");
    }
}

#[test]
fn no_input_makes_it_fall_over() {
    nothing_makes_it_fall_over(&ADDRESS, &sample(FIRING));
}
