//! OpenTelemetry as a sender and a reader of the log meet it: requests in, events out.

mod derivation;
mod entities;
mod foreign;
mod measuring;
mod oracle;
mod samples;
mod service_graphs;
mod silence;
mod streams;
mod topology;
mod transport;
mod volume;
mod windows;
mod yardstick;

use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::{Request as HttpRequest, StatusCode};
use model::{Event, EventEnvelope, LogPosition, ObservedCall};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use store::{EventLog, MemoryLog, ReadLimit};
use tower::ServiceExt;

use super::*;
use crate::RecorderLimits;

/// A clock that stands until it is moved.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// 2026-11-20T12:00:00Z, where test spans start.
const NOON_MS: i64 = 1_795_176_000_000;

fn config() -> OtlpConfig {
    OtlpConfig {
        requests: IntakeLimits {
            body_bytes: 1024 * 1024,
            bodies_in_flight_bytes: 8 * 1024 * 1024,
            body_timeout: Duration::from_secs(10),
        },
        decoding_at_once: 2,
        window: Duration::from_secs(60),
        grace: Duration::from_secs(20),
        pairing: Duration::from_secs(10),
        summary: Duration::from_secs(900),
        memory: Duration::from_secs(86_400),
        open_spans_max: 100_000,
        open_windows_max: 16,
        relations_max: 10_000,
        items_max: 10_000,
        interfaces_per_service: 3,
        pending_events_max: 10_000,
        cursor: None,
    }
}

/// OpenTelemetry on a log in memory.
struct Bench {
    otlp: Arc<Otlp>,
    log: Arc<MemoryLog>,
    clock: Arc<HandClock>,
}

impl Bench {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: OtlpConfig) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(NOON_MS)));
        let log = Arc::new(MemoryLog::new(clock.clone()));
        let limits = RecorderLimits {
            events_in_flight: 10_000,
            bytes_in_flight: 64 * 1024 * 1024,
        };
        let recorder = Recorder::new(log.clone(), limits);
        Self {
            otlp: Otlp::new(recorder, clock.clone(), config),
            log,
            clock,
        }
    }

    /// Lets time pass and closes what is due then.
    async fn pass(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
        self.otlp.close_due_now().await;
    }

    /// Sends a body, and tells status and answer.
    async fn post(&self, path: &str, media: &str, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
        let request = HttpRequest::post(path)
            .header("content-type", media)
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    async fn send(&self, request: HttpRequest<Body>) -> (StatusCode, Vec<u8>) {
        let response = self.otlp.http_routes().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
        (status, body.to_vec())
    }

    /// Sends test spans, all in one request.
    async fn spans(&self, text: &str) {
        let body = request(text).encode_to_vec();
        let (status, answer) = self
            .post("/v1/traces", "application/x-protobuf", body)
            .await;
        assert_eq!((status, answer), (StatusCode::OK, Vec::new()));
    }

    fn events(&self) -> Vec<EventEnvelope> {
        let limit = ReadLimit {
            events: 100_000,
            bytes: usize::MAX,
        };
        self.log.read(LogPosition::ZERO, limit).unwrap()
    }

    /// All that the log holds, one fact a line.
    fn told(&self) -> String {
        let events = self.events();
        let lines: Vec<String> = events
            .iter()
            .flat_map(|event| lines(&event.event))
            .collect();
        lines.join("\n")
    }
}

fn lines(event: &Event) -> Vec<String> {
    match event {
        Event::CallsObserved(observed) => observed.calls.iter().map(call_line).collect(),
        Event::RelationObserved(it) => {
            vec![format!("{} {} {}", it.dependent, it.kind, it.provider)]
        }
        Event::ItemObserved(item) => {
            let listed = item.relations.iter().flat_map(|listed| &listed.relations);
            let listed = listed.map(|it| format!("{} {} {}", it.dependent, it.kind, it.provider));
            let mut lines = vec![format!("{} is", item.key)];
            lines.extend(listed);
            lines
        }
        Event::ItemRetired(item) => vec![format!("{} is gone", item.key)],
        Event::RelationDeviated(it) => vec![format!(
            "{} -> {} {} {:.2} was {:.2}",
            it.dependent,
            it.provider,
            it.deviation.metric,
            it.deviation.value,
            it.deviation.baseline
        )],
        Event::ItemDeviated(it) => vec![format!(
            "{} {} {:.2} was {:.2}",
            it.key, it.deviation.metric, it.deviation.value, it.deviation.baseline
        )],
        Event::ObservationGap(gap) => {
            let until = gap.window.until().unwrap();
            vec![format!("nothing from {} to {until}", gap.window.from())]
        }
        other => vec![format!("{}", other.tag().0)],
    }
}

fn call_line(call: &ObservedCall) -> String {
    let failed = match call.errors {
        0 => String::new(),
        errors => format!(" !{errors}"),
    };
    format!(
        "{} {} {} x{}{failed} {:?}",
        call.dependent, call.kind, call.provider, call.calls, call.evidence
    )
}

/// Test spans, one a line: `ID[<CAUSE] SERVICE KIND [@START_MS] [+LENGTH_MS] [!] [#TRACE] [~TRACE.ID]... [%TRACE_STATE]
/// [NAME=VALUE]...`, with resource attributes in brackets after the service, `web[k8s.pod.name=w-1]`. `~` is a link.
fn request(text: &str) -> ExportTraceServiceRequest {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    ExportTraceServiceRequest {
        resource_spans: lines.map(resource_spans).collect(),
    }
}

fn resource_spans(line: &str) -> ResourceSpans {
    let mut words = line.split_whitespace();
    let (id, cause) = match words.next().unwrap().split_once('<') {
        Some((id, cause)) => (id.parse().unwrap(), cause.parse().unwrap()),
        None => (words_id(line), 0_u64),
    };
    let service = words.next().unwrap().trim_end_matches(']');
    let (service, extra) = service.split_once('[').unwrap_or((service, ""));
    let mut resource = vec![attribute("service.name", service)];
    for pair in extra.split(',').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        resource.push(attribute(name, value));
    }
    let span = span(id, cause, words);
    ResourceSpans {
        resource: Some(Resource {
            attributes: resource,
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans: vec![span],
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

fn span<'a>(id: u64, cause: u64, mut words: impl Iterator<Item = &'a str>) -> Span {
    let kinds = [
        "unspecified",
        "internal",
        "server",
        "client",
        "producer",
        "consumer",
    ];
    let kind = words.next().unwrap();
    let kind = kinds.iter().position(|name| *name == kind).unwrap();
    let (mut start, mut length) = (0, 10);
    let mut span = Span {
        trace_id: 1_u128.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: match cause {
            0 => Vec::new(),
            cause => cause.to_be_bytes().to_vec(),
        },
        kind: kind as i32,
        ..Span::default()
    };
    for word in words {
        if let Some(millis) = word.strip_prefix('@') {
            start = millis.parse().unwrap();
        } else if let Some(millis) = word.strip_prefix('+') {
            length = millis.parse().unwrap();
        } else if let Some(number) = word.strip_prefix('#') {
            span.trace_id = number.parse::<u128>().unwrap().to_be_bytes().to_vec();
        } else if let Some(other) = word.strip_prefix('~') {
            span.links.push(link(other));
        } else if let Some(state) = word.strip_prefix('%') {
            state.clone_into(&mut span.trace_state);
        } else if word == "!" {
            span.status = Some(Status {
                code: 2,
                message: String::new(),
            });
        } else {
            let (name, value) = word.split_once('=').unwrap();
            span.attributes.push(attribute(name, value));
        }
    }
    span.start_time_unix_nano = ((NOON_MS + start) * 1_000_000) as u64;
    span.end_time_unix_nano = span.start_time_unix_nano + length * 1_000_000;
    span
}

fn link(other: &str) -> Link {
    let (trace, id) = other.split_once('.').unwrap();
    Link {
        trace_id: trace.parse::<u128>().unwrap().to_be_bytes().to_vec(),
        span_id: id.parse::<u64>().unwrap().to_be_bytes().to_vec(),
        ..Link::default()
    }
}

fn words_id(line: &str) -> u64 {
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(ProtoValue::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}
