//! Flags of any system: `/ingest/flags` takes changes in a form of our own, in the words of `OpenFeature`.
//!
//! `flagd` tells nobody of changes; a file it reads is changed by a commit or a deployment,
//! and whoever does that can send this form.

#[cfg(test)]
mod tests;

use model::{Actor, ActorKind, Event, EventId, KeyParts, NewEvent, ObservedItem};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::fields::{self, Fields, Path, Problems};
use crate::intake::{Address, Delivery};
use crate::split::{Wrapping, split, unfold};
use crate::told::{self, Told, actor, source_of};

/// How the quarantine calls this form.
const FORMAT: &str = "flags";

/// Where changes of flags are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORMAT, "/ingest/flags", decode);

/// A change of a flag, and the flag itself beside it.
pub(crate) fn flag_part(told: Told, flag: ObservedItem, delivery: &Delivery) -> Part {
    let change = told.seal(delivery.received_at);
    let observed = NewEvent {
        id: EventId {
            source: change.id.source.clone(),
            delivery: format!("{}#item.observed", change.id.delivery),
        },
        occurred: change.occurred,
        actor: change.actor.clone(),
        event: Event::ItemObserved(flag),
    };
    Part::Events(vec![change, observed])
}

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let parts = split(&delivery.body, Wrapping::Json)?.into_iter();
    Ok(parts
        .map(|part| {
            let value = match unfold(part) {
                Ok(value) => value,
                Err(refused) => return refused,
            };
            let mut problems = Problems::default();
            match read(value, delivery, &mut problems) {
                Some(part) if problems.is_empty() => part,
                _ => Part::Rejected(problems),
            }
        })
        .collect())
}

fn read(value: Value, delivery: &Delivery, problems: &mut Problems) -> Option<Part> {
    const KINDS: [(&str, ActorKind); 2] = [
        ("human", ActorKind::Human),
        ("automatic", ActorKind::Automatic),
    ];
    let mut fields = Fields::open(value, &Path::Root, problems)?;
    let id = fields.may("id", fields::source_id);
    let at = fields.must("time", fields::time);
    let flag = fields.must("flagKey", fields::key_part);
    let project = fields.may("project", fields::key_part);
    let environment = fields.may("environment", fields::key_part);
    let before = fields.may("before", fields::value);
    let after = fields.may("after", fields::value);
    let reason = fields.may("reason", fields::text);
    let link = fields.may("link", fields::line);
    let name = fields.may("actor", fields::line);
    let kind = fields.may("actorKind", |value, path, problems| {
        fields::word(&KINDS, value, path, problems)
    });
    fields.close();
    let (at, flag) = (at?, flag?);
    let source = source_of(delivery, FORMAT);
    let environment = environment.or_else(|| delivery.sender.environment.clone());
    let called = match project {
        Some(project) => format!("{project}/{flag}"),
        None => flag.clone(),
    };
    let source_id = id.clone().unwrap_or_else(|| format!("{called}@{at}"));
    let key = KeyParts::new("flag", called).in_environment(environment.clone());
    let mut change = told::done(told::change(&source, source_id, "flag"), Some(at));
    let place = environment
        .as_deref()
        .map(|name| format!(" in {name}"))
        .unwrap_or_default();
    change.title = Some(format!("{flag} changed{place}"));
    change.description = reason;
    change.link = link;
    change.environment = environment;
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    change.values = told::differences("", &before, &after);
    for value in &mut change.values {
        // A plain value has no name of its own.
        if value.field.is_empty() {
            "value".clone_into(&mut value.field);
        }
    }
    let operator = actor(kind.unwrap_or_default(), name.as_deref());
    change.operator = (operator != Actor::default()).then_some(operator);
    change.targets = vec![key.clone().into()];
    let told = Told {
        delivery: id,
        at: Some(at),
        change,
    };
    Some(flag_part(told, ObservedItem::new(key), delivery))
}
