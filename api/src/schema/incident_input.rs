//! What a client states of an incident and of its cause. It becomes our own events of these names.

use async_graphql::{Enum, ID, InputObject, Result};
use model::{SourceKey, SourceRef};
use serde::Serialize;
use serde_json::{Value, json};

use super::change::Change;
use super::incident::Incident;
use super::keys;
use super::recording::Envelope;
use super::scalars::{DateTime, ItemKey};
use super::standpoint::Standpoint;

/// The beginning of an incident. A repeat without `eventId` is a duplicate when its content is equal,
/// and an update when it is not.
#[derive(InputObject)]
pub(crate) struct OpenIncidentInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    event_id: Option<String>,
    /// When this was so; now when missing.
    occurred_at: Option<DateTime>,
    /// The system that raised it.
    pub(crate) source: String,
    /// That system's own id.
    pub(crate) source_id: String,
    /// A line for people.
    title: String,
    /// The items that show the symptom: keys, aliases or ids. Unknown ones are fine.
    items: Vec<String>,
    /// The items that show the symptom, as structured keys; they are added to `items`.
    item_keys: Option<Vec<ItemKey>>,
    /// When the disturbance began.
    started_at: Option<DateTime>,
    /// The source's word for how bad it is: `critical`, `warning`, `P1` ...
    severity: Option<String>,
    /// Where it happens; decides first which item a key without environment means.
    environment: Option<String>,
    /// More words.
    description: Option<String>,
    /// Where people read more.
    link: Option<String>,
    /// Whether people declared it; a client that passes on what a monitor raised says `false`.
    #[graphql(default = true)]
    declared: bool,
}

/// More about an incident. What is missing says nothing.
#[derive(InputObject)]
pub(crate) struct UpdateIncidentInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    event_id: Option<String>,
    /// When this was so; now when missing.
    occurred_at: Option<DateTime>,
    /// Who says so; the incident's own source when missing.
    source: Option<String>,
    /// The incident.
    pub(crate) incident: ID,
    /// A line for people.
    title: Option<String>,
    /// All items that show the symptom: keys, aliases or ids. They replace those named before.
    items: Option<Vec<String>>,
    /// Where it stands.
    status: Option<IncidentStatus>,
    /// When the disturbance began.
    started_at: Option<DateTime>,
    /// When it ended.
    resolved_at: Option<DateTime>,
    /// The source's word for how bad it is.
    severity: Option<String>,
    /// Where it happens.
    environment: Option<String>,
    /// More words.
    description: Option<String>,
    /// Where people read more.
    link: Option<String>,
}

/// Whether a change caused an incident, as a person or tool found out.
#[derive(InputObject)]
pub(crate) struct JudgeCauseInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    event_id: Option<String>,
    /// When this was found; now when missing.
    occurred_at: Option<DateTime>,
    /// Who says so.
    #[graphql(default = "graphql")]
    source: String,
    /// The incident.
    pub(crate) incident: ID,
    /// The change.
    change: ID,
    /// The finding.
    verdict: Verdict,
    /// Why.
    reason: Option<String>,
}

/// Where an incident stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IncidentStatus {
    /// It goes on.
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// A finding about a cause.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The change caused the incident.
    Cause,
    /// It did not.
    NotCause,
    /// Nobody can say.
    Unsure,
}

impl OpenIncidentInput {
    /// The event that states it.
    pub(crate) fn into_event(self, at: &Standpoint) -> Result<Value> {
        let written = self.items.into_iter().map(SourceKey::Text);
        let structured = self.item_keys.into_iter().flatten().map(|key| key.0);
        let mut items = Vec::new();
        for key in written.chain(structured) {
            items.push(keys::to_record(at, "items", key)?);
        }
        let data = json!({
            "sourceId": self.source_id,
            "title": self.title,
            "items": items,
            "startedAt": self.started_at,
            "severity": self.severity,
            "environment": self.environment,
            "description": self.description,
            "link": self.link,
            "declared": self.declared,
        });
        let envelope = Envelope {
            event_id: self.event_id,
            source: self.source,
            occurred_at: self.occurred_at,
        };
        Ok(envelope.seal("incident.opened", &data))
    }
}

impl UpdateIncidentInput {
    /// The event that states it, and which incident it is about.
    pub(crate) fn into_event(self, at: &Standpoint) -> Result<(Value, SourceRef)> {
        let incident = Incident::require(at, &self.incident)?.reference();
        let mut items = Vec::new();
        for key in self.items.into_iter().flatten() {
            items.push(keys::to_record(at, "items", SourceKey::Text(key))?);
        }
        let data = json!({
            "source": incident.source,
            "sourceId": incident.source_id,
            "title": self.title,
            "items": items,
            "status": self.status,
            "startedAt": self.started_at,
            "resolvedAt": self.resolved_at,
            "severity": self.severity,
            "environment": self.environment,
            "description": self.description,
            "link": self.link,
        });
        let source = incident.source.as_str().to_owned();
        let envelope = Envelope {
            event_id: self.event_id,
            source: self.source.unwrap_or(source),
            occurred_at: self.occurred_at,
        };
        Ok((envelope.seal("incident.updated", &data), incident))
    }
}

impl JudgeCauseInput {
    /// The event that states it, and which incident it is about. It names both by their sources' names.
    pub(crate) fn into_event(self, at: &Standpoint) -> Result<(Value, SourceRef)> {
        let incident = Incident::require(at, &self.incident)?.reference();
        let change = Change::require(at, &self.change)?.reference();
        let data = json!({
            "incident": incident,
            "change": change,
            "verdict": self.verdict,
            "reason": self.reason,
        });
        let envelope = Envelope {
            event_id: self.event_id,
            source: self.source,
            occurred_at: self.occurred_at,
        };
        Ok((envelope.seal("cause.judged", &data), incident))
    }
}
