//! OpenTelemetry in: spans become calls between services and what they lean on,
//! entity events become items and relations.
//!
//! Spans are not events. They are paired, summed up in windows, and a closed
//! window says to the log what is new, materially different, or due again. An
//! export of spans is answered once they are in the sums; an export of entity
//! events once the log has synced. What a name means is decided elsewhere.
//!
//! ```ignore
//! let otlp = Otlp::new(recorder, clock, config);      // Arc<Otlp>
//! let http: axum::Router = otlp.http_routes();        // merge into :8080 and :4318
//! let grpc: tonic::service::Routes = otlp.grpc_routes();
//! tokio::spawn(otlp.clone().run(shutdown));           // closes windows until `shutdown` resolves, then flushes
//! let counters: OtlpCounters = otlp.counters();       // for /metrics and coverage
//! otlp.flush().await?;                                // closes and writes everything now
//! ```

mod aggregate;
mod answer;
mod attributes;
mod baseline;
mod calls;
mod counters;
mod cursor;
pub(crate) mod decode;
mod entities;
mod flow;
mod grpc;
mod http;
mod inside;
mod interfaces;
mod items;
mod measuring;
mod offline;
mod pairing;
mod peers;
mod places;
mod report;
mod span;
mod state;
mod warm;
mod windows;
mod wire;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::{Clock, Timestamp};
use store::{LogHealth, Rollups};
use tokio::sync::Semaphore;

use crate::decoded::Malformed;
use crate::intake::answer::Refusal;
use crate::intake::body::{self, Admitted};
use crate::room::Room;
use crate::{IntakeLimits, Recorder};
pub(crate) use answer::Signal as OtlpSignal;
use answer::{Encoding, Signal, Taken};
use counters::Counters;
pub use counters::OtlpCounters;
pub use grpc::come_again;
pub(crate) use offline::signal_of;
pub use offline::{NotOtlp, SpansToCalls, count_spans};
use span::Spans;
use state::State;
pub use write::FlushError;

/// How spans are paired and summed up, and every bound on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpConfig {
    /// Bounds of one request and of all requests held at once.
    pub requests: IntakeLimits,
    /// Requests decoded at the same time.
    pub decoding_at_once: usize,
    /// Length of a window.
    pub window: Duration,
    /// How long a window stays open after its end.
    pub grace: Duration,
    /// How long a span waits for the other side of its call.
    pub pairing: Duration,
    /// How long until an unchanged relation is said again.
    pub summary: Duration,
    /// How long what is no longer seen is remembered.
    pub memory: Duration,
    /// Most spans that wait for their other side.
    pub open_spans_max: usize,
    /// Most windows open at once.
    pub open_windows_max: usize,
    /// Most relations in one window.
    pub relations_max: usize,
    /// Most items, senders and named peers in use (each).
    pub items_max: usize,
    /// Most interfaces of one service; further ones are one called `other`, and with 0 there are none.
    pub interfaces_per_service: usize,
    /// Most events that wait for the log; beyond, spans are refused.
    pub pending_events_max: usize,
    /// The file that remembers how far windows are written; without it no gap is told at start.
    pub cursor: Option<PathBuf>,
}

/// Takes OpenTelemetry in.
pub struct Otlp {
    recorder: Recorder,
    clock: Arc<dyn Clock>,
    config: OtlpConfig,
    bodies: Room,
    decoding: Arc<Semaphore>,
    state: Mutex<State>,
    spare: Mutex<Vec<Spans<'static>>>,
    writing: tokio::sync::Mutex<()>,
    counters: Counters,
    rollups: Option<Arc<Rollups>>,
}

impl Otlp {
    /// Begins with nothing seen. `recorder` takes the events of closed windows.
    pub fn new(recorder: Recorder, clock: Arc<dyn Clock>, config: OtlpConfig) -> Arc<Self> {
        Arc::new(Self::made(recorder, clock, config))
    }

    /// The same; what closed windows show is measured besides.
    pub fn measured(
        recorder: Recorder,
        clock: Arc<dyn Clock>,
        config: OtlpConfig,
        rollups: Arc<Rollups>,
    ) -> Arc<Self> {
        let made = Self::made(recorder, clock, config);
        let state = made.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner).measured();
        Arc::new(Self {
            state: Mutex::new(state),
            rollups: Some(rollups),
            ..made
        })
    }

    fn made(recorder: Recorder, clock: Arc<dyn Clock>, config: OtlpConfig) -> Self {
        let started_at = clock.now();
        Self {
            bodies: Room::new(config.requests.bodies_in_flight_bytes),
            decoding: Arc::new(Semaphore::new(config.decoding_at_once.max(1))),
            state: Mutex::new(State::new(&config, started_at)),
            spare: Mutex::default(),
            writing: tokio::sync::Mutex::new(()),
            counters: Counters::default(),
            rollups: None,
            recorder,
            clock,
            config,
        }
    }

    /// `/v1/traces` and `/v1/logs`, and the addresses of Zipkin's and Jaeger's spans.
    pub fn http_routes(self: &Arc<Self>) -> axum::Router {
        http::routes(Arc::clone(self))
    }

    /// The trace and the logs service.
    pub fn grpc_routes(self: &Arc<Self>) -> tonic::service::Routes {
        grpc::routes(Arc::clone(self))
    }

    /// What happened so far, by reason.
    pub fn counters(&self) -> OtlpCounters {
        let (spans, pending) = {
            let state = self.state();
            (state.span_counts(), state.pending_len())
        };
        self.counters.read(spans, pending)
    }

    fn bodies(&self) -> &Room {
        &self.bodies
    }

    const fn request_limits(&self) -> &IntakeLimits {
        &self.config.requests
    }

    fn note_refusal(&self, refusal: &Refusal) {
        refusal.log();
        self.counters.refused(refusal);
    }

    /// Takes a body as it came over HTTP.
    async fn take_packed(
        self: &Arc<Self>,
        signal: Signal,
        encoding: Encoding,
        admitted: Admitted,
    ) -> Result<Taken, Refusal> {
        self.decoded(signal, move |otlp| {
            let unpacked = admitted.unpack(&otlp.config.requests)?;
            otlp.decode(signal, encoding, &unpacked.body)
        })
        .await
    }

    /// Takes spans that came over HTTP in another form than OTLP.
    async fn take_foreign(
        self: &Arc<Self>,
        form: Foreign,
        admitted: Admitted,
    ) -> Result<Taken, Refusal> {
        self.decoded(Signal::Traces, move |otlp| {
            let unpacked = admitted.unpack(&otlp.config.requests)?;
            otlp.counters.request(Signal::Traces, unpacked.body.len());
            let now = otlp.clock.now();
            let taken = match form {
                Foreign::Zipkin => {
                    let parsed = decode::zipkin::parse(&unpacked.body);
                    let parsed = parsed.map_err(|error| form.malformed(&error))?;
                    otlp.state().take(&parsed.spans(), now)
                }
                Foreign::Jaeger => {
                    let parsed = decode::jaeger::parse(&unpacked.body);
                    let parsed = parsed.map_err(|error| form.malformed(&error))?;
                    otlp.state().take(&parsed.spans(), now)
                }
                Foreign::JaegerThrift => {
                    let spans = decode::jaeger_thrift::decode(&unpacked.body);
                    let spans = spans.map_err(|error| form.malformed(&error))?;
                    otlp.state().take(&spans, now)
                }
            };
            Ok(Decoded {
                taken: counters::spans_answer(taken),
                events: Vec::new(),
            })
        })
        .await
    }

    /// Takes an unpacked protobuf message.
    async fn take_message(
        self: &Arc<Self>,
        signal: Signal,
        message: Bytes,
    ) -> Result<Taken, Refusal> {
        let room = self.bodies.take(message.len()).ok_or(Refusal::Busy)?;
        self.decoded(signal, move |otlp| {
            let decoded = otlp.decode(signal, Encoding::Protobuf, &message);
            drop(room);
            decoded
        })
        .await
    }

    /// Takes a protobuf message packed with gzip.
    async fn take_packed_message(
        self: &Arc<Self>,
        signal: Signal,
        message: Bytes,
    ) -> Result<Taken, Refusal> {
        let mut room = self.bodies.take(message.len()).ok_or(Refusal::Busy)?;
        self.decoded(signal, move |otlp| {
            let limit = otlp.config.requests.body_bytes;
            let message = body::gunzip(&message, limit, &mut room)?;
            let decoded = otlp.decode(signal, Encoding::Protobuf, &message);
            drop(room);
            decoded
        })
        .await
    }

    /// Decodes where it may take its time, then brings events to the log.
    async fn decoded(
        self: &Arc<Self>,
        signal: Signal,
        work: impl FnOnce(&Self) -> Result<Decoded, Refusal> + Send + 'static,
    ) -> Result<Taken, Refusal> {
        if signal == Signal::Traces && !self.has_room_for_spans() {
            return Err(Refusal::Busy);
        }
        // The bodies that wait here hold their room, so the line is bounded.
        let turn = Arc::clone(&self.decoding).acquire_owned().await;
        let turn = turn.map_err(|_| Refusal::Busy)?;
        let otlp = Arc::clone(self);
        let decoded = tokio::task::spawn_blocking(move || {
            let decoded = work(&otlp);
            drop(turn);
            decoded
        });
        let decoded = decoded.await.map_err(Refusal::Stopped)??;
        self.recorder
            .record(decoded.events)
            .await
            .map_err(Refusal::Record)?;
        Ok(decoded.taken)
    }

    fn decode(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Decoded, Refusal> {
        self.counters.request(signal, body.len());
        match signal {
            Signal::Traces => self.take_spans(encoding, body),
            Signal::Logs => self.take_entities(encoding, body),
        }
    }

    fn take_spans(&self, encoding: Encoding, body: &[u8]) -> Result<Decoded, Refusal> {
        let now = self.clock.now();
        let taken = match encoding {
            Encoding::Protobuf => {
                let spare = self.spare().pop().unwrap_or_default();
                let spans = decode::protobuf::decode_traces_into(spare, body);
                let spans = spans.map_err(malformed)?;
                let taken = self.state().take(&spans, now);
                self.spare().push(spans.emptied());
                taken
            }
            Encoding::Json => {
                let request = decode::json::parse_traces(body).map_err(malformed)?;
                let spans = request.spans();
                self.state().take(&spans, now)
            }
        };
        Ok(Decoded {
            taken: counters::spans_answer(taken),
            events: Vec::new(),
        })
    }

    fn take_entities(&self, encoding: Encoding, body: &[u8]) -> Result<Decoded, Refusal> {
        let found = match encoding {
            Encoding::Protobuf => decode::logs::decode_protobuf(body).map_err(malformed)?,
            Encoding::Json => decode::logs::decode_json(body).map_err(malformed)?,
        };
        let mut said = entities::entity_events(&found, self.clock.now());
        if let Some(rules) = self.recorder.rules() {
            said.check(rules).map_err(Refusal::Quarantine)?;
        }
        self.counters.entities(&found, &said);
        Ok(Decoded {
            taken: counters::entities_answer(&said),
            events: said.events,
        })
    }

    /// Spans are refused while their windows could not be written anyway.
    fn has_room_for_spans(&self) -> bool {
        self.recorder.health() == LogHealth::Writable
            && self.state().pending_len() < self.config.pending_events_max
    }

    /// A thread that failed while it held the state left whole sums behind: each call is one addition.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists for spans that are not in use: at most as many as requests are decoded at once.
    fn spare(&self) -> MutexGuard<'_, Vec<Spans<'static>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Forms of spans besides OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Foreign {
    /// Zipkin's, version 2 in JSON.
    Zipkin,
    /// What Jaeger's page and API give, in JSON.
    Jaeger,
    /// What Jaeger's clients send: a batch in Thrift's binary protocol.
    JaegerThrift,
}

impl Foreign {
    fn malformed(self, error: &dyn std::fmt::Display) -> Refusal {
        let form = match self {
            Self::Zipkin => "a list of Zipkin's spans",
            Self::Jaeger => "traces as Jaeger's API gives them",
            Self::JaegerThrift => "a batch of Jaeger's spans in Thrift's binary protocol",
        };
        Refusal::Malformed(Malformed::because(format!(
            "the body is not {form}: {error}"
        )))
    }
}

/// What a request came to.
struct Decoded {
    taken: Taken,
    events: Vec<model::NewEvent>,
}

fn malformed(error: impl std::fmt::Display) -> Refusal {
    Refusal::Malformed(Malformed::because(format!("the body is not OTLP: {error}")))
}
