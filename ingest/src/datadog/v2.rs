//! `POST /api/v2/events`: the categories `change` and `alert`.

use model::{
    Actor, ActorKind, Change, Event, Incident, IncidentStatus, KeyParts, NewEvent, SourceKey,
    SourceRef, Timestamp, ValueChange, bounds,
};
use serde_json::Value;

use super::{PROOF, answer, source, tags, v1};
use crate::decoded::{Part, sealed_each_time};
use crate::fields::{Path, Problems};
use crate::intake::{Address, Delivery};
use crate::labels::{self, Named};
use crate::said::{Said, digest};

/// Where they are taken.
pub(crate) const ADDRESS: Address = Address {
    also: &["/api/v2/events"],
    proof: PROOF,
    echo: Part::subject,
    respond: answer::v2,
    refuse: answer::refuse,
    ..Address::of_json("datadog-v2", "/ingest/datadog/v2", |delivery| {
        super::decode(delivery, read)
    })
};

fn read(body: Said<'_>, delivery: &Delivery, problems: &mut Problems) -> Option<NewEvent> {
    let said = body.under("/data/attributes");
    let title = body.must_line("/data/attributes/title", problems);
    let at = body.moment("/data/attributes/timestamp", problems);
    let tags = tags::named(said.entries("/tags"), said.name("/host"));
    match said.word("/category").as_str() {
        "change" => {
            let change = change(said, title?, &tags, delivery);
            Some(v1::seal(change, at, delivery))
        }
        "alert" => Some(alert(said, title?, at, &tags, delivery)),
        _ => {
            let path = Path::Field(&Path::Root, "data.attributes.category");
            problems.add(&path, "is not one of change, alert");
            None
        }
    }
}

fn change(said: Said<'_>, title: String, tags: &Named, delivery: &Delivery) -> Change {
    let about = said.under("/attributes");
    let reference = SourceRef {
        source: source(delivery),
        source_id: digest(said.0),
    };
    let resource = about.name("/changed_resource/name");
    let kind = about.word("/changed_resource/type");
    let impacted = about.entries("/impacted_resources").iter();
    let mut targets: Vec<SourceKey> = impacted.filter_map(|it| key(Said(it))).collect();
    targets.extend(key(about.under("/changed_resource")));
    targets.truncate(bounds::TARGETS_MAX);
    let mut change = Change {
        title: Some(title),
        description: said.text("/message"),
        entry_channel: said.line("/integration_id"),
        operator: operator(about.under("/author")),
        kind: match kind.as_str() {
            "" => None,
            "feature_flag" => Some("flag".to_owned()),
            other => Some(other.chars().take(bounds::KIND_BYTES / 4).collect()),
        },
        targets,
        ..Change::new(&reference)
    };
    let (before, after) = (value(about, "/prev_value"), value(about, "/new_value"));
    if before.is_some() || after.is_some() {
        let field = resource.unwrap_or_else(|| "value".to_owned());
        change.values.push(ValueChange {
            field,
            before,
            after,
        });
    }
    labels::describe(&mut change, tags);
    labels::describe(&mut change, &about.named("/change_metadata"));
    change
}

/// A service, a flag, a configuration, by its own type.
fn key(resource: Said<'_>) -> Option<SourceKey> {
    let kind = resource.word("/type");
    let name = resource.name("/name")?;
    let fits = !kind.is_empty() && kind.len() <= bounds::KIND_BYTES;
    fits.then(|| KeyParts::new(kind, name).into())
}

/// A value that fits into an event; a larger one is left out.
fn value(said: Said<'_>, pointer: &str) -> Option<Value> {
    let value = said.value(pointer)?;
    (value.to_string().len() <= bounds::ATTRIBUTE_VALUE_BYTES).then(|| value.clone())
}

fn operator(author: Said<'_>) -> Option<Actor> {
    let name = Some(author.line("/name")?);
    let kind = match author.word("/type").as_str() {
        "user" => ActorKind::Human,
        "system" | "api" | "automation" => ActorKind::Automatic,
        _ => ActorKind::Unknown,
    };
    Some(Actor { kind, name })
}

/// An alert speaks of its state; events of one aggregation key are of one incident.
fn alert(
    said: Said<'_>,
    title: String,
    at: Option<Timestamp>,
    tags: &Named,
    delivery: &Delivery,
) -> NewEvent {
    let resolved = said.word("/attributes/status") == "ok";
    let spoken_at = at.unwrap_or(delivery.received_at);
    let name = said.name("/aggregation_key");
    let reference = SourceRef {
        source: source(delivery),
        source_id: name.unwrap_or_else(|| digest(said.0)),
    };
    let incident = Incident {
        title: Some(title),
        description: said.text("/message"),
        status: Some(match resolved {
            true => IncidentStatus::Resolved,
            false => IncidentStatus::Open,
        }),
        severity: said
            .line("/attributes/priority")
            .or_else(|| said.line("/attributes/status").filter(|_| !resolved)),
        items: delivery.sender.items_or(labels::items(tags)),
        environment: delivery.sender.environment_or(labels::environment(tags)),
        started_at: (!resolved).then_some(spoken_at),
        resolved_at: resolved.then_some(spoken_at),
        link: said
            .entries("/attributes/links")
            .iter()
            .find_map(|link| Said(link).line("/url")),
        ..Incident::new(reference)
    };
    let event = match resolved {
        true => Event::IncidentUpdated(incident),
        false => Event::IncidentOpened(incident),
    };
    let actor = Actor {
        kind: ActorKind::Automatic,
        name: None,
    };
    let occurred = event.occurred(at, delivery.received_at);
    sealed_each_time(source(delivery), occurred, actor, event)
}
