//! An event before and after it stands in the log.

use serde::{Deserialize, Serialize};

use crate::{Actor, ContentHash, Event, EventId, LogPosition, SourceName, Timestamp};

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

impl NewEvent {
    /// An event whose sender gave it no id: the same statement made again is the same event, another one is not.
    ///
    /// The id is the hash of what was said, who is said to have done it, and the time that was stated, never of when we heard it.
    pub fn named_by_content(
        source: SourceName,
        occurred: Occurred,
        actor: Actor,
        event: Event,
    ) -> Self {
        let (name, version) = event.tag();
        let stated_at = match occurred {
            Occurred::Stated(at) => at.to_string(),
            Occurred::Received(_) => String::new(),
        };
        let named = actor.name.as_deref().unwrap_or_default();
        let actor_kind = actor.kind;
        let head = format!("{name}\n{version}\n{stated_at}\n{actor_kind:?}\n{named:?}\n");
        let mut said = head.into_bytes();
        event.encode_payload(&mut said);
        Self {
            id: EventId {
                source,
                delivery: ContentHash::of(&said).to_string(),
            },
            occurred,
            actor,
            event,
        }
    }
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
