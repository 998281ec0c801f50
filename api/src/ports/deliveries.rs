//! Where notices of subscriptions go, and with which keys they are signed.

use model::{Event, LogPosition};
use thiserror::Error;

use super::PortFuture;
use crate::RecordError;

/// Endpoints with their keys, and what is said of subscriptions.
pub trait Deliveries: Send + Sync + 'static {
    /// Seals the address of an endpoint together with fresh keys.
    fn seal(&self, url: String) -> PortFuture<'_, Result<SealedEndpoint, DeliveryError>>;

    /// Forgets a sealed address and its keys.
    fn forget(&self, seal: String) -> PortFuture<'_, ()>;

    /// A name that nobody had before.
    fn fresh_name(&self) -> String;

    /// Writes what is said of a subscription. It answers after the sync.
    fn record(&self, event: Event) -> PortFuture<'_, Result<LogPosition, RecordError>>;
}

/// An address that is kept sealed, with its keys.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedEndpoint {
    /// The name under which it is kept.
    pub seal: String,
    /// Scheme, host and port.
    pub endpoint: String,
    /// The key that signs, to be shown once.
    pub secret: String,
    /// The public half of the other key that signs.
    pub public_key: String,
}

/// Why an endpoint is not taken, or something of it was not done.
#[derive(Debug, Error)]
pub enum DeliveryError {
    /// The address is not one that anything is sent to.
    #[error("url {0}")]
    Address(String),
    /// There is no such subscription.
    #[error("there is no subscription {0}")]
    Unknown(String),
    /// What was to be kept could not be; the details are for our log.
    #[error("the keys could not be kept")]
    Kept(#[source] Box<dyn std::error::Error + Send + Sync>),
}
