//! What was sent, what waits, and what was given up.

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::Delivery as Told;
use crate::schema::scalars::{DateTime, LogPosition};

/// The duty to tell a subscription of an event, and what was tried.
pub(crate) struct Delivery(Told);

/// How a delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::DeliveryStatus")]
pub(crate) enum DeliveryStatus {
    /// It is still to be sent, or to be sent again.
    Waiting,
    /// The endpoint took it.
    Delivered,
    /// It was given up: a dead letter.
    Dead,
}

/// One try to deliver something.
#[derive(SimpleObject)]
pub(crate) struct DeliveryAttempt {
    /// Its number among the tries, from 1.
    number: u32,
    /// When it began.
    at: DateTime,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// The status of the answer; of a server of mail the code of its reply.
    status: Option<u16>,
    /// Why there was no answer, or what a server of mail said of addresses that it does not take.
    error: Option<String>,
}

/// How deliveries of a subscription stand.
#[derive(SimpleObject)]
pub(crate) struct DeliveryStanding {
    /// Every event up to here was held against the subscription.
    read_to: LogPosition,
    /// How many notices wait.
    waiting: usize,
    /// How many notices were given up and are remembered.
    dead: usize,
    /// Since when the endpoint has taken nothing.
    failing_since: Option<DateTime>,
    /// How many notices gather for the next digest.
    gathered: u64,
    /// When that digest is made.
    digest_at: Option<DateTime>,
    /// Until when only what is urgent is sent, if the hour is quiet.
    quiet_until: Option<DateTime>,
    /// Whether the endpoint showed that it wants to hear.
    verification: EndpointVerification,
}

/// Whether an endpoint showed that it wants to hear: it answered a challenge with the challenge.
#[derive(SimpleObject)]
pub(crate) struct EndpointVerification {
    /// Whether it is sent nothing but challenges before.
    required: bool,
    /// When it did.
    verified_at: Option<DateTime>,
    /// How often it was sent one in vain.
    attempts: u32,
    /// When it is sent the next, if it is sent one by itself.
    next_at: Option<DateTime>,
    /// Why the last answer was no proof.
    error: Option<String>,
    /// How each address of mail stands; none of the web.
    addresses: Vec<AddressVerification>,
}

/// Whether an address of mail confirmed that it wants to hear, by the code that it was sent.
#[derive(SimpleObject)]
pub(crate) struct AddressVerification {
    /// Its first letter and its domain.
    address: String,
    /// When it did.
    verified_at: Option<DateTime>,
    /// When it was sent the last code.
    sent_at: Option<DateTime>,
    /// Why it was not sent one.
    error: Option<String>,
}

/// Additional fields of the list of deliveries.
#[derive(SimpleObject)]
pub(crate) struct DeliveryTotals {
    /// How many there are on all pages.
    pub(super) total_count: usize,
}

/// A place in the list of deliveries: the event and the subscription.
pub(super) type DeliveryPlace = (model::LogPosition, String);

/// A page of deliveries, the newest event first.
pub(crate) type DeliveryConnection =
    Connection<OpaqueCursor<DeliveryPlace>, Delivery, DeliveryTotals, EmptyFields>;

impl From<Told> for Delivery {
    fn from(told: Told) -> Self {
        Self(told)
    }
}

impl From<crate::DeliveryAttempt> for DeliveryAttempt {
    fn from(attempt: crate::DeliveryAttempt) -> Self {
        Self {
            number: attempt.number,
            at: DateTime(attempt.at),
            duration_ms: attempt.duration_ms,
            status: attempt.status,
            error: attempt.error,
        }
    }
}

impl From<crate::AddressVerification> for AddressVerification {
    fn from(standing: crate::AddressVerification) -> Self {
        Self {
            address: standing.address,
            verified_at: standing.verified_at.map(DateTime),
            sent_at: standing.sent_at.map(DateTime),
            error: standing.error,
        }
    }
}

impl From<crate::DeliveryStanding> for DeliveryStanding {
    fn from(standing: crate::DeliveryStanding) -> Self {
        Self {
            read_to: LogPosition(standing.read_to),
            waiting: standing.waiting,
            dead: standing.dead,
            failing_since: standing.failing_since.map(DateTime),
            gathered: standing.gathered,
            digest_at: standing.digest_at.map(DateTime),
            quiet_until: standing.quiet_until.map(DateTime),
            verification: EndpointVerification {
                required: standing.verification.is_required,
                verified_at: standing.verification.verified_at.map(DateTime),
                attempts: standing.verification.attempts,
                next_at: standing.verification.next_at.map(DateTime),
                error: standing.verification.error,
                addresses: (standing.verification.addresses.into_iter())
                    .map(AddressVerification::from)
                    .collect(),
            },
        }
    }
}

/// The duty to tell a subscription of an event, and what was tried.
#[Object]
impl Delivery {
    /// The id of its message, the same however often it is sent: the header `webhook-id`.
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    /// The subscription.
    async fn subscription(&self) -> ID {
        ID(self.0.subscription.clone())
    }

    /// Whether it is a digest: one message of what gathered.
    async fn digest(&self) -> bool {
        self.0.is_digest
    }

    /// The event that it tells of; of a digest the last that it lists.
    async fn position(&self) -> LogPosition {
        LogPosition(self.0.position)
    }

    /// How it stands.
    async fn status(&self) -> DeliveryStatus {
        self.0.status.into()
    }

    /// When it is sent next, if it waits.
    async fn next_at(&self) -> Option<DateTime> {
        self.0.next_at.map(DateTime)
    }

    /// The attempts that are still written down, the first first.
    async fn attempts(&self) -> Vec<DeliveryAttempt> {
        let attempts = self.0.attempts.iter();
        attempts.map(|attempt| attempt.clone().into()).collect()
    }
}
