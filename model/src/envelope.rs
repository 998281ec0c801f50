//! An event before and after it stands in the log.

use serde::{Deserialize, Serialize};

use crate::{Actor, Event, EventId, LogPosition, Timestamp};

/// When it happened, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurred {
    /// The sender stated the time: it belongs to the content.
    Stated(Timestamp),
    /// The sender stated none; this is when we received it. A retry carries another one and is still the same event.
    Received(Timestamp),
}

impl Occurred {
    /// The moment itself.
    pub const fn at(self) -> Timestamp {
        match self {
            Self::Stated(at) | Self::Received(at) => at,
        }
    }
}

/// An event that is not yet in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Which delivery of which source.
    pub id: EventId,
    /// When it happened.
    pub occurred: Occurred,
    /// Who sent or caused it.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
}

/// An event at its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventEnvelope {
    /// Its place.
    pub position: LogPosition,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// Which delivery of which source.
    pub id: EventId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Who sent or caused it.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
}
