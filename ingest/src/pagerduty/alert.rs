//! Alert events of the Events API v2: trigger, acknowledge and resolve one incident by its `dedup_key`.
//!
//! Each delivery is a statement of its own. A trigger that comes again says when it fires, and a
//! key that fires after it was resolved is open again, so equal bodies may mean different things.

use model::{
    Actor, ActorKind, Event, Incident, IncidentStatus, NewEvent, SourceKey, SourceRef, Timestamp,
    bounds,
};
use serde_json::Value;

use super::{PROOF, answer, not_understood, shown, source};
use crate::decoded::{Malformed, Part, sealed_each_time};
use crate::fields::{Problems, shortened};
use crate::intake::{Address, Delivery};
use crate::labels;
use crate::said::{Said, digest, whole};

const FORMAT: &str = "pagerduty-events";

/// Where alert events are taken.
pub(crate) const ADDRESS: Address = Address {
    also: &["/v2/enqueue"],
    proof: PROOF,
    echo: Part::subject,
    respond: answer::to_alert,
    refuse: answer::refuse,
    ..Address::of_json(FORMAT, "/ingest/pagerduty/events", decode)
};

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let body = match whole(&delivery.body)? {
        Ok(body) => body,
        Err(refused) => return Ok(vec![refused]),
    };
    let said = Said(&body);
    let status = match said.word("/event_action").as_str() {
        "trigger" => IncidentStatus::Open,
        "acknowledge" => IncidentStatus::Acknowledged,
        "resolve" => IncidentStatus::Resolved,
        "" => return Ok(vec![Part::refused("event_action", "is required")]),
        other => {
            let reason = shortened(&format!("the event_action {other} is not known"), 128);
            return Ok(vec![not_understood(delivery, FORMAT, body, reason)]);
        }
    };
    let mut problems = Problems::default();
    let at = said.moment("/payload/timestamp", &mut problems);
    let incident = read(said, status, at, delivery, &mut problems);
    Ok(vec![match incident {
        Some(incident) if problems.is_empty() => {
            Part::Events(vec![seal(incident, &body, at, delivery)])
        }
        _ => Part::Rejected(problems),
    }])
}

fn read(
    said: Said<'_>,
    status: IncidentStatus,
    at: Option<Timestamp>,
    delivery: &Delivery,
    problems: &mut Problems,
) -> Option<Incident> {
    let spoken_at = at.unwrap_or(delivery.received_at);
    let triggered = status == IncidentStatus::Open;
    let source_id = match said.value("/dedup_key") {
        None if triggered => Some(digest(&Value::from(format!(
            "{}{spoken_at}",
            digest(said.under("/payload").0)
        )))),
        _ => said.must_id("/dedup_key", problems),
    };
    let reference = SourceRef {
        source: source(delivery),
        source_id: source_id.unwrap_or_default(),
    };
    let mut incident = Incident {
        status: Some(status),
        resolved_at: (status == IncidentStatus::Resolved).then_some(spoken_at),
        ..Incident::new(reference)
    };
    if triggered {
        let details = said.named("/payload/custom_details");
        incident.title = said.must_line("/payload/summary", problems);
        incident.description = description(said);
        incident.severity = said.line("/payload/severity");
        incident.started_at = Some(spoken_at);
        incident.environment = delivery
            .sender
            .environment_or(labels::environment(&details));
        incident.items = delivery.sender.items_or(items(said));
        let mut links = said.entries("/links").iter();
        let link = links.find_map(|link| Said(link).line("/href"));
        incident.link = link.or_else(|| said.line("/client_url"));
    }
    Some(incident)
}

/// By the details, else by the component, else by the place: `source` is the affected system.
fn items(said: Said<'_>) -> Vec<SourceKey> {
    let mut details = said.named("/payload/custom_details");
    if labels::name_an_item(&details) {
        return labels::items(&details);
    }
    let place = said
        .name("/payload/source")
        .filter(|name| !name.contains(char::is_whitespace));
    let (kind, name) = match (said.name("/payload/component"), place) {
        (Some(component), _) => ("service", component),
        (None, Some(place)) if place.contains(['.', ':']) => ("host", place),
        (None, Some(place)) => ("service", place),
        (None, None) => return labels::items(&details),
    };
    details.insert(kind.to_owned(), name);
    labels::items(&details)
}

fn description(said: Said<'_>) -> Option<String> {
    const WORDS: [(&str, &str); 5] = [
        ("/payload/source", "source"),
        ("/payload/component", "component"),
        ("/payload/group", "group"),
        ("/payload/class", "class"),
        ("/client", "client"),
    ];
    let mut lines = shown(said.value("/payload/custom_details"));
    for (path, name) in WORDS {
        lines.extend(said.line(path).map(|word| format!("{name}: {word}")));
    }
    let text = shortened(&lines.join("\n"), bounds::TEXT_BYTES);
    (!text.is_empty()).then_some(text)
}

fn seal(incident: Incident, body: &Value, at: Option<Timestamp>, delivery: &Delivery) -> NewEvent {
    let actor = Actor {
        kind: ActorKind::Automatic,
        name: Said(body).line("/client"),
    };
    let event = match incident.status == Some(IncidentStatus::Open) {
        true => Event::IncidentOpened(incident),
        false => Event::IncidentUpdated(incident),
    };
    let occurred = event.occurred(at, delivery.received_at);
    sealed_each_time(source(delivery), occurred, actor, event)
}
