//! An OTLP trace request in JSON: ids in hex of either case, numbers as numbers
//! or texts, `null` wherever nothing is meant, unknown fields ignored.

use serde::Deserialize;

use crate::otlp::attributes::{PeerFacts, PeerKey, ResourceFacts, ResourceKey};
use crate::otlp::span::{RawSpan, Spans};

mod any;
pub(crate) mod values;

pub(crate) use any::AnyValue;
use values::{Bytes16, EnumNumber, List, Text, WholeNumber};

/// A parsed `ExportTraceServiceRequest`; [`JsonTraces::spans`] borrows from it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsonTraces<'a> {
    #[serde(borrow, default)]
    resource_spans: List<ResourceSpans<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    #[serde(borrow, default)]
    resource: Option<Resource<'a>>,
    #[serde(borrow, default)]
    scope_spans: List<ScopeSpans<'a>>,
}

/// Attributes of a resource.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Resource<'a> {
    #[serde(borrow, default)]
    pub(crate) attributes: List<KeyValue<'a>>,
}

#[derive(Debug, Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow, default)]
    scope: Option<Scope<'a>>,
    #[serde(borrow, default)]
    spans: List<JsonSpan<'a>>,
}

#[derive(Debug, Deserialize)]
struct Scope<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonSpan<'a> {
    #[serde(default)]
    trace_id: Bytes16,
    #[serde(default)]
    span_id: Bytes16,
    #[serde(default)]
    parent_span_id: Bytes16,
    #[serde(borrow, default)]
    trace_state: Text<'a>,
    #[serde(default)]
    flags: WholeNumber,
    #[serde(default)]
    kind: EnumNumber,
    #[serde(default)]
    start_time_unix_nano: WholeNumber,
    #[serde(default)]
    end_time_unix_nano: WholeNumber,
    #[serde(borrow, default)]
    attributes: List<KeyValue<'a>>,
    #[serde(default)]
    links: List<Link>,
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    #[serde(default)]
    trace_id: Bytes16,
    #[serde(default)]
    span_id: Bytes16,
}

#[derive(Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    code: EnumNumber,
}

/// A named value.
#[derive(Debug, Deserialize)]
pub(crate) struct KeyValue<'a> {
    #[serde(borrow, default)]
    pub(crate) key: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) value: AnyValue<'a>,
}

/// Parses a trace request.
pub(crate) fn parse_traces(body: &[u8]) -> Result<JsonTraces<'_>, serde_json::Error> {
    serde_json::from_slice(body)
}

impl JsonTraces<'_> {
    /// The spans of the request.
    pub(crate) fn spans(&self) -> Spans<'_> {
        let mut spans = Spans::default();
        for of_resource in &self.resource_spans.0 {
            let resource = spans.resources.len() as u32;
            let facts = of_resource.resource.as_ref().map(Resource::facts);
            let mut facts = facts.unwrap_or_default();
            for scope in of_resource.scope_spans.0.iter().flat_map(|it| &it.scope) {
                facts.scope(&scope.name);
            }
            spans.resources.push(facts);
            for of_scope in &of_resource.scope_spans.0 {
                for span in &of_scope.spans.0 {
                    span.add_to(&mut spans, resource);
                }
            }
        }
        spans
    }
}

impl Resource<'_> {
    fn facts(&self) -> ResourceFacts<'_> {
        let mut facts = ResourceFacts::default();
        for attribute in &self.attributes.0 {
            if let Some(key) = ResourceKey::of(attribute.key.as_bytes()) {
                facts.set(key, attribute.value.as_attribute());
            }
        }
        facts
    }
}

impl JsonSpan<'_> {
    fn add_to<'b>(&'b self, spans: &mut Spans<'b>, resource: u32) {
        let raw = RawSpan {
            trace_id: self.trace_id.as_slice(),
            span_id: self.span_id.as_slice(),
            parent_span_id: self.parent_span_id.as_slice(),
            trace_state: &self.trace_state,
            flags: self.flags.as_u32(),
            kind: self.kind.0,
            started_at: self.start_time_unix_nano.0,
            ended_at: self.end_time_unix_nano.0,
            status: self.status.as_ref().map_or(0, |status| status.code.0),
        };
        match raw.check(resource) {
            Err(fault) => spans.reject(fault),
            Ok(span) => {
                let has_facts = span.kind.has_facts() && !self.attributes.0.is_empty();
                let may_take_messages = span.kind.may_take_messages();
                spans.add(span, has_facts.then(|| self.peer()));
                if may_take_messages {
                    for (count, link) in self.links.0.iter().enumerate() {
                        spans.link(
                            count as u32,
                            link.trace_id.as_slice(),
                            link.span_id.as_slice(),
                        );
                    }
                }
            }
        }
    }

    fn peer(&self) -> PeerFacts<'_> {
        let mut peer = PeerFacts::default();
        for attribute in &self.attributes.0 {
            if let Some(key) = PeerKey::of(attribute.key.as_bytes()) {
                peer.set(key, attribute.value.as_attribute());
            }
        }
        peer
    }
}
