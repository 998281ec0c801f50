//! The way of spans without transport, log and threads: bytes in, calls out.
//! For measuring and for tools that read files.

use model::{Event, ObservedCall, Timestamp};
use thiserror::Error;

use super::OtlpConfig;
use super::decode::protobuf;
use super::state::State;
use super::wire::WireError;

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
}

impl SpansToCalls {
    /// Nothing seen yet.
    pub fn new(config: &OtlpConfig, started_at: Timestamp) -> Self {
        Self {
            state: State::new(config, started_at),
        }
    }

    /// Takes the spans of an `ExportTraceServiceRequest` in protobuf, and tells how many there are.
    pub fn take(&mut self, body: &[u8], now: Timestamp) -> Result<usize, NotOtlp> {
        let spans = protobuf::decode_traces(body).map_err(|source| NotOtlp { source })?;
        self.state.take(&spans, now);
        Ok(spans.spans.len())
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
