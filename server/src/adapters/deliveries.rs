//! Endpoints as `api` sees them: sealed, and spoken of in the log by the name of the seal.

use std::sync::Arc;

use api::{DeliveryError, PortFuture, RecordError, SealedEndpoint};
use ingest::Recorder;
use model::{Actor, Clock, Event, EventId, IdSource, LogPosition, NewEvent, Occurred, SourceName};
use store::Appended;

use crate::clock::{RandomIds, SystemClock};
use crate::deliveries::{AddressPolicy, Endpoint, Seals, Target, TimedKeys};

/// Who says what stands in the log of subscriptions.
const SOURCE: &str = "epicenter";

/// The seals, and the door to the log.
pub(super) struct SealedDeliveries {
    pub(super) seals: Arc<Seals>,
    pub(super) policy: Arc<AddressPolicy>,
    pub(super) recorder: Recorder,
}

impl api::Deliveries for SealedDeliveries {
    fn seal(&self, url: String) -> PortFuture<'_, Result<SealedEndpoint, DeliveryError>> {
        let target = Target::read(&url, &self.policy);
        let seals = Arc::clone(&self.seals);
        Box::pin(async move {
            let target = target.map_err(|error| DeliveryError::Address(error.to_string()))?;
            let sealed = tokio::task::spawn_blocking(move || {
                let keys = seals.fresh_keys()?;
                let (secret, public_key) = (keys.shown_secret(), keys.public_key()?);
                let endpoint = target.endpoint();
                let seal = seals.seal(&Endpoint {
                    url: target.url.into(),
                    keys: vec![TimedKeys { keys, until: None }],
                })?;
                Ok(SealedEndpoint {
                    seal,
                    endpoint,
                    secret,
                    public_key,
                })
            });
            let sealed = sealed.await.map_err(kept)?;
            sealed.map_err(|error: crate::deliveries::SealError| kept(error))
        })
    }

    fn forget(&self, seal: String) -> PortFuture<'_, ()> {
        let seals = Arc::clone(&self.seals);
        Box::pin(async move {
            let forgotten = tokio::task::spawn_blocking(move || seals.forget(&seal));
            if let Err(error) = forgotten.await {
                tracing::warn!("a seal was not removed: {error}");
            }
        })
    }

    fn fresh_name(&self) -> String {
        RandomIds.fresh()
    }

    fn record(&self, event: Event) -> PortFuture<'_, Result<LogPosition, RecordError>> {
        Box::pin(record(&self.recorder, event))
    }
}

/// Writes what is said of a subscription.
pub(crate) async fn record(recorder: &Recorder, event: Event) -> Result<LogPosition, RecordError> {
    let said = NewEvent {
        id: EventId {
            source: SourceName::new(SOURCE),
            delivery: RandomIds.fresh(),
        },
        occurred: Occurred::Received(SystemClock.now()),
        actor: Actor::default(),
        event,
    };
    let recorded = recorder.record(vec![said]).await.map_err(refusal)?;
    match recorded.outcomes.first() {
        Some(Appended::Recorded(position) | Appended::Duplicate(position)) => Ok(*position),
        Some(Appended::Conflict { .. }) | None => Err(RecordError::Busy),
    }
}

fn refusal(error: ingest::RecordError) -> RecordError {
    match error {
        ingest::RecordError::Busy => RecordError::Busy,
        ingest::RecordError::TooLarge { id, bytes } => RecordError::TooLarge { id, bytes },
        other => RecordError::Unavailable(Box::new(other)),
    }
}

fn kept(error: impl std::error::Error + Send + Sync + 'static) -> DeliveryError {
    DeliveryError::Kept(Box::new(error))
}
