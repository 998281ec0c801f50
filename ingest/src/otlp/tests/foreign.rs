//! Spans of Zipkin and of Jaeger, as their documentation has them.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::mutate;
use crate::otlp::decode::{jaeger, jaeger_thrift, zipkin};

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

/// The same spans as Jaeger's clients send them, a batch of each process.
const JAEGER_THRIFT: [&[u8]; 4] = [
    include_bytes!("../../../testdata/jaeger_thrift/web.from-specification.thrift"),
    include_bytes!("../../../testdata/jaeger_thrift/cart.from-specification.thrift"),
    include_bytes!("../../../testdata/jaeger_thrift/mail.from-specification.thrift"),
    include_bytes!("../../../testdata/jaeger_thrift/nobody.from-specification.thrift"),
];

#[tokio::test]
async fn batches_of_jaegers_clients_show_the_same_calls_as_its_api() {
    let bench = Bench::new();
    let mut answers = Vec::new();
    for batch in JAEGER_THRIFT {
        let media = "application/vnd.apache.thrift.binary";
        let (status, answer) = bench.post("/api/traces", media, batch.to_vec()).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answers.push((status.as_u16(), answer["accepted"].as_u64().unwrap()));
    }
    assert_eq!(answers, [(202, 2), (202, 3), (202, 1), (400, 0)]);
    bench.otlp.flush().await.unwrap();
    let by_the_api = posted("/api/traces", JAEGER).await;
    let (_, by_the_api) = by_the_api.split_once('\n').unwrap();
    assert_eq!(bench.told(), by_the_api);
}

#[test]
fn a_batch_is_read_whole_or_refused_with_the_reason() {
    let refused = |body: &[u8]| jaeger_thrift::decode(body).unwrap_err().to_string();
    let [web, ..] = JAEGER_THRIFT;
    for end in 0..web.len() {
        assert_eq!(refused(&web[..end]), "it ends too early", "{end}");
    }
    assert_eq!(
        refused(&[web, &[0]].concat()),
        "something follows the batch"
    );
    assert_eq!(refused(&[0]), "the batch has no process");
    assert_eq!(refused(&[7, 0, 9]), "there is no type 7");
    assert_eq!(
        refused(&[8, 0, 1, 0, 0, 0, 0]),
        "process has another type than it must"
    );
    let deep = [12, 0, 9].repeat(40);
    assert_eq!(refused(&deep), "values nest too deep");
    let endless = [15, 0, 9, 2, 0x7f, 0xff, 0xff, 0xff];
    assert_eq!(refused(&endless), "it ends too early");
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
            400,
        ),
        ("/api/traces", "application/x-thrift", "\0", 400),
        ("/api/traces", "application/x-protobuf", "", 415),
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
