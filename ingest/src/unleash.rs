//! Unleash's webhook: `/ingest/unleash` takes its events.
//!
//! Events of a flag that change what it answers are changes; tags, favourites and notes are not.

#[cfg(test)]
mod tests;

use model::{Actor, ActorKind, KeyParts, ObservedItem, ValueChange};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::flags::flag_part;
use crate::intake::{Address, Delivery};
use crate::said::Said;
use crate::split::{Wrapping, split, unfold};
use crate::told::{self, Told, actor, source_of};

/// How the quarantine calls this form.
const FORMAT: &str = "unleash";

/// Where events are taken; the integration sends its `Authorization` header.
pub(crate) const ADDRESS: Address = Address::of_json(FORMAT, "/ingest/unleash", decode);

/// Events of a flag that change what it answers, and what they say for people.
const CHANGES: [(&str, &str); 16] = [
    ("feature-created", "created"),
    ("feature-archived", "archived"),
    ("feature-revived", "revived"),
    ("feature-deleted", "deleted"),
    ("feature-updated", "updated"),
    ("feature-project-change", "moved to another project"),
    ("feature-import", "imported"),
    ("feature-environment-enabled", "enabled"),
    ("feature-environment-disabled", "disabled"),
    ("feature-strategy-add", "given a strategy"),
    ("feature-strategy-update", "given another strategy"),
    ("feature-strategy-remove", "relieved of a strategy"),
    ("feature-variants-updated", "given other variants"),
    (
        "feature-environment-variants-updated",
        "given other variants",
    ),
    ("feature-dependency-added", "given a dependency"),
    ("feature-dependency-removed", "relieved of a dependency"),
];

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let parts = split(&delivery.body, Wrapping::Json)?.into_iter();
    Ok(parts
        .map(|part| match unfold(part) {
            Ok(event) => part_of(&event, delivery).made_of(part),
            Err(refused) => refused,
        })
        .collect())
}

fn part_of(event: &Value, delivery: &Delivery) -> Part {
    let Some(kind) = Said(event).written("/type") else {
        let body = event.to_string();
        return told::unknown(
            delivery,
            FORMAT,
            body.as_bytes(),
            "is no event: there is no type",
        );
    };
    let Some((_, done)) = CHANGES.iter().find(|(known, _)| *known == kind) else {
        return Part::ignored("an event that does not change what a flag answers");
    };
    let (Some(flag), Some(id)) = (Said(event).written("/featureName"), Said(event).line("/id"))
    else {
        return Part::refused("featureName", "is required, and id");
    };
    let Some(at) = Said(event).time_in_millis("/createdAt") else {
        return Part::refused("createdAt", "is required, as RFC 3339");
    };
    let source = source_of(delivery, FORMAT);
    let environment = Said(event).written("/environment").map(str::to_owned);
    let environment = environment.or_else(|| delivery.sender.environment.clone());
    let name = match Said(event).written("/project") {
        Some(project) => format!("{project}/{flag}"),
        None => flag.to_owned(),
    };
    let key = KeyParts::new("flag", name).in_environment(environment.clone());
    let mut change = told::done(told::change(&source, id.clone(), "flag"), Some(at));
    let place = environment
        .as_deref()
        .map(|name| format!(" in {name}"))
        .unwrap_or_default();
    change.title = Some(format!("{flag} {done}{place}"));
    change.environment = environment;
    change.values = values(event, kind);
    change.operator = Said(event).written("/createdBy").map(operator);
    change.targets = vec![key.clone().into()];
    let told = Told {
        delivery: Some(id),
        at: Some(at),
        change,
    };
    flag_part(told, ObservedItem::new(key), delivery)
}

fn values(event: &Value, kind: &str) -> Vec<ValueChange> {
    let switched = |before: bool| ValueChange {
        field: "enabled".to_owned(),
        before: Some(before.into()),
        after: Some((!before).into()),
    };
    match kind {
        "feature-environment-enabled" => vec![switched(false)],
        "feature-environment-disabled" => vec![switched(true)],
        _ => {
            let side = |name: &str| event.get(name).filter(|side| !side.is_null()).cloned();
            match (side("preData"), side("data")) {
                (Some(before), Some(after)) => told::differences("", &before, &after),
                _ => Vec::new(),
            }
        }
    }
}

fn operator(name: &str) -> Actor {
    let machine = matches!(
        name,
        "unleash_system_user" | "system" | "migration" | "init-api-tokens"
    );
    let kind = match machine {
        true => ActorKind::Automatic,
        false => ActorKind::Human,
    };
    actor(kind, Some(name))
}
