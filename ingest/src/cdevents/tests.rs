use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::*;

fn samples(version: &str) -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/cdevents")
        .join(version);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    paths.sort();
    let read = paths.into_iter().map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let body = std::fs::read_to_string(path).unwrap();
        (name, serde_json::from_str(&body).unwrap())
    });
    read.collect()
}

/// What an event becomes: a line a fact, or why it is kept aside.
fn meaning(event: Value) -> String {
    let received_at = "2026-11-20T12:00:00Z".parse().unwrap();
    let mut told = String::new();
    match decode_bare(event, received_at) {
        Part::Events(events) => {
            for event in events {
                let mut payload = Vec::new();
                event.event.encode_payload(&mut payload);
                let payload = String::from_utf8(payload).unwrap();
                let (tag, at) = (event.event.tag().0, event.occurred.at());
                writeln!(told, "  {tag} {} at {at}\n    {payload}", event.id).unwrap();
            }
        }
        Part::Unknown(unknown) => writeln!(told, "  kept aside: {}", unknown.reason).unwrap(),
        other => panic!("{other:?}"),
    }
    told
}

fn golden(version: &str, name: &str) {
    let samples = samples(version);
    assert_eq!(samples.len(), 45);
    let mut told = String::new();
    for (name, event) in samples {
        write!(told, "{name}\n{}", meaning(event)).unwrap();
    }
    insta::with_settings!({
        snapshot_path => "../../testdata/cdevents",
        prepend_module_to_snapshot => false,
    }, { insta::assert_snapshot!(name, told) });
}

#[test]
fn every_event_of_0_4_1_has_a_meaning_or_a_reason() {
    golden("v0.4.1", "v0_4_1");
}

#[test]
fn every_event_of_0_5_1_has_a_meaning_or_a_reason() {
    golden("v0.5.1", "v0_5_1");
}

#[test]
fn the_table_names_each_type_once_and_none_that_does_not_exist() {
    let known: BTreeSet<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(known.len(), TABLE.len());
    let published: BTreeSet<String> = samples("v0.5.1")
        .iter()
        .map(|(_, event)| event["context"]["type"].as_str().unwrap().to_owned())
        .map(|tag| tag.split('.').skip(2).take(2).collect::<Vec<_>>().join("."))
        .collect();
    let unpublished: Vec<&&str> = known
        .iter()
        .filter(|name| !published.contains(**name))
        .collect();
    assert_eq!(unpublished, [&"taskrun.queued"]);
    assert!(published.iter().all(|name| known.contains(name.as_str())));
}

fn event(tag: &str, subject: &str) -> Value {
    let context =
        r#"{"specversion":"0.5.1","id":"e1","source":"/ci","timestamp":"2026-01-01T00:00:00Z"}"#;
    let mut event: Value =
        serde_json::from_str(&format!(r#"{{"context":{context},"subject":{subject}}}"#)).unwrap();
    event["context"]["type"] = format!("dev.cdevents.{tag}").into();
    event
}

#[test]
fn a_ticket_of_an_incident_is_an_incident() {
    let subject = r#"{"id":"t1","content":{"ticketType":"incident","summary":"checkout fails","priority":"high","creator":"ann","uri":"https://example.org/t1"}}"#;
    insta::assert_snapshot!(meaning(event("ticket.created.0.2.0", subject)), @r#"
    incident.opened /ci/e1 dev.cdevents.ticket.created.0.2.0 at 2026-01-01T00:00:00Z
      {"source":"/ci","sourceId":"t1","title":"checkout fails","status":"open","severity":"high","startedAt":"2026-01-01T00:00:00Z","link":"https://example.org/t1"}
    "#);
    insta::assert_snapshot!(meaning(event("ticket.closed.0.2.0", subject)), @r#"
    incident.updated /ci/e1 dev.cdevents.ticket.closed.0.2.0 at 2026-01-01T00:00:00Z
      {"source":"/ci","sourceId":"t1","title":"checkout fails","status":"resolved","severity":"high","resolvedAt":"2026-01-01T00:00:00Z","link":"https://example.org/t1"}
    "#);
}

#[test]
fn what_does_not_keep_its_form_is_kept_aside_with_the_reason() {
    let mut told = String::new();
    for (tag, subject) in [
        ("service.deployed.0.3.0", r#"{"content":{}}"#),
        (
            "service.deployed.0.3.0",
            r#"{"id":"a","content":{"environment":"prod"}}"#,
        ),
        ("service.deployed.0.3.0", r#"{"id":7,"content":[]}"#),
        ("service.deployed.0.3.0", "null"),
        ("service.exploded.0.3.0", r#"{"id":"a"}"#),
        ("service", r#"{"id":"a"}"#),
    ] {
        told.push_str(&meaning(event(tag, subject)));
    }
    let mut nameless = event("service.deployed.0.3.0", r#"{"id":"a"}"#);
    nameless["context"]["id"] = Value::Null;
    told.push_str(&meaning(nameless));
    insta::assert_snapshot!(told, @r#"
    kept aside: subject.id is required
    kept aside: subject.content.environment expected an object, found a text
    kept aside: subject.id expected a text, found a number; subject.content expected an object
    kept aside: subject is required
    kept aside: the type dev.cdevents.service.exploded.0.3.0 has no meaning here
    kept aside: the type dev.cdevents.service has no meaning here
    kept aside: context.id is required
    "#);
}
