use std::fmt::Write as _;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::decoded::Part;
use crate::mutate::{any_json, put};
use crate::split::Wrapping;

const ACCEPTED: &str = include_str!("../../testdata/events/accepted.jsonl");
const REJECTED: &str = include_str!("../../testdata/events/rejected.jsonl");

fn decoded(body: &[u8], wrapping: Wrapping) -> Vec<Part> {
    let received_at = "2026-11-20T12:00:00Z".parse().unwrap();
    decode(body, wrapping, received_at).unwrap_or_default()
}

/// Every problem of one event, or none.
fn problems(event: &str) -> Vec<(String, String)> {
    match decoded(event.as_bytes(), Wrapping::Lines).pop() {
        Some(Part::Events(_)) => Vec::new(),
        Some(Part::Rejected(problems)) => problems.told,
        other => panic!("{other:?}"),
    }
}

fn schema() -> Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

#[test]
fn every_accepted_example_keeps_the_published_schema() {
    let schema = schema();
    for event in ACCEPTED.lines() {
        assert_eq!(problems(event), [], "{event}");
        let value = serde_json::from_str(event).unwrap();
        let broken: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(broken.is_empty(), "{event}\n{broken:?}");
    }
}

#[test]
fn every_rejected_example_breaks_the_published_schema_and_is_told_why() {
    let schema = schema();
    let mut told = String::new();
    for event in REJECTED.lines() {
        writeln!(told, "{event}").unwrap();
        let problems = problems(event);
        assert!(!problems.is_empty(), "{event}");
        for (field, reason) in problems {
            writeln!(told, "    {field}: {reason}").unwrap();
        }
        let value = serde_json::from_str(event).unwrap();
        assert!(!schema.is_valid(&value), "the schema takes {event}");
    }
    insta::with_settings!({
        snapshot_path => "../../testdata/events",
        prepend_module_to_snapshot => false,
    }, { insta::assert_snapshot!("rejected", told) });
}

#[test]
fn the_examples_use_every_type_and_every_field_of_the_schema() {
    let used = format!("{ACCEPTED}{REJECTED}");
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut unused = Vec::new();
    for definition in schema["$defs"].as_object().unwrap().values() {
        let fields = definition["properties"].as_object().into_iter().flatten();
        let unseen = fields.filter(|(field, _)| !used.contains(&format!("\"{field}\":")));
        unused.extend(unseen.map(|(field, _)| field.clone()));
    }
    assert_eq!(unused, Vec::<String>::new());
}

/// What the schema cannot say.
#[test]
fn an_end_lies_after_its_beginning_and_nothing_is_stated_and_taken_back_at_once() {
    let (early, late) = ("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z");
    let mut told = String::new();
    for (tag, data) in [
        (
            "item.observed",
            json!({"key": "service:a", "validFrom": late, "validUntil": early}),
        ),
        (
            "change.recorded",
            json!({"startedAt": late, "finishedAt": early}),
        ),
        (
            "change.recorded",
            json!({"plannedStartAt": late, "plannedFinishAt": early}),
        ),
        (
            "change.recorded",
            json!({"shields": [{"metric": "m", "from": late, "until": early}]}),
        ),
        (
            "incident.opened",
            json!({"startedAt": late, "resolvedAt": early}),
        ),
        (
            "item.deviated",
            json!({"key": "service:a", "deviation": {"metric": "m", "baseline": 0, "value": 1, "window": {"from": early, "until": early}}}),
        ),
        (
            "item.observed",
            json!({"key": "service:a", "owner": "shop", "takenBack": {"owner": true}}),
        ),
    ] {
        let event = json!({"id": "1", "source": "s", "type": tag, "data": data}).to_string();
        writeln!(told, "{:?}", problems(&event)).unwrap();
    }
    insta::assert_snapshot!(told, @r#"
    [("data.validUntil", "lies before validFrom")]
    [("data.finishedAt", "lies before startedAt")]
    [("data.plannedFinishAt", "lies before plannedStartAt")]
    [("data.shields[0].until", "lies before from")]
    [("data.resolvedAt", "lies before startedAt")]
    [("data.deviation.window", "ends no later than it begins")]
    [("data.owner", "is stated and taken back at once")]
    "#);
}

#[test]
fn what_is_beyond_a_bound_is_refused_by_name() {
    let many = |count: usize, entry: Value| Value::Array(vec![entry; count]);
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let attributes: serde_json::Map<String, Value> =
        (0..257).map(|n| (n.to_string(), json!(n))).collect();
    let mut told = String::new();
    for (tag, data) in [
        ("change.recorded", json!({"title": "é".repeat(513)})),
        (
            "change.recorded",
            json!({"description": "x".repeat(64 * 1024 + 1)}),
        ),
        (
            "change.recorded",
            json!({"targets": many(10_001, json!("service:a"))}),
        ),
        (
            "change.recorded",
            json!({"batches": many(1_001, json!({"index": 0}))}),
        ),
        (
            "change.recorded",
            json!({"artifacts": many(257, json!({"name": "a"}))}),
        ),
        (
            "change.recorded",
            json!({"values": [{"field": "a", "after": "x".repeat(4096)}]}),
        ),
        ("change.recorded", json!({"kind": "x".repeat(129)})),
        ("item.observed", json!({"key": "x".repeat(1025)})),
        (
            "item.observed",
            json!({"key": "service:a", "attributes": attributes}),
        ),
        (
            "item.observed",
            json!({"key": "service:a", "attributes": {"deep": deep}}),
        ),
        (
            "item.observed",
            json!({"key": "service:a", "attributes": {"a": "x".repeat(4096)}}),
        ),
        (
            "cause.judged",
            json!({"incident": {"source": "x".repeat(257), "sourceId": "1"}}),
        ),
    ] {
        let event = json!({"id": "1", "source": "s", "type": tag, "data": data}).to_string();
        writeln!(told, "{:?}", problems(&event).first().unwrap()).unwrap();
    }
    insta::assert_snapshot!(told, @r#"
    ("data.title", "has 1026 bytes, at most 1024 are taken")
    ("data.description", "has 65537 bytes, at most 65536 are taken")
    ("data.targets", "has 10001 entries, at most 10000 are taken")
    ("data.batches", "has 1001 entries, at most 1000 are taken")
    ("data.artifacts", "has 257 entries, at most 256 are taken")
    ("data.values[0].after", "has 4098 bytes, at most 4096 are taken")
    ("data.kind", "has 129 bytes, at most 128 are taken")
    ("data.key", "has 1025 bytes, at most 1024 are taken")
    ("data.attributes", "has 257 entries, at most 256 are taken")
    ("", "nests deeper than 32")
    ("data.attributes.a", "has 4098 bytes, at most 4096 are taken")
    ("data.incident.source", "has 257 bytes, at most 256 are taken")
    "#);
}

#[test]
fn more_events_than_one_request_may_hold_are_refused() {
    let received_at = "2026-11-20T12:00:00Z".parse().unwrap();
    let body = "{}\n".repeat(10_001);
    let refused = decode(body.as_bytes(), Wrapping::Lines, received_at).unwrap_err();
    assert_eq!(
        refused.reason,
        "the request has 10001 events, at most 10000 are taken"
    );
    assert_eq!(
        decoded("{}\n".repeat(10_000).as_bytes(), Wrapping::Lines).len(),
        10_000
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_fall_over(body in prop::collection::vec(any::<u8>(), 0..400)) {
        decoded(&body, Wrapping::Json);
        decoded(&body, Wrapping::Lines);
    }

    #[test]
    fn a_cut_or_flipped_event_does_not_make_it_fall_over(
        line in 0..19_usize,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let event = ACCEPTED.lines().nth(line).unwrap();
        let mut flipped = event.as_bytes().to_vec();
        let at = at.index(flipped.len());
        decoded(&flipped[..at], Wrapping::Json);
        flipped[at] = byte;
        decoded(&flipped, Wrapping::Json);
    }

    #[test]
    fn what_is_accepted_keeps_the_published_schema(
        line in 0..19_usize,
        steps in prop::collection::vec(any::<u8>(), 1..5),
        value in any_json(),
    ) {
        thread_local! {
            static PUBLISHED: Validator = schema();
        }
        let mut event: Value = serde_json::from_str(ACCEPTED.lines().nth(line).unwrap()).unwrap();
        put(&mut event, &steps, value);
        if problems(&event.to_string()).is_empty() {
            let valid = PUBLISHED.with(|schema| schema.is_valid(&event));
            prop_assert!(valid, "{event}");
        }
    }
}
