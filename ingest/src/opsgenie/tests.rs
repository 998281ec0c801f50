//! What the webhooks of Opsgenie become.

use axum::body::Body;
use axum::http::Request;

use super::*;
use crate::intake::tests::Bench;
use crate::trial::{assert_golden, nothing_makes_it_fall_over, sample, told};
use crate::{Secret, Sender};

const CREATE: &str = "opsgenie/create.from-specification.json";

#[test]
fn an_alert_is_an_incident_from_its_creation_to_its_close() {
    assert_golden(
        "opsgenie/opsgenie.golden.txt",
        &[
            (&ADDRESS, CREATE),
            (&ADDRESS, "opsgenie/acknowledge.from-specification.json"),
            (&ADDRESS, "opsgenie/addnote.from-specification.json"),
            (&ADDRESS, "opsgenie/close.from-specification.json"),
        ],
    );
}

#[test]
fn what_is_no_action_on_an_alert_is_kept_aside_or_named() {
    assert!(told(&ADDRESS, "[]").starts_with("unknown: there is no action"));
    assert_eq!(
        told(&ADDRESS, r#"{"action":"Close","alert":{}}"#),
        "rejected: alert.alertId is required\n"
    );
}

#[tokio::test]
async fn a_token_proves_a_webhook() {
    let bench = Bench::with_senders(vec![Sender {
        secrets: Secret::new(*b"s3cret").into_iter().collect(),
        ..Sender::unnamed("opsgenie")
    }]);
    for (token, status) in [("Bearer s3cret", 200), ("Bearer wrong", 401)] {
        let request = Request::post("/ingest/opsgenie")
            .header("content-type", "application/json")
            .header("authorization", token);
        let (found, answer) = bench
            .ask(request.body(Body::from(sample(CREATE))).unwrap())
            .await;
        assert_eq!(found.as_u16(), status, "{answer}");
    }
}

#[test]
fn no_input_makes_it_fall_over() {
    nothing_makes_it_fall_over(&ADDRESS, &sample(CREATE));
}
