//! What rows of `change_request` become.

use axum::body::Body;
use axum::http::Request;

use super::*;
use crate::intake::tests::Bench;
use crate::trial::{assert_golden, nothing_makes_it_fall_over, sample, told};
use crate::{Secret, Sender};

const RULE: &str = "servicenow/rule.from-specification.json";
const TABLE: &str = "servicenow/table-api.from-specification.json";
const EXPORT: &str = "servicenow/export.from-specification.json";

#[test]
fn every_row_becomes_what_it_says() {
    assert_golden(
        "servicenow/servicenow.golden.txt",
        &[RULE, TABLE, EXPORT].map(|name| (&ADDRESS, name)),
    );
}

#[test]
fn a_bad_row_does_not_hide_a_good_one() {
    let rows = r#"[{"sys_class_name":"change_request"},{"number":"CHG1"},7,{"number":"CHG2","work_start":"soon"}]"#;
    let told = told(&ADDRESS, rows);
    assert!(told.contains("rejected: number is required\n"), "{told}");
    assert!(told.contains("sourceId: \"CHG1\"\n"), "{told}");
    assert!(
        told.contains("rejected: work_start is not a time"),
        "{told}"
    );
    assert!(
        told.contains("unknown: it is no row of change_request"),
        "{told}"
    );
}

#[tokio::test]
async fn a_token_or_a_password_proves_the_instance() {
    let bench = Bench::with_senders(vec![Sender {
        secrets: Secret::new(*b"s3cret").into_iter().collect(),
        ..Sender::unnamed("servicenow")
    }]);
    for (token, status) in [
        ("Bearer s3cret", 200),
        ("Basic c25vdzpzM2NyZXQ=", 200),
        ("Bearer wrong", 401),
    ] {
        let request = Request::post("/ingest/servicenow")
            .header("content-type", "application/json")
            .header("authorization", token);
        let (found, answer) = bench
            .ask(request.body(Body::from(sample(RULE))).unwrap())
            .await;
        assert_eq!(found.as_u16(), status, "{answer}");
    }
    // The change, and the two items it names.
    assert_eq!(bench.events().len(), 3);
}

#[test]
fn no_input_makes_it_fall_over() {
    for name in [RULE, TABLE, EXPORT] {
        nothing_makes_it_fall_over(&ADDRESS, &sample(name));
    }
}
