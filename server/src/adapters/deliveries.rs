//! Endpoints and deliveries as `api` sees them: sealed, and spoken of in the log by the name of the seal.

use std::sync::Arc;

use api::{
    DeliveryAttempt, DeliveryError, DeliveryPage, DeliveryQuestion, DeliveryStanding, PortFuture,
    RecordError, Redelivery, SealedAddress, SealedEndpoint,
};
use ingest::Recorder;
use model::{
    Actor, Clock, Event, EventId, IdSource, LogPosition, NewEvent, Occurred, SourceName,
    SubscriptionDeclared,
};
use store::Appended;

use crate::clock::{RandomIds, SystemClock};
use crate::deliveries::{
    Deliverer, Destination, Destinations, Endpoint, SealError, Seals, TimedKeys,
};

/// Who says what stands in the log of subscriptions and tokens.
const SOURCE: &str = "epicenter";
/// Keys that one endpoint may have at once.
const KEYS_MAX: usize = 4;

/// The seals, what is sent, and the door to the log.
pub(super) struct SealedDeliveries {
    pub(super) seals: Arc<Seals>,
    pub(super) destinations: Arc<Destinations>,
    pub(super) overlap_ms: i64,
    pub(super) deliverer: Arc<Deliverer>,
    pub(super) recorder: Recorder,
}

impl api::Deliveries for SealedDeliveries {
    fn seal(&self, url: String) -> PortFuture<'_, Result<SealedEndpoint, DeliveryError>> {
        let read = self.destinations.read(&url);
        let seals = Arc::clone(&self.seals);
        Box::pin(async move {
            let to = read.map_err(|error| DeliveryError::Address(error.to_string()))?;
            blocking(move || sealed(&seals, &to, Vec::new())).await
        })
    }

    fn renew(&self, seal: String) -> PortFuture<'_, Result<SealedEndpoint, DeliveryError>> {
        let (seals, destinations) = (Arc::clone(&self.seals), Arc::clone(&self.destinations));
        let now = SystemClock.now();
        let end = now.plus_millis(self.overlap_ms);
        Box::pin(async move {
            let unsealing = Arc::clone(&seals);
            let before = blocking(move || unsealing.unseal(&seal)).await?;
            let read = destinations.read(&before.url);
            let to = read.map_err(|error| DeliveryError::Address(error.to_string()))?;
            let counting = before.keys.into_iter();
            let counting = counting.filter(|keys| keys.until.is_none_or(|until| now < until));
            let older = counting.map(|keys| TimedKeys {
                until: Some(keys.until.map_or(end, |until| until.min(end))),
                keys: keys.keys,
            });
            let older: Vec<TimedKeys> = older.take(KEYS_MAX - 1).collect();
            blocking(move || sealed(&seals, &to, older)).await
        })
    }

    fn relocate(
        &self,
        seal: String,
        url: String,
    ) -> PortFuture<'_, Result<SealedAddress, DeliveryError>> {
        let read = self.destinations.read(&url);
        let seals = Arc::clone(&self.seals);
        Box::pin(async move {
            let to = read.map_err(|error| DeliveryError::Address(error.to_string()))?;
            blocking(move || {
                let keys = seals.unseal(&seal)?.keys;
                let url = to.url;
                Ok(SealedAddress {
                    seal: seals.seal(&Endpoint { url, keys })?,
                    endpoint: to.endpoint,
                })
            })
            .await
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

    fn standing(&self, subscription: &str) -> Option<DeliveryStanding> {
        self.deliverer.standing(subscription)
    }

    fn list(
        &self,
        wanted: DeliveryQuestion,
    ) -> PortFuture<'_, Result<DeliveryPage, DeliveryError>> {
        let deliverer = Arc::clone(&self.deliverer);
        Box::pin(async move {
            let listed = tokio::task::spawn_blocking(move || deliverer.list(&wanted)).await;
            listed.map_err(kept)?
        })
    }

    fn redeliver(
        &self,
        subscription: String,
        what: Redelivery,
    ) -> PortFuture<'_, Result<(), DeliveryError>> {
        let deliverer = Arc::clone(&self.deliverer);
        Box::pin(async move {
            let sent =
                tokio::task::spawn_blocking(move || deliverer.redeliver(&subscription, what));
            sent.await.map_err(kept)?
        })
    }

    fn test(
        &self,
        declared: SubscriptionDeclared,
    ) -> PortFuture<'_, Result<DeliveryAttempt, DeliveryError>> {
        Box::pin(self.deliverer.test(declared))
    }

    fn verify(
        &self,
        declared: SubscriptionDeclared,
        code: Option<String>,
    ) -> PortFuture<'_, Result<DeliveryAttempt, DeliveryError>> {
        Box::pin(self.deliverer.verify(declared, code))
    }
}

/// Seals an address with fresh keys beside older ones.
fn sealed(
    seals: &Seals,
    to: &Destination,
    older: Vec<TimedKeys>,
) -> Result<SealedEndpoint, SealError> {
    let keys = seals.fresh_keys()?;
    let (secret, public_key) = (keys.shown_secret(), keys.public_key()?);
    let mut all = vec![TimedKeys { keys, until: None }];
    all.extend(older);
    let seal = seals.seal(&Endpoint {
        url: to.url.clone(),
        keys: all,
    })?;
    Ok(SealedEndpoint {
        seal,
        endpoint: to.endpoint.clone(),
        secret,
        public_key,
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SealError> + Send + 'static,
) -> Result<T, DeliveryError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(kept)?
        .map_err(kept)
}

/// Writes what this server itself has to say: of subscriptions, of tokens.
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
