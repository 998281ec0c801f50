//! What the calls of AlterShield's open API become, and what its clients hear.

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

use super::*;
use crate::intake::tests::Bench;
use crate::trial::{assert_golden, nothing_makes_it_fall_over, sample, told};
use crate::{Secret, Sender};

const EVENT: &str = "altershield/g0.event.from-specification.json";
const ORDER: &str = "altershield/g2.order.start.from-specification.json";
const BATCH: &str = "altershield/g2.batch.start.from-specification.json";
const BATCH_END: &str = "altershield/g2.batch.finish.from-specification.json";
const ORDER_END: &str = "altershield/g2.order.finish.from-specification.json";

#[test]
fn every_call_becomes_what_it_says() {
    let names = [
        EVENT,
        "altershield/g1.start.from-specification.json",
        "altershield/g1.finish.from-specification.json",
        ORDER,
        BATCH,
        BATCH_END,
        ORDER_END,
        "altershield/heartbeat.from-specification.json",
    ];
    assert_golden(
        "altershield/altershield.golden.txt",
        &names.map(|name| (&ADDRESS, name)),
    );
}

#[tokio::test]
async fn the_answer_to_a_batch_names_the_node_that_ends_it() {
    let bench = Bench::with_senders(Vec::new());
    let mut nodes = Vec::new();
    for (call, name) in [
        ("submitChangeExecOrderStartNotify", ORDER),
        ("submitChangeExecBatchStartNotify", BATCH),
        ("submitChangeFinishNotify", BATCH_END),
        ("finishChangeExecOrderAction", ORDER_END),
    ] {
        let request = Request::post(format!("/openapi/v1/exe/{call}"))
            .header("content-type", "application/json");
        let (status, answer) = bench
            .ask(request.body(Body::from(sample(name))).unwrap())
            .await;
        assert_eq!(
            (status.as_u16(), &answer["success"]),
            (200, &Value::Bool(true)),
            "{answer}"
        );
        nodes.push(answer["domain"]["nodeExecId"].as_str().unwrap().to_owned());
    }
    assert_eq!(nodes, ["REL-9", "REL-9#3000", "REL-9#3000", "REL-9"]);
    assert!(sample(BATCH_END).contains(&nodes[1]));
}

#[tokio::test]
async fn a_token_proves_the_platform() {
    let bench = Bench::with_senders(vec![Sender {
        secrets: Secret::new(*b"s3cret").into_iter().collect(),
        ..Sender::unnamed("altershield")
    }]);
    for (token, status) in [("Bearer s3cret", 200), ("Bearer wrong", 401)] {
        let request = Request::post("/ingest/altershield")
            .header("content-type", "application/json")
            .header("authorization", token);
        let (found, answer) = bench
            .ask(request.body(Body::from(sample(EVENT))).unwrap())
            .await;
        assert_eq!(found.as_u16(), status, "{answer}");
        assert_eq!(answer["success"], Value::Bool(status == 200));
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let batch = sample(BATCH).replace("\"batchNo\":0", "\"batchNo\":-1");
    assert_eq!(
        told(&ADDRESS, &batch),
        "rejected: batchNo is no number of a batch from 0 to 999\n"
    );
    let end = sample(ORDER_END).replace("ROLLBACK", "purple");
    assert_eq!(
        told(&ADDRESS, &end),
        "rejected: finishState is not one of success, normal, rollback, cancel, fail\n"
    );
    assert!(told(&ADDRESS, r#"{"changeTitle":"x"}"#).starts_with("unknown: it names no order"));
}

#[test]
fn no_input_makes_it_fall_over() {
    for name in [EVENT, ORDER, BATCH, BATCH_END, ORDER_END] {
        nothing_makes_it_fall_over(&ADDRESS, &sample(name));
    }
}
