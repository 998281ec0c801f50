//! The way of spans without transport, log and threads: bytes in, calls out.
//! For measuring and for tools that read files.

use model::{Event, ObservedCall, Timestamp};
use thiserror::Error;

use super::OtlpConfig;
use super::answer::Signal;
use super::decode::protobuf;
use super::span::Spans;
use super::state::State;
use super::wire::{Fields, WireError};

/// The bytes are not an OTLP trace request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the bytes are not an OTLP trace request")]
pub struct NotOtlp {
    source: WireError,
}

/// Pairs spans into calls.
#[derive(Debug)]
pub struct SpansToCalls {
    state: State,
    spare: Spans<'static>,
}

impl SpansToCalls {
    /// Nothing seen yet.
    pub fn new(config: &OtlpConfig, started_at: Timestamp) -> Self {
        Self {
            state: State::new(config, started_at),
            spare: Spans::default(),
        }
    }

    /// Takes the spans of an `ExportTraceServiceRequest` in protobuf, and tells how many there are.
    pub fn take(&mut self, body: &[u8], now: Timestamp) -> Result<usize, NotOtlp> {
        let spare = std::mem::take(&mut self.spare);
        let spans = protobuf::decode_traces_into(spare, body);
        let spans = spans.map_err(|source| NotOtlp { source })?;
        self.state.take(&spans, now);
        let count = spans.spans.len();
        self.spare = spans.emptied();
        Ok(count)
    }

    /// Concludes all pairing, and yields the calls that the log would hear of.
    pub fn finish(&mut self, now: Timestamp) -> Vec<ObservedCall> {
        self.state.close_all(now);
        let events = self.state.waiting(usize::MAX);
        self.state.written(events.len());
        let mut calls = Vec::new();
        for event in events {
            if let Event::CallsObserved(observed) = event.event {
                calls.extend(observed.calls);
            }
        }
        calls
    }
}

/// Decodes a request and lets go of it, for measuring the decoder alone.
pub fn count_spans(body: &[u8]) -> Result<usize, NotOtlp> {
    let spans = protobuf::decode_traces(body).map_err(|source| NotOtlp { source })?;
    Ok(spans.spans.len())
}

/// What a protobuf message of OTLP holds, as far as its first record tells; an empty one does not.
pub(crate) fn signal_of(message: &[u8]) -> Option<Signal> {
    let of_resource = first(message, 1)?;
    let of_scope = first(of_resource, 2)?;
    let record = first(of_scope, 2)?;
    let mut fields = Fields::of(record);
    let (mut trace, mut span) = (false, false);
    while let Ok(Some(field)) = fields.next() {
        let length = field.bytes().map_or(0, <[u8]>::len);
        match field.number {
            1 | 11 if field.fixed64().is_ok() => return Some(Signal::Logs),
            1 => trace = length == 16,
            2 => span = length == 8,
            _ => {}
        }
    }
    (trace && span).then_some(Signal::Traces)
}

/// The first message in a field that lies there.
fn first(message: &[u8], number: u32) -> Option<&[u8]> {
    let mut fields = Fields::of(message);
    while let Ok(Some(field)) = fields.next() {
        if field.number == number {
            return field.bytes().ok();
        }
    }
    None
}
