//! Where notices of subscriptions go, with which keys they are signed, and what became of them.

use model::{Event, LogPosition, SubscriptionDeclared, Timestamp};
use thiserror::Error;

use super::PortFuture;
use crate::RecordError;

/// Endpoints with their keys, what is said of subscriptions, and what was sent.
pub trait Deliveries: Send + Sync + 'static {
    /// Seals the address of an endpoint together with fresh keys.
    fn seal(&self, url: String) -> PortFuture<'_, Result<SealedEndpoint, DeliveryError>>;

    /// Seals the same address with fresh keys; those before sign on for a time.
    fn renew(&self, seal: String) -> PortFuture<'_, Result<SealedEndpoint, DeliveryError>>;

    /// Seals another address with the keys that are sealed already.
    fn relocate(
        &self,
        seal: String,
        url: String,
    ) -> PortFuture<'_, Result<SealedAddress, DeliveryError>>;

    /// Forgets a sealed address and its keys.
    fn forget(&self, seal: String) -> PortFuture<'_, ()>;

    /// A name that nobody had before.
    fn fresh_name(&self) -> String;

    /// Writes what is said of a subscription. It answers after the sync.
    fn record(&self, event: Event) -> PortFuture<'_, Result<LogPosition, RecordError>>;

    /// How deliveries of a subscription stand; `None` before the first look at it.
    fn standing(&self, subscription: &str) -> Option<DeliveryStanding>;

    /// Deliveries, the newest event first.
    fn list(&self, wanted: DeliveryQuestion)
    -> PortFuture<'_, Result<DeliveryPage, DeliveryError>>;

    /// Sends again: one notice, or everything that a subscription is about after a position.
    fn redeliver(
        &self,
        subscription: String,
        what: Redelivery,
    ) -> PortFuture<'_, Result<(), DeliveryError>>;

    /// Sends a message that says nothing, once and at once.
    fn test(
        &self,
        declared: SubscriptionDeclared,
    ) -> PortFuture<'_, Result<DeliveryAttempt, DeliveryError>>;

    /// Sends a challenge, once and at once. Success is an answer that holds it. Addresses of mail are sent a code,
    /// and with a code the address that was sent it has confirmed.
    fn verify(
        &self,
        declared: SubscriptionDeclared,
        code: Option<String>,
    ) -> PortFuture<'_, Result<DeliveryAttempt, DeliveryError>>;
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

/// An address that is kept sealed with keys that are shown no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedAddress {
    /// The name under which it is kept.
    pub seal: String,
    /// Scheme, host and port.
    pub endpoint: String,
}

/// How deliveries of a subscription stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStanding {
    /// Every event up to here was held against it.
    pub read_to: LogPosition,
    /// How many notices wait.
    pub waiting: usize,
    /// How many were given up and are remembered.
    pub dead: usize,
    /// Since when nothing has been taken.
    pub failing_since: Option<Timestamp>,
    /// How many gather for the next digest.
    pub gathered: u64,
    /// When that is made.
    pub digest_at: Option<Timestamp>,
    /// Until when only what is urgent is sent.
    pub quiet_until: Option<Timestamp>,
    /// Whether the endpoint showed that it wants to hear.
    pub verification: EndpointVerification,
}

/// Whether an endpoint showed that it wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointVerification {
    /// Whether it is sent nothing before.
    pub is_required: bool,
    /// When it answered a challenge.
    pub verified_at: Option<Timestamp>,
    /// How often it was sent one in vain.
    pub attempts: u32,
    /// When it is sent the next.
    pub next_at: Option<Timestamp>,
    /// Why the last answer was no proof.
    pub error: Option<String>,
    /// How each address of mail stands; none of the web.
    pub addresses: Vec<AddressVerification>,
}

/// Whether an address of mail confirmed that it wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressVerification {
    /// Its first letter and its domain.
    pub address: String,
    /// When it did.
    pub verified_at: Option<Timestamp>,
    /// When it was sent the last code.
    pub sent_at: Option<Timestamp>,
    /// Why it was not sent one.
    pub error: Option<String>,
}

/// What is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redelivery {
    /// Everything after a position.
    After(LogPosition),
    /// The notice of the event at a position.
    One(LogPosition),
}

/// Which deliveries are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryQuestion {
    /// Of this subscription; of all when missing.
    pub subscription: Option<String>,
    /// That stand so.
    pub status: Option<DeliveryStatus>,
    /// What comes after this event of this subscription in the list.
    pub after: Option<(LogPosition, String)>,
    /// No more than this.
    pub first: usize,
}

/// A part of the list of deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The deliveries, the newest event first.
    pub deliveries: Vec<Delivery>,
    /// Whether there are more after them.
    pub more: bool,
    /// How many there are altogether.
    pub total: usize,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is still to be sent, or to be sent again.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was given up.
    Dead,
}

/// The duty to tell a subscription of an event, and what was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The id of its message.
    pub id: String,
    /// The subscription.
    pub subscription: String,
    /// The event; of a digest the last that it lists.
    pub position: LogPosition,
    /// Whether it is a digest.
    pub is_digest: bool,
    /// How it stands.
    pub status: DeliveryStatus,
    /// When it is sent next.
    pub next_at: Option<Timestamp>,
    /// The attempts that are still written down, the first first.
    pub attempts: Vec<DeliveryAttempt>,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// Its number among the tries, from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why there was none, or what a server of mail said of addresses that it does not take.
    pub error: Option<String>,
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
    /// The log ends before.
    #[error("the log ends at position {0}")]
    BeyondLog(LogPosition),
    /// The event is not one that this subscription is about.
    #[error("nothing is to be delivered for position {0}")]
    NoNotice(LogPosition),
    /// The endpoint has not answered a challenge.
    #[error("the endpoint is not verified; verifySubscription sends it a challenge")]
    Unverified,
    /// It is a chat.
    #[error("a chat cannot answer a challenge")]
    NoEcho,
    /// Nobody was sent this code last, or it is old.
    #[error("the code is not one that an address of the subscription was sent last, within a week")]
    WrongCode,
    /// It is no subscription by mail.
    #[error("a code is for addresses of mail; an endpoint of the web answers its challenge itself")]
    NoCode,
    /// There is nobody to send a code to.
    #[error("every address has confirmed")]
    AllConfirmed,
    /// Challenges went there a moment ago.
    #[error("too many challenges were sent; the next may be sent at {0}")]
    TooOften(Timestamp),
    /// What was to be kept could not be; the details are for our log.
    #[error("the keys or the queue could not be kept")]
    Kept(#[source] Box<dyn std::error::Error + Send + Sync>),
}
