//! An intake on a log in memory, and everything a test asks it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::{Extension, Router};
use model::{
    Caller, CiId, Claim, Clock, EventEnvelope, LogPosition, ObservedItem, SourceKey, SourceName,
    Timestamp,
};
use serde_json::Value;
use store::{EventLog, MemoryLog, ReadLimit};
use tempfile::TempDir;
use tower::ServiceExt;

use super::told;
use crate::intake::{Intake, IntakeLimits, routes};
use crate::known::{Known, KnownFuture, Stated};
use crate::{Mappings, Quarantine, QuarantineConfig, Recorder, RecorderLimits, Secret, Sender};

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }
}

/// An estate in which nobody said anything.
struct NothingKnown;

impl Known for NothingKnown {
    fn name_of(&self, key: &SourceKey) -> CiId {
        CiId::of(&Claim::new("key", key.to_string()))
    }

    fn stated_by<'a>(&'a self, _: &'a SourceName) -> KnownFuture<'a> {
        Box::pin(async { Ok(Stated::default()) })
    }

    fn calendar(&self) -> crate::CalendarFuture<'_> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn observation(&self, _: LogPosition) -> Option<ObservedItem> {
        None
    }
}

/// An intake on a log in memory, and everything a test asks it.
pub(crate) struct Bench {
    pub(super) routes: Router,
    pub(crate) intake: Arc<Intake>,
    pub(super) log: Arc<MemoryLog>,
    /// Where mappings would lie.
    pub(crate) mappings: PathBuf,
    _folder: TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with_senders(vec![Sender {
            name: "shop".to_owned(),
            secrets: Secret::new(*b"s3cret").into_iter().collect(),
            ..Sender::unnamed("events")
        }])
    }

    /// One that knows these senders.
    pub(crate) fn with_senders(senders: Vec<Sender>) -> Self {
        Self::with(
            senders,
            IntakeLimits {
                body_bytes: 1024 * 1024,
                bodies_in_flight_bytes: 8 * 1024 * 1024,
                body_timeout: Duration::from_secs(10),
            },
        )
    }

    pub(super) fn with_limits(limits: IntakeLimits) -> Self {
        Self::with(Vec::new(), limits)
    }

    fn with(senders: Vec<Sender>, limits: IntakeLimits) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(FixedClock);
        let log = Arc::new(MemoryLog::new(Arc::clone(&clock)));
        let folder = TempDir::new().unwrap();
        let config = QuarantineConfig {
            max_bytes: 1024 * 1024,
            max_age_ms: 1_000_000,
        };
        let quarantine = Quarantine::open(folder.path(), config, Arc::clone(&clock)).unwrap();
        let recorder = Recorder::new(
            log.clone(),
            RecorderLimits {
                events_in_flight: 100_000,
                bytes_in_flight: 64 * 1024 * 1024,
            },
        );
        let intake = Intake::new(recorder, Arc::new(quarantine), clock, limits);
        let mappings = folder.path().join("mappings");
        let intake = intake.with_mappings(Arc::new(Mappings::of(&mappings)));
        let intake = intake.comparing_with(Arc::new(NothingKnown));
        let intake = Arc::new(intake.with_senders(senders));
        Self {
            routes: routes(Arc::clone(&intake)).layer(Extension(Caller::House)),
            intake,
            log,
            mappings,
            _folder: folder,
        }
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Sends a body and tells the answer in one line.
    pub(crate) async fn send(&self, path: &str, media: &str, body: impl Into<Body>) -> String {
        let request = Request::post(path).header("content-type", media);
        let (status, answer) = self.ask(request.body(body.into()).unwrap()).await;
        told(status, &answer)
    }

    /// Everything in the log.
    pub(crate) fn events(&self) -> Vec<EventEnvelope> {
        let limit = ReadLimit {
            events: usize::MAX,
            bytes: usize::MAX,
        };
        self.log.read(LogPosition::ZERO, limit).unwrap()
    }
}
