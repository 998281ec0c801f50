//! Status codes, encodings, limits and back-pressure, as the OTLP specification has them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;

use super::*;

const PROTOBUF: &str = "application/x-protobuf";

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn small() -> Bench {
    let mut config = config();
    config.requests.body_bytes = 4096;
    config.requests.bodies_in_flight_bytes = 8192;
    Bench::with(config)
}

#[tokio::test]
async fn an_answer_speaks_the_encoding_of_its_request() {
    let bench = Bench::new();
    let bad = request("0 web server").encode_to_vec();
    let (status, answer) = bench.post("/v1/traces", PROTOBUF, bad).await;
    let answer = ExportTraceServiceResponse::decode(answer.as_slice()).unwrap();
    let partial = answer.partial_success.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(partial.rejected_spans, 1);
    assert_eq!(
        partial.error_message,
        "1 spans have a missing or malformed id"
    );

    let json = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}"#;
    let (status, answer) = bench
        .post("/v1/traces", "application/json", json.into())
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        String::from_utf8(answer).unwrap(),
        r#"{"partialSuccess":{"errorMessage":"1 spans have a missing or malformed id","rejectedSpans":"1"}}"#
    );
}

#[tokio::test]
async fn what_is_not_otlp_is_refused_with_a_status_message() {
    let bench = Bench::new();
    let (status, answer) = bench
        .post("/v1/traces", "application/json", "{]".into())
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["code"], 3);

    let (status, answer) = bench.post("/v1/traces", PROTOBUF, vec![0x0a, 9, 1]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer[..2], [0x08, 3]);

    let (status, _) = bench.post("/v1/traces", "text/plain", Vec::new()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(bench.otlp.counters().requests_refused_invalid, 3);
}

#[tokio::test]
async fn the_size_limit_holds_after_decompression() {
    let bench = small();
    let (status, _) = bench.post("/v1/traces", PROTOBUF, vec![0; 5000]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);

    let bomb = packed(&vec![0; 100_000_000]);
    assert!(bomb.len() < 200_000);
    let bomb = packed(&bomb[..]).len().min(4096);
    let bomb_body = packed(&vec![0_u8; bomb * 1000]);
    let request = HttpRequest::post("/v1/traces")
        .header("content-type", PROTOBUF)
        .header("content-encoding", "gzip")
        .body(Body::from(bomb_body))
        .unwrap();
    let (status, _) = bench.send(request).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn unknown_compressions_and_damaged_ones_are_refused() {
    let bench = Bench::new();
    for (encoding, expected) in [
        ("zstd", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("gzip", StatusCode::BAD_REQUEST),
    ] {
        let request = HttpRequest::post("/v1/traces")
            .header("content-type", PROTOBUF)
            .header("content-encoding", encoding)
            .body(Body::from("not packed"))
            .unwrap();
        assert_eq!(bench.send(request).await.0, expected);
    }
}

#[tokio::test]
async fn a_full_house_asks_the_sender_to_come_again() {
    let bench = Bench::with(OtlpConfig {
        pending_events_max: 0,
        ..config()
    });
    let body = request("1 web server").encode_to_vec();
    let request = HttpRequest::post("/v1/traces")
        .header("content-type", PROTOBUF)
        .body(Body::from(body))
        .unwrap();
    let response = bench.otlp.http_routes().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(bench.otlp.counters().requests_refused_busy, 1);
}

#[tokio::test]
async fn a_get_is_not_an_export() {
    let bench = Bench::new();
    let request = HttpRequest::get("/v1/traces").body(Body::empty()).unwrap();
    assert_eq!(bench.send(request).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

/// Speaks gRPC as the wire has it: one framed message, and the status in the trailers.
async fn grpc(bench: &Bench, method: &str, message: &[u8], gzip: bool) -> (i32, Vec<u8>, String) {
    let message = if gzip {
        packed(message)
    } else {
        message.to_vec()
    };
    let encoding = if gzip { "gzip" } else { "identity" };
    send_frame(bench, method, (u8::from(gzip), &message), encoding).await
}

/// Sends one frame, its flag as given, under the name of an encoding.
async fn send_frame(
    bench: &Bench,
    method: &str,
    (flag, message): (u8, &[u8]),
    encoding: &str,
) -> (i32, Vec<u8>, String) {
    let mut frame = vec![flag];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    let request = HttpRequest::post(method)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-encoding", encoding);
    let routes = bench.otlp.grpc_routes().into_axum_router();
    let response = routes
        .oneshot(request.body(Body::from(frame)).unwrap())
        .await
        .unwrap();
    let headers = response.headers().clone();
    let collected = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap();
    let trailers = collected.trailers().cloned().unwrap_or(headers);
    let status = trailers["grpc-status"].to_str().unwrap().parse().unwrap();
    let details = trailers.get("grpc-status-details-bin");
    let details = details.map_or(String::new(), |value| value.to_str().unwrap().to_owned());
    let body = collected.to_bytes();
    (status, body.get(5..).unwrap_or_default().to_vec(), details)
}

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

#[tokio::test]
async fn grpc_takes_plain_and_packed_messages() {
    let bench = Bench::new();
    let one = request("1 web client peer.service=a").encode_to_vec();
    let two = request("2 web client peer.service=b").encode_to_vec();
    assert_eq!(
        grpc(&bench, TRACES, &one, false).await,
        (0, Vec::new(), String::new())
    );
    assert_eq!(grpc(&bench, TRACES, &two, true).await.0, 0);
    bench.otlp.flush().await.unwrap();
    assert_eq!(bench.told().lines().count(), 2);
}

#[tokio::test]
async fn grpc_believes_the_flag_of_a_message_and_not_the_header_alone() {
    let bench = Bench::new();
    let plain = request("1 web client peer.service=a").encode_to_vec();
    let packed = packed(&plain);
    let sent = |flag, message: Vec<u8>, encoding: &'static str| {
        let bench = &bench;
        async move {
            send_frame(bench, TRACES, (flag, &message), encoding)
                .await
                .0
        }
    };
    assert_eq!(sent(0, plain.clone(), "gzip").await, 0);
    assert_eq!(sent(1, packed.clone(), "GZIP").await, 0);
    assert_eq!(
        sent(1, packed[..9].to_vec(), "gzip").await,
        3,
        "it breaks off"
    );
    assert_ne!(sent(1, packed, "identity").await, 0);
    assert_eq!(sent(1, plain, "zstd").await, 12);
}

#[tokio::test]
async fn grpc_says_what_is_wrong_and_when_to_come_again() {
    assert_eq!(grpc(&Bench::new(), TRACES, &[0x0a, 9, 1], false).await.0, 3);
    let unknown = "/opentelemetry.proto.collector.trace.v1.TraceService/Import";
    assert_eq!(grpc(&Bench::new(), unknown, &[], false).await.0, 12);
    assert_eq!(grpc(&small(), TRACES, &[0; 5000], false).await.0, 11);
    assert_eq!(grpc(&small(), TRACES, &[0; 50_000], true).await.0, 8);
    let full = Bench::with(OtlpConfig {
        pending_events_max: 0,
        ..config()
    });
    let (status, _, details) = grpc(&full, TRACES, &[], false).await;
    assert_eq!(status, 14);
    assert!(!details.is_empty(), "the details carry RetryInfo");
}

#[tokio::test]
async fn a_log_that_takes_nothing_stops_spans_too() {
    let bench = Bench::new();
    let logs = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    assert_eq!(grpc(&bench, logs, &[], false).await.0, 0);
    assert_eq!(bench.otlp.counters().log_requests, 1);
}
