use serde_json::Value;

use super::*;
use crate::webhook::shown::{
    bears_anything, delivery, golden, hex_hmac, in_environment, proved, shown,
};

const EVENTS: &str = include_str!("../../testdata/flux/events.from-specification.json");

fn events() -> Vec<String> {
    let events: Vec<Value> = serde_json::from_str(EVENTS).unwrap();
    events.iter().map(Value::to_string).collect()
}

fn told(body: &str) -> String {
    let delivery = delivery("flux", &[], body);
    shown(ADDRESS.decode, &in_environment(delivery, "staging"))
}

#[test]
fn what_is_applied_is_one_change_a_revision() {
    let all: Vec<String> = events().iter().map(|event| told(event)).collect();
    golden("flux", "events", &all.join("==\n"));
}

#[test]
fn an_event_without_a_revision_is_kept() {
    let without = events().remove(1).replace("\"revision\"", "\"other\"");
    assert_eq!(
        told(&without),
        "kept aside: metadata.revision is required\n"
    );
    assert_eq!(told("[]"), "kept aside: involvedObject.kind is required\n");
}

#[test]
fn a_signature_or_a_token_proves_a_body() {
    let with =
        |headers: &[(&str, &str)]| proved(&ADDRESS, "s3cret", &delivery("flux", headers, EVENTS));
    let signature = format!("sha256={}", hex_hmac("s3cret", EVENTS));
    assert_eq!(with(&[("x-signature", &signature)]), "proved");
    assert_eq!(with(&[("authorization", "Bearer s3cret")]), "proved");
    let other = format!("sha256={}", hex_hmac("other", EVENTS));
    assert_eq!(
        with(&[("x-signature", &other)]),
        "the proof in the header x-signature does not fit the body"
    );
    assert_ne!(with(&[]), "proved");
}

#[test]
fn nothing_makes_it_fall_over() {
    let bodies = events();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    bears_anything(ADDRESS.decode, &[], &bodies);
}
