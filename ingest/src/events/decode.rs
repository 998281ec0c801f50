//! From bytes to events of our own form. Pure.

use model::{Event, NewEvent, SourceName, SourceRef, Timestamp};
use serde_json::Value;

use super::{calendar, change, group, identity, incident, item, kind, relation, risk, scene};
use crate::decoded::{Malformed, Part, sealed};
use crate::fields::{self, Fields, Path, Problems, nearest};
use crate::split::{Wrapping, split, unfold};

/// Every event of a body, each for itself.
pub(crate) fn decode(
    body: &[u8],
    wrapping: Wrapping,
    received_at: Timestamp,
) -> Result<Vec<Part>, Malformed> {
    let parts = split(body, wrapping)?;
    let decoded = parts.into_iter().map(|part| decode_part(part, received_at));
    Ok(decoded.collect())
}

/// One event.
pub(crate) fn decode_part(part: &str, received_at: Timestamp) -> Part {
    let value = match unfold(part) {
        Ok(value) => value,
        Err(refused) => return refused,
    };
    let mut problems = Problems::default();
    match read_event(value, received_at, &mut problems) {
        Some(event) if problems.is_empty() => Part::Events(vec![event]),
        _ => Part::Rejected(problems),
    }
}

/// Reads the envelope: `id`, `source`, `type`, `time`, `data`.
fn read_event(value: Value, received_at: Timestamp, problems: &mut Problems) -> Option<NewEvent> {
    let mut fields = Fields::open(value, &Path::Root, problems)?;
    let delivery = fields.may("id", fields::source_id);
    let source = fields.must("source", fields::source_name);
    let tag = fields.must("type", fields::name);
    let time = fields.may("time", fields::time);
    let envelope = Envelope {
        delivery,
        source: source.unwrap_or_else(|| SourceName::new("")),
        time,
    };
    let event = match tag {
        Some(tag) => fields.must("data", |data, path, problems| {
            read_data(&tag, data, &envelope, path, problems)
        }),
        None => fields.must("data", |_, _, _| None),
    };
    fields.close();
    Some(envelope.seal(event?, received_at))
}

/// What stands around the data of an event.
pub(crate) struct Envelope {
    /// The sender's id, if it gave one.
    pub(crate) delivery: Option<String>,
    /// Who sent it.
    pub(crate) source: SourceName,
    /// The time it states.
    pub(crate) time: Option<Timestamp>,
}

impl Envelope {
    /// Which change or incident the data speaks of: by default one of this source, called like the event.
    pub(crate) fn reference(&self, fields: &mut Fields<'_>) -> Option<SourceRef> {
        self.reference_or(fields, None)
    }

    /// The same; without an id of its own it is called by another name, if there is one.
    pub(crate) fn reference_or(
        &self,
        fields: &mut Fields<'_>,
        other: Option<&str>,
    ) -> Option<SourceRef> {
        let source = fields.may("source", fields::source_name);
        let source_id = fields.may("sourceId", fields::source_id);
        let source_id = source_id.or_else(|| other.map(str::to_owned));
        let source_id = source_id.or_else(|| self.delivery.clone());
        if source_id.is_none() {
            fields.problem("sourceId", "is required when the event has no id");
        }
        Some(SourceRef {
            source: source.unwrap_or_else(|| self.source.clone()),
            source_id: source_id?,
        })
    }

    /// Puts the event into its envelope; without an id its content names it.
    pub(crate) fn seal(self, event: Event, received_at: Timestamp) -> NewEvent {
        let occurred = event.occurred(self.time, received_at);
        // Whoever operated a change also caused the event that tells of it.
        let operator = event.change().and_then(|change| change.operator.clone());
        let actor = operator.unwrap_or_default();
        sealed(self.source, self.delivery, occurred, actor, event)
    }
}

/// The types a sender may state.
const TYPES: [&str; 36] = [
    "item.observed",
    "item.retired",
    "relation.observed",
    "relation.ended",
    "change.recorded",
    "incident.opened",
    "incident.updated",
    "cause.judged",
    "incidents.judged",
    "item.deviated",
    "relation.deviated",
    "items.merged",
    "item.split",
    "identity.reverted",
    "source.retracted",
    "source.restored",
    "kind.defined",
    "kind.withdrawn",
    "relation_kind.defined",
    "relation_kind.withdrawn",
    "group.defined",
    "group.withdrawn",
    "calendar_rule.declared",
    "calendar_rule.withdrawn",
    "exemption.granted",
    "exemption.withdrawn",
    "platform.registered",
    "platform.withdrawn",
    "scene.registered",
    "scene.withdrawn",
    "level.defined",
    "level.withdrawn",
    "check.judged",
    "risk_score.recorded",
    "risk_rule.declared",
    "risk_rule.withdrawn",
];

/// Whether a sender may state events of this type.
pub(crate) fn is_own_type(tag: &str) -> bool {
    TYPES.contains(&tag)
}

/// Reads the data of an event of a named type.
pub(crate) fn read_data(
    tag: &str,
    data: Value,
    envelope: &Envelope,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Event> {
    match tag {
        "item.observed" => item::observed(data, path, problems).map(Event::ItemObserved),
        "item.retired" => item::retired(data, path, problems).map(Event::ItemRetired),
        "item.deviated" => item::deviated(data, path, problems).map(Event::ItemDeviated),
        "relation.observed" => {
            relation::observed(data, path, problems).map(Event::RelationObserved)
        }
        "relation.ended" => relation::ended(data, path, problems).map(Event::RelationEnded),
        "relation.deviated" => {
            relation::deviated(data, path, problems).map(Event::RelationDeviated)
        }
        "change.recorded" => change::recorded(data, envelope, path, problems)
            .map(|change| Event::ChangeRecorded(Box::new(change))),
        "incident.opened" => {
            incident::stated(data, envelope, path, problems).map(Event::IncidentOpened)
        }
        "incident.updated" => {
            incident::stated(data, envelope, path, problems).map(Event::IncidentUpdated)
        }
        "cause.judged" => incident::judged(data, path, problems).map(Event::CauseJudged),
        "incidents.judged" => incident::belonging(data, path, problems).map(Event::IncidentsJudged),
        "items.merged" => identity::merged(data, path, problems).map(Event::ItemsMerged),
        "item.split" => identity::split(data, path, problems).map(Event::ItemSplit),
        "identity.reverted" => {
            identity::reverted(data, path, problems).map(Event::IdentityReverted)
        }
        "source.retracted" => identity::retracted(data, path, problems).map(Event::SourceRetracted),
        "source.restored" => identity::restored(data, path, problems).map(Event::SourceRestored),
        "group.defined" => {
            group::defined(data, path, problems).map(|it| Event::GroupDefined(Box::new(it)))
        }
        "group.withdrawn" => group::withdrawn(data, path, problems).map(Event::GroupWithdrawn),
        "calendar_rule.declared" => calendar::declared(data, path, problems)
            .map(|rule| Event::CalendarRuleDeclared(Box::new(rule))),
        "calendar_rule.withdrawn" => {
            calendar::withdrawn(data, path, problems).map(Event::CalendarRuleWithdrawn)
        }
        "exemption.granted" => calendar::granted(data, path, problems)
            .map(|exemption| Event::ExemptionGranted(Box::new(exemption))),
        "exemption.withdrawn" => {
            calendar::exemption_withdrawn(data, path, problems).map(Event::ExemptionWithdrawn)
        }
        "risk_rule.declared" => {
            risk::declared(data, path, problems).map(|rule| Event::RiskRuleDeclared(Box::new(rule)))
        }
        "risk_rule.withdrawn" => {
            risk::withdrawn(data, path, problems).map(Event::RiskRuleWithdrawn)
        }
        "kind.defined" => {
            kind::defined(data, path, problems).map(|kind| Event::KindDefined(Box::new(kind)))
        }
        "kind.withdrawn" => kind::withdrawn(data, path, problems).map(Event::KindWithdrawn),
        "relation_kind.defined" => {
            kind::relation_defined(data, path, problems).map(Event::RelationKindDefined)
        }
        "relation_kind.withdrawn" => {
            kind::relation_withdrawn(data, path, problems).map(Event::RelationKindWithdrawn)
        }
        other if scene::TYPES.contains(&other) => scene::read(other, data, path, problems),
        other => {
            let reason = match nearest(other, &TYPES) {
                Some(meant) => format!("is not known; did you mean {meant}?"),
                None => format!("is not one of {}", TYPES.join(", ")),
            };
            problems.add(&Path::Field(&Path::Root, "type"), reason);
            None
        }
    }
}
