//! Alertmanager's webhook, version 4: `/ingest/alertmanager`.
//!
//! Every alert is an incident of its own, named by its fingerprint and its start:
//! one that fires again later is another incident. Notifications are repeated as
//! long as an alert fires; what was said before is a duplicate.

#[cfg(test)]
mod tests;

use model::{
    Actor, ActorKind, ContentHash, Event, Incident, IncidentStatus, NewEvent, Occurred, SourceName,
    SourceRef, bounds,
};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decoded::{Malformed, NotUnderstood, Part};
use crate::fields::{self, Fields, Path, Problems, shortened};
use crate::intake::{Address, Delivery};
use crate::labels::{self, Named};
use crate::split::unfold;

/// How the quarantine calls this form.
const FORMAT: &str = "alertmanager";

/// Where notifications are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORMAT, "/ingest/alertmanager", |delivery| {
    decode(delivery, FORMAT)
});

/// A notification as it stands in the body, its alerts not yet unfolded: there may be many.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'a> {
    #[serde(borrow)]
    alerts: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    group_labels: Option<&'a RawValue>,
    #[serde(default)]
    truncated_alerts: Option<u64>,
}

/// Every alert of a notification, each for itself. Grafana sends the same under its own name.
pub(crate) fn decode(delivery: &Delivery, format: &'static str) -> Result<Vec<Part>, Malformed> {
    let json: &RawValue = serde_json::from_slice(&delivery.body)
        .map_err(|error| Malformed::because(format!("the body is not JSON: {error}")))?;
    let Ok(notification) = serde_json::from_str::<Notification<'_>>(json.get()) else {
        return Ok(vec![not_a_notification(delivery, format)]);
    };
    let found = notification.alerts.len();
    if bounds::EVENTS_PER_REQUEST_MAX < found {
        let limit = bounds::EVENTS_PER_REQUEST_MAX;
        return Err(Malformed::because(format!(
            "more than {limit} alerts in one notification"
        )));
    }
    let group = Group::of(&notification, delivery, format);
    let mut parts = Vec::with_capacity(found);
    for (index, alert) in notification.alerts.iter().enumerate() {
        let alerts = Path::Field(&Path::Root, "alerts");
        let path = Path::Entry(&alerts, index);
        parts.push(part_of(alert.get(), &group, &path));
    }
    Ok(parts)
}

fn part_of(alert: &str, group: &Group<'_>, path: &Path<'_>) -> Part {
    let alert = match unfold(alert) {
        Ok(alert) => alert,
        Err(refused) => return refused,
    };
    let mut problems = Problems::default();
    match read_alert(alert, group, path, &mut problems) {
        Some(alert) if problems.is_empty() => Part::Events(vec![alert.event(group)]),
        _ => Part::Rejected(problems),
    }
}

fn not_a_notification(delivery: &Delivery, format: &'static str) -> Part {
    Part::Unknown(Box::new(NotUnderstood {
        source: delivery.sender.source_or(format),
        occurred: Occurred::Received(delivery.received_at),
        format,
        body: delivery.body.clone(),
        headers: Vec::new(),
        reason: "there is no list of alerts".to_owned(),
    }))
}

/// What a notification says of all its alerts.
struct Group<'a> {
    labels: String,
    truncated: u64,
    delivery: &'a Delivery,
    /// Who speaks.
    name: &'static str,
    source: SourceName,
}

impl<'a> Group<'a> {
    fn of(notification: &Notification<'_>, delivery: &'a Delivery, name: &'static str) -> Self {
        let labels = notification.group_labels;
        let labels = labels.and_then(|labels| unfold(labels.get()).ok());
        let labels = labels.iter().filter_map(Value::as_object).flatten();
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
            .collect();
        Self {
            labels: labels.join(", "),
            truncated: notification.truncated_alerts.unwrap_or(0),
            delivery,
            name,
            source: delivery.sender.source_or(name),
        }
    }
}

/// One alert, read and named.
struct Alert {
    incident: Incident,
    resolved: bool,
}

fn read_alert(
    alert: Value,
    group: &Group<'_>,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Alert> {
    const FIRING: [(&str, bool); 2] = [("firing", false), ("resolved", true)];
    let mut fields = Fields::open(alert, path, problems)?;
    let resolved = fields.must("status", |value, path, problems| {
        fields::word(&FIRING, value, path, problems)
    });
    let labels = fields.must("labels", named);
    let annotations = fields.may("annotations", named).unwrap_or_default();
    let started_at = fields.must("startsAt", fields::time);
    // An alert that still fires states the year 1 as its end.
    let ended_at = match resolved {
        Some(true) => fields.may("endsAt", fields::time),
        Some(false) | None => None,
    };
    let fingerprint = fields.may("fingerprint", fields::name);
    let generator = fields.may("generatorURL", |value, _, _| {
        value.as_str().map(|url| shortened(url, bounds::LINE_BYTES))
    });
    let (resolved, labels, started_at) = (resolved?, labels?, started_at?);

    let fingerprint = fingerprint.unwrap_or_else(|| fingerprint_of(&labels));
    let sender = &group.delivery.sender;
    let environment = sender.environment_or(labels::environment(&labels));
    let items = sender.items_or(labels::items(&labels));
    let description = describe(&labels, &annotations, group, items.is_empty());
    let reference = SourceRef {
        source: group.source.clone(),
        source_id: format!("{fingerprint}/{started_at}"),
    };
    let incident = Incident {
        title: Some(title(&labels, &annotations)),
        description,
        status: Some(match resolved {
            true => IncidentStatus::Resolved,
            false => IncidentStatus::Open,
        }),
        severity: labels::severity(&labels),
        items,
        environment,
        started_at: Some(started_at),
        resolved_at: ended_at.map(|ended| ended.max(started_at)),
        link: generator.filter(|url| !url.is_empty()),
        ..Incident::new(reference)
    };
    Some(Alert { incident, resolved })
}

impl Alert {
    fn event(self, group: &Group<'_>) -> NewEvent {
        let (event, stated_at) = match self.resolved {
            true => {
                let ended_at = self.incident.resolved_at;
                (Event::IncidentUpdated(self.incident), ended_at)
            }
            false => {
                let started_at = self.incident.started_at;
                (Event::IncidentOpened(self.incident), started_at)
            }
        };
        let actor = Actor {
            kind: ActorKind::Automatic,
            name: Some(group.name.to_owned()),
        };
        let occurred = event.occurred(stated_at, group.delivery.received_at);
        NewEvent::named_by_content(group.source.clone(), occurred, actor, event)
    }
}

/// Names and texts; anything else in between says nothing to us.
fn named(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Named> {
    let Value::Object(entries) = value else {
        problems.add(path, "expected an object");
        return None;
    };
    if bounds::ATTRIBUTES_MAX < entries.len() {
        let limit = bounds::ATTRIBUTES_MAX;
        problems.add(path, format!("has more than {limit} entries"));
        return None;
    }
    let texts = entries.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        _ => None,
    });
    Some(texts.collect())
}

fn fingerprint_of(labels: &Named) -> String {
    let said = serde_json::to_vec(labels).expect("texts can be written to memory");
    ContentHash::of(&said).to_string()
}

fn title(labels: &Named, annotations: &Named) -> String {
    let stated = ["summary", "title", "message"]
        .iter()
        .find_map(|name| annotations.get(*name))
        .filter(|text| !text.trim().is_empty())
        .or_else(|| labels.get("alertname"))
        .map_or("alert without a name", String::as_str);
    let line = stated.lines().next().unwrap_or_default();
    shortened(line, bounds::LINE_BYTES)
}

fn describe(
    labels: &Named,
    annotations: &Named,
    group: &Group<'_>,
    without_item: bool,
) -> Option<String> {
    const LINKS: [(&str, &str); 3] = [
        ("runbook_url", "Runbook"),
        ("runbook", "Runbook"),
        ("dashboard_url", "Dashboard"),
    ];
    let mut lines: Vec<String> = Vec::new();
    lines.extend(annotations.get("description").cloned());
    for (name, shown) in LINKS {
        lines.extend(annotations.get(name).map(|link| format!("{shown}: {link}")));
    }
    if 0 < group.truncated {
        let (left_out, labels) = (group.truncated, &group.labels);
        let by = match group.name {
            FORMAT => "Alertmanager",
            other => other,
        };
        lines.push(format!(
            "{left_out} more alerts of the group ({labels}) were left out by {by}."
        ));
    }
    if without_item {
        let names: Vec<&str> = labels.keys().map(String::as_str).collect();
        lines.push(format!(
            "No label of this alert names an item: {}.",
            names.join(", ")
        ));
    }
    let description = shortened(&lines.join("\n"), bounds::TEXT_BYTES);
    (!description.is_empty()).then_some(description)
}
