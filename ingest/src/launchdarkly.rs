//! `LaunchDarkly`'s webhook: `/ingest/launchdarkly` takes entries of its audit log.
//!
//! An entry of a flag is a change of that flag in its environment, with what differs between
//! the versions it shows. Entries of people, tokens and the like are no change.

#[cfg(test)]
mod tests;

use model::{Actor, ActorKind, KeyParts, ObservedItem, ValueChange};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::flags::flag_part;
use crate::intake::{Address, Delivery};
use crate::proof::{HashFunction, Proof};
use crate::said::Said;
use crate::split::{Wrapping, split, unfold};
use crate::told::{self, Told, actor, source_of};

/// How the quarantine calls this form.
const FORMAT: &str = "launchdarkly";

/// Where entries are taken. Signed where the webhook has a secret.
pub(crate) const ADDRESS: Address = Address {
    proof: Proof::AnyOf(&[
        Proof::Hmac {
            header: "x-ld-signature",
            prefix: "",
            hash: HashFunction::Sha256,
        },
        Proof::Token,
    ]),
    ..Address::of_json(FORMAT, "/ingest/launchdarkly", decode)
};

/// Names of a flag's fields that its service keeps for itself.
const BOOKS: [&str; 8] = [
    "version",
    "lastModified",
    "salt",
    "sel",
    "creationDate",
    "debugEventsUntilDate",
    "maintainerId",
    "goalIds",
];

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let parts = split(&delivery.body, Wrapping::Json)?.into_iter();
    Ok(parts
        .map(|part| match unfold(part) {
            Ok(entry) => part_of(&entry, delivery).made_of(part),
            Err(refused) => refused,
        })
        .collect())
}

fn part_of(entry: &Value, delivery: &Delivery) -> Part {
    let Some(kind) = Said(entry).written("/kind") else {
        let body = entry.to_string();
        return told::unknown(
            delivery,
            FORMAT,
            body.as_bytes(),
            "is no entry of an audit log: there is no kind",
        );
    };
    if kind != "flag" {
        return Part::ignored("an entry that is of no flag");
    }
    let accesses = Said(entry).entries("/accesses").iter();
    let stated = accesses.filter_map(|access| Said(access).written("/resource"));
    let targets = Said(entry).entries("/target/resources").iter();
    let resource = stated
        .chain(targets.filter_map(Value::as_str))
        .find_map(Resource::read);
    let Some(resource) = resource else {
        return Part::refused(
            "target.resources",
            "names no flag, as in proj/shop:env/prod:flag/new",
        );
    };
    let (Some(id), Some(at)) = (
        Said(entry).written("/_id"),
        Said(entry).time_in_millis("/date"),
    ) else {
        return Part::refused("_id", "is required, and date in milliseconds");
    };
    let source = source_of(delivery, FORMAT);
    let environment = resource.environment.map(str::to_owned);
    let environment = environment.or_else(|| delivery.sender.environment.clone());
    let name = format!("{}/{}", resource.project, resource.flag);
    let key = KeyParts::new("flag", name).in_environment(environment.clone());
    let mut change = told::done(told::change(&source, id, "flag"), Some(at));
    let verb = Said(entry)
        .written("/titleVerb")
        .unwrap_or("changed the flag");
    let place = environment
        .as_deref()
        .map(|name| format!(" in {name}"))
        .unwrap_or_default();
    change.title = Some(format!("{verb} {}{place}", resource.flag));
    change.description = Said(entry)
        .written("/comment")
        .or_else(|| Said(entry).written("/description"))
        .map(str::to_owned);
    change.environment = environment;
    change.values = values(entry, resource.environment);
    let operator = operator(entry);
    change.operator = (operator != Actor::default()).then_some(operator);
    change.targets = vec![key.clone().into()];
    let mut item = ObservedItem::new(key);
    item.display_name = Said(entry).written("/name").map(str::to_owned);
    let told = Told {
        delivery: Some(id.to_owned()),
        at: Some(at),
        change,
    };
    flag_part(told, item, delivery)
}

/// `proj/PROJECT:env/ENVIRONMENT:flag/FLAG;tag`.
struct Resource<'v> {
    project: &'v str,
    /// Missing where the flag is meant in all of them.
    environment: Option<&'v str>,
    flag: &'v str,
}

impl<'v> Resource<'v> {
    fn read(resource: &'v str) -> Option<Self> {
        let part = |name: &str| {
            let parts = resource.split(':');
            let found = parts
                .filter_map(|part| part.split_once('/'))
                .find(|(kind, _)| *kind == name);
            let value = found?.1.split(';').next()?;
            (!value.is_empty()).then_some(value)
        };
        Some(Self {
            project: part("proj")?,
            environment: part("env").filter(|name| *name != "*"),
            flag: part("flag")?,
        })
    }
}

/// What differs between the two versions that the entry shows, in its environment and for all.
fn values(entry: &Value, environment: Option<&str>) -> Vec<ValueChange> {
    let side = |name: &str| {
        let mut side = entry.get(name).cloned().unwrap_or_default();
        if let (Some(all), Some(environment)) = (side.get_mut("environments"), environment)
            && let Value::Object(all) = all
        {
            all.retain(|name, _| name == environment);
        }
        strip(&mut side);
        side
    };
    match (entry.get("previousVersion"), entry.get("currentVersion")) {
        (Some(before), Some(after)) if before.is_object() && after.is_object() => {
            told::differences("", &side("previousVersion"), &side("currentVersion"))
        }
        _ => Vec::new(),
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.starts_with('_') && !BOOKS.contains(&name.as_str()));
            fields.values_mut().for_each(strip);
        }
        Value::Array(entries) => entries.iter_mut().for_each(strip),
        _ => {}
    }
}

fn operator(entry: &Value) -> Actor {
    if let Some(email) = Said(entry).written("/member/email") {
        return actor(ActorKind::Human, Some(email));
    }
    let machine = Said(entry)
        .written("/token/name")
        .or_else(|| Said(entry).written("/app/name"));
    match machine {
        Some(name) => actor(ActorKind::Automatic, Some(name)),
        None => Actor::default(),
    }
}
