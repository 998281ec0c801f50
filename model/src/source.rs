//! Who told us, and what they call the thing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The name of a sender, such as `argocd` or `alertmanager`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceName(String);

impl SourceName {
    /// A source by its name; a decoder has checked its bounds.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one delivery of a source. A second delivery of the same id is a duplicate, never a second event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    /// Who sent it.
    pub source: SourceName,
    /// The sender's id of the delivery, or the hash of its content where it has none.
    pub delivery: String,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source, self.delivery)
    }
}

/// What a source calls a change or an incident. Many events may speak of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceRef {
    /// The platform.
    pub source: SourceName,
    /// The platform's own id.
    pub source_id: String,
}

/// `source.listed`: a source has said everything it knows, and what it no longer says has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceListed {
    /// The moment of which the listing speaks; the event itself happens when it is through.
    pub at: Timestamp,
    /// How many items it listed.
    pub listed: u64,
    /// How many of them it said something new of.
    pub changed: u64,
    /// How many that it listed before it no longer lists.
    pub ended: u64,
}

/// Whether a person or a machine acted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person.
    Human,
    /// A machine by itself.
    Automatic,
    /// Nobody said.
    #[default]
    Unknown,
}

/// Who sent or caused an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Person, machine or unknown.
    pub kind: ActorKind,
    /// Their name, if it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `source.retracted`: what a source said of the time up to a moment is void, as if it had never been said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceRetracted {
    /// The source.
    pub source: SourceName,
    /// The last moment whose statements are void; the time of the event when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `source.restored`: a retraction is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceRestored {
    /// The source.
    pub source: SourceName,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
