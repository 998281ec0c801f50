//! OTLP protobuf bytes to paired calls on one core, against prost decoding the same bytes in the same run.
//!
//! The spans: trips through forty services, each trip eleven spans with some
//! ten attributes, exported by service in batches of 512, as SDKs do.
//!
//! With the addresses of a running server (`127.0.0.1:4318 127.0.0.1:4317`) as its arguments it sends such spans
//! on every path instead, others on each, from four connections.

#![expect(
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark makes its own input and prints its result"
)]

mod paths;

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::{Random, Row, median};
use ingest::{IntakeLimits, OtlpConfig, SpansToCalls, count_spans};
use model::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

const SERVICES: usize = 40;
const TRIPS: usize = 24_000;
const BATCH: usize = 512;
const REPETITIONS: usize = 7;
const NOON_NANOS: i64 = 1_795_176_000_000_000_000;

fn main() {
    let mut addresses = std::env::args().skip(1);
    if let Some(http) = addresses.next() {
        return paths::end_to_end(&http, addresses.next().as_deref());
    }
    let batches: Vec<Vec<u8>> = batches(11).iter().map(Message::encode_to_vec).collect();
    let bytes: usize = batches.iter().map(Vec::len).sum();
    let spans: usize = batches.iter().map(|batch| decode(batch)).sum();
    let mut whole = SpansToCalls::new(&config(), now());
    let (mut paired, mut read, mut prost) = (Vec::new(), Vec::new(), Vec::new());
    let mut calls = 0;
    for _ in 0..=REPETITIONS {
        paired.push(rate(spans, || {
            for batch in &batches {
                whole.take(batch, now()).expect("the batches are OTLP");
            }
            calls = calls.max(whole.finish(now()).len());
        }));
        read.push(rate(spans, || {
            for batch in &batches {
                black_box(count_spans(batch).expect("the batches are OTLP"));
            }
        }));
        prost.push(rate(spans, || {
            for batch in &batches {
                black_box(decode(batch));
            }
        }));
    }
    // The first round fills caches and tables.
    let steady = |figures: &mut Vec<f64>| median(figures.get_mut(1..).unwrap_or_default());
    let (paired, read, prost) = (steady(&mut paired), steady(&mut read), steady(&mut prost));
    println!(
        "{} spans, {} bytes each, {} batches, {calls} relations",
        spans,
        bytes / spans,
        batches.len()
    );
    Row::new("spans, bytes to paired calls, M/s on one core", paired)
        .against("prost, decode only", prost)
        .against("times prost", paired / prost)
        .print();
    Row::new("spans, decode of the needed fields, M/s on one core", read)
        .against("prost, decode only", prost)
        .print();
}

/// Spans a second, in millions.
fn rate(spans: usize, work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    spans as f64 / begun.elapsed().as_secs_f64() / 1e6
}

fn decode(batch: &[u8]) -> usize {
    let request = ExportTraceServiceRequest::decode(batch).expect("the batches are OTLP");
    let scopes = request.resource_spans.iter().flat_map(|it| &it.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

fn now() -> Timestamp {
    Timestamp::from_unix_nanos(NOON_NANOS)
}

fn config() -> OtlpConfig {
    let second = Duration::from_secs(1);
    OtlpConfig {
        requests: IntakeLimits {
            body_bytes: 16 << 20,
            bodies_in_flight_bytes: 64 << 20,
            body_timeout: 10 * second,
        },
        decoding_at_once: 2,
        window: 60 * second,
        grace: 30 * second,
        pairing: 30 * second,
        summary: 900 * second,
        memory: 86_400 * second,
        open_spans_max: 1_000_000,
        open_windows_max: 8,
        relations_max: 100_000,
        items_max: 100_000,
        interfaces_per_service: 20,
        pending_events_max: 100_000,
        cursor: None,
    }
}

/// The spans of all trips, by service, cut into batches. Another seed gives other spans.
fn batches(seed: u64) -> Vec<ExportTraceServiceRequest> {
    let mut random = Random::new(seed);
    let mut of_services: Vec<Vec<Span>> = vec![Vec::new(); SERVICES];
    for trip in 0..TRIPS {
        take_trip(trip, &mut random, &mut of_services);
    }
    let mut batches = Vec::new();
    for (service, spans) in of_services.iter().enumerate() {
        for batch in spans.chunks(BATCH) {
            batches.push(request(service, batch.to_vec()));
        }
    }
    // Exporters of different services take turns.
    for place in (1..batches.len()).rev() {
        batches.swap(place, random.below(place + 1));
    }
    batches
}

/// A call through three services: each serves, works, asks a cache, and calls the next.
fn take_trip(trip: usize, random: &mut Random, of_services: &mut [Vec<Span>]) {
    let high = u128::from(random.below(usize::MAX) as u64);
    let trace = (high << 64 | u128::from(random.below(usize::MAX) as u64)).to_be_bytes();
    let mut cause = 0;
    for hop in 0..3 {
        let service = (trip * 7 + hop * 11 + random.below(3)) % SERVICES;
        let mut id = || random.below(usize::MAX) as u64 | 1;
        let (server, inner, cache, client) = (id(), id(), id(), id());
        let Some(spans) = of_services.get_mut(service) else {
            continue;
        };
        spans.push(span(&trace, server, cause, 2, &SERVER));
        spans.push(span(&trace, inner, server, 1, &INTERNAL));
        spans.push(span(&trace, cache, inner, 3, &CACHE));
        if hop < 2 {
            spans.push(span(&trace, client, inner, 3, &CLIENT));
        }
        cause = client;
    }
}

const SERVER: [(&str, &str); 9] = [
    ("http.request.method", "GET"),
    ("url.path", "/api/v1/orders/4711/items"),
    ("url.scheme", "http"),
    ("http.route", "/api/v1/orders/{id}/items"),
    ("server.address", "orders.shop.svc.cluster.local"),
    ("client.address", "10.42.3.17"),
    ("user_agent.original", "okhttp/4.12.0"),
    ("network.protocol.version", "1.1"),
    ("http.response.status_code", "200"),
];
const INTERNAL: [(&str, &str); 3] = [
    ("code.function.name", "shop.orders.OrderService.list"),
    ("thread.name", "worker-17"),
    ("app.customer.tier", "gold"),
];
const CACHE: [(&str, &str); 6] = [
    ("db.system.name", "redis"),
    ("db.operation.name", "GET"),
    ("db.query.text", "GET order:?"),
    ("server.address", "redis-orders"),
    ("server.port", "6379"),
    ("db.namespace", "0"),
];
const CLIENT: [(&str, &str); 7] = [
    ("http.request.method", "GET"),
    (
        "url.full",
        "http://stock.shop.svc.cluster.local:8080/api/v1/stock/4711",
    ),
    ("server.address", "stock.shop.svc.cluster.local"),
    ("server.port", "8080"),
    ("network.protocol.version", "1.1"),
    ("http.response.status_code", "200"),
    ("http.request.resend_count", "0"),
];

fn span(trace: &[u8], id: u64, cause: u64, kind: i32, attributes: &[(&str, &str)]) -> Span {
    let started_at = (NOON_NANOS as u64) + (id % 60_000_000_000);
    Span {
        trace_id: trace.to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: match cause {
            0 => Vec::new(),
            cause => cause.to_be_bytes().to_vec(),
        },
        flags: 0x101 | if kind == 2 { 0x200 } else { 0 },
        name: "GET /api/v1/orders/{id}/items".to_owned(),
        kind,
        start_time_unix_nano: started_at,
        end_time_unix_nano: started_at + 1_000_000 + id % 50_000_000,
        attributes: attributes
            .iter()
            .map(|(name, value)| attribute(name, value))
            .collect(),
        status: Some(Status::default()),
        ..Span::default()
    }
}

fn attribute(name: &str, value: &str) -> KeyValue {
    let value = match value.parse() {
        Ok(number) => Value::IntValue(number),
        Err(_) => Value::StringValue(value.to_owned()),
    };
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn request(service: usize, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let name = format!("service-{service}");
    let pod = format!("service-{service}-6f6cfc45b-h5m2n");
    let resource = [
        ("service.name", name.as_str()),
        ("service.version", "1.17.2"),
        ("deployment.environment.name", "prod"),
        ("k8s.pod.name", pod.as_str()),
        ("k8s.node.name", "node-7"),
        ("telemetry.sdk.language", "java"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.version", "1.45.0"),
    ];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: resource
                    .iter()
                    .map(|(name, value)| attribute(name, value))
                    .collect(),
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "io.opentelemetry.spring-webmvc-6.0".to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}
