//! The addresses that take facts over HTTP: read within bounds, decode, append, answer.
//!
//! It knows no source's form; each address brings its decoder.

pub(crate) mod answer;
pub(crate) mod body;
mod counters;
mod direct;
mod listing;
pub(crate) mod media;
mod patient;
mod reprocess;
mod settle;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use model::{Clock, Timestamp};

use crate::decoded::{Malformed, Part};
use crate::events;
use crate::room::Room;
use crate::split::Wrapping;
use crate::{Known, Quarantine, Recorder, alertmanager, cloudevents};
use answer::Refusal;
use counters::Counters;
pub use counters::IntakeCounters;
pub use direct::DirectError;
pub(crate) use media::MediaType;
pub use reprocess::{ReprocessError, Reprocessed};

/// What an intake may hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntakeLimits {
    /// Largest body, before and after decompression.
    pub body_bytes: usize,
    /// Bodies held at once, all together, after decompression.
    pub bodies_in_flight_bytes: usize,
    /// How long a sender may take to send its body.
    pub body_timeout: Duration,
}

/// Takes what sources send.
pub struct Intake {
    recorder: Recorder,
    quarantine: Arc<Quarantine>,
    clock: Arc<dyn Clock>,
    limits: IntakeLimits,
    bodies: Room,
    events: Counters,
    cloudevents: Counters,
    alertmanager: Counters,
    known: Option<Arc<dyn Known>>,
    listings: listing::Running,
}

/// A body as a decoder gets it.
pub(crate) struct Delivery {
    /// The headers of the request.
    pub(crate) headers: HeaderMap,
    /// What it says the body is.
    pub(crate) media: MediaType,
    /// The body, unpacked.
    pub(crate) body: Vec<u8>,
    /// When it came.
    pub(crate) received_at: Timestamp,
}

/// One address: which bodies it takes, and what they mean.
struct Address {
    /// Whether it takes this media type.
    takes: fn(&MediaType, &HeaderMap) -> bool,
    /// What it takes, for people.
    expects: &'static str,
    decode: fn(&Delivery) -> Result<Vec<Part>, Malformed>,
    /// Where it counts.
    counters: fn(&Intake) -> &Counters,
}

impl Intake {
    /// An intake that writes through `recorder` and keeps what is not understood in `quarantine`.
    pub fn new(
        recorder: Recorder,
        quarantine: Arc<Quarantine>,
        clock: Arc<dyn Clock>,
        limits: IntakeLimits,
    ) -> Self {
        Self {
            recorder,
            quarantine,
            clock,
            bodies: Room::new(limits.bodies_in_flight_bytes),
            limits,
            events: Counters::default(),
            cloudevents: Counters::default(),
            alertmanager: Counters::default(),
            known: None,
            listings: listing::Running::default(),
        }
    }

    /// The same, which compares listings with what their sources stated before.
    #[must_use]
    pub fn comparing_with(mut self, known: Arc<dyn Known>) -> Self {
        self.known = Some(known);
        self
    }

    /// What came to each address and what became of it.
    pub fn counters(&self) -> [IntakeCounters; 3] {
        [
            self.events.read("events"),
            self.cloudevents.read("cloudevents"),
            self.alertmanager.read("alertmanager"),
        ]
    }
}

/// Every address of the intake.
pub fn routes(intake: Arc<Intake>) -> Router {
    Router::new()
        .route("/ingest/events", post(take_events))
        .route("/ingest/events/schema.json", get(show_schema))
        .route("/ingest/listing", post(listing::take_listing))
        .route("/ingest/alertmanager", post(take_alerts))
        .route("/ingest/cloudevents", post(take_cloudevents))
        .layer(DefaultBodyLimit::disable())
        .with_state(intake)
}

const EVENTS: Address = Address {
    takes: |media, _| media.is_json() || media.is_json_lines(),
    expects: "application/json or application/x-ndjson",
    decode: |delivery| {
        let wrapping = if delivery.media.is_json_lines() {
            Wrapping::Lines
        } else {
            Wrapping::Json
        };
        events::decode(&delivery.body, wrapping, delivery.received_at)
    },
    counters: |intake| &intake.events,
};

const CLOUDEVENTS: Address = Address {
    takes: cloudevents::takes,
    expects: "application/cloudevents+json, application/cloudevents-batch+json, application/json, or ce- headers",
    decode: cloudevents::decode,
    counters: |intake| &intake.cloudevents,
};

async fn take_cloudevents(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    intake.take(&CLOUDEVENTS, request).await
}

const ALERTS: Address = Address {
    takes: |media, _| media.is_json(),
    expects: "application/json",
    decode: |delivery| alertmanager::decode(&delivery.body, delivery.received_at),
    counters: |intake| &intake.alertmanager,
};

async fn take_alerts(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    intake.take(&ALERTS, request).await
}

async fn take_events(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    intake.take(&EVENTS, request).await
}

async fn show_schema() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/schema+json")];
    (kind, events::SCHEMA).into_response()
}

impl Intake {
    async fn take(self: &Arc<Self>, address: &'static Address, request: Request) -> Response {
        let counters = (address.counters)(self);
        match self.try_take(address, request).await {
            Ok(answer) => {
                counters.answered(&answer);
                answer.into_response()
            }
            Err(refusal) => {
                counters.refused(&refusal);
                refusal.into_response()
            }
        }
    }

    async fn try_take(
        self: &Arc<Self>,
        address: &'static Address,
        request: Request,
    ) -> Result<answer::Answer, Refusal> {
        let media = MediaType::of(request.headers());
        if !(address.takes)(&media, request.headers()) {
            return Err(Refusal::MediaType {
                found: media.to_string(),
                expects: address.expects,
            });
        }
        let admitted = body::admit(&self.bodies, &self.limits, request).await?;
        let received_at = self.clock.now();
        let intake = Arc::clone(self);
        let work = move || -> Result<_, Refusal> {
            let unpacked = admitted.unpack(&intake.limits)?;
            // The room is held until the events are with the log, which has room of its own.
            let _room = unpacked.room;
            let delivery = Delivery {
                headers: unpacked.headers,
                media,
                body: unpacked.body,
                received_at,
            };
            let parts = (address.decode)(&delivery).map_err(Refusal::Malformed)?;
            let sorted = settle::sort(&intake.quarantine, intake.recorder.rules(), parts)?;
            settle::submit(&intake.recorder, sorted)
        };
        let pending = tokio::task::spawn_blocking(work)
            .await
            .map_err(Refusal::Stopped)??;
        settle::settle(pending).await
    }
}
