//! From bytes to events of our own form. Pure.

use model::{Actor, Event, EventId, NewEvent, SourceName, SourceRef, Timestamp, bounds};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{change, incident, item, relation};
use crate::decoded::{Malformed, Part};
use crate::fields::{self, Fields, Path, Problems, depth, nearest};

/// How the events of a body are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// One JSON object, or an array of them.
    Json,
    /// One JSON object a line.
    Lines,
}

/// Every event of a body, each for itself.
pub(crate) fn decode(
    body: &[u8],
    wrapping: Wrapping,
    received_at: Timestamp,
) -> Result<Vec<Part>, Malformed> {
    let parts = split(body, wrapping)?;
    if bounds::EVENTS_PER_REQUEST_MAX < parts.len() {
        let found = parts.len();
        let limit = bounds::EVENTS_PER_REQUEST_MAX;
        return Err(Malformed::because(format!(
            "the request has {found} events, at most {limit} are taken"
        )));
    }
    let decoded = parts.into_iter().map(|part| decode_one(part, received_at));
    Ok(decoded.collect())
}

/// The pieces of a body as they stand in it.
fn split(body: &[u8], wrapping: Wrapping) -> Result<Vec<&str>, Malformed> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Malformed::because(format!("the body is not UTF-8: {error}")))?;
    match wrapping {
        Wrapping::Lines => Ok(text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect()),
        Wrapping::Json if text.trim_start().starts_with('[') => {
            let parts: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
            Ok(parts.into_iter().map(RawValue::get).collect())
        }
        Wrapping::Json => {
            let part: &RawValue = serde_json::from_str(text).map_err(not_json)?;
            Ok(vec![part.get()])
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is used as a function of the error"
)]
fn not_json(error: serde_json::Error) -> Malformed {
    let hint = if error.to_string().starts_with("trailing characters") {
        "; several events are a JSON array, or JSON lines sent as application/x-ndjson"
    } else {
        ""
    };
    Malformed::because(format!("the body is not JSON: {error}{hint}"))
}

fn decode_one(part: &str, received_at: Timestamp) -> Part {
    if bounds::EVENT_BYTES < part.len() {
        let (bytes, limit) = (part.len(), bounds::EVENT_BYTES);
        return Part::refused("", format!("has {bytes} bytes, an event may have {limit}"));
    }
    let value: Value = match serde_json::from_str(part) {
        Ok(value) => value,
        Err(error) => return Part::refused("", format!("is not JSON: {error}")),
    };
    if bounds::JSON_DEPTH_MAX < depth(&value) {
        let limit = bounds::JSON_DEPTH_MAX;
        return Part::refused("", format!("nests deeper than {limit}"));
    }
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
        let source = fields.may("source", fields::source_name);
        let source_id = fields.may("sourceId", fields::source_id);
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
        let actor = acting(&event);
        match self.delivery {
            Some(delivery) => NewEvent {
                id: EventId {
                    source: self.source,
                    delivery,
                },
                occurred,
                actor,
                event,
            },
            None => NewEvent::named_by_content(self.source, occurred, actor, event),
        }
    }
}

/// Whoever operated a change also caused the event that tells of it.
fn acting(event: &Event) -> Actor {
    match event {
        Event::ChangeRecorded(change) => change.operator.clone().unwrap_or_default(),
        Event::ItemObserved(_)
        | Event::ItemRetired(_)
        | Event::RelationObserved(_)
        | Event::RelationEnded(_)
        | Event::CallsObserved(_)
        | Event::IncidentOpened(_)
        | Event::IncidentUpdated(_)
        | Event::CauseJudged(_)
        | Event::ItemDeviated(_)
        | Event::RelationDeviated(_)
        | Event::ObservationGap(_)
        | Event::InputQuarantined(_) => Actor::default(),
    }
}

/// The types a sender may state.
const TYPES: [&str; 10] = [
    "item.observed",
    "item.retired",
    "relation.observed",
    "relation.ended",
    "change.recorded",
    "incident.opened",
    "incident.updated",
    "cause.judged",
    "item.deviated",
    "relation.deviated",
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
