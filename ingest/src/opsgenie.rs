//! Opsgenie's webhook integration: an alert is an incident from its creation to its close.
//!
//! Opsgenie signs nothing; a header with a token is set in the integration.

#[cfg(test)]
mod tests;

use model::{
    Actor, ActorKind, Event, Incident, IncidentStatus, NewEvent, Occurred, SourceRef, bounds,
};
use serde_json::Value;

use crate::decoded::{Malformed, NotUnderstood, Part, sealed_each_time};
use crate::fields::{Problems, shortened};
use crate::intake::{Address, Delivery};
use crate::labels::{self, Named};
use crate::said::{Said, whole};

const FORMAT: &str = "opsgenie";

/// Where webhooks are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORMAT, "/ingest/opsgenie", decode);

/// What an action says of the alert; `None` where it leaves it as it is.
fn meaning(action: &str) -> Option<Option<IncidentStatus>> {
    match action {
        "create" | "unacknowledge" => Some(Some(IncidentStatus::Open)),
        "acknowledge" => Some(Some(IncidentStatus::Acknowledged)),
        "close" | "delete" => Some(Some(IncidentStatus::Resolved)),
        "updatepriority" | "updatemessage" | "updatedescription" => Some(None),
        _ => None,
    }
}

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let body = match whole(&delivery.body)? {
        Ok(body) => body,
        Err(refused) => return Ok(vec![refused]),
    };
    let said = Said(&body);
    let action = said.word("/action");
    if action.is_empty() || said.value("/alert").is_none() {
        return Ok(vec![not_understood(&body, delivery)]);
    }
    let Some(status) = meaning(&action) else {
        return Ok(vec![Part::ignored(
            "the action leaves the state of the alert as it is",
        )]);
    };
    let mut problems = Problems::default();
    let event = read(said, &action, status, delivery, &mut problems);
    Ok(vec![match event {
        Some(event) if problems.is_empty() => Part::Events(vec![event]),
        _ => Part::Rejected(problems),
    }])
}

fn not_understood(body: &Value, delivery: &Delivery) -> Part {
    Part::Unknown(Box::new(NotUnderstood {
        source: delivery.sender.source_or(FORMAT),
        occurred: Occurred::Received(delivery.received_at),
        format: FORMAT,
        body: body.to_string().into_bytes(),
        headers: Vec::new(),
        reason: "there is no action and no alert".to_owned(),
    }))
}

fn read(
    said: Said<'_>,
    action: &str,
    status: Option<IncidentStatus>,
    delivery: &Delivery,
    problems: &mut Problems,
) -> Option<NewEvent> {
    let alert = said.under("/alert");
    let source_id = said.must_id("/alert/alertId", problems);
    let created_at = said.moment("/alert/createdAt", problems);
    let updated_at = said.moment("/alert/updatedAt", problems);
    let begins = action == "create";
    let at = match begins {
        true => created_at.or(updated_at),
        false => updated_at,
    };
    let spoken_at = at.unwrap_or(delivery.received_at);
    let source = delivery.sender.source_or(FORMAT);
    let named = named(alert);
    let incident = Incident {
        title: alert.line("/message"),
        description: alert.text("/description"),
        status,
        severity: alert.line("/priority"),
        items: delivery.sender.items_or(labels::items(&named)),
        environment: delivery.sender.environment_or(labels::environment(&named)),
        started_at: created_at.or(at.filter(|_| begins)),
        resolved_at: (status == Some(IncidentStatus::Resolved)).then_some(spoken_at),
        ..Incident::new(SourceRef {
            source: source.clone(),
            source_id: source_id?,
        })
    };
    let event = match begins {
        true => Event::IncidentOpened(incident),
        false => Event::IncidentUpdated(incident),
    };
    let occurred = event.occurred(at, delivery.received_at);
    let mut sealed = sealed_each_time(source, occurred, actor(alert), event);
    // Opsgenie names no delivery, and an action may be taken twice.
    let delivery = format!("{action} {}", sealed.id.delivery);
    sealed.id.delivery = shortened(&delivery, bounds::SOURCE_ID_BYTES);
    Some(sealed)
}

/// Details first, then tags such as `service:checkout`; the entity is what an alert is about.
fn named(alert: Said<'_>) -> Named {
    let mut named = alert.named("/details");
    for tag in alert.entries("/tags").iter().filter_map(Value::as_str) {
        if let Some((name, value)) = tag.split_once([':', '=']) {
            let name = name.trim().to_lowercase();
            named.entry(name).or_insert_with(|| value.trim().to_owned());
        }
    }
    if !labels::name_an_item(&named)
        && let Some(entity) = alert
            .name("/entity")
            .filter(|it| !it.contains(char::is_whitespace))
    {
        let kind = match entity.contains(['.', ':']) {
            true => "host",
            false => "service",
        };
        named.insert(kind.to_owned(), entity);
    }
    named
}

fn actor(alert: Said<'_>) -> Actor {
    match alert.line("/username").filter(|name| name.contains('@')) {
        Some(name) => Actor {
            kind: ActorKind::Human,
            name: Some(name),
        },
        None => Actor {
            kind: ActorKind::Automatic,
            name: alert.line("/source"),
        },
    }
}
