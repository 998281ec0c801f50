//! Every event that was ever stored can be read: one file for each name and version.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use model::Event;
use serde_json::Value;

fn golden(name: &str, version: u16) -> Value {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../migrations/golden");
    let path = folder.join(format!("{name}.v{version}.json"));
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn decoded(name: &str, version: u16, newest: u16) -> Event {
    let payload = migrations::upcast(name, version, newest, golden(name, version)).unwrap();
    Event::decode_payload(name, payload.to_string().as_bytes()).unwrap()
}

#[test]
fn every_version_ever_written_is_read() {
    for (name, newest) in Event::TAGS {
        for version in 1..=newest {
            assert_eq!(decoded(name, version, newest).tag(), (name, newest));
        }
    }
}

#[test]
fn the_newest_version_is_written_as_it_was_read() {
    for (name, newest) in Event::TAGS {
        let mut written = Vec::new();
        decoded(name, newest, newest).encode_payload(&mut written);
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written, golden(name, newest), "{name}");
    }
}

#[test]
fn every_field_of_every_payload_is_in_a_golden_file() {
    let mut written = BTreeSet::new();
    for (name, newest) in Event::TAGS {
        collect_keys(&golden(name, newest), &mut written);
    }
    let payloads = [
        include_str!("../../model/src/calls.rs"),
        include_str!("../../model/src/change.rs"),
        include_str!("../../model/src/change/checks.rs"),
        include_str!("../../model/src/change/exemption.rs"),
        include_str!("../../model/src/change/rollout.rs"),
        include_str!("../../model/src/deviation.rs"),
        include_str!("../../model/src/gap.rs"),
        include_str!("../../model/src/incident.rs"),
        include_str!("../../model/src/item.rs"),
        include_str!("../../model/src/judgement.rs"),
        include_str!("../../model/src/level.rs"),
        include_str!("../../model/src/person.rs"),
        include_str!("../../model/src/relation.rs"),
        include_str!("../../model/src/scene.rs"),
    ];
    let fields = payloads
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(field);
    let missing: Vec<String> = fields.filter(|field| !written.contains(field)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

/// The stored name of the field a line of a payload's definition declares.
fn field(line: &str) -> Option<String> {
    let (name, _) = line.strip_prefix("    pub ")?.split_once(": ")?;
    let mut words = name.split('_');
    let mut stored = words.next()?.to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        stored.push_str(&first.to_uppercase());
        stored.push_str(rest);
    }
    stored
        .chars()
        .all(|character| character.is_ascii_alphanumeric())
        .then_some(stored)
}

fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                keys.insert(key.clone());
                collect_keys(inner, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Where a value differs from another one of the same form.
fn differing(before: &Value, after: &Value, at: &str, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (field, value) in before {
                let other = after.get(field).unwrap_or(&Value::Null);
                differing(value, other, &format!("{at}/{field}"), found);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (value, other) in before.iter().zip(after) {
                differing(value, other, &format!("{at}/*"), found);
            }
        }
        _ if before == after => {}
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn people_are_named_in_these_fields_of_payloads_and_in_no_others() {
    let mut found = Vec::new();
    for (name, newest) in Event::TAGS {
        let mut event = decoded(name, newest, newest);
        event.each_person(&mut |person| *person = "somebody else".to_owned());
        let mut written = Vec::new();
        event.encode_payload(&mut written);
        let written: Value = serde_json::from_slice(&written).unwrap();
        differing(&golden(name, newest), &written, name, &mut found);
    }
    found.sort();
    found.dedup();
    assert_eq!(
        found,
        [
            "change.recorded/applicant",
            "change.recorded/approver",
            "change.recorded/exemption/approver",
            "change.recorded/implementer",
            "change.recorded/operator/name",
            "exemption.granted/approver",
            "subscription.declared/match/filter/operators/*",
            "token.created/createdByName",
            "token.revoked/revokedByName",
        ]
    );
}
