//! What the senders of changes have in common: texts at their places in a body, and a
//! change sealed as an event. Pure; it knows no sender's form.

use model::{
    Actor, ActorKind, Change, ChangeStatus, Event, NewEvent, Occurred, SourceName, SourceRef,
    Timestamp, ValueChange, bounds,
};
use serde_json::Value;

use crate::decoded::{NotUnderstood, Part, sealed};
use crate::fields::shortened;
use crate::intake::Delivery;

/// The longest value of a before and after.
const VALUE_BYTES: usize = 512;
/// How deep a value is compared; what lies deeper is compared as one.
const DEPTH_MAX: usize = 12;
/// Names by which the entries of a list are told apart, whatever their order.
const ENTRY_NAMES: [&str; 5] = ["name", "_id", "key", "id", "path"];

/// What a sender told of a change at one time.
pub(crate) struct Told {
    /// The sender's id of the delivery, where it has one.
    pub(crate) delivery: Option<String>,
    /// The moment that it speaks of.
    pub(crate) at: Option<Timestamp>,
    /// What it says.
    pub(crate) change: Change,
}

impl Told {
    /// The event of it; who did it is the operator.
    pub(crate) fn seal(mut self, received_at: Timestamp) -> NewEvent {
        let change = &mut self.change;
        let long = [&mut change.title, &mut change.link];
        for text in long.into_iter().flatten() {
            *text = shortened(text, bounds::LINE_BYTES);
        }
        if let Some(text) = &mut change.description {
            *text = shortened(text, bounds::TEXT_BYTES);
        }
        change.source_id = shortened(&change.source_id, bounds::SOURCE_ID_BYTES);
        change.values.truncate(bounds::DETAILS_MAX);
        change.targets.truncate(bounds::TARGETS_MAX);
        let source = change.source.clone();
        let actor = change.operator.clone().unwrap_or_default();
        let event = Event::ChangeRecorded(Box::new(self.change));
        let occurred = event.occurred(self.at, received_at);
        let delivery = self.delivery;
        let delivery = delivery.map(|id| shortened(&id, bounds::SOURCE_ID_BYTES));
        sealed(source, delivery, occurred, actor, event)
    }
}

/// A change of a source that says nothing yet but its name and kind.
pub(crate) fn change(source: &SourceName, source_id: impl Into<String>, kind: &str) -> Change {
    let reference = SourceRef {
        source: source.clone(),
        source_id: source_id.into(),
    };
    Change {
        kind: Some(kind.to_owned()),
        ..Change::new(&reference)
    }
}

/// The same, done at one moment.
pub(crate) fn done(change: Change, at: Option<Timestamp>) -> Change {
    Change {
        status: Some(ChangeStatus::Succeeded),
        started_at: at,
        finished_at: at,
        ..change
    }
}

/// Somebody by name.
pub(crate) fn actor(kind: ActorKind, name: Option<&str>) -> Actor {
    Actor {
        kind,
        name: name.map(|name| shortened(name, bounds::LINE_BYTES)),
    }
}

/// The source that the configuration gives a sender, else the form's own.
pub(crate) fn source_of(delivery: &Delivery, own: &str) -> SourceName {
    let named = delivery.sender.source.clone();
    named.unwrap_or_else(|| SourceName::new(own))
}

/// A body or a part of one that nobody understood.
pub(crate) fn unknown(
    delivery: &Delivery,
    format: &'static str,
    body: &[u8],
    reason: impl Into<String>,
) -> Part {
    Part::Unknown(Box::new(NotUnderstood {
        source: source_of(delivery, format),
        occurred: Occurred::Received(delivery.received_at),
        format,
        body: body.to_vec(),
        headers: Vec::new(),
        reason: reason.into(),
    }))
}

/// A value as people are shown it: small ones as they are, others as a shortened text.
pub(crate) fn shown(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) => Some(value.clone()),
        Value::String(text) => Some(shortened(text, VALUE_BYTES).into()),
        other => {
            let text = other.to_string();
            match text.len() <= VALUE_BYTES {
                true => Some(other.clone()),
                false => Some(shortened(&text, VALUE_BYTES).into()),
            }
        }
    }
}

/// What differs between two values, each difference at its path. Entries of a list that have
/// names are compared by name: another order is no difference.
pub(crate) fn differences(path: &str, before: &Value, after: &Value) -> Vec<ValueChange> {
    let mut found = Vec::new();
    compare(path, before, after, 0, &mut found);
    found
}

/// Every plain value within a value, at its path: what a request asked for, without what was before.
pub(crate) fn leaves(path: &str, value: &Value) -> Vec<ValueChange> {
    let mut found = Vec::new();
    collect(path, value, 0, &mut found);
    found
}

fn collect(path: &str, value: &Value, depth: usize, found: &mut Vec<ValueChange>) {
    match value {
        Value::Object(fields) if depth < DEPTH_MAX => {
            for (name, value) in fields {
                let path = match path.is_empty() {
                    true => name.clone(),
                    false => format!("{path}.{name}"),
                };
                collect(&path, value, depth + 1, found);
            }
        }
        Value::Array(entries) if depth < DEPTH_MAX => {
            for (index, entry) in entries.iter().enumerate() {
                let name = ENTRY_NAMES.iter().find_map(|by| entry_name(entry, by));
                let name = name.map_or_else(|| index.to_string(), str::to_owned);
                collect(&format!("{path}[{name}]"), entry, depth + 1, found);
            }
        }
        Value::Null => {}
        plain => found.push(value_change(path, &Value::Null, plain)),
    }
}

fn compare(path: &str, before: &Value, after: &Value, depth: usize, found: &mut Vec<ValueChange>) {
    if before == after {
        return;
    }
    let inner = |name: &str| match path.is_empty() {
        true => name.to_owned(),
        false => format!("{path}.{name}"),
    };
    if DEPTH_MAX <= depth {
        return found.push(value_change(path, before, after));
    }
    match (before, after) {
        (Value::Object(earlier), Value::Object(later)) => {
            let gone = earlier.keys().filter(|name| !later.contains_key(*name));
            for name in later.keys().chain(gone) {
                let old = earlier.get(name).unwrap_or(&Value::Null);
                let new = later.get(name).unwrap_or(&Value::Null);
                compare(&inner(name), old, new, depth + 1, found);
            }
        }
        (Value::Array(earlier), Value::Array(later)) => {
            let by = ENTRY_NAMES
                .into_iter()
                .find(|by| are_named(earlier, by) && are_named(later, by));
            let Some(by) = by else {
                return found.push(value_change(path, before, after));
            };
            let of = |entries: &'_ [Value], name: &str| {
                let mut entries = entries.iter();
                let found = entries.find(|entry| entry_name(entry, by) == Some(name));
                found.cloned().unwrap_or_default()
            };
            let names = |entries: &[Value]| -> Vec<String> {
                let names = entries.iter().filter_map(|entry| entry_name(entry, by));
                names.map(str::to_owned).collect()
            };
            let gone = names(earlier);
            let stays = names(later);
            let gone = gone.iter().filter(|name| !stays.contains(name));
            for name in stays.iter().chain(gone) {
                let (old, new) = (of(earlier, name), of(later, name));
                compare(&format!("{path}[{name}]"), &old, &new, depth + 1, found);
            }
        }
        _ => found.push(value_change(path, before, after)),
    }
}

fn value_change(path: &str, before: &Value, after: &Value) -> ValueChange {
    ValueChange {
        field: shortened(path, bounds::LINE_BYTES),
        before: shown(before),
        after: shown(after),
    }
}

fn entry_name<'v>(entry: &'v Value, by: &str) -> Option<&'v str> {
    entry.get(by)?.as_str()
}

/// Whether every entry has a name of its own.
fn are_named(entries: &[Value], by: &str) -> bool {
    let mut names: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry_name(entry, by))
        .collect();
    let all = names.len() == entries.len();
    names.sort_unstable();
    names.dedup();
    all && names.len() == entries.len()
}

#[cfg(test)]
pub(crate) mod testing {
    //! What the tests of senders share: a delivery out of texts, and parts as lines.

    use std::fmt::Write as _;
    use std::sync::Arc;

    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::Value;

    use super::{Delivery, Part};
    use crate::Sender;
    use crate::intake::{Address, MediaType};
    use crate::proof::Claimed;

    pub(crate) fn delivery(form: &str, headers: &[(&'static str, &str)], body: &str) -> Delivery {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            map.insert(HeaderName::from_static(name), value);
        }
        Delivery {
            headers: map,
            media: MediaType::parse("application/json"),
            body: body.as_bytes().to_vec(),
            received_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            sender: Arc::new(Sender {
                environment: Some("prod".to_owned()),
                ..Sender::unnamed(form)
            }),
        }
    }

    pub(crate) fn parts(address: &Address, body: &str) -> Vec<Part> {
        (address.decode)(&delivery(address.form, &[], body)).unwrap()
    }

    /// Holds what was told against the file beside the test data.
    pub(crate) fn golden(folder: &str, name: &str, told: &str) {
        insta::with_settings!({
            snapshot_path => format!("../testdata/{folder}"),
            prepend_module_to_snapshot => false,
        }, { insta::assert_snapshot!(name, told) });
    }

    /// Whether a delivery with this header is proved by a secret.
    pub(crate) fn proved(
        address: &Address,
        header: Option<(&'static str, &str)>,
        body: &str,
    ) -> bool {
        let headers: Vec<(&'static str, &str)> = header.into_iter().collect();
        let delivery = delivery(address.form, &headers, body);
        let claimed = Claimed {
            headers: &delivery.headers,
            body: &delivery.body,
            received_at: delivery.received_at,
        };
        let secret = crate::Secret::new(*b"planted").unwrap();
        address.proof.check(&claimed, &[secret]).is_ok()
    }

    /// Every part, an event with a line a field.
    pub(crate) fn told(address: &Address, body: &str) -> String {
        shown(parts(address, body))
    }

    pub(crate) fn shown(parts: Vec<Part>) -> String {
        let mut told = String::new();
        for part in parts {
            match part {
                Part::Events(events) => events.into_iter().for_each(|mut event| {
                    // As the log will hold it.
                    crate::scrub::scrub(&mut event.event);
                    let mut payload = Vec::new();
                    event.event.encode_payload(&mut payload);
                    let payload: Value = serde_json::from_slice(&payload).unwrap();
                    let (tag, at) = (event.event.tag().0, event.occurred.at());
                    writeln!(told, "{tag} at {at} by {:?}", event.actor.kind).unwrap();
                    for (name, value) in payload.as_object().unwrap() {
                        writeln!(told, "  {name}: {value}").unwrap();
                    }
                }),
                Part::Unknown(unknown) => writeln!(told, "kept aside: {}", unknown.reason).unwrap(),
                Part::Rejected(problems) => writeln!(told, "rejected {:?}", problems.told).unwrap(),
                Part::Ignored(reason) => writeln!(told, "ignored: {reason}").unwrap(),
                Part::Notice(notice) => writeln!(told, "notice: {notice}").unwrap(),
                Part::Asked(answer) => writeln!(told, "answered {answer}").unwrap(),
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> String {
        let found = differences("", before, after).into_iter();
        let lines = found.map(|it| {
            let side = |side: Option<Value>| side.map_or("-".to_owned(), |it| it.to_string());
            format!("{} {} -> {}", it.field, side(it.before), side(it.after))
        });
        lines.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn entries_with_names_are_compared_by_name_and_others_as_one() {
        let before = json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["x"]});
        let after = json!({"env": [{"name": "B", "value": "3"}, {"name": "A", "value": "1"}], "args": ["x", "y"]});
        assert_eq!(
            told(&before, &after),
            r#"args ["x"] -> ["x","y"]; env[B].value "2" -> "3""#
        );
        assert_eq!(told(&before, &before), "");
    }

    #[test]
    fn what_came_and_went_has_one_side() {
        assert_eq!(
            told(&json!({"a": 1}), &json!({"b": 2})),
            "b - -> 2; a 1 -> -"
        );
    }
}
