//! Provides what `api` needs from others, over the fold, the log and the intake.

mod access;
mod audit;
mod behind;
mod bodies;
mod deliveries;
mod kinds;
pub(crate) mod known;
mod measurements;
mod plans;
mod quarantine;
mod said;
mod texts;

use std::sync::Arc;
use std::time::Duration;

use api::{
    Events, EventsError, KnownAt, PortFuture, Ports, ReadView, RecordError, RecordOutcome,
    Recorder, ViewError, Views,
};
use graph::{Asked, Retractions};
use ingest::{DirectError, Intake};
use model::{Event, EventEnvelope, LogPosition};
use serde_json::Value;
use store::{Appended, EventLog, ReadLimit};
use tokio::sync::watch;

use crate::access::{Gate, Veil};
use crate::clock::SystemClock;
use crate::parts::Parts;
use crate::projector::{Past, PastError, Published};
use access::HashedTokens;
use audit::WrittenDown;
use bodies::IndexedBodies;
use deliveries::SealedDeliveries;
pub(crate) use deliveries::record as record_about_subscription;
pub(crate) use kinds::NewestKinds;
use measurements::KeptRollups;
use plans::ReadPlans;
use quarantine::KeptAside;
use texts::SearchedTexts;

/// Most payload bytes read from the log at once for a live list.
const READ_BYTES: usize = 4 * 1024 * 1024;

/// The ports over the parts of a server, behind its gate.
pub(crate) fn ports(parts: &Parts, gate: &Arc<Gate>, veil: Veil) -> Ports {
    let (intake, log) = (Arc::clone(&parts.intake), Arc::clone(&parts.log));
    Ports {
        views: Arc::new(FoldedViews {
            log: Arc::clone(&log),
            published: Arc::clone(&parts.published),
            past: Arc::clone(&parts.past),
        }),
        recorder: Arc::new(ThroughIntake(Arc::clone(&intake))),
        events: Arc::new(LoggedEvents(log)),
        quarantine: Arc::new(KeptAside {
            intake,
            quarantine: Arc::clone(&parts.quarantine),
        }),
        bodies: Arc::new(IndexedBodies {
            index: parts.indexer.reader(),
            log: Arc::clone(&parts.log),
        }),
        access: Arc::new(HashedTokens {
            gate: Arc::clone(gate),
            recorder: parts.delivering.recorder.clone(),
            veil,
        }),
        audit: Arc::new(WrittenDown(Arc::clone(&parts.audit))),
        deliveries: Arc::new(SealedDeliveries {
            seals: Arc::clone(&parts.delivering.seals),
            destinations: Arc::clone(&parts.delivering.destinations),
            overlap_ms: parts.delivering.key_overlap_ms,
            deliverer: Arc::clone(&parts.delivering.deliverer),
            recorder: parts.delivering.recorder.clone(),
        }),
        plans: Arc::new(ReadPlans),
        texts: Arc::new(SearchedTexts {
            texts: parts.texts.reader(),
            index: parts.indexer.reader(),
            log: Arc::clone(&parts.log),
        }),
        measurements: Arc::new(KeptRollups::new(Arc::clone(&parts.rollups))),
        ranking: Arc::clone(&parts.ranking),
        clock: Arc::new(SystemClock),
    }
}

struct FoldedViews {
    log: Arc<dyn EventLog>,
    published: Arc<Published>,
    past: Arc<Past>,
}

impl Views for FoldedViews {
    fn acknowledged(&self) -> LogPosition {
        self.log.head()
    }

    fn at_least(
        &self,
        position: LogPosition,
        patience: Duration,
    ) -> PortFuture<'_, Result<ReadView, ViewError>> {
        Box::pin(async move {
            let arrived = self.published.at_least(position, patience).await;
            let graph = arrived.map_err(|behind| ViewError::Behind {
                wanted: position,
                reached: behind.reached,
            })?;
            Ok(ReadView { graph })
        })
    }

    fn as_known_at(&self, known_at: KnownAt) -> PortFuture<'_, Result<ReadView, ViewError>> {
        Box::pin(async move {
            let folded = match known_at {
                KnownAt::Position(position) => self.past.at(position).await,
                KnownAt::Moment(moment) => self.past.at_moment(moment).await,
            };
            let graph = folded.map_err(no_past)?;
            Ok(ReadView { graph })
        })
    }

    fn with_past(
        &self,
        view: ReadView,
        asked: Asked,
    ) -> PortFuture<'_, Result<ReadView, ViewError>> {
        Box::pin(async move {
            let brought = self.past.with_past(view.graph, asked).await;
            let graph = brought.map_err(no_past)?;
            Ok(ReadView { graph })
        })
    }

    fn knowing(
        &self,
        position: LogPosition,
        retractions: Retractions,
    ) -> PortFuture<'_, Result<ReadView, ViewError>> {
        Box::pin(async move {
            let folded = self.past.knowing(position, retractions).await;
            let graph = folded.map_err(no_past)?;
            Ok(ReadView { graph })
        })
    }
}

fn no_past(error: PastError) -> ViewError {
    match error {
        PastError::BeyondLog { head } => ViewError::BeyondLog { head },
        PastError::Busy => ViewError::Busy,
        PastError::TooMuch { wanted, most } => ViewError::TooMuch { wanted, most },
        other => ViewError::Failed(Box::new(other)),
    }
}

struct ThroughIntake(Arc<Intake>);

impl Recorder for ThroughIntake {
    fn record(
        &self,
        events: Vec<Value>,
    ) -> PortFuture<'_, Result<Vec<RecordOutcome>, RecordError>> {
        Box::pin(async move {
            let recorded = self.0.record(events).await.map_err(refusal)?;
            Ok(recorded.outcomes.into_iter().map(outcome).collect())
        })
    }

    fn read(&self, events: Vec<Value>) -> PortFuture<'_, Result<Vec<Event>, RecordError>> {
        Box::pin(async move {
            let read = self.0.read(events).await.map_err(refusal)?;
            Ok(read.into_iter().map(|event| event.event).collect())
        })
    }
}

fn outcome(appended: Appended) -> RecordOutcome {
    match appended {
        Appended::Recorded(position) => RecordOutcome::Recorded(position),
        Appended::Duplicate(position) => RecordOutcome::Duplicate(position),
        Appended::Conflict { id, first } => RecordOutcome::Conflict { id, first },
    }
}

fn refusal(error: DirectError) -> RecordError {
    match error {
        DirectError::Rejected(rejections) => RecordError::Rejected(rejections),
        DirectError::Record(ingest::RecordError::Busy) => RecordError::Busy,
        DirectError::Record(ingest::RecordError::TooLarge { id, bytes }) => {
            RecordError::TooLarge { id, bytes }
        }
        DirectError::Record(other) => RecordError::Unavailable(Box::new(other)),
        DirectError::Stopped(error) => RecordError::Unavailable(Box::new(error)),
    }
}

struct LoggedEvents(Arc<dyn EventLog>);

impl Events for LoggedEvents {
    fn after(
        &self,
        position: LogPosition,
        limit: usize,
    ) -> PortFuture<'_, Result<Vec<EventEnvelope>, EventsError>> {
        let log = Arc::clone(&self.0);
        Box::pin(async move {
            let limit = ReadLimit {
                events: limit,
                bytes: READ_BYTES,
            };
            // At the head there is nothing to read, and no thread to be taken for it.
            if log.head() <= position {
                return Ok(Vec::new());
            }
            let read = tokio::task::spawn_blocking(move || log.read(position, limit)).await;
            let read = read.map_err(|error| EventsError(Box::new(error)))?;
            read.map_err(|error| EventsError(Box::new(error)))
        })
    }

    fn at(
        &self,
        positions: Vec<LogPosition>,
    ) -> PortFuture<'_, Result<Vec<EventEnvelope>, EventsError>> {
        let log = Arc::clone(&self.0);
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || {
                let mut envelopes = Vec::with_capacity(positions.len());
                for position in positions {
                    envelopes.extend(behind::at(&*log, position)?);
                }
                Ok(envelopes)
            });
            let read = read.await.map_err(|error| EventsError(Box::new(error)))?;
            read.map_err(|error: store::ReadError| EventsError(Box::new(error)))
        })
    }

    fn watch_head(&self) -> watch::Receiver<LogPosition> {
        self.0.watch_head()
    }
}
