//! Traces as Jaeger's page and API give them, in JSON, to our own spans.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::foreign::{hex_id, hex_trace, scalar};
use super::json::values::{List, WholeNumber};
use crate::otlp::attributes::{AttributeValue, PeerFacts, PeerKey, ResourceFacts, ResourceKey};
use crate::otlp::span::{RawSpan, Spans};

/// Parsed traces; [`JaegerTraces::spans`] borrows from them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum JaegerTraces {
    /// An answer of the API, or what the page saves.
    Answer {
        /// The traces.
        data: List<Trace>,
    },
    /// One trace alone.
    One(Trace),
    /// Traces without what an answer has around them.
    Several(List<Trace>),
}

#[derive(Debug, Deserialize)]
pub(crate) struct Trace {
    spans: List<JaegerSpan>,
    #[serde(default)]
    processes: BTreeMap<String, Process>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Process {
    service_name: String,
    tags: List<Tag>,
}

#[derive(Debug, Deserialize)]
struct Tag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JaegerSpan {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    #[serde(rename = "parentSpanID")]
    parent_span_id: String,
    references: List<Reference>,
    start_time: WholeNumber,
    duration: WholeNumber,
    tags: List<Tag>,
    #[serde(rename = "processID")]
    process_id: String,
    process: Option<Process>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    ref_type: String,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

/// The kind of a span as OTLP numbers it, by what its tag says.
pub(super) fn kind_of(text: &str) -> i32 {
    match text {
        "internal" => 1,
        "server" => 2,
        "client" => 3,
        "producer" => 4,
        "consumer" => 5,
        _ => 0,
    }
}

/// Parses traces.
pub(crate) fn parse(body: &[u8]) -> Result<JaegerTraces, serde_json::Error> {
    serde_json::from_slice(body)
}

impl JaegerTraces {
    /// The spans.
    pub(crate) fn spans(&self) -> Spans<'_> {
        let mut spans = Spans::default();
        match self {
            Self::Answer { data } | Self::Several(data) => {
                for trace in &data.0 {
                    trace.add_to(&mut spans);
                }
            }
            Self::One(trace) => trace.add_to(&mut spans),
        }
        spans
    }
}

impl Trace {
    fn add_to<'b>(&'b self, spans: &mut Spans<'b>) {
        let mut senders: BTreeMap<&str, u32> = BTreeMap::new();
        for (name, process) in &self.processes {
            senders.insert(name, spans.resources.len() as u32);
            spans.resources.push(process.facts());
        }
        for span in &self.spans.0 {
            let resource = match (senders.get(span.process_id.as_str()), &span.process) {
                (Some(known), _) => *known,
                (None, stated) => {
                    let facts = stated.as_ref().map(Process::facts);
                    spans.resources.push(facts.unwrap_or_default());
                    (spans.resources.len() - 1) as u32
                }
            };
            span.add_to(spans, resource);
        }
    }
}

impl Process {
    fn facts(&self) -> ResourceFacts<'_> {
        let mut facts = ResourceFacts::default();
        for tag in &self.tags.0 {
            if let Some(key) = ResourceKey::of(tag.key.as_bytes()) {
                facts.set(key, scalar(&tag.value));
            }
        }
        let hostname = self.tags.0.iter().find(|tag| tag.key == "hostname");
        if let Some(hostname) = hostname {
            facts.set(ResourceKey::HostName, scalar(&hostname.value));
        }
        let name = AttributeValue::Text(&self.service_name);
        facts.set(ResourceKey::ServiceName, name);
        facts
    }
}

impl JaegerSpan {
    fn add_to<'b>(&'b self, spans: &mut Spans<'b>, resource: u32) {
        let (trace, id) = (hex_trace(&self.trace_id), hex_id(&self.span_id));
        let cause = self.cause();
        let parent = hex_id(cause.map_or(&self.parent_span_id, |cause| &cause.span_id));
        let tag = |name: &str| self.tags.0.iter().find(|tag| tag.key == name);
        let text = |name: &str| tag(name).and_then(|tag| tag.value.as_str()).unwrap_or("");
        let started_at = self.start_time.0.saturating_mul(1_000);
        let is_error = tag("error").is_some_and(|tag| tag.value == true || tag.value == "true");
        let failed = is_error || text("otel.status_code") == "ERROR";
        let raw = RawSpan {
            trace_id: trace.as_slice(),
            span_id: id.as_slice(),
            parent_span_id: parent.as_slice(),
            trace_state: text("w3c.tracestate"),
            kind: kind_of(text("span.kind")),
            started_at,
            ended_at: started_at.saturating_add(self.duration.0.saturating_mul(1_000)),
            status: if failed { 2 } else { 0 },
            ..RawSpan::default()
        };
        match raw.check(resource) {
            Err(fault) => spans.reject(fault),
            Ok(span) => {
                let (has_facts, takes) = (span.kind.has_facts(), span.kind.may_take_messages());
                spans.add(span, has_facts.then(|| self.peer()));
                if takes {
                    self.link(cause, spans);
                }
            }
        }
    }

    /// The span that caused it: what it is a child of, else what it follows, in its own trace.
    fn cause(&self) -> Option<&Reference> {
        let mine = |it: &&Reference| hex_trace(&it.trace_id) == hex_trace(&self.trace_id);
        let of = |kind: &str| {
            let mut references = self.references.0.iter().filter(mine);
            references.find(|it| it.ref_type == kind)
        };
        of("CHILD_OF").or_else(|| of("FOLLOWS_FROM"))
    }

    fn link(&self, cause: Option<&Reference>, spans: &mut Spans<'_>) {
        let others = self.references.0.iter();
        let others = others.filter(|it| !cause.is_some_and(|cause| std::ptr::eq(cause, *it)));
        for (count, other) in others.enumerate() {
            let (trace, id) = (hex_trace(&other.trace_id), hex_id(&other.span_id));
            spans.link(count as u32, trace.as_slice(), id.as_slice());
        }
    }

    fn peer(&self) -> PeerFacts<'_> {
        let mut peer = PeerFacts::default();
        for tag in &self.tags.0 {
            if let Some(key) = PeerKey::of(tag.key.as_bytes()) {
                peer.set(key, scalar(&tag.value));
            }
        }
        peer
    }
}
