//! What a decoder makes of a body, part by part.
//!
//! A part is one event of our own, one event in CloudEvents, one alert. The good parts are
//! kept whatever the others are.

use std::fmt;

use model::{Actor, Event, EventId, NewEvent, Occurred, SourceName};
use serde_json::Value;

use crate::fields::Problems;

/// Longer records are not carried along for those who look at what was not kept.
const RECORD_BYTES_MAX: usize = 64 * 1024;

/// What one part of a request means.
#[derive(Debug)]
pub(crate) enum Part {
    /// These events, which stand next to each other in the log.
    Events(Vec<NewEvent>),
    /// Nothing, by the sender's fault.
    Rejected(Problems),
    /// It parses, and nobody here knows what it means.
    Unknown(Box<NotUnderstood>),
    /// It is understood, and it is no change, no incident and no item.
    Ignored(Silent),
    /// The same, with something that whoever runs the server should read.
    Notice(String),
    /// The sender asks whether the address is meant, and wants this answer and nothing else.
    Asked(Value),
}

/// A part that is understood and says nothing here.
#[derive(Debug)]
pub(crate) struct Silent {
    /// Why it is not kept.
    pub(crate) reason: &'static str,
    /// The record that it was, where the body holds more than one.
    pub(crate) record: Option<Box<str>>,
}

/// A part that goes to the quarantine.
#[derive(Debug)]
pub(crate) struct NotUnderstood {
    /// Who sent it.
    pub(crate) source: SourceName,
    /// When it speaks of.
    pub(crate) occurred: Occurred,
    /// Which decoder takes it again.
    pub(crate) format: &'static str,
    /// The part, as that decoder takes it.
    pub(crate) body: Vec<u8>,
    /// The headers that it needs to read it again: `x-github-event`.
    pub(crate) headers: Vec<(String, String)>,
    /// Why nobody understood it.
    pub(crate) reason: String,
}

/// The body as a whole is not in the form of its address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Why, in words for the sender.
    pub(crate) reason: String,
}

/// An event by the id that its sender gave it; without one its content names it.
pub(crate) fn sealed(
    source: SourceName,
    delivery: Option<String>,
    occurred: Occurred,
    actor: Actor,
    event: Event,
) -> NewEvent {
    match delivery {
        Some(delivery) => NewEvent {
            id: EventId { source, delivery },
            occurred,
            actor,
            event,
        },
        None => NewEvent::named_by_content(source, occurred, actor, event),
    }
}

/// An event that its content and its time name: what fires again in the same words is another statement.
pub(crate) fn sealed_each_time(
    source: SourceName,
    occurred: Occurred,
    actor: Actor,
    event: Event,
) -> NewEvent {
    let mut named = NewEvent::named_by_content(source, occurred, actor, event);
    named.id.delivery = format!("{}@{}", named.id.delivery, occurred.at());
    named
}

impl Malformed {
    /// A reason in words for the sender.
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl Part {
    /// A part that is understood and not kept.
    pub(crate) const fn ignored(reason: &'static str) -> Self {
        Self::Ignored(Silent {
            reason,
            record: None,
        })
    }

    /// The same part; one that is not kept goes with the record that it was, for those who look at it.
    pub(crate) fn made_of(self, record: &str) -> Self {
        match self {
            Self::Ignored(Silent {
                reason,
                record: None,
            }) if record.len() <= RECORD_BYTES_MAX => Self::Ignored(Silent {
                reason,
                record: Some(record.into()),
            }),
            other => other,
        }
    }

    /// A part refused for one reason.
    pub(crate) fn refused(field: &str, reason: impl Into<String>) -> Self {
        Self::Rejected(Problems {
            told: vec![(field.to_owned(), reason.into())],
        })
    }

    /// What the sender calls the change or incident that a body of one part tells of first.
    pub(crate) fn subject(parts: &[Self]) -> Option<String> {
        let [Self::Events(events)] = parts else {
            return None;
        };
        let event = &events.first()?.event;
        if let Event::ChangeRecorded(change) = event {
            return Some(change.source_id.clone());
        }
        if let Event::IncidentOpened(incident) | Event::IncidentUpdated(incident) = event {
            return Some(incident.source_id.clone());
        }
        None
    }
}
