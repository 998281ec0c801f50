//! Bodies captured from real senders, and the examples of OTLP itself.

use super::*;

async fn sent(path: &str, media: &str, body: &[u8], gzip: bool) -> String {
    let bench = Bench::new();
    let mut request = HttpRequest::post(path).header("content-type", media);
    if gzip {
        request = request.header("content-encoding", "gzip");
    }
    let (status, answer) = bench
        .send(request.body(Body::from(body.to_vec())).unwrap())
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(answer.is_empty() || answer == b"{}", "{answer:?}");
    bench.otlp.flush().await.unwrap();
    bench.told()
}

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/otlp/", $name))
    };
}

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

#[tokio::test]
async fn the_javascript_exporters_are_understood_in_both_encodings() {
    let json = sample!("js-exporter-0.223.1.traces.json");
    assert_eq!(
        sent("/v1/traces", JSON, json, false).await,
        "service:cart-json calls endpoint:checkout x1 Inferred"
    );
    let protobuf = sample!("js-exporter-0.223.1.traces.pb");
    assert_eq!(
        sent("/v1/traces", PROTOBUF, protobuf, false).await,
        "service:cart-proto calls endpoint:checkout x1 Inferred"
    );
}

#[tokio::test]
async fn the_python_exporter_is_understood_plain_and_packed() {
    let plain = sent(
        "/v1/traces",
        PROTOBUF,
        sample!("python-sdk-1.45.1.traces.pb"),
        false,
    )
    .await;
    let packed = sent(
        "/v1/traces",
        PROTOBUF,
        sample!("python-sdk-1.45.1.traces.pb.gz"),
        true,
    )
    .await;
    assert_eq!(plain, packed);
    assert_eq!(
        plain,
        "service:prod/checkout queries database:prod/orders@db1 x1 OneSided"
    );
}

#[tokio::test]
async fn the_examples_of_otlp_are_taken() {
    assert_eq!(
        sent("/v1/traces", JSON, sample!("trace.json"), false).await,
        ""
    );
    assert_eq!(
        sent("/v1/logs", JSON, sample!("logs.json"), false).await,
        ""
    );
}
