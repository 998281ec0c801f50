//! The reader in place against prost: both see the same spans in any request.

use opentelemetry_proto::tonic::common::v1::{ArrayValue, InstrumentationScope};
use opentelemetry_proto::tonic::trace::v1::span::Event as SpanEvent;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::otlp::attributes::{AttributeValue, PeerFacts, PeerKey, ResourceFacts, ResourceKey};
use crate::otlp::decode::{json, protobuf};
use crate::otlp::span::{RawSpan, Spans};

/// The slow and obvious way: everything is decoded, then looked at.
fn with_prost(request: &ExportTraceServiceRequest) -> Spans<'_> {
    let mut spans = Spans::default();
    for of_resource in &request.resource_spans {
        let mut facts = ResourceFacts::default();
        for attribute in of_resource.resource.iter().flat_map(|it| &it.attributes) {
            if let Some(key) = ResourceKey::of(attribute.key.as_bytes()) {
                facts.set(key, value(attribute));
            }
        }
        for scope in of_resource.scope_spans.iter().flat_map(|it| &it.scope) {
            facts.scope(&scope.name);
        }
        let resource = spans.resources.len() as u32;
        spans.resources.push(facts);
        for span in of_resource
            .scope_spans
            .iter()
            .flat_map(|scope| &scope.spans)
        {
            add(span, resource, &mut spans);
        }
    }
    spans
}

fn add<'a>(span: &'a Span, resource: u32, spans: &mut Spans<'a>) {
    let raw = RawSpan {
        trace_id: &span.trace_id,
        span_id: &span.span_id,
        parent_span_id: &span.parent_span_id,
        trace_state: &span.trace_state,
        flags: span.flags,
        kind: span.kind,
        started_at: span.start_time_unix_nano,
        ended_at: span.end_time_unix_nano,
        status: span.status.as_ref().map_or(0, |status| status.code),
    };
    match raw.check(resource) {
        Err(fault) => spans.reject(fault),
        Ok(checked) => {
            let has_facts = checked.kind.has_facts() && !span.attributes.is_empty();
            let takes_messages = checked.kind.may_take_messages();
            spans.add(checked, has_facts.then(|| peer(span)));
            let links = span.links.iter().filter(|_| takes_messages);
            for (count, link) in links.enumerate() {
                spans.link(count as u32, &link.trace_id, &link.span_id);
            }
        }
    }
}

fn peer(span: &Span) -> PeerFacts<'_> {
    let mut peer = PeerFacts::default();
    for attribute in &span.attributes {
        if let Some(key) = PeerKey::of(attribute.key.as_bytes()) {
            peer.set(key, value(attribute));
        }
    }
    peer
}

fn value(attribute: &KeyValue) -> AttributeValue<'_> {
    match attribute
        .value
        .as_ref()
        .and_then(|value| value.value.as_ref())
    {
        Some(ProtoValue::StringValue(text)) => AttributeValue::Text(text),
        Some(ProtoValue::BoolValue(flag)) => AttributeValue::Flag(*flag),
        Some(ProtoValue::IntValue(number)) => AttributeValue::Number(*number),
        _ => AttributeValue::Other,
    }
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let scalar = prop_oneof![
        "[a-zé/:.]{0,12}".prop_map(ProtoValue::StringValue),
        "(proxy|router~a|outbound\\|80\\|\\|x)".prop_map(ProtoValue::StringValue),
        any::<bool>().prop_map(ProtoValue::BoolValue),
        any::<i64>().prop_map(ProtoValue::IntValue),
        any::<f64>().prop_map(ProtoValue::DoubleValue),
        vec(any::<u8>(), 0..5).prop_map(ProtoValue::BytesValue),
        Just(ProtoValue::ArrayValue(ArrayValue {
            values: vec![AnyValue::default()]
        })),
    ];
    option::weighted(0.9, scalar).prop_map(|value| AnyValue { value })
}

fn key_value() -> impl Strategy<Value = KeyValue> {
    let name = prop_oneof![
        Just("service.name"),
        Just("service.namespace"),
        Just("deployment.environment"),
        Just("deployment.environment.name"),
        Just("k8s.pod.name"),
        Just("k8s.deployment.name"),
        Just("server.address"),
        Just("server.port"),
        Just("net.peer.name"),
        Just("db.system"),
        Just("db.namespace"),
        Just("messaging.destination.name"),
        Just("messaging.destination.temporary"),
        Just("url.full"),
        Just("something.else"),
        Just("component"),
        Just("node_id"),
        Just("istio.canonical_service"),
        Just("http.route"),
        Just("aws.sqs.queue.url"),
        Just("upstream_cluster"),
    ];
    (name, option::weighted(0.95, any_value())).prop_map(|(name, value)| KeyValue {
        key: name.to_owned(),
        value,
        ..KeyValue::default()
    })
}

fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), length),
        1 => vec(any::<u8>(), 0..20),
        1 => Just(vec![0; length]),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (id(16), id(8), prop_oneof![Just(Vec::new()), id(8)]);
    let times = (any::<u64>(), 0..2_000_000_000_u64);
    let rest = (
        vec(key_value(), 0..6),
        0..7_i32,
        any::<u32>(),
        0..4_i32,
        "(ot=(th:[0-9a-f]{1,3}|p:[0-9]{1,2}))?",
        vec((id(16), id(8)), 0..3),
    );
    (ids, times, rest).prop_map(|(ids, times, rest)| {
        let (start, length) = times;
        let (attributes, kind, flags, code, trace_state, links) = rest;
        let links = links.into_iter().map(|(trace_id, span_id)| Link {
            trace_id,
            span_id,
            ..Link::default()
        });
        Span {
            trace_id: ids.0,
            span_id: ids.1,
            parent_span_id: ids.2,
            trace_state,
            flags,
            name: "GET /é".to_owned(),
            kind,
            start_time_unix_nano: start >> 1,
            end_time_unix_nano: (start >> 1).saturating_add(length),
            attributes: attributes.clone(),
            events: vec![SpanEvent {
                attributes,
                ..SpanEvent::default()
            }],
            links: links.collect(),
            status: (code != 3).then(|| Status {
                code,
                message: "m".to_owned(),
            }),
            ..Span::default()
        }
    })
}

fn any_request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope =
        (vec(span(), 0..4), option::of("(nginx|other)")).prop_map(|(spans, name)| ScopeSpans {
            spans,
            scope: name.map(|name| InstrumentationScope {
                name,
                ..InstrumentationScope::default()
            }),
            schema_url: "x".to_owned(),
        });
    let resource = option::of(vec(key_value(), 0..6).prop_map(|attributes| Resource {
        attributes,
        ..Resource::default()
    }));
    let resource_spans =
        (resource, vec(scope, 0..3)).prop_map(|(resource, scope_spans)| ResourceSpans {
            resource,
            scope_spans,
            ..ResourceSpans::default()
        });
    vec(resource_spans, 0..4)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

/// The request as OTLP's JSON, with numbers now as texts, now as numbers.
fn as_json(request: &ExportTraceServiceRequest) -> Vec<u8> {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<String>()
    };
    let any = |value: &Option<AnyValue>| match value.as_ref().and_then(|it| it.value.as_ref()) {
        Some(ProtoValue::StringValue(text)) => serde_json::json!({"stringValue": text}),
        Some(ProtoValue::BoolValue(flag)) => serde_json::json!({"boolValue": flag}),
        Some(ProtoValue::IntValue(number)) => serde_json::json!({"intValue": number.to_string()}),
        Some(ProtoValue::DoubleValue(_)) => serde_json::json!({"doubleValue": "NaN"}),
        Some(_) => serde_json::json!({"arrayValue": {"values": null}}),
        None => serde_json::json!(null),
    };
    let attributes = |list: &[KeyValue]| -> serde_json::Value {
        list.iter()
            .map(|it| serde_json::json!({"key": it.key, "value": any(&it.value)}))
            .collect()
    };
    let span = |span: &Span| {
        serde_json::json!({
            "traceId": hex(&span.trace_id),
            "spanId": hex(&span.span_id),
            "parentSpanId": hex(&span.parent_span_id),
            "traceState": span.trace_state,
            "flags": span.flags,
            "kind": span.kind,
            "startTimeUnixNano": span.start_time_unix_nano.to_string(),
            "endTimeUnixNano": span.end_time_unix_nano,
            "attributes": attributes(&span.attributes),
            "links": span.links.iter().map(|link| serde_json::json!({
                "traceId": hex(&link.trace_id),
                "spanId": hex(&link.span_id),
            })).collect::<Vec<_>>(),
            "status": span.status.as_ref().map(|status| serde_json::json!({"code": status.code})),
            "unknownField": {"a": [1]},
        })
    };
    let resource_spans: Vec<_> = request
        .resource_spans
        .iter()
        .map(|it| {
            let scopes: Vec<_> = it
                .scope_spans
                .iter()
                .map(|scope| serde_json::json!({
                    "scope": scope.scope.as_ref().map(|it| serde_json::json!({"name": it.name})),
                    "spans": scope.spans.iter().map(span).collect::<Vec<_>>(),
                }))
                .collect();
            let resource = it
                .resource
                .as_ref()
                .map(|it| serde_json::json!({"attributes": attributes(&it.attributes)}));
            serde_json::json!({"resource": resource, "scopeSpans": scopes})
        })
        .collect();
    serde_json::to_vec(&serde_json::json!({"resourceSpans": resource_spans})).unwrap()
}

proptest! {
    #[test]
    fn the_reader_in_place_sees_what_prost_sees(request in any_request()) {
        let bytes = request.encode_to_vec();
        let decoded = protobuf::decode_traces(&bytes).unwrap();
        prop_assert_eq!(decoded, with_prost(&request));
    }

    #[test]
    fn json_says_the_same_as_protobuf(request in any_request()) {
        let body = as_json(&request);
        let parsed = json::parse_traces(&body).unwrap();
        prop_assert_eq!(parsed.spans(), with_prost(&request));
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_but_never_end_the_process(
        request in any_request(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = request.encode_to_vec();
        if !bytes.is_empty() {
            let place = at.index(bytes.len());
            bytes[place] = byte;
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        let decoded = protobuf::decode_traces(&bytes);
        if let Ok(request) = ExportTraceServiceRequest::decode(bytes.as_slice()) {
            // Fields that nobody asks for are not looked into, so the reader takes a little more than prost, never less.
            prop_assert_eq!(decoded.unwrap(), with_prost(&request));
        }
    }
}
