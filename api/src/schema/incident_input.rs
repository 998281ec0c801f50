//! What a client states of an incident, of its cause and of the group it is in. It becomes our own events of these names.

use async_graphql::{Context, Enum, ID, InputObject, Result};
use model::{IncidentId, SourceKey, SourceRef, bounds};
use serde::Serialize;
use serde_json::{Value, json};

use super::change::Change;
use super::incident::Incident;
use super::incident_groups::IncidentGroup;
use super::keys;
use super::recording::Envelope;
use super::scalars::{DateTime, ItemKey};
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

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

/// Whether an incident is one with others, as a person finds.
#[derive(InputObject)]
pub(crate) struct JudgeIncidentsInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    event_id: Option<String>,
    /// When this was found; now when missing.
    occurred_at: Option<DateTime>,
    /// Who says so.
    #[graphql(default = "graphql")]
    source: String,
    /// The incident that belongs or does not.
    incident: ID,
    /// The others. When missing: with `APART` all others of its group as it is now, with `WITHDRAWN` all of which something was said.
    others: Option<Vec<ID>>,
    /// The finding.
    verdict: Belonging,
    /// Why.
    reason: Option<String>,
}

/// A finding about incidents.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Belonging {
    /// They are one.
    Together,
    /// They are not.
    Apart,
    /// What was found of them before no longer counts.
    Withdrawn,
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

impl JudgeIncidentsInput {
    /// The event that states it, and which incident it is about. It names all of them by their sources' names.
    pub(crate) async fn into_event(
        self,
        ctx: &Context<'_>,
        at: &Standpoint,
    ) -> Result<(Value, SourceRef)> {
        let incident = Incident::require(at, &self.incident)?.reference();
        let mut others: Vec<SourceRef> = Vec::new();
        match &self.others {
            Some(named) => {
                for other in named {
                    others.push(Incident::require(at, other)?.reference());
                }
            }
            None => {
                let meant = self.meant(ctx, at, IncidentId::of(&incident)).await?;
                let rows = meant.iter().filter_map(|id| at.view.graph.incident(*id));
                others.extend(rows.map(|row| row.reference()));
            }
        }
        let data = json!({
            "incident": incident,
            "others": others,
            "verdict": self.verdict,
            "reason": self.reason,
        });
        let envelope = Envelope {
            event_id: self.event_id,
            source: self.source,
            occurred_at: self.occurred_at,
        };
        Ok((envelope.seal("incidents.judged", &data), incident))
    }

    /// Whom nobody named.
    async fn meant(
        &self,
        ctx: &Context<'_>,
        at: &Standpoint,
        incident: IncidentId,
    ) -> Result<Vec<IncidentId>> {
        let meant = match self.verdict {
            Belonging::Together => {
                let message = "others: say which incidents it is one with";
                return Err(ErrorCode::BadInput.error(message));
            }
            Belonging::Apart => {
                let group = IncidentGroup::around(ctx, at.clone(), incident).await?;
                group.map_or_else(Vec::new, |group| group.others(incident))
            }
            Belonging::Withdrawn => at.view.graph.judged_with(incident),
        };
        let refused = match meant.len() {
            0 => "others: it is one with no other incident, and nothing was said of it".to_owned(),
            count if bounds::INCIDENTS_JUDGED_MAX < count => format!(
                "others: {count} incidents are meant, and one statement names {} at most",
                bounds::INCIDENTS_JUDGED_MAX
            ),
            _ => return Ok(meant),
        };
        Err(ErrorCode::BadInput.error(refused))
    }
}
