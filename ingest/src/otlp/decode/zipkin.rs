//! Spans as Zipkin's clients send them, version 2 in JSON, to our own.
//!
//! The endpoint on the other side becomes a peer by its name or address; tags are read by the same names
//! as attributes, and a few by the names that Zipkin's instrumentations have.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::foreign::{hex_id, hex_trace, scalar};
use super::json::values::{List, Text, WholeNumber};
use crate::otlp::attributes::{AttributeValue, PeerFacts, PeerKey, ResourceFacts, ResourceKey};
use crate::otlp::span::{RawSpan, Spans};

/// A parsed list of spans; [`ZipkinSpans::spans`] borrows from it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct ZipkinSpans<'a>(#[serde(borrow)] List<ZipkinSpan<'a>>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinSpan<'a> {
    #[serde(borrow, default)]
    trace_id: Text<'a>,
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    parent_id: Text<'a>,
    #[serde(borrow, default)]
    kind: Text<'a>,
    #[serde(default)]
    timestamp: WholeNumber,
    #[serde(default)]
    duration: WholeNumber,
    #[serde(borrow, default)]
    local_endpoint: Option<Endpoint<'a>>,
    #[serde(borrow, default)]
    remote_endpoint: Option<Endpoint<'a>>,
    #[serde(default)]
    tags: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint<'a> {
    #[serde(borrow, default)]
    service_name: Text<'a>,
    #[serde(borrow, default)]
    ipv4: Text<'a>,
    #[serde(borrow, default)]
    ipv6: Text<'a>,
    #[serde(default)]
    port: WholeNumber,
}

/// Parses a list of spans.
pub(crate) fn parse(body: &[u8]) -> Result<ZipkinSpans<'_>, serde_json::Error> {
    serde_json::from_slice(body)
}

impl ZipkinSpans<'_> {
    /// The spans.
    pub(crate) fn spans(&self) -> Spans<'_> {
        let mut spans = Spans::default();
        for span in &self.0.0 {
            let facts = span.sender();
            let resource = match spans.resources.last() {
                // Those of one service mostly come together.
                Some(last) if *last == facts => spans.resources.len() - 1,
                _ => {
                    spans.resources.push(facts);
                    spans.resources.len() - 1
                }
            };
            span.add_to(&mut spans, resource as u32);
        }
        spans
    }
}

impl ZipkinSpan<'_> {
    fn sender(&self) -> ResourceFacts<'_> {
        let mut facts = ResourceFacts::default();
        if let Some(local) = &self.local_endpoint {
            let name = AttributeValue::Text(&local.service_name);
            facts.set(ResourceKey::ServiceName, name);
        }
        for (name, value) in self.tags.iter().flatten() {
            if let Some(key) = ResourceKey::of(name.as_bytes()) {
                facts.set(key, scalar(value));
            }
        }
        facts
    }

    fn add_to<'b>(&'b self, spans: &mut Spans<'b>, resource: u32) {
        let (trace, id) = (hex_trace(&self.trace_id), hex_id(&self.id));
        let parent = hex_id(&self.parent_id);
        let started_at = self.timestamp.0.saturating_mul(1_000);
        let raw = RawSpan {
            trace_id: trace.as_slice(),
            span_id: id.as_slice(),
            parent_span_id: parent.as_slice(),
            kind: match &*self.kind {
                "SERVER" => 2,
                "CLIENT" => 3,
                "PRODUCER" => 4,
                "CONSUMER" => 5,
                // Work inside a service has no kind.
                _ => 1,
            },
            started_at,
            ended_at: started_at.saturating_add(self.duration.0.saturating_mul(1_000)),
            status: match self.failed() {
                true => 2,
                false => 0,
            },
            ..RawSpan::default()
        };
        match raw.check(resource) {
            Err(fault) => spans.reject(fault),
            Ok(span) => {
                let has_facts = span.kind.has_facts();
                spans.add(span, has_facts.then(|| self.peer()));
            }
        }
    }

    fn failed(&self) -> bool {
        let error = self.tags.as_ref().and_then(|tags| tags.get("error"));
        error.is_some_and(|error| *error != Value::Bool(false) && *error != "false")
    }

    fn peer(&self) -> PeerFacts<'_> {
        let mut peer = PeerFacts::default();
        for (name, value) in self.tags.iter().flatten() {
            if let Some(key) = PeerKey::of(name.as_bytes()).or_else(|| own_tag(name)) {
                peer.set(key, scalar(value));
            }
            if name == "sql.query" {
                let system = AttributeValue::Text("other_sql");
                peer.set(PeerKey::DatabaseSystem(1), system);
            }
        }
        if let Some(remote) = &self.remote_endpoint {
            // What a tag says of the other side says more than its socket.
            peer.set(
                PeerKey::PeerName(1),
                AttributeValue::Text(&remote.service_name),
            );
            let ip = match remote.ipv4.is_empty() {
                true => &remote.ipv6,
                false => &remote.ipv4,
            };
            peer.set(PeerKey::Address(1), AttributeValue::Text(ip));
            let port = i64::try_from(remote.port.0).unwrap_or(0);
            peer.set(PeerKey::Port(1), AttributeValue::Number(port));
        }
        peer
    }
}

/// The names that Zipkin's instrumentations have for what others call otherwise.
fn own_tag(name: &str) -> Option<PeerKey> {
    match name {
        "kafka.topic" | "rabbit.queue" | "jms.queue" | "jms.topic" => Some(PeerKey::Destination(1)),
        _ => None,
    }
}
