//! Unplanned disturbances.

use serde::{Deserialize, Serialize};

use crate::{SourceKey, SourceName, SourceRef, Timestamp};

/// Where an incident stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// It goes on.
    #[default]
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// `incident.opened` and `incident.updated`: what a source says of an incident at one time.
///
/// A field that is missing says nothing; the fold merges all statements by the time they speak of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Incident {
    /// The system that raised it.
    pub source: SourceName,
    /// That system's own id.
    pub source_id: String,
    /// A line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// More words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<IncidentStatus>,
    /// `critical`, `warning`, `P1` ...: the source's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The items that show the symptom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<SourceKey>,
    /// Where it happens; decides first which item a key without environment means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// When the disturbance began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// Where people read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whether people declared it, rather than a monitor having raised an alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<bool>,
}

impl Incident {
    /// A statement that says nothing yet but which incident it speaks of.
    pub fn new(reference: SourceRef) -> Self {
        Self {
            source: reference.source,
            source_id: reference.source_id,
            title: None,
            description: None,
            status: None,
            severity: None,
            items: Vec::new(),
            environment: None,
            started_at: None,
            resolved_at: None,
            link: None,
            declared: None,
        }
    }

    /// What its source calls it.
    pub fn reference(&self) -> SourceRef {
        SourceRef {
            source: self.source.clone(),
            source_id: self.source_id.clone(),
        }
    }
}
