//! Spans of Zipkin and of Jaeger, as their documentation has them.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::mutate;
use crate::otlp::decode::{jaeger, zipkin};

const ZIPKIN: &[u8] = include_bytes!("../../../testdata/zipkin/spans.from-specification.json");
const JAEGER: &[u8] = include_bytes!("../../../testdata/jaeger/traces.from-specification.json");

/// What a body at an address is answered, and what the log holds then.
async fn posted(path: &str, body: &[u8]) -> String {
    let bench = Bench::new();
    let (status, answer) = bench.post(path, "application/json", body.to_vec()).await;
    bench.otlp.flush().await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    format!("{} {answer}\n{}", status.as_u16(), bench.told())
}

#[tokio::test]
async fn zipkins_spans_show_the_same_calls_as_ours() {
    let text = posted("/api/v2/spans", ZIPKIN).await;
    assert!(!text.contains("secret"), "{text}");
    insta::assert_snapshot!(text, @r#"
    202 {"position":null,"accepted":7,"duplicates":0,"quarantined":0,"rejected":[{"index":0,"field":"spans","reason":"1 spans have a missing or malformed id; 1 spans have no start time, or one out of range"}]}
    service:cart queries database:cart-db x1 OneSided
    service:cart publishes_to queue:orders x1 OneSided
    service:mail consumes_from queue:orders x1 OneSided
    service:web invokes interface:cart POST %2Fcart x1 !1 Paired
    service:web calls service:cart x1 !1 Paired
    interface:cart POST %2Fcart part_of service:cart
    interface:web GET %2Fcheckout part_of service:web
    "#);
}

#[tokio::test]
async fn jaegers_traces_show_the_same_calls_as_ours() {
    let text = posted("/ingest/jaeger", JAEGER).await;
    assert_eq!(posted("/api/traces", JAEGER).await, text);
    insta::assert_snapshot!(text, @r#"
    200 {"position":null,"accepted":6,"duplicates":0,"quarantined":0,"rejected":[{"index":0,"field":"spans","reason":"1 spans have a missing or malformed id"}]}
    service:mail consumes_from queue:prod/orders x1 Paired
    service:web calls service:prod/cart x1 !1 Paired
    service:prod/cart queries database:prod/carts@db-1 x1 OneSided
    service:prod/cart publishes_to queue:prod/orders x1 OneSided
    interface:web GET %2Fcheckout part_of service:web
    service:web runs_on host:vm-1
    "#);
}

#[tokio::test]
async fn what_is_not_of_its_address_is_refused_with_the_reason() {
    let bench = Bench::new();
    for (path, media, body, status) in [
        ("/api/v2/spans", "application/x-protobuf", "", 415),
        ("/api/v2/spans", "application/json", "{}", 400),
        (
            "/api/v2/spans",
            "application/json",
            r#"[{"traceId": "zz"}]"#,
            400,
        ),
        ("/api/v2/spans", "application/json", "[]", 202),
        (
            "/api/traces",
            "application/vnd.apache.thrift.binary",
            "",
            415,
        ),
        ("/ingest/jaeger", "application/json", r#"{"spans": 7}"#, 400),
        (
            "/ingest/jaeger",
            "application/json",
            r#"{"data": null}"#,
            200,
        ),
    ] {
        let (found, answer) = bench.post(path, media, body.into()).await;
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(found.as_u16(), status, "{path} {body} {answer}");
        assert!(answer.contains("rejected"), "{answer}");
    }
    let full = Bench::with(OtlpConfig {
        pending_events_max: 0,
        ..config()
    });
    let (status, _) = full
        .post("/api/v2/spans", "application/json", "[]".into())
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let large = Bench::with(OtlpConfig {
        requests: IntakeLimits {
            body_bytes: 1000,
            ..config().requests
        },
        ..config()
    });
    let (status, _) = large
        .post("/api/v2/spans", "application/json", ZIPKIN.to_vec())
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

proptest! {
    #[test]
    fn no_json_ends_the_process(
        value in mutate::any_json(),
        steps in proptest::collection::vec(any::<u8>(), 0..6),
    ) {
        for seed in [ZIPKIN, JAEGER] {
            let mut whole: Value = serde_json::from_slice(seed).unwrap();
            mutate::put(&mut whole, &steps, value.clone());
            let body = serde_json::to_vec(&whole).unwrap();
            if let Ok(parsed) = zipkin::parse(&body) {
                let _spans = parsed.spans();
            }
            if let Ok(parsed) = jaeger::parse(&body) {
                let _spans = parsed.spans();
            }
        }
    }
}
