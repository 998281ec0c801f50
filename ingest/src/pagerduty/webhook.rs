//! Webhooks v3: incidents as PagerDuty has them, and its services as items.

use model::{
    Actor, ActorKind, Claim, Event, EventId, Incident, IncidentStatus, ItemRetired, KeyParts,
    NewEvent, ObservedItem, Occurred, SourceKey, SourceName, SourceRef, Timestamp,
};

use super::{not_understood, source};
use crate::decoded::{Malformed, Part};
use crate::fields::Problems;
use crate::intake::{Address, Delivery};
use crate::proof::{HashFunction, Proof};
use crate::said::{Said, whole};

const FORMAT: &str = "pagerduty";

/// Where webhooks are taken.
pub(crate) const ADDRESS: Address = Address {
    proof: Proof::Hmac {
        header: "x-pagerduty-signature",
        prefix: "v1=",
        hash: HashFunction::Sha256,
    },
    ..Address::of_json(FORMAT, "/ingest/pagerduty", decode)
};

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let body = match whole(&delivery.body)? {
        Ok(body) => body,
        Err(refused) => return Ok(vec![refused]),
    };
    let said = Said(&body).under("/event");
    let (kind, about) = (said.word("/event_type"), said.word("/data/type"));
    let mut problems = Problems::default();
    let webhook = Webhook::read(said, delivery, &mut problems);
    let events = match (kind.split('.').next(), about.as_str()) {
        (Some("incident"), "incident") => webhook.map(|it| it.incident(&kind, &mut problems)),
        (Some("service"), "service") => webhook.map(|it| it.service(&kind, &mut problems)),
        (Some("incident"), _) => {
            return Ok(vec![Part::ignored(
                "a note, a responder or a status update leaves the incident as it is",
            )]);
        }
        (Some("pagey"), _) => return Ok(vec![Part::ignored("a ping")]),
        _ => {
            let reason = match kind.is_empty() {
                true => "there is no event with an event_type".to_owned(),
                false => format!("the event type {kind} has no meaning here"),
            };
            return Ok(vec![not_understood(delivery, FORMAT, body, reason)]);
        }
    };
    Ok(vec![match events {
        Some(events) if problems.is_empty() => Part::Events(events),
        _ => Part::Rejected(problems),
    }])
}

/// What every webhook says.
struct Webhook<'a> {
    source: SourceName,
    id: String,
    at: Option<Timestamp>,
    agent: Actor,
    data: Said<'a>,
    delivery: &'a Delivery,
}

impl<'a> Webhook<'a> {
    fn read(said: Said<'a>, delivery: &'a Delivery, problems: &mut Problems) -> Option<Self> {
        Some(Self {
            source: source(delivery),
            id: said.must_id("/id", problems)?,
            at: said.moment("/occurred_at", problems),
            agent: agent(said.under("/agent")),
            data: said.under("/data"),
            delivery,
        })
    }

    fn incident(self, kind: &str, problems: &mut Problems) -> Vec<NewEvent> {
        let data = self.data;
        let Some(source_id) = data.must_id("/id", problems) else {
            return Vec::new();
        };
        let created_at = data.moment("/created_at", problems);
        let status = match data.word("/status").as_str() {
            "resolved" => Some(IncidentStatus::Resolved),
            "acknowledged" => Some(IncidentStatus::Acknowledged),
            "triggered" => Some(IncidentStatus::Open),
            _ => None,
        };
        let begins = kind == "incident.triggered";
        let service = data.name("/service/summary");
        let incident = Incident {
            title: data.line("/title"),
            status,
            severity: data
                .line("/priority/summary")
                .or_else(|| data.line("/urgency")),
            items: self
                .delivery
                .sender
                .items_or(service.as_deref().map(key).into_iter().collect()),
            environment: self.delivery.sender.environment_or(None),
            started_at: created_at.or(self.at.filter(|_| begins)),
            resolved_at: self.at.filter(|_| status == Some(IncidentStatus::Resolved)),
            link: data.line("/html_url"),
            declared: Some(true),
            ..Incident::new(SourceRef {
                source: self.source.clone(),
                source_id,
            })
        };
        let event = match begins {
            true => Event::IncidentOpened(incident),
            false => Event::IncidentUpdated(incident),
        };
        let mut events = vec![NewEvent {
            id: EventId {
                source: self.source.clone(),
                delivery: self.id.clone(),
            },
            occurred: event.occurred(self.at, self.delivery.received_at),
            actor: self.agent.clone(),
            event,
        }];
        events.extend(self.observed(data.under("/service")));
        events
    }

    /// A service as PagerDuty knows it; saying it again says nothing new, whenever it is said.
    fn observed(&self, service: Said<'_>) -> Option<NewEvent> {
        let id = service.name("/id")?;
        let mut item = ObservedItem::new(key(&service.name("/summary")?));
        item.claims.push(Claim::new("pagerduty.service", id));
        if let Some(link) = service.line("/html_url") {
            item.attributes
                .insert("pagerduty.url".to_owned(), link.into());
        }
        let occurred = Occurred::Received(self.at.unwrap_or(self.delivery.received_at));
        let event = Event::ItemObserved(item);
        let source = self.source.clone();
        Some(NewEvent::named_by_content(
            source,
            occurred,
            Actor::default(),
            event,
        ))
    }

    fn service(self, kind: &str, problems: &mut Problems) -> Vec<NewEvent> {
        if kind != "service.deleted" {
            return self.observed(self.data).into_iter().collect();
        }
        let Some(id) = self.data.must_id("/id", problems) else {
            return Vec::new();
        };
        let event = Event::ItemRetired(ItemRetired {
            key: SourceKey::Claim {
                scheme: "pagerduty.service".to_owned(),
                value: id,
            },
            reason: Some("the service was deleted in PagerDuty".to_owned()),
        });
        vec![NewEvent {
            id: EventId {
                source: self.source,
                delivery: self.id,
            },
            occurred: event.occurred(self.at, self.delivery.received_at),
            actor: self.agent,
            event,
        }]
    }
}

fn agent(said: Said<'_>) -> Actor {
    let kind = match said.word("/type").as_str() {
        "user_reference" | "user" => ActorKind::Human,
        "" => ActorKind::Unknown,
        _ => ActorKind::Automatic,
    };
    Actor {
        kind,
        name: said.line("/summary"),
    }
}

fn key(service: &str) -> SourceKey {
    KeyParts::new("service", service).into()
}
